"""``kinequimation dataset check`` and ``overlay``: find what is wrong with renders and datasets, and look at them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from kinequimation.cli.dataset_build import add_roots
from kinequimation.cli.progress import ProgressBar
from kinequimation.errors import InputError
from kinequimation.text import one_line

EXIT_FAULTY = 1
_VARIANTS = ("flat", "materials")
_CHECK_EPILOG = """what is checked:
  files      every image and mask decoded to its end; sizes; none missing, none left over, none twice
  labels     JSON without NaN; matrices, quaternions, heads and tails agree; every point projected again (0.05 px);
             boxes, masks, areas and visibility agree; left and right by the shape of the body
  clips      one horse in all frames, by its bones' lengths; no gaps, no camera missing
  --dataset  COCO files and dataset.csv against the labels; no clip in two parts

Each fault is one line that names the file. The last line is the verdict; the exit code is 1 where anything is wrong.
"""
_OVERLAY_EPILOG = """files:
  OUT/<action>/f00012_c03_flat.png    bones from head to tail, what hangs on what, points on the skin, the box
  OUT/sheet_<action>.png              the frames of an action
  OUT/sheet.png                       some of each action

Left limbs are warm, right limbs cool; what is hidden is dashed and hollow.
"""


def add_steps(steps: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the steps to those of ``kinequimation dataset``."""
    check = steps.add_parser(
        "check",
        help="find what is wrong with renders and what was built of them",
        description="Find what is wrong with what 'dataset render' made, and with what 'dataset build' made of it.",
        epilog=_CHECK_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_roots(check)
    check.add_argument("--dataset", type=Path, metavar="DIR", help="also the folder that 'dataset build' made of them")
    check.add_argument("--workers", type=int, metavar="N", help="processes; default: one for each core")
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.set_defaults(run=run_check)

    overlay = steps.add_parser(
        "overlay",
        help="draw labels on renders, to look at",
        description="Draw the labels of some frames on their images, and contact sheets of them.",
        epilog=_OVERLAY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    overlay.add_argument("--root", required=True, type=Path, metavar="DIR", help="a folder that 'dataset render' made")
    overlay.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the pictures go")
    overlay.add_argument("--actions", metavar="NAME,...", help="default: all")
    overlay.add_argument(
        "--sample",
        type=int,
        default=12,
        metavar="N",
        help="frames of each action, spread over its frames and cameras; 0 for all; default: 12",
    )
    overlay.add_argument(
        "--variant", choices=_VARIANTS, help="default: materials where there is such an image, else flat"
    )
    overlay.add_argument("--axes", action="store_true", help="draw each bone's axes: x red, y green, z blue")
    overlay.add_argument("--names", action="store_true", help="write each bone's name, on larger pictures")
    overlay.set_defaults(run=run_overlay)


def run_check(args: argparse.Namespace) -> int:
    """Check, and print what was found.

    Returns:
        1 where anything is wrong.

    Raises:
        InputError: a folder is not there, or is none of a dataset.
    """
    from kinequimation.dataset.check import check_dataset

    with ProgressBar() as progress:
        report = check_dataset(args.root, args.dataset, progress, args.workers)
    if args.json:
        print(json.dumps(report.as_json(), indent=1))
    else:
        print("\n".join(report.lines()))
    return 0 if report.ok else EXIT_FAULTY


def run_overlay(args: argparse.Namespace) -> int:
    """Draw the pictures, and say where they are.

    Returns:
        1 where a frame could not be drawn.

    Raises:
        InputError: there are no labels, or an action is not there.
        OutputError: a picture cannot be written.
    """
    from kinequimation.viz.dataset_overlay import write_overlays

    actions = None
    if args.actions is not None:
        actions = [name.strip() for name in args.actions.split(",") if name.strip()]
        if not actions:
            raise InputError("--actions: expected names of actions with commas between them, got none")
    with ProgressBar() as progress:
        made = write_overlays(
            args.root,
            args.out,
            actions=actions,
            sample=args.sample,
            variant=args.variant,
            axes=args.axes,
            names=args.names,
            progress=progress,
        )
    for line in made.skipped:
        print(f"skipped: {one_line(line)}", file=sys.stderr)
    print(f"{len(made.files)} {'picture' if len(made.files) == 1 else 'pictures'} in {args.out}")
    for sheet in made.sheets:
        print(sheet)
    return EXIT_FAULTY if made.skipped else 0
