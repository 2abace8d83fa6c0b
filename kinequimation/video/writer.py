"""Frames to a video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from kinequimation.errors import InputError, OutputError
from kinequimation.io.atomic import replacing
from kinequimation.video.source import AHEAD, reason_of

if TYPE_CHECKING:
    from types import TracebackType

    from jaxtyping import UInt8

_TIME_BASE = Fraction(1, 60_000)  # finer than any camera; 29.97 Hz is whole; MPEG-4's denominator has 16 bits


class VideoWriter:
    """Write an MP4 by timestamps, whole or not at all.

    A thread encodes, so that the next picture can be drawn meanwhile; what goes wrong there is raised by the next call.

    H.264 where the FFmpeg in PyAV has an encoder for it, MPEG-4 part 2 otherwise; yuv420p, so sides are even (an odd
    row or column is doubled). Use it as a context manager: a block that raises leaves no file::

        with VideoWriter(path, 640, 360, fps=25) as writer:
            writer.write(image_rgb, t_s)

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        self._path, self._size, self._frame_ticks = path, (width, height), max(1, round(1 / (fps * _TIME_BASE)))
        self._replacing = replacing(path)
        temporary = self._replacing.__enter__()
        self._last_tick = -1
        try:
            self._container = av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
            codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
            rate = Fraction(fps).limit_denominator(1001)
            stream = self._container.add_stream(codec, rate=rate)
            assert isinstance(stream, av.VideoStream)
            self._stream = stream
            stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
            stream.codec_context.time_base = _TIME_BASE
            stream.options = {"crf": "21", "preset": "superfast"} if codec == "libx264" else {"qscale": "3"}
            if codec == "mpeg4":
                stream.bit_rate = 8_000_000
            self._waiting: Queue[tuple[np.ndarray, int] | None] = Queue(AHEAD)
            self._failure: BaseException | None = None
            self._thread = Thread(target=self._encode, daemon=True)
            self._thread.start()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._replacing.__exit__(type(error), error, error.__traceback__)
            raise OutputError(f"cannot write {path}: {reason_of(error)}") from error

    def write(self, image_rgb: UInt8[np.ndarray, "h w 3"], t_s: float) -> None:
        """Append a frame; its time must be later than the one before. The picture must not be changed afterwards.

        Raises:
            InputError: the frame has another size than the video.
            OutputError: writing failed.
        """
        width, height = self._size
        if image_rgb.shape != (height, width, 3):
            raise InputError(f"expected a frame of shape {(height, width, 3)}, got {image_rgb.shape}")
        if width % 2 or height % 2:
            image_rgb = np.pad(image_rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        self._last_tick = max(round(t_s / _TIME_BASE), self._last_tick + 1)
        if self._failure is not None:
            raise self._failure
        self._waiting.put((image_rgb, self._last_tick))

    def _encode(self) -> None:
        """Encode what is written, until None comes."""
        while (item := self._waiting.get()) is not None:
            if self._failure is not None:
                continue
            try:
                image_rgb, tick = item
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image_rgb), format="rgb24")
                frame.pts, frame.time_base, frame.duration = tick, _TIME_BASE, self._frame_ticks
                self._mux(frame)
            except BaseException as error:
                self._failure = error

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot write {self._path}: {reason_of(error)}") from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                self._waiting.put(None)
                self._thread.join()
                if error is None:
                    if self._failure is not None:
                        raise self._failure
                    self._mux(None)
            finally:
                self._container.close()  # Windows removes no file that is open
        except BaseException as failure:
            self._replacing.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._replacing.__exit__(kind, error, trace)
