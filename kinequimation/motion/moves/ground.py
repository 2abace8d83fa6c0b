"""The ground under a horse that comes down to it: nothing of head, tail, trunk and limbs may sink into it."""

from __future__ import annotations

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
    quat_to_rotvec,
)
from kinequimation.motion.limbs import BASE, CHAIN
from kinequimation.motion.limits import JOINT_LIMITS
from kinequimation.motion.moves.apart import Skin, turn_apart
from kinequimation.motion.moves.frame import HEAD, NECK, SPINE, TAIL, bound

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.moves.frame import Frame, Outline

_TAIL_CLEARANCE, _TAIL_PASSES = 0.012, 8
_HEAD_CLEARANCE, _HEAD_PASSES = 0.003, 8
_MOST_TURN_RAD = 0.25
_LIMB_PASSES = 18
_CLEARANCE_M = 0.001
_TOUCH_M = 0.004
"""How deep limbs may press into each other and into the trunk."""
_FRAMES_AT_ONCE = 64
_FEW_FRAMES = 4


def settle(frame: Frame, root: np.ndarray, quat: np.ndarray, held: Float[np.ndarray, "frames 4"]) -> None:
    """Lift a horse that has come down until its trunk lies on the ground, and its limbs beside it. Changes both.

    The trunk comes first; limbs that would then sink into the ground bend out of its way; what is still too low lifts
    the horse.

    Args:
        frame: the horse.
        root: [T, 3] where its root is.
        quat: [T, 81, 4] turns of its joints.
        held: [T, 4] how far a limb is left alone, because its hoof will be put in its place.
    """
    R = quat_to_matrix((posed := frame.body.joints(root, quat))[1])
    t = posed[0] - np.einsum("tjab,jb->tja", R, frame.body.rest_xyz)
    o = frame.trunk
    z = np.einsum("pj,tjb,pb->tp", o.rest_weights, R[:, :, 2], o.rest_xyz) + t[..., 2] @ o.rest_weights.T
    root[:, 2] += np.maximum(0.0, -z.min(1))
    clear_limbs(frame, root, quat, 1.0 - held, lifts=True)
    lift_all(frame, root, quat, 1.0 - held)


def lift_all(
    frame: Frame,
    root: np.ndarray,
    quat: np.ndarray,
    share: Float[np.ndarray, "frames 4"],
    trunk_share: Float[np.ndarray, " frames"] | float = 1.0,
) -> None:
    """Lift a horse by what its skin is under the ground. Changes ``root``.

    Args:
        frame: the horse.
        root: [T, 3] where its root is.
        quat: [T, 81, 4] turns of its joints.
        share: [T, 4] how far each limb counts.
        trunk_share: how far the trunk does.
    """
    shares = np.concatenate(
        [
            np.full((len(root), 1), trunk_share) if np.ndim(trunk_share) == 0 else np.asarray(trunk_share)[:, None],
            share,
        ],
        1,
    )
    for i in range(0, len(root), 32):
        rows = slice(i, i + 32)
        few = len(root) <= _FEW_FRAMES
        mesh = _heights(frame, root, quat) if few else frame.body.meshes(root[rows], quat[rows])[..., 2]
        lowest = np.stack([mesh[:, frame.settling == k].min(1) for k in range(-1, 4)], 1)
        root[rows, 2] += (np.maximum(0.0, _CLEARANCE_M - lowest) * shares[rows]).max(1)


def _heights(frame: Frame, root: np.ndarray, quat: np.ndarray) -> Float[np.ndarray, "frames v"]:
    """Return how high all vertices are, without the tables that ``Body.meshes`` makes for many frames."""
    body, (joint, weight) = frame.body, bound()
    xyz, rotation = body.joints(root, quat)
    up = quat_to_matrix(rotation)[:, :, 2]
    plane = np.concatenate([up, (xyz[..., 2] - (up * body.rest_xyz).sum(-1))[..., None]], -1)
    blended = (plane[:, joint] * weight[..., None]).sum(2)
    return (blended[..., :3] * body.rest_vertices).sum(-1) + blended[..., 3]


def clear_limbs(
    frame: Frame, root: np.ndarray, quat: np.ndarray, share: Float[np.ndarray, "frames 4"], lifts: bool = False
) -> None:
    """Bend limbs out of the ground, the trunk and each other, as little as it takes. Changes ``quat``.

    Args:
        frame: the horse.
        root: [T, 3] where its root is.
        quat: [T, 81, 4] turns of its joints.
        share: [T, 4] how far each limb is to be bent away.
        lifts: whether the horse will be lifted by what is still under the ground where limbs cannot have it both ways.
    """
    rows = np.flatnonzero(share.any(1))
    for i in range(0, len(rows), _FRAMES_AT_ONCE):
        at = rows[i : i + _FRAMES_AT_ONCE]
        quat[at] = _cleared(frame, root[at], quat[at], share[at], lifts)


