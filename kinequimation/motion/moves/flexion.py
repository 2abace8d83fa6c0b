"""How limbs are bent on the ground and in the air."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.moves.timeline import pass_through

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from kinequimation.motion.moves.footing import Footing
    from kinequimation.motion.moves.frame import Frame

    Bends = tuple[Sequence[Sequence[tuple[float, float]]], Sequence[Sequence[tuple[float, float]]]]
    """Flexor-side angles in degrees over the flight of a fore and of a hind limb, from shoulder or hip down."""

BLADE_DEG = 8.0
"""Swing of the shoulder blade either way over a stance (sources, E3: 20° in all at the canter)."""
_BLADE_AIR_DEG = -15.0


STEP_DEG: Bends = (
    (
        [(0.0, 126), (0.4, 114), (1.0, 128)],
        [(0.0, 151), (0.12, 140), (0.4, 118), (0.9, 148), (1.0, 151)],
        [(0.0, 172), (0.12, 152), (0.4, 128), (0.85, 174), (1.0, 176)],
        [(0.0, 204), (0.4, 178), (0.8, 200), (1.0, 206)],
        [(0.0, 191), (1.0, 191)],
    ),
    (
        [(0.0, 108), (0.7, 94), (1.0, 100)],
        [(0.0, 146), (0.45, 122), (1.0, 146)],
        [(0.0, 148), (0.45, 124), (1.0, 146)],
        [(0.0, 199), (0.35, 160), (0.85, 198), (1.0, 200)],
        [(0.0, 172), (1.0, 172)],
    ),
)
"""A slow single step (sources, E3: within the ranges of the walk)."""


def swing_limbs(
    frame: Frame,
    feet: Footing,
    usual: Bends = STEP_DEG,
    special: Bends | None = None,
    share: Float[np.ndarray, " frames"] | float = 0.0,
) -> Float[np.ndarray, "frames 4 6 3"]:
    """Return how limbs that stand and fly in turn would hang.

    Over a stance each joint goes from the angle with which it landed to that with which it leaves, by way of rest.

    Args:
        frame: the horse.
        feet: what the hooves do.
        usual: bends of an ordinary flight.
        special: bends of a special one.
        share: how far the special one it is, 0 to 1.
    """
    hang = np.zeros((*feet.flight.shape, 6, 3))
    for limb in range(4):
        pair = limb // 2
        w, d = feet.flight[:, limb], feet.stance[:, limb]
        flying = w > 0
        for joint in range(5):
            turns = []
            for bends in (usual,) if special is None else (usual, special):
                keys = bends[pair][joint]
                air = frame.turn(pair, joint, pass_through(w, keys))
                on, off = (frame.turn(pair, joint, np.array(keys[i][1])) for i in (-1, 0))
                turns.append(np.where(flying, air, on * (1 - d) ** 2 + off * d * d))
            hang[:, limb, joint + 1, 0] = turns[0] + (turns[-1] - turns[0]) * share
        if pair == 0:
            air = pass_through(w, [(0.0, BLADE_DEG), (0.45, _BLADE_AIR_DEG), (0.8, -12.0), (1.0, -BLADE_DEG)])
            hang[:, limb, 0, 0] = np.radians(np.where(flying, air, BLADE_DEG * (2.0 * d - 1.0)))
    return hang
