#!/usr/bin/env python3
"""Set KinEquiMation up and run it: ``python3 run.py demo``, ``python3 run.py test`` or ``python3 run.py blender``.

Makes ``.venv`` beside this file and installs the package into it; later runs reuse it. Blender's module has an
environment of its own, ``.venv-blender``. Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
BLENDER_VENV = ROOT / ".venv-blender"
BLENDER_PYTHON = BLENDER_VENV / PYTHON.relative_to(VENV)
INSTALLING = "installing"  # in an environment's folder: an installation has begun
INSTALLED = "installed.json"  # in an environment's folder: what was installed

# An exact version: on Linux an open one may bring several GB of CUDA. Where only CUDA builds are offered,
# install_torch takes PyTorch's own index of CPU builds instead.
TORCH = "torch==2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv")


class Failure(Exception):
    """One line that tells the user what is wrong."""


def run(*command: object, **options: Any) -> subprocess.CompletedProcess:
    """Run a command in the repository's root, with its output on this terminal."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run([str(c) for c in command], cwd=str(ROOT), env=environment, check=False, **options)


def make_venv(folder: Path, base: str) -> None:
    """Make an environment, or make it anew where it is broken or an earlier installation was cut off.

    ``base`` is the Python that it is made from.
    """
    usable = False
    python = folder / PYTHON.relative_to(VENV)
    if python.exists() and not (folder / INSTALLING).exists():
        with contextlib.suppress(OSError):
            usable = run(python, "-c", "import pip, encodings", capture_output=True).returncode == 0
    if usable:
        return
    print(f"making {folder}", flush=True)
    try:
        shutil.rmtree(str(folder), ignore_errors=False)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Failure(f"cannot remove {folder} ({error}): close the programs that use it and run this again") from error
    if run(base, "-m", "venv", folder).returncode != 0:
        shutil.rmtree(str(folder), ignore_errors=True)
        raise Failure("cannot make a virtual environment; on Debian and Ubuntu: sudo apt install python3-venv")


def pip(*arguments: str, python: Path = PYTHON, **options: Any) -> subprocess.CompletedProcess:
    """Run an environment's pip."""
    return run(python, "-m", "pip", "--disable-pip-version-check", *arguments, **options)


def what_was_installed(folder: Path, *files: str) -> dict[str, Any]:
    """Return what an environment's ``installed.json`` says, or only the key where these files have changed since."""
    content = b"".join((ROOT / name).read_bytes() for name in files)
    key = hashlib.sha256(content + str(ROOT).encode()).hexdigest()
    installed = {}
    with contextlib.suppress(OSError, ValueError):
        installed = json.loads((folder / INSTALLED).read_text(encoding="utf-8"))
    return installed if installed.get("key") == key else {"key": key}


def install_torch() -> bool:
    """Install the CPU build of PyTorch, and say whether it is there now."""
    if run(PYTHON, "-c", "import torch", capture_output=True).returncode == 0:
        return True
    plan = pip("install", "--dry-run", "--quiet", "--report", "-", TORCH, capture_output=True, text=True)
    names = []
    with contextlib.suppress(ValueError, KeyError):
        names = [item["metadata"]["name"].lower() for item in json.loads(plan.stdout)["install"]]
    brings_cuda = any(name.startswith(("nvidia", "cuda", "triton")) for name in names)
    source = () if names and not brings_cuda else ("--retries", "1", "--timeout", "20", "--index-url", TORCH_CPU_INDEX)
    return pip("install", "--quiet", *source, TORCH).returncode == 0


def install(for_tests: bool) -> None:
    """Bring ``.venv`` up to date, if pyproject.toml changed since it last was."""
    make_venv(VENV, sys.executable)
    installed = what_was_installed(VENV, "pyproject.toml")
    if "tests" not in installed:
        installed |= {"tests": False, "torch": False}
    elif not for_tests or (installed["tests"] and installed["torch"]):
        return
    print("installing; this takes a minute or two the first time", flush=True)
    (VENV / INSTALLING).touch()
    if for_tests:
        installed["torch"] = install_torch()
        if not installed["torch"]:
            print(f"{TORCH} cannot be installed here: the tests of training will be skipped", flush=True)
    extras = ("[test,train]" if installed["torch"] else "[test]") if for_tests else ""
    code = pip("install", "--quiet", "--editable", f".{extras}").returncode
    (VENV / INSTALLING).unlink()
    if code != 0:
        raise Failure("the installation failed, see above; check the network connection and run this again")
    installed["tests"] = installed["tests"] or for_tests
    (VENV / INSTALLED).write_text(json.dumps(installed), encoding="utf-8")


def python_for_blender() -> str:
    """Return a CPython 3.11: Blender 4.5's module runs in no other."""
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    commands = [("py", "-3.11")] if os.name == "nt" else [("python3.11",)]
    for command in commands:
        with contextlib.suppress(OSError):
            found = run(*command, "-c", "import sys; print(sys.executable)", capture_output=True, text=True)
            if found.returncode == 0:
                return found.stdout.strip()
    raise Failure("Blender's module needs CPython 3.11, and none was found: install it from https://www.python.org")


