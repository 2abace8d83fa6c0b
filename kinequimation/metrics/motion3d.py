"""Errors of points in space and of their movement.

Lengths keep the unit they come in; reports give per cent of withers height and millimetres at 1.60 m.

Sources: N-MPJPE, Rhodin et al. 2018 (arXiv 1803.04775); PA-MPJPE, Umeyama 1991 per frame; jitter and foot slide in the
units of WHAM (arXiv 2312.07531).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.geometry.align import similarity_transform

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return the mean distance of points from their truth, in the unit they come in; NaN truths do not count."""
    return float(np.nanmean(np.linalg.norm(xyz - truth, axis=-1)))


def n_mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return MPJPE after the best scale of each frame; both must be relative to the same root (Rhodin 2018)."""
    known = np.isfinite(truth)
    a, b = np.where(known, xyz, 0.0), np.where(known, truth, 0.0)
    scale = (a * b).sum((1, 2)) / np.maximum((a * a).sum((1, 2)), 1e-12)
    return mpjpe(xyz * scale[:, None, None], truth)


def pa_mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return MPJPE after each frame's best similarity transform (Procrustes alignment)."""
    aligned = np.full_like(np.asarray(xyz, float), np.nan)
    for t in range(len(xyz)):
        known = np.isfinite(truth[t]).all(-1)
        scale, R, offset = similarity_transform(xyz[t, known], truth[t, known])
        aligned[t] = scale * xyz[t] @ R.T + offset
    return mpjpe(aligned, truth)


def bone_length_spread(xyz: Float[np.ndarray, "frames k 3"], bones: Int[np.ndarray, "b 2"]) -> Float[np.ndarray, " b"]:
    """Return each bone's standard deviation of length over time, divided by its mean length; 0 for a rigid bone."""
    lengths = np.linalg.norm(xyz[:, bones[:, 0]] - xyz[:, bones[:, 1]], axis=-1)
    return lengths.std(0) / np.maximum(lengths.mean(0), 1e-12)


def jitter(xyz_world: Float[np.ndarray, "frames k 3"], fps: float) -> float:
    """Return the mean size of the third time derivative of position, in 10 m/s³ (WHAM).

    Raises:
        InputError: fewer than four frames.
    """
    if len(xyz_world) < 4:
        raise InputError(f"jitter: expected 4 frames or more, got {len(xyz_world)}")
    return float(np.linalg.norm(np.diff(xyz_world, n=3, axis=0), axis=-1).mean() * fps**3 / 10)


def foot_slide_mm(xyz_world: Float[np.ndarray, "frames 4 3"], contact: Float[np.ndarray, "frames 4"]) -> float:
    """Return the mean distance in millimetres that a toe moves from one frame to the next while it should stand.

    Args:
        xyz_world: the four toes, metres, LF, RF, LH, RH.
        contact: probability of contact; a step counts where it is above 0.5 in both frames. NaN if none counts.
    """
    stands = np.asarray(contact) > 0.5
    both = stands[1:] & stands[:-1]
    steps = np.linalg.norm(np.diff(xyz_world, axis=0), axis=-1)[both]
    return float(1000 * steps.mean()) if steps.size else float("nan")


def stance_drift_mm(
    xyz_world: Float[np.ndarray, "frames 4 3"], contact: Float[np.ndarray, "frames 4"]
) -> Float[np.ndarray, " stances"]:
    """Return, for each stance of each hoof, how far in millimetres the toe gets from where it first stood.

    Args:
        xyz_world: the four toes, metres, LF, RF, LH, RH.
        contact: probability of contact; a stance is an unbroken run above 0.5.
    """
    drifts = []
    for limb in range(contact.shape[1]):
        stands = np.concatenate([[False], np.asarray(contact[:, limb]) > 0.5, [False]]).astype(int)
        starts, ends = np.flatnonzero(np.diff(stands) == 1), np.flatnonzero(np.diff(stands) == -1)
        for start, end in zip(starts, ends, strict=True):
            path = xyz_world[start:end, limb]
            drifts.append(1000 * np.linalg.norm(path - path[0], axis=-1).max())
    return np.array(drifts)
