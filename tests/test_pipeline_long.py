"""Long videos and several horses: what waits on disk, frames read ahead, one world for all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from true_keypoints import FPS, HEIGHT, WIDTH, clip_of, needs_lift

from kinequimation.body import Body, Shape
from kinequimation.detect.find import Look
from kinequimation.errors import InputError, OutputError
from kinequimation.geometry.camera import default_intrinsics
from kinequimation.io.keypoints import HorseKeypoints, write_keypoints_json
from kinequimation.motion import read_motion
from kinequimation.motion.gaits import make_motion
from kinequimation.pipeline import AnimateOptions, animate_all
from kinequimation.pipeline.observe import observe_given
from kinequimation.pipeline.rows import RowsOnDisk
from kinequimation.pipeline.tracker import MOST_TRACKS, Tracker
from kinequimation.video import Frame, VideoWriter, ahead, open_source


def test_rows_come_back_in_any_order_of_writing_and_reading(tmp_path: Path) -> None:
    row = np.dtype([("a", np.float32, (3,)), ("b", np.int64)])
    rng = np.random.default_rng(0)
    written = np.zeros(0, row)
    rows = RowsOnDisk(row, tmp_path)
    for n in (1, 0, 200, 7):
        new = np.zeros(n, row)
        new["a"], new["b"] = rng.normal(size=(n, 3)), rng.integers(1 << 40, size=n)
        rows.append(new)
        written = np.concatenate([written, new])
        for start, stop in ((0, 1), (5, 60), (len(written) - 1, len(written) + 9), (300, 400)):
            np.testing.assert_array_equal(rows.read(start, stop), written[start:stop])
    assert len(rows) == 208
    del rows
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError, match="cannot be kept"):
        RowsOnDisk(row, tmp_path / "missing")


def test_points_on_disk_are_those_of_the_file_read_in_any_parts() -> None:
    clip = clip_of(make_motion("trot", Body(Shape()), seconds=2.0, fps=FPS), gap=range(20, 25))
    both = tuple(
        tuple(replace(h, id=i, uv_px=h.uv_px + 40 * i) for h in horses for i in (3, 5)) for horses in clip.horses
    )
    one = replace(clip, horses=both)
    for seen in observe_given(one, 0.0, None):
        uv_px = np.concatenate([seen.part(a, a + 7).uv_px for a in range(0, 50, 7)])
        given: list[HorseKeypoints | None] = [next((h for h in hs if h.id == seen.number), None) for hs in both]
        np.testing.assert_array_equal(seen.found, [h is not None for h in given])
        assert np.isnan(uv_px[~seen.found]).all()
        np.testing.assert_allclose(uv_px[seen.found], [h.uv_px for h in given if h is not None], atol=1e-4)
        cleaned = seen.cleaned()
        part = cleaned.part(10, 30)
        assert part.raw_uv_px is not None
        np.testing.assert_array_equal(part.raw_uv_px, uv_px[10:30])


def _frames(n: int, closed: list[int]) -> Iterator[Frame]:
    try:
        for i in range(n):
            yield Frame(i, i / 25, np.full((2, 2, 3), i, np.uint8))
        raise InputError("the end is broken")
    finally:
        closed.append(n)


def test_frames_read_ahead_come_in_order_with_their_errors_and_can_be_left() -> None:
    closed: list[int] = []
    seen = []
    with pytest.raises(InputError, match="the end is broken"):
        for frame in ahead(_frames(20, closed)):
            seen.append(frame.index)
    assert seen == list(range(20)) and closed == [20]
    some = ahead(_frames(1000, closed))
    assert next(some).index == 0
    some.close()  # type: ignore[attr-defined]
    assert closed == [20, 1000], "the thread has ended, and the source with it"


def test_a_source_is_handed_out_at_another_size(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 128, 64, FPS) as writer:
        for i in range(4):
            writer.write(np.full((64, 128, 3), 60 * i, np.uint8), i / FPS)
    source = open_source([str(tmp_path / "a.mp4")])
    for size in ((64, 32), (200, 100)):
        frames = list(source.sized(*size))
        assert [f.image_rgb.shape for f in frames] == [(size[1], size[0], 3)] * 4
        np.testing.assert_allclose([f.image_rgb.mean() for f in frames], [0, 60, 120, 180], atol=4)
    assert next(iter(source)).image_rgb.shape == (64, 128, 3)


@needs_lift
def test_two_horses_stand_in_one_world_and_one_scene(tmp_path: Path) -> None:
    motion = make_motion("walk", Body(Shape()), seconds=1.6, fps=FPS)
    clip = clip_of(motion)
    both = tuple((replace(h, id=1), replace(h, id=2, uv_px=h.uv_px + [45, 0])) for (h,) in clip.horses)
    write_keypoints_json(tmp_path / "k.json", replace(clip, horses=both))
    out = tmp_path / "out"
    first, second = animate_all(AnimateOptions((), out, keypoints=tmp_path / "k.json"))
    assert first.files["scene.glb"] == out / "scene.glb" and "scene.glb" not in second.files
    data = (out / "scene.glb").read_bytes()
    document = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    assert [node["name"] for node in document["nodes"] if "skin" in node] == ["horse_horse1", "horse_horse2"]
    assert len(document["animations"]) == 1
    joints = [set(skin["joints"]) for skin in document["skins"]]
    assert not joints[0] & joints[1]
    moved = {channel["target"]["node"] for channel in document["animations"][0]["channels"]}
    assert moved & joints[0] and moved & joints[1] and moved <= joints[0] | joints[1]
    poses = [read_motion(out / f"horse{i}" / "motion.npz") for i in (1, 2)]
    apart = poses[1].root_xyz_world - poses[0].root_xyz_world
    metres = 45 * 7 / default_intrinsics(WIDTH, HEIGHT)[0, 0]  # 45 pixels, filmed from 7 m
    assert np.linalg.norm(apart[:, :2].mean(0)) == pytest.approx(metres, rel=0.25)
    assert np.abs(apart[:, 2]).max() < 0.03, "on one ground"
    assert json.loads((out / "horse2" / "run.json").read_text())["horses_in_this_world"] == [1, 2]


def test_a_tracker_forgets_what_it_saw_for_a_moment_and_goes_on_with_the_rest() -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker()
    image = np.zeros((100, 100 * MOST_TRACKS, 3), np.uint8)
    shape = rng.uniform([0, 0], [80, 60], (103, 2))
    herd = [
        Look(np.array([200.0 * i, 0, 80, 60]), 0.9, shape + [200 * i, 0], np.full(103, 0.9))
        for i in range(MOST_TRACKS + 8)
    ]
    steady = herd[5]
    tracker.update(image, 0.0, [steady])
    seen = tracker.update(image, 0.04, herd)
    assert len(tracker.tracks) == len(herd) and len({track.number for track, _ in seen}) == len(herd)
    for i in range(2, 5):
        ((track, _),) = tracker.update(image, 0.04 * i, [steady])
        assert track.number == 0 and len(tracker.tracks) == MOST_TRACKS
    new = replace(steady, uv_px=steady.uv_px + [50_000, 0], bbox_xywh=steady.bbox_xywh + [50_000, 0, 0, 0])
    seen = tracker.update(image, 0.2, [steady, new])
    assert seen[0][0].number == 0 and seen[1][0].number == len(herd), "a number is never used twice"
