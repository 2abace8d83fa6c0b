"""The parametric horse: a shape's rest body, its skin and its keypoints in any pose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.kinematics import bone_scales, forward_kinematics, scaled_rest_joints
from kinequimation.body.shape import Shape
from kinequimation.geometry.rotation import quat_to_matrix

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

MATERIALS: tuple[str, ...] = ("coat", "mane", "tail", "hoof", "muzzle", "eye", "feather")
"""Names of the values of ``Template.face_material``."""


@dataclass(frozen=True)
class Template:
    """The mesh at the mean shape, in the Rigify rest pose.

    Attributes:
        vertices: [V, 3] metres.
        faces: [F, 3] vertex indices, counter-clockwise from outside.
        face_material: [F] index into ``MATERIALS``.
        weights: [V, 81] skin weights, each row sums to 1, at most four entries above 0.
        landmark_vertices: [35] the vertex that each landmark is.
        hair_along: [V] 0 on the skin and at the root of a lock of hair, 1 at its tip.
        lock_id: [V] a random number in [0, 1) for each lock of hair; 0 on the skin.
        is_skin: [V] whether a vertex belongs to the skin, which is watertight by itself.
    """

    vertices: Float[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "f 3"]
    face_material: Int[np.ndarray, " f"]
    weights: Float[np.ndarray, "v 81"]
    landmark_vertices: Int[np.ndarray, " 35"]
    hair_along: Float[np.ndarray, " v"]
    lock_id: Float[np.ndarray, " v"]
    is_skin: Bool[np.ndarray, " v"]


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Return the template that ships with the package."""
    with files("kinequimation.body").joinpath("template.npz").open("rb") as f:
        data = np.load(f, allow_pickle=False)
        n = len(data["vertices"])
        weights = np.zeros((n, skeleton.NUM_JOINTS))
        np.put_along_axis(weights, data["weight_joint"].astype(np.int64), data["weight"].astype(np.float64), axis=1)
        return Template(
            vertices=data["vertices"].astype(np.float64),
            faces=data["faces"].astype(np.int64),
            face_material=data["face_material"].astype(np.int64),
            weights=weights / weights.sum(1, keepdims=True),
            landmark_vertices=data["landmark_vertices"].astype(np.int64),
            hair_along=data["hair_along"].astype(np.float64) if "hair_along" in data else np.zeros(n),
            lock_id=data["lock_id"].astype(np.float64) if "lock_id" in data else np.zeros(n),
            is_skin=data["is_skin"] if "is_skin" in data else np.ones(n, bool),
        )


class Body:
    """A horse of one shape, ready to pose.

    Attributes:
        shape: its shape.
        rest_xyz: [81, 3] joints at rest, metres; hooves on the ground z = 0, the root at the origin.
        rest_tail_xyz: [81, 3] bone tails at rest.
        rest_vertices: [V, 3] skin at rest.
        faces, face_material, weights: as in ``Template``.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        self.shape = shape or Shape()
        template = load_template()
        self.faces, self.face_material, self.weights = template.faces, template.face_material, template.weights
        self.landmark_vertices = template.landmark_vertices
        scales = bone_scales(self.shape)
        joints = scaled_rest_joints(scales)
        tails = joints + np.einsum("jab,jb->ja", scales, skeleton.REST_TAIL_XYZ - skeleton.REST_HEAD_XYZ)
        # v' = Σ w (head' + S (v − head)), the stretch blended with the skin weights
        offsets = joints - np.einsum("jab,jb->ja", scales, skeleton.REST_HEAD_XYZ)
        blended = np.tensordot(self.weights, scales, axes=1)
        vertices = np.einsum("vab,vb->va", blended, template.vertices) + self.weights @ offsets
        ground = vertices[:, 2].min()
        withers = vertices[self.landmark_vertices[skeleton.LANDMARKS.index("withers")], 2]
        size = self.shape.withers_height_m / (withers - ground)
        lift = np.array([0.0, 0.0, ground])
        self.rest_vertices = (vertices - lift) * size
        self.rest_tail_xyz = (tails - lift) * size
        self.rest_xyz = (joints - lift) * size
        self.rest_xyz[0] = 0.0

    @cached_property
    def bone_lengths(self) -> Float[np.ndarray, " 81"]:
        """Head-to-tail length of each bone, metres."""
        return np.linalg.norm(self.rest_tail_xyz - self.rest_xyz, axis=-1)

    @cached_property
    def keypoint_offsets(self) -> tuple[Float[np.ndarray, "35 81"], Float[np.ndarray, "35 3"]]:
        """Skin weights and rest positions of the 35 landmarks."""
        return self.weights[self.landmark_vertices], self.rest_vertices[self.landmark_vertices]

    def joints(
        self, root_xyz_world: Float[np.ndarray, "frames 3"], quat_wxyz: Float[np.ndarray, "frames 81 4"]
    ) -> tuple[Float[np.ndarray, "frames 81 3"], Float[np.ndarray, "frames 81 4"]]:
        """Return joint positions and world rotations; see ``forward_kinematics``."""
        return forward_kinematics(self.rest_xyz, root_xyz_world, quat_wxyz)

    def _skin(
        self, weights: np.ndarray, rest: np.ndarray, xyz: np.ndarray, rotation: np.ndarray
    ) -> Float[np.ndarray, "frames n 3"]:
        R = quat_to_matrix(rotation)
        t = xyz - np.einsum("tjab,jb->tja", R, self.rest_xyz)
        A = np.concatenate([R, t[..., None]], -1).reshape(len(xyz), skeleton.NUM_JOINTS, 12)
        blended = (weights @ A).reshape(len(xyz), len(weights), 3, 4)
        return np.einsum("tvab,vb->tva", blended[..., :3], rest) + blended[..., 3]

    def vertices(
        self, root_xyz_world: Float[np.ndarray, "frames 3"], quat_wxyz: Float[np.ndarray, "frames 81 4"]
    ) -> Float[np.ndarray, "frames v 3"]:
        """Return the posed skin in the world (linear blend skinning)."""
        xyz, rotation = self.joints(root_xyz_world, quat_wxyz)
        return self._skin(self.weights, self.rest_vertices, xyz, rotation)

    def keypoints(
        self, root_xyz_world: Float[np.ndarray, "frames 3"], quat_wxyz: Float[np.ndarray, "frames 81 4"]
    ) -> Float[np.ndarray, "frames 103 3"]:
        """Return all keypoints in the world: the 68 joints, then the 35 landmarks on the posed skin."""
        xyz, rotation = self.joints(root_xyz_world, quat_wxyz)
        return self.keypoints_from_joints(xyz, rotation)

    def keypoints_from_joints(
        self, xyz: Float[np.ndarray, "frames 81 3"], rotation: Float[np.ndarray, "frames 81 4"]
    ) -> Float[np.ndarray, "frames 103 3"]:
        """Return all keypoints of a skeleton already posed by ``joints``."""
        weights, rest = self.keypoint_offsets
        landmarks = self._skin(weights, rest, xyz, rotation)
        return np.concatenate([xyz[:, 1 : 1 + skeleton.NUM_JOINTS68], landmarks], axis=1)
