"""``evaluate`` and ``doctor`` from the command line, on a set made here."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kinequimation import skeleton
from kinequimation.cli.main import main
from kinequimation.dataset.coco import read_coco, read_coco_set
from kinequimation.dataset.predictions import FoundHorses, match_horses, read_predictions
from kinequimation.errors import InputError
from kinequimation.io.keypoints import HorseKeypoints, KeypointClip, write_keypoints_json
from kinequimation.viz.charts import Canvas

WEIGHTS = Path(str(files("kinequimation.weights")))
needs_networks = pytest.mark.skipif(
    not all((WEIGHTS / f"{name}.onnx").is_file() for name in ("pose2d", "detect")),
    reason="the networks' weights are not all in this checkout",
)


@pytest.fixture
def labelled_set(tmp_path: Path) -> Path:
    """Two images of noise, three labelled "horses"."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "set"
    folder.mkdir()
    names = list(skeleton.LANDMARKS)
    for i in (1, 2):
        Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8)).save(folder / f"{i}.png")

    def annotation(image_id: int, bbox: list[float]) -> dict[str, object]:
        points = np.array(bbox[:2]) + rng.uniform(size=(len(names), 2)) * bbox[2:]
        keypoints = np.concatenate([points, rng.integers(0, 3, (len(names), 1))], 1).ravel().tolist()
        return {"image_id": image_id, "category_id": 1, "bbox": bbox, "keypoints": keypoints, "facing": "L"}

    record = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 120, "height": 90, "source": f"s{i}"} for i in (1, 2)],
        "annotations": [
            annotation(1, [0, 0, 60, 60]),
            annotation(2, [0, 0, 50, 50]),
            annotation(2, [60, 30, 50, 50]),
        ],
        "categories": [{"id": 1, "name": "horse", "keypoints": names}],
    }
    (folder / "annotations.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@needs_networks
def test_evaluate_prints_the_baseline_beside_the_network_and_writes_what_was_asked_for(
    labelled_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, worst = tmp_path / "scores.json", tmp_path / "worst.png"
    arguments = ["evaluate", "--set", str(labelled_set), "--device", "cpu"]
    assert main([*arguments, "--json", str(scores), "--worst", str(worst)]) == 0
    printed = capsys.readouterr().out
    assert printed.index("no network") < printed.index("given boxes") < printed.index("detected boxes")
    record = json.loads(scores.read_text(encoding="utf-8"))
    n_seen = sum((h.visibility == 2).sum() for i in read_coco(labelled_set / "annotations.json") for h in i.horses)
    assert {s["seen"]["count"] for s in record["scores"].values()} == {n_seen}
    assert record["horses"] == 3 and len(record["horse_pck@0.1"]) == 3
    with Image.open(worst) as sheet:
        assert sheet.width > 3 * 320


@needs_networks
def test_an_image_that_is_missing_or_of_another_size_is_named(
    labelled_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--set", str(labelled_set), "--boxes", "given"]
    Image.new("RGB", (10, 10)).save(labelled_set / "2.png")
    assert main(arguments) == 2
    assert "2.png: expected 120×90" in capsys.readouterr().err
    (labelled_set / "1.png").unlink()
    assert main(arguments) == 2
    assert "1.png: named in the label file, but not there" in capsys.readouterr().err


def found(*boxes: list[float]) -> FoundHorses:
    """Return predictions whose every point lies in the middle of its box."""
    middle = [np.full((skeleton.NUM_KEYPOINTS, 2), [x + w / 2, y + h / 2]) for x, y, w, h in boxes]
    sure = np.full((len(boxes), skeleton.NUM_KEYPOINTS), 0.5)
    return FoundHorses(np.array(middle).reshape(-1, skeleton.NUM_KEYPOINTS, 2), sure, np.array(boxes), sure[:, 0])


def test_each_horse_gets_the_prediction_that_overlaps_it_most_and_a_missed_one_none(labelled_set: Path) -> None:
    images = read_coco(labelled_set / "annotations.json")
    small, large = [5.0, 5.0, 45.0, 45.0], [0.0, 0.0, 55.0, 55.0]
    matched = match_horses(images, [found(small, large), found(large, small)])
    np.testing.assert_array_equal(matched.found, [True, True, False])
    np.testing.assert_allclose(matched.iou[:2], [55**2 / 60**2, 50**2 / 55**2])
    np.testing.assert_allclose(matched.uv_px[:2, 0], [[27.5, 27.5], [27.5, 27.5]])
    assert np.isnan(matched.uv_px[2]).all() and np.isnan(matched.confidence[2]).all()
    assert matched.n_unmatched == 2


def results(labels: Path, **changes: float) -> list[dict[str, Any]]:
    """Return COCO results that repeat a file's labels, moved right by a share of each box (``shift``)."""
    record = json.loads(labels.read_text(encoding="utf-8"))
    made = []
    for annotation in record["annotations"]:
        points = np.array(annotation["keypoints"]).reshape(-1, 3)
        points[:, 0] += changes.get("shift", 0.0) * max(annotation["bbox"][2:])
        points[:, 2] = changes.get("score", 1.0)
        common = {k: annotation[k] for k in ("image_id", "category_id", "bbox")}
        made.append({**common, "keypoints": points.ravel().tolist(), "score": 0.9})
    return made


def test_predictions_of_a_file_are_scored_beside_others_and_drawn(
    labelled_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = labelled_set / "annotations.json"
    exact, shifted = tmp_path / "exact.json", tmp_path / "shifted.json"
    exact.write_text(json.dumps(results(labels)), encoding="utf-8")
    shifted.write_text(json.dumps(results(labels, shift=0.07, score=0.4)), encoding="utf-8")
    scores = tmp_path / "scores.json"
    arguments = ["--against", str(exact), "--per-keypoint", "--json", str(scores)]
    arguments += ["--worst", str(tmp_path / "w.png"), "--picture", str(tmp_path / "p.png")]
    assert main(["evaluate", "--set", str(labelled_set), "--predictions", str(shifted), *arguments]) == 0
    printed = capsys.readouterr().out
    assert "found 3 of 3 horses" in printed
    record = json.loads(scores.read_text(encoding="utf-8"))
    of = record["scores"]["predictions"]
    assert of["seen"]["pck@0.05"]["hits"] == 0 and of["seen"]["pck@0.1"]["hits"] == of["seen"]["count"] > 0
    assert record["differences"]["predictions"]["all seen PCK@0.05"] == {"value": -1.0, "low": -1.0, "high": -1.0}
    assert record["differences"]["predictions"]["all seen PCK@0.1"]["value"] == 0
    assert record["differences"]["predictions"]["OKS-AP"]["value"] < -0.3
    assert of["reliability"]["expected_calibration_error"] == pytest.approx(0.4)  # given 0.4, none is right
    assert len(of["keypoints"]) > 20
    for name in ("w.png", "p.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 300 and len(picture.getcolors(1 << 22) or ()) > 50


def test_overlay_draws_the_worst_horses_the_keypoints_and_the_photos_and_lists_the_errors(
    labelled_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, path, out = labelled_set / "annotations.json", tmp_path / "results.json", tmp_path / "out"
    predicted = results(labels, shift=0.07)[:2]  # the third horse is missed
    path.write_text(json.dumps(predicted), encoding="utf-8")
    assert main(["overlay", "--set", str(labelled_set), "--predictions", str(path), "--out", str(out)]) == 0
    assert "2 photographs" in capsys.readouterr().out
    with (out / "errors.csv").open(encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    horses = [h for image in read_coco(labels) for h in image.horses]
    assert len(rows) == sum(int((h.visibility > 0).sum()) for h in horses)
    assert {r["error"] for r in rows if r["image"] == "1.png"} == {"0.0700"}
    assert all(r["predicted_x_px"] == "" for r in rows if (r["image"], r["horse"]) == ("2.png", "2"))
    for name in ("worst.png", "keypoint_errors.png", "photos/00001_1.png", "photos/00002_2.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 200 and len(picture.getcolors(1 << 20) or ()) > 50


def test_bars_thinner_than_a_pixel_are_lines_and_empty_ones_nothing() -> None:
    canvas = Canvas(4, 4)
    canvas.box(1, 1, 1, 3, "black")
    assert canvas.image().getextrema() == ((255, 255),) * 3
    canvas.box(0, 2, 4, 2.1, "black")
    assert [canvas.image().getpixel((1, y)) for y in (1, 3)] == [(255, 255, 255)] * 2
    assert canvas.image().getpixel((1, 2)) != (255, 255, 255)


def test_results_may_have_other_points_than_the_labels_and_what_is_not_predicted_is_left_out(
    labelled_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = labelled_set / "annotations.json"
    joints = [dict(r, keypoints=[1.0] * 3 * skeleton.NUM_JOINTS68) for r in results(labels)]
    path = tmp_path / "joints.json"
    path.write_text(json.dumps(joints), encoding="utf-8")
    assert main(["evaluate", "--set", str(labelled_set), "--predictions", str(path)]) == 2
    assert "found none in this set" in capsys.readouterr().err
    some = results(labels)
    for result in some:
        result["keypoints"][2::3] = [float("nan") if i < 5 else 1.0 for i in range(35)]
    path.write_text(json.dumps(some), encoding="utf-8")
    assert main(["evaluate", "--set", str(labelled_set), "--predictions", str(path)]) == 0
    assert "left out" in (printed := capsys.readouterr().out) and "nose" in printed.split("left out")[1]
    path.write_text(json.dumps([dict(r, image_id=77) for r in some]), encoding="utf-8")
    assert main(["evaluate", "--set", str(labelled_set), "--predictions", str(path)]) == 2
    assert "none whose image_id" in capsys.readouterr().err


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(["image_id", "category_id", "keypoints", "score", "bbox"]), value=_JSON, whole=st.booleans()
)
def test_any_results_are_read_or_refused(labelled_set: Path, field: str, value: Any, whole: bool) -> None:
    labelled = read_coco_set(labelled_set / "annotations.json")
    first, *others = results(labelled_set / "annotations.json")
    path = labelled_set.parent / "results.json"
    path.write_text(json.dumps(value if whole else [dict(first, **{field: value}), *others]), encoding="utf-8")
    try:
        found = read_predictions(path, labelled)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert len(found) == len(labelled.images)
        match_horses(labelled.images, found)


def test_a_set_of_which_nothing_is_seen_is_scored_and_drawn(labelled_set: Path, tmp_path: Path) -> None:
    labels = labelled_set / "annotations.json"
    record = json.loads(labels.read_text(encoding="utf-8"))
    for annotation in record["annotations"]:
        annotation["keypoints"][2::3] = [1] * (len(annotation["keypoints"]) // 3)
    labels.write_text(json.dumps(record), encoding="utf-8")
    path, picture = tmp_path / "results.json", tmp_path / "p.png"
    path.write_text(json.dumps(results(labels)), encoding="utf-8")
    source = ["--set", str(labelled_set), "--predictions", str(path)]
    assert main(["evaluate", *source, "--picture", str(picture)]) == 0 and picture.is_file()
    assert main(["overlay", *source, "--out", str(tmp_path / "out")]) == 0


def test_networks_that_are_not_there_and_options_that_do_not_go_together_are_refused(
    labelled_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, said in (
        (["--weights", str(tmp_path / "none.pth")], "found none; train one"),
        (["--config", str(tmp_path / "config.py")], "expected with a checkpoint"),
        (["--predictions", str(tmp_path), "--weights", "x.onnx"], "score one at a time"),
        (["--predictions", str(tmp_path)], "files named ...keypoints.json"),
    ):
        for command in ("evaluate", "overlay"):
            assert main([command, "--set", str(labelled_set), *options]) == 2
            assert said in capsys.readouterr().err


def test_our_own_files_of_predictions_are_matched_by_the_name_of_their_image(
    labelled_set: Path, tmp_path: Path
) -> None:
    labelled = read_coco_set(labelled_set / "annotations.json")
    folder = tmp_path / "predictions"
    for image in labelled.images:
        horses = tuple(
            HorseKeypoints(
                id=i,
                bbox_xywh=h.bbox_xywh,
                score=1.0,
                uv_px=h.uv_px,
                confidence=np.where(h.visibility > 0, 0.5, 0.0),
                xyz_cam=None,
                root_xyz_cam=None,
            )
            for i, h in enumerate(image.horses)
        )
        one_frame = np.zeros(1), np.zeros(1, int), (horses,)
        source = f"/elsewhere/{image.path.name}"
        clip = KeypointClip(source, 25.0, image.width, image.height, *one_frame)
        write_keypoints_json(folder / image.path.stem / "keypoints.json", clip)
    matched = match_horses(labelled.images, read_predictions(folder, labelled))
    labels = np.stack([h.uv_px for image in labelled.images for h in image.horses])
    np.testing.assert_allclose(matched.uv_px, labels, atol=0.005)


def test_doctor_names_every_part_and_how_to_get_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])
    findings = {f["name"]: f for f in json.loads(capsys.readouterr().out)}
    assert {"python", "numpy", "onnxruntime", "weights pose2d", "opengl", "blender", "video"} <= set(findings)
    assert all(f["remedy"] for f in findings.values() if f["status"] != "ok")
    assert code == int(any(f["status"] == "missing" for f in findings.values()))
