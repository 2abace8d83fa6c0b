"""Zero-lag smoothing with a weight per frame: Whittaker's penalised least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solveh_banded

from kinequimation.geometry.rotation import quat_continuous, quat_normalize

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

GAP_WEIGHT = 0.02
"""Weight of a frame that was filled in: its neighbours decide, and nothing runs away in a long gap."""

MIN_CHOICE_FRAMES = 24
"""Shorter clips say too little about their own noise."""


def smooth(
    values: Float[np.ndarray, "frames ..."], weight: Float[np.ndarray, " frames"], cutoff_hz: float, fps: float
) -> Float[np.ndarray, "frames ..."]:
    """Low-pass filter without delay.

    Minimises Σ w (x − y)² + λ Σ (second difference of x)² (Whittaker 1923; Eilers, Anal. Chem. 2003). With equal
    weights the gain is 1 / (1 + λ (2 sin(π f / fps))⁴), so λ is chosen to give one half at ``cutoff_hz``. Unlike
    a recursive filter it takes weights, needs no padding, and works on any number of frames.

    Args:
        values: what to smooth, along the first axis.
        weight: trust in each frame; on the scale where 1 is a good frame.
        cutoff_hz: frequency of half gain; at or above half the frame rate nothing is changed.
        fps: frames per second.
    """
    n = len(values)
    if n < 3 or cutoff_hz >= fps / 2:
        return values.copy()
    strength = _strength(cutoff_hz, fps)
    # upper diagonals of DᵀD, D the second difference
    bands = np.zeros((3, n))
    bands[2, :-2] += 1
    bands[2, 1:-1] += 4
    bands[2, 2:] += 1
    bands[1, 1:-1] -= 2
    bands[1, 2:] -= 2
    bands[0, 2:] = 1
    bands *= strength
    w = np.maximum(weight, 1e-6)
    bands[2] += w
    flat = values.reshape(n, -1)
    return solveh_banded(bands, w[:, None] * flat).reshape(values.shape)


def _strength(cutoff_hz: float, fps: float) -> float:
    return float((2 * np.sin(np.pi * cutoff_hz / fps)) ** -4)


def smooth_quat(
    quat_wxyz: Float[np.ndarray, "frames *n 4"],
    weight: Float[np.ndarray, " frames"],
    cutoffs_hz: tuple[float, ...],
    fps: float,
) -> Float[np.ndarray, "frames *n 4"]:
    """Low-pass filter rotations: their quaternions in one hemisphere, filtered as numbers and scaled to unit length.

    Args:
        quat_wxyz: rotations.
        weight: trust in each frame, as in ``smooth``.
        cutoffs_hz: rising; for each number the one that suits how noisy it is is found by generalised cross-validation
            (Craven & Wahba 1979): a twist that is hardly seen needs more than a bend. Short clips take the last.
        fps: frames per second.
    """
    quat = quat_continuous(quat_wxyz)
    usable = [f for f in cutoffs_hz if f < fps / 2]
    good = weight > 0.5
    if not usable:
        return quat
    if good.sum() < MIN_CHOICE_FRAMES or len(usable) == 1:
        return quat_normalize(smooth(quat, weight, usable[-1], fps))
    best, least = quat.copy(), np.full(quat.shape[1:], np.inf)
    waves = (2 * np.sin(np.linspace(0, np.pi, 257) / 2)) ** 4
    for cutoff in usable:
        smoothed = smooth(quat, weight, cutoff, fps)
        freedom = float(np.mean(1 / (1 + _strength(cutoff, fps) * waves)))
        score = ((smoothed - quat)[good] ** 2).mean(0) / (1 - freedom) ** 2
        better = score < least
        best[:, better] = smoothed[:, better]
        least = np.minimum(score, least)
    return quat_normalize(best)


def runs_of(state: Bool[np.ndarray, " frames"]) -> list[tuple[int, int]]:
    """Return (first row, row after the last) of every run of true rows."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], state.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def fill_rows(values: Float[np.ndarray, "frames ..."], known: np.ndarray) -> Float[np.ndarray, "frames ..."]:
    """Replace the rows that are not known by interpolation between those that are; hold the ends.

    Args:
        values: rows to fill; at least one is known.
        known: [T] bool.
    """
    if known.all():
        return values.copy()
    at = np.flatnonzero(known)
    frames = np.arange(len(values))
    right = np.searchsorted(at, frames).clip(0, len(at) - 1)
    left = (np.searchsorted(at, frames, side="right") - 1).clip(0, len(at) - 1)
    before, after = at[left], at[right]
    share = (frames - before) / np.maximum(after - before, 1)
    share = np.where(after > before, share, 0.0).reshape(-1, *[1] * (values.ndim - 1))
    return values[before] * (1 - share) + values[after] * share
