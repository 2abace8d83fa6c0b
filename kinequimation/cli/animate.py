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
from kinequimation.io.formats import DEFAULT_FORMATS, FORMATS, RIGS
from kinequimation.motion.edit import Edits
from kinequimation.runtime import DEVICES
from kinequimation.text import counted, one_line

if TYPE_CHECKING:
    from kinequimation.pipeline import AnimateResult, SeenHorse

FILES = {
    "report.html": "the film beside the 3D horse, to be turned by hand: a page for any browser, without a network",
    "overlay.mp4": "the frames with the skeleton, beside the 3D horse from a second viewpoint",
    "overlay.png": "the image with the skeleton, beside the 3D horse from a second viewpoint",
    "horse.glb": "skinned mesh with materials and the motion, for engines, browsers and Blender",
    "horse.bvh": "the motion alone",
    "keypoints.json": "2D and 3D keypoints of each frame; correct it and start again with --keypoints",
    "keypoints.csv": "the keypoints as a flat table",
    "horse.fbx": "skeleton, mesh and motion, through Blender (--format fbx)",
    "horse.blend": "skeleton, mesh and motion for Blender; on controls to edit with --rig rigify (--format blend)",
    "motion.npz": "the motion, frame by frame as filmed, for Python and for kinequimation edit",
    "positions.csv": "where every joint and landmark is in each frame, metres, world axes",
    "angles.csv": "angles of the joints, trunk, neck and head in each frame, degrees",
    "gait.json": "gaits, strides, when hooves land and leave the ground, symmetry at trot; units in the names",
    "gait.png": "the gait on one page: footfalls, joint angles over the stride, rise and fall of the trunk",
    "run.json": "options, versions, weights, timings, warnings",
    "scene.glb": "with --all: all horses in the world that they share",
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
  kinequimation animate frames/ -o frames_out --image-fps 50
  kinequimation animate trot.mp4 -o engine --loop --in-place --fps 30 --format glb,fbx --rest-first
  kinequimation animate --keypoints trot/keypoints.json -o corrected
  kinequimation animate trot.mp4 --keypoints trotDLC_resnet50.csv -o from_deeplabcut

--keypoints also takes COCO keypoints (annotations or results) and the CSV tables of DeepLabCut and SLEAP, with any
subset of points. Names of horse68, of our landmarks, AP-10K, Horse-10, SuperAnimal-Quadruped and plain ones such as
left_front_fetlock are known; --map FILE tells others: {{"their name": "our name", "a name to leave out": null}}.

--smooth, --loop, --fps, --in-place and --rest-first are done in this order, to the animation (horse.glb, .bvh, .fbx,
.blend). What was measured (motion.npz, the tables, the overlay) stays as filmed, frame by frame; kinequimation edit
does the same to a motion.npz later.

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
    parser.add_argument("--lifter", type=Path, metavar="FILE", help="another lifter (.onnx), of 'train lift'")
    parser.add_argument(
        "--keypoints",
        type=Path,
        metavar="FILE",
        help="start from keypoints: a keypoints.json, COCO, DeepLabCut or SLEAP; INPUT is for the overlay",
    )
    parser.add_argument("--map", type=Path, metavar="FILE", help="JSON of names: theirs in --keypoints to ours")
    parser.add_argument(
        "--frame-size", metavar="WxH", help="of the frames, where --keypoints does not say and INPUT is not given"
    )
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="use the input from this second on")
    parser.add_argument("--end", type=float, metavar="S", help="use the input up to this second")
    parser.add_argument("--withers-height", type=float, metavar="M", help="metres; default: the breed's, or 1.60")
    parser.add_argument("--breed", choices=tuple(BREEDS), help="what the body is thought to look like")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, metavar="N", help="the video plays N times slower than life"
    )
    parser.add_argument(
        "--image-fps",
        type=float,
        metavar="F",
        help="frames per second of a folder of frames, or of keypoints without times; default: that of --fps, or 25",
    )
    add_edits(parser)
    add_formats(parser)
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: auto, CUDA where there is one")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and no progress")
    parser.set_defaults(run=run)


