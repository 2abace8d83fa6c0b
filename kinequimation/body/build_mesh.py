"""Make the skin's mesh out of the solids: a watertight, exactly mirrored surface. Needs scikit-image, scipy and
fast-simplification."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from kinequimation.body import anatomy_head
from kinequimation.body.anatomy import solids
from kinequimation.body.anatomy_limbs import CORONETS
from kinequimation.body.solids import Point, Solid, joined, mirrored_points

VOXEL_M = 0.004
N_FACES_HALF = 8_300
_FAR = 0.2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HalfMesh:
    """The left half of the skin.

    Attributes:
        vertices: [V, 3] metres.
        faces: [F, 3].
        material: [F] names of ``body.MATERIALS``.
        middle: [V] whether a vertex lies in the median plane.
        eye: the vertices of the eyeball.
    """

    vertices: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    middle: np.ndarray
    eye: np.ndarray


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
    simplified = fast_simplification.simplify(
        warped.astype(np.float32), faces.astype(np.int32), target_count=n_faces, agg=3
    )
    out, kept = simplified[0], simplified[1]
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


def _cut(
    vertices: np.ndarray, faces: np.ndarray, height: np.ndarray, snap_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay edges along the line where ``height`` is 0.

    Args:
        vertices: [V, 3].
        faces: [F, 3].
        height: [V] signed distance to a plane; positive and large far from where the cut is wanted.
        snap_m: vertices nearer than this are taken to lie on the line.

    Returns:
        vertices, faces, and the heights of the vertices.
    """
    height = np.where(np.abs(height) < snap_m, 0.0, height)
    new_vertices, new_heights, new_faces = list(vertices), list(height), []
    split: dict[tuple[int, int], int] = {}

    def crossing(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in split:
            a, b = key
            t = height[a] / (height[a] - height[b])
            split[key] = len(new_vertices)
            new_vertices.append(vertices[a] * (1 - t) + vertices[b] * t)
            new_heights.append(0.0)
        return split[key]

    for face in faces:
        polygon: list[int] = []
        crossed = False
        for a, b in zip(face, np.roll(face, -1), strict=True):
            polygon.append(int(a))
            if height[a] * height[b] < 0:
                polygon.append(crossing(int(a), int(b)))
                crossed = True
        if not crossed:
            new_faces.append(face)
            continue
        for sign in (1, -1):
            side = [k for k in polygon if sign * new_heights[k] >= 0]
            new_faces += [np.array([side[0], side[i], side[i + 1]]) for i in range(1, len(side) - 1)]
    return np.array(new_vertices), np.array(new_faces), np.array(new_heights)


def _without_slivers(vertices: np.ndarray, faces: np.ndarray, shortest_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a mesh whose shortest edges are collapsed, where that leaves it a surface of the same kind."""
    border = set(_open_edges(faces).tolist())
    rows = [tuple(int(v) for v in f) for f in faces]
    around: dict[int, set[int]] = {}
    for i, face in enumerate(rows):
        for v in face:
            around.setdefault(v, set()).add(i)

    def neighbours(v: int) -> set[int]:
        return {w for i in around[v] for w in rows[i]} - {v}

    edges = {(min(a, b), max(a, b)) for f in rows for a, b in zip(f, f[1:] + f[:1], strict=True)}
    lengths = sorted((float(np.linalg.norm(vertices[a] - vertices[b])), a, b) for a, b in edges)
    gone: set[int] = set()
    for length, a, b in lengths:
        if length > shortest_m:
            break
        if a in gone or b in gone:
            continue
        keep, drop = (b, a) if b in border else (a, b)
        on_edge = around[a] & around[b]
        if not on_edge or len(neighbours(a) & neighbours(b)) != len(on_edge):
            continue  # it would pinch the surface
        if (drop in border) and not (keep in border and len(on_edge) == 1):
            continue
        for i in on_edge:
            for v in rows[i]:
                around[v].discard(i)
        for i in list(around[drop]):
            rows[i] = tuple(keep if v == drop else v for v in rows[i])
            around[keep].add(i)
        around[drop] = set()
        gone.add(drop)
    left = sorted({i for members in around.values() for i in members})
    used, packed = np.unique(np.array([rows[i] for i in left]), return_inverse=True)
    return vertices[used], packed.reshape(-1, 3)


def _plane_height(vertices: np.ndarray, point: Point, normal: Point) -> np.ndarray:
    return (vertices - np.array(point)) @ (np.array(normal) / np.linalg.norm(normal))


def _on_dock(xyz: np.ndarray) -> np.ndarray:
    """Return whether points lie around the dock, clear of the buttocks."""
    return (xyz[:, 0] < 0.08) & (xyz[:, 2] > 1.15) & (xyz[:, 1] > np.where(xyz[:, 2] > 1.40, 0.86, 0.96))


def materials_of(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices and faces of the left half with edges laid along hooves and muzzle, and the faces' materials."""
    far = 1.0
    planes = {part: (*plane, "hoof") for part, plane in CORONETS.items()}
    planes["dock"] = ((0.0, 0.925, 1.45), (0.0, -1.0, 0.12), "tail")
    planes["muzzle"] = (anatomy_head.at(anatomy_head.MUZZLE_S, 0), anatomy_head.along(-1, 0), "muzzle")
    for part, (point, normal, name) in planes.items():

        def height_of(v: np.ndarray, part: str = part, point: Point = point, normal: Point = normal) -> np.ndarray:
            height = _plane_height(v, point, normal)
            if part == "muzzle":
                return np.where(v[:, 1] < -1.2, height, far)
            if part == "dock":
                return np.where(_on_dock(v), height, far)
            fore = part == "fore hoof"
            return np.where((v[:, 2] < 0.2) & ((v[:, 1] < 0) == fore), height, far)

        vertices, faces, height = _cut(vertices, faces, height_of(vertices), 0.0035 if name == "hoof" else 0.002)
        on = np.abs(height) < 1e-9
        if name == "hoof":  # vertices that were taken to lie on the line are moved there
            direction = np.array(normal) / np.linalg.norm(normal)
            vertices[on] -= _plane_height(vertices[on], point, normal)[:, None] * direction
    material = np.full(len(faces), "coat", dtype="U8")
    centre = vertices[faces].mean(1)
    for part, (point, normal, name) in planes.items():
        below = _plane_height(centre, point, normal) < 0
        if part == "muzzle":
            below &= centre[:, 1] < -1.2
        elif part == "dock":
            below &= _on_dock(centre)
        else:
            below &= (centre[:, 2] < 0.2) & ((centre[:, 1] < 0) == (part == "fore hoof"))
        material[below] = name
    return vertices, faces, material


def eyeball(rings: int = 4, sides: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices and faces of the left eyeball, closed, with a pole looking outwards."""
    latitude = np.linspace(np.pi / 2, -np.pi / 2, rings + 2)[1:-1]
    turn = np.arange(sides) * 2 * np.pi / sides
    ball = [np.array([[0.0, 0, 1]])]
    for angle in latitude:
        ball.append(
            np.stack([np.cos(angle) * np.cos(turn), np.cos(angle) * np.sin(turn), np.full(sides, np.sin(angle))], 1)
        )
    unit = np.concatenate([*ball, [[0.0, 0, -1]]])
    faces = [(0, 1 + k, 1 + (k + 1) % sides) for k in range(sides)]
    for r in range(rings - 1):
        a, b = 1 + r * sides, 1 + (r + 1) * sides
        for k in range(sides):
            n = (k + 1) % sides
            faces += [(a + k, b + k, b + n), (a + k, b + n, a + n)]
    last = 1 + (rings - 1) * sides
    faces += [(last + (k + 1) % sides, last + k, 1 + rings * sides) for k in range(sides)]
    vertices = np.array(anatomy_head.EYE.centre) + unit * np.array(anatomy_head.EYE.radii) @ anatomy_head.EYE.frame
    return vertices, _outward(vertices, np.array(faces))


def _outward(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the faces of a closed surface turned outwards."""
    a, b, c = (vertices[faces[:, i]] - vertices.mean(0) for i in range(3))
    return faces if np.einsum("fa,fa->", a, np.cross(b, c)) > 0 else faces[:, ::-1]


def half_mesh(voxel_m: float = VOXEL_M, n_faces: int = N_FACES_HALF) -> HalfMesh:
    """Return the left half of the skin."""
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
    vertices, faces = _without_slivers(vertices, faces, 0.0012)
    vertices, faces, material = materials_of(vertices, faces)
    ball, ball_faces = eyeball()
    middle = np.zeros(len(vertices) + len(ball), bool)
    middle[_open_edges(faces)] = True
    return HalfMesh(
        vertices=np.concatenate([vertices, ball]),
        faces=np.concatenate([faces, len(vertices) + ball_faces]),
        material=np.concatenate([material, np.full(len(ball_faces), "eye")]),
        middle=middle,
        eye=np.arange(len(vertices), len(vertices) + len(ball)),
    )


def whole_mesh(half: HalfMesh) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices, faces and the faces' materials of both halves, and the mirror twin of each vertex."""
    vertices, faces, middle = half.vertices, half.faces, half.middle
    n, side = len(vertices), np.flatnonzero(~middle)
    twin = np.arange(n)
    twin[side] = n + np.arange(len(side))
    both = np.concatenate([vertices, vertices[side] * [-1.0, 1.0, 1.0]])
    other = twin[faces][:, ::-1]
    material = np.concatenate([half.material, half.material])
    return both, np.concatenate([faces, other]), material, np.concatenate([twin, side])
