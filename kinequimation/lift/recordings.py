"""Clips as the 2D network really sees drawn horses, beside the truth: training data with the network's own errors.

``pipeline.recordings`` makes them (``kinequimation dataset recordings``). One ``.npz``, plain arrays, N clips of T
frames; lengths in withers heights::

    format        "kinequimation-recordings/1"
    uv_px         [N, T, 103, 2] float32 pixels, cleaned over time; 0 where missing
    confidence    [N, T, 103] float32, 0 where missing
    xyz_world     [N, T, 103, 3] float32, Z up, the ground at 0
    contact       [N, T, 4] float32, in the order LF, RF, LH, RH
    K             [N, T, 3, 3] float32 pixels
    rotation      [N, T, 3, 3] float32 from world axes to camera axes
    position      [N, T, 3] float32 of the camera, in the world
    size_px       [N, 2] float32 width and height
    fps           [N] float32
    name          [N] what the horse does
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import UNREADABLE_ARCHIVE, InputError, OutputError
from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    from jaxtyping import Float

FORMAT = "kinequimation-recordings/1"
MAX_BYTES = 8_000_000_000
_N = skeleton.NUM_KEYPOINTS
_SHAPES: dict[str, tuple[int, ...]] = {
    "uv_px": (_N, 2),
    "confidence": (_N,),
    "xyz_world": (_N, 3),
    "contact": (len(skeleton.LIMBS),),
    "K": (3, 3),
    "rotation": (3, 3),
    "position": (3,),
}
"""Of the arrays with a row for each frame."""


@dataclass(frozen=True)
class Recordings:
    """Recorded clips; the arrays are those of the file.

    Raises:
        InputError: an array has the wrong shape or kind, or is not finite.
    """

    uv_px: Float[np.ndarray, "n t k 2"]
    confidence: Float[np.ndarray, "n t k"]
    xyz_world: Float[np.ndarray, "n t k 3"]
    contact: Float[np.ndarray, "n t 4"]
    K: Float[np.ndarray, "n t 3 3"]
    rotation: Float[np.ndarray, "n t 3 3"]
    position: Float[np.ndarray, "n t 3"]
    size_px: Float[np.ndarray, "n 2"]
    fps: Float[np.ndarray, " n"]
    name: np.ndarray

    def __post_init__(self) -> None:
        n, t = self.uv_px.shape[:2] if self.uv_px.ndim == 4 else (0, 0)
        expected = {name: (n, t, *shape) for name, shape in _SHAPES.items()}
        expected |= {"size_px": (n, 2), "fps": (n,), "name": (n,)}
        for name, shape in expected.items():
            value = np.asarray(getattr(self, name))
            if value.shape != shape or n == 0 or t == 0:
                raise InputError(f"recordings {name}: expected shape {shape}, got {value.shape}")
            if value.dtype.kind != ("U" if name == "name" else "f"):
                raise InputError(f"recordings {name}: expected {'names' if name == 'name' else 'floats'}")
            if name != "name" and not np.isfinite(value).all():
                raise InputError(f"recordings {name}: expected finite numbers, got NaN or infinity")

    def __len__(self) -> int:
        return len(self.fps)

    @staticmethod
    def joined(parts: list[Recordings]) -> Recordings:
        """Return the clips of several recordings, all of one length, as one."""
        names = [f.name for f in fields(Recordings)]
        return Recordings(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def write_recordings(path: Path, recordings: Recordings) -> None:
    """Write recordings.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays = {f.name: getattr(recordings, f.name) for f in fields(recordings)}
    try:
        with replacing(path) as partial, partial.open("wb") as f:
            np.savez_compressed(f, format=np.array(FORMAT), **arrays)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def read_recordings(path: Path) -> Recordings:
    """Read recordings; nothing is unpickled.

    Raises:
        InputError: the file is not there, is none of recordings, or unpacks to more than ``MAX_BYTES``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise InputError(f"{path}: expected {MAX_BYTES / 1e9:g} GB of clips at most, got more")
        with np.load(path, allow_pickle=False) as data:
            found = str(data["format"])
            if found != FORMAT:
                raise InputError(f"{path}: expected format {FORMAT}, got {found!r}")
            return Recordings(*(data[f.name] for f in fields(Recordings)))
    except UNREADABLE_ARCHIVE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected recordings (kinequimation dataset recordings), got {error}") from error
