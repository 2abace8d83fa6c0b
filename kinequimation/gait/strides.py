"""Strides: from one landing of the left hind hoof to the next, and what each of them measures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.gait.clock import StrideClock
    from kinequimation.gait.events import Stance
    from kinequimation.gait.signals import Signals

_NEAR = 0.2
"""A landing within this share of a stride of where it is expected is the one looked for (judgement)."""
_SAMPLES = 100


@dataclass(frozen=True)
class Stride:
    """One stride. Hooves in the order LF, RF, LH, RH; shares are of the stride; NaN where a hoof was not seen to.

    Attributes:
        start_s, stop_s: when the left hind hoof lands, and when it lands again.
        by: ``landing`` where it was seen to land at both ends, ``swing`` where how the legs swing tells an end.
        length_m: way over the ground.
        on_phase: when each hoof lands, from 0 to 1, 0 when the left hind does.
        duty: how long each hoof stands.
        swing_phase: when each hoof's swing is furthest in front, if it is taken for a sinusoid.
        swing_size: size of that sinusoid, withers heights.
        suspension: share in which no hoof stands.
        hooves_down: shares in which 0, 1, 2, 3, 4 hooves stand.
        withers_range_m: how far the withers move up and down.
        pitch_size_rad: size of the trunk's pitching once a stride.
        seen: share of the stride in which the horse was found.
    """

    start_s: float
    stop_s: float
    by: str
    length_m: float
    on_phase: tuple[float, float, float, float]
    duty: tuple[float, float, float, float]
    swing_phase: tuple[float, float, float, float]
    swing_size: tuple[float, float, float, float]
    suspension: float
    hooves_down: tuple[float, float, float, float, float]
    withers_range_m: float
    pitch_size_rad: float
    seen: float

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.stop_s - self.start_s

    @property
    def speed_mps(self) -> float:
        """Way over time."""
        return self.length_m / self.duration_s


def circular_mean(phase: Float[np.ndarray, "*n"]) -> tuple[float, float]:
    """Return the mean of phases in [0, 1), and how much they agree (1: all the same); NaN are left out."""
    phase = np.asarray(phase, float)
    phase = phase[np.isfinite(phase)]
    if len(phase) == 0:
        return float("nan"), 0.0
    mean = np.exp(2j * np.pi * phase).mean()
    return float(np.angle(mean) / (2 * np.pi) % 1.0), float(np.abs(mean))


def phase_distance(a: Float[np.ndarray, "*n"] | float, b: Float[np.ndarray, "*n"] | float) -> Float[np.ndarray, "*n"]:
    """Return how far phases lie apart round the cycle, from 0 to 0.5."""
    return np.abs((np.asarray(a) - b + 0.5) % 1.0 - 0.5)


def read_strides(signals: Signals, stances: tuple[Stance, ...], clocks: list[StrideClock]) -> list[Stride]:
    """Return every whole stride of a clip, in order.

    Args:
        signals: of the clip.
        stances: from ``read_stances``.
        clocks: from ``stride_clocks``.
    """
    strides = []
    for clock in clocks:
        bounds = _bounds(clock, stances)
        usual = _usual_landings(clock, bounds, stances)
        for (start, sure), (stop, sure_too) in pairwise(bounds):
            by = "landing" if sure and sure_too else "swing"
            strides.append(_measure(signals, stances, start, stop, by, usual))
    return strides


def _bounds(clock: StrideClock, stances: tuple[Stance, ...]) -> list[tuple[float, bool]]:
    """Return when strides begin, and whether the left hind hoof was seen to land then."""
    turns = np.maximum.accumulate(clock.turns)
    whole = np.arange(np.ceil(turns[0] - 0.05), np.floor(turns[-1] + 0.05) + 1)
    times = np.interp(whole, turns, clock.t_s)
    landings = np.array([s.on_s for s in stances if s.limb == "LH" and np.isfinite(s.on_s)])
    at = np.interp(landings, clock.t_s, turns, left=-1e9, right=1e9)
    bounds = []
    for number, t in zip(whole, times, strict=True):
        away = np.abs(at - number)
        if len(away) and away.min() <= _NEAR:
            bounds.append((float(landings[away.argmin()]), True))
        elif turns[0] <= number <= turns[-1]:
            bounds.append((float(t), False))
    return [b for i, b in enumerate(bounds) if i == 0 or b[0] > bounds[i - 1][0] + 1e-3]


def _usual_landings(
    clock: StrideClock, bounds: list[tuple[float, bool]], stances: tuple[Stance, ...]
) -> Float[np.ndarray, " 4"]:
    """Return the phase at which each hoof usually lands in a stretch; NaN where it is not clear."""
    if len(bounds) < 2:
        return np.full(4, np.nan)
    starts = np.array([b[0] for b in bounds])
    usual = np.full(4, np.nan)
    for i, limb in enumerate(skeleton.LIMBS):
        on = np.array([s.on_s for s in stances if s.limb == limb and starts[0] <= s.on_s < starts[-1]])
        mean, agree = circular_mean(np.interp(on, starts, np.arange(len(starts))) % 1.0)
        if agree > 0.4:
            usual[i] = mean
    return usual


def _measure(
    signals: Signals, stances: tuple[Stance, ...], start: float, stop: float, by: str, usual: np.ndarray
) -> Stride:
    long = stop - start
    on_phase, duty = np.full(4, np.nan), np.full(4, np.nan)
    for i, limb in enumerate(skeleton.LIMBS):
        own = [s for s in stances if s.limb == limb and start - 0.2 * long <= s.on_s < stop + 0.2 * long]
        expected = 0.0 if limb == "LH" else usual[i]
        if not own or not np.isfinite(expected):
            continue
        on = np.array([(s.on_s - start) / long for s in own])
        away = np.abs(on - expected)
        away = np.minimum(away, np.abs(on - expected + (1.0 if expected > 0.5 else -1.0)))
        best = int(away.argmin())
        if away[best] <= _NEAR:
            on_phase[i] = on[best] % 1.0
            share = (own[best].off_s - own[best].on_s) / long
            duty[i] = share if share < 1.2 else np.nan
    t = start + (np.arange(_SAMPLES) + 0.5) / _SAMPLES * long

    def at(column: np.ndarray) -> np.ndarray:
        return np.interp(t, signals.t_s, column)

    down = np.stack([at(c) for c in signals.contact.T], 1) > 0.5
    count = np.bincount(down.sum(1), minlength=5) / _SAMPLES
    wave = np.exp(-2j * np.pi * (np.arange(_SAMPLES) + 0.5) / _SAMPLES) * (2 / _SAMPLES)
    swing = wave @ np.stack([at(c) for c in signals.swing.T], 1)
    size = signals.withers_height_m
    way = np.interp([start, stop], signals.t_s, signals.way)
    return Stride(
        start_s=start,
        stop_s=stop,
        by=by,
        length_m=float(way[1] - way[0]) * size,
        on_phase=_four(on_phase),
        duty=_four(duty),
        swing_phase=_four(-np.angle(swing) / (2 * np.pi) % 1.0),
        swing_size=_four(np.abs(swing)),
        suspension=float(count[0]),
        hooves_down=tuple(count.tolist()),  # type: ignore[arg-type]
        withers_range_m=float(np.ptp(at(signals.trunk_z[:, 1]))) * size,
        pitch_size_rad=float(np.abs(wave @ at(signals.pitch_rad))),
        seen=float(at(signals.seen.astype(float)).mean()),
    )


def _four(values: np.ndarray) -> tuple[float, float, float, float]:
    a, b, c, d = (float(v) for v in values)
    return a, b, c, d
