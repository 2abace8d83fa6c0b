"""Open whatever holds frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kinequimation.errors import InputError
from kinequimation.text import natural_key
from kinequimation.video.film import VideoSource
from kinequimation.video.images import DEFAULT_IMAGE_FPS, IMAGE_SUFFIXES, ImageSource
from kinequimation.video.source import FrameSource, reason_of


def open_source(
    paths: Sequence[str],
    start_s: float = 0.0,
    end_s: float | None = None,
    image_fps: float = DEFAULT_IMAGE_FPS,
) -> FrameSource:
    """Open a video, an image, several images, or a folder of images.

    Images are put in natural order (``2.png`` before ``10.png``) and must have one size.

    Args:
        paths: one video, or one folder, or images.
        start_s: frames before this time are left out.
        end_s: frames from this time on are left out.
        image_fps: frames per second of several images.

    Raises:
        InputError: the path is missing, or holds no frames that can be read, or they are too small or too large.
    """
    if not paths:
        raise InputError("no input: give a video, an image or a folder of frames")
    for path in paths:
        try:
            there = bool(path) and Path(path).exists()  # "" would be the working folder
        except OSError as error:  # a name that is too long, a folder that is closed to us
            raise InputError(f"{path[:200]}: cannot be read ({reason_of(error)})") from error
        if not there:
            raise InputError(f"{path}: no such file or folder")
    files = [Path(p) for p in paths]
    name = paths[0]
    if files[0].is_dir() and len(files) == 1:
        try:
            files = [f for f in files[0].iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
        except OSError as error:
            raise InputError(f"{name}: cannot be read ({reason_of(error)})") from error
        if not files:
            raise InputError(f"{name}: a folder without images ({' '.join(IMAGE_SUFFIXES)})")
    elif len(files) == 1 and files[0].suffix.lower() not in IMAGE_SUFFIXES:
        return VideoSource(files[0], start_s, end_s)
    for f in files:
        if f.suffix.lower() not in IMAGE_SUFFIXES or not f.is_file():
            raise InputError(f"{f}: expected images when several inputs are given; one video or folder at a time")
    return ImageSource(name, sorted(files, key=lambda file: natural_key(file.name)), start_s, end_s, image_fps)