def _cleared(
    frame: Frame, root: np.ndarray, quat: np.ndarray, share: np.ndarray, lifts: bool
) -> Float[np.ndarray, "frames 81 4"]:
    body = frame.body
    xyz, rotation = body.joints(root, quat)
    R_all = quat_to_matrix(rotation)
    t_all = xyz - np.einsum("tjab,jb->tja", R_all, body.rest_xyz)
    skin = Skin(frame, xyz, rotation)
    # what the rest of the body does to the limbs' points stays as it is
    height_of_rest = [
        np.einsum("pj,tjb,pb->tp", o.rest_weights, R_all[:, :, 2], o.rest_xyz) + t_all[..., 2] @ o.rest_weights.T
        for o in frame.outlines
    ]
    before = quat_to_rotvec(quat[:, CHAIN])
    v = before.copy()
    low, high = JOINT_LIMITS[CHAIN, 0], JOINT_LIMITS[CHAIN, 1]
    rows = np.arange(len(root))
    for i in range(_LIMB_PASSES):
        # what cannot be had both ways is left to the lift, or else the ground has the last word
        left = 1.0 - i / _LIMB_PASSES
        apart_share, up_share = (1.0, min(1.0, 2.0 * left)) if lifts else (np.clip(3.0 * left - 0.67, 0.0, 1.0), 1.0)
        links_xyz, links_R = _links(frame, xyz[rows], R_all[rows], v[rows])
        turn, deepest = turn_apart(frame.solids, frame.height_m, links_xyz, links_R, skin.at(rows), share[rows])
        turn *= apart_share * (deepest > _TOUCH_M)[:, None, None, None]
        for limb, o in enumerate(frame.outlines):
            up = _turn_up(body, o, limb, links_xyz[:, limb], links_R[:, limb], height_of_rest[limb][rows])
            turn[:, limb] += up_share * up * (share[rows, limb] > 0)[:, None, None]
        moving = turn.any((1, 2, 3))
        rows, turn = rows[moving], np.clip(turn[moving], -_MOST_TURN_RAD, _MOST_TURN_RAD)
        if not len(rows):
            break
        v[rows] = np.clip(v[rows] + turn, low, high)
    moved = np.flatnonzero((v != before).any((1, 2, 3)))
    if len(moved):
        quat = quat.copy()
        chain = np.ix_(moved, CHAIN.ravel())
        after = quat_from_rotvec(v[moved])
        before_quat = quat[moved][:, CHAIN]
        quat[chain] = quat_slerp(before_quat, after, share[moved][..., None]).reshape(len(moved), -1, 4)
    return quat


def _links(
    frame: Frame, xyz: np.ndarray, R_all: np.ndarray, v: np.ndarray
) -> tuple[Float[np.ndarray, "t 4 6 3"], Float[np.ndarray, "t 4 6 3 3"]]:
    """Return where the limbs' links are on a trunk in its place, and their rotations, from their turns."""
    local = quat_to_matrix(quat_from_rotvec(v))
    at, R, heads, rotations = xyz[:, BASE], R_all[:, BASE], [], []
    for link in range(6):
        at = at + np.einsum("tlab,lb->tla", R, frame.limbs.offset[:, link])
        R = R @ local[:, :, link]
        heads.append(at)
        rotations.append(R)
    return np.stack(heads, 2), np.stack(rotations, 2)


def _turn_up(
    body: Body, o: Outline, limb: int, xyz: np.ndarray, R: np.ndarray, height_of_rest: np.ndarray
) -> Float[np.ndarray, "t 6 3"]:
    """Return the turns of a limb's links that take it out of the ground."""
    t = xyz - np.einsum("tkab,kb->tka", R, body.rest_xyz[CHAIN[limb]])
    heights = np.einsum("tkb,pb->tkp", R[:, :, 2], o.rest_xyz) + t[:, :, 2, None]  # as moved by each link alone
    under = np.maximum(0.0, _CLEARANCE_M - np.einsum("pk,tkp->tp", o.link_weights, heights) - height_of_rest)
    if not under.any():
        return np.zeros((len(xyz), 6, 3))
    point = np.einsum("tpab,pb->tpa", R[:, o.link], o.rest_xyz) + t[:, o.link]
    arm = point[:, None] - xyz[:, :, None]
    # height that the points under ground gain on average per turn about each link's own axes
    weight = under[:, None] * o.above / np.maximum(under.sum(1), 1e-9)[:, None, None]
    mean = (weight[..., None] * arm).sum(2)
    rate = (R[:, :, 0] * mean[..., 1, None] - R[:, :, 1] * mean[..., 0, None]) * _GIVES
    return rate * (under.max(1) / np.maximum((rate**2).sum((1, 2)), 1e-3))[:, None, None]


_GIVES = np.array([[0.3, 1.0, 0.0], [1.0, 1.0, 0.5], *[[1.0, 0.0, 0.0]] * 4])
"""How willingly the links of a limb give about their X, Y and Z axes to keep it above the ground."""


