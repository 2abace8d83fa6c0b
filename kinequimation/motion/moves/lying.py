"""How a horse lies: on its breastbone, the hind limbs to one side, or flat on its side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lying:
    """A way to lie, towards the left side.

    Attributes:
        pitch_deg: of the trunk, front up.
        roll_deg: of the trunk, towards its left side.
        arch_deg: of the back.
        neck_deg: elevation of the neck over the trunk's axis.
        nose_deg: slant of the nose below it.
        limbs_deg: [4, 6, 3] turns of the limbs' links, in the order of ``limbs.CHAIN``.
    """

    pitch_deg: float
    roll_deg: float
    arch_deg: float
    neck_deg: float
    nose_deg: float
    limbs_deg: np.ndarray


def _limb(*x: float, blade_y: float = 0.0, upper_y: float = 0.0, upper_z: float = 0.0) -> np.ndarray:
    turns = np.zeros((6, 3))
    turns[:, 0] = x
    turns[0, 1], turns[1, 1], turns[1, 2] = blade_y, upper_y, upper_z
    return turns


STERNAL = Lying(
    pitch_deg=-2.0,
    roll_deg=30.0,
    arch_deg=10.0,
    neck_deg=38.0,
    nose_deg=56.0,
    limbs_deg=np.stack(
        [
            _limb(5.0, 48.0, -92.0, 111.0, 39.0, 0.0, blade_y=12.0, upper_y=12.0, upper_z=9.0),
            _limb(-2.0, 37.0, -92.0, 133.0, 35.0, 16.0, blade_y=3.0, upper_y=12.0, upper_z=-11.0),
            _limb(0.0, 4.0, 77.0, -97.0, 26.0, 6.0, upper_y=23.0, upper_z=0.0),
            _limb(0.0, -11.0, 78.0, -99.0, 36.0, 6.0, upper_y=12.0, upper_z=2.0),
        ]
    ),
)
"""On the breastbone and the left haunch, both forelimbs folded."""

FLAT = Lying(
    pitch_deg=0.0,
    roll_deg=86.0,
    arch_deg=2.0,
    neck_deg=18.0,
    nose_deg=40.0,
    limbs_deg=np.stack(
        [
            _limb(-8.0, 6.0, -18.0, 22.0, 20.0, 5.0),
            _limb(-2.0, 10.0, -12.0, 12.0, 15.0, 5.0, blade_y=-13.0, upper_y=-13.0),
            _limb(0.0, -6.0, 18.0, -18.0, 20.0, 0.0),
            _limb(0.0, 2.0, 10.0, -10.0, 15.0, 0.0, upper_y=-26.0),
        ]
    ),
)
"""Flat on the left side, limbs stretched out."""

KNEELING_DEG: np.ndarray = _limb(-6.0, 10.0, -42.0, 98.0, 45.0, 10.0)
"""A forelimb that kneels: the cannon on the ground, the forearm upright."""

STRETCHED_DEG: np.ndarray = _limb(-14.0, -6.0, -52.0, 12.0, 5.0, 0.0)
"""A forelimb stretched out in front of a lying horse, before it gets up."""

RAISED_DEG: np.ndarray = _limb(-13.0, -10.0, -97.0, 92.0, 40.0, 10.0)
"""The same on its way there: the forearm level before the cannon swings out."""
