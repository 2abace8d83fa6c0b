"""The program ``kinequimation`` (or ``kem``): reads the command line and calls a command."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from kinequimation import __version__
from kinequimation.cli import animate, dataset, doctor, edit, evaluate, gait, horse, overlay, predict, train, weights
from kinequimation.errors import InputError, KinEquiMationError
from kinequimation.text import one_line

COMMANDS = (animate, predict, edit, gait, horse, dataset, train, evaluate, overlay, weights, doctor)
EXIT_NO_READER, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130
_EPILOG = """examples:
  kinequimation animate trot.mp4 -o trot      video to horse.glb, horse.bvh, overlay.mp4, keypoints.json
  kinequimation horse --gait trot --breed arabian --seconds 4 -o horse.glb
  kinequimation doctor                        what is installed, and what is missing

Each command tells its options and the files it writes: kinequimation animate --help
"""


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, like every other error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register("type", float, _number)
        self.register("type", int, _whole_number)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from error


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from error


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    called = Path(sys.argv[0]).stem
    parser = _Parser(
        prog="kem" if called == "kem" else "kinequimation",
        description="A video of a horse in, an animated, rigged 3D horse out. Offline, on a CPU.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kinequimation {__version__}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more on standard error; -vv for all")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        0, or 2 after one line on standard error that says what is wrong with the input, or 130 after Ctrl-C, or 1
        where whoever read our output went away.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that cannot show a letter must not end the run
    try:
        args = build_parser().parse_args(argv)
        level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(args.verbose, 2)]
        logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
        code = args.run(args)
        sys.stdout.flush()
        return code
    except KinEquiMationError as error:
        print(f"kinequimation: {one_line(str(error))}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("kinequimation: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # such as ``| head``: its end is no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        return EXIT_NO_READER
    except OSError as error:  # such as a disk that is full
        logging.getLogger(__name__).debug("", exc_info=True)
        print(f"kinequimation: {one_line(str(error))}", file=sys.stderr)
        return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
