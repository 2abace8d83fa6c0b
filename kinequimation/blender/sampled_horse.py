"""The labelled horse of a sampled scene: its skin as it was built, and its bones as Blender has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix, Vector
from mathutils.bvhtree import BVHTree

from kinequimation import skeleton
from kinequimation.blender.bones import Pose, read_pose, read_rest
from kinequimation.blender.rig import build_deform_rig
from kinequimation.geometry.rotation import quat_to_matrix
from kinequimation.synth.labels import horse_box

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.blender.scenery import BuiltScene
    from kinequimation.geometry.camera import Camera
    from kinequimation.synth.baked import BakedMesh
    from kinequimation.synth.scene import HorseInScene, Scene


@dataclass(frozen=True)
class SampledHorse:
    """The labelled horse of a sampled scene; ``shoot.Horse``.

    Attributes:
        scene: where it is.
        skin: its mesh.
        pose: its bones, as Blender has them.
    """

    scene: Scene
    skin: BakedMesh
    pose: Pose

    @classmethod
    def of(cls, sampled: Scene, built: BuiltScene, into: bpy.types.Scene) -> SampledHorse:
        """Return it, with an armature of its own that stands in its pose."""
        horse = sampled.horses[0]
        armature = build_deform_rig(horse.body)
        pose_armature(armature, horse)
        armature.hide_render = True
        view_layer = into.view_layers[0]
        view_layer.update()
        skin = next(b for b in built.surfaces.values() if b.object_id == horse.object_id)
        return cls(sampled, skin, read_pose(armature, read_rest(armature), view_layer.depsgraph))

    @property
    def landmark_names(self) -> tuple[str, ...]:
        """All of them."""
        return skeleton.LANDMARKS

    @property
    def landmark_xyz(self) -> Float[np.ndarray, "l 3"]:
        """Where they are in the world, metres."""
        return self.scene.horses[0].keypoints()[skeleton.NUM_JOINTS68 :]

    @property
    def withers_m(self) -> float:
        """Withers height, metres."""
        return self.scene.horses[0].body.shape.withers_height_m

    @cached_property
    def _tree(self) -> BVHTree:
        return BVHTree.FromPolygons(self.skin.xyz_world.tolist(), self.skin.faces.tolist(), all_triangles=True)

    def segments_at(self, xyz_world: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, " n"]:
        """Return the bone with the largest weight at points of the skin, an index into ``skeleton.JOINTS``."""
        faces = [self._tree.find_nearest(Vector(xyz))[2] for xyz in xyz_world.tolist()]
        return self.skin.face_segment[np.array(faces, int)].astype(np.uint8)

    def box(self, camera: Camera) -> Float[np.ndarray, " 4"]:
        """Return the tight box of the horse (x, y, width, height; pixels), hidden parts too, clipped to the image."""
        return horse_box(self.scene, self.scene.horses[0])


def pose_armature(armature: bpy.types.Object, horse: HorseInScene) -> None:
    """Give an armature at rest on a horse's joints that horse's pose; it stands at the world's origin."""
    bones = armature.data.bones
    rest = {joint: np.array(bones[joint].matrix_local, np.float64) for joint in skeleton.JOINTS}
    R = quat_to_matrix(horse.rotation_world)
    posed = {}
    for j, joint in enumerate(skeleton.JOINTS):
        posed[joint] = np.eye(4)
        posed[joint][:3, :3] = R[j] @ rest[joint][:3, :3]
        posed[joint][:3, 3] = horse.xyz_world[j]
    for joint in skeleton.JOINTS:
        parent = skeleton.PARENT[joint]
        at_rest, above = (rest[joint], np.eye(4)) if parent is None else (
            np.linalg.inv(rest[parent]) @ rest[joint], posed[parent]
        )  # fmt: skip
        armature.pose.bones[joint].matrix_basis = Matrix((np.linalg.inv(above @ at_rest) @ posed[joint]).tolist())
