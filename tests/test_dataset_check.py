"""Every planted fault is found and its file named, and nothing else is; a true dataset has none."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rendered_set import label_of, write_rendered_set

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.body.shape import BREEDS, breed_shape
from kinequimation.cli.main import main
from kinequimation.dataset.build import BuildOptions, build
from kinequimation.dataset.check import Report, check_dataset
from kinequimation.dataset.check_geometry import label_faults
from kinequimation.dataset.json_entries import read_entries
from kinequimation.errors import InputError
from kinequimation.motion import make_motion
from kinequimation.motion.gaits import MOTION_NAMES

FRAMES, CAMERAS = 4, 2
HURT = "trot/labels/f00002_c01.json"
IMAGE, MASK = "trot/images/flat/f00002_c01.png", "trot/masks/f00002_c01.png"
OTHER_FRAME, OTHER_CAMERA = "f00001_c01", "f00002_c00"
MIRRORED_BONES = {b: skeleton.MIRROR[b] for b in skeleton.BONES if skeleton.MIRROR[b] != b}
UV, XYZ = (
    ("uv", "uv_tail", "in_frame", "in_frame_tail"),
    ("head", "tail", "matrix_world", "matrix_rel_root", "quaternion"),
)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with true renders and what was built of them; no test changes it."""
    folder = tmp_path_factory.mktemp("dataset")
    write_rendered_set(folder / "renders", n_frames=FRAMES, n_cameras=CAMERAS)
    build([folder / "renders"], folder / "coco", BuildOptions(variant="both", with_landmarks=True))
    return folder


