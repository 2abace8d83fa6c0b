"""Make an observation fit to be fitted: missing points, single-frame outliers, legs that change sides for a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.fit.observation import Observation
from kinequimation.fit.smoothing import fill_rows

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SIGMA_FLOOR = 0.004
"""Nobody's points are better than this, withers heights; added to what the lifter claims."""
USUAL_SIGMA = 0.015
"""Errors are taken to be this large at most for the usual point of a clip, withers heights. A lifter's errors hang
together (a leg is a little too near as a whole), so that many points taken for independent would be believed too
little against the priors: with sigmas around 0.07 the legs of a trot swung a third less than its points."""
MISSING_WEIGHT = 0.05
"""Share of trust left to a point that was interpolated over time."""
MIN_POINTS = 8
"""Frames with fewer points than this count as empty."""
HAMPEL_WINDOW, HAMPEL_MADS, HAMPEL_FLOOR = 7, 3.0, 0.12
"""Frames, scaled median deviations (sources, D3), and withers heights under which a fast hoof is no outlier."""
SWAP_JUMP, MAX_SWAP_S = 0.15, 0.5
"""A swap of legs must save this much jumping (withers heights, mean over the leg) and be undone within this time."""


@dataclass(frozen=True)
class Track:
    """A cleaned observation.

    Attributes:
        xyz_cam: [T, 103, 3] withers heights relative to the sacrum, camera axes; finite.
        weight: [T, 103] information of each point, 1 / withers heights²; 0 for points never seen and empty frames.
        root_xyz_cam: [T, 3] the sacrum, withers heights; finite.
        up_cam: [T, 3] unit, finite.
        contact: [T, 4] in [0, 1], 0 in empty frames.
        uv_px: [T, 103, 2] finite.
        confidence: [T, 103] 0 where there is no 2D point.
        seen: [T] False in frames without a horse.
    """

    xyz_cam: Float[np.ndarray, "frames 103 3"]
    weight: Float[np.ndarray, "frames 103"]
    root_xyz_cam: Float[np.ndarray, "frames 3"]
    up_cam: Float[np.ndarray, "frames 3"]
    contact: Float[np.ndarray, "frames 4"]
    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]
    seen: Bool[np.ndarray, " frames"]

    @staticmethod
    def joined(tracks: Sequence[Track]) -> Track:
        """Return several stretches as one, as if they followed each other."""
        return Track(*(np.concatenate([getattr(track, f.name) for track in tracks]) for f in fields(Track)))


def clean(observation: Observation) -> Track:
    """Return the observation with outliers and gaps marked by their weight and filled in."""
    xyz = np.array(observation.xyz_cam, float)
    sigma = np.array(observation.sigma, float)
    uv = np.array(observation.uv_px, float)
    confidence = np.where(np.isfinite(uv).all(-1), np.nan_to_num(np.asarray(observation.confidence, float)), 0.0)
    contact = np.nan_to_num(np.array(observation.contact, float)).clip(0, 1)
    finite = np.isfinite(xyz).all(-1) & np.isfinite(sigma)
    seen = (np.asarray(observation.frame_confidence) > 0) & (finite.sum(1) >= MIN_POINTS)
    if not seen.any():
        seen = np.asarray(observation.frame_confidence) > 0
    finite &= seen[:, None]
    confidence[~seen] = 0.0
    contact[~seen] = 0.0

    for frames, swapped, limbs in _leg_swaps(xyz, finite, observation.fps):
        for array in (xyz, sigma, uv, confidence, finite):
            array[frames] = array[frames][:, swapped]
        contact[frames] = contact[frames][:, limbs]

    if finite.any():
        sigma *= min(1.0, USUAL_SIGMA / max(float(np.median(sigma[finite])), 1e-6))
    weight = np.where(finite, 1.0 / (np.where(finite, sigma, 1.0) ** 2 + SIGMA_FLOOR**2), 0.0)
    weight *= 0.25 + 0.75 * confidence.clip(0, 1)
    for k in range(skeleton.NUM_KEYPOINTS):
        known = finite[:, k]
        if not known.any():
            xyz[:, k] = 0.0
            continue
        good = known.copy()
        good[known] &= ~_is_outlier(xyz[known, k])
        xyz[:, k] = fill_rows(xyz[:, k], good)
        weight[~good, k] = MISSING_WEIGHT * float(np.median(weight[good, k]))
    weight[~seen] = 0.0

    root = np.array(observation.root_xyz_cam, float)
    up = np.array(observation.up_cam, float)
    root_known = seen & np.isfinite(root).all(-1)
    up_known = seen & np.isfinite(up).all(-1) & (np.linalg.norm(up, axis=-1) > 1e-6)
    root = fill_rows(root, root_known) if root_known.any() else np.tile([0.0, 0.0, 5.0], (len(root), 1))
    up = fill_rows(up, up_known) if up_known.any() else np.tile([0.0, -1.0, 0.0], (len(up), 1))
    return Track(
        xyz_cam=xyz,
        weight=weight,
        root_xyz_cam=root,
        up_cam=up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9),
        contact=contact,
        uv_px=np.nan_to_num(uv),
        confidence=confidence,
        seen=seen,
    )


