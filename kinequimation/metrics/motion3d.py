"""Errors of points in space and of their movement.

Lengths keep the unit they come in; reports give per cent of withers height and millimetres at 1.60 m.

Sources: N-MPJPE, Rhodin et al. 2018 (arXiv 1803.04775); PA-MPJPE, Umeyama 1991 per frame; jitter, foot slide and the
error of the root's path as WHAM has them (arXiv 2312.07531), but that a path may only be turned about the vertical: a
ground that is tilted is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.geometry.align import similarity_transform

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


def mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return the mean distance of points from their truth, in the unit they come in; NaN truths do not count."""
    return float(np.nanmean(np.linalg.norm(xyz - truth, axis=-1)))


def n_mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return MPJPE after the best scale of each frame; both must be relative to the same root (Rhodin 2018)."""
    known = np.isfinite(truth)
    a, b = np.where(known, xyz, 0.0), np.where(known, truth, 0.0)
    scale = (a * b).sum((1, 2)) / np.maximum((a * a).sum((1, 2)), 1e-12)
    return mpjpe(xyz * scale[:, None, None], truth)


def procrustes(
    xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]
) -> Float[np.ndarray, "frames k 3"]:
    """Return the points after each frame's best similarity transform onto its truth; NaN truths have no say."""
    aligned = np.full_like(np.asarray(xyz, float), np.nan)
    for t in range(len(xyz)):
        known = np.isfinite(truth[t]).all(-1)
        scale, R, offset = similarity_transform(xyz[t, known], truth[t, known])
        aligned[t] = scale * xyz[t] @ R.T + offset
    return aligned


def pa_mpjpe(xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"]) -> float:
    """Return MPJPE after each frame's best similarity transform (Procrustes alignment)."""
    return mpjpe(procrustes(xyz, truth), truth)


def velocity_error(
    xyz: Float[np.ndarray, "frames k 3"], truth: Float[np.ndarray, "frames k 3"], fps: float
) -> Float[np.ndarray, "frames-1 k"]:
    """Return how far each point's velocity is off between two frames (MPJVE before the mean), units per second."""
    return np.linalg.norm(np.diff(xyz, axis=0) - np.diff(truth, axis=0), axis=-1) * fps


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


def f1_score(found: Bool[np.ndarray, "*n"], truth: Bool[np.ndarray, "*n"]) -> float:
    """Return F1 of yes-or-no answers, of hoof contacts for instance; NaN if nothing is true and nothing was found."""
    found, truth = np.asarray(found, bool), np.asarray(truth, bool)
    hits, wrong = int((found & truth).sum()), int((found ^ truth).sum())
    return 2 * hits / (2 * hits + wrong) if hits + wrong else float("nan")


def heading_rad(forward_world: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, " frames"]:
    """Return the direction of vectors about the vertical, turned left from −Y, without jumps over time."""
    return np.unwrap(np.arctan2(forward_world[:, 0], -forward_world[:, 1]))


def heading_drift_deg(
    forward_world: Float[np.ndarray, "frames 3"], truth_world: Float[np.ndarray, "frames 3"]
) -> float:
    """Return how much the error of the heading differs between any two frames of a clip, degrees.

    Args:
        forward_world: where the horse faces, Z up; its length does not matter.
        truth_world: where it truly faces, in axes that may be turned about the vertical by any constant angle.
    """
    return float(np.degrees(np.ptp(heading_rad(forward_world) - heading_rad(truth_world))))


def place_on_path(
    xyz_world: Float[np.ndarray, "frames 3"], truth_world: Float[np.ndarray, "frames 3"]
) -> tuple[float, Float[np.ndarray, " 3"]]:
    """Return the turn about the vertical, radians to the left, and then the shift that take a path nearest to another.

    Least squares over all frames, in the horizontal plane; the shift's height is that of the means. The scale stays.
    """
    middle, true_middle = xyz_world.mean(0), truth_world.mean(0)
    a, b = (xyz_world - middle)[:, :2], (truth_world - true_middle)[:, :2]
    turn = float(np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum()))
    return turn, true_middle - turn_about_vertical(middle, turn)


def turn_about_vertical(xyz: Float[np.ndarray, "*n 3"], turn_rad: float) -> Float[np.ndarray, "*n 3"]:
    """Return points turned about the Z axis, to the left."""
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    return xyz @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).T


def path_error(xyz_world: Float[np.ndarray, "frames 3"], truth_world: Float[np.ndarray, "frames 3"]) -> float:
    """Return the mean distance of a path from the true one after ``place_on_path``, in the unit they come in.

    WHAM's root translation error before it is divided by the way.
    """
    turn, shift = place_on_path(xyz_world, truth_world)
    return float(np.linalg.norm(turn_about_vertical(xyz_world, turn) + shift - truth_world, axis=-1).mean())


def path_length(xyz_world: Float[np.ndarray, "frames 3"]) -> float:
    """Return the length of a path over the ground."""
    return float(np.linalg.norm(np.diff(xyz_world[:, :2], axis=0), axis=-1).sum())


def share_outside(
    values: Float[np.ndarray, "frames n ..."],
    low: Float[np.ndarray, "n ..."],
    high: Float[np.ndarray, "n ..."],
    tolerance: float = 0.0,
) -> float:
    """Return the share of frames in which any value leaves its range by more than a tolerance, from 0 to 1."""
    outside = (values < low - tolerance) | (values > high + tolerance)
    return float(outside.reshape(len(values), -1).any(1).mean())


def penetration_mm(lowest_z_m: Float[np.ndarray, "frames n"]) -> tuple[float, float]:
    """Return how deep things lie under the ground, millimetres: the mean over all frames, and the deepest.

    Args:
        lowest_z_m: height of the lowest point of each thing (of each hoof, say) in each frame; what lies above the
            ground counts as 0.
    """
    depth = 1000 * np.maximum(-np.asarray(lowest_z_m), 0.0).reshape(len(lowest_z_m), -1).max(1)
    return float(depth.mean()), float(depth.max())
