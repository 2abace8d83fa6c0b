"""PNG files without what changes from run to run (https://www.w3.org/TR/png-3)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Bool

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AROUND = 12
"""Bytes of a chunk besides its data: length, kind, checksum."""


def mask_png(mask: Bool[np.ndarray, "h w"]) -> bytes:
    """Return a grey PNG, 255 where the mask is set."""
    height, width = mask.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, 0: none
    rows[:, 1:] = np.where(mask, 255, 0)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def drop_remarks(path: Path) -> None:
    """Take out of a PNG file what is not its picture: Cycles notes there how long it took."""
    data = path.read_bytes()
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    while at + _AROUND <= len(data):
        end = at + _AROUND + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 5].isupper():  # a picture cannot be shown without these
            kept.append(data[at:end])
        at = end
    path.write_bytes(b"".join(kept))
