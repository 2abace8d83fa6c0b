"""Where the joints of a body are: at rest for a shape, and posed by rotations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply, quat_rotate, quat_to_matrix

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.shape import Shape


_CROUP_SHEAR_M = (0.394 + 0.367, 1.64)
"""Length of the template's back over which the croup rises against the withers, and the template's height."""


def _kind(name: str) -> str:
    """Return the part of the body whose parameters stretch a bone."""
    for pattern, kind in _KINDS:
        if re.search(pattern, name):
            return kind
    return "none"


_KINDS: tuple[tuple[str, str], ...] = (
    (r"spine.00[56]|chest|breast", "chest"),
    (r"spine.001|pelvis", "croup"),
    (r"spine", "back"),
    (r"neck", "neck"),
    (r"mane", "mane"),
    (r"tail", "tail"),
    (r"-ear", "ear"),
    (r"head|jaw|skull|eye|nose", "head"),
    (r"shoulder", "shoulder"),
    (r"upper_arm", "upper arm"),
    (r"forearm", "forearm"),
    (r"thigh", "thigh"),
    (r"lower_leg", "gaskin"),
    (r"forefoot", "fore cannon"),
    (r"hind_foot", "hind cannon"),
    (r"f_toe", "fore pastern"),
    (r"r_toe", "hind pastern"),
    (r"hoof", "hoof"),
)
_KIND_OF: tuple[str, ...] = tuple(_kind(name) for name in skeleton.JOINTS)
_AXES = skeleton.REST_TAIL_XYZ - skeleton.REST_HEAD_XYZ
_AXES = _AXES / np.linalg.norm(_AXES, axis=-1, keepdims=True)
_NECK_SHARE = np.zeros(skeleton.NUM_JOINTS)
"""How much of the neck's carriage each bone of neck and mane takes up; the head keeps its own."""
for _bone, _share in (("neck.001", 0.6), ("neck.002", 0.85), ("neck.003", 1.0), ("neck.004", 1.0)):
    _NECK_SHARE[skeleton.JOINT_INDEX[f"DEF-{_bone}"]] = _share
for _number, _share in (("05", 0.2), ("04", 0.6), ("03", 0.85), ("02", 1.0), ("01", 1.0)):
    for _part in ("base", "top"):
        _NECK_SHARE[skeleton.JOINT_INDEX[f"DEF-mane_{_part}.{_number}"]] = _share
_IS_HIND = np.array([re.search(r"thigh|lower_leg|hind_foot|r_toe", n) is not None for n in skeleton.JOINTS])


def _stretches(s: Shape) -> dict[str, tuple[float, float]]:
    """Return, for each kind of limb, neck, tail and head bone, the stretch along it and across it."""
    hind = s.hindquarters
    return {
        "neck": (s.neck_length, s.neck_girth),
        "mane": (s.neck_girth, s.neck_girth),
        "tail": (s.tail_length, 0.5 + 0.5 * s.tail_length),
        "head": (s.head_length, s.head_length),
        "ear": (s.head_length * s.ear_length, s.head_length * (0.5 + 0.5 * s.ear_length)),
        "shoulder": (s.barrel_depth, s.muscle),
        "upper arm": (s.leg_length, (1 + s.muscle) / 2),
        "forearm": (s.leg_length * s.forearm_length, (s.muscle + s.limb_girth) / 2),
        "thigh": (s.leg_length, (1 + s.muscle) / 2),
        "gaskin": (s.leg_length * s.gaskin_length, (s.muscle + s.limb_girth + hind - 1) / 2),
        "fore cannon": (s.leg_length * s.cannon_length, s.limb_girth),
        "hind cannon": (s.leg_length * s.cannon_length, s.limb_girth),
        "fore pastern": (s.leg_length * s.pastern_length, s.limb_girth),
        "hind pastern": (s.leg_length * s.pastern_length, s.limb_girth),
        "none": (1.0, 1.0),
    }


