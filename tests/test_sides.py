"""Legs that the network exchanged in single frames are put right by how they move."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.geometry.camera import Camera, default_intrinsics, look_at
from kinequimation.motion import make_motion
from kinequimation.pose2d import steady_sides

FORE = [skeleton.KEYPOINT_INDEX[f"{p}.L"] for p in ("carpus", "fore_fetlock", "fore_toe", "DEF-forearm", "elbow")]
HIND = [skeleton.KEYPOINT_INDEX[f"{p}.L"] for p in ("hock", "hind_fetlock", "hind_toe", "DEF-thigh", "stifle")]


def side_view(gait: str, fps: float) -> np.ndarray:
    """Return the [T, 103, 2] keypoints of a horse seen from its left by a camera that goes with it."""
    body = Body()
    motion = make_motion(gait, body, seconds=3.0, fps=fps)
    xyz = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)
    K = default_intrinsics(640, 360)
    at = xyz[:, skeleton.KEYPOINT_INDEX["DEF-spine.004"]] * [1, 1, 0]
    cameras = [look_at(p + [7.0, -1.0, 1.5], p + [0, 0, 1]) for p in at]
    return np.stack([Camera(K, T, 640, 360).project(points) for T, points in zip(cameras, xyz, strict=True)])


@pytest.mark.parametrize(("gait", "fps"), [("walk", 12.5), ("trot", 12.5), ("trot", 30.0), ("canter_right", 25.0)])
def test_exchanged_legs_are_found(gait: str, fps: float) -> None:
    rng = np.random.default_rng(1)
    true = side_view(gait, fps)
    size = np.ptp(true, axis=1).max(1)
    wrong = rng.random((len(true), 2)) < 0.3
    seen = true.copy()
    for side, parts in enumerate(("fore", "hind")):
        pairs = [
            (i, skeleton.MIRROR_KEYPOINTS[i])
            for i, name in enumerate(skeleton.KEYPOINTS)
            if (name.endswith(".L") or ".L." in name) and parts_of(name) == parts
        ]
        for left, right in pairs:
            rows = np.flatnonzero(wrong[:, side])
            seen[rows[:, None], [left, right]] = seen[rows[:, None], [right, left]]
    seen += rng.normal(0, 0.005, seen.shape) * size[:, None, None]
    uv_px, confidence, exchanged = steady_sides(seen, np.full(seen.shape[:2], 0.8), size)
    np.testing.assert_array_equal(exchanged, wrong)
    assert np.abs(uv_px - true)[:, FORE + HIND].max() < 0.04 * size.max()
    assert (confidence == 0.8).all()


def parts_of(name: str) -> str:
    """Return which pair of legs a keypoint goes with."""
    stem = name.removeprefix("DEF-")
    if stem.startswith(("shoulder", "upper_arm", "fore", "f_", "point_of_shoulder", "elbow", "carpus")):
        return "fore"
    if stem.startswith(("pelvis", "thigh", "lower_leg", "hind", "r_", "point_of_hip", "stifle", "hock")):
        return "hind"
    return "none"


def test_photos_and_gaps_stay_as_they_are() -> None:
    true = side_view("walk", 10.0)
    size = np.ptp(true, axis=1).max(1)
    one, _, exchanged = steady_sides(true[:1], np.ones((1, 103)), size[:1])
    assert not exchanged.any() and (one == true[:1]).all()
    gap = true.copy()
    gap[4:7] = np.nan
    sure = np.where(np.isfinite(gap[..., 0]), 0.9, 0.0)
    uv_px, confidence, exchanged = steady_sides(gap, sure, np.where(np.arange(len(gap)) // 3 == 2, np.nan, size))
    assert not exchanged.any()
    np.testing.assert_array_equal(uv_px, gap)
    np.testing.assert_array_equal(confidence, sure)
