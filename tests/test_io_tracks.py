"""Keypoints of other programs: they land in the right slots, frames and times, and what is wrong gets one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body, Shape
from kinequimation.errors import InputError
from kinequimation.io.keypoint_files import read_keypoint_file
from kinequimation.io.keypoint_names import plain_name, read_name_map, slots_of
from kinequimation.io.keypoints import KeypointClip
from kinequimation.io.motion_csv import write_angles_csv, write_positions_csv
from kinequimation.io.tracks import Tracks, to_clip
from kinequimation.motion import make_motion
from kinequimation.motion.angles import ANGLES, angles

SIZE = (1280, 720)
NAMES = {
    "Withers": "withers",
    "LeftFrontHoof": "fore_toe.L",
    "RF_hoof": "fore_toe.R",
    "hock.L": "hock.L",
    "right hind fetlock": "hind_fetlock.R",
    "front_left_knee": "carpus.L",
    "R_Eye": "eye.R",
    "DEF-spine.003": "DEF-spine.003",
}


def points(n: int, k: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random points [n, k, 2] and confidences, to 0.01 and 0.001; some are missing."""
    rng = np.random.default_rng(seed)
    uv = rng.uniform(0, 700, (n, k, 2)).round(2)
    sure = rng.uniform(0.1, 1, (n, k)).round(3)
    gone = rng.random((n, k)) < 0.15
    uv[gone], sure[gone] = np.nan, 0.0
    return uv, sure


def clip_from(path: Path, **options: Any) -> KeypointClip:
    found = read_keypoint_file(path)
    assert isinstance(found, Tracks)
    return to_clip(found, source="clip.mp4", fps=options.pop("fps", 50.0), size=found.size or SIZE, **options)


