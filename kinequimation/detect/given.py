"""Boxes from elsewhere: a file of them, or a detector of the user's own. Both are a ``detect.Detector``.

A file of boxes is CSV with a header that names at least ``frame, x, y, w, h`` (``score`` if there is one)::

    frame,x,y,w,h,score
    0,120,80,640,480,0.97

or JSON, a list of the same as objects::

    [{"frame": 0, "bbox": [120, 80, 640, 480], "score": 0.97}, ...]

``frame`` counts the frames that are used, from 0; pixels are those of the source, (0, 0) the centre of its top-left
pixel. Several boxes of a frame are several horses; who is who is found out.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation.detect.infer import Detection
from kinequimation.errors import InputError
from kinequimation.io.whole_file import read_whole

if TYPE_CHECKING:
    from jaxtyping import UInt8

    from kinequimation.detect.find import Detector

MAX_BYTES = 64 << 20
"""Largest file that is read: some million boxes."""
MAX_PX = 1e6
_COLUMNS = ("frame", "x", "y", "w", "h")


class GivenBoxes:
    """A ``Detector`` that knows the boxes of every frame beforehand.

    Args:
        boxes: for each frame, by number from 0, its boxes.
        scale_xy: pixels of the frames that are handed out to a pixel of the boxes' (``video.FrameSource`` hands out
            large frames smaller).
    """

    def __init__(self, boxes: dict[int, list[Detection]], scale_xy: tuple[float, float] = (1.0, 1.0)) -> None:
        self._boxes = boxes
        self._scale = np.array(scale_xy, float)
        self._frame = -1

    @classmethod
    def read(cls, path: str | Path, scale_xy: tuple[float, float] = (1.0, 1.0)) -> GivenBoxes:
        """Read a file of boxes.

        Raises:
            InputError: the file cannot be read, or a row of it is no box.
        """
        path = Path(path)
        try:
            text = read_whole(path, MAX_BYTES).decode("utf-8-sig")
        except OSError as error:
            raise InputError(f"--boxes: {path} cannot be read ({error.strerror or error})") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: expected boxes as CSV or JSON text, got something else") from error
        rows = _json_rows(path, text) if text.lstrip()[:1] in ("[", "{") else _csv_rows(path, text)
        boxes: dict[int, list[Detection]] = {}
        for number, row in enumerate(rows):
            frame, detection = _detection(path, number, row)
            boxes.setdefault(frame, []).append(detection)
        if not boxes:
            raise InputError(f"{path}: expected at least one box, got none")
        return cls(boxes, scale_xy)

    def detect(self, image_rgb: UInt8[np.ndarray, "h w 3"], /) -> list[Detection]:
        """Return the boxes of the next frame."""
        self._frame += 1
        found = self._boxes.get(self._frame, [])
        scale = np.tile(self._scale, 2)
        half = np.array([0.5, 0.5, 0.0, 0.0])  # pixel 0 has its centre at 0: its edge, at -0.5, stays where it is
        return [Detection((d.bbox_xywh + half) * scale - half, d.score) for d in found]


def _csv_rows(path: Path, text: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(text.splitlines())
    names = [name.strip().lower() for name in reader.fieldnames or []]
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise InputError(f"{path}: expected the columns {', '.join(_COLUMNS)}, got {', '.join(names) or 'none'}")
    reader.fieldnames = names
    try:
        return [{**row, "bbox": [row[k] for k in _COLUMNS[1:]]} for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}: expected CSV, got something unreadable ({error})") from error


def _json_rows(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON, got something unreadable ({type(error).__name__})") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f'{path}: expected a list of {{"frame": 0, "bbox": [x, y, w, h], "score": 1}}, got another JSON'
        )
    return rows


def _detection(path: Path, number: int, row: dict[str, Any]) -> tuple[int, Detection]:
    """Return the frame and the box that a row says."""
    try:
        frame = float(row["frame"])
        box = np.array([float(v) for v in row["bbox"]])
        score = float(row["score"]) if row.get("score") not in (None, "") else 1.0
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: row {number + 1}: expected a frame and a box x, y, w, h as numbers") from error
    fine = box.shape == (4,) and bool(np.all(np.abs(box) <= MAX_PX)) and bool(np.all(box[2:] >= 1))
    if not fine or not math.isfinite(frame) or frame < 0 or frame != int(frame) or not 0 <= score <= 1:
        raise InputError(
            f"{path}: row {number + 1}: expected a frame from 0, a box at least a pixel wide and high, and a score from"
            f" 0 to 1"
        )
    return int(frame), Detection(box, score)


def load_detector(name: str) -> Detector:
    """Return an object of a detector's class.

    Args:
        name: ``package.module:Class`` that Python can import, or ``file.py:Class``; the class is called without
            arguments. It is the user's own code, and runs.

    Raises:
        InputError: it cannot be imported, or has no ``detect``.
    """
    module_name, _, class_name = name.rpartition(":")
    if not module_name or not class_name.isidentifier():
        raise InputError(f"--detector: expected module:Class or file.py:Class, got {name!r}")
    try:
        module = _module_of(module_name)
        detector = getattr(module, class_name)()
    except Exception as error:  # the user's code may raise anything
        raise InputError(f"--detector: {name} cannot be used ({type(error).__name__}: {error})") from error
    if not callable(getattr(detector, "detect", None)):
        raise InputError(f"--detector: expected {name} to have a method detect(image_rgb), got none")
    return detector


def _module_of(name: str) -> Any:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module in {name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
