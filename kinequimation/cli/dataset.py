"""``kinequimation dataset``: render or draw labelled horses, build datasets of them, check and look at them."""

from __future__ import annotations

import argparse

from kinequimation.cli import dataset_build, dataset_check, dataset_frames, dataset_recordings

_EPILOG = """a dataset from nothing:
  kinequimation dataset assets --out assets/horse.blend
  kinequimation dataset render --out dataset_pipeline/data/renders --actions Walk,Trot,LeftCanter,Jump --cameras 3
  kinequimation dataset check --root dataset_pipeline/data/renders
  kinequimation dataset build --root dataset_pipeline/data/renders --out dataset_pipeline/data/coco
  kinequimation dataset overlay --root dataset_pipeline/data/renders --out outputs/overlays

assets, render, fbx and skeleton-meta start Blender as a process of its own: python3 run.py blender installs it (see
docs/dataset.md). Without it: kinequimation dataset frames --count 20000 --out dataset_pipeline/data/frames
"""
_IN_BLENDER = {
    "assets": "make the rigged horse as a .blend file",
    "render": "render a rigged horse with labels",
    "fbx": "export the rigged horse with its actions as .fbx",
    "skeleton-meta": "write the names and edges of a rig's deforming bones",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "dataset",
        help="render, build, check and look at labelled datasets",
        description="Render labelled horses in Blender, build datasets of them, check and look at them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, text in _IN_BLENDER.items():
        # Blender's side has the parser: everything after the name is passed on as it is, --help too
        step = steps.add_parser(name, help=text, add_help=False, prefix_chars="\0")
        step.add_argument("rest", nargs="*")
        step.set_defaults(run=_run_in_blender)
    dataset_build.add_steps(steps)
    dataset_check.add_steps(steps)
    dataset_frames.add_steps(steps)
    dataset_recordings.add_steps(steps)


def _run_in_blender(args: argparse.Namespace) -> int:
    from kinequimation.dataset.blender_process import run_in_blender

    return run_in_blender([args.step, *args.rest])
