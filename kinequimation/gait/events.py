"""When hooves land and leave the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.gait.signals import Signals

SHORTEST = 0.07
"""Stances shorter than this share of the stride are dropped and shorter gaps closed (judgement): the briefest stance of
a racing gallop takes 0.18, the briefest swing of a slow walk 0.31 (sources, E1)."""
USUAL_STRIDE_S = 0.8
"""Taken for a stride where none was found."""


@dataclass(frozen=True)
class Stance:
    """A hoof on the ground.

    Attributes:
        limb: one of ``skeleton.LIMBS``.
        on_s: when it lands; NaN where it stands already when the clip begins.
        off_s: when it leaves the ground; NaN where it still stands when the clip ends.
    """

    limb: str
    on_s: float
    off_s: float


def read_stances(signals: Signals, period_s: Float[np.ndarray, " t"]) -> tuple[Stance, ...]:
    """Return every stance, in the order of landing.

    The moment between two frames is where the contact probability, drawn as a straight line, crosses one half.

    Args:
        signals: of the clip.
        period_s: how long a stride lasts at each time; NaN where there is none.
    """
    stride = np.where(np.isfinite(period_s), period_s, USUAL_STRIDE_S)
    found = []
    for i, limb in enumerate(skeleton.LIMBS):
        found += [Stance(limb, on, off) for on, off in _spans(signals.contact[:, i], signals.t_s, stride)]
    return tuple(sorted(found, key=lambda s: (s.on_s if np.isfinite(s.on_s) else -np.inf, s.limb)))


def _spans(contact: np.ndarray, t_s: np.ndarray, stride_s: np.ndarray) -> list[tuple[float, float]]:
    """Return (on, off) of one hoof's stances, seconds."""
    on = contact > 0.5
    edges = np.flatnonzero(on[1:] != on[:-1])
    before, after = contact[edges], contact[edges + 1]
    times = t_s[edges] + (0.5 - before) / np.where(after == before, 1.0, after - before) * (t_s[edges + 1] - t_s[edges])
    bounds = [float("nan")] if on[0] else []
    bounds += times.tolist()
    bounds += [float("nan")] if on[-1] else []
    spans = list(zip(bounds[0::2], bounds[1::2], strict=True))
    merged: list[tuple[float, float]] = []
    for start, stop in spans:
        if merged and start - merged[-1][1] < SHORTEST * np.interp(start, t_s, stride_s):
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return [(a, b) for a, b in merged if not b - a < SHORTEST * np.interp(a, t_s, stride_s)]
