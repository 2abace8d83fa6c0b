"""Rearing: the forehand goes up over hind limbs that sit down, stays there pawing, and comes down again.

All numbers are judgement, from how a rearing horse looks; times in seconds of a 1.60 m horse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.motion.limbs import CHAIN
from kinequimation.motion.moves.attitude import Attitude, middle_over_hips, trunk_turn
from kinequimation.motion.moves.carriage import arch_back, carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.footing import Stance, follow
from kinequimation.motion.moves.score import Score
from kinequimation.motion.moves.timeline import pass_through, window

if TYPE_CHECKING:
    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life

ANGLES_DEG = (15.0, 70.0)


def make_rear(
    frame: Frame, life: Life, angle_deg: float = 52.0, hold_s: float = 0.7, pawing: float = 1.0, anger: float = 0.5
) -> Score:
    """Make a horse rear.

    Args:
        frame: the horse.
        life: its small movements.
        angle_deg: how far its trunk goes up.
        hold_s: how long it stays there.
        pawing: how much the forelimbs strike, 0 to 1.
        anger: ears forward at 0, flat back at 1.

    Raises:
        InputError: a number is out of range.
    """
    if not ANGLES_DEG[0] <= angle_deg <= ANGLES_DEG[1]:
        raise InputError(f"rear angle: expected {ANGLES_DEG[0]:.0f} to {ANGLES_DEG[1]:.0f} degrees, got {angle_deg}")
    if not 0.0 <= hold_s <= 3.0:
        raise InputError(f"rear hold: expected 0 to 3 s, got {hold_s}")
    tau, h, top = frame.tempo, frame.height_m, np.radians(angle_deg)
    share = angle_deg / 52.0
    up, high = 0.62 * tau, 1.15 * tau
    down = high + hold_s * tau
    land = down + 0.55 * tau
    end = land + 0.7 * tau
    toes = frame.toes
    fore = [
        [Stance(-1.0, up - lead * tau, (toes[i, 0], toes[i, 1]), 0.5 * h, 0.5, 1.0),
         Stance(land + lead * tau, end + 1.0, (toes[i, 0], toes[i, 1] - (0.03 + lead) * h))]
        for i, lead in ((0, 0.0), (1, 0.05))
    ]  # fmt: skip
    hind = [
        [Stance(-1.0, end + 1.0, (1.15 * toes[i, 0], toes[i, 1] - 0.09 * h - lead * h))]
        for i, lead in ((2, 0.0), (3, 0.04))
    ]
    hips_rest = frame.body.rest_xyz[CHAIN[2:, 1]].mean(0)

    def attitude(t_s: np.ndarray) -> Attitude:
        wobble = window(t_s, high, down, 0.3 * tau) * np.sin(2 * np.pi * 0.9 * t_s / tau)
        pitch = pass_through(
            t_s,
            [
                (0.0, 0.0), (0.38 * tau, -0.05), (up, 0.14 * top), (up + 0.25 * tau, 0.62 * top), (high, top),
                (down, 0.97 * top), (down + 0.3 * tau, 0.52 * top), (land, 0.03), (land + 0.16 * tau, -0.07),
                (land + 0.5 * tau, 0.0),
            ],
        ) + 0.025 * wobble  # fmt: skip
        sit = pass_through(
            t_s,
            [
                (0.0, 0.0),
                (0.42 * tau, 0.45),
                (high, 1.0),
                (down, 0.95),
                (land - 0.1 * tau, 0.5),
                (land + 0.5 * tau, 0.0),
            ],
        )
        hips = np.zeros((len(t_s), 3))
        hips[:, 1] = hips_rest[1] + 0.17 * h * share * sit
        hips[:, 2] = hips_rest[2] - h * (0.012 + 0.095 * min(share, 1.1) * sit)
        hips[:, 0] = 0.01 * h * wobble
        turn = trunk_turn(pitch, roll_rad=0.03 * wobble)
        v = still(len(t_s))
        arch_back(v, np.radians(10.0) * sit * np.sin(np.pi * np.clip(sit, 0, 1) * 0.6), 0.03 * wobble)
        risen = pitch / top
        neck = pass_through(t_s, [(0.0, 40.0), (0.4 * tau, 26.0), (up, 48.0), (high, 34.0), (land, 34.0), (end, 38.0)])
        carry_neck(v, frame, np.radians(neck), np.radians(48.0) + 0.75 * pitch, 0.06 * wobble, -0.05 * wobble)
        carry_tail(v, 0.35 + 0.35 * risen, 0.0, 0.25 * wobble)
        back = 0.75 * anger - 0.2 + 0.0 * t_s
        carry_ears(v, back, back)
        life.breathe(v, t_s)
        feet = follow(frame, (*fore, *hind), t_s)
        hang = _forelimbs(frame, t_s / tau, feet.flight[:, :2], pawing)
        return Attitude(
            middle_over_hips(frame, hips, turn), turn, v, hang, feet.toe_xyz, feet.hoof_pitch_rad, feet.hoof_yaw_rad,
            feet.held, feet.flying, feet.contact,
        )  # fmt: skip

    return Score(0.0, end, attitude)


# flexor-side angles of a forelimb, folded and struck out, from shoulder to coffin joint
_FOLDED_DEG = (92.0, 78.0, 62.0, 130.0, 170.0)
_STRUCK_DEG = (124.0, 118.0, 128.0, 165.0, 175.0)


def _forelimbs(frame: Frame, beats: np.ndarray, flight: np.ndarray, pawing: float) -> np.ndarray:
    hang = np.zeros((len(beats), 4, 6, 3))
    for limb in range(2):
        w = flight[:, limb]
        air = pass_through(w, [(0.0, 0.0), (0.2, 1.0), (0.78, 1.0), (1.0, 0.0)])
        strike = 0.5 + 0.5 * np.sin(2 * np.pi * (1.25 * beats + 0.42 * limb))
        strike = pawing * strike * pass_through(w, [(0.2, 0.0), (0.4, 1.0), (0.7, 1.0), (0.85, 0.3)]) + 0.12 * limb
        for joint in range(5):
            angle = _FOLDED_DEG[joint] + (_STRUCK_DEG[joint] - _FOLDED_DEG[joint]) * strike
            hang[:, limb, joint + 1, 0] = air * frame.turn(0, joint, angle)
        hang[:, limb, 0, 0] = -0.2 * air
        hang[:, limb, 1, 1] = 0.0 * air
    return hang
