"""Armatures: Rigify's horse generated on a body's joints, and the plain one that a game engine wants.

Both have the bone ``root`` and the 80 ``DEF-`` bones of ``skeleton.JOINTS``, on the body's joints, with our parents and
Rigify's rolls, so an action that keys those bones plays on either. On the generated rig Rigify's constraints would
overrule the keys: the object's property ``kinequimation_keys`` switches them, 1 for actions as they were written
(``actions``), 0 for Rigify's control bones, an animator's hand, and motions on them (``controls``).

What is changed of what Rigify generates: deforming bones hang on each other as in ``skeleton.PARENT``, where Rigify
hangs some on bones that do not deform; those that simply followed such a bone copy its transform instead, which is the
same; deforming bones do not bend (Rigify gives the legs ten segments each), because neither engines nor our skin do.
``root`` keeps the length that Rigify gives it, the plain rig's is 0.3 m; every other head and tail is the body's.
What the controls need to pose the bones exactly is added too (``rig_additions``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.blender.quiet import quiet
from kinequimation.blender.rig_additions import add_to_rigify
from kinequimation.blender.rolls import rest_z_axes
from kinequimation.body import Body
from kinequimation.errors import MissingDependencyError
from kinequimation.geometry.rotation import quat_between, quat_rotate

if TYPE_CHECKING:
    import bpy

RIG = "rig"
DEFORM_RIG = "armature"
KEYS_PROPERTY = "kinequimation_keys"
"""1: the deforming bones are keyed themselves; 0: Rigify's controls drive them."""
_ROOT_TAIL_XYZ = (0.0, 0.3, 0.0)
AWAY_PROPERTY = "kinequimation_rigify_away_m"
"""How far from our joints Rigify put the farthest head, metres, before it was put right."""
_FARTHEST_M = 1e-3
"""How far it may be. It halves the bones of the limbs; our halves come from a table rounded to 0.1 mm."""


def build_deform_rig(body: Body, name: str = DEFORM_RIG) -> bpy.types.Object:
    """Return an armature of ``root`` and the 80 deforming bones and nothing else, linked to the scene.

    Args:
        body: where its joints lie.
        name: of the object and its data.
    """
    import bpy

    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(rig)
    tails, z_axes = body.rest_tail_xyz.copy(), rest_z_axes(body.rest_xyz, body.rest_tail_xyz)
    tails[0], z_axes[0] = _ROOT_TAIL_XYZ, (0.0, 0.0, 1.0)  # as Rigify's lies, on the ground whatever the shape
    with edit_bones(rig) as bones:
        for j in skeleton.TOPOLOGICAL_ORDER:
            joint = skeleton.JOINTS[j]
            bone = bones.new(joint)
            parent = skeleton.PARENT[joint]
            bone.parent = bones[parent] if parent else None
            bone.head, bone.tail = body.rest_xyz[j], tails[j]
            bone.align_roll(z_axes[j])
            bone.use_deform = parent is not None
    for bone in rig.pose.bones:
        bone.rotation_mode = "QUATERNION"
    return rig


def build_rigify(body: Body, name: str = RIG) -> bpy.types.Object:
    """Return Rigify's horse on a body's joints, with its control bones, linked to the scene.

    Args:
        body: where its joints lie.
        name: of the object.

    Raises:
        MissingDependencyError: this Blender has no Rigify, or one whose horse has other bones.
    """
    import bpy

    metarig = _metarig()
    _move_metarig(metarig, body)
    others = set(bpy.data.objects)
    with quiet():
        bpy.ops.pose.rigify_generate()
    rig = bpy.context.view_layer.objects.active
    widgets = [o for o in bpy.data.objects if o not in others and o is not rig]
    metarig_data = metarig.data
    bpy.data.objects.remove(metarig)
    bpy.data.armatures.remove(metarig_data)
    rig.name = rig.data.name = name
    for widget in widgets:
        widget.hide_render = True
    _put_deforming_bones(rig, body)
    add_to_rigify(rig)
    _switch_constraints(rig)
    return rig


def _metarig() -> bpy.types.Object:
    import addon_utils
    import bpy

    with quiet():
        if addon_utils.check("rigify")[1] is False:
            addon_utils.enable("rigify", default_set=True)  # it looks its own preferences up while it starts
        if not hasattr(bpy.types.PoseBone, "rigify_type"):
            raise MissingDependencyError("expected Blender's add-on Rigify, found none; it comes with Blender 4.2+")
        if bpy.context.view_layer.objects.active is not None and bpy.context.object.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        bpy.ops.object.armature_horse_metarig_add()
    metarig = bpy.context.view_layer.objects.active
    metarig.location = (0.0, 0.0, 0.0)
    return metarig


