"""Build ``template.npz``: the horse's skin, its weights and landmarks, and the guides of its hair.

    python -m kinequimation.body.build

Needs scikit-image, scipy and fast-simplification; the result ships with the package, so that users need none of them.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from kinequimation import skeleton
from kinequimation.body.anatomy import landmark_anchor
from kinequimation.body.build_mesh import half_mesh, skin_point, whole_mesh
from kinequimation.body.hair import KINDS, N_CONTROL, Guides, full_growth, grow, lock_topology
from kinequimation.body.hair_guides import make_guides
from kinequimation.body.horse import MATERIALS
from kinequimation.body.weights import part_weights, pruned, skin_weights, tail_weights

_MANE_SHARE = 0.7
"""How far the tip of a lock of the mane follows the mane's bones; the rest follows the neck."""

log = logging.getLogger(__name__)


def _place_landmarks(vertices: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """Return the vertex of each landmark of the skin, after moving it and its twin onto the landmark."""
    landmarks = np.full(len(skeleton.LANDMARKS), -1)
    middle = twin == np.arange(len(twin))
    free = np.ones(len(vertices), bool)
    for i, name in enumerate(skeleton.LANDMARKS):
        if name == "tail_end" or name.endswith(".R"):
            continue
        on_skin = skin_point(landmark_anchor(name))
        sided = name.endswith(".L")
        allowed = free & (~middle if sided else middle)
        away = np.where(allowed, np.linalg.norm(vertices - on_skin, axis=-1), np.inf)
        landmarks[i] = chosen = away.argmin()
        free[[chosen, twin[chosen]]] = False
        log.info("%-20s vertex moved by %.1f mm, to %s", name, 1000 * away.min(), on_skin.round(3))
        vertices[chosen] = on_skin
        if sided:
            vertices[twin[chosen]] = on_skin * [-1, 1, 1]
            landmarks[skeleton.LANDMARKS.index(skeleton.MIRROR[name])] = twin[chosen]
    return landmarks


def _mane_bone(y: np.ndarray, part: str) -> np.ndarray:
    """Return [N, 81] weights over the five bones of the mane's ``part``, by their place along the neck."""
    names = [f"DEF-mane_base.0{i}" for i in range(1, 6)]
    at = np.array([skeleton.REST_HEAD_XYZ[skeleton.JOINT_INDEX[n], 1] for n in names])
    weights = np.zeros((len(y), skeleton.NUM_JOINTS))
    place = np.interp(y, at, np.arange(5))
    low = np.minimum(place.astype(int), 3)
    for i in range(len(y)):
        for k, share in ((low[i], 1 - place[i] + low[i]), (low[i] + 1, place[i] - low[i])):
            weights[i, skeleton.JOINT_INDEX[f"DEF-mane_{part}.0{k + 1}"]] += share
    return weights


def _one_bone(n: int, bone: str) -> np.ndarray:
    weights = np.zeros((n, skeleton.NUM_JOINTS))
    weights[:, skeleton.JOINT_INDEX[bone]] = 1
    return weights


def _leg_weights(xyz: np.ndarray) -> np.ndarray:
    """Return [N, 81] weights of feather: as the leg's, but never of the hoof."""
    left = xyz * np.where(xyz[:, :1] < 0, [-1, 1, 1], 1)
    fore, hind = part_weights("leg", left), part_weights("hind", left)
    weights = np.where(xyz[:, 1:2] < 0, fore, hind)
    for hoof, pastern in (("DEF-f_hoof.L", "DEF-f_toe.L"), ("DEF-r_hoof.L", "DEF-r_toe.L")):
        weights[:, skeleton.JOINT_INDEX[pastern]] += weights[:, skeleton.JOINT_INDEX[hoof]]
        weights[:, skeleton.JOINT_INDEX[hoof]] = 0
    return np.where(xyz[:, :1] < 0, weights[:, skeleton.MIRROR_JOINTS], weights)


def _guide_weights(guides: Guides, skin: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return [L × 9, 81] weights by which the guides follow the stretch of the bones."""
    from scipy.spatial import KDTree

    points = guides.control.reshape(-1, 3)
    _, nearest = KDTree(skin).query(points, k=6)
    out = weights[nearest].mean(1).reshape(len(guides.kind), N_CONTROL, -1)
    for _ in range(3):
        padded = np.concatenate([out[:, :1], out, out[:, -1:]], axis=1)
        out = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    tail, feather = guides.kind == KINDS.index("tail"), guides.kind == KINDS.index("feather")
    out[tail] = tail_weights(guides.control[tail].reshape(-1, 3)).reshape(out[tail].shape)
    out[feather] = _leg_weights(guides.control[feather].reshape(-1, 3)).reshape(out[feather].shape)
    return pruned(out.reshape(len(points), -1))


def _hair_weights(guides: Guides, skin: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return [H, 81] skin weights of the hair: one set for each ring, so that a ring that is a point stays one."""
    from scipy.spatial import KDTree

    vertices = grow(guides, guides.control, guides.upright, full_growth(guides))
    _, lock, along = lock_topology(guides.kind)
    ring = np.unique(np.stack([lock, along]), axis=1, return_inverse=True)[1].reshape(-1)
    centre = np.stack([np.bincount(ring, vertices[:, k]) / np.bincount(ring) for k in range(3)], 1)[ring]
    kind = guides.kind[lock]
    _, nearest = KDTree(skin).query(guides.control[:, 0], k=6)
    root = weights[nearest].mean(1)[lock]
    out = np.zeros((len(vertices), skeleton.NUM_JOINTS))
    root_y = guides.control[lock, 0, 1]
    share = (_MANE_SHARE * along)[:, None]
    half = along[:, None]
    mane = (1 - half) * _mane_bone(root_y, "base") + half * _mane_bone(root_y, "top")
    on_mane = kind < 2
    out[on_mane] = ((1 - share) * _two_largest(root) + share * _two_largest(mane))[on_mane]
    fore = kind == KINDS.index("forelock")
    n = int(fore.sum())
    top = (1 - half[fore]) * _one_bone(n, "DEF-mane_base.06") + half[fore] * _one_bone(n, "DEF-mane_top.06")
    out[fore] = (1 - share[fore]) * _one_bone(n, "DEF-head") + share[fore] * top
    tail, feather = kind == KINDS.index("tail"), kind == KINDS.index("feather")
    out[tail] = tail_weights(centre[tail])
    out[feather] = _leg_weights(centre[feather])
    return pruned(out)


def _two_largest(weights: np.ndarray) -> np.ndarray:
    order = np.argsort(-weights, axis=1, kind="stable")[:, :2]
    kept = np.zeros_like(weights)
    np.put_along_axis(kept, order, np.take_along_axis(weights, order, 1), 1)
    return kept / kept.sum(1, keepdims=True)


def _tail_tip(guides: Guides, n_skin: int) -> int:
    """Return the vertex at the tip of the tail's middle lock."""
    _, lock, along = lock_topology(guides.kind)
    first = int(np.flatnonzero(guides.kind == KINDS.index("tail"))[0])
    return n_skin + int(np.flatnonzero((lock == first) & (along == 1.0))[0])


def _sparse(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    joint = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    weight = np.take_along_axis(weights, joint, 1)
    return joint.astype(np.uint8), weight.astype(np.float32)


def build(path: Path) -> None:
    """Build the template and write it to ``path``."""
    half = half_mesh()
    vertices, faces, material, twin = whole = whole_mesh(half)
    landmarks = _place_landmarks(vertices, twin)
    weights = skin_weights(half, whole)
    guides = make_guides()
    hair_weights = _hair_weights(guides, vertices, weights)
    landmarks[skeleton.LANDMARKS.index("tail_end")] = _tail_tip(guides, len(vertices))
    face_material = np.array([MATERIALS.index(m) for m in material])
    joint, weight = _sparse(np.concatenate([weights, hair_weights]))
    guide_joint, guide_weight = _sparse(_guide_weights(guides, vertices, weights))
    np.savez_compressed(
        path,
        skin_vertices=vertices.astype(np.float32),
        faces=faces.astype(np.uint16),
        face_material=face_material.astype(np.uint8),
        weight_joint=joint,
        weight=weight,
        landmark_vertices=landmarks.astype(np.uint16),
        guide_control=guides.control.astype(np.float32),
        guide_upright=guides.upright.astype(np.float32),
        guide_outward=guides.outward.astype(np.float16),
        guide_kind=guides.kind.astype(np.uint8),
        guide_half_width=guides.half_width.astype(np.float32),
        guide_thickness=guides.thickness.astype(np.float32),
        guide_random=guides.random.astype(np.float32),
        guide_weight_joint=guide_joint,
        guide_weight=guide_weight,
    )
    log.info(
        "%s: %d vertices of skin, %d of hair, %d faces of skin", path, len(vertices), len(hair_weights), len(faces)
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    build(Path(__file__).with_name("template.npz"))
