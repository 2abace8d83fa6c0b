"""Open and write Blender files."""

from __future__ import annotations

from pathlib import Path

from kinequimation.blender.quiet import quiet
from kinequimation.errors import InputError, OutputError
from kinequimation.io.atomic import replacing


def open_blend(path: Path) -> None:
    """Open a Blender file; scripts in it do not run.

    Raises:
        InputError: it is not there, or is no Blender file that this Blender reads.
    """
    import bpy

    if not path.is_file():
        raise InputError(f"--blend: expected a .blend (build_assets.py writes one), found none at {path}")
    try:
        with quiet():
            bpy.ops.wm.open_mainfile(filepath=str(path.resolve()), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise InputError(f"--blend: expected a file that this Blender reads, got {path} ({error})") from error


def write_blend(path: Path) -> None:
    """Write what Blender holds as a file, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    import bpy

    bpy.context.preferences.filepaths.save_version = 0  # no backup of the file that it writes over
    with replacing(path) as temporary, quiet():
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(temporary.resolve()), copy=True, compress=True)
        except RuntimeError as error:
            raise OutputError(f"cannot write {path}: {error}") from error
