"""Lying: resting on the breastbone, or flat on the side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.motion.moves.attitude import Attitude, trunk_turn
from kinequimation.motion.moves.carriage import arch_back, carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.lying import FLAT, STERNAL
from kinequimation.motion.moves.score import Score
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life


def make_lie(frame: Frame, life: Life, seconds: float = 10.0, flatness: float = 0.0) -> Score:
    """Make a horse lie.

    Args:
        frame: the horse.
        life: its small movements.
        seconds: for how long.
        flatness: 0 for on the breastbone, 1 for flat on the side.

    Raises:
        InputError: the flatness is out of range.
    """
    if not 0.0 <= flatness <= 1.0:
        raise InputError(f"flatness: expected 0 to 1, got {flatness}")

    def attitude(t_s: np.ndarray) -> Attitude:
        n = len(t_s)
        f = np.full(n, flatness)

        def mix(name: str) -> np.ndarray:
            return getattr(STERNAL, name) + (getattr(FLAT, name) - getattr(STERNAL, name)) * f

        r = np.radians
        turn = trunk_turn(r(mix("pitch_deg")), r(mix("roll_deg")))
        middle = np.zeros((n, 3))
        middle[:, 1] = frame.body.rest_xyz[TRUNK_REFERENCE, 1]
        v = still(n)
        arch_back(v, r(mix("arch_deg")))
        carry_neck(v, frame, r(mix("neck_deg")), r(mix("nose_deg")))
        carry_tail(v, 1.0)
        carry_ears(v, 0.2, 0.2)
        life.breathe(v, t_s)
        life.flick_ears(v, t_s)
        hang = r(STERNAL.limbs_deg + (FLAT.limbs_deg - STERNAL.limbs_deg) * f[:, None, None, None])
        none = np.zeros((n, 4))
        return Attitude(middle, turn, v, hang, np.zeros((n, 4, 3)), none, none, none, none, none, settles=True)

    return Score(0.0, seconds, attitude)
