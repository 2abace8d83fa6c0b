"""The deforming bones of an armature: where they are, in Blender's own terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.frame_label import Bones
from kinequimation.dataset.visibility import in_frame
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_matrix

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.geometry.camera import Camera


@dataclass(frozen=True)
class RestBones:
    """What of an armature's deforming bones no pose changes.

    Attributes:
        names: N bones, in the order of ``skeleton.BONES``.
        parents: the deforming bone that each hangs on; "" for none.
        matrix: [N, 4, 4] at rest, in the armature's axes: y runs along the bone.
        in_parent: [N, 4, 4] at rest, in the axes of the bone that Blender has each hang on.
        hangs_on: the name of that bone, which may be a control; "" for none.
        roll: [N] radians.
    """

    names: tuple[str, ...]
    parents: tuple[str, ...]
    matrix: Float[np.ndarray, "n 4 4"]
    in_parent: Float[np.ndarray, "n 4 4"]
    hangs_on: tuple[str, ...]
    roll: Float[np.ndarray, " n"]

    @property
    def size(self) -> float:
        """How large the horse is, as a share of Rigify's own."""
        own = np.array([skeleton.REST_HEAD_XYZ[skeleton.JOINT_INDEX[n]] for n in self.names])
        return float(np.linalg.norm(self.matrix[:, :3, 3].std(0)) / np.linalg.norm(own.std(0)))


@dataclass(frozen=True)
class Pose:
    """An armature at one moment, in the world.

    Attributes:
        rest: its bones.
        head, tail: [N, 3] metres.
        matrix_world: [N, 4, 4]; a stretched bone's is scaled along its axes.
        matrix_basis: [N, 4, 4] the pose against the rest, also where constraints make it.
        root_matrix: [4, 4] the root bone's, or the armature's own where it has none.
    """

    rest: RestBones
    head: Float[np.ndarray, "n 3"]
    tail: Float[np.ndarray, "n 3"]
    matrix_world: Float[np.ndarray, "n 4 4"]
    matrix_basis: Float[np.ndarray, "n 4 4"]
    root_matrix: Float[np.ndarray, "4 4"]

    @property
    def place_xy(self) -> Float[np.ndarray, " 2"]:
        """Where the horse is on the ground: half-way between the first and the last vertebra of the trunk, metres."""
        ends = [self.rest.names.index(n) for n in ("DEF-spine.001", "DEF-spine.006")]
        return self.head[ends, :2].mean(0)

    def seen(self, camera: Camera, visibility: UInt8[np.ndarray, " n"]) -> Bones:
        """Return the bones as a camera sees them, for a label."""
        depth, depth_tail = camera.to_cam(self.head)[:, 2], camera.to_cam(self.tail)[:, 2]
        uv, uv_tail = camera.project(self.head), camera.project(self.tail)
        u, _, vt = np.linalg.svd(self.matrix_world[:, :3, :3])  # the nearest rotation: a stretched bone's is scaled
        return Bones(
            names=self.rest.names,
            parents=self.rest.parents,
            head=self.head,
            tail=self.tail,
            uv=uv,
            uv_tail=uv_tail,
            in_frame=in_frame(uv, depth, camera.width, camera.height),
            in_frame_tail=in_frame(uv_tail, depth_tail, camera.width, camera.height),
            visibility=visibility,
            depth=depth,
            roll=self.rest.roll,
            quaternion=quat_from_matrix(u @ vt),
            matrix_world=self.matrix_world,
            matrix_rel_root=np.linalg.inv(self.root_matrix) @ self.matrix_world,
            matrix_basis=self.matrix_basis,
        )


def find_armature(name: str | None) -> bpy.types.Object:
    """Return the armature object of that name, or the only one that has a Rigify horse's deforming bones.

    Raises:
        InputError: there is none, or there are several and no name was given.
    """
    armatures = {o.name: o for o in bpy.data.objects if o.type == "ARMATURE"}
    if name is None:
        fitting = [n for n, o in armatures.items() if set(skeleton.HORSE68) <= set(o.data.bones.keys())]
        if len(fitting) != 1:
            raise InputError(
                f"--armature: expected the name of a Rigify horse's armature, as the file holds {len(fitting)};"
                f" armatures in it: {', '.join(sorted(armatures)) or 'none'}"
            )
        name = fitting[0]
    if name not in armatures:
        raise InputError(
            f"--armature: expected one of {', '.join(sorted(armatures)) or 'none, as the file has no armature'},"
            f" got {name!r}"
        )
    return armatures[name]


def read_rest(armature: bpy.types.Object) -> RestBones:
    """Return the deforming bones of an armature.

    Raises:
        InputError: some of horse68 are missing; says which.
    """
    bones = armature.data.bones
    missing = [n for n in skeleton.HORSE68 if n not in bones]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise InputError(
            f"armature {armature.name!r}: expected the deforming bones of a generated Rigify horse,"
            f" {', '.join(missing[:5])}{more} missing"
        )
    names = tuple(n for n in skeleton.BONES if n in bones)
    matrix = np.array([bones[n].matrix_local for n in names], np.float64)
    hangs_on = [bones[n].parent for n in names]
    return RestBones(
        names=names,
        parents=tuple(_deforming_parent(bones[n], names) for n in names),
        matrix=matrix,
        in_parent=np.array(
            [
                np.linalg.inv(np.array(p.matrix_local, np.float64)) @ m if p else m
                for p, m in zip(hangs_on, matrix, strict=True)
            ]
        ),
        hangs_on=tuple(p.name if p else "" for p in hangs_on),
        roll=np.array([bpy.types.Bone.AxisRollFromMatrix(bones[n].matrix_local.to_3x3())[1] for n in names]),
    )


def _deforming_parent(bone: bpy.types.Bone, names: tuple[str, ...]) -> str:
    """Return the nearest deforming bone above; the skeleton's own where only controls are."""
    above = next((p.name for p in bone.parent_recursive if p.name in names), None)
    if above is None:
        above = skeleton.PARENT[bone.name]
    return above if above in names else ""


def read_pose(armature: bpy.types.Object, rest: RestBones, depsgraph: bpy.types.Depsgraph) -> Pose:
    """Return where the bones of an armature are, as evaluated at the present frame."""
    evaluated = armature.evaluated_get(depsgraph)
    to_world = np.array(evaluated.matrix_world, np.float64)
    bones = evaluated.pose.bones
    matrix = np.array([bones[n].matrix for n in rest.names], np.float64)
    above = np.array([bones[n].matrix if n else np.eye(4) for n in rest.hangs_on], np.float64)
    tail = np.array([bones[n].tail for n in rest.names], np.float64)
    root = next((b for b in bones if b.name == skeleton.ROOT), None)
    return Pose(
        rest=rest,
        head=matrix[:, :3, 3] @ to_world[:3, :3].T + to_world[:3, 3],
        tail=tail @ to_world[:3, :3].T + to_world[:3, 3],
        matrix_world=to_world @ matrix,
        matrix_basis=np.linalg.inv(above @ rest.in_parent) @ matrix,
        root_matrix=to_world @ np.array(root.matrix, np.float64) if root else to_world,
    )
