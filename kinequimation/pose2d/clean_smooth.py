"""Zero-lag smoothing of points whose noise and trust differ, at times that need not be even; it also fills gaps.

Whittaker's penalised least squares (Whittaker 1923; Eilers, Anal. Chem. 2003), as ``fit.smoothing`` has it, with a
weight for every point in every frame and second differences over the true times. How much a point is smoothed follows
from its own noise: of a few cut-off frequencies the best by generalised cross-validation (Craven & Wahba 1979). So a
steady point is smoothed more than a fast hoof, and where frames are few nothing is smoothed that could be motion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solveh_banded

if TYPE_CHECKING:
    from jaxtyping import Float

CUTOFFS_HZ = (6.0, 8.0, 10.0, 12.0, 15.0)
"""Frequencies of half gain to choose from. Biomechanics takes 6 for a walk, 10 for a trot, 12 to 15 for a gallop and
for hooves (Butterworth, zero lag)."""
FRAMES_PER_CYCLE = 4.0
"""Least frames for a cycle of the cut-off frequency: with fewer nothing tells noise from motion."""
MIN_FRAMES = 12
"""Shorter runs say too little about their own noise and are left as they are: a guess."""
USUAL_CHANGES = 3.0
"""A frame is moved by at most so many times what frames are usually moved (scaled median): more is no noise but motion,
such as the corner in a hoof's path where it lands."""
GAP_CUTOFF_HZ = 8.0
"""Stiffness of the path through a gap; between good frames it is close to a cubic whatever this is."""
_LEAST_WEIGHT = 1e-8


def smooth_path(
    values: Float[np.ndarray, "frames d"],
    weight: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
    cutoff_hz: float,
) -> Float[np.ndarray, "frames d"]:
    """Low-pass filter a path without delay.

    Args:
        values: finite; a frame of weight 0 is filled in from the others.
        weight: trust in each frame, on the scale where 1 is a good one.
        t_s: seconds, rising.
        cutoff_hz: frequency of half gain.
    """
    n = len(values)
    if n < 3:
        return values.copy()
    bands, usual_s = _penalty(t_s)
    bands *= _strength(cutoff_hz, usual_s)
    w = np.maximum(weight, _LEAST_WEIGHT)
    bands[2] += w
    return solveh_banded(bands, w[:, None] * values)


def smooth_noise(
    values: Float[np.ndarray, "frames d"],
    weight: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames d"]:
    """Take away a path's noise, and of its motion as little as can be.

    Args:
        values: as for ``smooth_path``.
        weight: as for ``smooth_path``.
        t_s: seconds, rising.
    """
    cutoff = best_cutoff(values, weight, t_s)
    if cutoff is None:
        return values.copy()
    change = smooth_path(values, weight, t_s, cutoff) - values
    length = np.linalg.norm(change, axis=1)
    most = USUAL_CHANGES * 1.4826 * float(np.median(length[weight > 0]))
    share = np.minimum(1.0, most / np.maximum(length, 1e-12))
    return values + np.where(weight > 0, share, 1.0)[:, None] * change


def best_cutoff(
    values: Float[np.ndarray, "frames d"],
    weight: Float[np.ndarray, " frames"],
    t_s: Float[np.ndarray, " frames"],
) -> float | None:
    """Return the cut-off frequency that suits a path's noise, None where it is best left as it is.

    Args:
        values: as for ``smooth_path``.
        weight: as for ``smooth_path``; frames of weight 0 do not judge.
        t_s: seconds, rising.
    """
    judges = weight > 0
    if judges.sum() < MIN_FRAMES:
        return None
    fps = 1.0 / float(np.median(np.diff(t_s)))
    cutoffs = [f for f in CUTOFFS_HZ if f * FRAMES_PER_CYCLE <= fps]
    # the last of them hardly smooths: a path that it suits best has no noise to take away
    weakest = 0.49 * fps
    waves = (2 * np.sin(np.linspace(0, np.pi, 257) / 2)) ** 4
    scores = []
    for cutoff in (*cutoffs, weakest):
        rest = ((smooth_path(values, weight, t_s, cutoff) - values)[judges] ** 2).sum(1)
        freedom = float(np.mean(1 / (1 + _strength(cutoff, 1.0 / fps) * waves)))
        scores.append(float(np.average(rest, weights=weight[judges])) / (1 - freedom) ** 2)
    best = int(np.argmin(scores))
    return cutoffs[best] if best < len(cutoffs) else None


def _strength(cutoff_hz: float, step_s: float) -> float:
    return float((2 * np.sin(np.pi * min(cutoff_hz * step_s, 0.5))) ** -4)


def _penalty(t_s: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the upper diagonals of DᵀD, D the second differences in usual steps, and the usual step, seconds."""
    n = len(t_s)
    steps_s = np.diff(t_s)
    usual_s = float(np.median(steps_s))
    before, after = steps_s[:-1] / usual_s, steps_s[1:] / usual_s
    whole = (before + after) / 2
    rows = np.stack([1 / (before * whole), -1 / (before * whole) - 1 / (after * whole), 1 / (after * whole)])
    rows *= np.sqrt(whole)  # a frame stands for the time around it
    bands = np.zeros((3, n))
    for i in range(3):
        for j in range(i, 3):
            bands[2 - (j - i), j : n - 2 + j] += rows[i] * rows[j]
    return bands, usual_s
