"""The files that an animation can be written to, and what those that Blender makes hold."""

from __future__ import annotations

from typing import Literal, get_args

from kinequimation.errors import InputError

Rig = Literal["deform", "rigify"]
RIGS: tuple[Rig, ...] = get_args(Rig)
"""What a ``.blend`` holds: the deforming bones alone, or the Rigify horse with the motion on its controls. An ``.fbx``
has the deforming bones alone."""
BLENDER_FORMATS: tuple[str, ...] = ("fbx", "blend")
"""Those that Blender makes."""
FORMATS: tuple[str, ...] = ("glb", "bvh", *BLENDER_FORMATS)
"""What can be asked for."""
DEFAULT_FORMATS: tuple[str, ...] = ("glb", "bvh")


def check_formats(formats: tuple[str, ...], rig: str) -> None:
    """Check which files of the animation are asked for.

    Raises:
        InputError: one of them is not known, or stands there twice; or the rig is not known, or in none of the files.
    """
    if not formats or not set(formats) <= set(FORMATS) or len(set(formats)) < len(formats):
        raise InputError(f"--format: expected some of {','.join(FORMATS)}, got {','.join(formats) or 'none'}")
    if rig not in RIGS:
        raise InputError(f"--rig: expected one of {', '.join(RIGS)}, got {rig!r}")
    if rig != "deform" and "blend" not in formats:
        raise InputError(
            f"--rig {rig}: expected blend in --format, the one file that holds it, got {','.join(formats)}"
        )
