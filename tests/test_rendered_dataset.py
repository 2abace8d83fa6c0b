"""Datasets built of rendered frames: what was rendered is what training reads, and no part shares a clip."""

from __future__ import annotations

import csv
import dataclasses
import json
import runpy
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rendered_set import body, label_of, write_frame, write_rendered_set

from kinequimation import skeleton
from kinequimation.cli.main import main
from kinequimation.dataset.build import BuildOptions, build
from kinequimation.dataset.coco import read_coco
from kinequimation.dataset.frame_label import Bones, FrameLabel, Landmarks
from kinequimation.dataset.labels import read_label, write_label
from kinequimation.dataset.lifter_sequences import SequenceFile, write_sequences
from kinequimation.dataset.mmpose_metainfo import METAINFO_PATH, metainfo_source
from kinequimation.dataset.rendered_coco import CATEGORY68, CATEGORY_LANDMARKS, annotation_record, facing, rle_of_mask
from kinequimation.dataset.rendered_frames import find_frames, slots_of
from kinequimation.dataset.rendered_shards import read_rendered_shards, write_rendered_shards
from kinequimation.dataset.splits import PARTS, Split, parts_of
from kinequimation.dataset.table import COLUMNS, read_table, read_table_or_faults
from kinequimation.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[1]
ALL_IN_ONE = Split(100, 0, 0)
names_of_clips = st.lists(st.text(min_size=1, max_size=12), min_size=3, max_size=60, unique=True)


@pytest.fixture(scope="module")
def renders(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("renders") / "set"
    write_rendered_set(root, ("walk", "trot", "canter_left", "jump"), n_frames=3, n_cameras=2, width=64, height=56)
    return root


@pytest.fixture
def copied(renders, tmp_path) -> Path:
    return Path(shutil.copytree(renders, tmp_path / "copied"))


@pytest.fixture(scope="module")
def built(renders, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("built")
    build([renders], out, BuildOptions(with_landmarks=True))
    return out


def labels_by_name(root: Path) -> dict[str, FrameLabel]:
    return {f.place.label.relative_to(root).as_posix(): f.read("both") for f in find_frames([root]).frames}


def test_a_build_says_what_is_not_there(copied, tmp_path):
    actions = [{"folder": name, "frames": [0, 1, 2]} for name in ("walk", "trot", "canter_left", "jump")]
    (copied / "render.json").write_text(json.dumps({"plan": {"actions": actions, "n_cameras": 2}}))
    assert build([copied], tmp_path / "out", BuildOptions(with_landmarks=True)).notes == ()
    for path in sorted((copied / "walk" / "labels").iterdir())[:2]:
        path.unlink()
    for frame in find_frames([copied]).frames:
        label = frame.read("both")
        write_label(frame.place.label, dataclasses.replace(label, landmarks=Landmarks()))
    unfinished, bare = build([copied], tmp_path / "out", BuildOptions(with_landmarks=True)).notes
    assert str(copied) in unfinished and "2 of 24 frames" in unfinished
    assert "no label has points on the skin" in bare


# --- parts


@settings(max_examples=60, deadline=None)
@given(names_of_clips, st.randoms(use_true_random=False))
def test_parts_depend_on_names_alone_and_none_is_empty(clips, random):
    parts = parts_of((c, "any") for c in clips)
    shuffled = [*clips, *clips]
    random.shuffle(shuffled)
    assert parts_of((c, "any") for c in shuffled) == parts
    counts = [sum(p == part for p in parts.values()) for part in PARTS]
    assert set(parts) == set(clips) and min(counts) >= 1
    assert abs(counts[1] - max(1, 0.1 * len(clips))) <= 0.5 and counts[1] == counts[2]
    # one clip more moves one over each border at most
    more = parts_of((c, "any") for c in [*clips, "a clip of more letters than any other"])
    assert sum(more[c] != parts[c] for c in clips) <= 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=40))
