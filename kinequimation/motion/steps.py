"""Where the horse goes and where its hooves stand: the path, the footfalls, the hooves' flight between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.curves import bump, ease, limb_keys
from kinequimation.motion.table import REFERENCE_HEIGHT_M, Gait

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.style import Style

_BREAKOVER = 0.82
"""Fraction of the stance after which the heel lifts (sources, E3 and E4 imply the last fifth; a guess within that)."""
_TOE_UP_RAD = np.radians(7.0)
_SET_BACK = np.array([0.008, 0.008, 0.03, 0.03])
"""How far behind its standing place each hoof is at mid-stance, in withers heights: limbs swing further back than
forward (sources, E3: by 2–6°), and the rig stands with its hooves in front of hip and shoulder blade."""
_SPEED_UP, _SLOW_DOWN = 0.22, 0.09
"""Parts of the swing in which a hoof gains and loses its speed (judgement: it lands abruptly)."""


@dataclass(frozen=True)
class Path:
    """A walk along an arc at constant speed.

    Attributes:
        speed_mps: along the arc.
        heading_rad: direction of travel at time 0, turned left from −Y.
        turn_per_m: curvature to the left.
    """

    speed_mps: float
    heading_rad: float = 0.0
    turn_per_m: float = 0.0

    def heading(self, t_s: np.ndarray) -> np.ndarray:
        """Return the direction of travel, radians left of −Y."""
        return self.heading_rad + self.turn_per_m * self.speed_mps * t_s

    def xy(self, t_s: np.ndarray) -> np.ndarray:
        """Return the place on the ground, metres [..., 2]; the origin at time 0."""
        distance = self.speed_mps * t_s
        half = 0.5 * self.turn_per_m * distance
        chord = distance * np.sinc(half / np.pi)
        return chord[..., None] * _forward(self.heading_rad + half)

    def to_world(self, t_s: np.ndarray, xy_body: np.ndarray) -> np.ndarray:
        """Carry points of the standing horse's ground plan along the path."""
        psi = self.heading(t_s)
        c, s = np.cos(psi), np.sin(psi)
        x, y = xy_body[..., 0], xy_body[..., 1]
        return self.xy(t_s) + np.stack([c * x - s * y, s * x + c * y], -1)


def _forward(heading_rad: np.ndarray) -> np.ndarray:
    """Return the unit vector of a heading: −Y turned left, which is anticlockwise seen from above."""
    return np.stack([np.sin(heading_rad), -np.cos(heading_rad)], -1)


@dataclass(frozen=True)
class Hooves:
    """What the four hooves do.

    Attributes:
        phase: [T, 4] of each limb's own cycle: 0 when the hoof lands, ``duty`` when it leaves.
        contact: [T, 4] whether it stands.
        toe_xyz_world: [T, 4, 3].
        pitch_rad: [T, 4] tip of the hoof, toe down.
        yaw_rad: [T, 4] turn to the left.
    """

    phase: Float[np.ndarray, "frames 4"]
    contact: Float[np.ndarray, "frames 4"]
    toe_xyz_world: Float[np.ndarray, "frames 4 3"]
    pitch_rad: Float[np.ndarray, "frames 4"]
    yaw_rad: Float[np.ndarray, "frames 4"]


def limb_duty(gait: Gait) -> np.ndarray:
    """Return the duty factor of LF, RF, LH, RH."""
    return np.array([gait.duty[0], gait.duty[0], gait.duty[1], gait.duty[1]])


def standing_hooves(rest_toes: Float[np.ndarray, "4 3"], style: Style, n_frames: int, height_m: float) -> Hooves:
    """Return hooves that stand still, one hind tipped on its toe if the style says so."""
    still = np.zeros((n_frames, 4))
    toes = rest_toes.copy()
    toes[:, 0] *= style.step_width
    pitch = still.copy()
    if style.cocked_hind:
        limb = 2 if style.cocked_hind == "LH" else 3
        toes[limb, 1] -= 0.03 * height_m
        pitch[:, limb] = np.radians(38.0)
    path = Path(0.0, style.heading_rad)
    xy = path.to_world(np.zeros(4), toes[:, :2])
    xyz = np.concatenate([xy, toes[:, 2:]], -1)
    return Hooves(still, still + 1.0, np.repeat(xyz[None], n_frames, 0), pitch, still + style.heading_rad)


