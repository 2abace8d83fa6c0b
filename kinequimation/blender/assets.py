"""Command ``assets``: the horse as a Blender file, with Rigify's rig, materials and gaits and moves as actions."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from kinequimation.body.shape import BREEDS, RANGES, breed_shape
from kinequimation.errors import InputError
from kinequimation.motion import MOTION_NAMES

if TYPE_CHECKING:
    import bpy

    from kinequimation.body import Body

_EPILOG = """the file holds:
  rig      Rigify's horse; its property kinequimation_keys is 1 to play the actions, 0 for Rigify's control bones
  horse    the mesh on the rig's DEF- bones, UV map "atlas"; vertex groups LM-<landmark> say where landmarks are
  actions  one for each gait (a stride that loops) and move, by the names of kinequimation horse --gait

"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "assets",
        help="write the rigged horse with its actions as a .blend",
        description="Write the rigged horse with its materials and its actions as a .blend.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, default=Path("assets/horse.blend"), metavar="FILE", help="default: assets/horse.blend"
    )
    parser.add_argument("--breed", choices=tuple(BREEDS), default="warmblood", help="default: warmblood")
    parser.add_argument("--withers-height", type=float, metavar="M", help="metres; default: the breed's")
    parser.add_argument("--coat", metavar="NAME", help='a coat as in docs, such as "tobiano"; default: plain bay')
    parser.add_argument("--actions", metavar="NAMES", help="comma-separated; default: every gait and move")
    parser.add_argument("--fps", type=float, default=30.0, help="of scene and actions; default: 30")
    parser.add_argument("--seed", type=int, default=0, help="varies the lie of a coat's pattern; default: 0")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file; return the exit code.

    Raises:
        InputError: an option is out of range.
        OutputError: the file cannot be written.
        MissingDependencyError: this Python has no Blender, or this Blender no Rigify.
    """
    from kinequimation.body import Body

    if args.out.suffix.lower() != ".blend":
        raise InputError(f"--out: expected a name that ends in .blend, got {str(args.out)!r}")
    if not (math.isfinite(args.fps) and 1 <= args.fps <= 240):
        raise InputError(f"--fps: expected 1 to 240, got {args.fps:g}")
    low, high = RANGES["withers_height_m"]
    if args.withers_height is not None and not low <= args.withers_height <= high:
        raise InputError(f"--withers-height: expected {low:g} to {high:g} metres, got {args.withers_height:g}")
    from kinequimation.blender.blend_file import write_blend

    names = action_names(args.actions)
    body = Body(breed_shape(args.breed, args.withers_height))
    build_assets(body, names, args.fps)
    write_blend(args.out)
    print(
        f"{args.out}: {args.breed} of {body.shape.withers_height_m:.2f} m, {args.coat or 'plain'},"
        f" {len(names)} actions at {args.fps:g} fps, {args.out.stat().st_size / 1e6:.1f} MB"
    )
    return 0


def action_names(text: str | None) -> tuple[str, ...]:
    """Return the gaits and moves that a comma-separated list names, in the order of ``MOTION_NAMES``; all for None.

    Raises:
        InputError: a name is not known, or there is none.
    """
    if text is None:
        return MOTION_NAMES
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in MOTION_NAMES]
    if unknown or not wanted:
        got = unknown[0] if unknown else "none"
        raise InputError(f"--actions: expected names of {', '.join(MOTION_NAMES)}, got {got}")
    return tuple(name for name in MOTION_NAMES if name in wanted)


def build_assets(body: Body, names: tuple[str, ...], fps: float) -> bpy.types.Object:
    """Fill an empty Blender with the horse, its rig and its actions, and return the rig, which plays the first.

    Args:
        body: the horse.
        names: of ``motion.MOTION_NAMES``.
        fps: of the scene and the actions.
    """
    import bpy

    from kinequimation.blender.actions import make_clip, play, to_action
    from kinequimation.blender.materials import plain_materials
    from kinequimation.blender.rig import build_rigify
    from kinequimation.blender.skin import build_skin

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = max(1, round(fps))
    scene.render.fps_base = scene.render.fps / fps
    rig = build_rigify(body)
    build_skin(body, rig, plain_materials())
    for name in names:
        motion, looping, speed_mps = make_clip(name, body, fps)
        to_action(motion, rig, looping=looping, speed_mps=speed_mps)
    first = bpy.data.actions[names[0]]
    play(rig, first)
    scene.frame_start, scene.frame_end = 0, int(first.frame_end)
    scene.frame_set(0)
    return rig
