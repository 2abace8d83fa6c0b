"""``kinequimation dataset build``, ``lifter`` and ``metainfo``: what training reads, made of rendered frames."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kinequimation.cli.progress import ProgressBar
from kinequimation.text import counted, one_line

if TYPE_CHECKING:
    from kinequimation.dataset.splits import Split

_BUILD_EPILOG = """files, names in them relative to the folder of the renders (MMPose's data_root):
  coco_synth_68.json                 COCO keypoints of every image; _train, _val and _test beside it share no clip
  coco_synth_landmarks.json, ...     --with-landmarks: the same images with the points on the skin
  dataset.csv                        one row a bone and image, the columns of the label
  shards/train/shard-000000.tar      --shards N: WebDataset tars to train from in a stream; val and test beside it

A clip is one movement, and goes into one part as a whole; its part depends on its name alone, so the same action in
several folders (--root A --root B) is one. With few clips a part holds one action only: render more of them.
"""
_LIFTER_EPILOG = """arrays in the file: uv_px, visibility, xyz_world, xyz_cam, K, T_cam_world, ... of all frames, and
offsets, clip, action, part, camera and fps of the sequences. SequenceFile of kinequimation.dataset.lifter_sequences
reads it, and says there what each is.
"""


def add_steps(steps: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the steps to those of ``kinequimation dataset``."""
    build = steps.add_parser(
        "build",
        help="make COCO files, a table and shards of renders",
        description="Make COCO keypoint files, a table and shards of what 'dataset render' made.",
        epilog=_BUILD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_source(build)
    build.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the files go")
    build.add_argument(
        "--variant",
        choices=("flat", "materials", "both"),
        help="which images; default: materials where there is such an image, else flat",
    )
    build.add_argument("--with-landmarks", action="store_true", help="also the points on the skin, as a second file")
    build.add_argument("--no-table", action="store_true", help="no dataset.csv, which takes 70 kB an image")
    build.add_argument("--shards", type=int, default=0, metavar="N", help="also shards of N frames each")
    build.add_argument("--shard-images", choices=("jpg", "png"), default="jpg", help="in the shards; default: jpg")
    build.set_defaults(run=run_build)

    lifter = steps.add_parser(
        "lifter",
        help="make sequences for training a lifter",
        description="Make sequences for training a lifter of what 'dataset render' made: 2D, 3D, camera, action, fps.",
        epilog=_LIFTER_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_source(lifter)
    lifter.add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="the .npz, or a folder for lifter_sequences.npz"
    )
    lifter.set_defaults(run=run_lifter)

    metainfo = steps.add_parser(
        "metainfo",
        help="write MMPose's dataset file",
        description="Write MMPose's dataset file of horse68 from the skeleton.",
    )
    metainfo.add_argument(
        "--out", type=Path, metavar="FILE", help="default: model_pipeline/configs/_base_/horse68.py of the repository"
    )
    metainfo.set_defaults(run=run_metainfo)


def add_roots(parser: argparse.ArgumentParser) -> None:
    """Add ``--root``: the folders of renders."""
    parser.add_argument(
        "--root",
        required=True,
        action="append",
        type=Path,
        metavar="DIR",
        help="a folder that 'dataset render' made; may be given more than once",
    )


def _add_source(parser: argparse.ArgumentParser) -> None:
    add_roots(parser)
    parser.add_argument(
        "--split", default="80,10,10", metavar="A,B,C", help="shares of train, val and test; default: 80,10,10"
    )
    parser.add_argument(
        "--split-by",
        choices=("clip", "action"),
        default="clip",
        help="what is kept together: a clip, or all clips of an action; default: clip",
    )


def _split(args: argparse.Namespace) -> Split:
    from kinequimation.dataset.splits import Split

    return Split.from_text(args.split, args.split_by)


def run_build(args: argparse.Namespace) -> int:
    """Build, and say what is in each part."""
    from kinequimation.dataset.build import BuildOptions, build

    options = BuildOptions(
        variant=args.variant,
        with_landmarks=args.with_landmarks,
        with_table=not args.no_table,
        split=_split(args),
        per_shard=args.shards,
        shard_images=args.shard_images,
    )
    with ProgressBar() as progress:
        report = build(args.root, args.out, options, progress)
    for part, counts in report.parts.items():
        without = counts.images - counts.horses
        rest = f", {without} without a horse in the frame" if without else ""
        actions = ", ".join(counts.actions[:3]) + (", ..." if len(counts.actions) > 3 else "")
        print(f"{part:<6} {counted(counts.images, 'image')} of {counted(counts.clips, 'clip')} ({actions}){rest}")
    print(f"names of files are relative to {report.image_root}")
    tars = [f for f in report.files if f.suffix == ".tar"]
    for path in report.files:
        if path.suffix != ".tar":
            print(path)
    if tars:
        print(f"{tars[0].parent.parent} ({counted(len(tars), 'shard')})")
    for note in report.notes:
        print(f"note: {one_line(note)}", file=sys.stderr)
    return 0


def run_lifter(args: argparse.Namespace) -> int:
    """Write the sequences, and say how many."""
    from kinequimation.dataset.lifter_sequences import write_sequences
    from kinequimation.dataset.rendered_frames import find_frames

    path = args.out if args.out.suffix == ".npz" else args.out / "lifter_sequences.npz"
    with ProgressBar() as progress:
        counts = write_sequences(
            path, find_frames(args.root, _split(args)), lambda done, total: progress("sequences", done, total)
        )
    for part, n in counts.sequences.items():
        print(f"{part:<6} {counted(n, 'sequence')}, {counted(counts.frames[part], 'frame')}")
    print(path)
    return 0


def run_metainfo(args: argparse.Namespace) -> int:
    """Write MMPose's dataset file."""
    from kinequimation.dataset.mmpose_metainfo import METAINFO_PATH, write_metainfo

    path = args.out or Path(__file__).resolve().parents[2] / METAINFO_PATH
    write_metainfo(path)
    print(path)
    return 0
