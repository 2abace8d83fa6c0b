"""Where the horse goes and where its hooves stand: the path, the footfalls, the hooves' flight between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.curves import LimbCurves, bump
from kinequimation.motion.gait import REFERENCE_HEIGHT_M, Gait

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.style import Style

_BREAKOVER = 0.82
"""Fraction of the stance after which the heel lifts (sources, E3 and E4 imply the last fifth; a guess within that)."""
_TOE_UP_RAD = np.radians(7.0)
_SET_BACK = np.array([0.008, 0.008, 0.03, 0.03])
"""How far behind its standing place each hoof is at mid-stance, in withers heights: limbs swing further back than
forward (sources, E3: by 2–6°), and the rig stands with its hooves in front of hip and shoulder blade."""
_LONG_ENOUGH, _APART = 0.74, np.array([-0.10, -0.10, 0.10, 0.10])
"""Distance between fore and hind hooves from which they keep clear of each other, in withers heights, and by how much
of what is missing (a foal's legs are long for its back) the fore hooves stand further forward and further in, the hind
hooves further back and further out (guess, by trial)."""
_SPEED_UP, _SPEED_UP_PER_DUTY, _SLOW_DOWN = (0.07, 0.22), 0.35, 0.09
"""Parts of the swing in which a hoof gains its speed (least and most, and how it grows with the duty factor: what runs
fast must not leave its hooves behind) and loses it (judgement: it lands abruptly)."""
_HALTED = 0.4
"""Share of its stance at which a hoof of a halted horse is, for the limb's pose."""


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
        return self.at(self.speed_mps * np.asarray(t_s))[0]

    def to_world(self, t_s: np.ndarray, xy_body: np.ndarray) -> np.ndarray:
        """Carry points of the standing horse's ground plan along the path."""
        return self.xy(t_s) + turned_left(xy_body, self.heading(t_s))

    def at(self, distance_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the place [..., 2] and the heading at a distance along the path."""
        half = 0.5 * self.turn_per_m * distance_m
        chord = distance_m * np.sinc(half / np.pi)
        middle = self.heading_rad + half
        # a heading is −Y turned left, which is anticlockwise seen from above
        return chord[..., None] * np.stack([np.sin(middle), -np.cos(middle)], -1), middle + half


def turned_left(xy: Float[np.ndarray, "*n 2"], heading_rad: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n 2"]:
    """Turn points of the ground plan to a heading."""
    c, s = np.cos(heading_rad), np.sin(heading_rad)
    x, y = xy[..., 0], xy[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], -1)


@dataclass(frozen=True)
class Stances:
    """One limb's stances, one after the other.

    Attributes:
        on_s: [K] when the hoof lands; far in the past for the first of a horse that was standing.
        off_s: [K] when it leaves; far in the future for a horse that halts.
        usual_s: [K] how long it would stand in full motion.
        xy_world: [K, 2] where the toe stands.
        yaw_rad: [K] where the hoof points, left of −Y.
    """

    on_s: Float[np.ndarray, " k"]
    off_s: Float[np.ndarray, " k"]
    usual_s: Float[np.ndarray, " k"]
    xy_world: Float[np.ndarray, "k 2"]
    yaw_rad: Float[np.ndarray, " k"]


@dataclass(frozen=True)
class Hooves:
    """What the four hooves do.

    Attributes:
        progress: [T, 4] of each limb's own cycle: 0 when the hoof lands, 1 when it leaves, 2 when it lands again.
        contact: [T, 4] whether it stands.
        toe_xyz_world: [T, 4, 3].
        pitch_rad: [T, 4] tip of the hoof, toe down.
        yaw_rad: [T, 4] turn to the left.
    """

    progress: Float[np.ndarray, "frames 4"]
    contact: Float[np.ndarray, "frames 4"]
    toe_xyz_world: Float[np.ndarray, "frames 4 3"]
    pitch_rad: Float[np.ndarray, "frames 4"]
    yaw_rad: Float[np.ndarray, "frames 4"]

    def after(self, n: int) -> Hooves:
        """Return all but the first frames."""
        return Hooves(self.progress[n:], self.contact[n:], self.toe_xyz_world[n:], self.pitch_rad[n:], self.yaw_rad[n:])


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


def ground_plan(
    gait: Gait, style: Style, rest_toes: Float[np.ndarray, "4 3"], height_m: float
) -> Float[np.ndarray, "*n 4 2"]:
    """Return where toes stand in the middle of their stance, in the plan of a horse that faces −Y: [..., 4, 2]."""
    width = np.stack(np.broadcast_arrays(*(gait.step_width[i] for i in (0, 0, 1, 1))), -1) * style.step_width
    forward = np.stack(np.broadcast_arrays(*gait.forward), -1) + style.limb_forward
    short = max(0.0, _LONG_ENOUGH - float(np.ptp(rest_toes[:, 1])) / height_m)
    y = rest_toes[:, 1] + ((_SET_BACK + _APART * short) * (not gait.stands) - forward) * height_m
    x = rest_toes[:, 0] * width + np.sign(rest_toes[:, 0]) * _APART * short * height_m
    return np.stack([x, y], -1)


def steady_stances(
    gait: Gait,
    style: Style,
    path: Path,
    frequency_hz: float,
    rest_toes: Float[np.ndarray, "4 3"],
    t_s: Float[np.ndarray, " frames"],
    height_m: float,
) -> list[Stances]:
    """Place the hooves of an endless, even sequence of strides.

    A hoof stands where the trunk will pass over it in the middle of its stance; on an arc the hind hooves follow the
    fore hooves' track.

    Args:
        gait: the gait.
        style: the way of going.
        path: where the horse goes.
        frequency_hz: strides per second.
        rest_toes: the toes of the standing horse.
        t_s: times of interest.
        height_m: withers height.

    Returns:
        the stances of each limb that matter to those times.
    """
    plan = ground_plan(gait, style, rest_toes, height_m)
    stances = []
    for i in range(4):
        begin = gait.contact_phase[i] + style.limb_phase[i] - style.phase
        k = np.arange(np.floor(frequency_hz * t_s.min() - begin), np.floor(frequency_hz * t_s.max() - begin) + 2.0)
        on = (k + begin) / frequency_hz
        usual = np.full(len(k), (gait.duty[i // 2] + style.limb_duty[i]) / frequency_hz)
        middle = path.speed_mps * (on + 0.5 * usual)
        xy, yaw = path.at(middle - plan[i, 1])
        xy = xy + turned_left(plan[i] * [1.0, 0.0], yaw)
        stances.append(Stances(on, on + usual, usual, xy, yaw))
    return stances


def moving_hooves(
    gait: Gait,
    style: Style,
    stances: list[Stances],
    rest_toes: Float[np.ndarray, "4 3"],
    t_s: Float[np.ndarray, " frames"],
    height_m: float,
) -> Hooves:
    """Let the hooves stand, tip about their toes before they leave, and fly from place to place, slow at both ends.

    Args:
        gait: the gait, its numbers constant or one a frame.
        style: the way of going.
        stances: of each limb.
        rest_toes: the toes of the standing horse.
        t_s: times.
        height_m: withers height.
    """
    n = (len(t_s), 4)
    duty = np.broadcast_to(gait.limb_duty(), n)
    share, s, yaw, xy = np.empty(n), np.empty(n), np.empty(n), np.empty((*n, 2))
    for i, limb in enumerate(stances):
        k = np.clip(np.searchsorted(limb.on_s, t_s, side="right") - 1, 0, len(limb.on_s) - 1)
        then = np.minimum(k + 1, len(limb.on_s) - 1)
        usual = limb.usual_s[k]
        standing = np.maximum(1.0 - (limb.off_s[k] - t_s) / usual, np.minimum((t_s - limb.on_s[k]) / usual, _HALTED))
        flight = np.maximum(limb.on_s[then] - limb.off_s[k], 1e-6)
        w = np.clip((t_s - limb.off_s[k]) / flight, 0.0, 1.0 - 1e-9)
        share[:, i] = np.where(t_s < limb.off_s[k], np.minimum(standing, 1.0 - 1e-9), 1.0 + w)
        s[:, i] = _travelled(w, duty[:, i])
        xy[:, i] = limb.xy_world[k] + (limb.xy_world[then] - limb.xy_world[k]) * s[:, i, None]
        yaw[:, i] = limb.yaw_rad[k] + (limb.yaw_rad[then] - limb.yaw_rad[k]) * s[:, i]
    w = np.clip(share - 1.0, 0.0, 1.0)
    size = height_m / REFERENCE_HEIGHT_M * style.action * np.array(style.limb_action)
    # two peaks in front, the first one higher; one early peak behind (sources, E3)
    fore = 1.0 * bump(w[:, :2], 1.5, 2.0) + 0.22 * bump(w[:, :2], 6.0, 1.6)
    hind = bump(w[:, 2:], 1.5, 1.7)
    fore_m, hind_m = (np.asarray(h)[..., None] for h in gait.hoof_height_m)
    lift = np.concatenate([fore * fore_m, hind * hind_m], 1) * size
    pitch = _pitch(gait, share)
    # a heel that is lower than the toe must not dig into the ground
    pitch = np.maximum(pitch, -np.minimum(_TOE_UP_RAD, 0.8 * lift / (0.075 * height_m)))
    toe = np.concatenate([xy, (rest_toes[:, 2] + lift)[..., None]], -1)
    return Hooves(share, (share < 1.0).astype(float), toe, pitch, yaw)


def _travelled(w: np.ndarray, duty: np.ndarray) -> np.ndarray:
    """Return the share of the way that a hoof has flown at a share of its swing: steady but for both ends."""
    a, b = np.clip(_SPEED_UP_PER_DUTY * duty, *_SPEED_UP), _SLOW_DOWN
    speed = 1.0 / (1.0 - 0.5 * (a + b))
    late = 1.0 - w
    return speed * np.where(w < a, w * w / (2 * a), np.where(late < b, 1 / speed - late**2 / (2 * b), w - a / 2))


# shares of the highest tip, and degrees: before landing the toe is up
_TIP = LimbCurves.of(
    [
        [
            [(0.0, 0.0), (_BREAKOVER, 0.0), (1.26, 1.0), (1.5, 0.6), (1.88, 0.0), (1.999, 0.0)],
            [(0.0, 0.0), (1.5, 0.0), (1.88, -8.0), (1.999, 0.0)],
        ]
    ]
    * 4
)


def _pitch(gait: Gait, progress: np.ndarray) -> np.ndarray:
    """Return the tip of the hooves over their cycles, radians, toe down."""
    highest = np.stack(np.broadcast_arrays(*(np.atleast_1d(gait.hoof_pitch_deg[i]) for i in (0, 0, 1, 1))), -1)
    tip = _TIP.at(progress, gait.limb_duty())
    return np.radians(tip[..., 0] * highest + tip[..., 1])