def blender() -> int:
    """Make ``.venv-blender``, in which datasets are rendered, and say which Blender it has."""
    base = python_for_blender()
    make_venv(BLENDER_VENV, base)
    installed = what_was_installed(BLENDER_VENV, "requirements.txt", "pyproject.toml")
    if "blender" not in installed:
        print("installing Blender's module, 1 GB; this takes a few minutes", flush=True)
        (BLENDER_VENV / INSTALLING).touch()
        code = pip("install", "--quiet", "--requirement", "requirements.txt", python=BLENDER_PYTHON).returncode
        (BLENDER_VENV / INSTALLING).unlink()
        if code != 0:
            raise Failure("the installation failed, see above; check the network connection and run this again")
    version = "import bpy, os; print(bpy.app.version_string, flush=True); os._exit(0)"
    answer = run(BLENDER_PYTHON, "-c", version, capture_output=True, text=True)
    if answer.returncode != 0:
        reason = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Failure(f"Blender's module does not load: {reason}")
    installed["blender"] = answer.stdout.split()[0]
    (BLENDER_VENV / INSTALLED).write_text(json.dumps(installed), encoding="utf-8")
    print(f"Blender {installed['blender']} is in {BLENDER_VENV}")
    return 0


def demo() -> int:
    """Animate the clip in ``examples`` and list what was written."""
    clips = sorted(p for p in (ROOT / "examples").glob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    if not clips:
        raise Failure("expected a clip in examples/, found none: get the repository again")
    install(for_tests=False)
    output = ROOT / "demo_output"
    command = "import sys; from kinequimation.cli.main import main; sys.exit(main())"
    code = run(PYTHON, "-c", command, "animate", clips[0].relative_to(ROOT), "-o", output.name).returncode
    if code != 0:
        return code
    print(f"\nwritten to {output}:")
    for path in sorted(p for p in output.rglob("*") if p.is_file()):
        print(f"  {path.relative_to(ROOT)}  ({path.stat().st_size / 1024:,.0f} KB)")
    return 0


def test() -> int:
    """Run every check and every test; the last line says how many passed and failed."""
    install(for_tests=True)
    report = VENV / "pytest.xml"
    with contextlib.suppress(FileNotFoundError):
        report.unlink()
    checks = {
        "ruff check": (PYTHON, "-m", "ruff", "check", "."),
        "ruff format": (PYTHON, "-m", "ruff", "format", "--check", "."),
        "pyright": (PYTHON, "-m", "pyright", "--pythonpath", PYTHON),
        "import contract": (shutil.which("lint-imports", path=str(BIN)), "--no-cache"),
        "pytest": (PYTHON, "-m", "pytest", "-rs", f"--junitxml={report}"),
    }
    lines, results = [], []
    for name, command in checks.items():
        print(f"\n--- {name}", flush=True)
        start = time.monotonic()
        results.append(run(*command).returncode == 0)
        lines.append(f"{'ok' if results[-1] else 'FAILED':<8}{name:<18}{time.monotonic() - start:6.1f} s")
    print("\n" + "\n".join(lines))
    # what pytest could not count (it never started, or could not collect) stays one failed check
    passed, failed, skipped = sum(results[:-1]), len(results) - 1 - sum(results[:-1]), 0
    n_tests, n_failed, n_skipped = count_tests(report)
    passed += n_tests - n_failed - n_skipped
    failed += n_failed or int(not results[-1])
    skipped += n_skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if all(results) else 1


def count_tests(report: Path) -> tuple[int, int, int]:
    """Return how many tests ran, failed and were skipped, from pytest's JUnit file."""
    try:
        suites = ET.parse(str(report)).getroot().iter("testsuite")
        counts = [[int(s.get(k, 0)) for k in ("tests", "failures", "errors", "skipped")] for s in suites]
    except (OSError, ET.ParseError):
        return 0, 0, 0
    tests, failures, errors, skipped = (sum(column) for column in zip(*counts, strict=False))
    return tests, failures + errors, skipped


def main() -> int:
    """Run the command that was asked for."""
    if sys.version_info < (3, 10):  # noqa: UP036 (this file is what an older Python meets first)
        version = ".".join(str(v) for v in sys.version_info[:3])
        print(f"KinEquiMation needs Python 3.10 or newer, this is {version} ({sys.executable})", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(description="Set KinEquiMation up and run it.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="install, and animate the clip in examples/ into demo_output/")
    commands.add_parser("test", help="install, and run every check and test")
    commands.add_parser("blender", help="install Blender's module into .venv-blender, for rendering datasets")
    arguments = parser.parse_args()
    try:
        return {"demo": demo, "test": test, "blender": blender}[arguments.command]()
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