def _move_metarig(metarig: bpy.types.Object, body: Body) -> None:
    """Put the metarig's bones on the body's joints, rolled as before."""
    with edit_bones(metarig) as bones:
        axes = {b.name: (np.array(b.y_axis), np.array(b.z_axis)) for b in bones}
        rest = {b.name: (np.array(b.head), np.array(b.tail)) for b in bones}
        connected = [b.name for b in bones if b.use_connect]
        for bone in bones:
            bone.use_connect = False
        for bone in bones:
            joint = skeleton.JOINT_INDEX.get(f"DEF-{bone.name}")
            if joint is None:  # a bone without a deforming one (hip, abdomen) goes with its parent
                parent = skeleton.JOINT_INDEX[f"DEF-{bone.parent.name}"]
                size = body.bone_lengths[parent] / np.linalg.norm(np.subtract(*rest[bone.parent.name]))
                for end, xyz in zip(("head", "tail"), rest[bone.name], strict=True):
                    setattr(bone, end, body.rest_xyz[parent] + size * (xyz - rest[bone.parent.name][0]))
                continue
            half = f"{bone.name}.001"  # Rigify halves the bones of the limbs; the metarig has them whole
            is_halved = half not in bones and f"DEF-{half}" in skeleton.JOINT_INDEX
            bone.head = body.rest_xyz[joint]
            bone.tail = body.rest_tail_xyz[skeleton.JOINT_INDEX[f"DEF-{half}"] if is_halved else joint]
            y, z = axes[bone.name]
            bone.align_roll(quat_rotate(quat_between(y, np.array(bone.y_axis)), z))
        for name in connected:
            bones[name].use_connect = True


def _put_deforming_bones(rig: bpy.types.Object, body: Body) -> None:
    """Hang the deforming bones on each other, exactly on the body's joints."""
    missing = [j for j in skeleton.JOINTS if j not in rig.data.bones]
    if missing:
        raise MissingDependencyError(
            f"expected Rigify's horse to have the bone {missing[0]}, found none; use Blender 4.5"
        )
    heads = np.array([rig.data.bones[j].head_local for j in skeleton.JOINTS])
    away_m = np.linalg.norm(heads - body.rest_xyz, axis=1)
    rig[AWAY_PROPERTY] = float(away_m.max())
    if away_m.max() > _FARTHEST_M:
        joint = skeleton.JOINTS[int(away_m.argmax())]
        raise MissingDependencyError(
            f"expected Rigify to put {joint} on its joint, got {away_m.max() * 1e3:.1f} mm off; use Blender 4.5"
        )
    z_axes = rest_z_axes(body.rest_xyz, body.rest_tail_xyz)
    with edit_bones(rig) as bones:
        for j in skeleton.TOPOLOGICAL_ORDER[1:]:
            joint = skeleton.JOINTS[j]
            bone = bones[joint]
            bone.use_connect = False
            bone.parent = bones[skeleton.PARENT[joint]]
            bone.head, bone.tail = body.rest_xyz[j], body.rest_tail_xyz[j]
            bone.align_roll(z_axes[j])
            bone.bbone_segments = 1


def _switch_constraints(rig: bpy.types.Object) -> None:
    """Let one property of the object switch every constraint of the deforming bones."""
    rig[KEYS_PROPERTY] = 1.0
    rig.id_properties_ui(KEYS_PROPERTY).update(
        min=0.0,
        max=1.0,
        description="1: actions key the deforming bones; 0: the control bones drive them",
    )
    for name in skeleton.BONES:
        bone = rig.pose.bones[name]
        if not bone.constraints:
            follow = bone.constraints.new("COPY_TRANSFORMS")
            follow.target, follow.subtarget = rig, name.replace("DEF-", "ORG-", 1)
        for constraint in bone.constraints:
            driver = constraint.driver_add("influence").driver
            driver.type = "SCRIPTED"
            variable = driver.variables.new()
            variable.name = "keys"
            variable.targets[0].id = rig
            variable.targets[0].data_path = f'["{KEYS_PROPERTY}"]'
            driver.expression = "1.0 - keys"  # so simple that Blender works it out without running Python
    for joint in skeleton.JOINTS:
        bone = rig.pose.bones[joint]
        bone.rotation_mode = "QUATERNION"


@contextmanager
def edit_bones(rig: bpy.types.Object) -> Iterator[bpy.types.ArmatureEditBones]:
    """Give a rig's bones for editing while the block runs; it stays the active object."""
    import bpy

    active = bpy.context.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    yield rig.data.edit_bones
    bpy.ops.object.mode_set(mode="OBJECT")