def test_an_action_is_kept_together_where_that_is_asked_for(pairs):
    clips = [(f"clip {c}", f"action {a}") for c, a in pairs]
    try:
        parts = parts_of(clips, Split(by="action"))
    except InputError as error:
        assert "3 actions" in str(error)
        return
    for part in PARTS:
        inside = {a for c, a in clips if parts[c] == part}
        outside = {a for c, a in clips if parts[c] != part}
        assert inside and not inside & outside


def test_a_clip_of_most_frames_is_trained_on():
    names = ["walk", "trot", "jump", "rear"]
    for large in names:
        parts = parts_of((clip, clip) for clip in names for _ in range(9 if clip == large else 2))
        assert parts[large] == "train" and set(parts.values()) == set(PARTS)
    assert set(parts_of([("a", "a")] * 9 + [("b", "b")] * 9, Split(50, 50, 0)).values()) == {"train", "val"}


def test_too_few_clips_say_what_to_do():
    with pytest.raises(InputError, match=r"expected 3 clips or more.*got 2 \(trot, walk\).*--split 100,0,0"):
        parts_of([("walk", "walk"), ("trot", "trot")])
    assert set(parts_of([("walk", "walk")], ALL_IN_ONE).values()) == {"train"}
    assert sorted(parts_of([("walk", "walk"), ("trot", "trot")], Split(50, 0, 50)).values()) == ["test", "train"]
    for text in ("80,10", "80,10,ten", "0,50,50", "80,-10,30", "nan,1,1"):
        with pytest.raises(InputError, match="split"):
            Split.from_text(text)


# --- COCO


def test_coco_says_what_the_labels_say(renders, built):
    labels = labels_by_name(renders)
    slots = {name: slots_of(label) for name, label in labels.items()}
    for file, block, category in (
        ("coco_synth_68", slice(0, 68), CATEGORY68),
        ("coco_synth_landmarks", slice(68, 103), CATEGORY_LANDMARKS),
    ):
        data = json.loads((built / f"{file}.json").read_text())
        assert data["categories"] == [category] and category["keypoints"] == list(skeleton.KEYPOINTS[block])
        images = read_coco(built / f"{file}.json", images=renders)
        records = {i["file_name"]: i for i in data["images"]}
        assert len(images) == len(labels) == len(records) and len({i["id"] for i in data["images"]}) == len(labels)
        for image in images:
            record = records[image.path.relative_to(renders).as_posix()]
            assert image.path.is_file() and (renders / record["mask"]).is_file()
            label, expected = labels[record["label"]], slots[record["label"]]
            (horse,) = image.horses
            in_frame = expected.visibility[block] > 0
            assert np.array_equal(horse.visibility[block], expected.visibility[block])
            assert np.array_equal(horse.uv_px[block][in_frame], expected.uv_px[block][in_frame])
            assert np.isnan(horse.uv_px[block][~in_frame]).all()
            assert np.allclose(horse.bbox_xywh, label.bbox_xywh + [0.5, 0.5, 0, 0], atol=1e-4)
            assert (image.width, image.height, image.source) == (label.width, label.height, label.clip)
            projected = label.as_camera.project(expected.xyz_world)
            T = np.array(record["T_cam_world"])
            assert np.allclose(T, label.T_cam_world) and np.allclose(record["K"], label.K)
            assert np.abs(projected[block][in_frame] - horse.uv_px[block][in_frame]).max() < 0.01
        for a in data["annotations"]:
            keypoints = np.array(a["keypoints"]).reshape(-1, 3)
            assert a["num_keypoints"] == (keypoints[:, 2] > 0).sum() and a["iscrowd"] == 0
            assert not keypoints[keypoints[:, 2] == 0].any()


