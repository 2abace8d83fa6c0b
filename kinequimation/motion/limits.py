"""How far each joint turns, and what the angle of a joint is: one definition for gaits, fit and reports.

Limb angles are *flexor-side*: the angle between the two segments on the side to which the joint flexes, 180° where
they are in line, more than 180° where the joint is over-extended (as a fetlock under load is). Ranges are the soft
limits of ``RANGES_DEG``: textbook and literature values with a margin, and for spine, neck, head and tail judgement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_inverse, quat_rotate

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.motion import Motion

_J = skeleton.JOINT_INDEX

LIMB_JOINTS: dict[str, tuple[str, str, str, int]] = {
    "shoulder": ("DEF-shoulder", "DEF-upper_arm", "DEF-forearm", 1),
    "elbow": ("DEF-upper_arm", "DEF-forearm", "DEF-forefoot", -1),
    "carpus": ("DEF-forearm", "DEF-forefoot", "DEF-f_toe", 1),
    "fore_fetlock": ("DEF-forefoot", "DEF-f_toe", "DEF-f_hoof", 1),
    "fore_coffin": ("DEF-f_toe", "DEF-f_hoof", "", 1),
    "hip": ("", "DEF-thigh", "DEF-lower_leg", -1),
    "stifle": ("DEF-thigh", "DEF-lower_leg", "DEF-hind_foot", 1),
    "hock": ("DEF-lower_leg", "DEF-hind_foot", "DEF-r_toe", -1),
    "hind_fetlock": ("DEF-hind_foot", "DEF-r_toe", "DEF-r_hoof", 1),
    "hind_coffin": ("DEF-r_toe", "DEF-r_hoof", "", 1),
}
"""Joint: bone whose head is above it, bone whose head it is, bone whose head is below it, and the sense of flexion
(+1: flexing turns the lower segment backwards, which is a positive turn about +X). The upper segment of the hip is the
pelvis bone, the lower one of a coffin joint is the hoof bone."""

RANGES_DEG: dict[str, tuple[float, float]] = {
    "shoulder": (80, 145),
    "elbow": (55, 162),
    "carpus": (35, 190),
    "fore_fetlock": (95, 255),
    "fore_coffin": (120, 235),
    "hip": (60, 140),
    "stifle": (60, 167),
    "hock": (50, 172),
    "hind_fetlock": (90, 250),
    "hind_coffin": (120, 235),
}
"""Flexor-side angles that no horse leaves (sources, E3, last column; the coffin joint widened upwards because
the rest pose of the rig measures 191°)."""

HINGE_SLACK_DEG = 6.0


def _sagittal(vector: np.ndarray) -> np.ndarray:
    """Return the angle of vectors in the sagittal plane, from +Y (backwards) towards +Z (up)."""
    return np.arctan2(vector[..., 2], vector[..., 1])


def _segments(joint: str, side: str, rest: np.ndarray, tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the segments that leave a joint upwards and downwards, at rest."""
    above, here, below, _ = LIMB_JOINTS[joint]
    pivot = rest[_J[f"{here}.{side}"]]
    if above:
        up = rest[_J[f"{above}.{side}"]] - pivot
    else:
        up = tail[_J[f"DEF-pelvis.{side}"]] - rest[_J[f"DEF-pelvis.{side}"]]
    down = (rest[_J[f"{below}.{side}"]] if below else tail[_J[f"{here}.{side}"]]) - pivot
    return up, down


def rest_angle_deg(joint: str, rest_xyz: np.ndarray, rest_tail_xyz: np.ndarray, side: str = "L") -> float:
    """Return the flexor-side angle of a limb joint in a body's rest pose.

    Args:
        joint: a key of ``LIMB_JOINTS``.
        rest_xyz: [81, 3] bone heads.
        rest_tail_xyz: [81, 3] bone tails.
        side: ``L`` or ``R``.
    """
    up, down = _segments(joint, side, rest_xyz, rest_tail_xyz)
    return float(np.degrees(LIMB_JOINTS[joint][3] * (_sagittal(up) - _sagittal(down))) % 360.0)


