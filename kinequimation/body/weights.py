"""Skin weights of the template: which bones move which skin. Only ``body.build`` needs it.

Every part of the body has its chain of bones, with a plane through each joint across which the skin passes from one
bone to the next over a given width. A point takes the weights of the parts that it lies near, smoothed over the
surface, so that folds (elbow, stifle, throat) belong to both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinequimation import skeleton
from kinequimation.body import anatomy_head
from kinequimation.body.anatomy import solids
from kinequimation.body.build_mesh import HalfMesh
from kinequimation.body.solids import Point

PART_WIDTH_M = 0.024
"""Distance over which skin passes from one part of the body to another."""
EAR_WIDTH_M = 0.007
"""The same for the root of an ear, which turns where the skull stands still."""
SMOOTH_ROUNDS = 14
RIGID = {"fore hoof": "DEF-f_hoof.L", "hind hoof": "DEF-r_hoof.L"}
"""Parts that do not bend, and the bone that they belong to."""


@dataclass(frozen=True)
class Bend:
    """Where skin passes to ``bone``: a plane through ``point`` with ``normal`` towards that bone, and a half width."""

    bone: str
    point: Point
    normal: Point
    half_width_m: float


def _head_of(bone: str) -> Point:
    x, y, z = skeleton.REST_HEAD_XYZ[skeleton.JOINT_INDEX[bone]]
    return (float(x), float(y), float(z))


def _bend(bone: str, half_width_m: float, normal: Point) -> Bend:
    return Bend(bone, _head_of(bone), normal, half_width_m)


_SPINE = [_bend(f"DEF-spine.00{i}", 0.10, (0, -1, 0)) for i in range(2, 7)]
_NECK = [
    _bend("DEF-neck.001", 0.13, (0, -0.83, 0.55)),
    _bend("DEF-neck.002", 0.10, (0, -0.72, 0.69)),
    _bend("DEF-neck.003", 0.09, (0, -0.84, 0.54)),
    _bend("DEF-neck.004", 0.08, (0, -0.97, 0.24)),
    Bend("DEF-head", (0, -1.285, 1.75), (0, -0.90, -0.15), 0.065),
]
_ARM = [
    _bend("DEF-upper_arm.L", 0.11, (0, 0.10, -0.99)),
    _bend("DEF-upper_arm.L.001", 0.07, (0, 0.44, -0.90)),
    _bend("DEF-forearm.L", 0.085, (0, 0.40, -0.92)),
]
_FORE_LEG = [
    _bend("DEF-forearm.L.001", 0.06, (0, 0, -1)),
    _bend("DEF-forefoot.L", 0.024, (0, 0.16, -1)),
    _bend("DEF-forefoot.L.001", 0.05, (0, 0, -1)),
    _bend("DEF-f_toe.L", 0.030, (0, -0.05, -1)),
    Bend("DEF-f_hoof.L", (0.164, -0.565, 0.085), (0, -0.30, -1), 0.020),
]
_HIND_LEG = [
    Bend("DEF-thigh.L", (0.19, 0.62, 1.33), (0, -0.38, -0.92), 0.16),
    _bend("DEF-thigh.L.001", 0.07, (0, -0.17, -0.98)),
    _bend("DEF-lower_leg.L", 0.075, (0, 0.10, -1.0)),
    _bend("DEF-lower_leg.L.001", 0.07, (0, 0.43, -0.90)),
    _bend("DEF-hind_foot.L", 0.042, (0, 0.66, -0.75)),
    _bend("DEF-hind_foot.L.001", 0.06, (0, -0.18, -0.98)),
    _bend("DEF-r_toe.L", 0.030, (0, -0.30, -0.95)),
    Bend("DEF-r_hoof.L", (0.193, 0.645, 0.085), (0, -0.30, -1), 0.020),
]
_EAR = [
    Bend("DEF-ear.L", (0.062, -1.352, 1.848), (0.35, -0.45, 0.82), 0.022),
    _bend("DEF-ear.L.001", 0.030, (0.35, -0.45, 0.82)),
]
_DOCK = [
    Bend("DEF-tail.001", (0, 0.90, 1.45), (0, 1, 0.05), 0.045),
    _bend("DEF-tail.002", 0.05, (0, 0.93, -0.36)),
    _bend("DEF-tail.003", 0.07, (0, 0.79, -0.61)),
    _bend("DEF-tail.004", 0.08, (0, 0.93, -0.37)),
    _bend("DEF-tail.005", 0.08, (0, 0.99, -0.1)),
]


def _smooth(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def chain_weights(xyz: np.ndarray, first: str, bends: list[Bend]) -> np.ndarray:
    """Return [N, 81] weights along a chain of bones that begins with ``first``."""
    weights = np.zeros((len(xyz), skeleton.NUM_JOINTS))
    left = np.ones(len(xyz))
    passed = []
    for bend in bends:
        normal = np.array(bend.normal) / np.linalg.norm(bend.normal)
        passed.append(_smooth(0.5 + 0.5 * ((xyz - np.array(bend.point)) @ normal) / bend.half_width_m))
    names = [first, *(b.bone for b in bends)]
    for i, name in enumerate(names):
        after = passed[i] if i < len(passed) else np.zeros(len(xyz))
        weights[:, skeleton.JOINT_INDEX[name]] = left * (1 - after)
        left = left * after
    return weights


def _one(xyz: np.ndarray, bone: str) -> np.ndarray:
    weights = np.zeros((len(xyz), skeleton.NUM_JOINTS))
    weights[:, skeleton.JOINT_INDEX[bone]] = 1
    return weights


def part_weights(part: str, xyz: np.ndarray) -> np.ndarray:
    """Return [N, 81] weights that points would have as skin of one part of the (left) body."""
    if part in RIGID:
        return _one(xyz, RIGID[part])
    trunk = chain_weights(xyz, "DEF-spine.001", _SPINE)
    if part in ("trunk", "breast"):
        return trunk
    if part == "neck":
        return chain_weights(xyz, "DEF-spine.006", _NECK)
    if part in ("head", "jaw", "ear"):
        if part == "ear":
            return chain_weights(xyz, "DEF-head", _EAR)
        if part == "head":
            return _one(xyz, "DEF-head")
        s = (xyz - np.array(anatomy_head.POLL)) @ np.array(anatomy_head.AXIS)
        jaw, tip = 0.9 * _smooth((s - 0.20) / 0.16)[:, None], _smooth((s - 0.43) / 0.08)[:, None]
        bones = _one(xyz, "DEF-jaw") * (1 - tip) + _one(xyz, "DEF-jaw.001") * tip
        return jaw * bones + (1 - jaw) * _one(xyz, "DEF-head")
    if part == "dock":
        return chain_weights(xyz, "DEF-spine.001", _DOCK)
    if part == "hind":
        return chain_weights(xyz, "DEF-spine.001", _HIND_LEG)
    limb = chain_weights(xyz, "DEF-shoulder.L", _ARM if part == "arm" else [*_ARM, *_FORE_LEG])
    if part == "leg":
        return limb
    # the blade glides under the skin: the higher, the more the skin stays with the trunk
    high, low = (0.60, 0.05) if part == "shoulder" else (0.45, 0.0)
    stays = low + (high - low) * _smooth((xyz[:, 2] - 0.98) / 0.55)[:, None]
    return stays * trunk + (1 - stays) * limb


def _part_distances(xyz: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return distances [N, parts] of points with x ≥ 0 to each part, and the parts' names."""
    everything = [s for s in solids() if not s.carve]
    parts = list(dict.fromkeys(s.region for s in everything))
    distance = np.full((len(xyz), len(parts)), np.inf)
    for solid in everything:
        k = parts.index(solid.region)
        distance[:, k] = np.minimum(distance[:, k], solid.distance(xyz))
    return distance, parts


