"""Build ``template.npz``: the horse's mesh, skin weights and landmarks, from the cones of ``anatomy``.

    python -m kinequimation.body.build

Needs scikit-image and fast-simplification; the result ships with the package, so that users need neither.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from kinequimation import skeleton
from kinequimation.body.anatomy import Cone, cones, landmark_anchor
from kinequimation.body.horse import MATERIALS

VOXEL_M = 0.009
N_FACES = 17_000
BLEND_WEIGHTS_M = 0.022
"""Distance over which skin passes from one bone to the next."""
SMOOTH_ROUNDS = 6

log = logging.getLogger(__name__)


def cone_distance(xyz: np.ndarray, cone: Cone) -> np.ndarray:
    """Return the signed distance to a round cone, roughly, where the cone is flattened.

    Points [..., 3] in metres. Quilez' closed form for a segment with a linearly varying radius, sideways squeezed.
    """
    squeeze = np.array([1 / cone.flat, 1.0, 1.0])
    centre = np.array([(cone.a[0] + cone.b[0]) / 2, 0.0, 0.0])
    p = (xyz - centre) * squeeze
    a, b = (np.array(cone.a) - centre) * squeeze, (np.array(cone.b) - centre) * squeeze
    axis = b - a
    h = np.clip((p - a) @ axis / max(float(axis @ axis), 1e-12), 0, 1)
    radius = cone.ra + (cone.rb - cone.ra) * h
    return (np.linalg.norm(p - a - h[..., None] * axis, axis=-1) - radius) * min(1.0, cone.flat)


def _melted(old: np.ndarray, new: np.ndarray, blend: float) -> np.ndarray:
    """Return the polynomial smooth minimum of two distances."""
    mix = np.maximum(blend - np.abs(old - new), 0.0) / blend
    return np.minimum(old, new) - mix**2 * blend / 4


def skin_point(near: np.ndarray) -> np.ndarray:
    """Return the [3] point of the skin that is nearest to a point in its neighbourhood (Newton steps)."""

    def distance(xyz: np.ndarray) -> np.ndarray:
        total = np.full(len(xyz), 0.2)
        for c in cones():
            total = _melted(total, cone_distance(xyz, c), c.blend)
        return np.maximum(total, -xyz[:, 2])

    point, step = near.copy(), 5e-4
    for _ in range(12):
        value = distance(point[None])[0]
        around = distance(point + step * np.concatenate([np.eye(3), -np.eye(3)]))
        slope = (around[:3] - around[3:]) / (2 * step)
        point = point - 0.8 * value * slope / max(float(slope @ slope), 1e-9)
    return point


def _field() -> tuple[np.ndarray, np.ndarray]:
    """Return the signed distance on a grid and the grid's first corner."""
    everything = cones()
    ends = np.array([[c.a, c.b] for c in everything]).reshape(-1, 3)
    low, high = ends.min(0) - 0.12, ends.max(0) + 0.12
    high[0] = 0.48
    low[0], low[2] = -high[0], -3.5 * VOXEL_M
    axes = [np.arange(lo, hi + VOXEL_M, VOXEL_M) for lo, hi in zip(low, high, strict=True)]
    axes[0] = axes[0] - axes[0].mean()  # the same on both sides
    distance = np.full([len(a) for a in axes], 0.2, np.float32)
    for c in everything:
        margin = max(c.ra, c.rb) * max(1.0, c.flat) + 2 * c.blend + 0.05
        lo, hi = np.minimum(c.a, c.b) - margin, np.maximum(c.a, c.b) + margin
        window = tuple(
            slice(*np.searchsorted(axis, [lo_i, hi_i])) for axis, lo_i, hi_i in zip(axes, lo, hi, strict=True)
        )
        grid = np.stack(np.meshgrid(*(a[w] for a, w in zip(axes, window, strict=True)), indexing="ij"), -1)
        new = cone_distance(grid, c)
        distance[window] = _melted(distance[window], new, c.blend)
    z = axes[2][None, None, :]
    return np.maximum(distance, -z), np.array([a[0] for a in axes])


def _largest_component(faces: np.ndarray, n_vertices: int) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n_vertices, n_vertices))
    _, label = connected_components(graph, directed=False)
    return faces[label[faces[:, 0]] == np.bincount(label).argmax()]


def _mesh() -> tuple[np.ndarray, np.ndarray]:
    import fast_simplification
    from skimage.measure import marching_cubes

    distance, corner = _field()
    vertices, faces, _, _ = marching_cubes(distance, 0.0, spacing=(VOXEL_M,) * 3, gradient_direction="ascent")
    faces = _largest_component(faces, len(vertices))
    log.info("marching cubes: %d vertices, %d faces", len(vertices), len(faces))
    simplified = fast_simplification.simplify(
        (vertices + corner).astype(np.float32), faces.astype(np.int32), target_count=N_FACES, agg=4
    )
    used, faces = np.unique(simplified[1], return_inverse=True)
    vertices, faces = simplified[0][used].astype(np.float64), faces.reshape(-1, 3)
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    if np.einsum("fa,fa->", a, np.cross(b, c)) < 0:  # the volume of a mesh that faces outwards is positive
        faces = faces[:, ::-1]
    return vertices, faces


