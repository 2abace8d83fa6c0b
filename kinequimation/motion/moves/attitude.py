"""What a move asks of the horse at some moments, and the pose that does it.

A move says where the middle of the trunk is and how it is turned, how spine, neck, head and tail are bent, how each
limb would hang, and where each hoof must be as far as it is *held*: 1 where it stands, less on its way into the air,
0 where the limb hangs as wished.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.rotation import (
    quat_from_axis_angle,
    quat_from_rotvec,
    quat_inverse,
    quat_multiply,
    quat_rotate,
    quat_slerp,
    quat_to_matrix,
)
from kinequimation.motion.limbs import BASE, CHAIN, reach
from kinequimation.motion.limits import JOINT_LIMITS
from kinequimation.motion.moves.frame import NECK, SPINE
from kinequimation.motion.moves.ground import clear_limbs, lift_all, lift_head, lift_tail, settle
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.moves.frame import Frame

_BACK = SPINE[: SPINE.index(TRUNK_REFERENCE) + 1]
# how willingly each link departs from its wish, standing and in the air, degrees
_SLACK_DEG = np.array(
    [
        [[4.0, 6.0, 6.0, 2.0, 10.0, 25.0]] * 2 + [[0.0, 10.0, 9.0, 9.0, 10.0, 25.0]] * 2,
        [[5.0, 8.0, 12.0, 12.0, 18.0, 25.0]] * 2 + [[0.0, 10.0, 12.0, 12.0, 18.0, 25.0]] * 2,
    ]
)
_DEEP_SLACK_DEG = np.array([[6.0, 14.0, 16.0, 10.0, 3.0, 10.0]] * 2 + [[0.0, 14.0, 14.0, 14.0, 3.0, 10.0]] * 2)
"""The same of a limb that stands deeply bent: there the upper joints fold, under load the fetlock would sink."""
_HOOF_SLACK_DEG = 12.0
_DEEPEST_BOW = 0.045
"""How far the withers of a grazing horse may sink, in withers heights (judgement)."""
_SOFTNESS = 0.004
_RELUCTANCE = 0.3
"""How much further than it can a limb in the air would have to reach before it pulls the trunk, withers heights."""
_NEARLY_HELD = 0.3
"""What a limb may lack of being held before it is bent out of the ground all the way."""
_FREE_BELOW = 0.12
"""Hold below which a limb turns over to hanging exactly as wished, sideways too, which ``reach`` does not know."""


@dataclass(frozen=True)
class Attitude:
    """What is asked, at T moments.

    Attributes:
        middle_xyz: [T, 3] the middle of the back (``trunk.TRUNK_REFERENCE``), metres.
        trunk_quat: [T, 4] its rotation from rest.
        rotvec: [T, 81, 3] turns of all joints but root and limbs, relative to their parents, radians.
        hang: [T, 4, 6, 3] turns of the limbs' links as far as their hooves are not held.
        toe_xyz: [T, 4, 3] where the toes must be.
        hoof_pitch_rad: [T, 4] tip of the hoofs, toe down.
        hoof_yaw_rad: [T, 4] their turn to the left.
        held: [T, 4] how far a hoof must be there.
        flying: [T, 4] how far a limb is away from standing, 0 to 1, without jumps.
        contact: [T, 4] whether it stands.
        settles: whether the horse may lie on the ground: trunk and limbs that are not held are then kept above it.
        deep: [T, 4] how far the limbs stand deeply bent, 0 to 1.
        muzzle_z: [T] how high over the ground the lowest point of the head must be; None for anywhere above it.
    """

    middle_xyz: Float[np.ndarray, "frames 3"]
    trunk_quat: Float[np.ndarray, "frames 4"]
    rotvec: Float[np.ndarray, "frames 81 3"]
    hang: Float[np.ndarray, "frames 4 6 3"]
    toe_xyz: Float[np.ndarray, "frames 4 3"]
    hoof_pitch_rad: Float[np.ndarray, "frames 4"]
    hoof_yaw_rad: Float[np.ndarray, "frames 4"]
    held: Float[np.ndarray, "frames 4"]
    flying: Float[np.ndarray, "frames 4"]
    contact: Float[np.ndarray, "frames 4"]
    deep: Float[np.ndarray, "frames 4"] | float = 0.0
    muzzle_z: Float[np.ndarray, " frames"] | None = None
    settles: bool = False


def middle_over_hips(
    frame: Frame, hips_xyz: Float[np.ndarray, "frames 3"], trunk_quat: Float[np.ndarray, "frames 4"]
) -> Float[np.ndarray, "frames 3"]:
    """Return where the middle of a straight back is whose hips are at a place."""
    rest = frame.body.rest_xyz
    return hips_xyz + quat_rotate(trunk_quat, rest[TRUNK_REFERENCE] - rest[CHAIN[2:, 1]].mean(0))


def trunk_turn(
    pitch_rad: Float[np.ndarray, " frames"],
    roll_rad: Float[np.ndarray, " frames"] | float = 0.0,
    yaw_rad: Float[np.ndarray, " frames"] | float = 0.0,
) -> Float[np.ndarray, "frames 4"]:
    """Return the turn of a trunk: front up, then rolled towards its left side, then turned left."""
    zero = 0.0 * pitch_rad
    roll = quat_from_axis_angle((0.0, 1.0, 0.0), zero + roll_rad)
    yaw = quat_from_axis_angle((0.0, 0.0, 1.0), zero + yaw_rad)
    return quat_multiply(yaw, quat_multiply(roll, quat_from_axis_angle((1.0, 0.0, 0.0), -pitch_rad)))


def place_trunk(
    frame: Frame, middle_xyz: np.ndarray, trunk_quat: np.ndarray, rotvec: np.ndarray
) -> tuple[Float[np.ndarray, "frames 3"], Float[np.ndarray, "frames 81 4"]]:
    """Return root position and joint rotations that put the middle of the back in its place."""
    quat = quat_from_rotvec(np.clip(rotvec, JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1]))
    rest = frame.body.rest_xyz
    to_middle = quat[:, _BACK[0]]
    for j in _BACK[1:]:
        to_middle = quat_multiply(to_middle, quat[:, j])
    quat[:, 0] = quat_multiply(trunk_quat, quat_inverse(to_middle))
    rotation, xyz = quat[:, 0], quat_rotate(quat[:, 0], rest[_BACK[0]])
    for above, j in pairwise(_BACK):
        rotation = quat_multiply(rotation, quat[:, above])
        xyz = xyz + quat_rotate(rotation, rest[j] - rest[above])
    return middle_xyz - xyz, quat


def pivots(
    frame: Frame, middle_xyz: np.ndarray, trunk_quat: np.ndarray, rotvec: np.ndarray, blade_rad: np.ndarray
) -> Float[np.ndarray, "frames 4 3"]:
    """Return shoulder joints and hips of a trunk in its place.

    Args:
        frame: the horse.
        middle_xyz, trunk_quat, rotvec: as in ``Attitude``.
        blade_rad: [T, 4] turn of the shoulder blades about X (nothing for the hinds).
    """
    root, quat = place_trunk(frame, middle_xyz, trunk_quat, rotvec)
    rest = frame.body.rest_xyz
    rotation, xyz = quat[:, 0], root
    out = np.empty((len(root), 4, 3))
    for above, j in zip([0, *SPINE], SPINE, strict=False):
        xyz = xyz + quat_rotate(rotation, rest[j] - rest[above])
        rotation = quat_multiply(rotation, quat[:, j])
        for limb in np.flatnonzero(j == BASE):
            blade, arm = CHAIN[limb, :2]
            turned = quat_multiply(rotation, quat_from_axis_angle((1.0, 0.0, 0.0), blade_rad[:, limb]))
            out[:, limb] = (
                xyz + quat_rotate(rotation, rest[blade] - rest[j]) + quat_rotate(turned, rest[arm] - rest[blade])
            )
    return out


def solve(frame: Frame, a: Attitude) -> tuple[Float[np.ndarray, "frames 3"], Float[np.ndarray, "frames 81 4"]]:
    """Return root position and joint rotations of a horse that does what is asked."""
    root, quat = place_trunk(frame, a.middle_xyz, a.trunk_quat, a.rotvec)
    if a.muzzle_z is not None:
        left = lift_head(frame, root, quat, a.muzzle_z, [SPINE[-1], *NECK])
        _bow(frame, root, quat, np.clip(left, 0.0, _DEEPEST_BOW * frame.height_m))
    low, high = JOINT_LIMITS[CHAIN, 0], JOINT_LIMITS[CHAIN, 1]
    quat[:, CHAIN] = quat_from_rotvec(np.clip(a.hang, low, high))
    if a.settles:
        settle(frame, root, quat, a.held)
    rows = np.flatnonzero((a.held > 0).any(1))
    if len(rows):
        root[rows], quat[rows] = _hold_hooves(frame, a, rows, root[rows], quat[rows])
    if len(rows):
        free = np.clip(np.where(a.contact > 0.5, 0.0, np.maximum(1.0 - a.held, a.flying)) / _NEARLY_HELD, 0.0, 1.0)
        clear_limbs(frame, root, quat, free * free * (3.0 - 2.0 * free))
    if a.settles and len(rows):
        free = 1.0 - a.held.max(1)
        lift_all(frame, root, quat, np.repeat(free[:, None], 4, 1), free)
    lift_tail(frame, root, quat)
    lift_head(frame, root, quat, a.muzzle_z, NECK)  # the withers carry limbs that stand already
    return root, quat


def _bow(frame: Frame, root: np.ndarray, quat: np.ndarray, drop_m: np.ndarray) -> None:
    """Lower the base of the neck, the hips staying where they are. Changes ``root`` and ``quat``."""
    rest = frame.body.rest_xyz
    hips = rest[CHAIN[2:, 1]].mean(0)
    turn = quat_from_axis_angle((1.0, 0.0, 0.0), drop_m / (hips[1] - rest[NECK[0], 1]))
    before = quat_rotate(quat[:, 0], np.broadcast_to(hips, root.shape))
    quat[:, 0] = quat_multiply(quat[:, 0], turn)
    root += before - quat_rotate(quat[:, 0], np.broadcast_to(hips, root.shape))


def _hold_hooves(
    frame: Frame, a: Attitude, rows: np.ndarray, root: np.ndarray, quat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    held, contact = a.held[rows], a.contact[rows]
    xyz, rotation = frame.body.joints(root, quat)
    hoof = CHAIN[:, 5]
    hanging = quat_to_matrix(rotation[:, hoof])
    hanging_toe = xyz[:, hoof] + np.einsum("tlab,lb->tla", hanging, frame.limbs.offset[:, 6])
    hoof_quat = quat_multiply(
        quat_from_axis_angle((0.0, 0.0, 1.0), a.hoof_yaw_rad[rows]),
        quat_from_axis_angle((1.0, 0.0, 0.0), a.hoof_pitch_rad[rows]),
    )
    hoof_R = quat_to_matrix(quat_slerp(rotation[:, hoof], hoof_quat, held))
    toe = hanging_toe + (a.toe_xyz[rows] - hanging_toe) * held[..., None]
    # neither heel nor toe below the ground
    sole = np.einsum("tlab,lpb->tlpa", hoof_R, frame.sole)[..., 2].min(-1)
    toe[..., 2] = np.where(contact > 0.5, toe[..., 2], np.maximum(toe[..., 2], 0.001 - sole))
    base_xyz, base_R = xyz[:, BASE], quat_to_matrix(rotation[:, BASE])
    wish = np.clip(a.hang[rows][..., 0], JOINT_LIMITS[CHAIN, 0, 0], JOINT_LIMITS[CHAIN, 1, 0])
    over = frame.limbs.overreach(base_xyz, base_R, wish, toe, hoof_R)
    over = over - a.flying[rows] * _RELUCTANCE * frame.height_m
    top = np.maximum(over.max(-1), 0.0)
    soft = _SOFTNESS * frame.height_m
    sink = top + soft * np.log(np.exp(-top / soft) + np.exp((over - top[:, None]) / soft).sum(-1))
    sink = sink * (contact.max(1) > 0.5)  # in the air nothing pulls
    root = root - np.array([0.0, 0.0, 1.0]) * sink[:, None]
    base_xyz = base_xyz - np.array([0.0, 0.0, 1.0]) * sink[:, None, None]
    # a limb in the air bends towards a place that is too far, instead of stretching beyond itself
    near = frame.limbs.within_reach(base_xyz, base_R, wish, toe, hoof_R, soft)
    toe = np.where(contact[..., None] > 0.5, toe, near)
    stance, swing = np.radians(_SLACK_DEG)
    deep = np.broadcast_to(a.deep, a.held.shape)[rows][..., None]
    stance = stance + (np.radians(_DEEP_SLACK_DEG) - stance) * deep
    slack = stance + (swing - stance) * a.flying[rows][..., None]
    hoof_slack = np.radians(_HOOF_SLACK_DEG) * np.maximum(1.0 - held, a.flying[rows])
    reached = reach(frame.limbs, base_xyz, base_R, wish, slack, toe, hoof_R, hoof_slack)
    share = np.clip(held / (1.0 - 0.2 * _NEARLY_HELD if a.settles else _FREE_BELOW), 0.0, 1.0)
    share = share * share * (3.0 - 2.0 * share)
    quat = quat.copy()
    quat[:, CHAIN] = quat_slerp(quat[:, CHAIN], reached, share[..., None])
    return root, quat
