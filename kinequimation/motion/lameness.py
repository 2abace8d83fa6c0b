"""How a horse spares a limb that hurts (sources, E7).

The head (lame in front) or the croup (lame behind) sinks less far while the lame limb stands: a sinusoid of one cycle
a stride on top of the sound horse's two. The lame limb sinks less deep in its fetlock, reaches less far back, stands
more briefly and steps lower.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.limbs import CHAIN
from kinequimation.motion.pace import froude
from kinequimation.motion.strides import steady_strides
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import GaitTable
    from kinequimation.motion.style import Style

_J = skeleton.JOINT_INDEX
_NECK = [_J[f"DEF-neck.00{i}"] for i in range(1, 5)]
_NECK_SHARE = np.array([0.5, 0.25, 0.15, 0.10])
_HEAD = _J["DEF-head"]
_SACRUM, _WITHERS = _J["DEF-spine.001"], _J["DEF-spine.006"]
_SEVERE_MM = 40.0
_FETLOCK_RAD = np.radians(15.0)
"""How much less far the fetlock of a severely lame limb sinks (sources, E7: 5–15°)."""
_FORWARD, _SHORTER, _LOWER = 0.012, 0.02, 0.2
"""At severe lameness: withers heights less far back, share of the stride off the stance, share off the swing's height
(guesses)."""
_N_PHASES = 48


def spared_style(style: Style) -> Style:
    """Return the style with the lame limb's shorter, lower steps in it."""
    if not (style.lame_limb and style.lameness_mm):
        return style
    severity = min(style.lameness_mm / _SEVERE_MM, 1.0)
    one = np.eye(4)[skeleton.LIMBS.index(style.lame_limb)] * severity
    return dataclasses.replace(
        style,
        limb_forward=tuple((np.array(style.limb_forward) + _FORWARD * one).tolist()),
        limb_duty=tuple((np.array(style.limb_duty) - _SHORTER * one).tolist()),
        limb_action=tuple((np.array(style.limb_action) * (1.0 - _LOWER * one)).tolist()),
    )


@dataclass(frozen=True)
class Lameness:
    """How one gait of one horse is lame.

    Attributes:
        limb: index into ``skeleton.LIMBS``.
        turn_rad: half the range of the neck's turn (lame in front) or of the trunk's (behind).
        peak: phase of the stride in which head or croup is highest for it.
        severity: 0 to 1.
    """

    limb: int
    turn_rad: float
    peak: float
    severity: float

    def spare(
        self, body: Body, phase: Float[np.ndarray, " frames"], progress: Float[np.ndarray, "frames 4"]
    ) -> tuple[Float[np.ndarray, "frames 81 3"], Float[np.ndarray, " frames"]]:
        """Return turns to add to joints, and how far the trunk's middle rises, metres."""
        extra = np.zeros((len(phase), skeleton.NUM_JOINTS, 3))
        turn = self.turn_rad * np.cos(2.0 * np.pi * (phase - self.peak))
        if self.limb < 2:
            extra[:, _NECK, 0] = -turn[:, None] * _NECK_SHARE
            lift = np.zeros(len(phase))
        else:
            # the croup rises about the withers
            extra[:, 0, 0] = turn
            lift = turn * (body.rest_xyz[TRUNK_REFERENCE, 1] - body.rest_xyz[_WITHERS, 1])
        standing = np.sin(np.pi * np.clip(progress[:, self.limb], 0.0, 1.0))
        extra[:, CHAIN[self.limb, 4], 0] = _FETLOCK_RAD * self.severity * standing
        return extra, lift


def rough_lameness_of(table: GaitTable, body: Body, style: Style, speed_mps: float) -> Lameness | None:
    """Work out about how far neck or trunk must turn for the asymmetry that a style asks for; None for a sound horse.

    Args:
        table: the gait; what leads leads with the right.
        body: the horse.
        style: its ``lame_limb`` and ``lameness_mm`` say what is wanted.
        speed_mps: along the path.
    """
    gait = table.at(speed_mps / froude(body))
    if not (style.lame_limb and style.lameness_mm) or gait.stands:
        return None
    limb = skeleton.LIMBS.index(style.lame_limb)
    y = body.rest_xyz[:, 1]
    lever = float((y[_NECK] - y[_HEAD]) @ _NECK_SHARE) if limb < 2 else float(y[_SACRUM] - y[_WITHERS])
    middle = float(gait.contact_phase[limb]) + 0.5 * float(gait.duty[limb // 2])
    return Lameness(limb, 0.5e-3 * style.lameness_mm / lever, middle, min(style.lameness_mm / _SEVERE_MM, 1.0))


def lameness_of(table: GaitTable, body: Body, style: Style, speed_mps: float, frequency_hz: float) -> Lameness | None:
    """Find how far neck or trunk must turn for exactly the asymmetry that a style asks for; None for a sound horse.

    One stride is made and measured, sound and spared: the highest rise goes where head or croup is lowest, and its size
    is corrected until the two lows differ by as much as asked.

    Args:
        table: the gait; what leads leads with the right.
        body: the horse.
        style: its ``lame_limb`` and ``lameness_mm`` say what is wanted.
        speed_mps: along the path.
        frequency_hz: strides per second.
    """
    lame = rough_lameness_of(table, body, style, speed_mps)
    if lame is None:
        return None
    gait, limb = table.at(speed_mps / froude(body)), lame.limb
    straight = dataclasses.replace(style, turn_per_m=0.0, phase=0.0, limb_phase=(0.0, 0.0, 0.0, 0.0))
    phase = np.arange(_N_PHASES) / _N_PHASES
    point = skeleton.KEYPOINT_INDEX["poll" if limb < 2 else "croup"]

    def height(lame: Lameness | None) -> np.ndarray:
        root, quat, _, _ = steady_strides(
            table, body, straight, speed_mps, frequency_hz, phase / frequency_hz, lame=lame, eased=False
        )
        return body.keypoints(root, quat)[:, point, 2]

    def low(z: np.ndarray, which: int) -> int:
        middle = float(gait.contact_phase[which]) + 0.5 * float(gait.duty[which // 2])
        near = np.abs((phase - middle + 0.5) % 1.0 - 0.5) < 0.22
        return int(np.where(near, z, np.inf).argmin())

    sound = height(None)
    at = low(sound, limb)
    lame = dataclasses.replace(lame, peak=float(phase[at]))
    asked = 1e-3 * style.lameness_mm
    if abs(sound[at] - sound[low(sound, limb ^ 1)]) > 0.2 * asked:
        return lame  # not a symmetric gait: there is no such difference to ask for
    for _ in range(2):
        z = height(lame)
        got = float(z[low(z, limb)] - z[low(z, limb ^ 1)])
        lame = dataclasses.replace(lame, turn_rad=lame.turn_rad * float(np.clip(asked / max(got, 1e-4), 0.5, 2.0)))
    return lame