def test_parts_share_no_clip_and_make_up_the_whole(built):
    whole = json.loads((built / "coco_synth_68.json").read_text())
    parts = [json.loads((built / f"coco_synth_68_{part}.json").read_text()) for part in PARTS]
    clips = [{i["clip"] for i in p["images"]} for p in parts]
    assert all(clips) and sum(map(len, clips)) == len(set.union(*clips)) == 4
    for key in ("images", "annotations"):
        assert sorted((r for p in parts for r in p[key]), key=lambda r: r["id"]) == whole[key]
    with (built / "dataset.csv").open() as f:
        of_clip = {(row["clip"], row["part"]) for row in csv.DictReader(f)}
    assert of_clip == {(c, part) for part, cs in zip(PARTS, clips, strict=True) for c in cs}
    landmarks = json.loads((built / "coco_synth_landmarks.json").read_text())
    assert landmarks["images"] == whole["images"]


def test_the_network_is_scored_on_a_part(renders, built, capsys):
    labels = built / "coco_synth_68_test.json"
    assert main(["evaluate", "--set", str(labels), "--images", str(renders), "--boxes", "given"]) == 0
    printed = capsys.readouterr().out
    assert "6 images, 6 horses" in printed and "all seen" in printed
    assert main(["evaluate", "--set", str(labels), "--boxes", "given"]) == 2  # no images beside it
    assert "--images DIR says where" in capsys.readouterr().err


def decoded_rle(rle: dict) -> np.ndarray:
    """Decode COCO's compressed run lengths."""
    runs, value, shift = [], 0, 0
    for letter in rle["counts"].encode():
        group = letter - 48
        value |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    flat = np.repeat(np.arange(len(runs)) % 2, runs)
    return flat.reshape(rle["size"][::-1]).T.astype(bool)


def test_masks_come_back_exactly(renders, built):
    # by hand: 16 zeros are one run, 16 = 0b10000, whose fifth bit would be a sign: a second group follows
    assert rle_of_mask(np.zeros((4, 4), bool)) == {"size": [4, 4], "counts": "`0"}
    assert rle_of_mask(np.eye(2, dtype=bool)) == {"size": [2, 2], "counts": "0120"}  # runs 0, 1, 2, 1 (−0)
    rng = np.random.default_rng(0)
    for height, width, share in ((1, 1, 1.0), (1, 7, 0.5), (7, 1, 0.0), (40, 30, 0.02), (200, 150, 0.6)):
        mask = rng.random((height, width)) < share
        assert np.array_equal(decoded_rle(rle_of_mask(mask)), mask)
    data = json.loads((built / "coco_synth_68.json").read_text())
    masks = {i["id"]: np.asarray(Image.open(renders / i["mask"])) > 127 for i in data["images"]}
    for a in data["annotations"]:
        assert (
            np.array_equal(decoded_rle(a["segmentation"]), masks[a["image_id"]])
            and a["area"] == masks[a["image_id"]].sum()
        )


def test_links_go_from_parent_to_child_counted_from_1():
    links = {(skeleton.HORSE68[a - 1], skeleton.HORSE68[b - 1]) for a, b in CATEGORY68["skeleton"]}
    assert links == {(p, b) for b in skeleton.HORSE68 if (p := skeleton.PARENT[b]) != skeleton.ROOT}
    points = np.array(CATEGORY_LANDMARKS["skeleton"])
    assert set(points.ravel()) == set(range(1, 36))  # no point on the skin is left out


def test_a_horse_out_of_the_frame_has_no_annotation():
    label, _ = label_of("walk", 0, 0, width=64, height=56)
    n = len(label.bones.names)
    behind = dataclasses.replace(
        label.bones, uv=np.full((n, 2), np.nan), in_frame=np.zeros(n, bool), visibility=np.zeros(n, np.uint8)
    )
    assert annotation_record(dataclasses.replace(label, bones=behind), 1, None) is None
    one = behind.visibility.copy()
    one[5] = 2
    uv = behind.uv.copy()
    uv[5] = 12.25, 3.0
    seen = dataclasses.replace(behind, uv=uv, visibility=one)
    record = annotation_record(dataclasses.replace(label, bones=seen), 1, None)
    assert record is not None and record["num_keypoints"] == 1 and record["keypoints"][15:18] == [12.25, 3, 2]
    assert sum(map(abs, record["keypoints"])) == 17.25


