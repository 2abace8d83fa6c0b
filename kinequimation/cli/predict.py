"""``kinequimation predict``: 2D keypoints of the horses in images or a video, as files and as pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kinequimation.errors import InputError
from kinequimation.runtime import DEVICES
from kinequimation.text import counted, one_line

_EPILOG = """files:
  DIR/
    NAME_keypoints.json   103 keypoints of each horse in pixels, with confidences
    NAME_overlay.png      the image with the skeleton: left legs warm, right legs cool, doubtful points hollow
    NAME_overlay.mp4      the same, of a video
    NAME_keypoints.csv    of a video, as a flat table
    coco_results.json     with --coco: what pycocotools and MMPose read

examples:
  kinequimation predict photo.jpg -o predictions
  kinequimation predict photos/ -o predictions
  kinequimation predict trot.mp4 -o predictions
  kinequimation predict photo.jpg -o predictions --checkpoint outputs/checkpoints/hrnet_w32_horse68_best.pth \\
      --config model_pipeline/configs/hrnet_w32_horse68_256x256.py

Without --checkpoint the weights that ship are used. In a video, legs that change sides, outliers and jitter are put
right over time; the files keep what the network said as raw_uv_px and raw_confidence.
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
    parser.add_argument("--bbox", metavar="X,Y,W,H", help="the horse's box in pixels, instead of finding it")
    parser.add_argument(
        "--horse", type=int, metavar="N", help="only this one of several; 1 is the clearest and largest"
    )
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
    from kinequimation.cli.evaluate_source import load_estimator
    from kinequimation.cli.progress import ProgressBar
    from kinequimation.dataset.coco import read_coco_set
    from kinequimation.detect import HorseFinder
    from kinequimation.pipeline.predict import images_of, predict_images, predict_video

    images, video = _inputs(args)
    _check(args, video)
    bbox = None if args.bbox is None else parse_bbox(args.bbox)
    files = images_of(images)
    labelled = None if args.coco is None else read_coco_set(args.coco)
    network = load_estimator(args.checkpoint, args.config, args.device, args.flip_test)
    # boxes come from the networks that ship: one that is half trained would lose the horse
    finder = HorseFinder(estimator=network if args.checkpoint is None else None, device=args.device)
    with ProgressBar() as progress:
        if video is not None:
            result = predict_video(video, args.output, network, finder, bbox, args.horse, not args.raw, progress)
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
    if video is None and result.n_with_horse < result.n_frames:
        print("where no horse was found and there is one, show it with --bbox x,y,w,h")
    return 0


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
    if args.horse is not None and (args.horse < 1 or args.bbox is not None):
        raise InputError("--horse: expected a number from 1 up, and no --bbox beside it")