def joint_angles(body: Body, motion: Motion) -> dict[str, Float[np.ndarray, " frames"]]:
    """Measure the limb joints.

    Args:
        body: the body that moves.
        motion: its motion.

    Returns:
        flexor-side angle in degrees by ``<joint>.<side>`` (``carpus.L``), for every joint of ``LIMB_JOINTS``,
        measured in the sagittal plane of the bone above.
    """
    _, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    angles = {}
    for joint, (_, here, _, sense) in LIMB_JOINTS.items():
        for side in "LR":
            name = f"{here}.{side}"
            parent = skeleton.JOINT_PARENTS[_J[name]]
            up, down = _segments(joint, side, body.rest_xyz, body.rest_tail_xyz)
            turned = quat_rotate(quat_inverse(rotation[:, parent]), quat_rotate(rotation[:, _J[name]], down))
            angles[f"{joint}.{side}"] = np.degrees(sense * (_sagittal(up) - _sagittal(turned))) % 360.0
    return angles


_OTHER_DEG: tuple[tuple[str, tuple[float, float, float], tuple[float, float, float]], ...] = (
    # name starts with, lowest, highest turn about x (positive: front down), y (roll), z (positive: to the left)
    ("root", (-180, -180, -180), (180, 180, 180)),
    ("DEF-spine.001", (-22, -12, -14), (22, 12, 14)),
    ("DEF-spine", (-12, -8, -10), (12, 8, 10)),
    ("DEF-chest", (-5, -3, -3), (5, 3, 3)),
    ("DEF-breast", (-12, -8, -8), (12, 8, 8)),
    ("DEF-shoulder", (-21, -14, -10), (19, 14, 10)),
    ("DEF-neck.001", (-40, -15, -35), (65, 15, 35)),
    ("DEF-neck", (-40, -15, -32), (45, 15, 32)),
    ("DEF-head", (-80, -25, -35), (50, 25, 35)),
    ("DEF-jaw.001", (0, 0, 0), (0, 0, 0)),
    ("DEF-jaw", (-4, -6, -6), (22, 6, 6)),
    ("DEF-ear", (-50, -40, -50), (50, 40, 50)),
    ("DEF-eye", (0, 0, 0), (0, 0, 0)),
    ("DEF-nose", (-8, -8, -8), (8, 8, 8)),
    ("DEF-skull", (0, 0, 0), (0, 0, 0)),
    ("DEF-tail", (-75, -20, -45), (45, 20, 45)),
    ("DEF-mane_base", (-15, -25, -15), (15, 25, 15)),
    ("DEF-mane_top", (-40, -80, -40), (40, 80, 40)),
    ("DEF-pelvis", (0, 0, 0), (0, 0, 0)),
)
_OFF_AXIS_DEG = {
    "shoulder": (14.0, 12.0), "hip": (28.0, 22.0), "fore_coffin": (18.0, 8.0), "hind_coffin": (18.0, 8.0),
}  # fmt: skip
"""Roll and yaw of the limb joints that are no hinges (judgement; the coffin joint lets a hoof stand flat under a limb
that leans)."""


def _limb_box(name: str) -> np.ndarray | None:
    for joint, (_, here, _, sense) in LIMB_JOINTS.items():
        if name[:-2] == here and name[-1] in "LR":
            rest = rest_angle_deg(joint, skeleton.REST_HEAD_XYZ, skeleton.REST_TAIL_XYZ, name[-1])
            x = sorted(sense * (rest - angle) for angle in RANGES_DEG[joint])
            roll, yaw = _OFF_AXIS_DEG.get(joint, (HINGE_SLACK_DEG, HINGE_SLACK_DEG))
            return np.array([[x[0], -roll, -yaw], [x[1], roll, yaw]])
    return None


def _box_deg(name: str) -> np.ndarray:
    """Return [2, 3]: lowest and highest rotation vector of a joint, degrees."""
    if name.endswith((".L.001", ".R.001")):
        return np.zeros((2, 3))  # the second half of a bone that does not bend
    box = _limb_box(name)
    if box is not None:
        return box
    low, high = next((low, high) for stem, low, high in _OTHER_DEG if name.startswith(stem))
    return np.array([low, high], float)


JOINT_LIMITS: Float[np.ndarray, "81 2 3"] = np.radians(np.stack([_box_deg(name) for name in skeleton.JOINTS]))
"""[81, 2, 3] lowest and highest rotation vector of each joint of ``skeleton.JOINTS`` relative to its parent, from
rest, in rest-world axes, radians. +X is the flexion axis of the limbs, as the horse faces −Y and its left is +X."""
