"""Limbs that keep out of each other and of the trunk: which way their links must turn, and how far."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.rotation import quat_to_matrix
from kinequimation.motion.moves.solids import BALL_LINK, BESIDE_TRUNK, ROD_BALLS

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.solids import Solids

_GIVES = np.array(
    [[0.2, 1.0, 0.0], [0.7, 1.0, 0.5], [1.0, 0.1, 0.1], [1.0, 0.2, 0.2], [0.7, 0.1, 0.1], [0.7, 0.1, 0.0]]
)
"""How willingly the links of a limb give about their X, Y and Z axes to something in their way (judgement)."""
_EASE = 0.7
"""Part of a push that is followed at once, so that pushes against each other come to rest."""
_NEAR = 0.10
"""How far off a ball's skin the nearest point of the trunk's skin may be to say where inside is, withers heights."""
_BLEND = 0.03
"""Over what distance neighbouring points of the skin blend, withers heights."""
_N = len(BALL_LINK)
_ROD_LINK = BALL_LINK[ROD_BALLS[:, 0]]
_LIMB_OF_BALL, _LIMB_OF_ROD = np.repeat(np.arange(4), _N), np.repeat(np.arange(4), len(ROD_BALLS))
_OTHER = (_LIMB_OF_BALL[:, None] != _LIMB_OF_ROD) * 1.0
_OWN = np.stack([
    (_LIMB_OF_BALL[:, None] == _LIMB_OF_ROD) * (np.tile(_ROD_LINK, 4) == k) * (np.tile(BALL_LINK, 4)[:, None] > k + 1)
    for k in (2, 3)
]) * 1.0  # fmt: skip
_TURNS = np.stack([(np.arange(6)[:, None] <= BALL_LINK) & (np.arange(6)[:, None] > k) for k in (-1, 2, 3)]) * 1.0
"""[3, 6, balls] the links that take a ball away from other limbs and the trunk, its own forearm, its own cannon."""


class Skin:
    """The trunk's skin at some moments.

    Attributes:
        xyz, normal: [T, S, 3] its points and outward unit normals in the world.
    """

    def __init__(self, frame: Frame, xyz: Float[np.ndarray, "t 81 3"], rotation: Float[np.ndarray, "t 81 4"]) -> None:
        s, rest = frame.solids, frame.body.rest_xyz
        used = s.skin_joints
        R = quat_to_matrix(rotation[:, used])
        t = xyz[:, used] - np.einsum("tjab,jb->tja", R, rest[used])
        A = np.concatenate([R, t[..., None]], -1).reshape(len(xyz), len(used), 12)
        A = (s.skin_weights @ A).reshape(len(xyz), -1, 3, 4)
        self.xyz = ((A[..., :3] @ s.skin_xyz[..., None])[..., 0] + A[..., 3]).astype(np.float32)
        self.normal = (A[..., :3] @ s.skin_normal[..., None])[..., 0].astype(np.float32)

    def at(self, rows: Int[np.ndarray, " n"]) -> Skin:
        """Return the skin at some of its moments."""
        if len(rows) == len(self.xyz):
            return self
        out = copy(self)
        out.xyz, out.normal = self.xyz[rows], self.normal[rows]
        return out


def turn_apart(
    solids: Solids,
    height_m: float,
    links_xyz: Float[np.ndarray, "t 4 6 3"],
    links_R: Float[np.ndarray, "t 4 6 3 3"],
    skin: Skin,
    share: Float[np.ndarray, "t 4"],
) -> tuple[Float[np.ndarray, "t 4 6 3"], Float[np.ndarray, " t"]]:
    """Return by what small turns of the links limbs that are in each other or in the trunk begin to part.

    Args:
        solids: of the body.
        height_m: its withers height.
        links_xyz, links_R: where the links are.
        skin: the trunk.
        share: how free each limb is to move away.

    Returns:
        rotation vectors in the links' own axes, and how deep the deepest ball is, metres.
    """
    n = len(links_xyz)
    ball = links_xyz[:, :, BALL_LINK] + (links_R[:, :, BALL_LINK] @ solids.ball_xyz[..., None])[..., 0]
    flat, radius = ball.reshape(n, -1, 3), solids.ball_radius.reshape(-1)
    start, end = (ball[:, :, ROD_BALLS[:, i]].reshape(n, -1, 3) for i in (0, 1))
    r0, r1 = (solids.ball_radius[:, ROD_BALLS[:, i]].reshape(-1) for i in (0, 1))
    along, away = end - start, flat[:, :, None] - start[:, None]
    part = np.einsum("tbri,tri->tbr", away, along) / np.maximum((along**2).sum(-1), 1e-9)[:, None]
    part = np.clip(part, 0.0, 1.0)
    away -= part[..., None] * along[:, None]
    far = np.maximum(np.sqrt((away**2).sum(-1)), 1e-6)
    depth = np.maximum(radius[:, None] + r0 + (r1 - r0) * part - far, 0.0)
    # of two limbs the freer one gives way more
    mine, theirs = share[:, _LIMB_OF_BALL, None], share[:, None, _LIMB_OF_ROD]
    depth_other = depth * _OTHER * (mine / np.maximum(mine + theirs, 1e-6))
    push = [np.einsum("tbr,tbri->tbi", depth_other / far, away).reshape(n, 4, _N, 3)]
    push += [np.einsum("tbr,tbri->tbi", depth * own / far, away).reshape(n, 4, _N, 3) for own in _OWN]
    deepest = np.maximum(depth_other.max((1, 2)), (depth * _OWN.sum(0)).max((1, 2)))
    out, trunk_depth = _out_of_trunk(solids, height_m, ball[:, :, BESIDE_TRUNK], skin)
    push[0][:, :, BESIDE_TRUNK] += out
    turn = np.zeros((n, 4, 6, 3))
    for turns, by in zip(_TURNS, push, strict=True):
        if by.any():
            arm = ball[:, :, None] - links_xyz[:, :, :, None]  # [T, 4, 6, balls, 3]
            b = by[:, :, None]
            torque = np.stack(
                [arm[..., i] * b[..., j] - arm[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))], -1
            )
            turn += np.einsum("tlkab,tlka->tlkb", links_R, (turns[..., None] * torque).sum(3))
    turn = turn * (share > 0)[..., None, None]
    # as far as the pushes go, were each the only one
    asked = sum((by**2).sum((2, 3)) for by in push)
    gain = (_GIVES * turn**2).sum((2, 3))
    turn = _EASE * _GIVES * turn * (asked / np.maximum(gain, 1e-9))[..., None, None]
    return turn, np.maximum(deepest, trunk_depth)


def _out_of_trunk(
    solids: Solids, height_m: float, ball: Float[np.ndarray, "t 4 b 3"], skin: Skin
) -> tuple[Float[np.ndarray, "t 4 b 3"], Float[np.ndarray, " t"]]:
    """Return how far and which way balls must go to be out of the trunk, and how deep the deepest is."""
    n = len(ball)
    flat, radius = ball.reshape(n, -1, 3).astype(np.float32), solids.ball_radius[:, BESIDE_TRUNK].reshape(-1)
    square = (flat**2).sum(-1)[..., None] + (skin.xyz**2).sum(-1)[:, None] - 2 * flat @ skin.xyz.transpose(0, 2, 1)
    nearest = square.min(-1)
    near = nearest < (radius + _NEAR * height_m) ** 2
    out, depth = np.zeros((*near.shape, 3)), np.zeros(near.shape)
    t, b = np.nonzero(near)
    if not len(t):
        return out.reshape(ball.shape), depth.max(1)
    weight = np.exp((nearest[t, b, None] - square[t, b]) / (_BLEND * height_m) ** 2)
    weight /= weight.sum(-1, keepdims=True)
    normal = (weight[:, None] @ skin.normal[t])[:, 0]
    height = np.einsum("ni,ni->n", flat[t, b], normal)
    height -= np.einsum("ns,ns->n", weight, np.einsum("nsi,ni->ns", skin.xyz[t], normal))
    length = np.maximum(np.linalg.norm(normal, axis=-1), 1e-6)
    deep = np.maximum(radius[b] - height / length, 0.0)
    out[t, b] = normal * (deep / length)[:, None]
    depth[t, b] = deep
    return out.reshape(ball.shape), depth.max(1)
