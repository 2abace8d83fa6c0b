"""Planted exchanges, outliers and gaps are repaired; a clip without any is left as it is."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from importlib import import_module

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.errors import InputError
from kinequimation.geometry.camera import Camera, default_intrinsics, look_at
from kinequimation.motion import make_motion
from kinequimation.pose2d import clean_clip
from kinequimation.pose2d.clean_clip import MAX_GAP_S, CleanClip, clean_parts
from kinequimation.pose2d.clean_smooth import best_cutoff, smooth_path
from kinequimation.pose2d.sides import SECTIONS

GAITS = [("walk", 25.0), ("trot", 12.5), ("trot", 30.0), ("canter_right", 25.0), ("gallop_left", 50.0)]
PART = 250
clean_module = import_module("kinequimation.pose2d.clean_clip")  # the package has a function of that name
TOE = skeleton.KEYPOINT_INDEX["fore_toe.L"]


@lru_cache
def filmed(
    gait: str, fps: float, seconds: float = 2.0, pans: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the keypoints of a horse that crosses the picture of a camera that stands, its size, and the times."""
    body = Body()
    motion = make_motion(gait, body, seconds=seconds, fps=fps)
    xyz = body.keypoints(motion.root_xyz_world * [1, not pans, 1], motion.quat_wxyz)
    middle = xyz.mean((0, 1)) * [1, 1, 0]
    camera = Camera(default_intrinsics(1280, 720), look_at(middle + [14.0, 0, 1.5], middle + [0, 0, 1]), 1280, 720)
    uv_px = np.stack([camera.project(points) for points in xyz])
    return uv_px, np.ptp(uv_px, axis=1).max(1), np.arange(len(uv_px)) / fps