def _trunk_maps(s: Shape) -> dict[str, np.ndarray]:
    """Return the [3, 3] maps of the bones that are not stretched along their own axis."""
    span, height = _CROUP_SHEAR_M
    back = np.diag([s.barrel_width, s.back_length, s.barrel_depth])
    back[2, 1] = (s.croup_height - 1) * height / span  # the back falls forwards where the croup is high
    chest = np.diag([s.barrel_width * s.chest_width, s.back_length, s.barrel_depth])
    chest[2, 1] = 0.3 * back[2, 1]
    croup = np.diag([s.barrel_width, s.back_length, 0.5 + 0.5 * s.barrel_depth])
    hoof = np.diag([s.hoof_size, s.hoof_size, (1 + s.hoof_size) / 2])
    return {"back": back, "chest": chest, "croup": croup, "hoof": hoof}


def _levels() -> tuple[np.ndarray, ...]:
    """Return the joints by depth under the root: joints of one level can be posed at once."""
    depth = np.zeros(skeleton.NUM_JOINTS, int)
    for j in skeleton.TOPOLOGICAL_ORDER:
        p = skeleton.JOINT_PARENTS[j]
        depth[j] = depth[p] + 1 if p >= 0 else 0
    return tuple(np.flatnonzero(depth == d) for d in range(depth.max() + 1))


_PARENTS = np.maximum(skeleton.JOINT_PARENTS, 0)
_STEPS = tuple((j, _PARENTS[j]) for j in _levels()[1:])
"""Joints and their parents, level by level."""


@lru_cache(maxsize=16)
def bone_scales(shape: Shape) -> Float[np.ndarray, "81 3 3"]:
    """Return, for each joint, the linear map of template offsets around its head to the shape's, before final size.

    The hind limbs are stretched a little further or less, so that all four hooves stand on one ground.
    """
    fore, hind, hip = (skeleton.JOINT_INDEX[n] for n in ("DEF-f_hoof.L", "DEF-r_hoof.L", "DEF-thigh.L"))
    stretches, maps = _stretches(shape), _trunk_maps(shape)
    length, girth = np.array([stretches.get(k, (1.0, 1.0)) for k in _KIND_OF]).T
    fixed = np.array([k in maps for k in _KIND_OF])
    fixed_maps = np.array([maps[k] if k in maps else np.eye(3) for k in _KIND_OF])
    along = np.einsum("ja,jb->jab", _AXES, _AXES)
    turned = quat_to_matrix(quat_from_axis_angle((-1.0, 0.0, 0.0), np.deg2rad(shape.neck_carriage_deg) * _NECK_SHARE))
    hind_length = 1.0
    scales = fixed_maps
    for _ in range(4):  # a contraction: the error shrinks about tenfold a round
        stretch = length * np.where(_IS_HIND, hind_length, 1.0)
        stretched = girth[:, None, None] * np.eye(3) + (stretch - girth)[:, None, None] * along
        scales = turned @ np.where(fixed[:, None, None], fixed_maps, stretched)
        joints = scaled_rest_joints(scales)
        sole = joints[:, 2] - scales[:, 2, 2] * skeleton.REST_HEAD_XYZ[:, 2]
        hind_length *= (joints[hip, 2] - sole[fore]) / (joints[hip, 2] - sole[hind])
    return scales


def scaled_rest_joints(scales: Float[np.ndarray, "81 3 3"]) -> Float[np.ndarray, "81 3"]:
    """Return joint positions at rest after each bone's stretch, before the final size and the ground are set."""
    xyz = np.einsum("jab,jb->ja", scales[_PARENTS], skeleton.REST_HEAD_XYZ - skeleton.REST_HEAD_XYZ[_PARENTS])
    xyz[0] = 0.0
    for j, p in _STEPS:
        xyz[j] += xyz[p]
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
    for j, p in _STEPS:
        rotation[:, j] = quat_multiply(rotation[:, p], quat_wxyz[:, j])
    xyz[:, 1:] = quat_rotate(rotation[:, _PARENTS[1:]], rest_xyz[1:] - rest_xyz[_PARENTS[1:]])
    for j, p in _STEPS:
        xyz[:, j] += xyz[:, p]
    return xyz, rotation
