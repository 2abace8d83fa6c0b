"""The gait of a stride by rules (sources, E6): which hooves land together, for how long they stand, how far it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.gait.strides import phase_distance

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from kinequimation.gait.names import GaitName
    from kinequimation.gait.signals import Signals
    from kinequimation.gait.strides import Stride

EVEN = 0.13
"""Left and right within this of half a stride apart go alike (E6 has 0.15; collected canters come to 0.15)."""
TOGETHER = 0.08
"""Both of a pair within this of landing at once, and so the other pair: a leap."""
APART = 0.115
"""A gallop's diagonal pair lands this much apart at least, the hind hoof first (E6 has 0.08, E1 0.03 and 0.22)."""
PACE_TO, FOUR_BEAT_TO, FOX_TO, PACE_FROM = 0.15, 0.345, 0.445, 0.9
"""How long after a hind hoof the fore hoof of its side lands: up to these pace, walk or tölt, fox trot, then trot."""
WALK_DUTY, TOLT_LENGTH, WALK_RATE_HZ = 0.55, 1.35, 1.2
"""A walk's hooves stand longer than this (E1: 0.62; tölt 0.44), its stride is shorter, in withers heights, and a horse
of 1.60 m does not take more of them a second."""
PIAFFE_LENGTH, PASSAGE_LENGTH, JOG_DUTY = 0.45, 1.15, 0.47
"""Strides shorter than these, in withers heights, are piaffe and passage (E1); but a jog's hooves stand longer."""
_ABOUT = 3
"""So many strides to each side tell together whether left and right go alike, and whether all hooves leave the ground
(judgement)."""
_CLEAR_SWING = 0.08
"""Size of a swing, in withers heights, from which its phase tells something."""


JUMP_LIFT, JUMP_PITCH_RAD = 0.10, 0.42
"""In a jump both fore hooves and then both hind hooves are this high at once, in withers heights, and the trunk tips
forwards by this much in between (E5: 75° over high fences; a gallop pitches by 0.2)."""
_GROUND = 0.03
STAND_LIFT, STAND_HEIGHT, STAND_PITCH_RAD = 0.05, 0.72, 0.35
"""A standing horse's hooves are lower than this and its sacrum higher, in withers heights, and its trunk is tipped by
less (judgement)."""


@dataclass(frozen=True)
class RuleReading:
    """What the rules say of a stride.

    Attributes:
        gait: the name; None where too little of the legs is seen.
        certainty: from 0 to 1.
    """

    gait: GaitName | None
    certainty: float


UNKNOWN = RuleReading(None, 0.0)


def gait_by_rules(stride: Stride, withers_height_m: float) -> RuleReading:
    """Return the gait of a stride.

    A hoof's phase is when it lands, and where that was not seen, when its swing is furthest in front.
    """
    lf, rf, lh, rh = _phases(stride)
    hind, fore = (rh - lh) % 1.0, (rf - lf) % 1.0
    length = stride.length_m / withers_height_m
    if not np.isfinite(hind + fore):
        return UNKNOWN
    off = max(float(phase_distance(hind, 0.5)), float(phase_distance(fore, 0.5)))
    if off < EVEN:
        lateral = _middle((lf - lh) % 1.0, (rf - rh) % 1.0)
        gait, sure = _symmetric(stride, lateral, length, float(np.sqrt(withers_height_m / 1.60)))
        return RuleReading(gait, sure * float(np.clip((EVEN - off) / 0.06, 0.3, 1.0)))
    if max(float(phase_distance(hind, 0.0)), float(phase_distance(fore, 0.0))) < TOGETHER:
        return RuleReading("jump", 0.3)
    side = np.sin(2 * np.pi * hind) + np.sin(2 * np.pi * fore)
    right = side > 0
    diagonal = ((lf - rh) if right else (rf - lh)) % 1.0
    apart = (diagonal + 0.5) % 1.0 - 0.5
    mean_off = 0.5 * (float(phase_distance(hind, 0.5)) + float(phase_distance(fore, 0.5)))
    sure = float(np.clip(min(mean_off / 0.2, abs(side)), 0.2, 1.0))
    sure *= float(np.clip(abs(apart - APART) / 0.05, 0.4, 1.0))
    if apart > APART:
        return RuleReading("gallop_right" if right else "gallop_left", sure)
    return RuleReading("canter_right" if right else "canter_left", sure)


