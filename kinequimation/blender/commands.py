"""The commands that run inside Blender, and how a script or a process runs one."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from kinequimation.dataset.blender_process import arguments_of_script
from kinequimation.errors import InputError, KinEquiMationError

COMMANDS = {
    "assets": "kinequimation.blender.assets",
    "render": "kinequimation.blender.render",
    "fbx": "kinequimation.blender.fbx",
    "motion": "kinequimation.blender.motion_files",
    "skeleton-meta": "kinequimation.blender.skeleton_meta",
}
EXIT_BAD_INPUT, EXIT_INTERRUPTED = 2, 130
_GOES_ON = "; the same command goes on from here"
OLDEST_BLENDER = (4, 2, 0)


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, like every other error."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(f"{message} (see {self.prog} --help)")


def name_of_script(argv: Sequence[str]) -> str:
    """Return the file name of the script that a process was started with, Blender's or Python's."""
    argv = list(argv)
    path = argv[argv.index("--python") + 1] if "--python" in argv[:-1] else argv[0]
    return Path(path).name


def _check_version() -> None:
    """Refuse a Blender that is too old; where ``bpy`` is a module that nobody has loaded yet, pip has seen to that.

    Raises:
        InputError: it is.
    """
    blender = sys.modules.get("bpy")
    if blender is not None and blender.app.version < OLDEST_BLENDER:
        oldest = ".".join(str(v) for v in OLDEST_BLENDER[:2])
        raise InputError(f"expected Blender {oldest} or newer, got {blender.app.version_string}")


def run_command(argv: Sequence[str], called: str = "") -> int:
    """Run a command.

    Args:
        argv: the command's name, then its arguments.
        called: what its help calls it; by default as this module is called.

    Returns:
        the exit code: 0, 1 where the command says so, 2 after one line on standard error about the input.
    """
    try:
        _check_version()
        parser = _Parser(
            prog="python -m kinequimation.blender",
            description="What runs inside Blender: the horse as an asset, and renders with labels.",
        )
        subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
        wanted = [name for name in COMMANDS if name in argv[:1]] or list(COMMANDS)
        for name in wanted:
            import_module(COMMANDS[name]).add_parser(subparsers)
        if called and len(wanted) == 1:
            parser.prog = subparsers.choices[wanted[0]].prog = called
        args = parser.parse_args(argv)
        return args.run(args)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module in ("", "kinequimation"):
            raise
        # a Blender of one's own has bpy, but not what paints coats and sampled scenes
        what, other = (
            ("Blender's Python module", " or Blender itself") if module == "bpy" else (f"Python's {module}", "")
        )
        where = f"run 'python3 run.py blender', and use .venv-blender's Python{other}"
        print(f"kinequimation: this needs {what}: {where}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KinEquiMationError as error:
        print(f"kinequimation: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print(f"kinequimation: interrupted{_GOES_ON if 'render' in argv[:1] else ''}", file=sys.stderr)
        return EXIT_INTERRUPTED


def run_script(command: str) -> NoReturn:
    """Run a command with the arguments that the script was given, and end the process.

    Blender's module may crash while the interpreter takes it down, so the process ends at once.
    """
    run_and_exit([command, *arguments_of_script(sys.argv)], name_of_script(sys.argv))


def run_and_exit(argv: Sequence[str], called: str = "") -> NoReturn:
    """Run a command, see ``run_command``, and end the process with its exit code."""
    try:
        code = run_command(argv, called)
    except SystemExit as error:  # argparse's, after --help
        code = error.code if isinstance(error.code, int) else 0
    except Exception:
        traceback.print_exc()
        code = 1
    _remove_session_folder()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _remove_session_folder() -> None:
    """Remove the folder that Blender made for temporary files, which it does at an ordinary end only."""
    blender = sys.modules.get("bpy")
    folder = Path(blender.app.tempdir) if blender is not None and blender.app.tempdir else None
    if folder is not None and folder.name.startswith("blender_"):
        shutil.rmtree(folder, ignore_errors=True)
