"""Joint rotations from 3D keypoints: bones swung into place, then damped Gauss–Newton on all frames at once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import Body
from kinequimation.fit.rig import CHAINS, Block, axial_block, limb_block
from kinequimation.geometry.rotation import (
    quat_between,
    quat_from_matrix,
    quat_from_rotvec,
    quat_identity,
    quat_inverse,
    quat_multiply,
    quat_rotate,
    quat_to_matrix,
    quat_to_rotvec,
)
from kinequimation.motion.limits import JOINT_LIMITS

if TYPE_CHECKING:
    from jaxtyping import Float

CHUNK = 240
"""Frames to solve together: bounds the memory, and changes nothing else."""
ROBUST_M = 0.06
"""Where a point starts to count as an outlier, withers heights (Geman–McClure; sources, D1: about 3 %, doubled so that
a lifter's ordinary errors still pull)."""
STEP_RAD = 0.6
"""Longest turn of one joint in one iteration."""

_TRUNK = tuple(
    skeleton.KEYPOINT_INDEX[n]
    for n in (
        *(f"DEF-spine.00{i}" for i in range(1, 7)),
        "DEF-thigh.L", "DEF-thigh.R", "DEF-shoulder.L", "DEF-shoulder.R", "DEF-neck.001", "DEF-chest", "DEF-breast.L",
        "DEF-breast.R", "withers", "back", "croup", "point_of_hip.L", "point_of_hip.R", "ischium", "girth",
    )
)  # fmt: skip


@dataclass
class Pose:
    """Joint rotations under way.

    Attributes:
        root_xyz: [T, 3] the root joint, metres, in the axes of the targets.
        quat_wxyz: [T, 81, 4] as in ``Motion``; the root's takes rest axes to the axes of the targets.
    """

    root_xyz: Float[np.ndarray, "frames 3"]
    quat_wxyz: Float[np.ndarray, "frames 81 4"]


def clamp(quat_wxyz: Float[np.ndarray, "frames 81 4"]) -> Float[np.ndarray, "frames 81 4"]:
    """Bring every joint but the root inside ``JOINT_LIMITS``."""
    clamped = np.empty_like(quat_wxyz)
    for start in range(0, len(quat_wxyz), CHUNK):
        rows = slice(start, start + CHUNK)
        rotvec = quat_to_rotvec(quat_wxyz[rows])
        inside = rotvec.clip(JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1])
        inside[:, 0] = rotvec[:, 0]
        clamped[rows] = np.where(inside.any(-1, keepdims=True), quat_from_rotvec(inside), quat_identity())
    return clamped


def solve_pose(body: Body, target: Float[np.ndarray, "frames 103 3"], weight: Float[np.ndarray, "frames 103"]) -> Pose:
    """Pose the body so that its keypoints lie at ``target``, within the joint limits.

    Trunk, neck, head and tail first, with the root; then the four limbs. Every frame is solved for itself, so a long
    clip may be given in pieces of ``CHUNK`` frames.

    Args:
        body: the body; its bones do not change.
        target: metres, any right-handed axes.
        weight: information of each point, 1 / metres²; 0 leaves a point out.
    """
    limbs = [limb_block(body, limb) for limb in skeleton.LIMBS]
    pose = _first_guess(body, target, weight)
    refine(body, pose, target, weight, [axial_block(body)], iterations=8)
    refine(body, pose, target, weight, limbs, iterations=8)
    return pose


def _first_guess(body: Body, target: np.ndarray, weight: np.ndarray) -> Pose:
    """Fit the trunk as one rigid piece (Kabsch), then swing each bone towards its next keypoint."""
    rest = np.concatenate([body.rest_xyz[1 : 1 + skeleton.NUM_JOINTS68], body.keypoint_offsets[1]])
    trunk = list(_TRUNK)
    w = weight[:, trunk] + 1e-9 * weight.max()
    w = w / np.maximum(w.sum(1, keepdims=True), 1e-12)
    mean_rest = w @ rest[trunk]
    mean_target = np.einsum("tp,tpc->tc", w, target[:, trunk])
    a = rest[trunk][None] - mean_rest[:, None]
    b = target[:, trunk] - mean_target[:, None]
    U, _, Vt = np.linalg.svd(np.einsum("tp,tpi,tpj->tij", w, b, a))
    U[:, :, 2] *= np.sign(np.linalg.det(U) * np.linalg.det(Vt))[:, None]
    R = U @ Vt
    quat = quat_identity(len(target), skeleton.NUM_JOINTS)
    quat[:, 0] = quat_from_matrix(R)
    root_xyz = mean_target - np.einsum("tij,tj->ti", R, mean_rest)

    for chain in CHAINS:
        world = quat[:, 0]
        for bone, after in itertools.pairwise(chain):
            j, k, n = skeleton.JOINT_INDEX[bone], skeleton.KEYPOINT_INDEX[bone], skeleton.KEYPOINT_INDEX[after]
            seen = quat_rotate(quat_inverse(world), target[:, n] - target[:, k])
            rotvec = quat_to_rotvec(quat_between(rest[n] - rest[k], seen)).clip(*JOINT_LIMITS[j])
            known = (weight[:, n] > 0) & (weight[:, k] > 0)
            quat[:, j] = quat_from_rotvec(np.where(known[:, None], rotvec, 0.0))
            world = quat_multiply(world, quat[:, j])
    return Pose(root_xyz, quat)


