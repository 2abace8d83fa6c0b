"""Bucking and kicking out: the hindquarters go up over planted forelimbs, the hind limbs strike out behind.

A buck begins with the forehand: it rises a little, comes down stiff-legged, and the quarters follow it up, the back
round and the head down between the knees. A kick is the second half alone, on the spot. All numbers are judgement;
times are those of a 1.60 m horse. Some hoof is always on the ground, so that no parabola has to be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_rotate
from kinequimation.motion.limbs import CHAIN
from kinequimation.motion.moves.attitude import Attitude, trunk_turn
from kinequimation.motion.moves.carriage import arch_back, carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.flexion import STEP_DEG, swing_limbs
from kinequimation.motion.moves.footing import Stance, follow
from kinequimation.motion.moves.score import Score
from kinequimation.motion.moves.timeline import pass_through
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life

ANGLES_DEG = (8.0, 45.0)
MAX_BUCKS = 12
_GATHER_S = 0.55
_BEAT_S = 0.95
# of one buck, in beats: forelimbs leave and land, hinds leave, strike and land
_FORE_OFF, _FORE_ON, _HIND_OFF, _STRIKE, _HIND_ON = 0.06, 0.36, 0.38, 0.62, 0.94
_BUCKING_DEG = (
    (
        [(0.0, 128), (0.45, 100), (1.0, 132)],
        [(0.0, 150), (0.45, 88), (1.0, 152)],
        [(0.0, 174), (0.45, 92), (0.88, 176), (1.0, 178)],
        [(0.0, 204), (0.4, 150), (0.85, 200), (1.0, 204)],
        [(0.0, 190), (1.0, 190)],
    ),
    (
        [(0.0, 116), (0.22, 104), (0.43, 138), (0.55, 132), (0.8, 98), (1.0, 102)],
        [(0.0, 150), (0.22, 88), (0.43, 162), (0.55, 152), (0.8, 112), (1.0, 142)],
        [(0.0, 156), (0.22, 80), (0.43, 168), (0.55, 152), (0.8, 112), (1.0, 144)],
        [(0.0, 200), (0.22, 130), (0.43, 178), (0.7, 150), (1.0, 200)],
        [(0.0, 172), (0.43, 182), (1.0, 172)],
    ),
)
"""The hinds fold under the belly, strike out, and come down."""


def make_buck(
    frame: Frame, life: Life, bucks: int = 3, angle_deg: float = 30.0, travel: float = 0.45, twist: float = 0.3
) -> Score:
    """Make a horse buck.

    Args:
        frame: the horse.
        life: its small movements.
        bucks: how many times.
        angle_deg: how far the trunk tips forward.
        travel: how far each buck carries it, in withers heights.
        twist: how much the quarters swing to the sides, 0 to 1.

    Raises:
        InputError: a number is out of range.
    """
    return _make(frame, life, int(bucks), angle_deg, travel, twist, rise_deg=0.4 * angle_deg, one_sided=0.0)


def make_kick(frame: Frame, life: Life, angle_deg: float = 20.0, kicks: int = 1, one_sided: float = 0.0) -> Score:
    """Make a horse kick out behind.

    Args:
        frame: the horse.
        life: its small movements.
        angle_deg: how far the trunk tips forward.
        kicks: how many times.
        one_sided: 0 for both hind limbs alike, 1 for the right one alone.

    Raises:
        InputError: a number is out of range.
    """
    if not 0.0 <= one_sided <= 1.0:
        raise InputError(f"kick one-sidedness: expected 0 to 1, got {one_sided}")
    return _make(frame, life, int(kicks), angle_deg, 0.0, 0.0, rise_deg=0.0, one_sided=one_sided)


def _make(
    frame: Frame,
    life: Life,
    bucks: int,
    angle_deg: float,
    travel: float,
    twist: float,
    rise_deg: float,
    one_sided: float,
) -> Score:
    if not ANGLES_DEG[0] <= angle_deg <= ANGLES_DEG[1]:
        raise InputError(f"angle: expected {ANGLES_DEG[0]:.0f} to {ANGLES_DEG[1]:.0f} degrees, got {angle_deg}")
    if not 1 <= bucks <= MAX_BUCKS:
        raise InputError(f"expected 1 to {MAX_BUCKS} bucks or kicks, got {bucks}")
    if not 0.0 <= travel <= 0.8:
        raise InputError(f"travel: expected 0 to 0.8 withers heights, got {travel}")
    tau, h = frame.tempo, frame.height_m
    beat, first = _BEAT_S * tau, _GATHER_S * tau
    top = np.radians(angle_deg)
    starts = [first + k * beat for k in range(bucks)]
    end = starts[-1] + beat + 0.6 * tau
    still_fore = rise_deg == 0.0
    toes, rest = frame.toes, frame.body.rest_xyz
    stances: list[list[Stance]] = []
    for limb in range(4):
        own, since = [], -9.0
        late = 0.03 * tau * (limb % 2)
        for k, start in enumerate(starts):
            place = (
                toes[limb, 0],
                toes[limb, 1] - travel * h * k - (0.10 * h if limb >= 2 and not still_fore else 0.0),
            )
            if limb >= 2:
                alone = one_sided > 0.5 and limb == 2
                if alone:
                    continue
                own.append(Stance(since, start + _HIND_OFF * beat + late, place, 0.35 * h, 0.7, 1.0))
                since = start + _HIND_ON * beat + late
            elif not still_fore:
                own.append(Stance(since, start + _FORE_OFF * beat + late, place, 0.14 * h, 0.6))
                since = start + _FORE_ON * beat - late
        last = toes[limb, 1] - travel * h * len(starts)
        own.append(Stance(since, end + 1e3, (toes[limb, 0], last - (0.02 * h if limb >= 2 else 0.0))))
        stances.append(own)
    hips_rest = rest[CHAIN[2:, 1]].mean(0) - rest[TRUNK_REFERENCE]
    arms_rest = rest[CHAIN[:2, 1]].mean(0) - rest[TRUNK_REFERENCE]
    tables = {name: [(0.0, value)] for name, value in (("pitch", 0.0), ("on_fore", 0.0), ("arch", 0.0), ("up", 0.0))}
    way = [(0.0, 0.0)]
    for k, start in enumerate(starts):

        def at(share: float, start: float = start) -> float:
            return start + share * beat

        rise = np.radians(rise_deg)
        tables["pitch"] += [
            (at(0.0), 0.02), (at(0.17), rise), (at(0.34), 0.05 * rise - 0.1 * top), (at(0.60), -top),
            (at(0.70), -0.90 * top), (at(_HIND_ON), 0.03),
        ]  # fmt: skip
        tables["on_fore"] += [(at(0.28), 0.0), (at(0.42), 1.0), (at(0.74), 1.0), (at(_HIND_ON), 0.0)]
        tables["arch"] += [(at(0.05), 6.0), (at(0.36), 20.0), (at(_STRIKE), 4.0), (at(0.85), 14.0)]
        tables["up"] += [(at(0.0), 0.0), (at(0.30), 1.0), (at(0.8), 1.0), (at(1.0), 0.3)]
        way += [(at(0.04), k * travel * h), (at(0.80), (k + 0.9) * travel * h), (at(0.98), (k + 1) * travel * h)]
    for name in tables:
        tables[name].append((end - 0.05 * tau, 0.0))

    def attitude(t_s: np.ndarray) -> Attitude:
        pitch, share = pass_through(t_s, tables["pitch"]), pass_through(t_s, tables["on_fore"])
        busy = pass_through(t_s, [(0.0, 0.0), (first, 1.0), (starts[-1] + 0.8 * beat, 1.0), (end - 0.1 * tau, 0.0)])
        swing = twist * busy * np.sin(np.pi * (t_s - first) / beat + 0.8)
        high = np.clip(-pitch / top, 0.0, 1.0)
        turn = trunk_turn(pitch, 0.16 * swing * high, 0.14 * swing * high)
        along = -pass_through(t_s, way)
        # the hips stand over the hinds, then the shoulders over the forelimbs
        hips = hips_rest + rest[TRUNK_REFERENCE] + np.zeros((len(t_s), 3))
        hips[:, 1] += along
        hips[:, 2] -= h * 0.05 * busy * (1.0 - share)
        arms = arms_rest + rest[TRUNK_REFERENCE] + np.zeros((len(t_s), 3))
        arms[:, 1] += along + 0.03 * h * high
        arms[:, 2] -= h * (0.012 * busy + 0.02 * high)
        middle = (hips - quat_rotate(turn, hips_rest + np.zeros_like(hips))) * (1.0 - share[:, None])
        middle += (arms - quat_rotate(turn, arms_rest + np.zeros_like(arms))) * share[:, None]
        v = still(len(t_s))
        arch_back(v, np.radians(pass_through(t_s, tables["arch"])), 0.25 * swing)
        low = busy * min(angle_deg / 30.0, 1.2) * (0.6 if still_fore else 1.0)
        neck = np.radians(40.0 - 46.0 * low) + 0.35 * high * top
        carry_neck(v, frame, neck, np.radians(54.0 + 22.0 * low) - 0.5 * high * top, -0.2 * swing)
        carry_tail(v, 0.2 + 0.9 * high * busy, 0.4 * swing, 0.25 * np.sin(2 * np.pi * t_s / beat) * busy)
        carry_ears(v, 0.65 * busy, 0.65 * busy)
        life.breathe(v, t_s)
        feet = follow(frame, stances, t_s)
        hang = swing_limbs(frame, feet, STEP_DEG, _BUCKING_DEG, 1.0)
        hang *= np.maximum(feet.flying, np.clip(4.0 * feet.flight, 0, 1) * feet.flying)[..., None, None]
        return Attitude(
            middle, turn, v, hang, feet.toe_xyz, feet.hoof_pitch_rad, feet.hoof_yaw_rad, feet.held, feet.flying,
            feet.contact, 0.6,
        )  # fmt: skip

    return Score(0.0, end, attitude)
