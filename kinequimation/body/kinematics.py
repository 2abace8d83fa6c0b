"""Where the joints of a body are: at rest for a shape, and posed by rotations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_multiply, quat_rotate

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.shape import Shape


def _bone_scale(name: str, axis: np.ndarray, s: Shape, hind_length: float) -> np.ndarray:
    """Return the [3, 3] stretch of one bone's surroundings: along its axis and across it."""
    leg_length = s.leg_length * (hind_length if re.search(r"thigh|lower_leg|hind_foot|r_toe", name) else 1.0)

    def stretch(length: float, girth: float) -> np.ndarray:
        return girth * np.eye(3) + (length - girth) * np.outer(axis, axis)

    if re.search(r"spine|chest|breast", name):
        return np.diag([s.barrel_width, s.back_length, s.barrel_depth])
    if "pelvis" in name:
        return np.diag([s.barrel_width, s.back_length, 0.5 + 0.5 * s.barrel_depth])
    if "neck" in name:
        return stretch(s.neck_length, s.neck_girth)
    if "mane" in name:
        return np.eye(3) * s.neck_girth if "base" in name else np.eye(3) * s.mane_length
    if "tail" in name:
        return stretch(s.tail_length, 0.5 + 0.5 * s.tail_length)
    if re.search(r"head|jaw|skull|ear|eye|nose", name):
        return np.eye(3) * s.head_length
    if "shoulder" in name:
        return stretch(s.barrel_depth, s.muscle)
    if re.search(r"upper_arm|forearm|thigh|lower_leg", name):
        upper = re.search(r"upper_arm|thigh", name)
        return stretch(leg_length, (1 + s.muscle) / 2 if upper else (s.muscle + s.limb_girth) / 2)
    if re.search(r"forefoot|hind_foot", name):
        return stretch(leg_length * s.cannon_length, s.limb_girth)
    if re.search(r"_toe", name):
        return stretch(leg_length, s.limb_girth)
    if "hoof" in name:
        return np.diag([s.hoof_size, s.hoof_size, (1 + s.hoof_size) / 2])
    return np.eye(3)


def _levels() -> tuple[np.ndarray, ...]:
    """Return the joints by depth under the root: joints of one level can be posed at once."""
    depth = np.zeros(skeleton.NUM_JOINTS, int)
    for j in skeleton.TOPOLOGICAL_ORDER:
        p = skeleton.JOINT_PARENTS[j]
        depth[j] = depth[p] + 1 if p >= 0 else 0
    return tuple(np.flatnonzero(depth == d) for d in range(depth.max() + 1))


_LEVELS = _levels()


@lru_cache(maxsize=16)
def bone_scales(shape: Shape) -> Float[np.ndarray, "81 3 3"]:
    """Return, for each joint, the linear map of template offsets around its head to the shape's, before final size.

    The hind limbs are stretched a little further or less, so that all four hooves stand on one ground.
    """
    axes = skeleton.REST_TAIL_XYZ - skeleton.REST_HEAD_XYZ
    axes = axes / np.linalg.norm(axes, axis=-1, keepdims=True)
    fore, hind, hip = (skeleton.JOINT_INDEX[n] for n in ("DEF-f_hoof.L", "DEF-r_hoof.L", "DEF-thigh.L"))
    hind_length = 1.0
    for _ in range(4):  # a contraction: the error shrinks about tenfold a round
        scales = np.stack([_bone_scale(n, a, shape, hind_length) for n, a in zip(skeleton.JOINTS, axes, strict=True)])
        joints = scaled_rest_joints(scales)
        sole = joints[:, 2] - scales[:, 2, 2] * skeleton.REST_HEAD_XYZ[:, 2]
        hind_length *= (joints[hip, 2] - sole[fore]) / (joints[hip, 2] - sole[hind])
    return scales


def scaled_rest_joints(scales: Float[np.ndarray, "81 3 3"]) -> Float[np.ndarray, "81 3"]:
    """Return joint positions at rest after each bone's stretch, before the final size and the ground are set."""
    xyz = np.zeros((skeleton.NUM_JOINTS, 3))
    for j in skeleton.TOPOLOGICAL_ORDER:
        p = skeleton.JOINT_PARENTS[j]
        offset = skeleton.REST_HEAD_XYZ[j] - (skeleton.REST_HEAD_XYZ[p] if p >= 0 else 0.0)
        xyz[j] = offset if p < 0 else xyz[p] + scales[p] @ offset
    return xyz


def forward_kinematics(
    rest_xyz: Float[np.ndarray, "81 3"],
    root_xyz_world: Float[np.ndarray, "frames 3"],
    quat_wxyz: Float[np.ndarray, "frames 81 4"],
) -> tuple[Float[np.ndarray, "frames 81 3"], Float[np.ndarray, "frames 81 4"]]:
    """Pose the skeleton.

    Args:
        rest_xyz: joints at rest, metres; the root at the origin.
        root_xyz_world: where the root stands, metres.
        quat_wxyz: each joint's rotation relative to its parent, identity at rest, world-parallel axes at rest.

    Returns:
        joint positions in the world, and each joint's rotation from rest in the world.
    """
    n_frames = len(quat_wxyz)
    xyz = np.empty((n_frames, skeleton.NUM_JOINTS, 3))
    rotation = np.empty((n_frames, skeleton.NUM_JOINTS, 4))
    xyz[:, 0] = root_xyz_world
    rotation[:, 0] = quat_wxyz[:, 0]
    for j in _LEVELS[1:]:
        p = skeleton.JOINT_PARENTS[j]
        xyz[:, j] = xyz[:, p] + quat_rotate(rotation[:, p], rest_xyz[j] - rest_xyz[p])
        rotation[:, j] = quat_multiply(rotation[:, p], quat_wxyz[:, j])
    return xyz, rotation
