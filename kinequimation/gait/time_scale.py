"""Whether a clip plays slower than life: from how often a horse strides at its gait, and from how it falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kinequimation.gait.names import GaitName
    from kinequimation.gait.signals import Signals
    from kinequimation.gait.strides import Stride

GRAVITY_MPS2 = 9.81
RATES_HZ: dict[GaitName, tuple[float, float, float]] = {
    "walk": (0.50, 0.86, 1.3),
    "trot": (1.0, 1.35, 2.7),
    "passage": (0.78, 0.94, 1.2),
    "piaffe": (0.78, 0.98, 1.3),
    "pace": (1.35, 1.85, 2.7),
    "tolt": (1.35, 1.85, 2.7),
    "fox_trot": (1.0, 1.35, 1.9),
    "canter_left": (1.2, 1.65, 2.2),
    "canter_right": (1.2, 1.65, 2.2),
    "gallop_left": (1.65, 2.1, 3.0),
    "gallop_right": (1.65, 2.1, 3.0),
}
"""Strides a second at a withers height of 1.60 m: slowest, usual, fastest. The middle of E1's ranges, and their ends
with a tenth to spare; canter's slowest leaves room for a pirouette (guess)."""
RATE_SPREAD = 0.15
"""Spread of the logarithm of a horse's usual stride rate at a gait (E1: its ranges reach about twice as far)."""
FALL_SPREAD = 0.35
"""The same of the time scale told by one clip's falls: a flight's length is known to a frame or two (judgement)."""
_LEAST_FLIGHT = 0.03
_SAMPLES = 60


@dataclass(frozen=True)
class TimeReading:
    """How time runs in a clip.

    Attributes:
        too: ``slow`` where no horse strides so slowly at this gait, ``fast`` where none strides so fast, else empty.
        time_scale: how much slower than life the clip likely plays, beyond what it was taken for; 1 where nothing is
            odd.
        from_rate: what the stride rate alone tells.
        from_fall: what the trunk's fall in suspension alone tells: root of gravity over how fast the trunk seems to
            fall; NaN where the gait has no flight to measure.
    """

    too: str
    time_scale: float
    from_rate: float
    from_fall: float


def read_time(signals: Signals, strides: list[Stride], gait: GaitName) -> TimeReading | None:
    """Return how time runs, from the strides of one gait; None where it has none.

    Args:
        signals: of the clip.
        strides: those of the gait.
        gait: their gait.
    """
    if not strides or gait not in RATES_HZ:
        return None
    slowest, usual, fastest = RATES_HZ[gait]
    rate = 1.0 / float(np.median([s.duration_s for s in strides]))
    at_160 = rate * float(np.sqrt(signals.withers_height_m / 1.60))  # equal Froude number
    from_rate = usual / at_160
    from_fall = _time_scale_of_falls(signals, strides)
    weight = [RATE_SPREAD**-2, 0.0 if np.isnan(from_fall) else FALL_SPREAD**-2]
    both = float(np.exp(np.average(np.log([from_rate, 1.0 if np.isnan(from_fall) else from_fall]), weights=weight)))
    if at_160 < slowest:
        return TimeReading("slow", max(both, 1.1), from_rate, from_fall)
    if at_160 > fastest:
        return TimeReading("fast", both, from_rate, from_fall)
    return TimeReading("", 1.0, from_rate, from_fall)


def _time_scale_of_falls(signals: Signals, strides: list[Stride]) -> float:
    """Return by how much slower than life the trunk falls while no hoof stands.

    Heights in flight are not measured by anything that stands; those over standing hooves are. Over a stance the
    trunk's speed turns from downwards to upwards by as much as gravity takes from it in the flight: so the curve of its
    height in stance, times how long stances last, over how long flights last, is gravity.
    """
    gained, flights = [], []
    for stride in strides:
        if stride.suspension < _LEAST_FLIGHT:
            continue
        t = stride.start_s + (np.arange(_SAMPLES) + 0.5) / _SAMPLES * stride.duration_s
        down = np.stack([np.interp(t, signals.t_s, c) for c in signals.contact.T], 1).max(1) > 0.5
        z = np.interp(t, signals.t_s, signals.trunk_z[:, 1:].mean(1)) * signals.withers_height_m
        turn = 0.0
        for a, b in _runs(down):
            if b - a >= 5:
                x = t[a:b] - t[a:b].mean()
                turn += 2.0 * np.polyfit(x, z[a:b], 2)[0] * (b - a) / _SAMPLES * stride.duration_s
        gained.append(turn)
        flights.append(stride.suspension * stride.duration_s)
    if not flights or np.sum(gained) <= 0:
        return float("nan")
    return float(np.sqrt(GRAVITY_MPS2 * np.sum(flights) / np.sum(gained)))


def _runs(down: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], down, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
