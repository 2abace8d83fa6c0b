"""How fast a body goes at a gait, and how often it steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.gait import REFERENCE_HEIGHT_M

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import Gait, GaitTable

MAX_SPEED_MPS = 20.0
"""No horse goes faster (sources, E2: the fastest reach 19), however tall."""
_HIP = skeleton.JOINT_INDEX["DEF-thigh.L"]


def froude(body: Body) -> float:
    """Return by how much faster a body goes than a horse of 1.60 m (sources, E1: with the root of the height)."""
    return float(np.sqrt(body.shape.withers_height_m / REFERENCE_HEIGHT_M))


def speed_range_mps(table: GaitTable, body: Body) -> tuple[float, float, float]:
    """Return a body's slowest, usual and fastest speed at a gait."""
    slow, usual, fast = (min(v * froude(body), MAX_SPEED_MPS) for v in table.speeds_mps)
    return slow, usual, fast


def frequency_hz(
    table: GaitTable, gait: Gait, body: Body, speed_mps: Float[np.ndarray, "*n"] | float
) -> Float[np.ndarray, "*n"]:
    """Return the stride frequency of a body at a speed.

    Args:
        table: the gait at all speeds.
        gait: the gait at this speed.
        body: the horse; one whose limbs are too short for the stride takes more of them.
        speed_mps: speed along the path.
    """
    usual = table.frequency_hz(np.asarray(speed_mps) / froude(body)) / froude(body)
    if gait.stands:
        return usual
    least = np.asarray(speed_mps) * np.maximum(*gait.duty) / (2.0 * np.asarray(gait.reach) * body.rest_xyz[_HIP, 2])
    return np.where(np.asarray(speed_mps) > 0.0, np.maximum(usual, least), usual)