def write_rows(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as f:
        csv.writer(f).writerows([["" if isinstance(c, float) and np.isnan(c) else c for c in row] for row in rows])
    return path


def check(clip: KeypointClip, uv: np.ndarray, sure: np.ndarray, ours: list[str], horse: int = 1) -> None:
    """The clip's horse has these points in its slots, and nothing elsewhere."""
    slots = [skeleton.KEYPOINT_INDEX[name] for name in ours]
    rows = [next(h for h in horses if h.id == horse) for horses in clip.horses]
    np.testing.assert_allclose([h.uv_px[slots] for h in rows], uv, rtol=1e-5)
    np.testing.assert_allclose([h.confidence[slots] for h in rows], sure, atol=1e-6)
    others = np.setdiff1d(np.arange(skeleton.NUM_KEYPOINTS), slots)
    assert all(np.isnan(h.uv_px[others]).all() and not h.confidence[others].any() for h in rows)


def test_deeplabcut_of_one_animal(tmp_path: Path) -> None:
    uv, sure = points(4, len(NAMES) + 1)
    names = [*NAMES, "saddle_cloth"]
    table = [["scorer", *["DLC"] * (3 * len(names))], ["bodyparts", *(n for n in names for _ in range(3))]]
    table.append(["coords", *["x", "y", "likelihood"] * len(names)])
    table += [[i, *np.c_[uv[i], sure[i]].ravel().tolist()] for i in range(4)]
    clip = clip_from(write_rows(tmp_path / "clipDLC.csv", table))
    check(clip, uv[:, :-1], sure[:, :-1], list(NAMES.values()))
    np.testing.assert_allclose(clip.t_s, np.arange(4) / 50)
    assert (clip.width, clip.height) == SIZE and clip.index.tolist() == [0, 1, 2, 3]
    for horse in (h for horses in clip.horses for h in horses):
        x, y, w, h = horse.bbox_xywh
        there = horse.uv_px[horse.confidence > 0.05]
        assert np.all((there >= [x, y]) & (there <= [x + w, y + h]))


def test_deeplabcut_of_several_animals_and_of_labelled_frames(tmp_path: Path) -> None:
    names = list(NAMES)[:3]
    uv, sure = points(3, 6)
    sure[:], uv[1, 3:] = 1.0, np.nan  # the second horse is not in the second frame
    sure[np.isnan(uv[..., 0])] = 0.0
    head = [["scorer", *["me"] * 12], ["individuals", *["a"] * 6, *["b"] * 6]]
    head += [["bodyparts", *(n for n in names * 2 for _ in range(2))], ["coords", *["x", "y"] * 6]]
    labelled = [[f"labeled-data/c/img{n:03d}.png", *uv[i].ravel().tolist()] for i, n in enumerate((7, 12, 30))]
    clip = clip_from(write_rows(tmp_path / "CollectedData_me.csv", head + labelled))
    assert clip.index.tolist() == [7, 12, 30] and clip.t_s[1] == pytest.approx(12 / 50)
    assert [[h.id for h in horses] for horses in clip.horses] == [[1, 2], [1], [1, 2]]
    check(clip, uv[:, :3], sure[:, :3], list(NAMES.values())[:3])
    apart = [[row[0], "", "", *row[1:]] for row in head]
    apart += [["labeled-data", "c", f"img{n:03d}.png", *uv[i].ravel().tolist()] for i, n in enumerate((7, 12, 30))]
    same = clip_from(
        write_rows(tmp_path / "apart.csv", apart), index_of={"img007.png": 0, "img012.png": 1, "img030.png": 2}
    )
    assert same.index.tolist() == [0, 1, 2], "numbers are those of the images that are given"
    check(same, uv[:, :3], sure[:, :3], list(NAMES.values())[:3])


def test_sleap_analysis_with_tracks_and_frames_without_a_horse(tmp_path: Path) -> None:
    names = list(NAMES)[:4]
    uv, sure = points(3, 4)
    sure[:, 0], uv[:, 0] = 0.9, 100.0
    header = ["track", "frame_idx", "instance.score", *(f"{n}.{c}" for n in names for c in ("x", "y", "score"))]
    rows = [["t0", frame, 0.8, *np.c_[uv[i], sure[i]].ravel().tolist()] for i, frame in enumerate((5, 6, 8))]
    rows.append(["t1", 6, 0.7, *np.c_[uv[0], sure[0]].ravel().tolist()])
    clip = clip_from(write_rows(tmp_path / "labels.csv", [header, *rows]))
    assert clip.index.tolist() == [5, 6, 7, 8]
    assert [[h.id for h in horses] for horses in clip.horses] == [[1], [1, 2], [], [1]]


def coco(uv: np.ndarray, v: np.ndarray, names: list[str], **extra: Any) -> dict[str, Any]:
    keypoints = [np.c_[np.nan_to_num(p), c].ravel().tolist() for p, c in zip(uv, v, strict=True)]
    return {
        "images": [{"id": 70 + i, "file_name": f"f/{i}.png", "width": 640, "height": 480} for i in range(len(uv))],
        "annotations": [
            {"image_id": 70 + i, "category_id": 3, "bbox": [10, 20, 300, 200], "keypoints": k} | extra
            for i, k in enumerate(keypoints)
        ],
        "categories": [{"id": 3, "name": "horse", "keypoints": names}, {"id": 4, "name": "dog", "keypoints": ["tail"]}],
    }


@pytest.mark.parametrize("scheme", ["ours", "ap10k", "horse10"])
def test_coco_annotations_of_any_names(tmp_path: Path, scheme: str) -> None:
    ours = {
        "ours": {n: n for n in reversed(skeleton.KEYPOINTS)},
        "ap10k": skeleton.AP10K,
        "horse10": skeleton.horse10_names("R"),
    }[scheme]
    uv, sure = points(3, len(ours))
    v = np.where(sure == 0, 0, np.where(sure > 0.5, 2, 1))
    names = list(ours)
    if scheme == "horse10":  # the head right of the trunk: it shows its right side
        for name, x in (("Nose", 600.0), ("Eye", 590.0), ("Wither", 300.0), ("Hip", 200.0), ("Ischium", 150.0)):
            uv[:, names.index(name), 0] = x
            uv[:, names.index(name), 1], v[:, names.index(name)] = 50.0, 2
    (tmp_path / "a.json").write_text(json.dumps(coco(uv, v, names)))
    clip = clip_from(tmp_path / "a.json")
    assert (clip.width, clip.height) == (640, 480) and clip.index.tolist() == [0, 1, 2]
    uv[v == 0] = np.nan
    check(clip, uv, np.array([0.0, 0.5, 1.0])[v], list(ours.values()))
    np.testing.assert_array_equal(clip.horses[0][0].bbox_xywh, [10, 20, 300, 200])


def test_coco_results_follow_horses_by_their_boxes(tmp_path: Path) -> None:
    uv, sure = points(4, 68)
    results = []
    for i in range(4):
        for k, x in ((0, 10 + 20 * i), (1, 500 - 30 * i)):
            keypoints = np.c_[np.nan_to_num(uv[i]), sure[i] * (1 - 0.5 * k)].ravel().tolist()
            results.append(
                {"image_id": 2 * i, "category_id": 1, "keypoints": keypoints, "score": 0.5, "bbox": [x, 10, 200, 100]}
            )
    (tmp_path / "r.json").write_text(json.dumps(results[::-1]))
    clip = clip_from(tmp_path / "r.json")
    assert clip.index.tolist() == [0, 2, 4, 6]
    left = {horses[0].id if horses[0].bbox_xywh[0] < horses[1].bbox_xywh[0] else horses[1].id for horses in clip.horses}
    assert len(left) == 1, "the one that goes right stays one horse"
    check(clip, uv, sure, list(skeleton.HORSE68), left.pop())


def test_names_that_people_use() -> None:
    meant = {
        "LFHoof": "fore_toe.L", "hoof_lh": "hind_toe.L", "Hock_Right": "hock.R", "rightHindFetlock": "hind_fetlock.R",
        "tuber coxae L": "point_of_hip.L", "left_knee": "carpus.L", "tail_base": "tail_base", "TailHead": "tail_base",
        "back_left_paw": "hind_toe.L", "mid_back": "back", "left_earend": "ear_tip.L", "Wither": "withers",
        "hoof": None, "Shoulder": None, "front_left_thai": None, "back_left_knee": None, "saddle": None,
    }  # fmt: skip
    assert {name: plain_name(name) for name in meant} == meant
    elbow = skeleton.KEYPOINT_INDEX["elbow.L"], skeleton.KEYPOINT_INDEX["carpus.L"]
    assert slots_of(["left_elbow", "left_shoulder"])[0] == elbow[0]
    assert slots_of(["left_elbow", "left_front_paw"])[0] == elbow[1], "AP-10K's elbow of a horse is its carpus"
    assert slots_of(["girth_strap", "bit"], {"girth_strap": "girth", "bit": None})[1] == -1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "DeepLabCut"),
        ("a,b\n1,2\n", "DeepLabCut"),
        ("scorer,m,m\nbodyparts,nose,nose\ncoords,x,y\n", "a row a frame"),
        ("scorer,m,m\nbodyparts,nose,nose\ncoords,x,y\n0,1\n", "line 4"),
        ("scorer,m,m\nbodyparts,nose,nose\ncoords,x,y\n0,1,cat\n", "line 4: expected a number, got 'cat'"),
        ("scorer,m,m\nbodyparts,bit,bit\ncoords,x,y\n0,1,2\n", "--map"),
        ("scorer,m,m,m,m\nbodyparts,nose,nose,muzzle,muzzle\ncoords,x,y,x,y\n0,1,2,3,4\n", "both mean nose"),
        ("track,frame_idx,nose.x,nose.y\nt,-1,2,3\n", "frame_idx"),
        ("track,frame_idx,nose\nt,1,2\n", "<point>.x"),
        ("track,frame_idx,nose.x,nose.y\n" + ",7,2,3\n" * 300, "line 202: expected at most 200 horses in frame 7"),
        ("x" * (1 << 20) + ",b\n1,2\n", "lines of at most"),
        (
            f"scorer,{','.join('m' * 200)}\nindividuals,{','.join(f'h{i}' for i in range(200))}\n"
            f"bodyparts,{','.join(f'p{i}' for i in range(200))}\ncoords,{','.join('x' * 200)}\n",
            "the same bodyparts of each animal",
        ),
    ],
)
def test_wrong_tables_get_one_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        clip_from(tmp_path / "t.csv")
    assert reason in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["annotations"].clear(), "got none"),
        (lambda d: d["annotations"][0].update(image_id=9), "one of the images"),
        (lambda d: d["annotations"][0]["keypoints"].pop(), "expected 9 numbers"),
        (lambda d: d["annotations"][0].update(keypoints={"a": 1}), "COCO"),
        (lambda d: d["images"][0].update(width=641), "one size"),
        (lambda d: d["annotations"].extend(d["annotations"][:1] * 300), "at most 200 horses in a frame"),
        (lambda d: d.update(categories=[{"id": 3, "name": "horse"}]), "list of keypoints"),
        (lambda d: d["categories"][0].update(keypoints=["a", "b", "c"]), "--map"),
    ],
)
def test_wrong_coco_files_get_one_line(tmp_path: Path, change: Any, reason: str) -> None:
    data = coco(*points(2, 3), names=["nose", "withers", "croup"])
    change(data)
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        clip_from(tmp_path / "a.json")
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_a_map_of_names_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    file.write_text('{"bit": "nose", "rein": null}')
    assert read_name_map(file) == {"bit": "nose", "rein": None}
    for text in ("[]", '{"bit": 3}', '{"bit": "Nose"}', "{", "[" * 100_000):
        file.write_text(text)
        with pytest.raises(InputError):
            read_name_map(file)


def test_motion_tables_say_what_the_motion_is(tmp_path: Path) -> None:
    body = Body(Shape())
    motion = make_motion("canter_left", body, seconds=10.5, fps=60.0)  # more than one piece
    write_positions_csv(tmp_path / "p.csv", motion, body)
    write_angles_csv(tmp_path / "a.csv", motion, body)
    for name, expected, unit, tolerance in (
        ("p.csv", body.keypoints(motion.root_xyz_world, motion.quat_wxyz).reshape(len(motion), -1), "_m", 6e-5),
        ("a.csv", angles(body, motion), "_deg", 6e-3),
    ):
        with (tmp_path / name).open(newline="") as f:
            header, *rows = csv.reader(f)
        values = np.array(rows, float)
        assert header[:3] == ["frame", "time_s", "confidence"] and all(c.endswith(unit) for c in header[3:])
        np.testing.assert_array_equal(values[:, 0], np.arange(len(motion)))
        np.testing.assert_allclose(values[:, 1], motion.t_s, atol=1e-6)
        np.testing.assert_allclose(values[:, -expected.shape[1] :], expected, atol=tolerance)
    assert header[3:] == [f"{name}_deg" for name in ANGLES]
