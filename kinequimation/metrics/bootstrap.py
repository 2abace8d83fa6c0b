"""Intervals by bootstrap over images (percentile bootstrap, Efron 1979).

Whole images are drawn, not points: points of one image are right or wrong together. Every interval of a set of images
comes from the same draws, so that two results on one set are compared image by image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, Int

N_DRAWS = 2000
N_PAIRED_DRAWS = 10_000
"""A difference near 0 is what decides, so its ends are wanted more exactly."""
_CELLS = 1 << 21
"""Draws × images held at a time: some 50 MB, however large the set."""


def drawn_counts(n_images: int, n_draws: int = N_DRAWS, seed: int = 0) -> Iterator[Int[np.ndarray, "draws n"]]:
    """Yield how often each image is drawn in each draw with replacement, some draws at a time."""
    rng = np.random.default_rng(seed)
    rows = max(1, _CELLS // max(n_images, 1))
    for start in range(0, n_draws, rows):
        n = min(rows, n_draws - start)
        drawn = rng.integers(n_images, size=(n, n_images)) + n_images * np.arange(n)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * n_images).reshape(n, n_images)


def bootstrap_intervals(
    hits: Float[np.ndarray, "n k"], counts: Float[np.ndarray, "n k"], n_draws: int = N_DRAWS, seed: int = 0
) -> Float[np.ndarray, "k 2"]:
    """Return the 95 % interval of Σ hits / Σ counts of each column, when the images are drawn again.

    Args:
        hits: [N, K] points that are right in each image.
        counts: [N, K] points that count in each image.
        n_draws: how often to draw.
        seed: of the draws.

    Returns:
        [K, 2] ends; NaN for a column in which nothing counts. Draws in which nothing counts are left out.
    """
    ratios = _ratios(hits, counts, n_draws, seed)
    ends = np.full((ratios.shape[1], 2), np.nan)
    for k, column in enumerate(ratios.T):
        known = column[np.isfinite(column)]
        if known.size:
            ends[k] = np.percentile(known, [2.5, 97.5])
    return ends


def bootstrap_interval(
    hits: Sequence[int] | Int[np.ndarray, " n"],
    counts: Sequence[int] | Int[np.ndarray, " n"],
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of Σ hits / Σ counts, as ``bootstrap_intervals`` does for one column."""
    low, high = bootstrap_intervals(np.asarray(hits)[:, None], np.asarray(counts)[:, None], n_draws, seed)[0]
    return float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """How much higher one share is than another, on the same images.

    Attributes:
        value: of the whole set.
        low, high: ends of its 95 % interval.
    """

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def paired_differences(
    hits: Float[np.ndarray, "n k"],
    counts: Float[np.ndarray, "n k"],
    other_hits: Float[np.ndarray, "n k"],
    other_counts: Float[np.ndarray, "n k"],
    n_draws: int = N_PAIRED_DRAWS,
    seed: int = 0,
) -> list[Difference]:
    """Return Σ hits / Σ counts less the same of another result, column by column, when images are drawn again.

    Both results see the same draws: how hard an image is drops out of the difference.

    Args:
        hits: [N, K] points that are right in each image.
        counts: [N, K] points that count in each image.
        other_hits: [N, K] those of the other result.
        other_counts: [N, K] those of the other result.
        n_draws: how often to draw.
        seed: of the draws.
    """
    h, c = np.concatenate([hits, other_hits], 1), np.concatenate([counts, other_counts], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.subtract(*np.split(h.sum(0) / c.sum(0), 2))
    columns = np.subtract(*np.split(_ratios(h, c, n_draws, seed), 2, axis=1)).T
    found = []
    for value, drawn in zip(values, columns, strict=True):
        known = drawn[np.isfinite(drawn)]
        low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
        found.append(Difference(float(value), float(low), float(high)))
    return found


def paired_difference(
    hits: Int[np.ndarray, " n"],
    counts: Int[np.ndarray, " n"],
    other_hits: Int[np.ndarray, " n"],
    other_counts: Int[np.ndarray, " n"] | None = None,
    n_draws: int = N_PAIRED_DRAWS,
    seed: int = 0,
) -> Difference:
    """Return the same of one column; ``other_counts`` is ``counts`` by default."""
    others = counts if other_counts is None else other_counts
    h, c, other_h, other_c = (np.asarray(a)[:, None] for a in (hits, counts, other_hits, others))
    return paired_differences(h, c, other_h, other_c, n_draws, seed)[0]


def _ratios(hits: np.ndarray, counts: np.ndarray, n_draws: int, seed: int) -> np.ndarray:
    """Return [n_draws, K]; NaN where nothing counts."""
    h, c = np.asarray(hits, float), np.asarray(counts, float)
    if h.ndim != 2 or h.shape != c.shape:
        raise InputError(f"expected as many hits as counts, got {h.shape} and {c.shape}")
    if not len(h):
        return np.full((n_draws, h.shape[1]), np.nan)
    both = np.concatenate([h, c], 1)
    sums = np.concatenate([times.astype(float) @ both for times in drawn_counts(len(h), n_draws, seed)])
    hit, total = np.split(sums, 2, axis=1)
    return np.where(total > 0, hit / np.where(total > 0, total, 1.0), np.nan)