def errors(uv_px: np.ndarray, true: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return [T, 103] distances as shares of the box."""
    return np.linalg.norm(uv_px - true, axis=-1) / size[:, None]


@pytest.mark.parametrize(("gait", "fps"), GAITS)
def test_a_clean_clip_is_left_as_it_is(gait: str, fps: float) -> None:
    true, size, t_s = filmed(gait, fps)
    sure = np.full(true.shape[:2], 0.9)
    clean = clean_clip(true, sure, size, t_s)
    assert not clean.exchanged.any()
    assert clean.outlier.mean() < 0.001  # corners in the path of a hoof at 12.5 frames/s
    after = errors(clean.uv_px, true, size)
    assert after.mean() < 0.001
    assert after[~clean.outlier].max() < 0.02
    np.testing.assert_array_equal(clean.confidence[~clean.outlier], 0.9)
    np.testing.assert_array_equal(clean.raw_uv_px, true)


@pytest.mark.parametrize(("gait", "fps"), GAITS)
def test_noise_shrinks(gait: str, fps: float) -> None:
    true, size, t_s = filmed(gait, fps)
    rng = np.random.default_rng(3)
    noisy = true + rng.normal(0, 0.012, true.shape) * size[:, None, None]
    clean = clean_clip(noisy, np.full(true.shape[:2], 0.9), size, t_s)
    before, after = (np.sqrt((errors(uv, true, size) ** 2).mean()) for uv in (noisy, clean.uv_px))
    # a cut-off needs four frames a cycle: at 12.5 frames/s next to nothing may be smoothed
    assert after < before * (1.03 if fps < 20 else 0.85 if fps < 50 else 0.75)
    left = clean_clip(noisy, np.full(true.shape[:2], 0.9), size, t_s, smooth=False)
    kept = ~(left.filled | left.exchanged | left.outlier)
    np.testing.assert_allclose(left.uv_px[kept], noisy[kept], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("gait", "fps"), GAITS)
def test_outliers_and_gaps_are_filled(gait: str, fps: float) -> None:
    true, size, t_s = filmed(gait, fps)
    rng = np.random.default_rng(4)
    seen = true + rng.normal(0, 0.004, true.shape) * size[:, None, None]
    sure = np.full(true.shape[:2], 0.9)
    inner = slice(4, len(true) - 4)
    wrong = np.zeros(true.shape[:2], bool)
    wrong[inner] = rng.random(wrong[inner].shape) < 0.03
    wrong[:, [skeleton.KEYPOINT_INDEX[f"DEF-spine.00{i}"] for i in range(1, 7)]] = False
    angle = rng.uniform(0, 2 * np.pi, wrong.sum())
    seen[wrong] += 0.25 * np.stack([np.cos(angle), np.sin(angle)], 1) * size[np.nonzero(wrong)[0], None]
    gap = np.zeros_like(wrong)
    gap[len(true) // 3 : len(true) // 3 + max(1, int(0.08 * fps)), TOE] = True
    seen[gap], sure[gap] = np.nan, 0.0
    clean = clean_clip(seen, sure, size, t_s)
    found = clean.outlier | clean.exchanged  # an exchange may also put a point right
    assert found[wrong & ~gap].mean() > 0.9
    assert clean.outlier[~wrong].mean() < 0.01
    np.testing.assert_array_equal(clean.filled & ~clean.outlier, gap & clean.filled)
    assert clean.filled[gap].all()
    after = errors(clean.uv_px, true, size)
    assert np.nanmean(after[wrong] < 0.06) > 0.85
    assert (clean.confidence[clean.filled] < 0.9).all() and (clean.confidence[clean.filled] > 0).all()
    np.testing.assert_array_equal(clean.raw_uv_px, seen)


def test_what_cannot_be_known_stays_unknown() -> None:
    true, size, t_s = filmed("trot", 30.0)
    seen, sure = true.copy(), np.full(true.shape[:2], 0.9)
    long = slice(20, 20 + int(2 * MAX_GAP_S * 30))
    seen[long, TOE], sure[long, TOE] = np.nan, 0.0
    seen[:3, TOE], sure[:3, TOE] = np.nan, 0.0
    size = size.copy()
    size[53:56] = np.nan  # no horse there
    seen[53:56], sure[53:56] = np.nan, 0.0
    landmark = skeleton.KEYPOINT_INDEX["withers"]
    seen[:, landmark], sure[:, landmark] = np.nan, 0.0  # a network without it
    clean = clean_clip(seen, sure, size, t_s)
    for empty in (clean.uv_px[long, TOE], clean.uv_px[:3, TOE], clean.uv_px[53:56], clean.uv_px[:, landmark]):
        assert np.isnan(empty).all()
    assert (clean.confidence[np.isnan(clean.uv_px[..., 0])] == 0).all()
    for n in (1, 2):
        few = clean_clip(true[:n], np.ones((n, 103)), np.full(n, 300.0), t_s[:n])
        np.testing.assert_array_equal(few.uv_px, true[:n])
    with pytest.raises(InputError, match="rise"):
        clean_clip(true, sure, size, t_s[::-1])


def test_uneven_times_are_honoured() -> None:
    rng = np.random.default_rng(5)
    t_s = np.cumsum(rng.uniform(0.01, 0.05, 200))
    line = np.stack([300 * t_s, 20 - 80 * t_s], 1)  # no second difference over the true times
    np.testing.assert_allclose(smooth_path(line, np.ones(200), t_s, 6.0), line, atol=1e-6)
    weight = np.ones(200)
    weight[50:60] = 0.0
    np.testing.assert_allclose(smooth_path(np.where(weight[:, None], line, 0), weight, t_s, 6.0), line, atol=0.2)
    even = np.arange(400) / 100
    slow, fast = (np.sin(2 * np.pi * f * even)[:, None] for f in (1.0, 10.0))
    middle = slice(50, -50)
    assert np.abs(smooth_path(slow, np.ones(400), even, 10.0) - slow)[middle].max() < 0.001
    gain = np.ptp(smooth_path(fast, np.ones(400), even, 10.0)[middle]) / np.ptp(fast[middle])
    assert gain == pytest.approx(0.5, abs=0.01)  # what a cut-off means
    assert best_cutoff(slow, np.ones(400), even) is None
    noisy = slow + rng.normal(0, 0.05, slow.shape)
    assert best_cutoff(noisy, np.ones(400), even) == 6.0


def test_a_long_clip_cleaned_in_parts_agrees_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, n_frames in (("PART_FRAMES", PART), ("FRAMES_BEFORE", 40), ("FRAMES_AFTER", 60)):  # a third, for speed
        monkeypatch.setattr(clean_module, name, n_frames)
    true, size, t_s = filmed("trot", 25.0, seconds=16.0, pans=True)
    rng = np.random.default_rng(5)
    seen = true + rng.normal(0, 0.004, true.shape) * size[:, None, None]
    sure = np.clip(rng.normal(0.8, 0.1, true.shape[:2]), 0.05, 1)
    legs = np.array(
        [[skeleton.KEYPOINT_INDEX[k], skeleton.KEYPOINT_INDEX[skeleton.MIRROR[k]]] for s in SECTIONS[1] for k in s]
    )
    for start in (*range(10, len(true) - 20, 97), PART - 3):  # the last one lies across the seam
        rows = np.arange(start, start + 7)[:, None, None]
        seen[rows, legs], sure[rows, legs] = seen[rows, legs[:, ::-1]], sure[rows, legs[:, ::-1]]
    lost = rng.random(sure.shape) < 0.03
    seen[lost], sure[lost] = np.nan, 0
    seen[300:340], sure[300:340], size = np.nan, 0, np.where((t_s > 11.99) & (t_s < 13.59), np.nan, size)
    whole = clean_clip(seen, sure, size, t_s, smooth=False)
    parts = list(clean_parts(lambda a, b: (seen[a:b], sure[a:b]), size, t_s, smooth=False))
    assert len(parts) == 2
    together = CleanClip(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(CleanClip)))
    assert whole.exchanged.any() and whole.filled.any()
    np.testing.assert_array_equal(together.exchanged, whole.exchanged)
    np.testing.assert_array_equal(together.raw_uv_px, seen)
    differs = np.abs(np.nan_to_num(together.uv_px - whole.uv_px)).max(-1) > 0.05
    assert differs.mean() < 1e-3, "only thresholds that rest on medians of the whole clip may move a point"