def unevenness(strides: list[Stride]) -> Float[np.ndarray, " s"]:
    """Return how far left and right are from going half a stride apart, about each stride, as shares of a stride.

    The mean of what the fore and the hind pair are off, in one direction: in canter and gallop both, in other gaits
    only by mistake, so the median over the strides about each is small there. NaN where no legs are seen.
    """
    off = np.full(len(strides), np.nan)
    for i, stride in enumerate(strides):
        lf, rf, lh, rh = _phases(stride)
        off[i] = 0.5 * ((rf - lf) % 1.0 + (rh - lh) % 1.0) - 0.5
    return np.abs(median_about(off))


def median_about(values: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
    """Return the median of each stride's value and those of the strides about it; NaN where none is known."""
    about = [values[max(0, i - _ABOUT) : i + _ABOUT + 1] for i in range(len(values))]
    return np.array([np.median(a[np.isfinite(a)]) if np.isfinite(a).any() else np.nan for a in about])


def stands(signals: Signals, period_s: Float[np.ndarray, " t"]) -> Bool[np.ndarray, " t"]:
    """Return when a horse stands: no strides, no hoof lifted, the trunk level and as high as legs carry it."""
    low = signals.lift.max(1) < STAND_LIFT
    upright = (signals.trunk_z[:, 2] > STAND_HEIGHT) & (np.abs(signals.pitch_rad) < STAND_PITCH_RAD)
    return np.isnan(period_s) & low & upright


def jumps(signals: Signals) -> list[tuple[float, float]]:
    """Return the first and last moment of every jump, from the fore hooves' leaving to the hind hooves' landing.

    Times play no part, so that slow motion jumps too; nor does height over the ground, which flights often lose.
    """
    fore, hind = signals.lift[:, :2].min(1), signals.lift[:, 2:].min(1)
    ups, downs = _runs(fore > JUMP_LIFT), _runs(hind > JUMP_LIFT)
    found = []
    for first, last in ups:
        after = [(a, b) for a, b in downs if first < a <= last + (last - first) + 2]
        if not after:
            continue
        _, end = after[0]
        tip = signals.pitch_rad[first:last].max() - signals.pitch_rad[last - 1 : max(end, last)].min()
        if tip < JUMP_PITCH_RAD:
            continue
        start = np.flatnonzero(fore[:first] < _GROUND)
        stop = np.flatnonzero(hind[end:] < _GROUND)
        at = (int(start[-1]) if len(start) else 0, end + int(stop[0]) if len(stop) else len(signals) - 1)
        found.append((float(signals.t_s[at[0]]), float(signals.t_s[at[1]])))
    return found


def _runs(rows: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _symmetric(stride: Stride, lateral: float, length: float, tempo: float) -> tuple[GaitName, float]:
    """Return the gait of a stride whose sides go alike, and how far it is from being another, from 0.3 to 1."""
    duty = float(np.nanmean(stride.duty)) if np.isfinite(stride.duty).any() else float("nan")
    edges = np.array([PACE_TO, FOUR_BEAT_TO, FOX_TO, PACE_FROM])
    sure = float(np.clip(phase_distance(edges, lateral).min() / 0.06, 0.3, 1.0))
    if lateral < PACE_TO or lateral > PACE_FROM:
        return "pace", sure
    if lateral < FOUR_BEAT_TO:
        slow = (TOLT_LENGTH - length) / 0.25 + (0.0 if np.isnan(duty) else (duty - WALK_DUTY) / 0.08)
        slow -= max(0.0, tempo / stride.duration_s - WALK_RATE_HZ) / 0.15  # one way only: films are often slowed down
        return "walk" if slow > 0 else "tolt", sure * float(np.clip(abs(slow), 0.3, 1.0))
    if lateral < FOX_TO:
        return "fox_trot", sure
    if length < PIAFFE_LENGTH:
        return "piaffe", sure
    if length < PASSAGE_LENGTH and not duty >= JOG_DUTY:
        return "passage", 0.5 * sure
    return "trot", sure


def _phases(stride: Stride) -> tuple[float, float, float, float]:
    """Return when each hoof is set down, from its landing where it was seen, else from its swing."""
    landing, swing = np.array(stride.on_phase), np.array(stride.swing_phase)
    swing = np.where(np.array(stride.swing_size) >= _CLEAR_SWING, swing, np.nan)
    both = np.isfinite(landing) & np.isfinite(swing)
    if both.any():  # how much later hooves land than their swings are in front, in this stride
        later = float(np.angle(np.exp(2j * np.pi * (landing - swing)[both]).mean()) / (2 * np.pi))
        swing = (swing + later) % 1.0
    phase = np.where(np.isfinite(landing), landing, swing)
    a, b, c, d = (float(p) for p in phase)
    return a, b, c, d


def _middle(a: float, b: float) -> float:
    return float(np.angle(np.exp(2j * np.pi * a) + np.exp(2j * np.pi * b)) / (2 * np.pi) % 1.0)
