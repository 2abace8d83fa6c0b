"""What a horse does beside its gait: ears that listen, a head that looks about, a tail that swishes.

Slow waves of frequencies that share no period, so that nothing repeats; sizes and rates are guesses within the ranges
of the sources, E1, row idle (head 0.05–0.2 Hz, ears 0.1–1 Hz, tail 0.2–1 Hz).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Float

_J = skeleton.JOINT_INDEX
_NECK = [_J["DEF-neck.003"], _J["DEF-neck.004"]]
_TAIL = [_J[f"DEF-tail.00{i}"] for i in range(1, 6)]


def life(t_s: Float[np.ndarray, " frames"], seed_phase: float, size: float = 1.0) -> Float[np.ndarray, "frames 81 3"]:
    """Return turns to add to the joints.

    Args:
        t_s: times, seconds.
        seed_phase: shifts all waves; horses of different value do different things.
        size: factor on all.
    """

    def wave(frequency_hz: float, offset: float) -> np.ndarray:
        return np.sin(2.0 * np.pi * (frequency_hz * t_s + offset + 7.3 * seed_phase))

    v = np.zeros((len(t_s), skeleton.NUM_JOINTS, 3))
    for ear, side, offset in (("DEF-ear.L", -1.0, 0.0), ("DEF-ear.R", 1.0, 0.37)):
        # steep waves: an ear stays, then turns quickly
        turned = np.tanh(2.5 * (wave(0.17, offset) + 0.6 * wave(0.41, 2.0 * offset + 0.1)))
        flick = np.maximum(wave(0.23, 0.5 + offset), 0.0) ** 24 * wave(3.1, offset)
        v[:, _J[ear], 0] = size * (0.18 * turned + 0.15 * flick)
        v[:, _J[ear], 2] = side * size * (0.28 * turned + 0.25 * flick)
    look = wave(0.071, 0.2) + 0.5 * wave(0.19, 0.7)
    v[:, _NECK, 2] = size * 0.03 * look[:, None]
    v[:, _J["DEF-head"], 2] = size * 0.035 * look
    v[:, _J["DEF-head"], 0] = size * 0.03 * wave(0.11, 0.9)
    v[:, _NECK, 0] = size * 0.012 * wave(0.083, 0.35)[:, None]
    swish = np.maximum(wave(0.13, 0.6), 0.0) ** 6
    for i, tail in enumerate(_TAIL):
        v[:, tail, 2] = size * 0.16 * swish * wave(0.8, -0.08 * i) * (1.0, 1.2, 1.1, 1.0, 0.9)[i]
    return v
