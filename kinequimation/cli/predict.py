"""``kinequimation predict``: 2D keypoints of the horses in images or a video, as files and as pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kinequimation.errors import InputError
from kinequimation.runtime import DEVICES
from kinequimation.text import counted, one_line

if TYPE_CHECKING:
    from kinequimation.detect import Detector

_EPILOG = """files:
  DIR/
    NAME_keypoints.json   103 keypoints of each horse in pixels, with confidences (of HRNet the 68 joints alone)
    NAME_overlay.png      the image with the skeleton: left legs warm, right legs cool, doubtful points hollow
    NAME_overlay.mp4      the same, of a video
    NAME_keypoints.csv    of a video, as a flat table
    coco_results.json     with --coco: what pycocotools and MMPose read

examples:
  kinequimation predict photo.jpg -o predictions
  kinequimation predict photos/ -o predictions
  kinequimation predict trot.mp4 -o predictions --start 2 --end 6
  kinequimation predict photo.jpg -o predictions --checkpoint outputs/checkpoints/hrnet_w32_horse68_best.pth \\
      --config model_pipeline/configs/hrnet_w32_horse68_256x256.py

Without --checkpoint the weights that ship are used. In a video, legs that change sides, outliers and jitter are put
right over time; the files keep what the network said as raw_uv_px and raw_confidence. Horses are numbered, and
--boxes and --detector mean, what they do in animate.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "predict",
        help="find 2D keypoints in images or a video",
        description="Find the 2D keypoints of the horses in images, each for itself, or in a video.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="images, folders of images, or a video")
    parser.add_argument("--image", nargs="+", default=[], metavar="FILE", help="the same: images or folders of them")
    parser.add_argument("--video", metavar="FILE", help="the same: a video")
    parser.add_argument(
        "-o", "--out", "--output", type=Path, required=True, metavar="DIR", help="the folder to write to", dest="output"
    )
    parser.add_argument(
        "--checkpoint",
        "--weights",
        type=Path,
        metavar="FILE",
        help="network: .pth from MMPose or from here, or .onnx; default: the one that ships",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="MMPose's config of a .pth; read as data, not run")
    parser.add_argument("--flip-test", action="store_true", help="also look at the mirrored image; half as fast")
    parser.add_argument(
        "--bbox",
        metavar="X,Y,W,H",
        help="the horse's box in pixels, instead of finding it; in a video that of the first frame, then followed",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--horse", type=int, metavar="N", help="only this one of several; 1 is the clearest and largest")
    which.add_argument("--all", action="store_true", help="every horse; so it is without --horse")
    parser.add_argument(
        "--boxes", type=Path, metavar="FILE", help="of a video: boxes found elsewhere, frame,x,y,w,h[,score] or JSON"
    )
    parser.add_argument("--detector", metavar="MODULE:CLASS", help="find the horses with a detector of your own")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="use a video from this second on")
    parser.add_argument("--end", type=float, metavar="S", help="use a video up to this second")
    parser.add_argument("--raw", action="store_true", help="leave a video's keypoints as the network says")
    parser.add_argument(
        "--coco", type=Path, metavar="LABELS", help="also write COCO results of images, by the ids of this COCO file"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: auto, CUDA where there is one")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict, and list what was written; return the exit code.

    Raises:
        KinEquiMationError: the input, an option or the output folder is not right.
    """
    from kinequimation.cli.animate import parse_bbox
    from kinequimation.cli.progress import ProgressBar
    from kinequimation.dataset.coco import read_coco_set
    from kinequimation.detect import HorseFinder
    from kinequimation.pipeline.options import check_bbox
    from kinequimation.pipeline.predict import images_of, predict_images, predict_video
    from kinequimation.pose2d.estimator import load_estimator
    from kinequimation.viz.skeleton2d import DROPPED_BELOW

    images, video = _inputs(args)
    _check(args, video)
    bbox = None if args.bbox is None else parse_bbox(args.bbox)
    if bbox is not None:
        check_bbox(bbox)
    files = images_of(images)
    labelled = None if args.coco is None else read_coco_set(args.coco)
    network = load_estimator(args.checkpoint, args.config, args.device, args.flip_test)
    # boxes come from the networks that ship: one that is half trained would lose the horse
    finder = HorseFinder(
        _detector(args, video), estimator=network if args.checkpoint is None else None, device=args.device
    )
    with ProgressBar() as progress:
        if video is not None:
            result = predict_video(
                video, args.output, network, finder, bbox, args.horse, not args.raw, progress, args.start, args.end
            )
        else:
            result = predict_images(files, args.output, network, finder, bbox, args.horse, labelled, progress)
    for warning in result.warnings:
        print(f"warning: {one_line(warning)}", file=sys.stderr)
    for path in result.files.values():
        print(path)
    what = "frame" if video is not None else "image"
    print(
        f"network {network.weights_sha256[:12]} on {network.device}; {counted(result.n_frames, what)}, "
        f"{result.n_with_horse} with a horse, {counted(result.n_horses, 'horse')}"
    )
    if video is not None and not args.raw:
        print(
            f"put right over time: {counted(result.n_exchanged, 'point')} on the wrong leg, "
            f"{counted(result.n_outliers, 'outlier')}, {counted(result.n_filled, 'gap')} filled"
        )
    if result.n_horses and not result.n_drawn:
        print(
            f"no point is drawn: all confidences are below {DROPPED_BELOW:g}, as of a network that has learned little"
        )
    if video is None and result.n_with_horse < result.n_frames:
        missing = "no horse was found" if args.horse is None else f"no horse {args.horse} was found"
        print(f"where {missing} and there is one, show it with --bbox x,y,w,h")
    return 0


def _detector(args: argparse.Namespace, video: str | None) -> Detector | None:
    """Return what finds the horses instead of what ships; None without a wish."""
    from kinequimation.detect.given import GivenBoxes, load_detector
    from kinequimation.video import open_source

    if args.boxes is not None and video is not None:
        source = open_source([video], args.start, args.end)
        return GivenBoxes.read(args.boxes, (source.work_width / source.width, source.work_height / source.height))
    return None if args.detector is None else load_detector(args.detector)


def _inputs(args: argparse.Namespace) -> tuple[list[str], str | None]:
    """Return the images or the video that is meant."""
    from kinequimation.video import IMAGE_SUFFIXES

    images, videos = list(args.image), [] if args.video is None else [args.video]
    for text in args.inputs:
        is_image = Path(text).is_dir() or Path(text).suffix.lower() in IMAGE_SUFFIXES
        (images if is_image else videos).append(text)
    if not images and not videos:
        raise InputError("no input: give images, a folder of images, or a video")
    if len(videos) > 1 or (videos and images):
        raise InputError(
            f"expected images or one video, got {counted(len(images), 'image')} and {counted(len(videos), 'video')};"
            " one video at a time"
        )
    return images, videos[0] if videos else None


def _check(args: argparse.Namespace, video: str | None) -> None:
    from kinequimation.pipeline.options import check_times

    if args.checkpoint is not None and not args.checkpoint.is_file():
        raise InputError(
            f"{args.checkpoint}: no such checkpoint; train it (mim train mmpose CONFIG, or kinequimation train pose2d),"
            " or leave out --checkpoint and --config for the weights that ship"
        )
    if args.config is not None and args.checkpoint is None:
        raise InputError(f"--config {args.config}: expected together with --checkpoint; leave it out for our weights")
    if args.config is not None and not args.config.is_file():
        raise InputError(f"{args.config}: no such config; leave out --config where the checkpoint brings its own")
    if video is not None and args.coco is not None:
        raise InputError("--coco: expected with images, got it with a video")
    if video is None and (args.boxes is not None or args.start or args.end is not None):
        raise InputError("--boxes, --start and --end: expected with a video, got images")
    check_times(args.start, args.end)
    given = [f"--{name}" for name in ("bbox", "boxes", "detector") if getattr(args, name) is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)}: expected one of them, each says in its way where the horse is")
    if args.horse is not None and args.horse < 1:
        raise InputError(f"--horse: expected a number from 1 up, got {args.horse}")
    if args.horse is not None and args.bbox is not None:
        raise InputError("--horse: expected without --bbox, which shows one horse")
