"""The stride as a clock: what share of its stride a horse has done at each moment, even where hooves are badly seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.gait.events import Stance
    from kinequimation.gait.signals import Signals

PER_STRIDE = 24
"""Rows a stride in which movement is looked at stride by stride."""
_WINDOW = np.hanning(2 * PER_STRIDE + 3)[1:-1]
_FORE_BETTER = 1.5
"""So much clearer must the fore limbs swing than the hind limbs to be the clock instead (judgement)."""
_CLEAR = 0.5
"""Size of a pair's swing, as a share of its median, from which its phase is believed (judgement)."""
_SURE = 0.6
"""Length of the mean of landings on the unit circle from which a hoof's landings tell the phase (judgement)."""
LANDS_AFTER_SWING = 0.04
"""A hoof lands this share of a stride after its swing, taken for a sinusoid, was furthest in front: measured on
generated gaits (0.02 to 0.08)."""


@dataclass(frozen=True)
class StrideClock:
    """A stretch in which a horse strides.

    Attributes:
        t_s: [R] times at even shares of a stride, ``PER_STRIDE`` to one.
        turns: [R] strides done, whole where the left hind hoof lands.
    """

    t_s: Float[np.ndarray, " r"]
    turns: Float[np.ndarray, " r"]


def stride_clocks(
    signals: Signals, period_s: Float[np.ndarray, " t"], stances: tuple[Stance, ...]
) -> list[StrideClock]:
    """Return a clock for every stretch of strides.

    The difference of left and right limb swings once a stride in every gait. Its phase, doubled, is the same when the
    two are exchanged: so the clock runs on evenly there. What is left, where a stride begins, the landings tell.

    Args:
        signals: of the clip.
        period_s: from ``stride_periods``.
        stances: of the hooves.
    """
    known = np.isfinite(period_s)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    clocks = []
    for start, stop in edges.reshape(-1, 2):
        rows = slice(start, stop)
        nominal = np.concatenate([[0.0], np.cumsum(signals.step_s / period_s[rows][1:])])
        if nominal[-1] < 1.0:
            continue
        u = np.arange(0, nominal[-1], 1 / PER_STRIDE)
        t_s = np.interp(u, nominal, signals.t_s[rows])
        swing = np.stack([np.interp(t_s, signals.t_s, s) for s in signals.swing.T], 1)
        wave = _waves(swing, u)
        pairs = wave[:, [2, 0]] - wave[:, [3, 1]]  # hind, fore
        clear = np.abs((pairs**2).mean(0))
        pair = pairs[:, 1 if clear[1] > _FORE_BETTER * clear[0] else 0]
        turns = u + _ahead(pair, u)
        clocks.append(StrideClock(t_s, turns - _beginning(t_s, turns, u, wave, stances)))
    return clocks


def _ahead(pair: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return by how many turns a pair of limbs is ahead of even time, bridging where its legs are exchanged."""
    clear = np.abs(pair) >= _CLEAR * np.median(np.abs(pair))
    return np.interp(u, u[clear], 0.5 * np.unwrap(np.angle(pair[clear] ** 2)) / (2 * np.pi))


def _waves(swing: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return [R, 4]: size and phase of each hoof's swing at one cycle a stride, over the two strides about each row."""
    weight = _blur(np.ones((len(u), 1)))
    middle = _blur(swing) / weight
    return _blur((swing - middle) * np.exp(-2j * np.pi * u)[:, None]) / weight


def _blur(values: np.ndarray) -> np.ndarray:
    """Return sums over two strides about each row under a Hann window; what lies outside counts as zero."""
    size = len(_WINDOW) // 2
    return np.stack([np.convolve(column, _WINDOW)[size : size + len(values)] for column in values.T], 1)


def _beginning(
    t_s: np.ndarray, turns: np.ndarray, u: np.ndarray, wave: np.ndarray, stances: tuple[Stance, ...]
) -> float:
    """Return the share of a turn at which the left hind hoof lands."""
    wanted = max(2.0, 0.5 * (turns[-1] - turns[0]))
    ahead = np.exp(2j * np.pi * (turns - u))[:, None] * np.conj(wave)  # where each swing is furthest in front
    ahead = ahead.sum(0) / np.maximum(np.abs(wave).sum(0), 1e-9)
    swings = np.angle(ahead) / (2 * np.pi) + LANDS_AFTER_SWING
    for limb in ("LH", "LF", "RH", "RF"):
        on_s = np.array([s.on_s for s in stances if s.limb == limb and t_s[0] <= s.on_s <= t_s[-1]])
        if len(on_s) < wanted:
            continue
        mean = np.exp(2j * np.pi * np.interp(on_s, t_s, turns)).mean()
        if np.abs(mean) >= _SURE:
            i = skeleton.LIMBS.index(limb)
            return float(np.angle(mean) / (2 * np.pi)) - float(swings[i] - swings[2])
    return float(swings[int(np.argmax(np.abs(ahead)))] - swings[int(np.argmax(np.abs(ahead)))] + swings[2])
