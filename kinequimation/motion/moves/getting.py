"""Lying down and getting up, in the horse's order.

Down: the head goes low, the forelimbs fold and the horse kneels, the quarters follow to one side, the chest settles.
Up: the forelimbs are stretched out in front one after the other, the forehand rises, the hind limbs thrust the
quarters up. That order is the anatomists' (a cow does the reverse); heights and times are judgement, times of a 1.60 m
horse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.limbs import CHAIN
from kinequimation.motion.moves.attitude import Attitude, middle_over_hips, trunk_turn
from kinequimation.motion.moves.carriage import arch_back, carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.lying import KNEELING_DEG, RAISED_DEG, STERNAL, STRETCHED_DEG
from kinequimation.motion.moves.score import Score
from kinequimation.motion.moves.timeline import pass_through

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life

_LYING_SHOULDERS, _LYING_HIPS = 0.16, 0.24
"""Heights of shoulder joints and hips that a lying horse sinks towards; its trunk meets the ground before."""

_ASIDE_DEG = -11.0
"""How far outwards the raised left forelimb passes the folded right one, and the other way round."""


def make_lie_down(frame: Frame, life: Life) -> Score:
    """Make a standing horse lie down on its breastbone.

    Args:
        frame: the horse.
        life: its small movements.
    """
    tau, h, toes = frame.tempo, frame.height_m, frame.toes
    stand_arms, stand_hips = _heights(frame)

    def curve(t_s: np.ndarray, *keys: tuple[float, float]) -> np.ndarray:
        return pass_through(t_s / tau, keys)

    def attitude(t_s: np.ndarray) -> Attitude:
        n = len(t_s)
        arms = curve(
            t_s, (0.5, stand_arms), (1.0, stand_arms - 0.03), (1.75, 0.37), (2.3, 0.31), (3.1, _LYING_SHOULDERS)
        )
        hips = curve(t_s, (0.4, stand_hips), (1.1, stand_hips - 0.05), (1.75, 0.70), (2.7, 0.33), (3.1, _LYING_HIPS))
        roll = curve(t_s, (1.5, 0.0), (2.2, 8.0), (2.9, STERNAL.roll_deg))
        place = np.zeros((n, 3))
        place[:, 0] = h * curve(t_s, (1.5, 0.0), (2.8, 0.07))
        place[:, 1] = frame.body.rest_xyz[CHAIN[2, 1], 1] + h * curve(
            t_s, (0.3, 0.0), (1.1, -0.05), (1.8, -0.10), (2.7, -0.02)
        )
        place[:, 2] = h * hips
        pitch = _pitch(frame, h * arms, h * hips)
        turn = trunk_turn(pitch, np.radians(roll))
        v = still(n)
        lying = curve(t_s, (1.7, 0.0), (2.6, 1.0))
        arch_back(v, np.radians(curve(t_s, (0.3, 0.0), (1.2, 9.0), (3.0, STERNAL.arch_deg))))
        neck = curve(t_s, (0.0, 36.0), (0.8, -22.0), (1.6, 4.0), (2.2, 42.0), (2.7, 26.0), (3.3, STERNAL.neck_deg))
        carry_neck(
            v,
            frame,
            np.radians(neck),
            np.radians(curve(t_s, (0.0, 54.0), (0.8, 62.0), (1.7, 40.0), (3.2, STERNAL.nose_deg))),
        )
        _live(v, life, t_s, lying)
        # forelimbs let go one after the other and fold to kneel, then lie; the hinds bend, and let go last
        kneel = np.stack([curve(t_s, (1.02 + d, 0.0), (1.6 + d, 1.0)) for d in (0.0, 0.12)], 1)[..., None, None]
        hang = np.zeros((n, 4, 6, 3))
        hang[:, :2] = np.radians(KNEELING_DEG) * kneel
        hang[:, :2] += (np.radians(STERNAL.limbs_deg[:2]) - np.radians(KNEELING_DEG)) * curve(
            t_s, (1.8, 0.0), (2.9, 1.0)
        )[:, None, None, None]
        fold = curve(t_s, (1.0, 0.0), (2.7, 1.0))[:, None, None, None]
        hang[:, 2:] = np.radians(STERNAL.limbs_deg[2:]) * fold
        held = np.ones((n, 4))
        for limb, start, end in ((0, 1.02, 1.35), (1, 1.14, 1.47), (2, 1.85, 2.4), (3, 1.78, 2.3)):
            held[:, limb] = curve(t_s, (start, 1.0), (end, 0.0))
        toe = np.repeat(toes[None], n, 0)
        toe[:, 2:, 1] -= np.array([0.10, 0.06]) * h
        tip = np.zeros((n, 4))
        for limb in (2, 3):
            tip[:, limb] = curve(t_s, (1.6, 0.0), (2.15, 1.0))
        return _asked(frame, place, turn, v, hang, toe, tip, held)

    return Score(0.0, 3.6 * tau, attitude)


def make_get_up(frame: Frame, life: Life) -> Score:
    """Make a horse that lies on its breastbone get up.

    Args:
        frame: the horse.
        life: its small movements.
    """
    tau, h, toes = frame.tempo, frame.height_m, frame.toes
    stand_arms, stand_hips = _heights(frame)
    forward = 0.24

    def curve(t_s: np.ndarray, *keys: tuple[float, float]) -> np.ndarray:
        return pass_through(t_s / tau, keys)

    def attitude(t_s: np.ndarray) -> Attitude:
        n = len(t_s)
        arms = curve(
            t_s, (0.62, _LYING_SHOULDERS), (1.25, 0.50), (1.75, 0.60), (2.2, stand_arms - 0.03), (2.6, stand_arms)
        )
        hips = curve(t_s, (1.05, _LYING_HIPS), (1.5, 0.42), (2.0, 0.78), (2.35, stand_hips + 0.005), (2.7, stand_hips))
        roll = curve(t_s, (0.7, STERNAL.roll_deg), (1.35, 13.0), (1.9, 0.0))
        place = np.zeros((n, 3))
        place[:, 0] = h * curve(t_s, (1.0, 0.07), (1.9, 0.0))
        place[:, 1] = frame.body.rest_xyz[CHAIN[2, 1], 1] + h * curve(
            t_s, (0.8, 0.0), (1.3, -0.02), (2.1, -0.9 * forward), (2.5, -forward)
        )
        place[:, 2] = h * hips
        turn = trunk_turn(_pitch(frame, h * arms, h * hips), np.radians(roll))
        v = still(n)
        lying = curve(t_s, (1.5, 1.0), (2.2, 0.0))
        arch_back(v, np.radians(curve(t_s, (0.5, STERNAL.arch_deg), (1.5, 2.0), (2.0, 8.0), (2.6, 0.0))))
        neck = curve(t_s, (0.0, STERNAL.neck_deg), (0.6, 52.0), (1.1, 30.0), (1.6, 8.0), (2.3, 30.0), (2.8, 38.0))
        carry_neck(
            v, frame, np.radians(neck), np.radians(curve(t_s, (0.0, STERNAL.nose_deg), (1.5, 42.0), (2.6, 54.0)))
        )
        _live(v, life, t_s, lying)
        hang = np.zeros((n, 4, 6, 3))
        hang[:] = np.radians(STERNAL.limbs_deg)
        for limb, d in ((0, 0.0), (1, 0.2)):
            raising = curve(t_s, (0.05 + d, 0.0), (0.4 + d, 1.0))[:, None, None]
            stretching = curve(t_s, (0.25 + d, 0.0), (0.75 + d, 1.0))[:, None, None]
            hang[:, limb] += (np.radians(_aside(RAISED_DEG, limb)) - hang[:, limb]) * raising
            hang[:, limb] += (np.radians(STRETCHED_DEG) - hang[:, limb]) * stretching
        hang[:, 2:] *= curve(t_s, (1.4, 1.0), (2.2, 0.0))[:, None, None, None]
        held = np.zeros((n, 4))
        for limb, start, end in ((0, 0.8, 1.3), (1, 0.9, 1.38), (2, 1.42, 1.86), (3, 1.36, 1.8)):
            held[:, limb] = curve(t_s, (start, 0.0), (end, 1.0))
        toe = np.repeat(toes[None], n, 0)
        toe[..., 1] -= np.array([forward + 0.07, forward + 0.03, forward - 0.01, forward + 0.03]) * h
        tip = np.zeros((n, 4))
        for limb in (2, 3):
            tip[:, limb] = curve(t_s, (1.5, 1.0), (2.15, 0.0))
        return _asked(frame, place, turn, v, hang, toe, tip, held)

    return Score(0.0, 3.2 * tau, attitude)


def _aside(limb_deg: Float[np.ndarray, "6 3"], limb: int) -> Float[np.ndarray, "6 3"]:
    """Return a forelimb's turns, the limb led away from its fellow."""
    out = limb_deg.copy()
    out[1, 1] += _ASIDE_DEG * (1.0, -1.0)[limb]
    return out


