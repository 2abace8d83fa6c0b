"""Motions as Blender actions: keys on ``root`` and the 80 deforming bones themselves, one a frame.

A ``Motion`` turns a joint in axes that are parallel to the world's at rest; Blender turns a bone in the bone's own
axes, so with R its rest matrix the key is R⁻¹ q R. Nothing but rotations and the place of ``root`` is keyed: the rest
comes from the bones' parents, which are the motion's on both armatures that ``rig`` makes.

Frames count from 0. A gait is one stride that can be played in a circle: its last key is its first one, further along,
and the curves go on beyond it (modifiers of type Cycles, with an offset for the place), so a horse trots for as long as
the scene runs. The actions say so in custom properties: ``fps``, ``looping``, ``speed_mps`` (0 for moves, which have
none of their own).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import quat_continuous, quat_from_matrix, quat_inverse, quat_multiply, quat_rotate
from kinequimation.motion import GAIT_NAMES, Motion, make_motion
from kinequimation.motion.gaits import strides_motion
from kinequimation.motion.pace import froude
from kinequimation.motion.style import Style
from kinequimation.motion.table import table_of

if TYPE_CHECKING:
    import bpy
    from jaxtyping import Float

    from kinequimation.body import Body

_LINEAR = 1
"""The interpolation LINEAR, as the number that ``foreach_set`` wants."""
_STILL = 1e-7
"""A curve whose keys differ by less is one key: metres, or parts of a unit quaternion."""


def make_clip(name: str, body: Body, fps: float) -> tuple[Motion, bool, float]:
    """Return a gait or move as an action wants it.

    Args:
        name: one of ``motion.MOTION_NAMES``.
        body: the horse.
        fps: frames per second.

    Returns:
        the motion, whether it loops (its last frame is then its first one, further along), and its speed in m/s.

    Raises:
        InputError: the name is not known, or the rate is none.
    """
    motion = make_motion(name, body, fps=fps)
    if name not in GAIT_NAMES:
        return motion, False, 0.0
    n = len(motion)
    speed_mps = float(table_of(name)[0].speeds_mps[1] * froude(body))
    closed = strides_motion(name, body, Style(), speed_mps, fps / n, np.arange(n + 1) / fps, fps)
    return closed, True, speed_mps


def to_action(
    motion: Motion, rig: bpy.types.Object, *, looping: bool = False, speed_mps: float = 0.0
) -> bpy.types.Action:
    """Return a motion as an action of an armature, which need not play it.

    Args:
        motion: what the horse does, in frames at even times.
        rig: an armature that has the bones of ``skeleton.JOINTS`` with our parents.
        looping: whether the last frame is the first one, further along.
        speed_mps: kept with the action.
    """
    import bpy

    action = bpy.data.actions.new(motion.name)
    curves = curves_for(action, rig)
    frames = np.arange(len(motion), dtype=np.float64)
    location, quat = bone_keys(motion, rig)
    for i in range(3):
        add_curve(curves, skeleton.ROOT, "location", i, frames, location[:, i], looping)
    for j, joint in enumerate(skeleton.JOINTS):
        is_still = np.ptp(quat[:, j], axis=0).max() < _STILL
        for i in range(4):
            values = quat[:1, j, i] if is_still else quat[:, j, i]
            add_curve(curves, joint, "rotation_quaternion", i, frames[: len(values)], values, looping)
    describe(action, motion, looping=looping, speed_mps=speed_mps)
    return action


def describe(action: bpy.types.Action, motion: Motion, *, looping: bool = False, speed_mps: float = 0.0) -> None:
    """Say in an action what it holds, see the head of this file, and keep it where nothing plays it."""
    action.use_fake_user = True
    action.use_frame_range = True
    action.frame_start, action.frame_end = 0.0, float(len(motion) - 1)
    action.use_cyclic = looping
    action["fps"], action["looping"], action["speed_mps"] = float(motion.fps), looping, speed_mps


def show(rig: bpy.types.Object, action: bpy.types.Action, n_frames: int, fps: float) -> None:
    """Let an armature play an action, from its first frame on, and the scene run for as long and as fast."""
    import bpy

    scene = bpy.context.scene
    scene.render.fps = max(1, round(fps))
    scene.render.fps_base = scene.render.fps / fps
    scene.frame_start, scene.frame_end = 0, max(n_frames - 1, 0)
    play(rig, action)
    scene.frame_set(0)


def play(rig: bpy.types.Object, action: bpy.types.Action) -> None:
    """Let an armature play an action."""
    animation = rig.animation_data or rig.animation_data_create()
    animation.action = action
    if hasattr(animation, "action_slot"):  # Blender 4.4+
        animation.action_slot = action.slots[0]


def bone_keys(
    motion: Motion, rig: bpy.types.Object
) -> tuple[Float[np.ndarray, "frames 3"], Float[np.ndarray, "frames 81 4"]]:
    """Return the location of ``root`` and the rotation of every bone, w, x, y, z, each in the bone's own axes."""
    rest = np.array([rig.data.bones[j].matrix_local for j in skeleton.JOINTS], np.float64)
    own = quat_from_matrix(rest[:, :3, :3])
    quat = quat_multiply(quat_multiply(quat_inverse(own), motion.quat_wxyz), own)
    location = quat_rotate(quat_inverse(own[0]), motion.root_xyz_world - rest[0, :3, 3])
    return location, quat_continuous(quat)


def curves_for(action: bpy.types.Action, rig: bpy.types.Object) -> bpy.types.ActionFCurves:
    """Return where an action's curves for an armature go: in a slot of its own since Blender 4.4."""
    if not hasattr(action, "slots"):
        return action.fcurves
    slot = action.slots.new(id_type="OBJECT", name=rig.name)
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves


def add_curve(
    curves: bpy.types.ActionFCurves,
    bone: str,
    channel: str,
    index: int,
    frames: np.ndarray,
    values: np.ndarray,
    looping: bool,
) -> None:
    """Add the curve of one number of a bone: one key a frame, straight in between.

    Args:
        curves: of ``curves_for``.
        bone: its name.
        channel, index: the property, and which of its numbers.
        frames, values: the keys.
        looping: whether the curve goes on by repeating itself; a location goes on from where it ended.
    """
    path = f'pose.bones["{bone}"].{channel}'
    try:
        curve = curves.new(path, index=index, action_group=bone)
    except TypeError:  # its name since Blender 4.4
        curve = curves.new(path, index=index)
    curve.keyframe_points.add(len(frames))
    curve.keyframe_points.foreach_set("co", np.column_stack([frames, values]).ravel().astype(np.float32))
    curve.keyframe_points.foreach_set("interpolation", np.full(len(frames), _LINEAR, np.int32))
    if looping and len(frames) > 1:
        cycles = curve.modifiers.new("CYCLES")
        cycles.mode_before = cycles.mode_after = "REPEAT_OFFSET" if channel == "location" else "REPEAT"
    curve.update()
