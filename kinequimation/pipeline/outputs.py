"""The files that a run makes of one horse: a table of writers, and what they have to go on.

To add a file, write a function ``write_x(folder, result)`` in a module of its own, put it into ``WRITERS``, and say in
``FILES`` of ``cli/animate.py`` what it is. A writer that is not asked for (``result.options``) returns without a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation.body import Body
from kinequimation.fit import Fitted
from kinequimation.gait import write_gait_json
from kinequimation.io.bvh import write_bvh
from kinequimation.io.gltf import write_glb
from kinequimation.io.keypoints import write_keypoints_json
from kinequimation.io.keypoints_csv import write_keypoints_csv
from kinequimation.io.motion_csv import write_angles_csv, write_positions_csv
from kinequimation.motion import Motion, write_motion
from kinequimation.pipeline.blender_files import write_for_blender
from kinequimation.pipeline.judgement import Judgement
from kinequimation.pipeline.lifting import LiftedOnDisk
from kinequimation.pipeline.options import AnimateOptions
from kinequimation.pipeline.report_page import write_report_page
from kinequimation.pipeline.seen import Seen
from kinequimation.runtime import Progress, no_progress
from kinequimation.video import FrameSource, VideoWriter, ahead
from kinequimation.viz import Overlay
from kinequimation.viz.gait_page import write_gait_page

if TYPE_CHECKING:
    from kinequimation.gait import GaitReading
    from kinequimation.motion.edit.loop import Looped


@dataclass(frozen=True)
class Result:
    """What a run knows of one horse when it writes its files.

    Only the motions are in memory as a whole. ``seen`` and ``lifted`` wait on disk: read them a part at a time
    (``part(start, stop)``, ``seen.parts()``), and make nothing that grows with the frames.

    Attributes:
        options: what was asked for.
        seen: its keypoints in every frame of the source.
        lifted: the same in 3D.
        fitted: its motion as it was filmed, in true time, a row for every row of ``seen``, and the camera.
        motion: the fitted one, edited as the options say: what the files of the animation hold.
        body: of that shape.
        judgement: how good it is.
        looped: how ``motion`` was looped, if it was.
        source: the frames, where there are any.
        gait: what was read of the gait, where it strides.
        progress: for writers that take long.
        warnings: what a user should know; writers may add to it.
    """

    options: AnimateOptions
    seen: Seen
    lifted: LiftedOnDisk
    fitted: Fitted
    motion: Motion
    body: Body
    judgement: Judgement
    looped: Looped | None = None
    source: FrameSource | None = None
    gait: GaitReading | None = None
    progress: Progress = no_progress
    warnings: list[str] = field(default_factory=list)


Writer = Callable[[Path, Result], None]
"""Writes its files, or none, into a folder."""


def write_overlay(folder: Path, result: Result) -> None:
    """Write ``overlay.mp4``, or ``overlay.png`` for one image."""
    seen, fitted, n = result.seen, result.fitted, len(result.seen)
    rotation, translation = fitted.T_cam_world[:, :3, :3], fitted.T_cam_world[:, :3, 3]
    camera_xyz_world = -np.einsum("tba,tb->ta", rotation, translation).mean(0)
    overlay = Overlay(fitted.motion, seen.width, seen.height, camera_xyz_world)
    pictures = _pictures(overlay, result.source, seen)
    if n == 1:
        Image.fromarray(next(pictures)).save(folder / "overlay.png")
        return
    result.progress("overlay", 0, n)
    with VideoWriter(folder / "overlay.mp4", overlay.width, overlay.height, seen.fps) as writer:
        for i, picture in enumerate(pictures):
            writer.write(picture, float(seen.t_s[i] - seen.t_s[0]))
            result.progress("overlay", i + 1, n)


def _pictures(overlay: Overlay, source: FrameSource | None, seen: Seen) -> Iterator[np.ndarray]:
    """Draw every row, on its frame where the source still has that frame."""
    frames = iter(()) if source is None else ahead(source.sized(overlay.frame_width, overlay.height))
    frame = next(frames, None)
    i = 0
    for points in seen.parts():
        for uv_px, confidence in zip(points.uv_px, points.confidence, strict=True):
            while frame is not None and frame.index < seen.index[i]:
                frame = next(frames, None)
            image = frame.image_rgb if frame is not None and frame.index == seen.index[i] else None
            yield overlay.draw(i, image, uv_px, confidence)
            i += 1
    while frame is not None:  # to its end, where a source knows what to warn of
        frame = next(frames, None)


def write_keypoints(folder: Path, result: Result) -> None:
    """Write ``keypoints.json`` and ``keypoints.csv``."""
    seen = result.seen
    write_keypoints_json(folder / "keypoints.json", seen.head, seen.keypoints(result.lifted))
    write_keypoints_csv(folder / "keypoints.csv", seen.head, seen.keypoints(result.lifted))


def write_skinned(folder: Path, result: Result) -> None:
    """Write ``horse.glb``."""
    if "glb" in result.options.formats:
        write_glb(folder / "horse.glb", result.motion, result.body)


def write_bones(folder: Path, result: Result) -> None:
    """Write ``horse.bvh``."""
    if "bvh" in result.options.formats:
        write_bvh(folder / "horse.bvh", result.motion, result.body)


def write_arrays(folder: Path, result: Result) -> None:
    """Write ``motion.npz``, as filmed."""
    write_motion(folder / "motion.npz", result.fitted.motion)


def write_tables(folder: Path, result: Result) -> None:
    """Write ``positions.csv`` and ``angles.csv``, as filmed."""
    write_positions_csv(folder / "positions.csv", result.fitted.motion, result.body)
    write_angles_csv(folder / "angles.csv", result.fitted.motion, result.body)


def write_gait(folder: Path, result: Result) -> None:
    """Write ``gait.json`` and ``gait.png``; an image has no gait."""
    if result.gait is not None:
        write_gait_json(folder / "gait.json", result.gait)
        write_gait_page(folder / "gait.png", result.gait, result.fitted.motion)


WRITERS: dict[str, Writer] = {
    "overlay": write_overlay,
    "keypoints": write_keypoints,
    "glb": write_skinned,
    "bvh": write_bones,
    "npz": write_arrays,
    "blender": write_for_blender,
    "tables": write_tables,
    "gait": write_gait,
    "report": write_report_page,
}
"""Every writer, in the order in which they run. ``overlay`` comes first: it reads the source to its end, and only then
its warnings are complete."""
