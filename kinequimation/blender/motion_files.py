"""Command ``motion``: a motion as a Blender file and as an FBX, with a horse of its own shape.

``--rig deform`` is the plain skeleton: ``root`` carries the horse, and every bone has the motion's own rotation.
``--rig rigify`` is Rigify's horse, the motion on its controls (``controls``), for an animator to go on from. An FBX
knows no controls, so it holds the plain skeleton either way (``fbx`` says how engines read it).

Frame 0 is the motion's first. The scene runs at the motion's frame rate, 29.97 too; frames at uneven times are sampled
at even ones first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation.dataset.blender_process import MAX_MOTION_FRAMES
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.io.formats import BLENDER_FORMATS, RIGS, check_formats

if TYPE_CHECKING:
    import bpy

    from kinequimation.blender.fbx import PlainCopy
    from kinequimation.body import Body
    from kinequimation.motion import Motion
    from kinequimation.runtime import Progress

_EVEN = 1e-3
"""Frames are at even times where none is farther from its own than this, frames."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "motion",
        help="write a motion as .fbx and .blend",
        description="Write a motion (.npz) as .fbx and .blend, with a horse of its own shape.",
    )
    parser.add_argument("motion", type=Path, nargs="?", help="a motion.npz of kinequimation animate, edit or horse")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="default: here")
    parser.add_argument("--name", default="horse", help="of the files, without their ending; default: horse")
    parser.add_argument("--format", default="blend", metavar="LIST", help="of fbx,blend; default: blend")
    parser.add_argument("--rig", choices=RIGS, default="deform", help="what the .blend holds; default: deform")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; say what this Blender lacks, if anything, for these options",
    )
    parser.add_argument("--messages", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files; return the exit code.

    Raises:
        InputError: the motion cannot be read, or an option is not right.
        OutputError: a file cannot be written.
        MissingDependencyError: this Blender has no Rigify.
    """
    from kinequimation.motion import read_motion
    from kinequimation.runtime import no_progress

    formats = tuple(part.strip().lower() for part in args.format.split(","))
    check_formats(formats, args.rig)
    if not set(formats) <= set(BLENDER_FORMATS):
        raise InputError(f"--format: expected some of {','.join(BLENDER_FORMATS)}, got {args.format}")
    if args.check:
        check_add_ons(formats, args.rig)
        return 0
    if args.motion is None:
        raise InputError("motion: expected the path of a motion.npz, got none")
    if not args.name or Path(args.name).name != args.name:
        raise InputError(f"--name: expected a plain file name, got {args.name!r}")
    motion = read_motion(args.motion)
    say, progress = print, no_progress
    if args.messages:
        from kinequimation.blender.quiet import end_with_input, speaker

        end_with_input()
        send = speaker()
        say, progress = (lambda text: send({"line": text})), _sender(send)
    for path in write_motion_files(args.out, args.name, motion, formats, args.rig, progress):
        say(f"{path}: {len(motion)} frames, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def check_add_ons(formats: tuple[str, ...], rig: str) -> None:
    """Find out whether this Blender has what it takes to write some files.

    Args:
        formats: some of ``BLENDER_FORMATS``.
        rig: one of ``io.formats.RIGS``.

    Raises:
        MissingDependencyError: it has not.
    """
    import bpy  # noqa: F401  # puts Blender's own modules on the path

    import addon_utils  # isort: skip

    there = {module.__name__ for module in addon_utils.modules()}
    needed = ({"io_scene_fbx"} if "fbx" in formats else set()) | ({"rigify"} if rig == "rigify" else set())
    for missing in sorted(needed - there):
        raise MissingDependencyError(f"expected Blender's add-on {missing}, found none; it comes with Blender 4.2+")


def _sender(send: Callable[[dict[str, Any]], None]) -> Progress:
    def progress(stage: str, done: int, total: int | None) -> None:
        send({"stage": stage, "done": done, "total": total})

    return progress


def write_motion_files(
    folder: Path, name: str, motion: Motion, formats: tuple[str, ...], rig: str, progress: Progress
) -> list[Path]:
    """Write a motion as files of Blender's, and return them.

    Args:
        folder: where to.
        name: of the files, without their ending.
        motion: what the horse does.
        formats: some of ``BLENDER_FORMATS``.
        rig: one of ``io.formats.RIGS``; what a ``.blend`` holds.
        progress: called with the stages ``controls`` and ``fbx``.

    Raises:
        InputError: the motion is too long for these files.
        OutputError: a file cannot be written.
    """
    from kinequimation.blender.blend_file import write_blend
    from kinequimation.blender.fbx import write_fbx
    from kinequimation.body import Body

    body = Body(motion.shape)
    motion = _at_even_times(motion, body)
    if len(motion) > MAX_MOTION_FRAMES:
        raise InputError(
            f"expected a motion of at most {MAX_MOTION_FRAMES} frames, got {len(motion)}; take a part of it"
        )
    written = []
    if "blend" in formats:
        build_scene(motion, body, rig, progress)
        written.append(folder / f"{name}.blend")
        write_blend(written[-1])
    if "fbx" in formats:
        build_scene(motion, body, "deform", progress)
        progress("fbx", 0, None)
        written.append(folder / f"{name}.fbx")
        write_fbx(written[-1], _plain_copy())
    return written


def _plain_copy() -> PlainCopy:
    from kinequimation.blender.fbx import copy_for_fbx

    return copy_for_fbx(None, None)


def _at_even_times(motion: Motion, body: Body) -> Motion:
    """Return a motion whose frames are 1 / fps apart, as Blender's are: itself, or one that is sampled from it."""
    from kinequimation.motion.edit.sampling import resample

    frames = (motion.t_s - motion.t_s[0]) * motion.fps
    if np.abs(frames - np.arange(len(motion))).max() <= _EVEN:
        return motion
    return resample(motion, motion.fps, body)


def build_scene(motion: Motion, body: Body, rig: str, progress: Progress) -> bpy.types.Object:
    """Fill an empty Blender with a horse that plays a motion, and return its armature.

    Args:
        motion: what it does, in frames at even times.
        body: of the motion's shape.
        rig: one of ``io.formats.RIGS``.
        progress: called with the stage ``controls`` where the rig has them.
    """
    import bpy

    from kinequimation.blender.actions import show, to_action
    from kinequimation.blender.controls import to_controls
    from kinequimation.blender.materials import plain_materials
    from kinequimation.blender.rig import build_deform_rig, build_rigify
    from kinequimation.blender.skin import build_skin

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.unit_settings.system = "METRIC"
    if rig == "rigify":
        armature = build_rigify(body)
        action = to_controls(motion, armature, body, progress)  # before the mesh, which would be bent at every frame
    else:
        armature = build_deform_rig(body)
        action = to_action(motion, armature)
    build_skin(body, armature, plain_materials())
    show(armature, action, len(motion), motion.fps)
    return armature
