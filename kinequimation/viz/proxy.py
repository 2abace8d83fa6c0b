"""A light copy of the horse's mesh, for drawing it on a CPU many times a second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import MATERIALS, Body
from kinequimation.body.horse import load_template
from kinequimation.geometry.rotation import quat_to_matrix

if TYPE_CHECKING:
    from jaxtyping import Float, Int

_TRUNK_CELL = (0.11, 0.11, 0.11)
_LIMB_CELL = (0.026, 0.026, 0.08)
_HOOF_CELL = (0.035, 0.035, 0.035)
_HEAD_CELL = (0.055, 0.055, 0.055)
_TAIL_CELL = (0.04, 0.04, 0.08)
"""Sides of the cells that vertices are merged in, of withers height, in the rest pose, in which lower limbs and tail
hang down: wide cells would swallow them. Together they leave about 3,000 triangles."""


def _cell_of(joint: str) -> tuple[float, float, float]:
    if "tail" in joint:
        return _TAIL_CELL
    if "hoof" in joint:
        return _HOOF_CELL
    if any(part in joint for part in ("toe", "foot", "forearm.", "lower_leg")) and "shoulder" not in joint:
        return _LIMB_CELL
    if (
        any(part in joint for part in ("head", "jaw", "skull", "ear.", "ear_", "eye", "nose", "mane"))
        and "fore" not in joint
    ):
        return _HEAD_CELL
    return _TRUNK_CELL


@dataclass(frozen=True)
class Proxy:
    """A body's mesh with vertices merged by cells.

    Attributes:
        rest_vertices: [N, 3] metres, as ``Body.rest_vertices``.
        joints: [N, 4] the joints that move each vertex most.
        weights: [N, 4] how much; each row sums to 1.
        faces: [M, 3] counter-clockwise from outside.
        face_material: [M] index into ``MATERIALS``.
        face_limb: [M] index into ``skeleton.LIMBS`` for the faces of hooves, −1 for others.
        rest_joints: [81, 3] the body's joints at rest.
    """

    rest_vertices: Float[np.ndarray, "n 3"]
    joints: Int[np.ndarray, "n 4"]
    weights: Float[np.ndarray, "n 4"]
    faces: Int[np.ndarray, "m 3"]
    face_material: Int[np.ndarray, " m"]
    face_limb: Int[np.ndarray, " m"]
    rest_joints: Float[np.ndarray, "81 3"]

    def pose(
        self, joints_xyz: Float[np.ndarray, "81 3"], rotation_wxyz: Float[np.ndarray, "81 4"]
    ) -> Float[np.ndarray, "n 3"]:
        """Return the vertices of one frame in the world (linear blend skinning)."""
        R = quat_to_matrix(rotation_wxyz)
        t = joints_xyz - np.einsum("jab,jb->ja", R, self.rest_joints)
        transforms = np.concatenate([R, t[..., None]], -1)[self.joints]
        blended = (transforms * self.weights[..., None, None]).sum(1)
        return (blended[..., :3] * self.rest_vertices[:, None]).sum(-1) + blended[..., 3]


@lru_cache(maxsize=1)
def _clusters() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each template vertex's cluster, and the faces and their materials that are left."""
    body = load_template()  # with all the hair that any shape has
    height = body.vertices[body.landmark_vertices[skeleton.LANDMARKS.index("withers")], 2]
    bone = body.weights.argmax(1)
    cell = np.array([_cell_of(joint) for joint in skeleton.JOINTS])[bone]
    material = np.zeros(len(body.vertices), int)
    material[body.faces.ravel()] = np.repeat(body.face_material, 3)
    side = np.sign(np.round(body.vertices[:, 0] / 0.01))  # keep the halves, and so the limbs, apart
    place = np.floor(body.vertices / (cell * height))
    keys = np.column_stack([place, cell, material, side])
    cluster = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    faces = cluster[body.faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces, face_material = faces[whole], body.face_material[whole]
    # a lock of hair flattened to a sheet keeps both of its sides: only faces that look the same way are doubles
    turn = (faces.argmin(1)[:, None] + np.arange(3)) % 3
    first = np.unique(np.take_along_axis(faces, turn, axis=1), axis=0, return_index=True)[1]
    return cluster, faces[first], face_material[first]


def make_proxy(body: Body) -> Proxy:
    """Return a body's proxy: the vertices of each cell become their mean."""
    cluster, faces, face_material = _clusters()
    count = np.bincount(cluster).astype(float)[:, None]
    rest, weights = np.zeros((len(count), 3)), np.zeros((len(count), skeleton.NUM_JOINTS))
    np.add.at(rest, cluster, body.rest_vertices)
    np.add.at(weights, cluster, body.weights)
    rest = rest / count
    joints = np.argsort(-weights, axis=1)[:, :4]
    weights = np.take_along_axis(weights, joints, axis=1)
    weights /= weights.sum(1, keepdims=True)
    face_limb = np.full(len(faces), -1)
    on_hoof = face_material == MATERIALS.index("hoof")
    centres = rest[faces].mean(1)
    hooves = np.array([body.rest_xyz[skeleton.JOINT_INDEX[skeleton.limb_joints(limb)[-1]]] for limb in skeleton.LIMBS])
    nearest = np.linalg.norm(centres[:, None] - hooves, axis=-1).argmin(1)
    face_limb[on_hoof] = nearest[on_hoof]
    return Proxy(rest, joints, weights, faces, face_material, face_limb, body.rest_xyz)
