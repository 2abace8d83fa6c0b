"""``kinequimation dataset frames``: draw training frames once, into shards that every pass of a training reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinequimation.cli.progress import ProgressBar
from kinequimation.errors import InputError
from kinequimation.text import counted

_EPILOG = """files:
  OUT/shards.json         what the frames are; a folder with others is refused
  OUT/shard-000000.tar    frames with their labels, about 60 kB each; see kinequimation.dataset.shards

Reading a frame takes a tenth of the time that drawing it does. Its horse is cut out, so that training puts it before
other backgrounds (kinequimation train pose2d --data OUT). A run that was cut off goes on. Frame 123 of seed 1 is the
same wherever it is drawn, so several machines may each draw with a seed of their own.
"""


def add_steps(steps: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the step to those of ``kinequimation dataset``."""
    frames = steps.add_parser(
        "frames",
        help="draw training frames into shards (OpenGL, no Blender)",
        description="Draw training frames into shards, to train on without drawing them again.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    frames.add_argument("--count", required=True, type=int, metavar="N", help="frames in all")
    frames.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the shards go")
    frames.add_argument("--seed", type=int, default=1, metavar="N", help="which stream of frames; default: 1")
    frames.add_argument("--workers", type=int, default=2, metavar="N", help="processes that draw; default: 2")
    frames.add_argument("--per-shard", type=int, default=250, metavar="N", help="frames in a shard; default: 250")
    frames.add_argument("--backgrounds", type=Path, metavar="DIR", help="photographs to draw the horses before")
    frames.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw, and say what was written.

    Raises:
        InputError: a number is out of range, or the folder holds other frames.
        MissingDependencyError: the renderer is not installed.
        OutputError: a shard cannot be written.
    """
    for name in ("count", "per_shard"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name.replace('_', '-')}: expected 1 or more, got {getattr(args, name)}")
    from kinequimation.dataset.shards import write_shards
    from kinequimation.synth.mixture import Mixture
    from kinequimation.synth.pictures import photographs
    from kinequimation.synth.stream import frame_stream

    mixture = Mixture.training()
    if args.backgrounds is not None:
        mixture = mixture.with_photographs(photographs(args.backgrounds))
    source = {"seed": args.seed, "mixture": mixture.changes}
    with ProgressBar() as progress:
        paths = write_shards(
            args.out,
            lambda start, n: frame_stream(args.seed, start, n, args.workers, mixture, kind="training_frame"),
            args.count,
            args.per_shard,
            source,
            lambda done, total: progress("drawing", done, total),
        )
    print(f"{args.out}: {counted(args.count, 'frame')} in {counted(len(paths), 'shard')}")
    return 0
