"""``kinequimation train``: train the networks on what this library renders, and on frames of one's own."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kinequimation.errors import InputError
from kinequimation.runtime import DEVICES, no_progress, weights_path

logger = logging.getLogger(__name__)

MODELS = ("pose2d", "detect", "lift", "gait")
NETWORKS = ("lite0", "hrnet_w32")
_ONLY = {"network": ("pose2d",), "data": ("pose2d", "lift"), "images": ("pose2d",)}
_ONLY |= {"recordings": ("lift", "gait")}
_ONLY |= dict.fromkeys(("device", "backgrounds", "max_steps"), ("pose2d", "detect"))
_ONLY |= {"minutes": ("pose2d", "detect", "lift")}
"""Options that not every model has."""
_EPILOG = """pose2d, from a rendered stream without an end, for an hour and a half:
  kinequimation train pose2d
fine-tuned on your own annotated frames, the stream beside them so that nothing is forgotten:
  kinequimation train pose2d --init shipped --data mine.json
on frames drawn once, which makes every pass cheap, three parts of them to one of AP-10K's horses:
  kinequimation dataset frames --count 20000 --out frames
  kinequimation train pose2d --data frames=3 --data ap10k-train.json --images ap10k/data
on all the graphics cards of a machine (--run is --run-dir under torchrun, which has a --run of its own):
  torchrun --nproc-per-node 4 -m kinequimation train pose2d --network hrnet_w32

--data takes a folder of 'dataset frames', a folder of shards of 'dataset build', a COCO keypoint file (points named as
in horse68, the landmarks, AP-10K or Horse-10, any subset of them), a folder with annotations.json, or the word stream;
=WEIGHT after it says how often it is drawn from. Sets weigh alike by default. Beside COCO files alone the rendered
stream joins, as heavy as all of them together; stream=0 keeps it out. A tenth of each set (at most 200 frames, its
last) is not trained on, but validates. COCO coordinates mean the pixels as they lie in the file, without EXIF turns.

files:
  RUN/checkpoint.pt     where training goes on from when the command is given again (not gait)
  RUN/log.csv           losses and the held-out score: pose2d, detect every 20 steps, lift at each checkpoint
  RUN/curves.png        pose2d, detect: the same as a picture
  RUN/tensorboard/      pose2d, detect: the same for TensorBoard, if it is installed
  RUN/reliability.png   pose2d: how far its confidence can be trusted
  RUN/config.json       every option of the run (not gait)
  OUT                   the network

A keypoint network is given to predict and evaluate as it is, to animate where it is an .onnx (--weights), a lifter to
animate (--lifter). Another detect or gait is used only in place of the one that ships: OUT is then MODEL.onnx in
kinequimation/weights. Weights that ship with the package are replaced only if OUT says so.