def _heights(frame: Frame) -> tuple[float, float]:
    """Return heights of shoulder joint and hip of the standing horse, in withers heights."""
    rest = frame.body.rest_xyz
    return float(rest[CHAIN[0, 1], 2]) / frame.height_m, float(rest[CHAIN[2, 1], 2]) / frame.height_m


def _pitch(
    frame: Frame, arms_z: Float[np.ndarray, " frames"], hips_z: Float[np.ndarray, " frames"]
) -> Float[np.ndarray, " frames"]:
    """Return the pitch of a trunk whose shoulder joints and hips are at two heights."""
    rest = frame.body.rest_xyz
    y, z = rest[CHAIN[0, 1], 1:] - rest[CHAIN[2, 1], 1:]
    return np.arcsin(np.clip((arms_z - hips_z) / np.hypot(y, z), -0.9, 0.9)) - np.arctan2(z, -y)


def _live(v: np.ndarray, life: Life, t_s: np.ndarray, lying: np.ndarray) -> None:
    carry_tail(v, 0.2 + 0.8 * lying)
    carry_ears(v, 0.1, 0.1)
    life.breathe(v, t_s)
    life.flick_ears(v, t_s)


def _asked(
    frame: Frame,
    hips: np.ndarray,
    turn: np.ndarray,
    v: np.ndarray,
    hang: np.ndarray,
    toe: np.ndarray,
    tip: np.ndarray,
    held: np.ndarray,
) -> Attitude:
    contact = (held >= 1.0).astype(float)
    deep = np.ones_like(held)
    return Attitude(
        middle_over_hips(frame, hips, turn), turn, v, hang, toe, tip, np.zeros_like(tip), held, 1.0 - held, contact,
        deep, settles=True,
    )  # fmt: skip
