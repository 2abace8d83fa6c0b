"""What every source of frames has in common: its size, the two pixel grids, and frames that are read ahead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from copy import copy
from queue import Empty, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

MAX_WORK_SIDE = 1920
"""Longest side of a frame that is handed out: a horse that fills it still has 5 px where the network has 1."""
MAX_PIXELS = 150_000_000
"""Frames with more are refused: decoded they take half a gigabyte, and such a header is more often a trap."""
MIN_SIDE = 32
AHEAD = 3
"""Frames that wait between threads."""


class Frame(NamedTuple):
    """One frame: its number in the source from 0, its time from the source's first frame, and its RGB pixels."""

    index: int
    t_s: float
    image_rgb: UInt8[np.ndarray, "h w 3"]


class FrameSource(ABC):
    """Something that can be iterated over as frames, as often as one likes.

    Attributes:
        name: the file or folder, as the user gave it.
        width, height: size of the source frame as it is shown, pixels.
        work_width, work_height: size of the frames handed out.
        fps: average frames per second.
        n_frames: how many frames to expect, or None; an estimate.
        is_still: whether it is one image.
        index_of_image: number of each image by the name of its file; empty for a video.
        warnings: what a user should know about the last complete pass; complete when an iteration has ended. One list
            with those that ``sized`` returns.
    """

    def __init__(self, name: str, width: int, height: int, fps: float, n_frames: int | None) -> None:
        check_size(name, width, height)
        self.name, self.width, self.height, self.fps, self.n_frames = name, width, height, fps, n_frames
        shrink = min(1.0, MAX_WORK_SIDE / max(width, height))
        self.work_width, self.work_height = max(1, round(width * shrink)), max(1, round(height * shrink))
        self.is_still = False
        self.index_of_image: dict[str, int] = {}
        self.warnings: list[str] = []

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]: ...

    def sized(self, width: int, height: int) -> FrameSource:
        """Return the same frames, handed out at another size: scaled once, where they are decoded."""
        other = copy(self)
        other.work_width, other.work_height = width, height
        return other

    def _scale(self) -> Float[np.ndarray, " 2"]:
        return np.array([self.width / self.work_width, self.height / self.work_height])

    def to_source_px(self, uv_work_px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Take pixels of the frames handed out to pixels of the source (pixel centres at whole numbers in both)."""
        return (np.asarray(uv_work_px, float) + 0.5) * self._scale() - 0.5

    def to_work_px(self, uv_px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Take pixels of the source to pixels of the frames handed out."""
        return (np.asarray(uv_px, float) + 0.5) / self._scale() - 0.5

    def to_source_box(self, bbox_work_xywh: Float[np.ndarray, " 4"]) -> Float[np.ndarray, " 4"]:
        """Take a box in frames handed out to one in the source; corners are points as in ``to_source_px``."""
        low, high = self.to_source_px(_corners(bbox_work_xywh))
        return np.concatenate([low, high - low])

    def to_work_box(self, bbox_xywh: Float[np.ndarray, " 4"]) -> Float[np.ndarray, " 4"]:
        """Take a box in the source to one in frames handed out."""
        low, high = self.to_work_px(_corners(bbox_xywh))
        return np.concatenate([low, high - low])


def _corners(bbox_xywh: Float[np.ndarray, " 4"]) -> Float[np.ndarray, "2 2"]:
    box = np.asarray(bbox_xywh, float)
    return np.stack([box[:2], box[:2] + box[2:]])


def check_size(name: str, width: int, height: int) -> None:
    """Raise ``InputError`` where frames are too small to show a horse, or too large to be real."""
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels, too small to show a horse (at least {MIN_SIDE}x{MIN_SIDE})")
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width}x{height} pixels, expected at most {MAX_PIXELS // 10**6} million; make it smaller first"
        )


def reason_of(error: Exception) -> str:
    """Return what an error of a library or of the system says, in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0].lower() if text else type(error).__name__


def ahead(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames that a thread decodes while the caller is busy with those before; what it raises is raised here."""
    waiting: Queue[Frame | BaseException | None] = Queue(AHEAD)
    stopped = Event()

    def decode() -> None:
        try:
            for frame in frames:
                waiting.put(frame)
                if stopped.is_set():
                    return
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    thread = Thread(target=decode, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:  # also where the caller has had enough: the thread must not wait for it
        stopped.set()
        while thread.is_alive():
            with suppress(Empty):
                waiting.get(timeout=0.01)
