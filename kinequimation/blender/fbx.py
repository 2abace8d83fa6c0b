"""Command ``fbx``: the horse, a plain rig and every action as an FBX for Unity and Unreal.

What the file says, and why:

- Lengths are centimetres, FBX's own unit, and no node is scaled: Unity reads a horse of its true size in metres at
  scale 1, and Unreal, whose unit is the centimetre and which ignores the file's, does too.
- Y is up and the horse faces +Z, and no node is turned: what Unity expects. (Blender's exporter turns the armature by
  −90° about x; here the data itself is turned and the object turned back, so that the two cancel.)
- The armature's node is called ``Armature``: Unreal leaves out a node of that name, so that the skeleton has the one
  root ``root``, which carries the horse through the world (root motion).
- The 80 deforming bones follow, and no leaf bones. Each action is one take of its own name, a key a frame.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.dataset.action_names import choose_actions
from kinequimation.errors import InputError, OutputError

if TYPE_CHECKING:
    import bpy

    from kinequimation.blender.plain_copy import PlainCopy

NODE = "Armature"
_CM = 100.0
_TO_FBX = np.array([[_CM, 0, 0, 0], [0, 0, _CM, 0], [0, -_CM, 0, 0], [0, 0, 0, 1.0]])
"""From the world (metres, Z up, facing −Y) to centimetres, Y up, facing +Z."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "fbx",
        help="export mesh, plain rig and actions as FBX",
        description="Export a horse's mesh, a plain rig and its actions as FBX, ready for Unity and Unreal.",
    )
    parser.add_argument(
        "--blend",
        type=Path,
        default=Path("assets/horse.blend"),
        metavar="FILE",
        help="a .blend with a Rigify horse; default: assets/horse.blend",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("assets/horse.fbx"), metavar="FILE", help="default: assets/horse.fbx"
    )
    parser.add_argument("--armature", metavar="NAME", help="default: the one that is a Rigify horse")
    parser.add_argument("--actions", metavar="NAMES", help="comma-separated; default: every action in the file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file; return the exit code.

    Raises:
        InputError: the .blend is not there, or holds no such horse or action.
        OutputError: the file cannot be written.
    """
    if args.out.suffix.lower() != ".fbx":
        raise InputError(f"--out: expected a name that ends in .fbx, got {str(args.out)!r}")
    from kinequimation.blender.blend_file import open_blend

    open_blend(args.blend)
    names = None if args.actions is None else [n.strip() for n in args.actions.split(",") if n.strip()]
    copy = copy_for_fbx(args.armature, names)
    write_fbx(args.out, copy)
    print(
        f"{args.out}: {len(copy.meshes)} mesh{'es' if len(copy.meshes) > 1 else ''},"
        f" {len(copy.rig.data.bones)} bones, {len(copy.actions)} take{'s' if len(copy.actions) > 1 else ''},"
        f" {args.out.stat().st_size / 1e6:.1f} MB"
    )
    return 0


def copy_for_fbx(armature_name: str | None, action_names: list[str] | None) -> PlainCopy:
    """Return a plain copy of the horse that Blender holds, in FBX's axes and unit, standing upright.

    Args:
        armature_name: None for the one that is a Rigify horse.
        action_names: None for every action that the armature can play.

    Raises:
        InputError: there is no such armature, action or mesh.
    """
    import bpy
    from mathutils import Matrix

    from kinequimation.blender.bones import find_armature
    from kinequimation.blender.plain_copy import copy_plainly
    from kinequimation.blender.quiet import quiet
    from kinequimation.blender.subject import find_subject

    armature = find_armature(armature_name)
    meshes = find_subject(armature, bpy.context.view_layer).meshes
    meshes = tuple(m for m in meshes if any(d.type == "ARMATURE" and d.object == armature for d in m.modifiers))
    actions = _actions(armature, action_names)
    with quiet():
        copy = copy_plainly(armature, meshes, actions, _TO_FBX, NODE)
    turn = np.eye(4)
    turn[:3, :3] = _TO_FBX[:3, :3].T / _CM
    copy.rig.matrix_world = Matrix(turn)
    return copy


def _actions(armature: bpy.types.Object, names: list[str] | None) -> list[bpy.types.Action]:
    from kinequimation.blender.action_frames import actions_of

    actions = actions_of(armature)
    if names == []:
        raise InputError("--actions: expected names with commas, got none; leave it out for all actions")
    return [actions[n] for n in (actions if names is None else choose_actions(tuple(actions), names))]


def write_fbx(path: Path, copy: PlainCopy) -> None:
    """Write a plain copy as FBX, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    import addon_utils
    import bpy

    from kinequimation.blender.quiet import quiet
    from kinequimation.io.atomic import replacing

    scene = bpy.context.scene
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 1.0 / _CM
    _as_takes(copy)
    for other in scene.objects:
        other.select_set(other is copy.rig or other in copy.meshes)
    for image in bpy.data.images:
        if image.packed_file and not image.filepath:  # the name that an engine unpacks it under
            image.filepath_raw = f"//{bpy.path.clean_name(image.name)}.png"
    with (
        replacing(path) as temporary,
        tempfile.TemporaryDirectory(dir=temporary.parent, prefix=".fbx-") as folder,
        quiet(),
        contextlib.redirect_stderr(io.StringIO()),  # an exporter that fails says so there, over many lines
    ):
        written = Path(folder, path.name)  # the file says its own name: of the folder of its pictures
        if not addon_utils.check("io_scene_fbx")[1]:
            addon_utils.enable("io_scene_fbx")
        try:
            bpy.ops.export_scene.fbx(
                filepath=str(written.resolve()),
                use_selection=True,
                object_types={"ARMATURE", "MESH"},
                apply_unit_scale=True,
                apply_scale_options="FBX_SCALE_NONE",
                axis_forward="-Z",
                axis_up="Y",
                use_mesh_modifiers=True,
                mesh_smooth_type="FACE",
                add_leaf_bones=False,
                use_armature_deform_only=True,  # root comes along as their parent
                bake_anim=True,
                bake_anim_use_all_bones=True,
                bake_anim_use_nla_strips=True,
                bake_anim_use_all_actions=False,
                bake_anim_force_startend_keying=True,
                bake_anim_simplify_factor=0.0,
                path_mode="COPY",
                embed_textures=True,
            )
            os.replace(written, temporary)
        except RuntimeError as error:  # Blender puts a whole traceback into its text: the reason is in there
            lines = [t.strip() for t in str(error).splitlines() if t.strip() and not t.startswith("Location:")]
            raise OutputError(f"cannot write {path}: {lines[-1] if lines else error}") from error


def _as_takes(copy: PlainCopy) -> None:
    """Put each action on a strip of its own: the exporter plays one after the other and names its takes after them."""
    animation = copy.rig.animation_data or copy.rig.animation_data_create()
    animation.action = None
    for name, action in copy.actions.items():  # Blender may have had to call the action itself something else
        track = animation.nla_tracks.new()
        track.name = name
        strip = track.strips.new(name, 0, action)
        if hasattr(strip, "action_slot"):  # Blender 4.4+
            strip.action_slot = action.slots[0]
