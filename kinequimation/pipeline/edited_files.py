"""The files of a motion that is edited by itself, without the video that it came from."""

from __future__ import annotations

from pathlib import Path

from kinequimation.body import Body
from kinequimation.errors import InputError
from kinequimation.io.bvh import write_bvh
from kinequimation.io.formats import Rig, check_formats
from kinequimation.io.gltf import write_glb
from kinequimation.io.motion_csv import write_angles_csv, write_positions_csv
from kinequimation.motion import read_motion, write_motion
from kinequimation.motion.edit import Edited, Edits, edit
from kinequimation.pipeline.blender_files import check_blender, write_blender_files
from kinequimation.pipeline.staging import staged_folder


def edit_motion_file(path: Path, folder: Path, edits: Edits, formats: tuple[str, ...], rig: Rig) -> Edited:
    """Edit a motion and write it: ``horse.*`` in the formats asked for, ``motion.npz``, and its two tables.

    Args:
        path: a ``motion.npz``, or the folder that ``animate`` wrote it to.
        folder: where the files go.
        edits: what to do.
        formats: of ``io.formats.FORMATS``.
        rig: what Blender's files hold.

    Raises:
        InputError: there is no motion, or an edit is not possible, or the files would replace what they are made of.
        OutputError: the folder cannot be written.
    """
    check_formats(formats, rig)
    file = path / "motion.npz" if path.is_dir() else path
    if folder.resolve() == file.parent.resolve():
        raise InputError(f"{folder}: the motion to edit lies in it; choose another folder with -o")
    check_blender(formats, rig)
    motion = read_motion(file)
    body = Body(motion.shape)
    with staged_folder(folder) as staging:
        edited = edit(motion, edits, body)
        write_motion(staging / "motion.npz", edited.motion)
        write_positions_csv(staging / "positions.csv", edited.motion, body)
        write_angles_csv(staging / "angles.csv", edited.motion, body)
        if "glb" in formats:
            write_glb(staging / "horse.glb", edited.motion, body)
        if "bvh" in formats:
            write_bvh(staging / "horse.bvh", edited.motion, body)
        write_blender_files(staging, edited.motion, formats, rig)
    return edited
