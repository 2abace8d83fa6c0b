"""The horse's mesh as the renderer draws it: what of it does not depend on shape or pose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kinequimation.body.horse import Template, load_template


@dataclass(frozen=True)
class DrawnMesh:
    """The template with one vertex for each pair of a template vertex and a material."""

    source: np.ndarray  # [N] template vertex
    faces: np.ndarray
    coarse_faces: np.ndarray  # fewer of them, for shadows
    columns: dict[str, np.ndarray]  # what a horse program may declare, [N, 2 to 4] each


@lru_cache(maxsize=1)
def drawn_mesh() -> DrawnMesh:
    """Return the template's mesh as the renderer draws it."""
    template = load_template()
    n_materials = int(template.face_material.max()) + 1
    corner = template.faces * n_materials + template.face_material[:, None]
    pairs, faces = np.unique(corner, return_inverse=True)
    source, material = pairs // n_materials, pairs % n_materials
    v = template.vertices
    a, b, c = (v[template.faces[:, i]] for i in range(3))
    face_normal = np.cross(b - a, c - a)
    normal = np.zeros_like(v)
    for i in range(3):
        np.add.at(normal, template.faces[:, i], face_normal)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    joint = np.argsort(-template.weights, axis=1, kind="stable")[:, :4]
    weight = np.take_along_axis(template.weights, joint, axis=1)
    weight /= weight.sum(1, keepdims=True)
    columns = {
        "in_template": v[source],
        "in_normal": normal[source],
        "in_joint": joint[source],
        "in_weight": weight[source],
        "in_kind": np.stack([material, joint[source, 0]], -1),
        "in_hair": _hair_columns(template, source),
    }
    faces = faces.reshape(-1, 3).astype("i4")
    return DrawnMesh(source, faces, _clustered(v[source], faces), columns)


def _hair_columns(template: Template, source: np.ndarray) -> np.ndarray:
    """Return [N, 2]: how far along its lock a vertex of hair lies, 0..1, and the lock's number; 0 on the skin."""
    columns = [getattr(template, name, np.zeros(len(template.vertices))) for name in ("hair_along", "lock_id")]
    return np.stack(columns, -1)[source]


def _clustered(xyz: np.ndarray, faces: np.ndarray, cell_m: float = 0.05) -> np.ndarray:
    """Return the faces left when all vertices of one grid cell become its first vertex."""
    _, first, cell = np.unique(np.floor(xyz / cell_m).astype(int), axis=0, return_index=True, return_inverse=True)
    coarse = first[cell.ravel()][faces]
    a, b, c = coarse.T
    return coarse[(a != b) & (b != c) & (c != a)].astype("i4")
