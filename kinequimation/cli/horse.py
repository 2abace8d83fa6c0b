"""``kinequimation horse``: a moving horse from nothing but a gait and a breed, and sheets of all there is."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from kinequimation.body.shape import BREEDS, RANGES, breed_shape
from kinequimation.errors import InputError
from kinequimation.io.formats import RIGS
from kinequimation.motion.gaits import MOTION_NAMES

SUFFIXES = (".glb", ".bvh", ".npz", ".fbx", ".blend")
_MAX_FRAMES = 20_000
_EPILOG = """files:
  horse.glb    skinned mesh, materials and one clip (metres, Y up)
  horse.bvh    the bones and the same clip (centimetres, Y up)
  horse.npz    the motion itself, for Python (kinequimation.motion.read_motion)
  horse.fbx    skeleton, mesh and clip, through Blender
  horse.blend  the same; with --rig rigify on controls that an animator edits

sheets (need the extra [render] and OpenGL):
  --sheet breeds.png    every breed, standing
  --sheet coats.png     every coat on one horse
  --sheet gaits.png     every gait and move in eight phases, with its footfalls
  --sheet crops.png     64 random crops as the keypoint network is trained on them
"""
SHEET_NAMES = ("breeds", "coats", "gaits", "crops")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "horse",
        help="make a moving horse from a gait and a breed",
        description="Make a moving horse from a gait and a breed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gait", choices=MOTION_NAMES, default="trot", help="a gait or a move; default: trot")
    parser.add_argument("--breed", choices=tuple(BREEDS), default="warmblood", help="default: warmblood")
    parser.add_argument("--withers-height", type=float, metavar="M", help="metres; default: the breed's")
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="default: one stride, which loops; a move as a whole"
    )
    parser.add_argument("--fps", type=float, default=60.0, help="frames per second; default: 60")
    parser.add_argument("--speed", type=float, metavar="M/S", help="metres per second; default: usual for the gait")
    parser.add_argument("--in-place", action="store_true", help="leave the horse over the origin (.glb only)")
    parser.add_argument("--rig", choices=RIGS, default="deform", help="what a .blend holds; default: deform")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("horse.glb"), metavar="FILE", help="default: horse.glb"
    )
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="FILE",
        help=f"write a picture instead, named for what it shows: {', '.join(f'{n}.png' for n in SHEET_NAMES)}",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the horse, or the sheet; return the exit code.

    Raises:
        InputError: an option is out of range.
        OutputError: the file cannot be written.
        MissingDependencyError: a sheet was asked for, and there is no OpenGL; or a file of Blender's, and no Blender.
    """
    if args.sheet is not None:
        return _write_sheet(args.sheet)
    from kinequimation.body import Body
    from kinequimation.io.atomic import replacing
    from kinequimation.io.bvh import write_bvh
    from kinequimation.io.gltf import write_glb
    from kinequimation.motion import write_motion
    from kinequimation.motion.gaits import make_motion

    suffix = args.output.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"--output: expected a name that ends in {', '.join(SUFFIXES)}, got {str(args.output)!r}")
    if args.in_place and suffix != ".glb":
        raise InputError("--in-place: expected a .glb as the output; the other files keep the horse's path")
    if args.rig != "deform" and suffix != ".blend":
        raise InputError(f"--rig {args.rig}: expected a .blend as the output, the one file that holds it, got {suffix}")
    for option, value, high in (("seconds", args.seconds, 600), ("fps", args.fps, 1000), ("speed", args.speed, 20)):
        if value is not None and not (math.isfinite(value) and 0 < value <= high):
            raise InputError(f"--{option}: expected a number above 0 and at most {high}, got {value}")
    low, high = RANGES["withers_height_m"]
    if args.withers_height is not None and not low <= args.withers_height <= high:
        raise InputError(f"--withers-height: expected {low:g} to {high:g} metres, got {args.withers_height:g}")
    if (args.seconds or 0) * args.fps > _MAX_FRAMES:
        raise InputError(f"--seconds times --fps: expected at most {_MAX_FRAMES} frames, got more; lower one of them")
    body = Body(breed_shape(args.breed, args.withers_height))
    motion = make_motion(args.gait, body, seconds=args.seconds, fps=args.fps, speed_mps=args.speed)
    if suffix == ".glb":
        write_glb(args.output, motion, body, in_place=args.in_place)
    elif suffix == ".bvh":
        write_bvh(args.output, motion, body)
    elif suffix in (".fbx", ".blend"):
        from kinequimation.pipeline.blender_files import write_blender_files

        write_blender_files(args.output.parent, motion, (suffix[1:],), args.rig, name=args.output.stem)
    else:
        with replacing(args.output) as temporary:
            write_motion(temporary, motion)
    print(
        f"{args.output}: {args.breed} of {body.shape.withers_height_m:.2f} m, {args.gait},"
        f" {motion.duration_s:.2f} s, {len(motion)} frames at {motion.fps:g} fps"
    )
    return 0


def _write_sheet(path: Path) -> int:
    if path.stem not in SHEET_NAMES or path.suffix.lower() != ".png":
        names = ", ".join(f"{n}.png" for n in SHEET_NAMES)
        raise InputError(f"--sheet: expected a file named for what it shows, one of {names}, got {path.name!r}")
    from kinequimation.cli.progress import ProgressBar
    from kinequimation.io.atomic import replacing
    from kinequimation.synth.sheets import SHEETS

    with ProgressBar() as progress:
        sheet = SHEETS[path.stem](progress)
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG", optimize=True)
    print(f"{path}: {sheet.width}×{sheet.height} pixels")
    return 0
