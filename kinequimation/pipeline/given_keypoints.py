"""Keypoints from a file instead of from pixels, whoever made it."""

from __future__ import annotations

from pathlib import Path

from kinequimation.errors import InputError
from kinequimation.io.keypoint_files import read_keypoint_file
from kinequimation.io.keypoint_names import read_name_map
from kinequimation.io.keypoints import KeypointClip
from kinequimation.io.tracks import to_clip
from kinequimation.pipeline.options import AnimateOptions
from kinequimation.video import FrameSource


def read_given(path: Path, options: AnimateOptions, source: FrameSource | None) -> KeypointClip:
    """Read the keypoints that a run starts from.

    A ``keypoints.json`` says all of itself. Other files have names of their own (``options.keypoint_map``), frames
    without times, which take those of the source or ``options.image_fps``, and often no size, which is that of the
    source or ``options.frame_size``.

    Args:
        path: of the file.
        options: what was asked for.
        source: the frames, where they are given.

    Raises:
        InputError: the file cannot be read, or it needs what is not given.
    """
    own = None if options.keypoint_map is None else read_name_map(options.keypoint_map)
    found = read_keypoint_file(path)
    if isinstance(found, KeypointClip):
        if own is not None:
            raise InputError(f"--map: {path} has our own names; leave it out")
        return found
    size = found.size or (None if source is None else (source.width, source.height)) or options.frame_size
    if size is None:
        raise InputError(
            f"{path}: expected to know how large the frames are; give the video as INPUT, or --frame-size WIDTHxHEIGHT"
        )
    try:
        return to_clip(
            found,
            source=path.name if source is None else source.name,
            fps=options.image_fps if source is None else source.fps,
            size=size,
            own=own,
            index_of=None if source is None else source.index_of_image,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
