"""``kinequimation edit``: smooth, loop, resample a motion, hold it in place, put a rest pose in front."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinequimation.cli.animate import add_edits, add_formats, edits_of, formats_of

FILES = {
    "horse.glb": "skinned mesh with materials and the motion",
    "horse.bvh": "the motion alone",
    "horse.fbx": "skeleton, mesh and motion, through Blender (--format fbx)",
    "horse.blend": "skeleton, mesh and motion for Blender; on controls to edit with --rig rigify (--format blend)",
    "motion.npz": "the edited motion, for Python",
    "positions.csv": "where every point is in each frame, metres",
    "angles.csv": "angles of the joints, trunk, neck and head in each frame, degrees",
}
_FILES_HELP = "\n".join(f"    {name:<15} {what}" for name, what in FILES.items())
_EPILOG = f"""files:
  DIR/
{_FILES_HELP}

The edits are done in the order --smooth, --loop, --fps, --in-place, --rest-first, whatever the order they are given in.
A loop is cut where the horse repeats itself best; its last frame is its first again, further along, so that an engine
that repeats the clip shows no step. With --fps it is made at that rate at once.

examples:
  kinequimation edit trot/motion.npz -o trot_loop --loop --in-place --fps 30
  kinequimation edit trot -o trot_unreal --smooth 0.5 --rest-first --format fbx
  kinequimation edit walk/motion.npz -o walk24 --fps 24
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "edit",
        help="loop, smooth or resample a motion, hold it in place",
        description="Edit the motion that 'kinequimation animate' made, and write it for engines and Blender.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("motion", type=Path, metavar="MOTION", help="a motion.npz, or the folder it lies in")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write to")
    add_edits(parser)
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Edit, and list what was written; return the exit code.

    Raises:
        KinEquiMationError: the motion, an option or the output folder is not right.
    """
    from kinequimation.pipeline.edited_files import edit_motion_file

    edited = edit_motion_file(args.motion, args.output, edits_of(args), formats_of(args), args.rig)
    for name, what in FILES.items():
        if (args.output / name).exists():
            print(f"{args.output / name!s}  {what}")
    motion = edited.motion
    print(f"{len(motion)} frames at {motion.fps:g} frames/s, {motion.duration_s:.2f} s")
    for line in edited.lines:
        print(line)
    return 0