def refine(
    body: Body,
    pose: Pose,
    target: Float[np.ndarray, "frames 103 3"],
    weight: Float[np.ndarray, "frames 103"],
    blocks: list[Block],
    iterations: int,
    centre_rad: Float[np.ndarray, "frames 81 3"] | None = None,
    robust: bool = True,
) -> None:
    """Improve a pose in place by damped Gauss–Newton steps, every frame for itself.

    The derivative of a point p by a turn about an axis u through the joint at x is u × (p − x), times the share of
    the point that turns with the joint; for a landmark between two bones this is a close approximation. Turns that
    would leave the joint limits are held at them (projected Newton; Bertsekas 1982).

    Args:
        body: the body.
        pose: where to start, and the result.
        target: metres.
        weight: information, 1 / metres².
        blocks: parts to solve; none may move another one's points.
        iterations: number of steps.
        centre_rad: rotation vectors that the prior pulls to; rest if not given.
        robust: weigh outliers down (Geman–McClure).
    """
    scale = ROBUST_M * body.shape.withers_height_m
    for iteration in range(iterations):
        xyz, rotation = body.joints(pose.root_xyz, pose.quat_wxyz)
        points = body.keypoints_from_joints(xyz, rotation)
        rotvec = quat_to_rotvec(pose.quat_wxyz)
        pull = -rotvec if centre_rad is None else centre_rad - rotvec
        width = scale * max(1.0, 4.0 * 0.6**iteration)  # from wide to narrow, so that a far start is not an outlier
        for block in blocks:
            residual = target[:, block.points] - points[:, block.points]
            w = weight[:, block.points]
            if robust:
                w = w / (1 + (residual**2).sum(-1) / width**2) ** 2
            _step(pose, block, xyz, rotation, points, residual, w, rotvec, pull)


def _step(
    pose: Pose,
    block: Block,
    xyz: np.ndarray,
    rotation: np.ndarray,
    points: np.ndarray,
    residual: np.ndarray,
    weight: np.ndarray,
    rotvec: np.ndarray,
    pull: np.ndarray,
) -> None:
    n, d = len(xyz), len(block.joint)
    parents = skeleton.JOINT_PARENTS[block.joint]
    frames = quat_to_matrix(rotation[:, np.maximum(parents, 0)])
    frames[:, parents < 0] = np.eye(3)
    axes = np.take_along_axis(frames, block.axis[None, :, None, None], axis=3)[..., 0]  # [T, D, 3]
    # u × (p − x) = u × p − u × x, the first as p times a skew matrix
    p = points[:, block.points]
    pivot = np.cross(axes, xyz[:, block.joint])
    extra = 3 if block.moves_root else 0
    J = np.empty((n, len(block.points), 3, d + extra))
    for c in range(3):
        e, f = (c + 1) % 3, (c + 2) % 3
        cross = p[:, :, f, None] * axes[:, None, :, e] - p[:, :, e, None] * axes[:, None, :, f]
        J[:, :, c, :d] = block.share * (cross - pivot[:, None, :, c])
    if extra:
        J[..., d:] = np.eye(3)
    J = J.reshape(n, -1, d + extra)
    w = np.repeat(weight, 3, axis=1)
    weighted = J * w[..., None]
    H = weighted.transpose(0, 2, 1) @ J
    g = (weighted.transpose(0, 2, 1) @ residual.reshape(n, -1, 1))[..., 0]

    diagonal = np.zeros((n, d + extra))
    precision = block.prior_sigma_rad**-2.0
    diagonal[:, :d] = precision
    g[:, :d] += precision * pull[:, block.joint, block.axis]
    turned = rotvec[:, block.joint, block.axis]
    low, high = JOINT_LIMITS[block.joint, :, block.axis].T
    free = parents < 0
    held = ((turned <= low + 1e-6) & (g[:, :d] < 0)) | ((turned >= high - 1e-6) & (g[:, :d] > 0))
    diagonal[:, :d] += np.where(held & ~free, 1e9, 0.0)
    i = np.arange(d + extra)
    H[:, i, i] += diagonal + 1e-4 * H[:, i, i] + 1e-3
    step = np.linalg.solve(H, g[..., None])[..., 0]

    turn = np.zeros((n, skeleton.NUM_JOINTS, 3))
    turn[:, block.joint, block.axis] = step[:, :d].clip(-STEP_RAD, STEP_RAD)
    joints = np.unique(block.joint)
    quat = quat_multiply(quat_from_rotvec(turn[:, joints]), pose.quat_wxyz[:, joints])
    limited = quat_to_rotvec(quat)
    inside = limited.clip(JOINT_LIMITS[joints, 0], JOINT_LIMITS[joints, 1])
    inside[:, joints == 0] = limited[:, joints == 0]
    pose.quat_wxyz[:, joints] = quat_from_rotvec(inside)
    if extra:
        pose.root_xyz = pose.root_xyz + step[:, d:]
