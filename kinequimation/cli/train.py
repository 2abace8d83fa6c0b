"""``kinequimation train``: train the networks on what this library renders."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kinequimation.errors import InputError

logger = logging.getLogger(__name__)

MODELS = ("pose2d", "detect", "lift")
_EPILOG = """files:
  RUN/checkpoint.pt   where training goes on from when the command is given again
  RUN/log.csv         losses, held-out score and speed at each checkpoint
  RUN/config.json     every option of the run
  OUT                 the network, for kinequimation animate and evaluate

Training can be stopped at any time (Ctrl-C); the same command continues it from its last checkpoint, at most three
minutes back. Weights that ship with the package are replaced only if OUT says so.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on rendered horses",
        description="Train a network on rendered horses. Needs the extra [train].",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", choices=MODELS, help="pose2d: 2D keypoints; detect: boxes of horses; lift: 2D keypoints to 3D"
    )
    parser.add_argument("--run", type=Path, metavar="DIR", dest="run_dir", help="default: outputs/train-MODEL")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: RUN/MODEL.onnx")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="time to train in all; what an interrupted run has trained counts"
    )
    parser.add_argument("--init", type=Path, metavar="FILE", help="start from this exported network (.onnx)")
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photographs to draw the horses before (pose2d, detect)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the rendered stream and the first weights")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any other field of the run's configuration"
    )
    parser.add_argument(
        "--export-only",
        action="store_true",
        help="write OUT from the last checkpoint, without training",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, export, and return the exit code.

    Raises:
        InputError: an option is not what the model's configuration expects.
        MissingDependencyError: a package that training needs is not installed.
    """
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        from kinequimation.errors import MissingDependencyError

        raise MissingDependencyError(f"training needs {error.name}: pip install 'kinequimation[train]'") from error
    logging.getLogger("kinequimation").setLevel(logging.INFO)  # the log is this command's output
    run_dir = args.run_dir or Path("outputs") / f"train-{args.model}"
    out = args.out or run_dir / f"{args.model}.onnx"
    options: dict[str, Any] = {
        k: v for k in ("minutes", "init", "backgrounds", "seed") if (v := getattr(args, k)) is not None
    }
    if args.model == "lift":
        from kinequimation.lift import train as lift

        if args.backgrounds is not None:
            raise InputError("--backgrounds: expected pose2d or detect; the lifter sees no pictures")
        if args.export_only:
            raise InputError("--export-only: expected pose2d or detect; the lifter writes its network as it trains")
        config = configure(lift.TrainConfig, {"out": run_dir, **options}, args.set)
        written = Path(lift.train(config, _Progress()))
        if args.out is not None and args.out != written:
            from kinequimation.io.atomic import replacing

            with replacing(args.out) as temporary:
                temporary.write_bytes(written.read_bytes())
        return 0
    if args.model == "pose2d":
        from kinequimation.pose2d import export, train
    else:
        from kinequimation.detect import export, train
    config = configure(train.TrainConfig, {"run_dir": run_dir, **options}, args.set)
    if not args.export_only:
        train.train(config, _Progress())
    metadata = export.export(config, out, progress=_Progress())
    logger.info("wrote %s: %s", out, metadata["synthetic"])
    return 0


def configure(kind: Any, options: dict[str, Any], assignments: Sequence[str]) -> Any:
    """Make a configuration from options and ``NAME=VALUE`` texts; a value takes the type of the field's default.

    Raises:
        InputError: a text has no ``=``, its name is no field, or its value does not read as the field's type.
    """
    known = {f.name: f.default for f in dataclasses.fields(kind)}
    values = dict(options)
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise InputError(f"--set {text}: expected NAME=VALUE with a name of {', '.join(known)}")
        like = known[name]
        numeric = int if like is None else type(like)
        if numeric not in (int, float, str):
            raise InputError(f"--set {text}: {name} cannot be given here; it has an option of its own")
        try:
            values[name] = numeric(value)
        except ValueError as error:
            raise InputError(f"--set {text}: expected a value like {like!r}, got {value!r}") from error
    return kind(**values)


class _Progress:
    """Writes a line with the time left to the terminal, at most once in ten seconds."""

    def __init__(self) -> None:
        self._started: dict[str, tuple[float, int]] = {}
        self._shown_s = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        start_s, start_done = self._started.setdefault(stage, (now, done))
        if now - self._shown_s < 10 or not total:
            return
        self._shown_s = now
        left = ""
        if done > start_done:
            left_s = (now - start_s) * (total - done) / (done - start_done)
            left = f", about {left_s / 60:.0f} min left"
        sys.stderr.write(f"{stage}: {done / total:.1%}{left}\n")
        sys.stderr.flush()
