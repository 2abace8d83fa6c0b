"""Legs that the network exchanged in single frames are put right by how they move."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.geometry.camera import Camera, default_intrinsics, look_at
from kinequimation.motion import make_motion
from kinequimation.pose2d import steady_sides
from kinequimation.pose2d.sides import SECTIONS


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
    seen, wrong = exchange(true, rng)
    seen += rng.normal(0, 0.005, seen.shape) * size[:, None, None]
    uv_px, confidence, exchanged = steady_sides(seen, np.full(seen.shape[:2], 0.8), size, np.arange(len(seen)) / fps)
    below = np.array([skeleton.KEYPOINT_INDEX[name] for leg in SECTIONS for part in leg for name in part])
    assert wrong[:, below].mean() > 0.2
    # where legs cross, nothing tells their points apart, and it does not matter which is which
    assert (exchanged != wrong)[:, below].mean() < 0.03
    away = np.linalg.norm(uv_px - true, axis=-1)[:, below] / size[:, None]
    assert (away > 0.05).mean() < 0.012
    assert (confidence == 0.8).all()


def exchange(true: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Exchange whole legs in single frames and for a third of a second, and legs from somewhere down."""
    seen, wrong = true.copy(), np.zeros(true.shape[:2], bool)
    for sections in SECTIONS:
        state = np.repeat(rng.random((len(true), 1)) < 0.15, len(sections), 1)
        for t in np.flatnonzero(rng.random(len(true)) < 0.15):
            state[t, rng.integers(1, len(sections)) :] ^= True
        state[len(true) // 2 :][:8] = True
        for section, names in enumerate(sections):
            for name in names:
                pair = [skeleton.KEYPOINT_INDEX[name], skeleton.KEYPOINT_INDEX[skeleton.MIRROR[name]]]
                rows = np.flatnonzero(state[:, section])[:, None]
                seen[rows, pair] = true[rows, pair[::-1]]
                wrong[rows, pair] = True
    return seen, wrong


def test_photos_and_gaps_stay_as_they_are() -> None:
    true = side_view("walk", 10.0)
    size = np.ptp(true, axis=1).max(1)
    one, _, exchanged = steady_sides(true[:1], np.ones((1, 103)), size[:1])
    assert not exchanged.any() and (one == true[:1]).all()
    gap = true.copy()
    gap[4:7] = np.nan
    sure = np.where(np.isfinite(gap[..., 0]), 0.9, 0.0)
    uv_px, confidence, exchanged = steady_sides(
        gap, sure, np.where(np.arange(len(gap)) // 3 == 2, np.nan, size), np.arange(len(gap)) / 10.0
    )
    assert not exchanged.any()
    np.testing.assert_array_equal(uv_px, gap)
    np.testing.assert_array_equal(confidence, sure)
