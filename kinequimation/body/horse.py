"""The parametric horse: a shape's rest body, its skin and its keypoints in any pose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.hair import KIND_MATERIAL, Guides, full_growth, grow, growth, lock_topology
from kinequimation.body.kinematics import bone_scales, forward_kinematics, scaled_rest_joints
from kinequimation.body.morphs import NEUTRAL, displacements
from kinequimation.body.shape import Shape
from kinequimation.geometry.rotation import quat_to_matrix

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float32, Int

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


@dataclass(frozen=True)
class _Growth:
    """What turns the template into a shape: the skin's points, then the hair's guides, in one list.

    Attributes:
        points: [N, 3] skin, guides, guides of the brush.
        joints: [J] the joints whose stretch any of the points follows.
        weights: [N, J] the skin weights by which they follow it; 32 bits halve the time that the product takes.
        morphs: [P, N, 3] displacement per unit of each parameter in ``morphs.NEUTRAL``.
        guides: the hair.
        withers: skin vertices around the top of the withers.
    """

    points: Float[np.ndarray, "n 3"]
    joints: Int[np.ndarray, " j"]
    weights: Float32[np.ndarray, "n j"]
    morphs: Float[np.ndarray, "p n 3"]
    guides: Guides
    withers: Int[np.ndarray, " k"]


def _dense(joint: np.ndarray, weight: np.ndarray) -> np.ndarray:
    weights = np.zeros((len(joint), skeleton.NUM_JOINTS))
    np.put_along_axis(weights, joint.astype(np.int64), weight.astype(np.float64), axis=1)
    return weights / weights.sum(1, keepdims=True)


@lru_cache(maxsize=1)
def _load() -> tuple[Template, _Growth]:
    with files("kinequimation.body").joinpath("template.npz").open("rb") as f:
        data = np.load(f, allow_pickle=False)
        skin = data["skin_vertices"].astype(np.float64)
        kind = data["guide_kind"].astype(np.int64)
        guides = Guides(
            control=data["guide_control"].astype(np.float64),
            upright=data["guide_upright"].astype(np.float64),
            outward=data["guide_outward"].astype(np.float64),
            kind=kind,
            half_width=data["guide_half_width"].astype(np.float64),
            thickness=data["guide_thickness"].astype(np.float64),
            random=data["guide_random"].astype(np.float64),
        )
        weights = _dense(data["weight_joint"], data["weight"])
        guide_weights = _dense(data["guide_weight_joint"], data["guide_weight"])
        faces, lock, along = lock_topology(kind)
        hair = grow(guides, guides.control, guides.upright, full_growth(guides))
        hair_material = np.array([MATERIALS.index(m) for m in KIND_MATERIAL])[kind]
        n_skin = len(skin)
        template = Template(
            vertices=np.concatenate([skin, hair]),
            faces=np.concatenate([data["faces"].astype(np.int64), n_skin + faces]),
            face_material=np.concatenate([data["face_material"].astype(np.int64), hair_material[lock[faces[:, 0]]]]),
            weights=weights,
            landmark_vertices=data["landmark_vertices"].astype(np.int64),
            hair_along=np.concatenate([np.zeros(n_skin), along]),
            lock_id=np.concatenate([np.zeros(n_skin), guides.random[lock]]),
            is_skin=np.arange(len(weights)) < n_skin,
        )
    # the hair of a brush follows the body as its roots do
    points = np.concatenate([skin, guides.control.reshape(-1, 3), guides.upright.reshape(-1, 3)])
    first = guide_weights.reshape(len(kind), -1, skeleton.NUM_JOINTS)[: len(guides.upright), :1]
    brush = np.repeat(first, guides.upright.shape[1], axis=1).reshape(-1, skeleton.NUM_JOINTS)
    all_weights = np.concatenate([weights[:n_skin], guide_weights, brush])
    top = skin[template.landmark_vertices[skeleton.LANDMARKS.index("withers")]]
    near = (np.abs(skin[:, 1] - top[1]) < 0.13) & (np.abs(skin[:, 0]) < 0.10) & (skin[:, 2] > 1.4)
    used = np.flatnonzero(all_weights.max(0) > 0)
    weights32 = np.ascontiguousarray(all_weights[:, used], np.float32)
    growing = _Growth(points, used, weights32, displacements(points, all_weights), guides, np.flatnonzero(near))
    return template, growing


def load_template() -> Template:
    """Return the template that ships with the package, with all the hair that any shape has."""
    return _load()[0]


class Body:
    """A horse of one shape.

    Attributes:
        shape: its parameters.
        faces, face_material, weights, landmark_vertices: of the template, the same for every shape.
        rest_vertices: [V, 3] skin, then hair, in the rest pose, metres; the ground is z = 0, the root's projection is
            the origin. The highest point of the withers is the landmark, at the shape's height.
        rest_xyz: [81, 3] joints in the rest pose, in the order of ``skeleton.JOINTS``.
        rest_tail_xyz: [81, 3] ends of the bones.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        self.shape = shape or Shape()
        template, growing = _load()
        self.faces, self.face_material, self.weights = template.faces, template.face_material, template.weights
        self.landmark_vertices = template.landmark_vertices
        scales = bone_scales(self.shape)
        joints = scaled_rest_joints(scales)
        tails = joints + np.einsum("jab,jb->ja", scales, skeleton.REST_TAIL_XYZ - skeleton.REST_HEAD_XYZ)
        amount = np.array([getattr(self.shape, name) - neutral for name, neutral in NEUTRAL.items()])
        points = growing.points + np.tensordot(amount, growing.morphs, axes=1)
        # v' = Σ w (head' + S (v − head)), the stretch blended with the skin weights
        offsets = joints - np.einsum("jab,jb->ja", scales, skeleton.REST_HEAD_XYZ)
        maps = np.concatenate([scales, offsets[..., None]], -1).reshape(skeleton.NUM_JOINTS, 12)
        blended = (growing.weights @ maps[growing.joints].astype(np.float32)).reshape(-1, 3, 4)
        points = np.einsum("vab,vb->va", blended[..., :3], points) + blended[..., 3]
        n_skin = int(template.is_skin.sum())
        vertices, guides = points[:n_skin], growing.guides
        withers = vertices[self.landmark_vertices[skeleton.LANDMARKS.index("withers")], 2]
        vertices[growing.withers, 2] = np.minimum(vertices[growing.withers, 2], withers)
        ground = vertices[:, 2].min()
        n_guides = guides.control.shape[0] * guides.control.shape[1]
        control = points[n_skin : n_skin + n_guides].reshape(guides.control.shape)
        upright = points[n_skin + n_guides :].reshape(guides.upright.shape)
        hair = grow(guides, control, upright, growth(guides, self.shape))
        size = self.shape.withers_height_m / (withers - ground)
        lift = np.array([0.0, 0.0, ground])
        self.rest_vertices = (np.concatenate([vertices, hair]) - lift) * size
        self.rest_vertices[n_skin:, 2] = np.maximum(self.rest_vertices[n_skin:, 2], 0.002)
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

    @cached_property
    def _skinning32(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the joints that move any vertex, and [joints × 4, V] each vertex times its weight, and the weight."""
        used = np.flatnonzero(self.weights.max(0) > 0)
        rest = np.c_[self.rest_vertices, np.ones(len(self.rest_vertices))].astype(np.float32)
        weights = self.weights[:, used].T.astype(np.float32)
        return used, np.ascontiguousarray((weights[:, None, :] * rest.T[None]).reshape(4 * len(used), -1))

    def meshes(
        self, root_xyz_world: Float[np.ndarray, "frames 3"], quat_wxyz: Float[np.ndarray, "frames 81 4"]
    ) -> Float32[np.ndarray, "frames v 3"]:
        """Return what ``vertices`` returns in 32 bits, in one matrix product: many times faster for many frames.

        The result is a view whose last two axes are swapped in memory.
        """
        xyz, rotation = self.joints(root_xyz_world, quat_wxyz)
        used, weighted = self._skinning32
        R = quat_to_matrix(rotation[:, used])
        t = xyz[:, used] - np.einsum("tjab,jb->tja", R, self.rest_xyz[used])
        A = np.concatenate([R, t[..., None]], -1).astype(np.float32)  # [T, joints, 3, 4]
        rows = A.transpose(0, 2, 1, 3).reshape(3 * len(A), -1)
        return (rows @ weighted).reshape(len(A), 3, -1).transpose(0, 2, 1)

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