def moving_hooves(
    gait: Gait,
    style: Style,
    path: Path,
    frequency_hz: float,
    rest_toes: Float[np.ndarray, "4 3"],
    t_s: Float[np.ndarray, " frames"],
    height_m: float,
) -> Hooves:
    """Place the hooves at any times of an endless stride sequence.

    A hoof stands where the trunk will pass over it in the middle of its stance. It tips about its toe before it
    leaves; it flies from one place to the next, slow at both ends.

    Args:
        gait: the gait.
        style: the way of going.
        path: where the horse goes.
        frequency_hz: strides per second.
        rest_toes: the toes of the standing horse.
        t_s: times.
        height_m: withers height.
    """
    duty = limb_duty(gait)
    contact_phase = np.array(gait.contact_phase) + np.array(style.limb_phase)
    cycle = frequency_hz * t_s[:, None] + style.phase - contact_phase
    k = np.floor(cycle)
    phase = cycle - k
    ground = rest_toes[:, :2] * [gait.step_width * style.step_width, 1.0]
    ground[:, 1] += (_SET_BACK - gait.forward) * height_m
    t_mid = (np.stack([k, k + 1.0]) + contact_phase + 0.5 * duty - style.phase) / frequency_hz
    here, there = path.to_world(t_mid, ground)
    yaw_here, yaw_there = path.heading(t_mid)
    w = np.clip((phase - duty) / (1.0 - duty), 0.0, 1.0)
    s = _travelled(w)
    size = height_m / REFERENCE_HEIGHT_M * style.action * np.array(style.limb_action)
    # two peaks in front, the first one higher; one early peak behind
    fore = 1.0 * bump(w[:, :2], 1.6, 2.6) + 0.25 * bump(w[:, :2], 6.0, 1.6)
    hind = bump(w[:, 2:], 1.6, 2.4)
    lift = np.concatenate([fore * gait.hoof_height_m[0], hind * gait.hoof_height_m[1]], 1) * size
    pitch = np.concatenate(
        [_pitch(gait.duty[i], gait.hoof_pitch_deg[i], phase[:, 2 * i : 2 * i + 2]) for i in (0, 1)], 1
    )
    # a heel that is lower than the toe must not dig into the ground
    pitch = np.maximum(pitch, -np.minimum(_TOE_UP_RAD, 0.8 * lift / (0.075 * height_m)))
    xy = here + (there - here) * s[..., None]
    toe = np.concatenate([xy, (rest_toes[:, 2] + lift)[..., None]], -1)
    return Hooves(phase, (phase < duty).astype(float), toe, pitch, yaw_here + (yaw_there - yaw_here) * s)


def _travelled(w: np.ndarray) -> np.ndarray:
    """Return the share of the way that a hoof has flown at a share of its swing: steady but for both ends."""
    a, b = _SPEED_UP, _SLOW_DOWN
    speed = 1.0 / (1.0 - 0.5 * (a + b))
    late = 1.0 - w
    return speed * np.where(w < a, w * w / (2 * a), np.where(late < b, 1 / speed - late**2 / (2 * b), w - a / 2))


def _pitch(duty: float, highest_deg: float, phase: np.ndarray) -> np.ndarray:
    """Return the tip of a hoof over its cycle, radians, toe down."""
    keys = [(0.0, 0.0), (_BREAKOVER, 0.0), (1.26, highest_deg), (1.5, 0.6 * highest_deg), (1.88, -8.0), (1.999, 0.0)]
    x, y = limb_keys(duty, keys)
    return ease(phase, x, np.radians(y))
