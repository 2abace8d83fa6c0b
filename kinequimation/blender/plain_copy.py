"""A copy of a rigged horse for other programs: meshes on a plain rig, and every action baked onto its bones.

The copy has ``root`` and the file's deforming bones and nothing else, each with the parent that ``skeleton.PARENT``
gives it, whatever controls and constraints move them in the file: each action is played there, and where the bones then
are is keyed, a frame at a time. So an animator's own action on Rigify's controls comes out as well as ours do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.blender.actions import play
from kinequimation.blender.rig import edit_bones
from kinequimation.geometry.rotation import quat_continuous, quat_from_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    import bpy
    from jaxtyping import Float

_STILL = 1e-6
"""Keys that stay within this of rest are left out: metres times the copy's size, or parts of a unit quaternion. What
Blender's 32-bit matrices lose is less."""


@dataclass(frozen=True)
class PlainCopy:
    """A rig and its meshes, ready for export.

    Attributes:
        rig: the armature.
        meshes: what it deforms.
        actions: by name, one for each that was asked for, from frame 0.
    """

    rig: bpy.types.Object
    meshes: tuple[bpy.types.Object, ...]
    actions: dict[str, bpy.types.Action]


def copy_plainly(
    armature: bpy.types.Object,
    meshes: Sequence[bpy.types.Object],
    actions: Sequence[bpy.types.Action],
    to_copy: Float[np.ndarray, "4 4"],
    name: str,
) -> PlainCopy:
    """Copy a rigged horse.

    The originals then play nothing, leave the meshes' names to the copies and are hidden from the viewport, so that
    Blender does not work them out at every frame that is exported.

    Args:
        armature: has ``skeleton.HORSE68``.
        meshes: what it deforms.
        actions: of the armature.
        to_copy: similarity from the world to the copy's own axes, in which its bones and vertices are stored.
        name: of the copy's armature object.
    """
    joints = [j for j in skeleton.JOINTS if j in armature.data.bones]
    rig = _plain_rig(armature, joints, to_copy, name)
    skins = tuple(_plain_mesh(mesh, armature, rig, to_copy) for mesh in meshes)
    for mesh in meshes:
        mesh.hide_viewport = True
    baked = {}
    for action in actions:
        matrices = _played(armature, action, joints)
        baked[action.name] = _keyed(rig, joints, to_copy @ matrices, action.name)
    armature.hide_viewport = True
    return PlainCopy(rig, skins, baked)


def _parent(joint: str, joints: Sequence[str]) -> str | None:
    """Return the nearest bone above that the rig has."""
    above = skeleton.PARENT[joint]
    while above is not None and above not in joints:
        above = skeleton.PARENT[above]
    return above


def _plain_rig(
    armature: bpy.types.Object, joints: Sequence[str], to_copy: Float[np.ndarray, "4 4"], name: str
) -> bpy.types.Object:
    import bpy
    from mathutils import Matrix

    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(rig)
    to_rig = Matrix(to_copy @ np.array(armature.matrix_world, np.float64))
    with edit_bones(rig) as bones:
        for j in skeleton.TOPOLOGICAL_ORDER:
            joint = skeleton.JOINTS[j]
            if joint not in joints:
                continue
            original, bone = armature.data.bones[joint], bones.new(joint)
            above = _parent(joint, joints)
            bone.parent = bones[above] if above else None
            bone.head, bone.tail = to_rig @ original.head_local, to_rig @ original.tail_local
            bone.align_roll(to_rig.to_3x3() @ original.matrix_local.to_3x3().col[2])
            bone.use_deform = joint != skeleton.ROOT
    for bone in rig.pose.bones:
        bone.rotation_mode = "QUATERNION"
    return rig


def _plain_mesh(
    mesh: bpy.types.Object, armature: bpy.types.Object, rig: bpy.types.Object, to_copy: Float[np.ndarray, "4 4"]
) -> bpy.types.Object:
    import bpy
    from mathutils import Matrix

    copy = mesh.copy()
    copy.data = mesh.data.copy()
    for original, copied in ((mesh, copy), (mesh.data, copy.data)):  # what is exported keeps its name
        name = original.name
        original.name = f"{name} original"
        copied.name = name
    bpy.context.scene.collection.objects.link(copy)
    copy.data.transform(Matrix(to_copy @ np.array(mesh.matrix_world, np.float64)))
    copy.parent, copy.matrix_parent_inverse, copy.matrix_basis = rig, Matrix(), Matrix()
    for modifier in copy.modifiers:
        if modifier.type == "ARMATURE" and modifier.object == armature:
            modifier.object = rig
    for group in list(copy.vertex_groups):
        if group.name not in rig.data.bones:
            copy.vertex_groups.remove(group)
    return copy


def _played(
    armature: bpy.types.Object, action: bpy.types.Action, joints: Sequence[str]
) -> Float[np.ndarray, "frames joints 4 4"]:
    """Return where the bones of an armature are in the world, at each whole frame of an action."""
    import bpy

    for bone in armature.pose.bones:  # what an action does not key is at rest, not where the last one left it
        bone.matrix_basis.identity()
    play(armature, action)
    scene = bpy.context.scene
    matrices = []
    first, last = action.frame_range
    for frame in range(round(first), round(last) + 1):
        scene.frame_set(frame)
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        to_world = np.array(evaluated.matrix_world, np.float64)
        matrices.append(to_world @ np.array([evaluated.pose.bones[j].matrix for j in joints], np.float64))
    armature.animation_data.action = None
    return np.array(matrices)


def _rotations(matrices: Float[np.ndarray, "*n 4 4"]) -> Float[np.ndarray, "*n 3 3"]:
    """Return the nearest rotation of each matrix, without its stretch."""
    u, _, vt = np.linalg.svd(matrices[..., :3, :3])
    return u @ vt


def _keyed(
    rig: bpy.types.Object, joints: Sequence[str], matrices: Float[np.ndarray, "frames joints 4 4"], name: str
) -> bpy.types.Action:
    """Return an action that puts the bones of a plain rig where they are in its own axes, without stretching them."""
    import bpy

    from kinequimation.blender.actions import add_curve, curves_for

    rest = np.array([rig.data.bones[j].matrix_local for j in joints], np.float64)
    pose = np.tile(np.eye(4), (*matrices.shape[:2], 1, 1))
    pose[..., :3, :3], pose[..., :3, 3] = _rotations(matrices), matrices[..., :3, 3]
    action = bpy.data.actions.new(name)
    curves = curves_for(action, rig)
    frames = np.arange(len(pose), dtype=np.float64)
    for j, joint in enumerate(joints):
        above = _parent(joint, joints)
        unmoved = np.tile(rest[j], (len(pose), 1, 1))
        if above is not None:
            p = joints.index(above)
            unmoved = pose[:, p] @ np.linalg.inv(rest[p]) @ rest[j]
        basis = np.linalg.inv(unmoved) @ pose[:, j]
        quat = quat_continuous(quat_from_matrix(basis[:, :3, :3]))
        location = basis[:, :3, 3]
        size = np.linalg.norm(rest[j, :3, 3] - rest[0, :3, 3])
        for channel, values, at_rest, still in (
            ("location", location, np.zeros(3), _STILL * max(size, 1.0)),
            ("rotation_quaternion", quat, np.array([1.0, 0.0, 0.0, 0.0]), _STILL),
        ):
            if np.abs(values - at_rest).max() < still:
                values = at_rest[None]
            for i in range(values.shape[1]):
                add_curve(curves, joint, channel, i, frames[: len(values)], values[:, i], False)
    return action