Training can be stopped at any time: Ctrl-C saves at once, and a crash loses at most three minutes; OUT is written when
a run is done. The same command goes on from there; gait takes minutes and begins anew. With --minutes the learning rate
follows the clock; with --max-steps a run is reproducible: stopped and continued it takes the same steps as without the
stop.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on rendered horses, or fine-tune it on yours",
        description="Train a network on rendered horses, or fine-tune it on yours. Needs the extra [train].",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        choices=MODELS,
        help="pose2d: 2D keypoints; detect: boxes of horses; lift: 2D keypoints to 3D; gait: tells gaits apart",
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser that knows ``model``."""
    # torchrun takes a --run among our arguments for a short form of its own --run-path: hence the second name
    parser.add_argument(
        "--run", "--run-dir", type=Path, metavar="DIR", dest="run_dir", help="default: outputs/train-MODEL"
    )
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="default: RUN/MODEL.onnx; of HRNet RUN/*.pth")
    parser.add_argument(
        "--network", choices=NETWORKS, help="pose2d: lite0 (default; for CPUs) or hrnet_w32 (MMPose's, 68 joints)"
    )
    parser.add_argument(
        "--init",
        metavar="FILE",
        help="pose2d: start from this network instead of ImageNet weights: an exported file, a RUN/checkpoint.pt, "
        "MMPose's .pth for hrnet_w32; or imagenet, shipped, scratch. From a trained one, rates and time are smaller. "
        "The others: an exported .onnx, or shipped",
    )
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="PATH[=WEIGHT]",
        help="pose2d: what to learn from; see below. lift: a file of 'dataset lifter', learned beside the made clips",
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="where images of COCO files are; default: beside the file"
    )
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photographs to draw the horses before (pose2d, detect)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="time to train in all; what an interrupted run has trained counts; default: pose2d 85, from a trained "
        "network 10, detect 15, lift 40",
    )
    parser.add_argument(
        "--max-steps", type=int, metavar="N", help="stop after N batches instead: reproducible (pose2d, detect)"
    )
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="FILE",
        help="lift, gait: clips with the 2D network's own errors, of 'dataset recordings'",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the drawn or made clips and the first weights")
    parser.add_argument("--device", choices=DEVICES, help="where to train; default: auto (pose2d, detect)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other field of the run's configuration; a wrong name lists them",
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
    is_first = int(os.environ.get("RANK", "0")) == 0  # torchrun says which of its processes this is
    logging.getLogger("kinequimation").setLevel(logging.INFO if is_first else logging.WARNING)  # the command's output
    for name, models in _ONLY.items():
        if getattr(args, name) not in (None, []) and args.model not in models:
            raise InputError(f"--{name.replace('_', '-')}: expected {' or '.join(models)}, got {args.model}")
    names = ("minutes", "init", "backgrounds", "seed", "max_steps", "network", "images", "device")
    options: dict[str, Any] = {k: v for k in names if (v := getattr(args, k)) is not None}
    if args.model == "lift":
        return _train_lift(args, options)
    if args.model == "gait":
        return _train_gait(args, options)
    if args.model == "pose2d":
        from kinequimation.pose2d import export, train

        network = args.network or NETWORKS[0]
        options = {**train.defaults_of(network, args.init), **options, "data": tuple(args.data)}
        name = "hrnet_w32" if network == "hrnet_w32" else args.model
        file_name = "hrnet_w32_horse68.pth" if network == "hrnet_w32" else "pose2d.onnx"
    else:
        from kinequimation.detect import export, train

        name, file_name = args.model, f"{args.model}.onnx"
    run_dir = args.run_dir or Path("outputs") / f"train-{name}"
    out = args.out or run_dir / file_name
    config = configure(train.TrainConfig, {"run_dir": run_dir, **options}, args.set)
    progress = _Progress() if is_first else no_progress
    if not args.export_only:
        train.train(config, progress)
    if is_first:
        metadata = export.export(config, out, progress=progress)
        logger.info("wrote %s: %s", out, metadata["synthetic"])
    return 0


def _train_lift(args: argparse.Namespace, options: dict[str, Any]) -> int:
    from kinequimation.lift import train as lift

    if args.export_only:
        raise InputError("--export-only: expected pose2d or detect; the lifter writes its network as it trains")
    run_dir = args.run_dir or Path("outputs/train-lift")
    if args.init:
        options["init"] = weights_path("lift") if args.init == "shipped" else Path(args.init)
    if args.recordings is not None:
        options["recordings"] = args.recordings
    if len(args.data) > 1:
        raise InputError(f"--data: expected one file of 'dataset lifter', got {len(args.data)}; its --root may be many")
    options |= {"sequences": Path(args.data[0])} if args.data else {}
    config = configure(lift.TrainConfig, {"out": run_dir, **options}, args.set)
    return _put(Path(lift.train(config, _Progress())), args.out)


def _train_gait(args: argparse.Namespace, options: dict[str, Any]) -> int:
    from kinequimation.gait import train as gait

    if args.export_only:
        raise InputError("--export-only: expected pose2d or detect; training gait takes minutes and begins anew")
    if args.init:
        options["init"] = weights_path("gait") if args.init == "shipped" else Path(args.init)
    config = configure(gait.TrainConfig, {"out": args.run_dir or Path("outputs/train-gait"), **options}, args.set)
    path_clips = None
    if args.recordings is not None:
        from kinequimation.lift import Lifter
        from kinequimation.lift.recordings import read_recordings
        from kinequimation.pipeline.gait_recordings import path_clips_of

        path_clips = path_clips_of(read_recordings(args.recordings), Lifter(), _Progress())
    return _put(gait.train(config, path_clips, _Progress()), args.out)


def _put(written: Path, out: Path | None) -> int:
    """Copy a network to where it was asked for, and return the exit code."""
    if out is not None and out != written:
        from kinequimation.io.atomic import replacing

        with replacing(out) as temporary:
            temporary.write_bytes(written.read_bytes())
    return 0


def _is_yes(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_READERS = {"int": int, "int | None": int, "float": float, "str": str, "bool": _is_yes}


def configure(kind: Any, options: dict[str, Any], assignments: Sequence[str]) -> Any:
    """Make a configuration from options and ``NAME=VALUE`` texts; a value is read as the field's type.

    Raises:
        InputError: a text has no ``=``, its name is no field, or its value does not read as the field's type.
    """
    kinds = {f.name: str(f.type) for f in dataclasses.fields(kind)}
    known = {name: _READERS.get(text) for name, text in kinds.items()}
    values = dict(options)
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            free = ", ".join(n for n, reader in known.items() if reader)
            raise InputError(f"--set {text}: expected NAME=VALUE with a name of {free}")
        reader = known[name]
        if reader is None:
            raise InputError(f"--set {text}: {name} cannot be given here; it has an option of its own")
        try:
            values[name] = reader(value)
        except ValueError as error:
            raise InputError(f"--set {text}: expected {kinds[name].split()[0]}, got {value!r}") from error
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
