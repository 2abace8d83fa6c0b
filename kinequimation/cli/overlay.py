"""``kinequimation overlay``: draw predictions against the labels of a set."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kinequimation.cli.evaluate_source import DETECTED, GIVEN, add_source, labels_of, read_source
from kinequimation.cli.progress import ProgressBar
from kinequimation.errors import InputError
from kinequimation.text import counted

DEFAULT_OUT = Path("outputs/overlays")
_EPILOG = """files:
  OUT/worst.png              the worst horses, each with its errors
  OUT/keypoint_errors.png    how far off each keypoint is, the worst first
  OUT/errors.csv             each labelled point with its prediction and its error
  OUT/photos/00012_NAME.png  photographs with all of their horses

Rings are labels, discs predictions; the line between them is green up to 0.05 of the longer side of the horse's box,
yellow up to 0.1, red beyond. Left limbs are warm, right limbs cool.

examples:
  kinequimation overlay --set photos/ --out outputs/overlays
  python model_pipeline/evaluation/viz_overlay_predictions.py --set coco_synth_68_test.json --images renders/ \\
      --config model_pipeline/configs/hrnet_w32_horse68_256x256.py \\
      --checkpoint outputs/checkpoints/hrnet_w32_horse68_best.pth
  kinequimation overlay --set photos/ --predictions outputs/predictions/ --worst 24 --photos 0
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "overlay",
        help="draw predictions against the labels of photos",
        description="Draw predictions against the labels of photos: error lines, the worst horses, each keypoint.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source(parser)
    parser.add_argument("--boxes", choices=("given", "detected"), default="given", help="default: given")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}")
    parser.add_argument("--worst", type=int, default=12, metavar="N", help="horses on the contact sheet; default: 12")
    parser.add_argument(
        "--photos", type=int, default=24, metavar="N", help="photographs, spread over the set; 0 for all; default: 24"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw, and say where the pictures are.

    Raises:
        InputError: the set, the network or the predictions are not what they should be.
        OutputError: a picture cannot be written.
    """
    from kinequimation.dataset.coco import read_coco_set
    from kinequimation.dataset.score import score
    from kinequimation.viz.prediction_overlays import write_prediction_overlays

    if args.worst < 1 or args.photos < 0:
        raise InputError(f"--worst, --photos: expected 1 or more and 0 or more, got {args.worst} and {args.photos}")
    labelled = read_coco_set(labels_of(args.folder), args.images)
    boxes = GIVEN if args.boxes == "given" else DETECTED
    with ProgressBar() as progress:
        source = read_source(args, labelled, (boxes,), progress)
        horses = next(iter(source.horses.values()))
        scored = score(labelled.images, horses.uv_px, horses.confidence, slots=source.slots)
        made = write_prediction_overlays(
            labelled.images,
            horses,
            scored,
            args.out,
            n_worst=args.worst,
            n_photos=args.photos,
            progress=progress,
        )
    errors = scored.errors[~np.isnan(scored.errors)]
    median = f", median error {np.median(errors):.3f}" if len(errors) else ""
    print(f"{args.folder}: {counted(len(errors), 'point')} seen{median}; {source.name}")
    for path in (made.worst, made.keypoint_errors, made.table):
        print(path)
    print(f"{counted(len(made.photos), 'photograph')} in {args.out / 'photos'}")
    return 0