def _is_outlier(xyz: Float[np.ndarray, "frames 3"]) -> Bool[np.ndarray, " frames"]:
    """Find frames far from the median of their neighbourhood (Hampel's identifier)."""
    half = HAMPEL_WINDOW // 2
    if len(xyz) < HAMPEL_WINDOW:
        return np.zeros(len(xyz), bool)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(xyz, ((half, half), (0, 0)), mode="reflect"), HAMPEL_WINDOW, 0
    )
    median = np.median(windows, axis=-1)
    spread = 1.4826 * np.median(np.abs(windows - median[..., None]), axis=-1)
    return np.any(np.abs(xyz - median) > np.maximum(HAMPEL_MADS * spread, HAMPEL_FLOOR), axis=-1)


def _leg_swaps(
    xyz: Float[np.ndarray, "frames 103 3"], finite: Bool[np.ndarray, "frames 103"], fps: float
) -> list[tuple[slice, np.ndarray, np.ndarray]]:
    """Find short runs of frames in which the two fore or the two hind legs have changed names.

    A run counts only if both its ends jump, and only if it is short: which name is right cannot be told otherwise.

    Returns:
        frames, the keypoint order and the contact order that put each run right.
    """
    if fps < 12:  # a trotting leg covers half a stride between two frames
        return []
    runs = []
    for pair in (0, 2):
        left = _lower_leg_points(skeleton.LIMBS[pair])
        right = skeleton.MIRROR_KEYPOINTS[left]
        order = np.arange(skeleton.NUM_KEYPOINTS)
        limb = [*left, *right]
        order[limb] = skeleton.MIRROR_KEYPOINTS[limb]
        limbs = np.arange(4)
        limbs[[pair, pair + 1]] = pair + 1, pair
        both = (finite[1:] & finite[:-1])[:, limb]
        gap = np.linalg.norm(xyz[1:, limb] - xyz[:-1, limb], axis=-1)
        gap_if_swapped = np.linalg.norm(xyz[1:][:, order[limb]] - xyz[:-1, limb], axis=-1)
        count = np.maximum(both.sum(1), 1)
        keep = np.where(both, gap, 0.0).sum(1) / count
        swap = np.where(both, gap_if_swapped, 0.0).sum(1) / count
        changes = np.flatnonzero((keep - swap > SWAP_JUMP) & (swap < 0.5 * keep)) + 1
        i = 0
        while i + 1 < len(changes):
            if changes[i + 1] - changes[i] <= MAX_SWAP_S * fps:
                runs.append((slice(int(changes[i]), int(changes[i + 1])), order, limbs))
                i += 2
            else:
                i += 1
    return runs


def _lower_leg_points(limb: str) -> np.ndarray:
    names = list(skeleton.limb_joints(limb)[3:])
    side = limb[0]
    fore = ("elbow", "carpus", "fore_fetlock", "fore_toe")
    hind = ("stifle", "hock", "hind_fetlock", "hind_toe")
    names += [f"{p}.{side}" for p in (fore if limb[1] == "F" else hind)]
    return np.array([skeleton.KEYPOINT_INDEX[n] for n in names])
