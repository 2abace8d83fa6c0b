"""One image, or several as the frames of a film (Pillow)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kinequimation.errors import InputError
from kinequimation.video.source import MAX_PIXELS, Frame, FrameSource, check_size, reason_of

if TYPE_CHECKING:
    from jaxtyping import UInt8

IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
"""What Pillow may take a file for, whatever its name: a PostScript file named .png would be run by Ghostscript."""
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
DEFAULT_IMAGE_FPS = 25.0


class ImageSource(FrameSource):
    """One image, or several at even times; those that cannot be read are left out.

    Raises:
        InputError: none can be read, they differ in size, or none lies between the times.
    """

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
        check_size(str(file), *image.size)
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
        raise InputError(f"{file}: an image that is damaged ({reason_of(error)})") from error
