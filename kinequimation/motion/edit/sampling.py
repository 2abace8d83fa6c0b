"""A motion at other times: cubic between frames, without overshoot."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_continuous, quat_normalize
from kinequimation.motion.edit.planting import STANDS_FROM, Stance, plant, stances_of
from kinequimation.motion.motion import Motion, part_of, pieces

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

_SAME_S = 1e-5
MAX_FRAMES = 2_000_000
"""Most frames that a resampled motion may have: nine hours at 60 frames a second."""


def resample(motion: Motion, fps: float, body: Body) -> Motion:
    """Return the motion at steps of 1 / ``fps`` from its first frame on, with planted hooves held.

    Args:
        motion: of even or uneven times.
        fps: frames per second.
        body: the horse.

    Raises:
        InputError: that many frames are no motion.
    """
    steps = np.floor((motion.t_s[-1] - motion.t_s[0]) * fps + 1e-6)
    if not steps < MAX_FRAMES:
        raise InputError(f"fps: expected at most {MAX_FRAMES} frames in all, got {steps:.7g}; lower it")
    n_frames = int(steps) + 1
    wanted_s = motion.t_s[0] + np.arange(n_frames) / fps
    if n_frames == len(motion) and np.abs(wanted_s - motion.t_s).max() < _SAME_S:
        return dataclasses.replace(motion, fps=fps)
    return sampled_and_planted(motion, wanted_s, fps, body)


def sampled_and_planted(motion: Motion, wanted_s: Float[np.ndarray, " n"], fps: float, body: Body) -> Motion:
    """Return what ``sampled`` does, with hooves that stand between two frames of the motion held where they stand."""
    slack_s = 1e-6
    stances = []
    for limb, start, stop, place in stances_of(body, motion):
        first, last = motion.t_s[start] - slack_s, motion.t_s[stop - 1] + slack_s
        low, high = np.searchsorted(wanted_s, [first, last]).tolist()
        if high > low:
            stances.append(Stance(limb, low, high, place))
    return plant(body, sampled(motion, wanted_s, fps), stances, copy=False)


def sampled(motion: Motion, wanted_s: Float[np.ndarray, " n"], fps: float) -> Motion:
    """Return the motion at some times; before its first and after its last frame it is held.

    Rotations and root are piecewise cubics whose slopes are limited (Fritsch & Carlson 1980; the slopes are those of
    Fritsch & Butland 1984), so that no value leaves the range of the two frames around it; rotations as quaternions
    in one hemisphere, scaled to unit length. Contacts are linear, and a hoof stands between two frames only if it
    stands in both; a frame beside one without a horse has none either; the gait is that of the nearest frame.

    Args:
        motion: what to sample.
        wanted_s: rising, on the clock of ``motion.t_s``.
        fps: nominal frames per second of the result.
    """
    t_s, n = motion.t_s, len(wanted_s)
    if len(t_s) == 1:
        return dataclasses.replace(part_of(motion, slice(0, 1)), fps=fps)
    root, quat = np.empty((n, 3)), np.empty((n, *motion.quat_wxyz.shape[1:]))
    contact, confidence = np.empty((n, motion.contact.shape[1])), np.empty(n)
    gait, phase = np.empty(n, motion.gait.dtype), np.empty(n)
    for rows in pieces(n):
        at_s = np.clip(wanted_s[rows], t_s[0], t_s[-1])
        before = np.clip(np.searchsorted(t_s, at_s, side="right") - 1, 0, len(t_s) - 2)
        low, high = max(int(before[0]) - 1, 0), min(int(before[-1]) + 3, len(t_s))
        near = slice(low, high)
        root[rows] = _cubic(t_s[near], motion.root_xyz_world[near], at_s, before - low)
        turned = quat_normalize(_cubic(t_s[near], quat_continuous(motion.quat_wxyz[near]), at_s, before - low))
        if rows.start > 0:  # pieces may have come out in different hemispheres
            same = np.sum(turned[0] * quat[rows.start - 1], -1) >= 0
            turned *= np.where(same, 1.0, -1.0)[:, None]
        quat[rows] = turned
        share = (at_s - t_s[before]) / (t_s[before + 1] - t_s[before])
        a, b = motion.contact[before], motion.contact[before + 1]
        mixed = a + share[:, None] * (b - a)
        lifted = np.minimum(a, b) <= STANDS_FROM
        contact[rows] = np.where(lifted & (share > 0)[:, None], np.minimum(mixed, STANDS_FROM), mixed)
        a, b = motion.confidence[before], motion.confidence[before + 1]
        missing = ((a <= 0) & (share < 1)) | ((b <= 0) & (share > 0))
        confidence[rows] = np.where(missing, 0.0, a + share * (b - a))
        nearest = before + (share >= 0.5)
        gait[rows] = motion.gait[nearest]
        step = (motion.phase[before + 1] - motion.phase[before] + 0.5) % 1.0 - 0.5
        between = np.where(share > 0, motion.phase[before] + share * step, motion.phase[before])
        phase[rows] = np.where(between % 1.0 >= 1.0, 0.0, between % 1.0)
    return dataclasses.replace(
        motion,
        root_xyz_world=root,
        quat_wxyz=quat,
        contact=contact,
        t_s=np.asarray(wanted_s, float),
        fps=fps,
        confidence=confidence,
        gait=gait,
        phase=phase,
    )


def _cubic(x: np.ndarray, y: np.ndarray, at: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Interpolate y [n, ...] at positions between x[before] and x[before + 1] without overshoot."""
    wide = (-1, *(1,) * (y.ndim - 1))
    h = np.diff(x).reshape(wide)
    secant = np.diff(y, axis=0) / h
    slope = np.empty_like(y)
    slope[0], slope[-1] = secant[0], secant[-1]
    left, right, before_h, after_h = secant[:-1], secant[1:], h[:-1], h[1:]
    # the weighted harmonic mean of the secants where they have one sign, level elsewhere
    weight = (before_h + 2 * after_h) / (3 * (before_h + after_h))
    mixed = weight * right + (1 - weight) * left
    slope[1:-1] = np.where(left * right > 0, left * right / np.where(mixed == 0, 1.0, mixed), 0.0)
    s = ((at - x[before]) / (x[before + 1] - x[before])).reshape(wide)
    step, s2, s3 = h[before], s * s, s * s * s
    return (
        (2 * s3 - 3 * s2 + 1) * y[before]
        + (s3 - 2 * s2 + s) * step * slope[before]
        + (3 * s2 - 2 * s3) * y[before + 1]
        + (s3 - s2) * step * slope[before + 1]
    )
