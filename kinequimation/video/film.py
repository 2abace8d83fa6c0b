"""Videos as frames (PyAV)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from kinequimation.errors import InputError
from kinequimation.video.source import Frame, FrameSource, check_size, reason_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from jaxtyping import UInt8


class VideoSource(FrameSource):
    """A video file.

    Raises:
        InputError: it holds no pictures that can be decoded, or ``start_s`` lies behind its end.
    """

    def __init__(self, file: Path, start_s: float, end_s: float | None) -> None:
        self._file, self._start_s, self._end_s = file, start_s, np.inf if end_s is None else end_s
        self._aspect = Fraction(1)
        if not file.is_file():
            raise InputError(f"{file}: not a file")
        if file.stat().st_size == 0:
            raise InputError(f"{file}: expected a video or an image, got an empty file")
        with self._open() as container:
            stream = container.streams.video[0]
            check_size(str(file), stream.width, stream.height)
            first = next(self._decode(container, []), None)
            if first is None:
                raise InputError(f"{file}: no frame of this video can be decoded; it is damaged or of an unknown kind")
            self._aspect = stream.sample_aspect_ratio or Fraction(1)
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            fps = float(rate) if rate and 0.1 <= rate <= 2000 else 25.0
            width, height = round(first.width * self._aspect), first.height
            if first.rotation % 180:
                width, height = height, width
            self._duration_s, self._slack_s = None, 3 / fps
            if stream.duration and stream.time_base:
                self._duration_s = float(stream.duration * stream.time_base)
            elif container.duration:  # of all streams together: sound may go on after the pictures
                self._duration_s, self._slack_s = container.duration / av.time_base, 1.0
            if self._duration_s is not None and start_s > self._duration_s + self._slack_s:
                raise InputError(f"{file}: nothing after --start {start_s:g}; it lasts {self._duration_s:.2f} s")
            duration = self._duration_s if self._duration_s is not None else stream.frames / fps
            wanted = max(0.0, min(duration, self._end_s) - start_s)
            n_frames = max(1, round(wanted * fps)) if duration else None
        super().__init__(str(file), width, height, fps, n_frames)

    def _open(self) -> InputContainer:
        try:
            # only plain files: a playlist that calls itself .mp4 must not reach for others, or for the network
            container = av.open(str(self._file.resolve()), container_options={"protocol_whitelist": "file"})
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(
                f"{self._file}: not a video that can be read ({reason_of(error)});"
                " if other programs play it, convert it to .mp4 first"
            ) from error
        if not container.streams.video:
            container.close()
            raise InputError(f"{self._file}: expected a video, got a file without pictures")
        container.streams.video[0].thread_type = "AUTO"
        return container

    @staticmethod
    def _decode(container: InputContainer, damage: list[str]) -> Iterator[av.VideoFrame]:
        """Yield every frame that decodes; ``damage`` collects what went wrong on the way."""
        packets = container.demux(container.streams.video[0])
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                damage.append(reason_of(error))
                return
            try:
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        yield frame
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, ValueError) as error:
                damage.append(reason_of(error))

    def __iter__(self) -> Iterator[Frame]:
        damage: list[str] = []
        zero_s: float | None = None
        last_s, index, repeated, given = -np.inf, -1, 0, 0
        ended = False
        with self._open() as container:
            for frame in self._decode(container, damage):
                if frame.is_corrupt:
                    damage.append("corrupt frame")
                    continue
                time_s = frame.time if frame.time is not None else (index + 1) / self.fps
                zero_s = time_s if zero_s is None else zero_s
                t_s = time_s - zero_s
                if t_s < last_s - 1.0:  # the clock starts again, as in joined broadcasts: carry on from here
                    zero_s = time_s - last_s - 1 / self.fps
                    t_s = time_s - zero_s
                if t_s <= last_s + 1e-6:
                    repeated += 1
                    continue
                last_s, index = t_s, index + 1
                if t_s >= self._end_s:
                    ended = True
                    break
                if t_s >= self._start_s:
                    given += 1
                    yield Frame(index, t_s, self._to_rgb(frame))
        if index < 0:
            raise InputError(f"{self._file}: no frame of this video can be decoded; it is damaged")
        if given == 0:
            length_s = max(last_s + 1 / self.fps, self._duration_s or 0.0 if ended else 0.0)
            raise InputError(f"{self._file}: no frames between --start and --end; it lasts {length_s:.2f} s")
        found = []
        lasted_s = last_s + 1 / self.fps
        if not ended and self._duration_s is not None and lasted_s < self._duration_s - self._slack_s:
            lasted = f"{lasted_s:.2f} of {self._duration_s:.2f} s"
            found.append(f"decoded {index + 1} frames, {lasted}; the file ends early")
        if damage:
            found.append(f"the file is damaged: {len(damage)} places could not be decoded ({damage[0]})")
        if repeated:
            found.append(f"dropped {repeated} frames whose time does not rise")
        if self._aspect != 1:
            size = f"{self.width}x{self.height}"
            found.append(f"pixels are not square: frames are stretched to {size}, and coordinates are of those")
        self.warnings[:] = found

    def _to_rgb(self, frame: av.VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
        sideways = bool(frame.rotation % 180)
        width, height = (self.work_height, self.work_width) if sideways else (self.work_width, self.work_height)
        how = "FAST_BILINEAR" if width == frame.width else "AREA" if width < frame.width else "BILINEAR"
        rgb = frame.reformat(width, height, "rgb24", interpolation=how).to_ndarray()
        turns = round(frame.rotation / 90) % 4  # the tag turns counter-clockwise, as rot90 does
        return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else np.asarray(rgb)
