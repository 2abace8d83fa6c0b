"""What the way from pixels to 3D does to a horse's movement: for training the classifier. All sizes are judgement.

Hooves are noisy, limbs late, contacts unsure and shifted, legs are exchanged where they pass each other (so that two
legs may swing twice a stride each), hidden for a while, or one is seen for both; flights are lost, so that the lowest
hoof is always on the ground; the trunk's bob is too small; the way too long or short; few frames a stride.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

_PAIRS = ((0, 1), (2, 3))


def degraded(
    rng: np.random.Generator, rows: Float[np.ndarray, "t 17"], per_stride: float
) -> tuple[Float[np.ndarray, "t 17"], Float[np.ndarray, " t"], Bool[np.ndarray, "t 4"]]:
    """Return rows as they come out of the 2D path, where the horse was seen, and whose hooves are their own still.

    Args:
        rng: source of randomness.
        rows: true signals (see ``GaitClips.rows``).
        per_stride: rows that a stride takes.
    """
    rows = rows.astype(float).copy()
    n = len(rows)
    own = np.ones((n, 4), bool)
    seen = np.ones(n)
    if rng.random() < 0.08:
        return rows, seen, own
    rough = rng.uniform(0, 1) ** 1.5
    _lag(rng, rows, per_stride)
    for i in range(4):
        rows[:, 8 + i] = _contact(rng, rows[:, 8 + i], per_stride, rough)
    rows[:, :4] = rows[:, :4] * rng.uniform(0.75, 1.1, 4) + rng.normal(0, 0.03, 4)
    rows[:, :4] += 0.05 * rough * _slow_noise(rng, n, 4, rng.uniform(0.1, 0.6) * per_stride)
    rows[:, :4] += 0.02 * rough * rng.standard_normal((n, 4))
    rows[:, 4:8] = rows[:, 4:8] * rng.uniform(0.5, 1.3) + 0.03 * rough * _slow_noise(rng, n, 4, 0.15 * per_stride)
    if rng.random() < 0.5:  # as the fit holds them
        rows[:, 4:8] = np.where(rows[:, 8:12] > 0.5, 0.0, np.maximum(rows[:, 4:8], 0.0))
    _exchange(rng, rows, own)
    _hide(rng, rows, own, per_stride)
    if rng.random() < 0.5:
        lowest = rows[:, 4:8].min(1, keepdims=True)
        rows[:, 4:8] -= lowest
        rows[:, 12:15] -= lowest
        if rng.random() < 0.6:
            rows[:, 8:12] = np.maximum(rows[:, 8:12], np.clip(1.0 - rows[:, 4:8] / 0.03, 0.0, 0.9))
    mean = rows[:, 12:15].mean(0)
    rows[:, 12:15] = mean + rng.uniform(0.3, 1.2) * (rows[:, 12:15] - mean)
    rows[:, 12:15] += 0.02 * rough * _slow_noise(rng, n, 3, 0.25 * per_stride) + rng.normal(0, 0.03)
    rows[:, 15] += rng.normal(0, 0.06) + 0.04 * rough * _slow_noise(rng, n, 1, per_stride)[:, 0]
    step = np.diff(rows[:, 16], prepend=rows[0, 16])
    step = step * np.exp(rng.normal(0, 0.15)) + 0.2 * rough * _slow_noise(rng, n, 1, per_stride)[:, 0] / per_stride
    rows[:, 16] = np.cumsum(step)
    if rng.random() < 0.15:
        start = int(rng.integers(n))
        stop = min(n, start + int(rng.uniform(0.1, 0.8) * per_stride) + 1)
        seen[start:stop] = 0
        last = min(stop, n - 1)
        rows[start:stop] = rows[start] + np.linspace(0, 1, stop - start)[:, None] * (rows[last] - rows[start])
    return _at_rate(rng, rows, per_stride), seen, own


def _contact(rng: np.random.Generator, contact: np.ndarray, per_stride: float, rough: float) -> np.ndarray:
    """Shift the ends of stances, round them, and make them unsure."""
    n = len(contact)
    on = contact > 0.5
    edges = np.flatnonzero(on[1:] != on[:-1]) + 0.5
    bias = rng.normal(0, 0.05 * rough + 0.015, 2) * per_stride
    rises = on[np.clip((edges + 0.5).astype(int), 0, n - 1)]
    moved = edges + np.where(rises, bias[0], bias[1]) + rng.normal(0, 0.025 * rough * per_stride, len(edges))
    moved = np.maximum.accumulate(moved) if len(moved) else moved
    state = (np.searchsorted(moved, np.arange(n)) + int(on[0])) % 2
    soft = gaussian_filter1d(state.astype(float), rng.uniform(0.005, 0.06) * per_stride, mode="nearest")
    sure = rng.uniform(0.4, 1.0)
    soft = 0.5 + sure * (soft - 0.5) + 0.15 * rough * _slow_noise(rng, n, 1, 0.1 * per_stride)[:, 0]
    return soft.clip(0, 1)


def _lag(rng: np.random.Generator, rows: np.ndarray, per_stride: float) -> None:
    """Let limbs be late or early, as horses differ and as depth is mistaken for time. Changes the rows."""
    at = np.arange(len(rows))
    for i, late in enumerate(rng.normal(0, rng.choice([0.015, 0.045]), 4) * per_stride):
        for column in (i, 4 + i, 8 + i):
            rows[:, column] = np.interp(at - late, at, rows[:, column])


def _slow_noise(rng: np.random.Generator, n: int, columns: int, width: float) -> np.ndarray:
    """Return noise of unit size that lasts about ``width`` rows."""
    noise = gaussian_filter1d(rng.standard_normal((n, columns)), max(width / 2, 0.5), axis=0, mode="nearest")
    return noise / max(float(noise.std()), 1e-6)


def _exchange(rng: np.random.Generator, rows: np.ndarray, own: np.ndarray) -> None:
    """Exchange left and right of a pair, from some of the moments on at which they pass each other. Changes both."""
    n = len(rows)
    for left, right in _PAIRS:
        kind = rng.random()
        if kind < 0.6:
            continue
        chance = rng.uniform(0.02, 0.3) if kind < 0.85 else rng.uniform(0.3, 1.0)
        sign = rows[:, left] > rows[:, right]
        passing = np.flatnonzero(sign[1:] != sign[:-1]) + 1
        toggles = np.zeros(n, int)
        toggles[passing[rng.random(len(passing)) < chance]] = 1
        swapped = np.cumsum(toggles) % 2 == 1
        for block in (0, 4, 8):
            a, b = block + left, block + right
            rows[swapped, a], rows[swapped, b] = rows[swapped, b].copy(), rows[swapped, a].copy()
        own[swapped, left] = own[swapped, right] = False


def _hide(rng: np.random.Generator, rows: np.ndarray, own: np.ndarray, per_stride: float) -> None:
    """Let hooves be guessed for a while, or seen where their fellow is. Changes both."""
    n = len(rows)
    for i in range(4):
        kind = rng.random()
        if kind > 0.2:
            continue
        start = int(rng.uniform(-0.3, 1) * n)
        part = slice(max(start, 0), max(start, 0) + int(rng.uniform(0.3, 3) * per_stride))
        fellow = i ^ 1
        share = rng.uniform(0.5, 1.0)
        for block, value in ((0, rows[:, i].mean()), (4, rows[:, 4 + i].mean()), (8, 0.5)):
            to = rows[part, block + fellow] if kind < 0.1 else value
            rows[part, block + i] += share * (to - rows[part, block + i])
        own[part, i] = False


def _at_rate(rng: np.random.Generator, rows: np.ndarray, per_stride: float) -> np.ndarray:
    """Keep only so many rows a stride, from 8 to all, and draw straight lines between them."""
    n = len(rows)
    every = per_stride / np.exp(rng.uniform(np.log(8), np.log(40)))
    if every <= 1:
        return rows
    at = np.arange(rng.uniform(0, every), n, every)
    if len(at) < 2:
        return rows
    kept = np.stack([np.interp(at, np.arange(n), c) for c in rows.T], 1)
    return np.stack([np.interp(np.arange(n), at, c) for c in kept.T], 1)
