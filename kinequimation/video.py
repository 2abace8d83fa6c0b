"""Frames in and out: videos (PyAV), images and folders of images (Pillow) as one stream of RGB frames.

Frames are streamed, so memory does not grow with the length. Times come from the presentation timestamps, which
honours variable frame rates; rotation tags, EXIF orientation and non-square pixels are applied before anyone sees a
frame. Frames with a side above ``MAX_WORK_SIDE`` are handed out smaller; ``to_source_px`` and ``to_work_px`` go
between the two pixel grids, and everything that is written is in source pixels.
"""

from __future__ import annotations

import logging
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from fractions import Fraction
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

import av
import av.error
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kinequimation.errors import InputError, OutputError
from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    from types import TracebackType

    from av.container import InputContainer
    from jaxtyping import Float, UInt8

log = logging.getLogger(__name__)

IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
"""What Pillow may take a file for, whatever its name: a PostScript file named .png would be run by Ghostscript."""
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MAX_WORK_SIDE = 1920
"""Longest side of a frame that is handed out: a horse that fills it still has 5 px where the network has 1."""
MAX_PIXELS = 150_000_000
"""Frames with more are refused: decoded they take half a gigabyte, and such a header is more often a trap."""
MIN_SIDE = 32
DEFAULT_IMAGE_FPS = 25.0
_AHEAD = 3
"""Frames that wait between threads."""
_TIME_BASE = Fraction(1, 60_000)  # finer than any camera; 29.97 Hz is whole; MPEG-4's denominator has 16 bits


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
        _check_size(name, width, height)
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
            raise InputError(f"{path[:200]}: cannot be read ({_reason(error)})") from error
        if not there:
            raise InputError(f"{path}: no such file or folder")
    files = [Path(p) for p in paths]
    name = paths[0]
    if files[0].is_dir() and len(files) == 1:
        try:
            files = [f for f in files[0].iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
        except OSError as error:
            raise InputError(f"{name}: cannot be read ({_reason(error)})") from error
        if not files:
            raise InputError(f"{name}: a folder without images ({' '.join(IMAGE_SUFFIXES)})")
    elif len(files) == 1 and files[0].suffix.lower() not in IMAGE_SUFFIXES:
        return _VideoSource(files[0], start_s, end_s)
    for f in files:
        if f.suffix.lower() not in IMAGE_SUFFIXES or not f.is_file():
            raise InputError(f"{f}: expected images when several inputs are given; one video or folder at a time")
    return _ImageSource(name, sorted(files, key=_natural_key), start_s, end_s, image_fps)


def _natural_key(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def _check_size(name: str, width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels, too small to show a horse (at least {MIN_SIDE}x{MIN_SIDE})")
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width}x{height} pixels, expected at most {MAX_PIXELS // 10**6} million; make it smaller first"
        )


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0].lower() if text else type(error).__name__


class _ImageSource(FrameSource):
    def __init__(self, name: str, files: list[Path], start_s: float, end_s: float | None, fps: float) -> None:
        end = np.inf if end_s is None else end_s
        self._files = (
            [(i, f) for i, f in enumerate(files) if start_s <= i / fps < end] if len(files) > 1 else [(0, files[0])]
        )
        if not self._files:
            raise InputError(f"{name}: no frames between --start and --end; it lasts {len(files) / fps:.2f} s")
        sizes: dict[Path, tuple[int, int]] = {}
        for _, f in self._files:
            try:
                sizes[f] = _image_size(f)
            except _UnreadableError:
                if len(self._files) == 1:
                    raise
        if not sizes:
            raise self._none_readable(name)
        like, (width, height) = next(iter(sizes.items()))
        for f, size in sizes.items():
            if size != (width, height):
                raise InputError(
                    f"{f}: expected images of one size, {width}x{height} like {like.name}, got {size[0]}x{size[1]}"
                )
        super().__init__(name, width, height, fps, len(self._files))
        self.is_still = len(self._files) == 1
        self.index_of_image = {file.name: index for index, file in self._files}

    def __iter__(self) -> Iterator[Frame]:
        unreadable = 0
        for index, file in self._files:
            try:
                image = _read_image(file, self.work_width, self.work_height)
            except InputError:
                if len(self._files) == 1:
                    raise
                unreadable += 1
                continue
            yield Frame(index, index / self.fps, image)
        if unreadable == len(self._files):
            raise self._none_readable(self.name)
        self.warnings[:] = [f"{unreadable} of {len(self._files)} images cannot be read"] if unreadable else []

    def _none_readable(self, name: str) -> InputError:
        return InputError(f"{name}: none of its {len(self._files)} images can be read; they are damaged")


class _UnreadableError(InputError):
    """The file holds no image: in a series of images it is left out."""


@contextmanager
def _open_image(file: Path) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow: large images (MAX_PIXELS is our limit), odd palettes, odd EXIF
        with _opened(file) as image:
            yield image


def _opened(file: Path) -> Image.Image:
    try:
        return Image.open(file, formats=IMAGE_FORMATS)
    except Image.DecompressionBombError as error:
        raise InputError(f"{file}: more than {MAX_PIXELS // 10**6} million pixels; make it smaller first") from error
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        what = "an empty file" if file.stat().st_size == 0 else "something else or a broken one"
        raise _UnreadableError(f"{file}: expected an image, got {what}") from error


def _has_orientation(image: Image.Image) -> bool:
    return image.format != "PNG"  # to look for it there, Pillow decodes the whole image; cameras do not write PNG


def _image_size(file: Path) -> tuple[int, int]:
    with _open_image(file) as image:
        _check_size(str(file), *image.size)
        sideways = _has_orientation(image) and image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        return (image.height, image.width) if sideways else image.size


def _read_image(file: Path, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    try:
        with _open_image(file) as image:
            oriented = _has_orientation(image)
            side = max(width, height)
            image.draft("RGB", (side, side))  # a large JPEG is decoded at a fraction of its size
            if image.mode.startswith("I"):  # 16 bits: Pillow would clip instead of scaling
                image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
            image = (ImageOps.exif_transpose(image) if oriented else image).convert("RGB")
            if image.size != (width, height):
                smaller = width < image.width
                image = image.resize((width, height), Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR)
            return np.array(image)
    except (OSError, ValueError, SyntaxError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: an image that is damaged ({_reason(error)})") from error


class _VideoSource(FrameSource):
    def __init__(self, file: Path, start_s: float, end_s: float | None) -> None:
        self._file, self._start_s, self._end_s = file, start_s, np.inf if end_s is None else end_s
        self._aspect = Fraction(1)
        if not file.is_file():
            raise InputError(f"{file}: not a file")
        if file.stat().st_size == 0:
            raise InputError(f"{file}: expected a video or an image, got an empty file")
        with self._open() as container:
            stream = container.streams.video[0]
            _check_size(str(file), stream.width, stream.height)
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
                f"{self._file}: not a video that can be read ({_reason(error)});"
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
                damage.append(_reason(error))
                return
            try:
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        yield frame
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, ValueError) as error:
                damage.append(_reason(error))

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


def ahead(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames that a thread decodes while the caller is busy with those before; what it raises is raised here."""
    waiting: Queue[Frame | BaseException | None] = Queue(_AHEAD)
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
            self._waiting: Queue[tuple[np.ndarray, int] | None] = Queue(_AHEAD)
            self._failure: BaseException | None = None
            self._thread = Thread(target=self._encode, daemon=True)
            self._thread.start()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._replacing.__exit__(type(error), error, error.__traceback__)
            raise OutputError(f"cannot write {path}: {_reason(error)}") from error

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
            raise OutputError(f"cannot write {self._path}: {_reason(error)}") from error

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
