"""Command ``assets``: the horse as a Blender file, with Rigify's rig, materials and gaits and moves as actions."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.body.shape import BREEDS, RANGES, breed_shape
from kinequimation.dataset.action_names import choose_actions
from kinequimation.errors import InputError
from kinequimation.motion import MOTION_NAMES

if TYPE_CHECKING:
    import bpy
    from jaxtyping import Float

    from kinequimation.body import Body

TEXTURE_SIZES = (256, 8192)
"""Smallest and largest side of a coat's texture, pixels."""

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
    parser.add_argument(
        "--coat", metavar="NAME", help='such as "dapple grey" or tobiano (a wrong name lists all); default: plain bay'
    )
    parser.add_argument("--actions", metavar="NAMES", help="comma-separated; default: every gait and move")
    parser.add_argument("--fps", type=float, default=30.0, help="of scene and actions; default: 30")
    parser.add_argument("--seed", type=int, help="varies a coat's colour and pattern; default: as drawn in docs")
    parser.add_argument("--texture", type=int, default=2048, metavar="PX", help="side of the coat's; default: 2048")
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

    if not TEXTURE_SIZES[0] <= args.texture <= TEXTURE_SIZES[1]:
        raise InputError(f"--texture: expected {TEXTURE_SIZES[0]} to {TEXTURE_SIZES[1]} pixels, got {args.texture}")
    names = action_names(args.actions)
    coat = None if args.coat is None else coat_rows(args.coat, args.seed)
    body = Body(breed_shape(args.breed, args.withers_height))
    build_assets(body, names, args.fps, None if coat is None else (args.coat, coat, args.texture))
    write_blend(args.out)
    print(
        f"{args.out}: {args.breed} of {body.shape.withers_height_m:.2f} m, {args.coat or 'plain'},"
        f" {len(names)} action{'s' if len(names) > 1 else ''} at {args.fps:g} fps,"
        f" {args.out.stat().st_size / 1e6:.1f} MB"
    )
    return 0


def action_names(text: str | None) -> tuple[str, ...]:
    """Return the gaits and moves that a comma-separated list names, in the order of ``MOTION_NAMES``; all for None.

    Names are read as ``render`` reads them: LeftCanter is canter_left.

    Raises:
        InputError: a name is not known, or there is none.
    """
    if text is None:
        return MOTION_NAMES
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    if not wanted:
        raise InputError("--actions: expected names with commas, got none; leave it out for all actions")
    chosen = choose_actions(MOTION_NAMES, wanted)
    return tuple(name for name in MOTION_NAMES if name in chosen)


def coat_rows(name: str, seed: int | None) -> Float[np.ndarray, "fields 4"]:
    """Return a coat of ``synth.coat.COATS`` as the shaders read it.

    Raises:
        InputError: there is no such coat, or the seed is below 0.
    """
    from kinequimation.synth.coat import named_coat

    if seed is not None and seed < 0:
        raise InputError(f"--seed: expected a number from 0, got {seed}")
    return named_coat(name, None if seed is None else np.random.default_rng(seed))[0]


def build_assets(
    body: Body,
    names: tuple[str, ...],
    fps: float,
    coat: tuple[str, Float[np.ndarray, "fields 4"], int] | None = None,
) -> bpy.types.Object:
    """Fill an empty Blender with the horse, its rig and its actions, and return the rig, which plays the first.

    Args:
        body: the horse.
        names: of ``motion.MOTION_NAMES``.
        fps: of the scene and the actions.
        coat: its name, its rows as ``coat_rows`` returns them, and the side of its texture in pixels; None for plain
            colours.
    """
    import bpy

    from kinequimation.blender.actions import make_clip, show, to_action
    from kinequimation.blender.materials import coat_materials, plain_materials
    from kinequimation.blender.rig import build_rigify
    from kinequimation.blender.skin import atlas_uv, build_skin

    bpy.ops.wm.read_factory_settings(use_empty=True)
    rig = build_rigify(body)
    if coat is None:
        materials = plain_materials()
    else:
        from kinequimation.synth.atlas import bake_coat

        coat_name, rows, size = coat
        materials = coat_materials(coat_name, bake_coat(rows, atlas_uv().astype(np.float64), size))
    build_skin(body, rig, materials)
    for name in names:
        motion, looping, speed_mps = make_clip(name, body, fps)
        to_action(motion, rig, looping=looping, speed_mps=speed_mps)
    first = bpy.data.actions[names[0]]
    show(rig, first, int(first.frame_end) + 1, fps)
    return rig