def _segment_distance(xyz: np.ndarray, joint: int) -> np.ndarray:
    a, b = skeleton.REST_HEAD_XYZ[joint], skeleton.REST_TAIL_XYZ[joint]
    h = np.clip((xyz - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.linalg.norm(xyz - a - h[:, None] * (b - a), axis=-1)


def _soft_choice(distance: np.ndarray, width: float) -> np.ndarray:
    weight = np.exp(-(distance - distance.min(1, keepdims=True)) / width)
    return weight / weight.sum(1, keepdims=True)


def _weights(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dense skin weights [V, 81], and for each vertex the index of its nearest cone."""
    everything = cones()
    field = np.stack([cone_distance(vertices, c) for c in everything], 1)
    of_cone = _soft_choice(field, BLEND_WEIGHTS_M / 2)
    weights = np.zeros((len(vertices), skeleton.NUM_JOINTS))
    for i, c in enumerate(everything):
        joints = [skeleton.JOINT_INDEX[b] for b in c.bones]
        to_bone = np.stack([_segment_distance(vertices, j) for j in joints], 1)
        weights[:, joints] += of_cone[:, i : i + 1] * _soft_choice(to_bone, BLEND_WEIGHTS_M)
    # smooth over the mesh, but not across the edge of a hoof, of an eye or of the hair
    material = np.array([MATERIALS.index(everything[i].material) for i in field.argmin(1)])
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[material[edges[:, 0]] == material[edges[:, 1]]]
    degree = np.bincount(edges[:, 0], minlength=len(vertices)).astype(float)[:, None]
    rigid = np.isin(material, [MATERIALS.index("hoof"), MATERIALS.index("eye")])
    for _ in range(SMOOTH_ROUNDS):
        total = np.zeros_like(weights)
        np.add.at(total, edges[:, 0], weights[edges[:, 1]])
        mean = np.where(degree > 0, total / np.maximum(degree, 1), weights)
        weights = np.where(rigid[:, None], weights, 0.5 * weights + 0.5 * mean)
    return weights, field.argmin(1)


def _place_landmarks(vertices: np.ndarray) -> np.ndarray:
    """Return the vertex of each landmark, after moving that vertex onto the landmark.

    So left and right landmarks are mirror images, although the mesh itself is not quite.
    """
    landmarks = np.zeros(len(skeleton.LANDMARKS), int)
    free = np.ones(len(vertices), bool)
    for i, name in enumerate(skeleton.LANDMARKS):
        left = skin_point(landmark_anchor(name.replace(".R", ".L")))
        on_skin = left * [-1 if name.endswith(".R") else 1 if name.endswith(".L") else 0, 1, 1]
        away = np.where(free, np.linalg.norm(vertices - on_skin, axis=-1), np.inf)
        landmarks[i] = away.argmin()
        free[landmarks[i]] = False
        log.info("%-20s vertex moved by %.1f mm", name, 1000 * away.min())
        vertices[landmarks[i]] = on_skin
    return landmarks


def _mirror_landmark_weights(weights: np.ndarray, landmarks: np.ndarray) -> None:
    """Give the right landmarks the mirrored weights of the left ones, and midline ones the same on both sides."""
    for i, name in enumerate(skeleton.LANDMARKS):
        own = weights[landmarks[i]]
        twin = weights[landmarks[skeleton.LANDMARKS.index(skeleton.MIRROR[name])]]
        if name.endswith(".R"):
            weights[landmarks[i]] = twin[skeleton.MIRROR_JOINTS]
        elif not name.endswith(".L"):
            weights[landmarks[i]] = (own + own[skeleton.MIRROR_JOINTS]) / 2


def build(path: Path) -> None:
    """Build the template and write it to ``path``."""
    vertices, faces = _mesh()
    landmarks = _place_landmarks(vertices)
    weights, nearest = _weights(vertices, faces)
    _mirror_landmark_weights(weights, landmarks)
    everything = cones()
    material = np.array([MATERIALS.index(everything[i].material) for i in nearest])
    for name in ("hoof", "eye"):
        index = np.nonzero(material == MATERIALS.index(name))[0]
        weights[index] = 0
        weights[index, [skeleton.JOINT_INDEX[everything[nearest[i]].bones[0]] for i in index]] = 1
    joint = np.argsort(-weights, axis=1)[:, :4]
    weight = np.take_along_axis(weights, joint, 1)
    weight /= weight.sum(1, keepdims=True)
    corner = material[faces]
    face_material = np.where(corner[:, 1] == corner[:, 2], corner[:, 1], corner[:, 0])
    np.savez_compressed(
        path,
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.uint16),
        face_material=face_material.astype(np.uint8),
        weight_joint=joint.astype(np.uint8),
        weight=weight.astype(np.float32),
        landmark_vertices=landmarks.astype(np.uint16),
    )
    log.info("%s: %d vertices, %d faces", path, len(vertices), len(faces))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    build(Path(__file__).with_name("template.npz"))
