"""Frames in and out: videos (PyAV), images and folders of images (Pillow) as one stream of RGB frames.

Frames are streamed, so memory does not grow with the length. Times come from the presentation timestamps, which
honours variable frame rates; rotation tags, EXIF orientation and non-square pixels are applied before anyone sees a
frame. Frames with a side above ``MAX_WORK_SIDE`` are handed out smaller; ``to_source_px`` and ``to_work_px`` go
between the two pixel grids, and everything that is written is in source pixels.
"""

from kinequimation.video.images import DEFAULT_IMAGE_FPS, IMAGE_FORMATS, IMAGE_SUFFIXES
from kinequimation.video.opening import open_source
from kinequimation.video.source import MAX_PIXELS, MAX_WORK_SIDE, MIN_SIDE, Frame, FrameSource, ahead
from kinequimation.video.writer import VideoWriter

__all__ = [
    "DEFAULT_IMAGE_FPS",
    "IMAGE_FORMATS",
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "MAX_WORK_SIDE",
    "MIN_SIDE",
    "Frame",
    "FrameSource",
    "VideoWriter",
    "ahead",
    "open_source",
]
