"""Confidence that means something: a monotone map from a network's score to how often it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Calibration:
    """A rising, piecewise linear map from score to probability; constant beyond its ends.

    Attributes:
        score: scores at the knots, rising.
        probability: probabilities at the knots, in 0..1, not falling.
    """

    score: tuple[float, ...]
    probability: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the knots; lists, as JSON gives them, become tuples."""
        object.__setattr__(self, "score", tuple(self.score))
        object.__setattr__(self, "probability", tuple(self.probability))
        s, p = np.asarray(self.score, float), np.asarray(self.probability, float)
        fine = s.ndim == 1 and s.shape == p.shape and len(s) >= 2 and np.isfinite(s).all() and np.isfinite(p).all()
        if not fine or (np.diff(s) <= 0).any() or (np.diff(p) < 0).any() or p[0] < 0 or p[-1] > 1:
            raise InputError(
                "calibration: expected rising scores and as many non-falling probabilities in 0..1, "
                f"got {self.score} and {self.probability}"
            )

    def __call__(self, score: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Return probabilities for scores; NaN stays NaN."""
        return np.interp(score, self.score, self.probability)

    def to_json(self) -> dict[str, Any]:
        """Return what ``Calibration(**...)`` reads back."""
        return {"score": list(self.score), "probability": list(self.probability)}


def fit_calibration(score: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"], n_knots: int = 12) -> Calibration:
    """Fit a calibration by isotonic regression over equally filled bins (Zadrozny & Elkan 2002).

    Args:
        score: the network's scores.
        right: whether each was right.
        n_knots: bins at the start; neighbours that would fall are merged (pool adjacent violators).

    Raises:
        InputError: fewer than two distinct scores.
    """
    if len(score) == 0 or np.ptp(score) == 0:
        raise InputError(f"calibration: expected scores that differ, got {len(score)} of one value; train longer")
    order = np.argsort(score, kind="stable")
    bins = [b for b in np.array_split(order, min(n_knots, len(order))) if len(b)]
    pools: list[list[float]] = []  # mean score, mean right, weight
    for b in bins:
        pools.append([float(score[b].mean()), float(right[b].mean()), float(len(b))])
        while len(pools) > 1 and (pools[-2][1] >= pools[-1][1] or pools[-2][0] >= pools[-1][0]):
            (s1, p1, n1), (s2, p2, n2) = pools[-2:]
            n = n1 + n2
            pools[-2:] = [[(s1 * n1 + s2 * n2) / n, (p1 * n1 + p2 * n2) / n, n]]
    if len(pools) < 2:
        return Calibration((float(score.min()), float(score.max())), (pools[0][1], pools[0][1]))
    return Calibration(tuple(round(p[0], 5) for p in pools), tuple(round(p[1], 5) for p in pools))
