"""Blender as a process of its own: finds a Python that has ``bpy``, or Blender, and runs a command of ours in it.

Blender's module wants numpy 1 and exactly CPython 3.11, so it has an environment of its own (``requirements.txt``).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from kinequimation.errors import InputError, MissingDependencyError

VARIABLE = "KINEQUIMATION_BLENDER"
"""Environment variable that names the Python with ``bpy``, or Blender's executable."""
ENVIRONMENT = ".venv-blender"
"""Folder, in the repository or where the program is called, that ``python3 run.py blender`` makes."""
_ROOT = Path(__file__).resolve().parents[2]
_START = (
    f"import sys; sys.path.insert(0, {str(_ROOT)!r}); "
    "from kinequimation.blender.commands import run_and_exit; "
    "run_and_exit(sys.argv[1:], 'kinequimation dataset ' + sys.argv[1])"
)
_HAS_BPY = "import sys; from importlib.util import find_spec; sys.exit(find_spec('bpy') is None)"


def blender_executable() -> Path:
    """Return the Python that has ``bpy``, or Blender's executable.

    Looked for, in this order: the environment variable ``KINEQUIMATION_BLENDER``, the Python that runs this, the
    environment that ``run.py blender`` makes, ``blender`` on the search path.

    Raises:
        InputError: the environment variable names something else.
        MissingDependencyError: there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise InputError(
                f"{VARIABLE}: expected a Python that has bpy, or Blender, got {named!r}, which cannot be run"
            )
        if not _is_blender(Path(found)) and not _has_bpy(Path(found)):
            raise InputError(f"{VARIABLE}: expected a Python that has bpy, or Blender, got {named!r}, which has no bpy")
        return Path(found)
    if find_spec("bpy") is not None:
        return Path(sys.executable)
    python = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
    for folder in (_ROOT, Path.cwd()):
        candidate = folder / ENVIRONMENT / python
        if candidate.exists() and _has_bpy(candidate):
            return candidate
    found = shutil.which("blender")
    if found is not None:
        return Path(found)
    raise MissingDependencyError(
        "this needs Blender's Python module, in an environment of its own: run 'python3 run.py blender' in the"
        f" repository, or set {VARIABLE} to Blender 4.2 or newer, or to a Python that has bpy"
    )


def _is_blender(path: Path) -> bool:
    return path.stem.lower().startswith("blender")


def _has_bpy(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", _HAS_BPY], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def blender_command(arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs a command of ours, such as ``render``, in Blender.

    Args:
        arguments: the command's name, then its arguments.

    Raises:
        InputError, MissingDependencyError: see ``blender_executable``.
    """
    executable = blender_executable()
    if _is_blender(executable):
        script = _ROOT / "kinequimation" / "blender" / "__main__.py"
        start = [str(executable), "--background", "--factory-startup", "--python-exit-code", "1"]
        return [*start, "--python", str(script), "--", *arguments]
    return [str(executable), "-c", _START, *arguments]


def arguments_of_script(argv: Sequence[str]) -> list[str]:
    """Return a script's own arguments: those after ``--`` under Blender, else all but the script's name."""
    argv = list(argv)
    return argv[argv.index("--") + 1 :] if "--" in argv else argv[1:]


def run_in_blender(arguments: Sequence[str]) -> int:
    """Run a command of ours in Blender, with its output on this terminal.

    Args:
        arguments: the command's name, then its arguments.

    Returns:
        its exit code; 128 and the signal's number where one ended it.

    Raises:
        InputError, MissingDependencyError: see ``blender_executable``.
    """
    process = subprocess.Popen(blender_command(arguments))
    is_main = threading.current_thread() is threading.main_thread()  # only there can it be said
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate()) if is_main else None
    try:
        while True:
            try:
                code = process.wait()
                return code if code >= 0 else 128 - code
            except KeyboardInterrupt:  # it gets the signal too, and ends in its own way
                continue
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