@pytest.fixture
def trot(clean: Path, tmp_path: Path) -> Path:
    """A copy of one clip's renders to plant a fault in, which takes a moment to check."""
    shutil.copytree(clean / "renders/trot", tmp_path / "copy/renders/trot")
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with few true renders and what was built of them; no test changes it."""
    folder = tmp_path_factory.mktemp("few")
    write_rendered_set(folder / "renders", n_frames=1, n_cameras=CAMERAS, variants=("flat",))
    build([folder / "renders"], folder / "coco", BuildOptions(with_landmarks=True))
    return folder


@pytest.fixture
def built(few: Path, tmp_path: Path) -> Path:
    """A copy of few renders and what was built of them to plant a fault in."""
    shutil.copytree(few, tmp_path / "built")
    return tmp_path / "built"


@pytest.fixture
def copy(clean: Path, tmp_path: Path) -> Path:
    """A copy of all to plant a fault in."""
    shutil.copytree(clean, tmp_path / "copy")
    return tmp_path / "copy"


def check(folder: Path) -> Report:
    coco = folder / "coco"
    return check_dataset(folder / "renders", coco if coco.exists() else None, workers=1)


def named(report: Report) -> set[str]:
    return {f.file for f in report.faults}


def test_a_true_dataset_has_no_faults(clean: Path) -> None:
    seen = []
    report = check_dataset(clean / "renders", clean / "coco", lambda stage, done, total: seen.append((stage, done)), 1)
    assert report.faults == ()
    assert report.verdict == "ok: 48 images, 3 clips, no faults"
    assert {(c.action, c.camera, c.kind): c.n for c in report.counts}["walk", 1, "flat"] == FRAMES
    assert [done for stage, done in seen if stage == "frames"] == list(range(1, 3 * FRAMES * CAMERAS + 1))
    assert report.lines()[-1] == report.verdict


def change_label(folder: Path, change: Callable[[dict[str, Any]], None], name: str = HURT) -> None:
    path = folder / "renders" / name
    label = json.loads(path.read_text())
    change(label)
    path.write_text(json.dumps(label))


def exchange(label: dict[str, Any], bone_keys: tuple[str, ...], landmark_keys: tuple[str, ...], part: str = "") -> None:
    for rows, keys in ((label["bones"], bone_keys), (label["landmarks"], landmark_keys)):
        of_name = {r["name"]: r for r in rows}
        for name, row in of_name.items():
            other = of_name[skeleton.MIRROR[name]]
            if name < other["name"] and part in name:
                for key in keys:
                    row[key], other[key] = other[key], row[key]


SEEN = ("visibility", "occluded", "depth")
SWAPS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str, str]] = {
    "in 2D": (UV, ("uv", "in_frame"), "", "swapped in uv"),
    "in 3D": (XYZ, ("xyz",), "", "left and right are exchanged: shoulders, hips, head"),
    "in both": (UV + XYZ + SEEN, ("uv", "in_frame", "xyz", *SEEN), "", "left and right are exchanged: shoulders, hips"),
    "of bones in both, not of landmarks": (UV + XYZ + SEEN, (), "", "between landmarks and bones"),
    "of landmarks in both, not of bones": ((), ("uv", "in_frame", "xyz", *SEEN), "", "between landmarks and bones"),
    "of the forearms in both": (UV + XYZ + SEEN, (), "forearm", "does not start where its parent ends"),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_swapped_sides(trot: Path, swap: str) -> None:
    bones, landmarks, part, what = SWAPS[swap]
    change_label(trot, lambda label: exchange(label, bones, landmarks, part))
    report = check(trot)
    assert named(report) == {HURT}
    assert any(what in f.what for f in report.faults), report.lines()


def shift_keypoints(label: dict[str, Any]) -> None:
    for row in label["bones"]:
        row["uv"] = [row["uv"][0] + 0.3, row["uv"][1]]


def shift_one(label: dict[str, Any]) -> None:
    label["bones"][40]["uv"][1] += 0.1


def move_bone(label: dict[str, Any]) -> None:
    """Move a bone in 3D with its matrices, and its pixels with it, where only its length shows it."""
    place = next(b for b in label["bones"] if b["name"] == "DEF-thigh.L.001")
    up = np.array(place["matrix_world"])[:3, 1]
    K, M = np.array(label["camera_intrinsics"]["K"]), np.array(label["camera_extrinsics"]["matrix_world"])
    place["tail"] = (np.array(place["tail"]) + 0.01 * up).tolist()
    x, y, z, _ = np.linalg.inv(M) @ [*place["tail"], 1.0]
    place["uv_tail"] = [K[0, 0] * x / -z + K[0, 2], K[1, 1] * -y / -z + K[1, 2]]


def test_a_render_that_was_stopped_is_not_complete(trot: Path) -> None:
    actions = [{"folder": "trot", "frames": [0, 1, 2, 3]}, {"folder": "walk", "frames": [0]}]
    plan = trot / "renders/render.json"
    plan.write_text(json.dumps({"plan": {"actions": actions, "n_cameras": 2}}))
    assert named(check(trot)) == {"walk/labels/f00000_c00.json", "walk/labels/f00000_c01.json"}
    for path in (trot / "renders/trot").rglob("f00002_c01*"):
        path.unlink()
    assert named(check(trot)) == {"walk/labels/f00000_c00.json", "walk/labels/f00000_c01.json", HURT}
    for folder, frames, n_cameras in (
        ("../walk", [0], 2),
        ("walk", [-1], 2),
        ("walk", [0], 1e30),
        ("walk", [0], 1e999),
    ):
        plan.write_text(
            json.dumps({"plan": {"actions": [{"folder": folder, "frames": frames}], "n_cameras": n_cameras}})
        )
        assert "render.json" in named(check(trot))
    truncate(plan)
    assert "render.json" in named(check(trot))


def test_a_frame_with_a_number_far_away_or_of_other_digits_is_named(trot: Path) -> None:
    for path in (trot / "renders/trot").rglob("f00003_c01*"):
        path.rename(path.with_name(f"f900000000_c01{path.suffix}"))
    change_label(trot, set_path("frame", value=900_000_000), "trot/labels/f900000000_c01.json")
    (trot / "renders" / HURT).rename(trot / "renders/trot/labels/f000002_c01.json")
    faults = {f.file: f.what for f in check(trot).faults}
    assert "between 3 and 900000000" in faults["trot/labels"]
    assert "no label or image of a frame" in faults["trot/labels/f000002_c01.json"]
    assert "the label is missing" in faults[HURT]


def set_path(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(label: dict[str, Any]) -> None:
        at: Any = label
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def scale_matrix(key: str, by: float) -> Callable[[dict[str, Any]], None]:
    def change(label: dict[str, Any]) -> None:
        matrix = np.array(label["bones"][20][key])
        matrix[:3, 0] *= by
        matrix[:3, 1] += 0.1 * matrix[:3, 0]
        label["bones"][20][key] = matrix.tolist()

    return change


LABELS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "all keypoints shifted": (shift_keypoints, "of another frame?"),
    "one keypoint shifted": (shift_one, "DEF-"),
    "a bone of another length": (move_bone, "bone lengths are not those"),
    "NaN": (set_path("bones", 3, "uv", value=[float("nan")] * 2), "NaN, which is not JSON"),
    "infinity": (set_path("scene", "x", value=float("inf")), "Infinity, which is not JSON"),
    "null": (set_path("bones", 3, "head", value=[None] * 3), "head"),
    "null though in front": (set_path("bones", 3, "uv", value=[None] * 2), "null, though"),
    "sheared matrix": (scale_matrix("matrix_world", 1.3), "sheared"),
    "mirrored matrix": (scale_matrix("matrix_world", -1.0), "mirrored"),
    "matrix to the root": (scale_matrix("matrix_rel_root", 1.3), "matrix_rel_root"),
    "a parent that is no bone": (set_path("bones", 3, "parent", value="tail"), "parent is none"),
    "quaternion": (set_path("bones", 3, "quaternion", value=[1, 0, 0, 0]), "quaternion is not"),
    "camera not rigid": (set_path("camera_extrinsics", "matrix_world", 0, 0, value=3.0), "not rigid"),
    "K skewed": (set_path("camera_intrinsics", "K", 0, 1, value=9.0), "K is not"),
    "box outside": (set_path("bbox_xywh", 0, value=-30.0), "reaches out of the image"),
    "box elsewhere": (set_path("bbox_xywh", value=[2, 2, 20, 20]), "bbox_xywh"),
    "box too wide": (set_path("bbox_xywh", value=[0, 0, 95, 79]), "wider than"),
    "visibility": (set_path("bones", 3, "visibility", value=0), "visibility and in_frame"),
    "depth": (set_path("bones", 3, "depth", value=1.0), "depth"),
    "another frame rate": (set_path("fps", value=25.0), "not like the clip's other frames"),
    "another name": (set_path("frame", value=7), "which is not what it is named"),
    "another clip than other cameras'": (set_path("clip", value="other"), "another camera sees the same frame"),
    "another roll": (set_path("bones", 3, "roll", value=1.0), "roll is not"),
    "no bones": (set_path("bones", value=[]), "expected the fields of a label"),
}


@pytest.mark.parametrize("fault", LABELS)
def test_faulty_labels(trot: Path, fault: str) -> None:
    change, what = LABELS[fault]
    change_label(trot, change)
    report = check(trot)
    assert named(report) == {HURT}, report.lines()
    assert any(what in f.what for f in report.faults), report.lines()
    assert report.verdict.startswith("FAULTY: ")


def test_the_camera_of_another_frame(trot: Path) -> None:
    other = json.loads((trot / "renders/trot/labels" / f"{OTHER_CAMERA}.json").read_text())
    change_label(trot, set_path("camera_extrinsics", value=other["camera_extrinsics"]))
    report = check(trot)
    assert named(report) == {HURT}
    assert any("is the camera, or are the bones, those of another frame?" in f.what for f in report.faults)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 30] ^= 16
    path.write_bytes(bytes(data))


def as_image(change: Callable[[Image.Image], Image.Image]) -> Callable[[Path], None]:
    def of_file(path: Path) -> None:
        with Image.open(path) as image:
            image.load()
        change(image).save(path)

    return of_file


def of_other_frame(path: Path) -> None:
    shutil.copyfile(path.with_name(f"{OTHER_FRAME}.png"), path)


FILES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing image": (IMAGE, Path.unlink, "missing"),
    "truncated image": (IMAGE, truncate, "truncated"),
    "damaged image": (IMAGE, flip_a_bit, "damaged"),
    "empty image": (IMAGE, lambda p: p.write_bytes(b""), "empty"),
    "text for an image": (IMAGE, lambda p: p.write_text("no image"), "not a PNG"),
    "image of another size": (IMAGE, as_image(lambda i: i.resize((64, 80))), "64×80"),
    "plain image": (IMAGE, as_image(lambda i: Image.new("RGB", i.size, (9, 9, 9))), "one colour"),
    "image of another frame": (IMAGE, of_other_frame, "is the same picture as trot/images/flat/f00001_c01.png"),
    "mirrored image": (IMAGE, as_image(lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), "mirrored"),
    "missing mask": (MASK, Path.unlink, "missing"),
    "truncated mask": (MASK, truncate, "truncated"),
    "mask of another frame": (MASK, of_other_frame, "of another frame?"),
    "mirrored mask": (MASK, as_image(lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), "lie off it"),
    "grey mask": (MASK, as_image(lambda i: i.point([v // 2 for v in range(256)])), "0 and 255"),
    "cut label": (HURT, truncate, "unreadable"),
    "missing label": (HURT, Path.unlink, "missing"),
    "label of another frame": (HURT, lambda p: shutil.copyfile(p.with_name(f"{OTHER_FRAME}.json"), p), "twice"),
}


@pytest.mark.parametrize("fault", FILES)
def test_faulty_files(trot: Path, fault: str) -> None:
    name, change, what = FILES[fault]
    change(trot / "renders" / name)
    report = check(trot)
    # a label of another frame leaves this frame's mask without one that fits it
    assert named(report) == {name} | ({MASK} if fault == "label of another frame" else set()), report.lines()
    assert any(what in f.what for f in report.faults), report.lines()


def test_a_picture_that_an_earlier_frame_took_from_a_later_one_is_the_one_that_is_named(trot: Path) -> None:
    first = trot / "renders/trot/images/materials/f00000_c00.png"
    shutil.copyfile(first.with_name("f00003_c00.png"), first)
    assert named(check(trot)) == {"trot/images/materials/f00000_c00.png"}


def test_frames_that_are_left_out_and_files_that_are_left_over(copy: Path) -> None:
    for path in (copy / "renders/trot").rglob("f00002_*"):
        path.unlink()
    for path in (copy / "renders/walk").rglob("f00003_c01*"):
        path.unlink()
    (copy / "renders/walk/labels/notes.json").write_text("{}")
    report = check_dataset(copy / "renders", workers=1)
    assert {f.file: f.what.split(";")[-1].strip() for f in report.faults} == {
        "trot/labels/f00002_c00.json": "the clip has frames before and after it",
        "trot/labels/f00002_c01.json": "the clip has frames before and after it",
        "walk/labels/f00003_c01.json": "other cameras saw this frame",
        "walk/labels/notes.json": "is not named f00000_c00.json: no label or image of a frame",
    }


def repeat(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data[key].insert(1, data[key][0])


def move_image_to_val(folder: Path) -> None:
    train, val = (json.loads((folder / f"coco_synth_68_{p}.json").read_text()) for p in ("train", "val"))
    for key in ("images", "annotations"):
        val[key].append(train[key].pop())
    for part, data in (("train", train), ("val", val)):
        (folder / f"coco_synth_68_{part}.json").write_text(json.dumps(data))


def change_table(column: str, value: str, row: int = 100) -> Callable[[Path], None]:
    def of_folder(folder: Path) -> None:
        lines = (folder / "dataset.csv").read_text().split("\n")
        cells = lines[row].split(",")
        cells[lines[0].split(",").index(column)] = value
        lines[row] = ",".join(cells)
        (folder / "dataset.csv").write_text("\n".join(lines))

    return of_folder


COCO, VAL, TABLE = "coco_synth_68.json", "coco_synth_68_val.json", "dataset.csv"
LANDMARKS, TEST = "coco_synth_landmarks.json", "coco_synth_68_test.json"


def lose(*keys: str) -> Callable[[dict[str, Any]], object]:
    return lambda data: [data[key].pop() for key in keys]


def in_annotation(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    return set_path("annotations", 1, *path, value=value)


COCO_FAULTS: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "shifted": (COCO, in_annotation("keypoints", 3, value=1), "keypoints are not"),
    "image twice": (COCO, repeat("images"), "the id is there twice"),
    "annotation twice": (COCO, repeat("annotations"), "the id is there twice"),
    "NaN": (COCO, in_annotation("bbox", 0, value=float("nan")), "NaN, which is no JSON"),
    "box": (COCO, in_annotation("bbox", 2, value=7), "bbox is not"),
    "area": (COCO, in_annotation("area", value=7), "area is 7"),
    "mask": (COCO, in_annotation("segmentation", "counts", value="0"), "segmentation"),
    "count": (COCO, in_annotation("num_keypoints", value=3), "num_keypoints is 3"),
    "0-based skeleton": (COCO, set_path("categories", 0, "skeleton", 0, 0, value=0), "counts from 1"),
    "other links": (COCO, set_path("categories", 0, "skeleton", value=[[1, 2]]), "other links"),
    "no category": (COCO, lambda data: data.pop("categories"), "with categories, found none"),
    "nothing": (COCO, lambda data: data.update(images=[], annotations=[]), "with images, found none"),
    "size": (COCO, set_path("images", 1, "width", value=7), "width is 7"),
    "camera": (COCO, set_path("images", 1, "T_cam_world", 0, 3, value=7), "T_cam_world is not"),
    "crowd": (COCO, in_annotation("iscrowd", value=1), "iscrowd 0"),
    "another mask": (COCO, set_path("images", 1, "mask", value="../x.png"), "mask is not"),
    "another image": (COCO, set_path("images", 1, "file_name", value="../x.png"), "file_name is not"),
    "another label": (COCO, set_path("images", 1, "label", value="../../etc/passwd"), "not among the renders"),
    "image lost": (VAL, lose("images", "annotations"), "in no part"),
    "annotation lost": (VAL, lose("annotations"), "no annotation"),
    "part differs": (TEST, in_annotation("keypoints", 3, value=1), "is not what coco_synth_68.json says"),
    "landmarks": (LANDMARKS, in_annotation("keypoints", 3, value=1), "keypoints are not"),
}


@pytest.mark.parametrize("fault", COCO_FAULTS)
def test_faulty_coco_files(built: Path, fault: str) -> None:
    name, change, what = COCO_FAULTS[fault]
    data = json.loads((built / "coco" / name).read_text())
    change(data)
    (built / "coco" / name).write_text(json.dumps(data))
    report = check(built)
    assert named(report) == {name}, report.lines()
    assert any(what in f.what for f in report.faults), report.lines()


def part_in_table(folder: Path) -> None:
    for row in range(1, 1 + len(skeleton.BONES)):
        change_table("part", "nowhere", row)(folder)


def lose_line(folder: Path) -> None:
    lines = (folder / TABLE).read_text().split("\n")
    (folder / TABLE).write_text("\n".join(lines[:99] + lines[100:]))


OTHER_FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "COCO cut": (COCO, lambda folder: truncate(folder / COCO), "cut short"),
    "COCO missing": (COCO, lambda folder: (folder / COCO).unlink(), "no such file"),
    "clip in two parts": (VAL, move_image_to_val, "parts share a clip"),
    "table: number": (TABLE, change_table("head_x", "0.5"), "head is not"),
    "table: NaN": (TABLE, change_table("head_x", "nan"), "expected a number"),
    "table: part": (TABLE, part_in_table, "part is"),
    "table: a row lost": (TABLE, lose_line, "missing"),
    "table: cut": (TABLE, lambda folder: truncate(folder / TABLE), "cells"),
}


@pytest.mark.parametrize("fault", OTHER_FAULTS)
def test_faulty_exports(built: Path, fault: str) -> None:
    name, change, what = OTHER_FAULTS[fault]
    change(built / "coco")
    report = check(built)
    assert named(report) == {name}, report.lines()
    assert any(what in f.what for f in report.faults), report.lines()


def test_many_faults_are_all_named(copy: Path) -> None:
    change_label(
        copy, move_bone
    )  # which shows among the frames of a clip only, and does not put the blame on the table
    (copy / "renders" / IMAGE.replace("trot", "walk")).unlink()
    truncate(copy / "renders" / MASK.replace("trot", "canter_left"))
    report = check(copy)
    assert named(report) == {HURT, IMAGE.replace("trot", "walk"), MASK.replace("trot", "canter_left")}


def test_every_movement_of_every_breed_has_its_sides_right() -> None:
    for i, name in enumerate(MOTION_NAMES):
        horse = Body(breed_shape(tuple(BREEDS)[i % len(BREEDS)]))
        motion = make_motion(name, horse, fps=6)
        for frame in range(0, len(motion), max(1, len(motion) // 2)):
            label, _ = label_of(name, frame, frame % 3, of=(horse, motion), is_drawn=False)
            assert label_faults(label) == [], f"{name} {frame}"


def test_a_folder_that_holds_no_renders_is_refused(built: Path) -> None:
    with pytest.raises(InputError, match="found none"):
        check_dataset(built / "coco")
    with pytest.raises(InputError, match="found none"):
        check_dataset(built / "renders", built / "nothing")


def test_several_folders_are_checked_as_one(built: Path) -> None:
    (built / "more").mkdir()
    shutil.move(built / "renders/trot", built / "more/trot")
    roots = [built / "renders", built / "more"]
    build(roots, built / "coco", BuildOptions(with_landmarks=True))
    assert check_dataset(roots, built / "coco", workers=1).faults == ()
    shift_in = "more/trot/labels/f00000_c01.json"
    change_label(built, shift_one, f"../{shift_in}")
    assert named(check_dataset(roots, built / "coco", workers=1)) == {shift_in}


def test_entries_of_a_large_file_come_one_by_one(tmp_path: Path) -> None:
    data = {"a": 12.5, "list": [{"x": "é" * 500_000, "n": i} for i in range(5)], "empty": [], "b": {"c": [1, 2]}}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    entries = list(read_entries(path))
    assert [e.key for e in entries] == ["a", *["list"] * 5, "b"]
    assert [e.value for e in entries if e.key == "list"] == data["list"]
    for text in ("", "[1]", "{", '{"a"', '{"a": [1, 2', '{"a": 1} x', '{"a": [1 2]}', '{"a": {"b": }}'):
        path.write_text(text)
        with pytest.raises(InputError):
            list(read_entries(path))


def test_processes_find_what_one_process_finds(copy: Path) -> None:
    change_label(copy, shift_one)
    (copy / "coco" / "dataset.csv").write_text("x")
    assert check_dataset(copy / "renders", copy / "coco", workers=2) == check(copy)


def script(name: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
    path = Path(__file__).parents[1] / "dataset_pipeline/debug" / name
    return subprocess.run([sys.executable, path, *map(str, args)], capture_output=True, text=True, check=False)


def test_the_command_and_its_script(clean: Path, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "check", "--root", str(clean / "renders"), "--dataset", str(clean / "coco")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ok: 48 images, 3 clips, no faults"
    change_label(copy, shift_one)
    done = script("sanity_check.py", "--root", copy / "renders", "--json")
    assert done.returncode == 1
    assert [f["file"] for f in json.loads(done.stdout)["faults"]] == [HURT]
