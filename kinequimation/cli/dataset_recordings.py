"""``kinequimation dataset recordings``: drawn horses as the 2D network sees them, to train the lifter on."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinequimation.cli.progress import ProgressBar
from kinequimation.errors import InputError
from kinequimation.text import counted

_EPILOG = """Random horses move before random cameras (still, panning, tracking, zooming); every frame is drawn around
the horse, the keypoint network looks at it, and its points are cleaned over time, as animate does. The file holds them
beside the truth, so that the lifter is trained on the network's own errors:

  kinequimation dataset recordings --count 600 --out recordings.npz
  kinequimation train lift --recordings recordings.npz

A clip has 81 frames and takes about 5 s of one core. The file is written anew every ten clips; a run that was cut off
goes on.
"""


def add_steps(steps: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the step to those of ``kinequimation dataset``."""
    recordings = steps.add_parser(
        "recordings",
        help="record what the 2D network makes of drawn clips, for the lifter (OpenGL, no Blender)",
        description="Record what the 2D network makes of drawn clips, beside the truth, to train the lifter on.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    recordings.add_argument("--count", required=True, type=int, metavar="N", help="clips in all")
    recordings.add_argument("--out", required=True, type=Path, metavar="FILE", help="the .npz to write")
    recordings.add_argument("--seed", type=int, default=1, metavar="N", help="which stream of clips; default: 1")
    recordings.add_argument("--weights", type=Path, metavar="FILE", help="another keypoint network (.onnx)")
    recordings.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Record, and say what was written.

    Raises:
        InputError: a number is out of range, or the file holds something else.
        MissingDependencyError: the renderer is not installed.
        OutputError: the file cannot be written.
    """
    if args.count < 1 or args.seed < 0:
        raise InputError(f"--count and --seed: expected 1 or more and 0 or more, got {args.count} and {args.seed}")
    from kinequimation.pipeline.recordings import make_recordings
    from kinequimation.pose2d import PoseEstimator

    with ProgressBar() as progress:
        recordings = make_recordings(args.out, args.seed, args.count, PoseEstimator(args.weights), progress)
    print(f"{args.out}: {counted(len(recordings), 'clip')}")
    return 0
