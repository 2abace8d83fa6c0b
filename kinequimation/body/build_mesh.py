"""Make the skin's mesh out of the solids: a watertight, exactly mirrored surface. Needs scikit-image, scipy and
fast-simplification."""

from __future__ import annotations

import logging

import numpy as np

from kinequimation.body.anatomy import solids
from kinequimation.body.solids import Solid, joined, mirrored_points

VOXEL_M = 0.004
N_FACES_HALF = 8_300
_FAR = 0.2

log = logging.getLogger(__name__)


def _near_middle(solid: Solid) -> bool:
    return bool(solid.both and solid.bounds()[0][0] < solid.blend + 0.02)


def total_distance(xyz: np.ndarray) -> np.ndarray:
    """Return the signed distance of points with x ≥ 0 to the whole skin, cut off flat at the ground."""
    total = np.full(xyz.shape[:-1], _FAR)
    for solid in solids():
        total = joined(total, solid.distance(xyz), solid)
        if _near_middle(solid):
            total = joined(total, solid.distance(mirrored_points(xyz)), solid)
    return np.maximum(total, -xyz[..., 2])


def skin_point(near: np.ndarray) -> np.ndarray:
    """Return the [3] point of the skin that is nearest to a point in its neighbourhood (Newton steps)."""
    point, step = near.copy(), 5e-4
    for _ in range(12):
        offsets = step * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
        value, *around = total_distance(point + offsets)
        slope = (np.array(around[:3]) - np.array(around[3:])) / (2 * step)
        point = point - 0.8 * value * slope / max(float(slope @ slope), 1e-9)
        if near[0] == 0.0:
            point[0] = 0.0
    return point


def _field(voxel_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the signed distance on a grid over the left half, x from 0, and the grid's first corner."""
    everything = solids()
    boxes = np.array([s.bounds() for s in everything if not s.carve])
    low, high = boxes[:, 0].min(0) - 0.03, boxes[:, 1].max(0) + 0.03
    low[0], low[2] = 0.0, -3.5 * voxel_m
    axes = [np.arange(lo, hi + voxel_m, voxel_m, dtype=np.float64) for lo, hi in zip(low, high, strict=True)]
    distance = np.full([len(a) for a in axes], _FAR, np.float32)
    for solid in everything:
        margin = 1.2 * solid.blend + 3 * voxel_m
        for mirrored in (False, True) if _near_middle(solid) else (False,):
            lo, hi = (b.copy() for b in solid.bounds())
            if mirrored:
                lo[0], hi[0] = -hi[0], -lo[0]
            lo, hi = lo - margin, hi + margin
            window = tuple(slice(*np.searchsorted(a, [p, q])) for a, p, q in zip(axes, lo, hi, strict=True))
            grid = np.stack(np.meshgrid(*(a[w] for a, w in zip(axes, window, strict=True)), indexing="ij"), -1)
            if grid.size:
                new = solid.distance(mirrored_points(grid) if mirrored else grid)
                distance[window] = joined(distance[window], new, solid)
    return np.maximum(distance, -axes[2][None, None, :]).astype(np.float32), np.array([a[0] for a in axes])


def _largest_component(faces: np.ndarray, n_vertices: int) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n_vertices, n_vertices))
    _, label = connected_components(graph, directed=False)
    return faces[label[faces[:, 0]] == np.bincount(label).argmax()]


def _enlargement(y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much the lower legs and the head are enlarged while triangles are thinned out."""
    legs = 1 + 0.9 / (1 + np.exp((z - 0.72) / 0.04))
    head = 1 + 0.9 / (1 + np.exp((y + 1.30) / 0.03))
    return legs, head


def _thinned(vertices: np.ndarray, faces: np.ndarray, n_faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Thin out the triangles by quadric errors, measured in a space in which lower legs and head are larger."""
    import fast_simplification

    # z and then y are stretched by the integral of the enlargement, which can be inverted by interpolation
    z_fine, y_fine = np.linspace(-0.1, 2.2, 4000), np.linspace(-2.0, 1.5, 4000)
    legs, _ = _enlargement(np.zeros(4000), z_fine)
    _, heads = _enlargement(y_fine, np.ones(4000))
    z_warped = np.concatenate([[0], np.cumsum((legs[1:] + legs[:-1]) / 2 * np.diff(z_fine))])
    y_warped = np.concatenate([[0], np.cumsum((heads[1:] + heads[:-1]) / 2 * np.diff(y_fine))])

    def scale(v: np.ndarray) -> np.ndarray:
        return np.interp(v[:, 1], y_fine, heads) * np.interp(v[:, 2], z_fine, legs)

    warped = vertices.copy()
    warped[:, 0] *= scale(vertices)
    warped[:, 1] = np.interp(vertices[:, 1], y_fine, y_warped)
    warped[:, 2] = np.interp(vertices[:, 2], z_fine, z_warped)
    out, kept = fast_simplification.simplify(
        warped.astype(np.float32), faces.astype(np.int32), target_count=n_faces, agg=3
    )
    used, kept = np.unique(kept, return_inverse=True)
    out, kept = out[used].astype(np.float64), kept.reshape(-1, 3)
    out[:, 1] = np.interp(out[:, 1], y_warped, y_fine)
    out[:, 2] = np.interp(out[:, 2], z_warped, z_fine)
    out[:, 0] /= scale(out)
    return out, kept


def _open_edges(faces: np.ndarray) -> np.ndarray:
    """Return the vertices on edges that have one face only."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(unique[count == 1])


def half_mesh(voxel_m: float = VOXEL_M, n_faces: int = N_FACES_HALF) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices and faces of the left half, and which vertices lie in the median plane."""
    from skimage.measure import marching_cubes

    distance, corner = _field(voxel_m)
    vertices, faces, _, _ = marching_cubes(distance, 0.0, spacing=(voxel_m,) * 3, gradient_direction="ascent")
    faces = _largest_component(faces, len(vertices))
    log.info("marching cubes: %d faces", len(faces))
    vertices, faces = _thinned(vertices + corner, faces, n_faces)
    middle = np.zeros(len(vertices), bool)
    middle[_open_edges(faces)] = True
    log.info("median plane: off by at most %.4f mm", 1000 * np.abs(vertices[middle, 0]).max())
    vertices[middle, 0] = 0.0
    vertices[~middle, 0] = np.maximum(vertices[~middle, 0], 5e-4)
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    if np.einsum("fa,fa->", a - [0, 0, 1], np.cross(b - [0, 0, 1], c - [0, 0, 1])) < 0:
        faces = faces[:, ::-1]
    return vertices, faces, middle


def whole_mesh(
    vertices: np.ndarray, faces: np.ndarray, middle: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices and faces of both halves, and the mirror twin of each vertex."""
    n, side = len(vertices), np.flatnonzero(~middle)
    twin = np.arange(n)
    twin[side] = n + np.arange(len(side))
    both = np.concatenate([vertices, vertices[side] * [-1.0, 1.0, 1.0]])
    other = twin[faces][:, ::-1]
    return both, np.concatenate([faces, other]), np.concatenate([twin, side])
