"""The pixels of labelled photographs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation.dataset.coco import LabelledImage
from kinequimation.errors import InputError
from kinequimation.io.whole_file import read_whole

if TYPE_CHECKING:
    from jaxtyping import UInt8

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
MAX_FILE_BYTES = 256 << 20
"""A guess: no photograph that someone labels is larger."""


def read_photograph(image: LabelledImage) -> UInt8[np.ndarray, "h w 3"]:
    """Read an image as its pixels lie in the file, which is what COCO's coordinates mean (no EXIF turn).

    Raises:
        InputError: it is no image, or not of the size that its label says.
    """
    try:
        with Image.open(io.BytesIO(read_whole(image.path, MAX_FILE_BYTES)), formats=FORMATS) as opened:
            if opened.size != (image.width, image.height):
                got = f"{opened.size[0]}×{opened.size[1]}"
                raise InputError(f"{image.path}: expected {image.width}×{image.height} as annotated, got {got}")
            return np.asarray(opened.convert("RGB"))
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{image.path}: named in the label file, but not there; --images DIR says where") from error
    except Exception as error:  # Pillow raises whatever its decoders do
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"{image.path}: expected an image, got something unreadable ({reason.lower()})") from error
