"""The files of an animation that Blender writes, in a process of its own: ``.fbx`` and ``.blend``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kinequimation.dataset.blender_process import MAX_MOTION_FRAMES, messages_from_blender
from kinequimation.errors import MissingDependencyError, OutputError
from kinequimation.io.formats import BLENDER_FORMATS
from kinequimation.motion import Motion, write_motion
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from kinequimation.pipeline.outputs import Result

_FILE = "motion.npz"


def check_blender(formats: tuple[str, ...], rig: str = "deform") -> None:
    """Find out whether the formats that are asked for can be written, before the long work begins; a second or two.

    Args:
        formats: of ``io.formats.FORMATS``.
        rig: one of ``io.formats.RIGS``.

    Raises:
        InputError: the environment variable that names Blender names something else.
        MissingDependencyError: one of them needs Blender, and there is none, or one without the add-ons for it; says
            how to get it.
    """
    wanted = ",".join(name for name in formats if name in BLENDER_FORMATS)
    if not wanted:
        return
    try:
        for _ in messages_from_blender(["motion", "--check", "--format", wanted, "--rig", rig]):
            pass
    except (MissingDependencyError, OutputError) as error:
        raise MissingDependencyError(f"--format {wanted}: {error}") from error


def write_blender_files(
    folder: Path,
    motion: Motion,
    formats: tuple[str, ...],
    rig: str = "deform",
    progress: Progress = no_progress,
    name: str = "horse",
) -> None:
    """Write a motion as ``.fbx`` and ``.blend``, whole or not at all.

    Args:
        folder: where to; it is made if it is missing.
        motion: what the horse does.
        formats: those that need Blender are written, the others are left to their own writers.
        rig: one of ``io.formats.RIGS``, see ``blender/motion_files.py``.
        progress: called with the stages ``controls`` and ``fbx``.
        name: of the files, without their ending.

    Raises:
        InputError, MissingDependencyError: see ``check_blender``.
        OutputError: Blender could not write them; says its reason.
    """
    wanted = [each for each in formats if each in BLENDER_FORMATS]
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="kinequimation-") as temporary:
        path = Path(temporary, _FILE)
        write_motion(path, motion)
        arguments = ["motion", str(path), "--out", str(folder.resolve()), "--name", name]
        arguments += ["--format", ",".join(wanted), "--rig", rig, "--messages"]
        for message in messages_from_blender(arguments):
            if "stage" in message:
                progress(message["stage"], message["done"], message["total"])


def write_for_blender(folder: Path, result: Result) -> None:
    """Write ``horse.fbx`` and ``horse.blend``, where they are asked for and the motion is not too long for them."""
    options, n = result.options, len(result.motion)
    wanted = [f".{name}" for name in options.formats if name in BLENDER_FORMATS]
    if wanted and n > MAX_MOTION_FRAMES:  # the rest of a long run's files are worth having
        result.warnings.append(
            f"no {' and '.join(wanted)}: such files hold {MAX_MOTION_FRAMES} frames at most, and there are {n};"
            " lower --fps, or take a part with --start and --end"
        )
        return
    write_blender_files(folder, result.motion, options.formats, options.rig, result.progress)
