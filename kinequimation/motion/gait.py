"""What a gait is in numbers, and how its numbers go from slow to fast.

A gait has one or more *anchors*: rows of numbers, each at the speed where it holds. Between two anchors every number
is interpolated, beyond the first and the last it stays. Phases, duty factors, speeds and stride frequencies are those
of docs/sources.md, section E1, joint ranges of E3, trunk and head of E4; the rows stand in ``walks``, ``trots`` and
``leaps``, the list of all in ``table``. Metres, and metres per second, are for a horse of 1.60 m.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float

REFERENCE_HEIGHT_M = 1.60


@dataclass(frozen=True)
class Swing:
    """A sinusoid over the stride: ``size * cos(2π cycles (phase − peak))``."""

    size: float
    cycles: int
    peak: float


STILL = Swing(0.0, 1, 0.0)


@dataclass(frozen=True)
class Gait:
    """One gait at one speed, or, with arrays in place of numbers, at one speed a frame.

    Attributes:
        speed_mps: the speed at which these numbers hold.
        contact_phase: of LF, RF, LH, RH, fraction of the stride; LH lands at 0.
        duty: fraction of the stride that fore and hind hooves stand.
        reach: half of the longest stance, in heights of the hip; who would need more steps more often. 0 for standing.
        hoof_height_m: highest point of the toe in swing, fore and hind.
        ranges_deg: least and greatest flexor-side angle of each limb joint over the stride.
        scapula_deg: half the range of the shoulder blade's swing; a little more than a horse's, because the rig's blade
            turns about its upper end, not its upper third.
        hoof_pitch_deg: how far fore and hind hooves tip over at most in swing, toe down.
        forward: how much further forward than at a walk LF, RF, LH, RH stand, in withers heights.
        step_width: distance between left and right hooves, fore and hind, as a factor on the standing horse's.
        rise_deg: how far the trunk is carried up in front.
        tuck_deg: how far the croup is lowered and the loins flexed all the time.
        sway: of the trunk's middle to the left, metres.
        heave: height of the trunk's middle, metres.
        pitch: of the trunk, degrees, front up.
        pelvis_pitch: of the pelvis against the trunk, degrees, tucked under.
        pelvis_roll, thorax_roll: degrees, left side up.
        pelvis_yaw, thorax_yaw: degrees, left side forward.
        nod: of the neck, degrees, downwards.
        neck_elevation_deg, nose_below_horizontal_deg: usual carriage.
        tail_lift_deg: how far from hanging the tail is carried.
    """

    speed_mps: float
    contact_phase: tuple[float, float, float, float]
    duty: tuple[float, float]
    reach: float
    hoof_height_m: tuple[float, float]
    ranges_deg: dict[str, tuple[float, float]]
    scapula_deg: float
    hoof_pitch_deg: tuple[float, float]
    forward: tuple[float, float, float, float]
    step_width: tuple[float, float]
    rise_deg: float
    tuck_deg: float
    sway: Swing
    heave: Swing
    pitch: Swing
    pelvis_pitch: Swing
    pelvis_roll: Swing
    thorax_roll: Swing
    pelvis_yaw: Swing
    thorax_yaw: Swing
    nod: Swing
    neck_elevation_deg: float
    nose_below_horizontal_deg: float
    tail_lift_deg: float

    @property
    def stands(self) -> bool:
        """Whether the hooves never leave the ground."""
        return isinstance(self.reach, float) and self.reach == 0.0

    def limb_duty(self) -> Float[np.ndarray, "#frames 4"]:
        """Return the duty factors of LF, RF, LH, RH; one row, or one a frame."""
        return np.stack(np.broadcast_arrays(*(np.atleast_1d(self.duty[i]) for i in (0, 0, 1, 1))), -1)

    def mirrored(self) -> Gait:
        """Return the mirror image; its stride begins when the right hind lands."""

        def swap(v: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
            return v[1], v[0], v[3], v[2]

        turned = {
            name: dataclasses.replace(getattr(self, name), size=-getattr(self, name).size)
            for name in ("sway", "pelvis_roll", "thorax_roll", "pelvis_yaw", "thorax_yaw")
        }
        return dataclasses.replace(self, contact_phase=swap(self.contact_phase), forward=swap(self.forward), **turned)


@dataclass(frozen=True)
class GaitTable:
    """A gait over all its speeds.

    Attributes:
        speeds_mps: slowest, usual and fastest.
        frequency: (speed in m/s, strides per second), rising; straight lines between.
        anchors: rows of numbers, rising in speed.
    """

    speeds_mps: tuple[float, float, float]
    frequency: tuple[tuple[float, float], ...]
    anchors: tuple[Gait, ...]

    def frequency_hz(self, speed_mps: Float[np.ndarray, "*n"] | float) -> Float[np.ndarray, "*n"]:
        """Return the stride frequency at a speed, for a horse of 1.60 m."""
        v, f = np.array(self.frequency).T
        return np.interp(speed_mps, v, f)

    @cached_property
    def _numbers(self) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.array([list(_flat(row)) for row in self.anchors], float)
        return numbers[:, 0], numbers

    def at(self, speed_mps: Float[np.ndarray, " frames"] | float) -> Gait:
        """Return the gait at a speed, or at one speed a frame, for a horse of 1.60 m."""
        if len(self.anchors) == 1:
            return self.anchors[0]
        v, numbers = self._numbers
        speed = np.asarray(speed_mps, float)
        i = np.clip(np.searchsorted(v, speed, side="right") - 1, 0, len(v) - 2)
        share = np.clip((speed - v[i]) / (v[i + 1] - v[i]), 0.0, 1.0)[..., None]
        return _rebuilt(self.anchors[0], iter(np.moveaxis(numbers[i] + share * (numbers[i + 1] - numbers[i]), -1, 0)))


def _flat(row: Gait) -> Iterator[float]:
    """List all numbers of a row in order; a swing's cycles are no number: all anchors of a gait share them."""
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        if isinstance(value, Swing):
            yield from (value.size, value.peak)
        elif isinstance(value, dict):
            for pair in value.values():
                yield from pair
        elif isinstance(value, tuple):
            yield from value
        else:
            yield value


def _rebuilt(like: Gait, numbers: Iterator[np.ndarray]) -> Gait:
    """Put numbers listed by ``_flat`` back into a row."""
    values = {}
    for field in dataclasses.fields(like):
        value = getattr(like, field.name)
        if isinstance(value, Swing):
            values[field.name] = Swing(next(numbers), value.cycles, next(numbers))  # pyright: ignore[reportArgumentType]
        elif isinstance(value, dict):
            values[field.name] = {key: (next(numbers), next(numbers)) for key in value}
        elif isinstance(value, tuple):
            values[field.name] = tuple(next(numbers) for _ in value)
        else:
            values[field.name] = next(numbers)
    return Gait(**values)


def mixed(gaits: list[tuple[Float[np.ndarray, " frames"], Gait]]) -> Gait:
    """Return the mean of gaits by shares [T], numbers one a frame; swings mean nothing in it."""
    columns = [[np.asarray(number) * share for number in _flat(gait)] for share, gait in gaits]
    total = np.sum([share for share, _ in gaits], axis=0)
    return _rebuilt(gaits[0][1], iter([np.sum(column, axis=0) / total for column in zip(*columns, strict=True)]))
