"""``kinequimation animate``: a video or a photo of a horse in, a moving 3D horse out."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinequimation.body.shape import BREEDS
from kinequimation.errors import InputError
from kinequimation.runtime import DEVICES
from kinequimation.text import counted, one_line

if TYPE_CHECKING:
    from kinequimation.pipeline import AnimateResult, SeenHorse

FILES = {
    "overlay.mp4": "the frames with the skeleton, beside the 3D horse from a second viewpoint",
    "overlay.png": "the same, for one image",
    "horse.glb": "skinned mesh with materials and the motion, for engines, browsers and Blender",
    "horse.bvh": "the motion alone",
    "keypoints.json": "2D and 3D keypoints of each frame; correct it and start again with --keypoints",
    "keypoints.csv": "the same as a flat table",
    "motion.npz": "the motion, for Python (kinequimation.motion.read_motion)",
    "run.json": "options, versions, weights, timings, warnings",
}
"""Every file that a run may write, and what it is."""
_FILES_HELP = "\n".join(f"    {name:<15} {what}" for name, what in FILES.items())
_EPILOG = f"""files:
  DIR/
{_FILES_HELP}

  with --all the same in DIR/horse1, DIR/horse2, ...

examples:
  kinequimation animate trot.mp4 -o trot
  kinequimation animate trot.mp4 -o trot --start 2 --end 6 --breed arabian --withers-height 1.52
  kinequimation animate race.mp4 -o race --time-scale 4        filmed in fourfold slow motion
  kinequimation animate photo.jpg -o photo --bbox 120,80,640,480
  kinequimation animate two.mp4 -o grey --horse 2
  kinequimation animate two.mp4 -o both --all
  kinequimation animate frames/ -o frames_out --fps 50
  kinequimation animate --keypoints trot/keypoints.json -o corrected

Horses are numbered by how large, how clear and for how long they are seen; where there are several, a list tells which
is which. --detector takes a class with a method detect(image_rgb) that returns kinequimation.detect.Detection objects.

One camera cannot see a horse's size or how fast a film was played: give --withers-height and --time-scale
where they matter.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "animate",
        help="make an animated 3D horse from a video or photos",
        description="Make an animated 3D horse from a video, an image, or a folder of frames.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="a video, an image, images, or a folder of frames")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write to")
    parser.add_argument(
        "--bbox", metavar="X,Y,W,H", help="the horse's box in the first frame, in pixels: followed, not detected"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--horse", type=int, metavar="N", help="which of several horses; default: 1, the clearest")
    which.add_argument("--all", action="store_true", help="every horse, each in a folder of its own")
    parser.add_argument(
        "--boxes", type=Path, metavar="FILE", help="boxes found elsewhere: CSV with frame,x,y,w,h[,score], or JSON"
    )
    parser.add_argument("--detector", metavar="MODULE:CLASS", help="find the horses with a detector of your own")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another keypoint network (.onnx)")
    parser.add_argument(
        "--keypoints", type=Path, metavar="FILE", help="start from a corrected keypoints.json; INPUT is for the overlay"
    )
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="use the input from this second on")
    parser.add_argument("--end", type=float, metavar="S", help="use the input up to this second")
    parser.add_argument("--withers-height", type=float, metavar="M", help="metres; default: the breed's, or 1.60")
    parser.add_argument("--breed", choices=tuple(BREEDS), help="what the body is thought to look like")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, metavar="N", help="the video plays N times slower than life"
    )
    parser.add_argument("--fps", type=float, default=25.0, metavar="F", help="of a folder of frames; default: 25")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: auto, CUDA where there is one")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Animate, and list what was written; return the exit code.

    Raises:
        KinEquiMationError: the input, an option or the output folder is not right.
    """
    from kinequimation.cli.progress import ProgressBar
    from kinequimation.pipeline import AnimateOptions, animate, animate_all
    from kinequimation.runtime import no_progress

    options = AnimateOptions(
        inputs=tuple(args.inputs),
        output=args.output,
        bbox_xywh=None if args.bbox is None else parse_bbox(args.bbox),
        keypoints=args.keypoints,
        start_s=args.start,
        end_s=args.end,
        withers_height_m=args.withers_height,
        breed=args.breed,
        time_scale=args.time_scale,
        image_fps=args.fps,
        device=args.device,
        horse=args.horse,
        weights=args.weights,
        detector=args.detector,
        boxes=args.boxes,
    )
    with contextlib.nullcontext(no_progress) if args.json else ProgressBar() as progress:
        results = animate_all(options, progress) if args.all else [animate(options, progress)]
    if args.json:
        records = [_record(result) for result in results]
        print(json.dumps(records if args.all else records[0], indent=1))
        return 0
    if len(results[0].horses) > 1:
        print(overview(results[0].horses, None if args.all else results[0].horse))
    for warning in dict.fromkeys(warning for result in results for warning in result.warnings):
        print(f"warning: {one_line(warning)}", file=sys.stderr)
    width = max(len(str(path)) for result in results for path in result.files.values())
    for result in results:
        for name, path in result.files.items():
            print(f"{path!s:<{width}}  {FILES[name]}")
        print(f"device: {result.device}, {result.timings_s['total']:.1f} s in all")
        print(("" if len(results) == 1 else f"horse {result.horse}: ") + result.judgement.line)
    return 0


def _record(result: AnimateResult) -> dict[str, Any]:
    return {
        "files": {name: str(path) for name, path in result.files.items()},
        "judgement": asdict(result.judgement) | {"line": result.judgement.line},
        "device": result.device,
        "timings_s": result.timings_s,
        "warnings": result.warnings,
        "horse": result.horse,
        "horses": [asdict(horse) for horse in result.horses],
    }


def overview(horses: Sequence[SeenHorse], animated: int | None) -> str:
    """Return a list that tells several horses apart.

    Args:
        horses: what was seen.
        animated: the one that was chosen; None for all.
    """
    lines = [f"{len(horses)} horses were seen:"]
    for horse in horses:
        x, y, w, h = horse.bbox_xywh
        lines.append(
            f"  {horse.number}  {counted(horse.n_frames, 'frame'):>11}, {horse.first_t_s:.2f}-{horse.last_t_s:.2f} s;"
            f" at {horse.bbox_t_s:.2f} s in {x:g},{y:g},{w:g},{h:g}; confidence {horse.sureness:.2f}"
            + ("  <- animated" if horse.number == animated else "")
        )
    if animated is not None:
        lines.append("choose another with --horse N, or --all")
    return "\n".join(lines)


def parse_bbox(text: str) -> tuple[float, float, float, float]:
    """Return the box that ``x,y,w,h`` says.

    Raises:
        InputError: the text is not four numbers.
    """
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--bbox: expected four numbers x,y,w,h, got {text!r}") from error
    return x, y, w, h