def test_facing_is_where_the_nose_points():
    for camera in range(6):
        label, _ = label_of("walk", 0, camera, n_cameras=6)
        names = list(label.bones.names)
        nose, tail = (label.bones.uv[names.index(b), 0] for b in ("DEF-head", "DEF-tail.001"))
        side = facing(label)
        if abs(nose - tail) > 25:  # of 96 pixels
            assert side == ("R" if nose > tail else "L")
        if abs(nose - tail) < 8:
            assert side == ""


# --- the table


def test_table_holds_every_field_of_every_bone(renders, built):
    labels = labels_by_name(renders)
    numbers = {i["file_name"]: i["id"] for i in json.loads((built / "coco_synth_68.json").read_text())["images"]}
    images = list(read_table(built / "dataset.csv"))
    assert [i.image for i in images] == list(range(1, len(labels) + 1))
    for image in images:
        label = labels[image.label]
        assert numbers[image.file_name] == image.image
        for field in dataclasses.fields(Bones):
            ours, theirs = getattr(image.bones, field.name), getattr(label.bones, field.name)
            if isinstance(theirs, tuple):
                assert ours == theirs
            else:
                assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")
        for name in ("action", "clip", "frame", "camera", "fps", "width", "height", "armature", "area_px"):
            assert getattr(image, name) == getattr(label, name)
        for name in ("K", "bbox_xywh", "camera_matrix_world", "root_matrix"):
            assert np.array_equal(getattr(image, name), getattr(label, name)), name


