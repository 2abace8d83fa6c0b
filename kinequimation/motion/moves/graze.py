"""Grazing: the muzzle in the grass, one forefoot ahead, a few steps now and then.

Neck 50-70° below horizontal (sources, E4); the rest is judgement. Each step of a forelimb and its diagonal hind limb
carries the horse on by half their length, so that always one of each pair stands ahead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.motion.moves.attitude import Attitude, trunk_turn
from kinequimation.motion.moves.carriage import arch_back, carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.flexion import swing_limbs
from kinequimation.motion.moves.footing import Stance, follow
from kinequimation.motion.moves.frame import HEAD
from kinequimation.motion.moves.score import Score
from kinequimation.motion.moves.timeline import pass_through
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life

_FIRST_S, _SWING_S, _HIND_LATER_S = 1.6, 0.62, 0.75
_ADVANCE = 0.19
"""How far a step carries the horse, in withers heights."""


def make_graze(frame: Frame, life: Life, seconds: float = 12.0, every_s: float = 3.4, cropping: float = 1.0) -> Score:
    """Make a horse graze.

    Args:
        frame: the horse.
        life: its small movements.
        seconds: for how long.
        every_s: time between two steps, at least 2 s.
        cropping: how much the head jerks as it tears the grass.

    Raises:
        InputError: the steps follow each other too closely.
    """
    if not (np.isfinite(every_s) and every_s >= 2.0):
        raise InputError(f"graze step interval: expected 2 s or more, got {every_s}")
    tau, h = frame.tempo, frame.height_m
    every = every_s * tau
    n_steps = int(np.ceil(max(seconds - _FIRST_S * tau, 0.0) / every)) + 1
    rest, advance = frame.toes, _ADVANCE * h
    stances: list[list[Stance]] = [[], [], [], []]
    # where each hoof is relative to its usual place: left fore ahead, right fore behind, hinds crosswise
    place = [0.5 * advance, -0.5 * advance, -0.5 * advance, 0.5 * advance]
    since = [-1.0, -1.0, -1.0, -1.0]
    travelled: list[tuple[float, float]] = [(0.0, 0.0)]
    turns: list[tuple[float, float]] = [(0.0, 1.0)]
    for k in range(n_steps):
        jitter = 0.35 * (life.chance[0, k % 32] - 0.5) * every
        start = _FIRST_S * tau + k * every + jitter
        side = 1 - k % 2  # the right fore, which is behind, goes first
        for limb, later in ((side, 0.0), (3 - side, _HIND_LATER_S * tau)):
            on = start + later
            stances[limb].append(
                Stance(since[limb], on, (0.95 * rest[limb, 0], rest[limb, 1] - place[limb]), 0.07 * h, 0.5)
            )
            place[limb] += 2.0 * advance
            since[limb] = on + _SWING_S * tau
        turns += [(start - 0.5 * tau, 1.0 - 2.0 * (k % 2)), (start + 0.5 * tau, 2.0 * (k % 2) - 1.0)]
        travelled += [(start - 0.3 * tau, k * advance), (start + 1.15 * tau, (k + 1) * advance)]
    for limb in range(4):
        last = max(since[limb], travelled[-1][0])
        stances[limb].append(
            Stance(since[limb], last + seconds + 1e3, (0.95 * rest[limb, 0], rest[limb, 1] - place[limb]))
        )
    middle_rest = frame.body.rest_xyz[TRUNK_REFERENCE]

    def attitude(t_s: np.ndarray) -> Attitude:
        middle = np.repeat(middle_rest[None], len(t_s), 0)
        middle[:, 1] -= pass_through(t_s, travelled)
        slow = life.wave(t_s, 1, 0.05, 0.15)
        middle[:, 0] += 0.008 * h * slow
        middle[:, 2] -= 0.018 * h
        turn = trunk_turn(np.full(len(t_s), -0.045), roll_rad=0.01 * slow, yaw_rad=0.015 * slow)
        v = still(len(t_s))
        arch_back(v, 0.05, 0.05 * slow)
        # the head beside the foot that is ahead, which is the right one after an odd number of steps
        ahead = pass_through(t_s, turns)
        side = -0.16 * ahead + 0.14 * life.wave(t_s, 2, 0.06, 0.16)
        carry_neck(v, frame, np.radians(-62.0), np.radians(74.0) + 0.06 * life.wave(t_s, 3, 0.1, 0.3), side, 0.4 * side)
        tear = cropping * np.maximum(np.sin(2 * np.pi * 0.9 * t_s + 4 * life.wave(t_s, 5, 0.05, 0.1)), 0.0) ** 3
        v[:, HEAD, 0] += 0.10 * tear
        carry_tail(v, 0.12)
        carry_ears(v, 0.15, 0.15)
        life.breathe(v, t_s)
        life.flick_ears(v, t_s)
        life.swish_tail(v, t_s)
        life.chew(v, t_s)
        feet = follow(frame, stances, t_s)
        muzzle = h * (0.018 + 0.012 * (1.0 + life.wave(t_s, 4, 0.1, 0.4)))
        return Attitude(
            middle, turn, v, swing_limbs(frame, feet), feet.toe_xyz, feet.hoof_pitch_rad, feet.hoof_yaw_rad,
            feet.held, feet.flying, feet.contact, 1.0, muzzle,
        )  # fmt: skip

    return Score(0.0, seconds, attitude)
