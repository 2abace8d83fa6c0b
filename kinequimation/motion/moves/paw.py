"""Pawing: a forefoot is lifted, reaches out, and scrapes back over the ground, again and again (all judgement)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.motion.moves.attitude import Attitude, trunk_turn
from kinequimation.motion.moves.carriage import carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.flexion import STEP_DEG, swing_limbs
from kinequimation.motion.moves.footing import Stance, follow
from kinequimation.motion.moves.score import Score
from kinequimation.motion.moves.timeline import window
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life

_FIRST_S = 0.8
_PAWING_DEG = (
    (
        [(0.0, 128), (0.35, 100), (0.7, 108), (1.0, 132)],
        [(0.0, 150), (0.1, 134), (0.35, 92), (0.7, 112), (1.0, 150)],
        [(0.0, 172), (0.1, 142), (0.35, 82), (0.75, 130), (1.0, 176)],
        [(0.0, 204), (0.4, 150), (0.8, 180), (1.0, 206)],
        [(0.0, 191), (1.0, 191)],
    ),
    STEP_DEG[1],
)


def make_paw(frame: Frame, life: Life, seconds: float = 6.0, strokes_hz: float = 0.9) -> Score:
    """Make a horse paw the ground with its right forefoot.

    Args:
        frame: the horse.
        life: its small movements.
        seconds: for how long.
        strokes_hz: strokes a second of a 1.60 m horse.

    Raises:
        InputError: the rate is out of range.
    """
    if not 0.3 <= strokes_hz <= 1.6:
        raise InputError(f"pawing rate: expected 0.3 to 1.6 strokes a second, got {strokes_hz}")
    h, toes = frame.height_m, frame.toes
    beat = frame.tempo / strokes_hz
    n_strokes = max(1, int((seconds - _FIRST_S) / beat))
    home = (0.9 * toes[1, 0], toes[1, 1] + 0.02 * h)
    out = (0.85 * toes[1, 0], toes[1, 1] - 0.20 * h)
    pawing, since = [], -9.0
    for k in range(n_strokes):
        start = _FIRST_S + k * beat
        pawing.append(Stance(since, start, home, 0.11 * h, 0.35))
        # it touches down in front and scrapes back, just above the ground
        pawing.append(Stance(start + 0.56 * beat, start + 0.6 * beat, out, 0.006 * h, 0.2))
        since = start + 0.96 * beat
    pawing.append(Stance(since, seconds + 1e3, home))
    end = _FIRST_S + n_strokes * beat
    others = [[Stance(-9.0, seconds + 1e3, (toes[i, 0], toes[i, 1]))] for i in range(4)]
    middle_rest = frame.body.rest_xyz[TRUNK_REFERENCE]

    def attitude(t_s: np.ndarray) -> Attitude:
        busy = window(t_s, _FIRST_S, end, 0.7)
        swing = busy * np.sin(2 * np.pi * (t_s - _FIRST_S) / beat)
        middle = np.repeat(middle_rest[None], len(t_s), 0)
        middle[:, 0] += h * 0.022 * busy
        middle[:, 1] += h * (0.012 * busy - 0.006 * swing)
        middle[:, 2] -= h * (0.006 * busy + 0.002)
        turn = trunk_turn(-0.012 * busy + 0.012 * swing, 0.012 * busy)
        v = still(len(t_s))
        carry_neck(v, frame, np.radians(34.0 - 14.0 * busy + 4.0 * swing), np.radians(56.0) + 0.05 * swing, 0.06 * busy)
        carry_ears(v, 0.15 * busy, 0.15 * busy)
        carry_tail(v, 0.15)
        life.breathe(v, t_s)
        life.drift(v, t_s, 0.7)
        life.flick_ears(v, t_s)
        life.swish_tail(v, t_s, 1.3)
        feet = follow(frame, (others[0], pawing, others[2], others[3]), t_s)
        return Attitude(
            middle, turn, v, swing_limbs(frame, feet, _PAWING_DEG), feet.toe_xyz,
            feet.hoof_pitch_rad, feet.hoof_yaw_rad, feet.held, feet.flying, feet.contact,
        )  # fmt: skip

    return Score(0.0, seconds, attitude)
