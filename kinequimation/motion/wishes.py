"""What the limbs' joints wish for: their angles over a stride, and how willingly each departs from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.curves import ease_limb
from kinequimation.motion.limits import LIMB_JOINTS, rest_angle_deg

if TYPE_CHECKING:
    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import Gait
    from kinequimation.motion.style import Style

_JOINTS = (("shoulder", "elbow", "carpus", "fore_fetlock"), ("hip", "stifle", "hock", "hind_fetlock"))
_RIG_DEG = {"shoulder": 5.0, "elbow": 8.0}
"""Less flexion than the tables' for joints above and below the humerus: the rig's stands some 10° steeper than real."""
# where in stance (0 to 1) and swing (1 to 2) a joint is how far from least (0) to greatest (1): sources, E3
_SHAPES: dict[str, list[tuple[float, float]]] = {
    "shoulder": [(0.0, 1.0), (0.4, 0.55), (0.97, 1.1), (1.4, 0.0), (1.9, 1.0)],
    "elbow": [(0.0, 0.88), (0.3, 0.80), (0.97, 1.0), (1.42, 0.0), (1.93, 0.92)],
    "carpus": [(0.05, 0.93), (0.5, 1.0), (0.95, 0.95), (1.45, 0.0), (1.88, 0.95)],
    "fore_fetlock": [(0.0, 0.62), (0.5, 1.0), (0.97, 0.70), (1.32, 0.0), (1.68, 0.66), (1.85, 0.58)],
    "hip": [(0.03, 0.05), (1.0, 1.0), (1.75, 0.0)],
    "stifle": [(0.0, 0.85), (0.25, 0.70), (0.97, 0.97), (1.45, 0.0), (1.95, 0.90)],
    "hock": [(0.0, 0.80), (0.25, 0.66), (0.97, 1.0), (1.45, 0.0), (1.95, 0.82)],
    "hind_fetlock": [(0.0, 0.70), (0.45, 1.0), (0.97, 0.70), (1.34, 0.0), (1.70, 0.72), (1.88, 0.66)],
}
# how willingly each link departs from its wish in stance and in swing, degrees
_SLACK_DEG = (
    np.array([[4.0, 6.0, 6.0, 2.0, 10.0, 25.0], [5.0, 8.0, 12.0, 12.0, 18.0, 25.0]]),
    np.array([[0.0, 10.0, 9.0, 9.0, 10.0, 25.0], [0.0, 10.0, 12.0, 12.0, 18.0, 25.0]]),
)
_HOOF_SLACK_DEG = 25.0
"""How willingly a hoof in the air departs from its wished-for tip."""
_SCAPULA = [(0.03, -1.0), (1.05, 1.0), (1.85, -1.05)]
_FREE = [(0.02, 0.0), (0.85, 0.0), (1.2, 1.0), (1.8, 1.0)]
_HOOF_FREE = [(0.0, 0.0), (0.999, 0.0), (1.3, 1.0), (1.6, 1.0), (1.9, 0.0)]
_HANGING = [(0.0, 0.0), (0.85, 0.1), (1.3, 1.0), (1.9, 0.0)]


def wished_turns(gait: Gait, style: Style, body: Body, progress: np.ndarray) -> np.ndarray:
    """Return the limbs' wished-for turns about X [T, 4, 6], radians.

    Args:
        gait: its numbers constant or one a frame.
        style: the way of going.
        body: the horse.
        progress: [T, 4] of each limb's cycle, as in ``Hooves``.
    """
    wish = np.zeros((*progress.shape, 6))
    if gait.stands:
        return wish  # the rest pose
    for pair, joints in enumerate(_JOINTS):
        rows = slice(2 * pair, 2 * pair + 2)
        part, duty = progress[:, rows], _column(gait.duty[pair])
        action = np.clip(style.action * np.array(style.limb_action)[rows], 0.5, 1.3)
        for link, joint in enumerate(joints, start=1):
            least, greatest = (_column(angle) for angle in gait.ranges_deg[joint])
            least = least + _RIG_DEG.get(joint, 0.0)
            share = ease_limb(part, duty, _SHAPES[joint])
            # action deepens the flexion of the swing only
            share = np.where(share < 0.5, 0.5 - (0.5 - share) * action, share)
            sense = LIMB_JOINTS[joint][3]
            rest = rest_angle_deg(joint, body.rest_xyz, body.rest_tail_xyz)
            wish[:, rows, link] = np.radians(sense * (rest - (least + (greatest - least) * share)))
        if pair == 0:
            wish[:, rows, 0] = np.radians(_column(gait.scapula_deg)) * ease_limb(part, duty, _SCAPULA)
        # in the air the hoof hangs, bent back
        wish[:, rows, 5] += 0.35 * ease_limb(part, duty, _HANGING)
    return wish


def slacks(gait: Gait, progress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how willingly links [T, 4, 6] and hooves in the air [T, 4] depart from their wishes, radians."""
    slack, hoof = np.empty((*progress.shape, 6)), np.zeros(progress.shape)
    for pair in (0, 1):
        rows = slice(2 * pair, 2 * pair + 2)
        stance, swing = np.radians(_SLACK_DEG[pair])
        slack[:, rows] = stance
        if not gait.stands:
            duty = _column(gait.duty[pair])
            slack[:, rows] += (swing - stance) * ease_limb(progress[:, rows], duty, _FREE)[..., None]
            hoof[:, rows] = np.radians(_HOOF_SLACK_DEG) * ease_limb(progress[:, rows], duty, _HOOF_FREE)
    return slack, hoof


def _column(number: np.ndarray | float) -> np.ndarray:
    number = np.asarray(number)
    return number[:, None] if number.ndim else number
