"""The body's parts as closed volumes, for the benchmarks: how deep is a point of one part inside another?

A part is the skin that follows one stretch of the skeleton most; hair is left out. Its open ends are closed by fans, so
that the winding number tells inside from outside. A depth is the distance to the part's nearest skin, or to a fan
behind which lies what may be run into: a calf bent against the thigh's back does not lie deep in the trunk beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.body.horse import load_template

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

TAIL = "tail"
_FORE = (("upper_arm", "upper arm"), ("forearm", "forearm"), ("forefoot", "cannon"), ("f_toe|f_hoof", "foot"))
_HIND = (("thigh", "thigh"), ("lower_leg", "gaskin"), ("hind_foot", "cannon"), ("r_toe|r_hoof", "foot"))
TOUCHING_M = 0.025
"""Parts of the standing mean body that come this near, as the elbow does to the chest, are neighbours (judgement)."""
_TRIAGE = 4
"""How many of the nearest points of a surface have to see a point outside before its winding number is not asked."""
_BATCH = 64
_ASLANT = np.linalg.qr(np.array([[0.71, 0.31, 0.23], [0.43, -0.66, 0.37], [0.29, 0.47, -0.81]]))[0]
"""Axes along which no ray of a symmetrical body meets an edge."""


def part_of(joint: str) -> str:
    """Return the name of the part that a joint of ``skeleton.JOINTS`` carries."""
    for limb in skeleton.LIMBS:
        for pattern, name in _FORE if limb[1] == "F" else _HIND:
            if re.match(rf"DEF-({pattern})\.{limb[0]}", joint):
                return f"{limb} {name}"
    if "tail" in joint:
        return TAIL
    if re.search("neck|mane", joint):
        return "neck"
    return "head" if re.search("head|jaw|skull|ear|eye|nose", joint) else "trunk"


PARTS: tuple[str, ...] = tuple(dict.fromkeys(part_of(j) for j in skeleton.JOINTS))


def is_hair() -> Bool[np.ndarray, " faces"]:
    """Return which faces are hair."""
    template = load_template()
    return np.asarray(~template.is_skin[template.faces].all(1))


@dataclass(frozen=True)
class Part:
    """One part of a mesh.

    Attributes:
        name: one of ``PARTS``.
        vertices: [n] the mesh's vertices that it holds.
        faces: [f, 3] its skin, into ``vertices``.
        caps: [c, 3] the fans that close it; the last column is n plus the number of the opening.
        opening: [c, 2] opening's number and vertex (into ``vertices``), one row an edge of the rim.
        beyond: for each opening, the parts on its other side; none where hair grows over it.
    """

    name: str
    vertices: Int[np.ndarray, " n"]
    faces: Int[np.ndarray, "f 3"]
    caps: Int[np.ndarray, "c 3"]
    opening: Int[np.ndarray, "c 2"]
    beyond: tuple[frozenset[str], ...] = ()

    def pose(self, mesh_vertices: Float[np.ndarray, "v 3"]) -> Volume:
        """Return the part's closed volume when the mesh's vertices are where they are given."""
        xyz = mesh_vertices[self.vertices]
        if not len(self.opening):
            return Volume(xyz, self.faces, len(self.faces), self)
        number, rim = self.opening.T
        count = np.bincount(number).astype(float)
        centres = np.stack([np.bincount(number, xyz[rim, i]) / count for i in range(3)], 1)
        return Volume(np.concatenate([xyz, centres]), np.concatenate([self.faces, self.caps]), len(self.faces), self)


def make_part(name: str, faces: Int[np.ndarray, "f 3"], across: dict[tuple[int, int], str] | None = None) -> Part:
    """Return the part made of some faces of a mesh, with its openings closed.

    Args:
        name: one of ``PARTS``.
        faces: into the mesh's vertices.
        across: the part that each directed edge of the mesh belongs to.
    """
    vertices, local = np.unique(faces, return_inverse=True)
    local = local.reshape(-1, 3)
    n = len(vertices)
    directed = np.concatenate([local[:, [0, 1]], local[:, [1, 2]], local[:, [2, 0]]])
    key, back = directed[:, 0] * n + directed[:, 1], directed[:, 1] * n + directed[:, 0]
    rim = directed[~np.isin(key, back)]
    if not len(rim):
        return Part(name, vertices, local, np.zeros((0, 3), int), np.zeros((0, 2), int))
    graph = coo_matrix((np.ones(len(rim)), (rim[:, 0], rim[:, 1])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    _, number = np.unique(label[rim[:, 0]], return_inverse=True)
    caps = np.stack([rim[:, 1], rim[:, 0], n + number], 1)
    beyond: list[set[str]] = [set() for _ in range(number.max() + 1)]
    for i, (p, q) in zip(number, vertices[rim], strict=True):
        other = (across or {}).get((int(q), int(p)))
        if other is not None:
            beyond[i].add(other)
    return Part(name, vertices, local, caps, np.stack([number, rim[:, 0]], 1), tuple(frozenset(b) for b in beyond))


@dataclass(frozen=True)
class Volume:
    """A closed surface in the world.

    Attributes:
        xyz: [n, 3] its points, metres.
        faces: [f, 3] triangles, counter-clockwise from outside.
        n_skin: how many of the faces, the first ones, are skin.
        part: what it is; None for a solid without openings.
    """

    xyz: Float[np.ndarray, "n 3"]
    faces: Int[np.ndarray, "f 3"]
    n_skin: int
    part: Part | None = None

    @cached_property
    def triangles(self) -> Float[np.ndarray, "f 3 3"]:
        """Corners of the faces."""
        return self.xyz[self.faces]

    @cached_property
    def samples(self) -> Float[np.ndarray, "s 3"]:
        """Points all over the skin: its vertices and the middles of its faces."""
        return np.concatenate([self.xyz[np.unique(self.faces[: self.n_skin])], self._middles])

    @cached_property
    def _middles(self) -> Float[np.ndarray, "f 3"]:
        return self.triangles[: self.n_skin].mean(1)

    @cached_property
    def box(self) -> Float[np.ndarray, "2 3"]:
        """Lowest and highest corner."""
        return np.stack([self.xyz.min(0), self.xyz.max(0)])

    @cached_property
    def volume_m3(self) -> float:
        """The volume enclosed; negative where the surface is inside out."""
        a, b, c = (self.triangles - self.box.mean(0)).transpose(1, 0, 2)
        return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self._middles)

    @cached_property
    def _normals(self) -> Float[np.ndarray, "f 3"]:
        t = self.triangles[: self.n_skin]
        return np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0])

    @cached_property
    def _crossings(self) -> tuple[Float[np.ndarray, "3 f 3"], Float[np.ndarray, "f 3"]]:
        """Return what ``winding_number`` needs of each triangle: its edges' functions, and where its plane is."""
        t = self.triangles @ _ASLANT
        edges = []
        for i in range(3):
            (_, ay, az), (_, by, bz) = t[:, i].T, t[:, (i + 1) % 3].T
            edges.append(np.stack([ay * bz - az * by, az - bz, by - ay], -1))
        normal = np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0])
        flat = np.where(np.abs(normal[:, 0]) < 1e-15, np.inf, normal[:, 0])
        height = np.einsum("fi,fi->f", normal, t[:, 0])
        return np.stack(edges), np.stack([height, -normal[:, 1], -normal[:, 2]], -1) / flat[:, None]

    def winding_number(self, points: Float[np.ndarray, "p 3"]) -> Int[np.ndarray, " p"]:
        """Return how often the surface winds around points: 1 inside, 0 outside, other numbers where it folds.

        Counts the triangles that a ray leaves through less those that it enters through.
        """
        edges, plane = self._crossings
        total = np.empty(len(points), int)
        step = max(1, 2_000_000 // len(self.faces))
        for start in range(0, len(points), step):
            p = points[start : start + step] @ _ASLANT
            yz = np.concatenate([np.ones((len(p), 1)), p[:, 1:]], 1)
            left = [yz @ e.T > 0 for e in edges]
            out = left[0] & left[1] & left[2]
            into = ~(left[0] | left[1] | left[2])
            ahead = yz @ plane.T > p[:, :1]
            total[start : start + step] = (out & ahead).sum(1) - (into & ahead).sum(1)
        return total

    def exits(self, allowed: frozenset[str]) -> Float[np.ndarray, "f 3 3"]:
        """Return the fans that end the part for someone who may be in some other parts, or that hair grows over."""
        if self.part is None:
            return np.zeros((0, 3, 3))
        leads_out = np.array([not beyond or bool(beyond & allowed) for beyond in self.part.beyond], bool)
        return self.triangles[self.n_skin :][leads_out[self.part.opening[:, 0]]]

    def deepest(
        self, points: Float[np.ndarray, "p 3"], beyond_m: float = 0.0, allowed: frozenset[str] = frozenset()
    ) -> float:
        """Return how deep in the volume the deepest of some points lies, metres; 0 if none lies deeper than asked.

        Args:
            points: world points, metres.
            beyond_m: depths up to this do not matter.
            allowed: the parts that the points may be in.
        """
        points = points[((points > self.box[0]) & (points < self.box[1])).all(1)]
        if not len(points):
            return 0.0
        k = min(2 * _TRIAGE, self.n_skin)
        _, near = self._tree.query(points, k=k)
        near = near.reshape(len(points), k)
        to_point = points[:, None] - self._middles[near]
        below = (np.einsum("pki,pki->pk", to_point, self._normals[near]) < 0)[:, :_TRIAGE].any(1)
        points, near = points[below], near[below]
        at_most = triangle_distance(points[:, None], self.triangles[near]).min(1)  # the skin may be nearer elsewhere
        exits = self.exits(allowed)
        if len(exits) and len(points):
            at_most = np.minimum(at_most, triangle_distance(points[:, None], exits[None]).min(1))
        order = np.argsort(-at_most)
        best = 0.0
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            if at_most[rows[0]] <= max(best, beyond_m):
                break
            for row in rows[self.winding_number(points[rows]) > 0]:
                if at_most[row] <= max(best, beyond_m):
                    break
                skin = triangle_distance(points[row], self.triangles[: self.n_skin]).min()
                exact = float(min(skin, at_most[row]))
                if exact > max(best, beyond_m):
                    best = exact
        return best


def triangle_distance(points: Float[np.ndarray, "... 3"], triangles: Float[np.ndarray, "... 3 3"]) -> np.ndarray:
    """Return the distance of each point to its triangle, metres."""
    a, b, c = (triangles[..., i, :] for i in range(3))
    normal = np.cross(b - a, c - a)
    length = np.maximum(np.linalg.norm(normal, axis=-1), 1e-18)
    height = np.einsum("...i,...i->...", points - a, normal) / length
    over = np.ones(height.shape, bool)
    nearest = np.full(height.shape, np.inf)
    for p, q in ((a, b), (b, c), (c, a)):
        over &= np.einsum("...i,...i->...", np.cross(normal, q - p), points - p) >= 0
        along = np.einsum("...i,...i->...", points - p, q - p) / np.maximum(((q - p) ** 2).sum(-1), 1e-18)
        nearest = np.minimum(nearest, np.linalg.norm(points - p - np.clip(along, 0, 1)[..., None] * (q - p), axis=-1))
    return np.where(over, np.abs(height), nearest)


@lru_cache(maxsize=1)
def body_parts() -> dict[str, Part]:
    """Return the parts of every body without its hair, by name."""
    template = load_template()
    of_joint = np.array([PARTS.index(part_of(j)) for j in skeleton.JOINTS])
    share = np.zeros((len(template.weights), len(PARTS)))
    for j, i in enumerate(of_joint):
        share[:, i] += template.weights[:, j]
    label = share[template.faces].sum(1).argmax(1)
    skin = ~is_hair()
    found = {name: template.faces[skin & (label == i)] for i, name in enumerate(PARTS)}
    found = {name: faces for name, faces in found.items() if len(faces)}
    across = {}
    for name, faces in found.items():
        for i in range(3):
            across |= dict.fromkeys(zip(faces[:, i].tolist(), faces[:, (i + 1) % 3].tolist(), strict=True), name)
    return {name: make_part(name, faces, across) for name, faces in found.items()}


@lru_cache(maxsize=1)
def joined() -> frozenset[tuple[str, str]]:
    """Return the pairs of parts, both ways round, that share a joint of the skeleton."""
    pairs = {(part_of(j), part_of(p)) for j in skeleton.JOINTS if (p := skeleton.PARENT[j])}
    return frozenset(pairs | {(b, a) for a, b in pairs})


@lru_cache(maxsize=1)
def touching() -> frozenset[tuple[str, str]]:
    """Return the pairs of parts, both ways round, that share no joint but touch while the mean body stands."""
    body = Body()
    volumes = {name: part.pose(body.rest_vertices) for name, part in body_parts().items()}
    pairs = set()
    for a, volume in volumes.items():
        tree = KDTree(volume.samples)
        for b, other in volumes.items():
            if tree.query(other.samples, distance_upper_bound=TOUCHING_M)[0].min() <= TOUCHING_M:
                pairs |= {(a, b), (b, a)}
    return frozenset(pair for pair in pairs - joined() if pair[0] != pair[1])
