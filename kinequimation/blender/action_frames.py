"""A file's actions: which there are, which of their frames are rendered, and how a frame is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import bpy

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FRAMES = 100_000
_BONE = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)+)"\]')


def actions_of(armature: bpy.types.Object) -> dict[str, bpy.types.Action]:
    """Return the actions that move an armature's bones, by name."""
    bones = set(armature.pose.bones.keys())
    return {
        a.name: a
        for a in sorted(bpy.data.actions, key=lambda a: a.name)
        if any((m := _BONE.match(path)) and m[1] in bones for path in _paths(a))
    }


def _paths(action: bpy.types.Action) -> Iterator[str]:
    if not hasattr(action, "layers"):  # before Blender 4.4
        yield from (c.data_path for c in action.fcurves)
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield from (c.data_path for c in bag.fcurves)


def folder_names(actions: Sequence[str]) -> list[str]:
    """Return a folder's name for each action: its own, less what no folder should be called, and once only."""
    folders: list[str] = []
    for name in actions:
        plain = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name).lstrip("_.+-")[:80] or "action"
        folder, n = plain, 2
        while folder.lower() in (f.lower() for f in folders):  # Windows does not tell a from A
            folder, n = f"{plain}_{n}", n + 1
        folders.append(folder)
    return folders


def frame_span(action: bpy.types.Action) -> tuple[int, int]:
    """Return the first and the last of an action's frames; a loop's last, which is its first again, is left out."""
    first, last = action.frame_range
    start, end = math.floor(first), math.ceil(last)
    if action.use_frame_range and action.use_cyclic and end > start:
        end -= 1
    return start, end


def choose_frames(n: int, frames: str, step: int) -> tuple[int, ...]:
    """Return which of an action's n frames are rendered, counted from 0.

    Args:
        n: how many there are.
        frames: "" for all, "A:B" for A to B − 1 (either may be missing), or numbers with commas.
        step: every so many of those.

    Raises:
        InputError: none is left, or too many.
    """
    if n > MAX_FRAMES:
        raise InputError(f"--blend: expected actions of at most {MAX_FRAMES} frames, got one of {n}")
    chosen = list(range(n))
    if ":" in frames:
        first, _, last = frames.partition(":")
        chosen = chosen[int(first or 0) : int(last or n)]
    elif frames:
        chosen = sorted({int(f) for f in frames.split(",")} & set(chosen))
    if not chosen:
        raise InputError(f"--frames: expected some of the frames 0 to {n - 1} of each action, got {frames}")
    return tuple(chosen[::step])


def fps_of(action: bpy.types.Action, scene: bpy.types.Scene) -> float:
    """Return an action's frames a second: its own property of that name, else the scene's."""
    own = action.get("fps")
    if isinstance(own, (int, float)) and math.isfinite(own) and own > 0:
        return float(own)
    return scene.render.fps / scene.render.fps_base


class SavedPose:
    """The pose that a file was saved with, from which every frame of an action begins.

    Bones that an action does not key would else keep what the last one did to them, and a frame would depend on which
    were rendered before it.
    """

    def __init__(self, armature: bpy.types.Object) -> None:
        self._armature = armature
        self._matrices = {b.name: b.matrix_basis.copy() for b in armature.pose.bones}
        self._properties = {b.name: _numbers(b) for b in armature.pose.bones}
        self._own = _numbers(armature)

    def show(self, action: bpy.types.Action, scene: bpy.types.Scene, frame: int) -> None:
        """Take the saved pose, and put the armature into an action's at a frame."""
        armature = self._armature
        data = armature.animation_data or armature.animation_data_create()
        data.use_nla = False
        for bone in armature.pose.bones:
            bone.matrix_basis = self._matrices[bone.name]
            for key, value in self._properties[bone.name].items():
                bone[key] = value
        for key, value in self._own.items():
            armature[key] = value
        data.action = action
        slots = getattr(data, "action_suitable_slots", ())  # Blender 4.4+
        if len(slots):
            data.action_slot = next((s for s in slots if s.name_display == armature.name), slots[0])
        scene.frame_set(frame)

    def hold(self) -> None:
        """Take the action away: the pose stays as it is.

        What nothing moves Blender does not work out again for each picture of the same frame, nor does Cycles.
        """
        self._armature.animation_data.action = None


def _numbers(owner: bpy.types.ID | bpy.types.PoseBone) -> dict[str, float]:
    return {k: v for k, v in owner.items() if isinstance(v, (bool, int, float))}