def test_table_says_which_line_is_wrong(built, tmp_path):
    lines = (built / "dataset.csv").read_text().splitlines()
    header = lines[0].split(",")
    assert tuple(header) == COLUMNS

    def with_cell(line: int, column: str, text: str) -> Path:
        cells = lines[line - 1].split(",")
        cells[header.index(column)] = text
        path = tmp_path / "wrong.csv"
        path.write_text("\n".join([*lines[: line - 1], ",".join(cells), *lines[line:]]) + "\n")
        return path

    for column, text, said in (
        ("head_x", "nan", "82: head_x: expected a number, got 'nan'"),
        ("depth", "", "82: depth"),
        ("visibility", "3", "82: visibility"),
        ("in_frame", "yes", "82: in_frame: expected True or False"),
        ("bone", "DEF-wing.L", "82: .*"),
        ("frame", "-1", "82: frame: expected the same in all rows"),
        ("area_px", "1" * 30, "82: area_px"),
    ):
        path = with_cell(85, column, text)  # in the second image, whose rows begin at line 82
        with pytest.raises(InputError, match=f"wrong.csv:{said}"):
            list(read_table(path))
        found = list(read_table_or_faults(path))
        assert [isinstance(f, InputError) for f in found] == [i == 1 for i in range(24)]
    (tmp_path / "short.csv").write_text("\n".join(lines[:3]) + ",1\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("short", "other", "binary", "missing"):
        with pytest.raises(InputError, match=name):
            list(read_table(tmp_path / f"{name}.csv"))


# --- sequences


def test_sequences_are_clips_seen_by_one_camera(renders, tmp_path):
    frames = find_frames([renders])
    counts = write_sequences(tmp_path / "s.npz", frames)
    written = SequenceFile(tmp_path / "s.npz")
    assert sum(counts.sequences.values()) == len(written) == 8 and sum(counts.frames.values()) == 24
    part_of = {f.clip: f.part for f in frames.frames}
    for i in range(len(written)):
        s = written[i]
        assert s.part == part_of[s.clip] and s.fps == 30.0 and s.frame.tolist() == [0, 1, 2]
        assert s.withers_m == body().shape.withers_height_m
        for t, number in enumerate(s.frame):
            label = read_label(renders / s.action / "labels" / f"f{number:05d}_c{s.camera:02d}.json")
            slots = slots_of(label)
            assert np.allclose(s.uv_px[t], slots.uv_px, atol=1e-4) and np.array_equal(s.visibility[t], slots.visibility)
            assert np.allclose(s.xyz_world[t], slots.xyz_world, atol=1e-6)
            assert np.allclose(s.xyz_cam[t], label.as_camera.to_cam(slots.xyz_world), atol=1e-5)
            uvw = s.xyz_cam[t] @ s.K[t].T
            assert np.abs(uvw[:, :2] / uvw[:, 2:] - s.uv_px[t]).max() < 0.01
            assert s.image_size[t].tolist() == [label.width, label.height]
    again = tmp_path / "again.npz"
    write_sequences(again, frames)
    assert again.read_bytes() == (tmp_path / "s.npz").read_bytes()


def test_frames_of_a_sequence_are_evenly_spaced(tmp_path):
    root = tmp_path / "renders"
    write_rendered_set(root, ("walk",), n_frames=6, n_cameras=1, width=32, height=32, step=2, with_landmarks=False)
    (root / "walk" / "labels" / "f00006_c00.json").unlink()
    write_sequences(tmp_path / "s.npz", find_frames([root], ALL_IN_ONE))
    written = SequenceFile(tmp_path / "s.npz")
    assert [written[i].frame.tolist() for i in range(len(written))] == [[0, 2, 4], [8, 10]]
    assert written.fps.tolist() == [15.0, 15.0]
    landmarks = slice(skeleton.NUM_JOINTS68, None)
    assert not written[0].visibility[:, landmarks].any() and np.isnan(written[0].xyz_world[:, landmarks]).all()
    (root / "walk" / "labels" / "f00002_c00.json").unlink()
    label = read_label(root / "walk" / "labels" / "f00010_c00.json")
    write_label(root / "walk" / "labels" / "f00010_c00.json", dataclasses.replace(label, fps=25.0))
    with pytest.raises(InputError, match=r"f00010_c00.json: expected one fps"):
        write_sequences(tmp_path / "t.npz", find_frames([root], ALL_IN_ONE))
    assert not (tmp_path / "t.npz").exists()


def test_a_file_of_sequences_is_doubted(renders, tmp_path):
    write_sequences(tmp_path / "s.npz", find_frames([renders]))
    arrays = dict(np.load(tmp_path / "s.npz"))
    for name, value, said in (
        ("format", np.array("other"), "format"),
        ("keypoints", arrays["keypoints"][::-1], "keypoints"),
        ("offsets", arrays["offsets"][::-1], "offsets"),
        ("fps", -arrays["fps"], "frame rates"),
        ("camera", arrays["camera"][1:], "camera"),
        ("clip", np.array([{}] * 8, object), "npz"),
        ("uv_px", arrays["uv_px"][1:], "uv_px"),
        ("xyz_world", arrays["xyz_world"] * np.float32(np.nan), "xyz_world"),
    ):
        np.savez(tmp_path / "wrong.npz", **(arrays | {name: value}))  # pyright: ignore[reportArgumentType]
        with pytest.raises(InputError, match=f"wrong.npz.*{said}"):
            _ = SequenceFile(tmp_path / "wrong.npz")[0]
    np.savez_compressed(tmp_path / "wrong.npz", **arrays)  # which may unpack to more than any memory
    with pytest.raises(InputError, match="without compression"):
        SequenceFile(tmp_path / "wrong.npz")
    np.save(tmp_path / "wrong.npy", arrays["uv_px"])
    with pytest.raises(InputError, match=r"wrong\.npy"):
        SequenceFile(tmp_path / "wrong.npy")
    (tmp_path / "wrong.npz").write_bytes((tmp_path / "s.npz").read_bytes()[:4000])
    with pytest.raises(InputError, match=r"wrong\.npz"):
        SequenceFile(tmp_path / "wrong.npz")


# --- shards


def test_shards_hold_the_frames_of_a_part_in_any_order(renders, tmp_path):
    frames = find_frames([renders])
    labels = labels_by_name(renders)
    write_rendered_shards(tmp_path / "png", frames, "train", per_shard=5, variant="both", images="png")
    write_rendered_shards(tmp_path / "jpg", frames, "train", per_shard=5)
    back = list(read_rendered_shards(tmp_path / "png"))
    train = [f for f in frames.frames if f.part == "train"]
    assert [b.index for b in back] == list(range(2 * len(train)))
    assert {(b.action, b.frame, b.camera, b.variant) for b in back} == {
        (f.place.action, f.place.frame, f.place.camera, v) for f in train for v in ("flat", "materials")
    }
    assert len({b.clip for b in back[:6]}) > 1  # not one clip after the other
    for b in back:
        name = f"f{b.frame:05d}_c{b.camera:02d}"
        label = labels[f"{b.action}/labels/{name}.json"]
        slots = slots_of(label)
        assert np.array_equal(
            b.image, np.asarray(Image.open(renders / b.action / "images" / b.variant / f"{name}.png"))
        )
        assert np.array_equal(b.mask, np.asarray(Image.open(renders / b.action / "masks" / f"{name}.png")))
        assert np.array_equal(b.uv_px, slots.uv_px) and np.array_equal(b.visibility, slots.visibility)
        assert np.allclose(b.xyz_cam, label.as_camera.to_cam(slots.xyz_world), atol=1e-5)
        assert np.allclose(b.T_cam_world, label.T_cam_world) and np.array_equal(b.K, label.K)
        assert (b.clip, b.part, b.fps, b.scene) == (label.clip, "train", label.fps, label.scene)
    for b in read_rendered_shards(tmp_path / "jpg"):
        name = f"f{b.frame:05d}_c{b.camera:02d}"
        assert b.variant == "materials"
        original = np.asarray(Image.open(renders / b.action / "images" / "materials" / f"{name}.png"))
        assert np.abs(b.image.astype(int) - original).mean() < 4
    halves = [{b.index for b in read_rendered_shards(tmp_path / "png", part, 2)} for part in range(2)]
    assert not halves[0] & halves[1] and halves[0] | halves[1] == set(range(len(back)))


def test_shards_go_on_where_they_were_cut_off_and_refuse_others(copied, tmp_path):
    frames = find_frames([copied])
    whole = write_rendered_shards(tmp_path / "whole", frames, "train", per_shard=5)

    def killed(done: int, total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rendered_shards(tmp_path / "cut", frames, "train", per_shard=5, progress=killed)
    first = tmp_path / "cut" / "shard-000000.tar"
    before = first.stat().st_mtime_ns
    write_rendered_shards(tmp_path / "cut", frames, "train", per_shard=5)
    assert first.stat().st_mtime_ns == before
    assert [p.read_bytes() for p in sorted((tmp_path / "cut").glob("*.tar"))] == [p.read_bytes() for p in whole]
    of_train = next(f for f in frames.frames if f.part == "train")
    write_label(of_train.place.label, dataclasses.replace(of_train.read(None), scene={"coat": "bay"}))
    with pytest.raises(InputError, match="holds other frames"):  # rendered anew under the same names
        write_rendered_shards(tmp_path / "cut", frames, "train", per_shard=5)
    of_train.place.label.unlink()
    with pytest.raises(InputError, match="holds other frames"):
        write_rendered_shards(tmp_path / "cut", find_frames([copied]), "train", per_shard=5)
    with tarfile.open(tmp_path / "cut" / "shard-000001.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("../../evil.json"))
    with pytest.raises(InputError, match=r"shard-000001.tar: expected frames as files, found '../../evil.json'"):
        list(read_rendered_shards(tmp_path / "cut"))


# --- all of it


def test_a_wrong_file_is_named_and_what_was_built_before_stays(copied, tmp_path):
    out = tmp_path / "out"
    build([copied], out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    image = copied / "trot" / "images" / "materials" / "f00001_c00.png"
    mask = copied / "walk" / "masks" / "f00002_c01.png"
    label = copied / "jump" / "labels" / "f00000_c01.json"
    for path, spoil, said in (
        (image, lambda p: p.unlink(), "image, found none"),
        (mask, lambda p: Image.new("L", (3, 3)).save(p), "mask of 64×56 pixels, got L 3×3"),
        (mask, lambda p: p.write_bytes(p.read_bytes()[:60]), "mask"),
        (label, lambda p: p.write_bytes(p.read_bytes()[:-100]), "label"),
        (label, lambda p: shutil.copy(p.with_name("f00001_c01.json"), p), "got that of jump, frame 1, camera 1"),
    ):
        kept = path.read_bytes()
        spoil(path)
        with pytest.raises(InputError, match=f"{path.name}: .*{said}"):
            build([copied], out)
        path.write_bytes(kept)
        assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    build([copied], out)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_folders_together_are_one_dataset(renders, tmp_path, capsys):
    other = tmp_path / "renders" / "b"
    shutil.copytree(renders, tmp_path / "renders" / "a")
    label, surfaces = label_of("pace", 3, 1, width=64, height=56, variants=("flat",), with_landmarks=False)
    keep = [f.name for f in dataclasses.fields(label.bones) if f.name not in ("names", "parents")]
    only68 = {k: getattr(label.bones, k)[:68] for k in keep}
    bones = dataclasses.replace(label.bones, names=skeleton.HORSE68, parents=label.bones.parents[:68], **only68)
    write_frame(other, dataclasses.replace(label, bones=bones), surfaces)  # somebody's rig without a mane
    out = tmp_path / "out"
    arguments = ["dataset", "build", "--out", str(out), "--with-landmarks", "--shards", "4"]
    roots = ["--root", str(tmp_path / "renders" / "a"), "--root", str(other)]
    assert main([*arguments, *roots]) == 0
    printed = capsys.readouterr().out
    assert "names of files are relative to" in printed and "of 1 clip (" in printed
    images = json.loads((out / "coco_synth_68.json").read_text())["images"]
    assert len(images) == 25 and images[-1]["file_name"] == "b/pace/images/flat/f00003_c01.png"
    assert len(list(read_table(out / "dataset.csv"))[-1].bones.names) == 68
    n = sum(1 for part in PARTS for _ in read_rendered_shards(out / "shards" / part))
    assert n == 25
    assert main([*arguments, *roots, "--split", "100,0,0"]) == 2 and "shards" in capsys.readouterr().err
    shutil.rmtree(out / "shards")
    assert main([*arguments[:4], *roots, "--split", "100,0,0"]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["coco_synth_68.json", "coco_synth_68_train.json", "dataset.csv"]
    for wrong in ([str(other), str(other)], [str(tmp_path / "renders"), str(other)], [str(tmp_path / "nowhere")]):
        assert main([*arguments, *(a for root in wrong for a in ("--root", root))]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_mmpose_dataset_file_is_up_to_date_and_symmetric():
    path = REPOSITORY / METAINFO_PATH
    assert path.read_text(encoding="utf-8") == metainfo_source(), "run dataset_pipeline/build_dataset/build_metainfo.py"
    info = runpy.run_path(str(path))["dataset_info"]
    points = info["keypoint_info"]
    assert [points[i]["name"] for i in range(68)] == list(skeleton.HORSE68) and len(points) == 68
    by_name = {p["name"]: p for p in points.values()}
    for i, p in points.items():
        mirrored = by_name[p["swap"]] if p["swap"] else p
        assert mirrored["id"] == skeleton.MIRROR_KEYPOINTS[i] and mirrored["type"] == p["type"]
        assert info["sigmas"][mirrored["id"]] == info["sigmas"][i] == skeleton.OKS_SIGMAS[i]
        assert bool(p["swap"]) == (by_name.get(p["swap"], p) is not p) and p["id"] == i
    links = [tuple(link["link"]) for link in info["skeleton_info"].values()]
    mirrored = {tuple(skeleton.MIRROR[b] for b in link) for link in links}
    assert mirrored == set(links) and len(links) == 67  # a tree
    assert len(info["joint_weights"]) == 68
    types = {p["type"] for p in points.values()}
    assert types == {"upper", "lower"} and by_name["DEF-r_hoof.L"]["type"] == "lower"
    assert by_name["DEF-f_hoof.R"]["type"] == by_name["DEF-head"]["type"] == "upper"
