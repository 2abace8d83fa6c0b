"""Blender as a process of its own: finds a Python that has ``bpy``, or Blender, and runs a command of ours in it.

Blender's module wants numpy 1 and exactly CPython 3.11, so it has an environment of its own (``requirements.txt``).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from kinequimation.errors import InputError, MissingDependencyError, OutputError

VARIABLE = "KINEQUIMATION_BLENDER"
"""Environment variable that names the Python with ``bpy``, or Blender's executable."""
MARK = "@kinequimation "
"""Begins the lines that a process of ours in Blender means for the one that started it; Blender writes others."""
MAX_MOTION_FRAMES = 20_000
"""Most frames of a motion that Blender's files are written of, five minutes at 60 frames a second (judgement). Of 1,200
frames each took Blender some 0.1 MiB and 6 ms in an ``.fbx``, 24 ms on Rigify's controls."""
ENVIRONMENT = ".venv-blender"
"""Folder, in the repository or where the program is called, that ``python3 run.py blender`` makes."""
_ROOT = Path(__file__).resolve().parents[2]
_START = (
    f"import sys; sys.path.insert(0, {str(_ROOT)!r}); "
    "from kinequimation.blender.commands import run_and_exit; "
    "run_and_exit(sys.argv[1:], 'kinequimation dataset ' + sys.argv[1])"
)
_LAST_WORDS = 20
"""So many lines of standard error are kept of a process that failed (judgement)."""
_TO_END_S = 5.0
"""So long a process may take to end when it is asked to (judgement)."""
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


def messages_from_blender(arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run a command of ours in Blender, and yield what it says to this process until it ends.

    It ends too when this process does, or goes on no further.

    Args:
        arguments: the command's name, then its arguments; it must be one that says something, such as ``motion``
            with ``--messages``.

    Raises:
        InputError, MissingDependencyError: see ``blender_executable``.
        OutputError: it failed; says its reason.
    """
    process = subprocess.Popen(
        blender_command(arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    words: deque[str] = deque(maxlen=_LAST_WORDS)
    ears = threading.Thread(target=_hear, args=(process.stderr, words), daemon=True)
    ears.start()
    try:
        for line in process.stdout:
            if line.startswith(MARK.encode()):
                yield json.loads(line[len(MARK) :])
        code = process.wait()
        ears.join(_TO_END_S)
        if code:
            own = [w.removeprefix("kinequimation: ") for w in words if w.startswith("kinequimation: ")]
            reason = own[-1] if own else f"{words[-1] if words else 'it said nothing'} (exit code {code})"
            raise OutputError(f"Blender: {reason}")
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TO_END_S)
            process.kill()
        process.wait()
        ears.join(_TO_END_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                stream.close()


def _hear(stream: IO[bytes], words: deque[str]) -> None:
    for line in stream:
        text = line.decode("utf-8", "replace").strip()
        if text:
            words.append(text)