def lift_tail(frame: Frame, root: np.ndarray, quat: np.ndarray) -> None:
    """Keep a tail off the ground: each of its bones is raised until its end lies on it. Changes ``quat``.

    Args:
        frame: the horse.
        root: [T, 3] where its root is.
        quat: [T, 81, 4] turns of its joints.
    """
    rest = frame.body.rest_xyz
    ends = np.concatenate([rest[TAIL[1:]], frame.body.rest_tail_xyz[TAIL[-1:]]])
    extra = np.zeros(len(root))
    for _ in range(_TAIL_PASSES):
        rotation = pelvis = quat_multiply(quat[:, 0], quat[:, SPINE[0]])
        head = root + quat_rotate(quat[:, 0], rest[SPINE[0]]) + quat_rotate(rotation, rest[TAIL[0]] - rest[SPINE[0]])
        missing = np.zeros(len(root))
        for i, j in enumerate(TAIL):
            along = ends[i] - rest[j]
            length = np.linalg.norm(along)
            wished = quat_multiply(rotation, quat[:, j])
            to_end = quat_rotate(wished, along)
            least = (frame.tail_radius[i] + _TAIL_CLEARANCE + extra - head[:, 2]) / length
            sine = np.clip(to_end[:, 2] / length, -1.0, 1.0)
            turn = np.where(sine < least, np.arcsin(np.clip(least, -0.98, 0.98)) - np.arcsin(sine), 0.0)
            if turn.any():
                # a tail that hangs straight down goes backwards
                side = np.cross(
                    to_end + 0.35 * length * quat_rotate(pelvis, np.array([0.0, 1.0, 0.0])), [0.0, 0.0, 1.0]
                )
                side /= np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-9)
                raised = quat_multiply(quat_from_axis_angle(side, turn), wished)
                v = quat_to_rotvec(quat_multiply(quat_inverse(rotation), raised))
                quat[:, j] = quat_from_rotvec(np.clip(v, JOINT_LIMITS[j, 0], JOINT_LIMITS[j, 1]))
            rotation = quat_multiply(rotation, quat[:, j])
            head = head + quat_rotate(rotation, along)
            missing = np.maximum(missing, frame.tail_radius[i] + _TAIL_CLEARANCE - head[:, 2])
        if not (missing > _TAIL_CLEARANCE).any():
            return
        # a bone at its limit leaves the rest to those before it
        extra = extra + np.where(missing > _TAIL_CLEARANCE, missing, 0.0)


def lift_head(
    frame: Frame, root: np.ndarray, quat: np.ndarray, muzzle_z: np.ndarray | None, moving: list[int]
) -> Float[np.ndarray, " frames"]:
    """Bend the neck so that the head's lowest point is where it must be, or not below the ground.

    The head keeps its own slant as far as the poll lets it.

    Args:
        frame: the horse.
        root: [T, 3] where its root is.
        quat: [T, 81, 4] the turns of its joints; changed.
        muzzle_z: [T] height over the ground, or None for anywhere above it.
        moving: the joints that may bend.

    Returns:
        by how much the head is still too high, metres.
    """
    rest = frame.body.rest_xyz
    chain = [*SPINE, *NECK, HEAD]
    first = chain.index(moving[0])
    both = [*moving, HEAD]
    low, high = JOINT_LIMITS[both, 0], JOINT_LIMITS[both, 1]
    offsets = np.diff(rest[[0, *chain]], axis=0)
    start_xyz, start_R = root, quat_to_matrix(quat[:, 0])
    local = quat_to_matrix(quat[:, chain])
    for i in range(first):
        start_xyz, start_R = start_xyz + start_R @ offsets[i], start_R @ local[:, i]
    miss = np.zeros(len(root))
    for i in range(_HEAD_PASSES):
        xyz, R = start_xyz, start_R
        local = quat_to_matrix(quat[:, both])
        pivots, axes = [], []
        for k in range(len(both)):
            xyz = xyz + R @ offsets[first + k]
            R = R @ local[:, k]
            if k < len(moving):
                pivots.append(xyz)
                axes.append(R[..., [0, 2]])
        miss = (
            xyz[:, 2]
            + (R[:, 2] @ frame.muzzle.T).min(1)
            - (_HEAD_CLEARANCE * frame.height_m if muzzle_z is None else muzzle_z)
        )
        wrong = np.minimum(miss, 0.0) if muzzle_z is None else miss
        if i == _HEAD_PASSES - 1 or not wrong.any():
            break
        arm, axis = xyz[:, None] - np.stack(pivots, 1), np.stack(axes, 1)
        # height gained per turn about each joint's flexion axis and its upright one
        rate = axis[..., 0, :] * arm[..., 1, None] - axis[..., 1, :] * arm[..., 0, None]
        v = quat_to_rotvec(quat[:, both])
        turn = rate * (-wrong / np.maximum((rate**2).sum((1, 2)), 1e-3))[:, None, None]
        now = v[..., [0, 2]]
        new = now[:, :-1] + np.clip(turn, -_MOST_TURN_RAD, _MOST_TURN_RAD)
        new = np.clip(new, low[:-1, [0, 2]], high[:-1, [0, 2]])
        head = np.clip(now[:, -1] - (new - now[:, :-1]).sum(1), low[-1, [0, 2]], high[-1, [0, 2]])
        v[..., [0, 2]] = np.concatenate([new, head[:, None]], 1)
        quat[:, both] = quat_from_rotvec(v)
    return miss
