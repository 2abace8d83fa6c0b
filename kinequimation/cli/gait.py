"""``kinequimation gait``: which gait a horse goes at, its strides and hooves, and how even it moves."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinequimation.errors import InputError
from kinequimation.runtime import DEVICES
from kinequimation.text import one_line

if TYPE_CHECKING:
    from kinequimation.gait import GaitReading
    from kinequimation.motion import Motion

FILES = {
    "gait.json": "gaits, strides, hoof-on and hoof-off times, symmetry at trot; units in the names",
    "gait.png": "one page: footfalls, joint angles over the stride, how poll, withers and sacrum rise and fall",
}
"""What the command writes."""
_FILES_HELP = "\n".join(f"    {name:<10} {what}" for name, what in FILES.items())
_EPILOG = f"""INPUT is a motion.npz, a folder that 'animate' wrote, a video or images, or a keypoints.json.

files:
  DIR/
{_FILES_HELP}

examples:
  kinequimation gait trot.mp4 -o trot_gait
  kinequimation gait trot/ -o trot_gait          a folder that 'kinequimation animate' wrote
  kinequimation gait race.mp4 -o race --time-scale 4 --withers-height 1.65

Lengths and speeds go with the withers height, times with the time scale: one camera sees neither. What is said of
symmetry is a screening figure and no diagnosis.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "gait",
        help="read gait, strides and symmetry from a video or a motion",
        description="Read the gait of a horse from a video, its keypoints, or a motion.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="see below")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write to")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="use a video from this second on")
    parser.add_argument("--end", type=float, metavar="S", help="use a video up to this second")
    parser.add_argument("--withers-height", type=float, metavar="M", help="of a video's horse; default: 1.60 m")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, metavar="N", help="a video plays N times slower than life"
    )
    parser.add_argument("--horse", type=int, metavar="N", help="which of several horses of a video")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: auto, CUDA where there is one")
    parser.add_argument("--json", action="store_true", help="print what gait.json holds, and no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the gait, write it down, and return the exit code.

    Raises:
        KinEquiMationError: the input, an option or the output folder is not right.
    """
    from kinequimation.gait import gait_record, read_gait, write_gait_json
    from kinequimation.viz.gait_page import write_gait_page

    motion, warnings = _motion(args)
    if len(motion) < 2:
        raise InputError(f"{one_line(args.inputs[0])}: expected a film or a motion, got one frame, which shows no gait")
    reading = read_gait(motion, time_scale=args.time_scale)
    write_gait_json(args.output / "gait.json", reading)
    write_gait_page(args.output / "gait.png", reading, motion)
    if args.json:
        print(json.dumps(gait_record(reading), indent=1, allow_nan=False))
        return 0
    for warning in warnings:
        print(f"warning: {one_line(warning)}", file=sys.stderr)
    width = max(len(str(args.output / name)) for name in FILES)
    for name, what in FILES.items():
        print(f"{args.output / name!s:<{width}}  {what}")
    for line in summary_lines(reading):
        print(line)
    return 0


def summary_lines(reading: GaitReading) -> list[str]:
    """Return what a person wants to know of a reading first."""
    from kinequimation.gait.names import WORDS
    from kinequimation.gait.symmetry import SCREENING

    lines = [reading.line]
    for own in reading.summaries:
        lines.append(
            f"{WORDS[own.gait]}: {own.stride_rate_hz:.2f} strides/s, {own.length_m:.2f} m each,"
            f" {own.speed_mps:.1f} m/s at {reading.withers_height_m:.2f} m withers height;"
            f" no hoof down {100 * own.suspension:.0f} % of the time"
        )
    if reading.doubt:
        lines.append(reading.doubt)
    if (even := reading.symmetry) is not None:
        lines.append(
            f"symmetry over {even.n_strides} strides, mm:"
            + ",".join(f" {word} {d.mean_mm:+.0f} ± {d.sd_mm:.0f}" for word, d in even.named)
            + f"; {SCREENING}"
        )
    return lines


def _motion(args: argparse.Namespace) -> tuple[Motion, list[str]]:
    """Return the motion of the input, and what a user should know about it."""
    from kinequimation.motion import read_motion

    first = Path(args.inputs[0])
    if len(args.inputs) == 1 and first.is_dir() and (first / "motion.npz").is_file():
        first = first / "motion.npz"
    if first.suffix == ".npz":
        if len(args.inputs) > 1:
            raise InputError(f"{first}: expected one motion, got {len(args.inputs)} inputs")
        given = {
            "--start": args.start or None,
            "--end": args.end,
            "--horse": args.horse,
            "--withers-height": args.withers_height,
        }
        if unused := [name for name, value in given.items() if value is not None]:
            raise InputError(f"{unused[0]}: expected a video or keypoints with it, got a motion, {first}")
        return read_motion(first), []
    return _animated(args, first)


def _animated(args: argparse.Namespace, first: Path) -> tuple[Motion, list[str]]:
    from kinequimation.cli.progress import ProgressBar
    from kinequimation.pipeline import AnimateOptions
    from kinequimation.pipeline.animate import solve_motion
    from kinequimation.runtime import no_progress

    if first.suffix.lower() in (".csv", ".h5"):
        raise InputError(
            f"{first}: expected a keypoints.json; of tables, 'animate VIDEO --keypoints FILE' reads the gait"
        )
    is_keypoints = len(args.inputs) == 1 and first.suffix == ".json"
    options: dict[str, Any] = {
        "inputs": () if is_keypoints else tuple(args.inputs),
        "output": args.output,
        "keypoints": first if is_keypoints else None,
        "start_s": args.start,
        "end_s": args.end,
        "withers_height_m": args.withers_height,
        "time_scale": args.time_scale,
        "horse": args.horse,
        "device": args.device,
    }
    with contextlib.nullcontext(no_progress) if args.json else ProgressBar() as progress:
        return solve_motion(AnimateOptions(**options), progress)
