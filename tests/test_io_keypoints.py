"""The keypoint files: what is written reads back the same, and what is wrong gets one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.io.keypoints import (
    FORMAT,
    HorseKeypoints,
    KeypointClip,
    read_keypoints_json,
    write_keypoints_json,
)
from kinequimation.io.keypoints_csv import write_keypoints_csv

TOLERANCES = (
    *(("uv_px", 0.006), ("confidence", 6e-5), ("raw_uv_px", 0.006), ("raw_confidence", 6e-5)),
    *(("xyz_cam", 6e-6), ("root_xyz_cam", 6e-6)),
)


def make_clip() -> KeypointClip:
    rng = np.random.default_rng(11)
    n = skeleton.NUM_KEYPOINTS

    def points() -> tuple[np.ndarray, np.ndarray]:
        uv, confidence = rng.uniform(-50, 900, (n, 2)), rng.uniform(0, 1, n)
        uv[rng.permutation(n)[:20]] = np.nan
        confidence[np.isnan(uv[:, 0])] = 0.0
        return uv, confidence

    def horse(horse_id: int, lifted: bool) -> HorseKeypoints:
        uv, confidence = points()
        raw_uv, raw_confidence = points() if lifted else (None, None)
        return HorseKeypoints(
            id=horse_id,
            bbox_xywh=np.array([10.5, 20.25, 300, 200]),
            score=0.875,
            uv_px=uv,
            confidence=confidence,
            xyz_cam=rng.normal(0, 0.5, (n, 3)) if lifted else None,
            root_xyz_cam=np.array([0.1, -0.2, 4.0]) if lifted else None,
            raw_uv_px=raw_uv,
            raw_confidence=raw_confidence,
        )

    horses = ((horse(1, True),), (), (horse(1, False), horse(7, True)))
    return KeypointClip(
        "Pferd „Blitz“.mp4", 29.97, 1280, 720, np.array([0, 0.0334, 0.0701]), np.array([0, 1, 3]), horses
    )


def assert_same_clip(got: KeypointClip, want: KeypointClip) -> None:
    assert (got.source, got.fps, got.width, got.height) == (want.source, want.fps, want.width, want.height)
    np.testing.assert_allclose(got.t_s, want.t_s, atol=1e-6)
    np.testing.assert_array_equal(got.index, want.index)
    assert [[h.id for h in hs] for hs in got.horses] == [[h.id for h in hs] for hs in want.horses]
    pairs = [(a, b) for hs, ks in zip(got.horses, want.horses, strict=True) for a, b in zip(hs, ks, strict=True)]
    for a, b in pairs:
        for name, tolerance in TOLERANCES:
            if getattr(b, name) is None:
                assert getattr(a, name) is None
            else:
                np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=tolerance, equal_nan=True)


def test_keypoints_json_round_trip(tmp_path: Path) -> None:
    clip = make_clip()
    write_keypoints_json(tmp_path / "k.json", clip)
    text = (tmp_path / "k.json").read_text(encoding="utf-8")
    assert "NaN" not in text and json.loads(text)["format"] == FORMAT
    assert_same_clip(read_keypoints_json(tmp_path / "k.json"), clip)


def test_a_byte_order_mark_in_front_is_read_past(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    write_keypoints_json(path, make_clip())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert_same_clip(read_keypoints_json(path), make_clip())


def test_keypoints_json_takes_names_in_any_order_and_number(tmp_path: Path) -> None:
    clip = make_clip()
    write_keypoints_json(tmp_path / "k.json", clip)
    document = json.loads((tmp_path / "k.json").read_text(encoding="utf-8"))
    kept = np.random.default_rng(2).permutation(skeleton.NUM_KEYPOINTS)[:60]
    document["keypoints"] = [document["keypoints"][i] for i in kept]
    for horse in (h for frame in document["frames"] for h in frame["horses"]):
        for key in {"uv_px", "confidence", "xyz_cam", "raw_uv_px", "raw_confidence"} & set(horse):
            horse[key] = horse[key] and [horse[key][i] for i in kept]
    (tmp_path / "k.json").write_text(json.dumps(document), encoding="utf-8")
    read = read_keypoints_json(tmp_path / "k.json").horses[0][0]
    whole = clip.horses[0][0]
    np.testing.assert_allclose(read.uv_px[kept], whole.uv_px[kept], atol=0.006)
    missing = np.setdiff1d(np.arange(skeleton.NUM_KEYPOINTS), kept)
    assert np.isnan(read.uv_px[missing]).all() and not read.confidence[missing].any()
    assert read.confidence[kept].sum() == pytest.approx(whole.confidence[kept].sum(), abs=0.01)


def set_at(path: str, value: Any) -> Any:
    """Return an edit that sets one place of the document, given as ``frames.0.horses``."""

    def edit(document: dict[str, Any]) -> None:
        *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
        place: Any = document
        for step in steps:
            place = place[step]
        place[last] = value

    return edit


HORSE = "frames.0.horses.0."


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (set_at("format", "kinequimation-keypoints/9"), "format"),
        (set_at("format", ["x"] * 1000), "format"),
        (set_at("keypoints", skeleton.KEYPOINTS[:68]), "expected 68 points"),
        (set_at("keypoints", []), "keypoints"),
        (set_at("keypoints.3", "left_eye"), "left_eye"),
        (set_at("keypoints.3", skeleton.KEYPOINTS[4]), "different names"),
        (set_at("keypoints.3", {}), "keypoints"),
        (set_at("source", None), "source"),
        (set_at("fps", 0), "fps"),
        (set_at("fps", True), "fps"),
        (set_at("width", 1e300), "width"),
        (set_at("height", -4), "height"),
        (set_at("frames", []), "frames"),
        (set_at("frames", {"a": 1}), "frames"),
        (set_at("frames.1", 7), "frames[1]"),
        (set_at("frames.1.t_s", -1.0), "t_s"),
        (set_at("frames.1.index", 0), "index"),
        (set_at("frames.1.index", 1.5), "frames[1].index"),
        (set_at("frames.1.horses", None), "frames[1].horses"),
        (set_at("frames.2.horses.1.id", 1), "ids"),
        (set_at(HORSE + "id", "one"), "id"),
        (set_at(HORSE + "bbox_xywh", [1, 2, 3]), "bbox_xywh"),
        (set_at(HORSE + "bbox_xywh", [1, 2, 0, 5]), "bbox_xywh"),
        (set_at(HORSE + "bbox_xywh", [1, 2, None, 5]), "bbox_xywh"),
        (set_at(HORSE + "score", 1.5), "score"),
        (set_at(HORSE + "uv_px", [[1, 2]]), "103 points"),
        (set_at(HORSE + "uv_px.5", [1, 2, 3]), "uv_px[5]"),
        (set_at(HORSE + "uv_px.5", ["1", "2"]), "uv_px[5]"),
        (set_at(HORSE + "uv_px.5", [1e9, 2]), "uv_px"),
        (set_at(HORSE + "uv_px.5", [10**400, 2]), "uv_px[5]"),
        (set_at(HORSE + "uv_px.5", [float("nan"), 2]), "NaN"),
        (set_at(HORSE + "uv_px.5", [float("inf"), 2]), "Infinity"),
        (set_at(HORSE + "confidence", [0.5] * 102 + [1.01]), "confidence"),
        (set_at(HORSE + "confidence", "high"), "confidence"),
        (set_at(HORSE + "root_xyz_cam", None), "root_xyz_cam"),
        (set_at(HORSE + "xyz_cam", None), "xyz_cam"),
    ],
)
def test_hostile_keypoints_get_one_line(edit: Any, says: str, tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    write_keypoints_json(path, make_clip())
    document = json.loads(path.read_text(encoding="utf-8"))
    document["frames"][0]["horses"][0]["uv_px"][102] = [1, 2]
    edit(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_keypoints_json(path)
    message = str(caught.value)
    assert says in message and "k.json" in message and "\n" not in message and len(message) < 400


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe\x00", b"[" * 200_000, b'{"a":' * 100_000, b"[1, 2", b"9" * 100_000, b'"text"', b"null"],
    ids=["empty", "binary", "deep lists", "deep objects", "truncated", "huge number", "text", "null"],
)
def test_files_that_are_no_keypoints_get_one_line(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "k.json").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_keypoints_json(tmp_path / "k.json")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(InputError):
        read_keypoints_json(tmp_path / "none.json")


def test_keypoints_csv_is_the_same_flat(tmp_path: Path) -> None:
    clip = make_clip()
    write_keypoints_csv(tmp_path / "k.csv", clip)
    with (tmp_path / "k.csv").open(encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == 3 * skeleton.NUM_KEYPOINTS
    third = rows[2 * skeleton.NUM_KEYPOINTS :]
    horse = clip.horses[2][1]
    assert {(r["frame"], r["horse"]) for r in third} == {("3", "7")}
    assert [r["keypoint"] for r in third] == list(skeleton.KEYPOINTS)
    read = np.array(
        [[float(r[c] or "nan") for c in ("x_px", "y_px", "confidence", "X_wh", "root_Z_wh")] for r in third]
    )
    assert horse.xyz_cam is not None
    expected = np.column_stack([horse.uv_px, horse.confidence, horse.xyz_cam[:, 0], np.full(len(third), 4.0)])
    np.testing.assert_allclose(read, expected, atol=0.006, equal_nan=True)
    assert rows[skeleton.NUM_KEYPOINTS]["X_wh"] == "" == rows[skeleton.NUM_KEYPOINTS]["raw_x_px"]
    assert horse.raw_uv_px is not None
    raw = np.array([[float(r[c] or "nan") for c in ("raw_x_px", "raw_y_px")] for r in third])
    np.testing.assert_allclose(raw, horse.raw_uv_px, atol=0.006, equal_nan=True)
