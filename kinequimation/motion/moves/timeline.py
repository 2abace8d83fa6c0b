"""Smooth curves through keyframes in time."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float


def pass_through(t: Float[np.ndarray, "*n"], keys: Sequence[tuple[float, ...]]) -> Float[np.ndarray, "*n"]:
    """Go through keyframes with a continuous speed and without overshoot; outside of them the end values hold.

    The slope at a key is the harmonic mean of its neighbours' (Fritsch and Carlson 1980), nothing at the ends and
    where the curve turns.

    Args:
        t: where to evaluate.
        keys: (time, value), the times rising.
    """
    return with_speeds(t, *_prepared(tuple(keys)))


@lru_cache(maxsize=1024)
def _prepared(keys: tuple[tuple[float, ...], ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, values and slopes of keyframes."""
    x, y = np.array(keys, float).T
    step = np.diff(x)
    slope = np.diff(y) / step
    before, after = slope[:-1], slope[1:]
    a, b = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
    rising = before * after > 0
    inner = np.where(rising, (a + b) / (a / np.where(rising, before, 1.0) + b / np.where(rising, after, 1.0)), 0.0)
    return x, y, np.concatenate([[0.0], inner, [0.0]])


def with_speeds(t: Float[np.ndarray, "*n"], x: np.ndarray, y: np.ndarray, speed: np.ndarray) -> Float[np.ndarray, "*n"]:
    """Go through keyframes with the given speed at each (cubic Hermite); outside of them the end values hold."""
    t = np.clip(t, x[0], x[-1])
    i = np.clip(np.searchsorted(x, t, side="right") - 1, 0, len(x) - 2)
    step = x[i + 1] - x[i]
    w = (t - x[i]) / step
    u = 1.0 - w
    return u * u * ((1 + 2 * w) * y[i] + w * step * speed[i]) + w * w * (
        (1 + 2 * u) * y[i + 1] - u * step * speed[i + 1]
    )


def window(t: Float[np.ndarray, "*n"], start: float, end: float, ramp: float) -> Float[np.ndarray, "*n"]:
    """Return 1 from ``start`` to ``end`` and 0 elsewhere, with smooth ramps that lie outside."""
    return pass_through(t, [(start - ramp, 0.0), (start, 1.0), (end, 1.0), (end + ramp, 0.0)])