def add_edits(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a motion is edited."""
    group = parser.add_argument_group("editing the animation")
    group.add_argument(
        "--smooth",
        type=float,
        nargs="?",
        const=1.0,
        metavar="STRENGTH",
        help="smooth more, hooves held; half gain at 6 Hz over STRENGTH; default STRENGTH: 1",
    )
    group.add_argument(
        "--loop",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help="cut out N strides that begin as they end; default N: what closes best",
    )
    group.add_argument("--fps", type=float, metavar="F", help="frames per second of the animation; default: as filmed")
    group.add_argument(
        "--in-place", action="store_true", help="take out the way over the ground and the turns; the horse faces ahead"
    )
    group.add_argument("--rest-first", action="store_true", help="begin with one frame of the rest pose, to retarget")


def add_formats(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which files an animation is written to."""
    parser.add_argument(
        "--format",
        default=",".join(DEFAULT_FORMATS),
        metavar="LIST",
        help=f"files of the animation, of {','.join(FORMATS)}; default: {','.join(DEFAULT_FORMATS)}",
    )
    parser.add_argument(
        "--rig", choices=RIGS, default="deform", help="what a .blend holds: plain bones, as .fbx does, or Rigify's"
    )


def edits_of(args: argparse.Namespace) -> Edits:
    """Return the edits that the options of ``add_edits`` ask for.

    Raises:
        InputError: one is out of range.
    """
    if args.loop is not None and args.loop < 0:
        raise InputError(f"--loop: expected a number of strides from 1 up, got {args.loop}")
    try:
        return Edits(args.smooth, args.loop, args.fps, args.in_place, args.rest_first)
    except InputError as error:
        raise InputError(f"--{error}") from error


def formats_of(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the files that ``--format`` asks for."""
    return tuple(part.strip().lower().lstrip(".") for part in args.format.split(","))


def run(args: argparse.Namespace) -> int:
    """Animate, and list what was written; return the exit code.

    Raises:
        KinEquiMationError: the input, an option or the output folder is not right.
    """
    from kinequimation.cli.progress import ProgressBar
    from kinequimation.pipeline import AnimateOptions, animate, animate_all
    from kinequimation.runtime import no_progress
    from kinequimation.video import DEFAULT_IMAGE_FPS

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
        image_fps=_first(args.image_fps, args.fps, DEFAULT_IMAGE_FPS),
        device=args.device,
        horse=args.horse,
        weights=args.weights,
        lifter=args.lifter,
        detector=args.detector,
        boxes=args.boxes,
        keypoint_map=args.map,
        frame_size=None if args.frame_size is None else parse_size(args.frame_size),
        formats=formats_of(args),
        rig=args.rig,
        edits=edits_of(args),
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
        for name, what in FILES.items():
            if name in result.files:
                print(f"{result.files[name]!s:<{width}}  {what}")
        print(f"device: {result.device}, {result.timings_s['total']:.1f} s in all")
        for note in result.notes:
            print(note)
        print(("" if len(results) == 1 else f"horse {result.horse}: ") + result.judgement.line)
    return 0


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def parse_size(text: str) -> tuple[int, int]:
    """Return the width and height that ``1920x1080`` says.

    Raises:
        InputError: the text is not two whole numbers with an x between.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit() and len(text) < 16):
        raise InputError(f"--frame-size: expected WIDTHxHEIGHT in pixels, such as 1920x1080, got {text!r}")
    return int(width), int(height)


def _record(result: AnimateResult) -> dict[str, Any]:
    return {
        "files": {name: str(path) for name, path in result.files.items()},
        "judgement": asdict(result.judgement) | {"line": result.judgement.line},
        "device": result.device,
        "timings_s": result.timings_s,
        "warnings": result.warnings,
        "notes": result.notes,
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