def skin_weights(half: HalfMesh, whole: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Return dense skin weights [V, 81] (four bones at most) of the whole skin, exactly mirrored.

    Args:
        half: the left half.
        whole: what ``whole_mesh`` made of it.
    """
    vertices, faces, _, twin = whole
    left, n_half = vertices[: len(half.vertices)], len(half.vertices)
    distance, parts = _part_distances(left)
    # the stifle lies beside the belly, but moves with the thigh
    stifle = _smooth((1.26 - left[:, 2]) / 0.14) * _smooth((left[:, 1] - 0.35) / 0.09)
    distance[:, parts.index("trunk")] += 0.05 * stifle
    distance[:, parts.index("ear")] *= PART_WIDTH_M / EAR_WIDTH_M
    membership = np.exp(-(distance - distance.min(1, keepdims=True)) / PART_WIDTH_M)
    rigid = np.zeros(n_half, bool)
    is_hoof = np.zeros(n_half, bool)
    is_hoof[half.faces[half.material == "hoof"]] = True
    for part in RIGID:
        k = parts.index(part)
        own = is_hoof & ((left[:, 1] < 0) == (part == "fore hoof"))
        membership[:, k] = 0
        membership[own] = 0
        membership[own, k] = 1
        rigid |= own
    membership[half.eye] = np.arange(len(parts)) == parts.index("head")
    rigid[half.eye] = True
    membership /= membership.sum(1, keepdims=True)
    weights = np.zeros((n_half, skeleton.NUM_JOINTS))
    for k, part in enumerate(parts):
        weights += membership[:, k : k + 1] * part_weights(part, left)
    weights = np.concatenate([weights, np.zeros((len(vertices) - n_half, skeleton.NUM_JOINTS))])
    n = np.arange(n_half)
    middle = n[twin[:n_half] == n]
    weights[middle] = (weights[middle] + weights[middle][:, skeleton.MIRROR_JOINTS]) / 2
    right = np.arange(n_half, len(vertices))
    weights[right] = weights[twin[right]][:, skeleton.MIRROR_JOINTS]
    rigid = np.concatenate([rigid, rigid[twin[right]]])
    # the joints of the lower limbs are bone under thin skin: they keep their shape, and bend in a narrow band
    is_limb = (np.abs(vertices[:, 0]) > 0.05) & (vertices[:, 2] < 0.72)
    return pruned(_smoothed(weights, faces, np.where(rigid, 0.0, np.where(is_limb, 0.1, 0.5)), rigid))


def _smoothed(weights: np.ndarray, faces: np.ndarray, rate: np.ndarray, rigid: np.ndarray) -> np.ndarray:
    """Return weights averaged with their neighbours', by a share ``rate`` a round; rigid parts stay apart."""
    from scipy.sparse import coo_matrix

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[rigid[edges[:, 0]] == rigid[edges[:, 1]]]
    n = len(weights)
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n)).tocsr()
    degree = np.maximum(np.asarray(graph.sum(1)), 1)
    alone = np.asarray(graph.sum(1))[:, 0] == 0
    share = np.where(alone, 0.0, rate)[:, None]
    for _ in range(SMOOTH_ROUNDS):
        weights = (1 - share) * weights + share * (graph @ weights) / degree
    return weights


def pruned(weights: np.ndarray) -> np.ndarray:
    """Return weights with the four largest of each row only, summing to 1."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    kept = np.zeros_like(weights)
    np.put_along_axis(kept, order, np.take_along_axis(weights, order, 1), 1)
    kept[kept < 1e-3] = 0
    return kept / kept.sum(1, keepdims=True)


def tail_weights(xyz: np.ndarray) -> np.ndarray:
    """Return [N, 81] weights of hair of the tail."""
    return chain_weights(xyz, "DEF-spine.001", _DOCK)
