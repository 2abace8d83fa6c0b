"""How long a stride lasts, at each moment of a clip, whichever of two legs that look alike is called the left one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.gait.signals import Signals

LEAST_LAG_S, MOST_LAG_S = 0.12, 6.0
"""Half strides shorter than a racing trot's 0.2 s by far, and strides of a walk in fivefold slow motion."""
_LEAST_LAG_FRAMES = 3
_N_LAGS = 150
_LEAST_WINDOW_S, _WINDOW_LAGS = 2.0, 2.2
"""A stretch over which likeness is averaged: two seconds, or so many times the lag (judgement)."""
_HOP_S = 0.5
_MIDDLE_S = 6.0
"""Time over which the middle of a hoof's swing is taken: one camera often sees one leg further back than it is."""
_TOGETHER_HOPS = 4
"""So many windows to each side decide together whether legs are exchanged: two seconds."""
LEAST_LIFT = 0.05
"""Rise of a hoof, in withers heights, that is a stride too: a piaffe goes nowhere."""
_ALIKE, _NEAR_BEST = 0.5, 0.8
"""Likeness from which a lag may be a stride, and its share of the best lag's (judgement)."""
LEAST_SWING = 0.12
"""Fore-and-aft travel of a hoof under the trunk, in withers heights, from which a horse strides rather than shifts."""


def stride_periods(signals: Signals) -> Float[np.ndarray, " t"]:
    """Return how long a stride lasts at each time, seconds; NaN where the horse does not stride.

    Two moments are alike when the two fore limbs are where they were, in either order, and so the hind limbs: where
    one leg is taken for the other this does not change. In walk, trot and their like the horse is alike after half a
    stride, with its legs exchanged; in canter and gallop after a whole one, with its legs the same. Which of the two
    it is tells the stride from the lag of greatest likeness.
    """
    n, step_s = len(signals), signals.step_s
    most = min(int(n / 1.4), round(MOST_LAG_S / step_s))
    least = max(_LEAST_LAG_FRAMES, round(LEAST_LAG_S / step_s))
    if most <= least + 2:
        return np.full(n, np.nan)
    lags = np.unique(np.round(np.geomspace(least, most, _N_LAGS)).astype(int))
    centres = np.arange(0, n + 1, max(1, round(_HOP_S / step_s)))
    likeness, exchanged = _likeness(signals, lags, centres)
    exchanged = _blurred(exchanged, 2 * _TOGETHER_HOPS)
    half = round(_LEAST_WINDOW_S / step_s / 2)
    found = np.full(len(centres), np.nan)
    for i, centre in enumerate(centres):
        near = slice(max(0, centre - half), centre + half)
        swings, lifts = (np.percentile(np.ptp(a[near], axis=0), 75) for a in (signals.swing, signals.lift))
        if swings >= LEAST_SWING or lifts >= LEAST_LIFT:
            found[i] = _stride_frames(lags, likeness[i], exchanged[i])
    found = _without_odd_ones(found)
    known = np.isfinite(found)
    if not known.any():
        return np.full(n, np.nan)
    period = np.exp(np.interp(np.arange(n), centres[known], np.log(found[known]))) * step_s
    hop = centres[1] - centres[0] if len(centres) > 1 else 1
    nearest = np.round(np.arange(n) / hop).astype(int).clip(0, len(centres) - 1)
    return np.where(known[nearest], period, np.nan)


def _likeness(signals: Signals, lags: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return [centres, lags]: likeness after each lag (1: the same), and how far it is rather with legs exchanged."""
    n, step_s = len(signals), signals.step_s
    swing = signals.swing - _blurred(signals.swing, round(_MIDDLE_S / step_s))
    swing = swing.reshape(n, 2, 2)
    likeness, exchanged = np.full((len(centres), len(lags)), -1.0), np.zeros((len(centres), len(lags)))
    for j, lag in enumerate(lags):
        before, after = swing[:-lag], swing[lag:]
        same = _blurred(((after - before) ** 2).sum(-1), lag // 2)
        other = _blurred(((after[..., ::-1] - before) ** 2).sum(-1), lag // 2)
        least = np.minimum(same, other).sum(1)
        more = (same - other).sum(1)
        width = max(round(_LEAST_WINDOW_S / step_s), round(_WINDOW_LAGS * lag))
        low = np.clip(centres - width // 2, 0, max(0, n - width))
        high = np.minimum(low + width, n) - lag
        enough = high - low >= min(0.4 * lag, n - lag)
        spread = 2.0 * _variance(swing, low, low + width)
        count = np.maximum(high - low, 1)
        for values, target in ((1.0 - _sums(least, low, high) / count / spread, likeness),
                               (_sums(more, low, high) / count / spread, exchanged)):  # fmt: skip
            target[enough, j] = values[enough]
    return likeness, exchanged


def _blurred(values: np.ndarray, width: int) -> np.ndarray:
    """Return running means of rows over about ``width`` rows."""
    if width < 2:
        return values
    n, half = len(values), width // 2
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    return (total[high] - total[low]) / (high - low)[:, None]


def _sums(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    return total[np.clip(high, 0, len(values))] - total[np.clip(low, 0, len(values))]


def _variance(swing: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the variance of the four hooves, added, in windows."""
    count = np.maximum(np.minimum(high, len(swing)) - low, 1)[:, None, None]
    mean, square = _sums(swing, low, high) / count, _sums(swing**2, low, high) / count
    return np.maximum((square - mean**2).sum((1, 2)), 1e-9)


def _stride_frames(lags: np.ndarray, likeness: np.ndarray, exchanged: np.ndarray) -> float:
    """Return the stride in frames, from the first lag that is nearly as good as the best; NaN for none."""
    inner = likeness[1:-1]
    peaks = np.flatnonzero((inner >= likeness[:-2]) & (inner > likeness[2:])) + 1
    peaks = peaks[likeness[peaks] >= max(_ALIKE, _NEAR_BEST * likeness[peaks].max(initial=0.0))]
    if len(peaks) == 0:
        return float("nan")
    at = peaks[0]
    x = np.log(lags[at - 1 : at + 2])
    (u, v), (a, b) = x[[0, 2]] - x[1], likeness[[at - 1, at + 1]] - likeness[at]
    curve = (a * v - b * u) / (u * u * v - v * v * u)  # a parabola through the three
    slope = (a - curve * u * u) / u
    shift = float(np.clip(-slope / (2 * curve), u, v)) if curve < 0 else 0.0
    return float(np.exp(x[1] + shift)) * (2.0 if exchanged[at] > 0 else 1.0)


def _without_odd_ones(found: np.ndarray) -> np.ndarray:
    """Replace a value that differs from those about it by their median."""
    result = found.copy()
    for i in range(len(found)):
        about = found[max(0, i - 2) : i + 3]
        if np.isfinite(found[i]) and np.isfinite(about).sum() >= 3:
            middle = float(np.nanmedian(about))
            if abs(np.log(found[i] / middle)) > 0.3:
                result[i] = middle
    return result
