"""``keypoints.json`` (format ``kinequimation-keypoints/1``); ``keypoints_csv`` writes the same flat.

The JSON is one object::

    {"format": "kinequimation-keypoints/1", "source", "fps", "width", "height",
     "keypoints": [names, horse68 first, then the landmarks],
     "frames": [{"index", "t_s", "horses": [
         {"id", "bbox_xywh", "score", "uv_px": [[x, y]...], "confidence": [...],
          "xyz_cam": [[X, Y, Z]...], "root_xyz_cam": [X, Y, Z],
          "raw_uv_px": [[x, y]...], "raw_confidence": [...]}]}]}

Pixels are those of the source frame, (0, 0) the centre of its top-left pixel. 3D is in withers heights and camera axes
(x right, y down, z forward), ``xyz_cam`` relative to the root (the sacrum, ``DEF-spine.001``), whose own position is
``root_xyz_cam``; both are null where nothing was lifted. A point that is missing is null and has confidence 0.
``raw_uv_px`` and ``raw_confidence`` stand only where ``uv_px`` was cleaned over time: what the network said before.

People correct such files by hand and other programs write them, so the reader takes the keypoints in any order and any
subset of them, and doubts everything else.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    from jaxtyping import Float, Int

FORMAT = "kinequimation-keypoints/1"
MAX_BYTES = 256 << 20
"""Largest file that is read: some 50,000 frames of one horse, half as many with raw points."""
_MAX_ABS = 1e6
_MAX_SIZE_PX = 1 << 16


@dataclass(frozen=True)
class HorseKeypoints:
    """One horse in one frame; points in the order of ``skeleton.KEYPOINTS``.

    Attributes:
        id: which horse of the clip it is.
        bbox_xywh: [4] left, top, width, height, pixels.
        score: the detector's, in [0, 1].
        uv_px: [103, 2] pixels of the source frame; NaN where missing.
        confidence: [103] in [0, 1]; 0 where missing.
        xyz_cam: [103, 3] camera axes, withers heights, relative to the root; NaN where missing; None if not lifted.
        root_xyz_cam: [3] the root in the camera, withers heights; None if not lifted.
        raw_uv_px: [103, 2] the points before they were cleaned over time; None if they were not.
        raw_confidence: [103] the same of their confidence.

    Raises:
        InputError: a shape is wrong, or a number is not finite where it must be or out of range.
    """

    id: int
    bbox_xywh: Float[np.ndarray, " 4"]
    score: float
    uv_px: Float[np.ndarray, "103 2"]
    confidence: Float[np.ndarray, " 103"]
    xyz_cam: Float[np.ndarray, "103 3"] | None = None
    root_xyz_cam: Float[np.ndarray, " 3"] | None = None
    raw_uv_px: Float[np.ndarray, "103 2"] | None = None
    raw_confidence: Float[np.ndarray, " 103"] | None = None

    def __post_init__(self) -> None:
        n = skeleton.NUM_KEYPOINTS
        _check_array("bbox_xywh", self.bbox_xywh, (4,))
        _check_array("uv_px", self.uv_px, (n, 2))
        _check_array("confidence", self.confidence, (n,))
        if self.xyz_cam is not None:
            _check_array("xyz_cam", self.xyz_cam, (n, 3))
        if self.root_xyz_cam is not None:
            _check_array("root_xyz_cam", self.root_xyz_cam, (3,))
        if (self.xyz_cam is None) != (self.root_xyz_cam is None):
            raise InputError("xyz_cam and root_xyz_cam: expected both or neither")
        if not np.isfinite(self.bbox_xywh).all() or min(self.bbox_xywh[2:]) <= 0:
            raise InputError("bbox_xywh: expected x, y, width, height with a width and a height above 0")
        if self.root_xyz_cam is not None and not np.isfinite(self.root_xyz_cam).all():
            raise InputError("root_xyz_cam: expected three numbers")
        if not 0 <= self.score <= 1:
            raise InputError(f"score: expected a number from 0 to 1, got {self.score}")
        _check_confidence("confidence", self.confidence, self.uv_px)
        if (self.raw_uv_px is None) != (self.raw_confidence is None):
            raise InputError("raw_uv_px and raw_confidence: expected both or neither")
        if self.raw_uv_px is not None and self.raw_confidence is not None:
            _check_array("raw_uv_px", self.raw_uv_px, (n, 2))
            _check_array("raw_confidence", self.raw_confidence, (n,))
            _check_confidence("raw_confidence", self.raw_confidence, self.raw_uv_px)


Horses = Iterable[tuple[HorseKeypoints, ...]]
"""The horses of one frame after the other."""


def _check_confidence(name: str, confidence: np.ndarray, uv_px: np.ndarray) -> None:
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise InputError(f"{name}: expected numbers from 0 to 1")
    if np.any(confidence[~np.isfinite(uv_px).all(1)] > 0):
        raise InputError(f"{name}: expected 0 for a point whose {name.replace('confidence', 'uv_px')} is missing")


def _check_array(name: str, value: np.ndarray, shape: tuple[int, ...]) -> None:
    if np.shape(value) != shape:
        raise InputError(f"{name}: expected shape {shape}, got {np.shape(value)}")
    if np.any(np.abs(value) > _MAX_ABS):
        raise InputError(f"{name}: expected numbers from {-_MAX_ABS:g} to {_MAX_ABS:g}, got larger ones")


@dataclass(frozen=True)
class ClipHead:
    """What is known of a video or an image beside the keypoints in its frames.

    Attributes:
        source: the file that they were found in.
        fps: nominal frames per second.
        width, height: size of the source frame, pixels.
        t_s: [T] seconds, rising.
        index: [T] number of each frame in the source, from 0, rising.

    Raises:
        InputError: a value is out of range, or the lengths differ.
    """

    source: str
    fps: float
    width: int
    height: int
    t_s: Float[np.ndarray, " frames"]
    index: Int[np.ndarray, " frames"]

    def __post_init__(self) -> None:
        if not (np.isfinite(self.fps) and 0 < self.fps <= _MAX_ABS):
            raise InputError(f"fps: expected a number above 0, got {self.fps}")
        for name in ("width", "height"):
            if not 0 < getattr(self, name) <= _MAX_SIZE_PX:
                raise InputError(f"{name}: expected 1 to {_MAX_SIZE_PX} pixels, got {getattr(self, name)}")
        if len(self.t_s) != len(self.index):
            raise InputError(f"expected as many times as indices, got {len(self.t_s)} and {len(self.index)}")
        if len(self.index) == 0:
            raise InputError("frames: expected one or more, got none")
        if not np.isfinite(self.t_s).all() or np.any(np.diff(self.t_s) <= 0):
            raise InputError("t_s: expected times that rise from frame to frame")
        if self.index[0] < 0 or np.any(np.diff(self.index) <= 0):
            raise InputError("index: expected whole numbers from 0 up that rise from frame to frame")

    def __len__(self) -> int:
        return len(self.index)

    @property
    def names(self) -> tuple[str, ...]:
        """The 103 keypoints, in the order of every array here."""
        return skeleton.KEYPOINTS


@dataclass(frozen=True)
class KeypointClip(ClipHead):
    """The keypoints of every horse in every frame of a video or of one image.

    Attributes:
        horses: for each frame its horses; an empty tuple where there is none.

    Raises:
        InputError: a value is out of range, or the lengths differ.
    """

    horses: tuple[tuple[HorseKeypoints, ...], ...]

    def __post_init__(self) -> None:
        if not len(self.t_s) == len(self.index) == len(self.horses):
            raise InputError(
                f"expected as many times and indices as frames, got {len(self.t_s)}, {len(self.index)} and"
                f" {len(self.horses)}"
            )
        super().__post_init__()
        for i, horses in zip(self.index, self.horses, strict=True):
            if len({h.id for h in horses}) != len(horses):
                raise InputError(f"frame {i}: expected horses with different ids")


def write_keypoints_json(path: str | PathLike[str], clip: ClipHead, horses: Horses | None = None) -> None:
    """Write a clip as JSON, frame by frame, one a line; pixels to 0.01, confidence to 0.0001, 3D to 0.00001.

    Args:
        path: the file to write.
        clip: what it is of.
        horses: of each frame, as they come, where they are more than the memory should hold; those of a
            ``KeypointClip`` if None.

    Raises:
        OutputError: the file cannot be written.
    """
    head = {
        "format": FORMAT,
        "source": clip.source,
        "fps": float(clip.fps),
        "width": int(clip.width),
        "height": int(clip.height),
        "keypoints": list(clip.names),
    }
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as f:
        f.write(_dumps(head)[:-1] + ',"frames":[')
        for t, (index, t_s, found) in enumerate(frames_of(clip, horses)):
            frame = {"index": index, "t_s": round(t_s, 6), "horses": [_horse_to_json(h) for h in found]}
            f.write((",\n" if t else "\n") + _dumps(frame))
        f.write("\n]}\n")


def frames_of(clip: ClipHead, horses: Horses | None) -> Iterator[tuple[int, float, tuple[HorseKeypoints, ...]]]:
    """Yield index, time and horses of each frame; ``horses`` as for ``write_keypoints_json``."""
    if horses is None:
        if not isinstance(clip, KeypointClip):
            raise InputError("horses: expected those of each frame, got none")
        horses = clip.horses
    for index, t_s, found in zip(clip.index, clip.t_s, horses, strict=True):
        yield int(index), float(t_s), found


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _horse_to_json(horse: HorseKeypoints) -> dict[str, Any]:
    lifted = horse.xyz_cam is not None and horse.root_xyz_cam is not None
    entry = {
        "id": int(horse.id),
        "bbox_xywh": np.round(np.asarray(horse.bbox_xywh, float), 2).tolist(),
        "score": round(float(horse.score), 4),
        "uv_px": _points_to_json(horse.uv_px, 2),
        "confidence": np.round(np.asarray(horse.confidence, float), 4).tolist(),
        "xyz_cam": _points_to_json(horse.xyz_cam, 5) if lifted else None,
        "root_xyz_cam": np.round(np.asarray(horse.root_xyz_cam, float), 5).tolist() if lifted else None,
    }
    if horse.raw_uv_px is not None and horse.raw_confidence is not None:
        entry["raw_uv_px"] = _points_to_json(horse.raw_uv_px, 2)
        entry["raw_confidence"] = np.round(np.asarray(horse.raw_confidence, float), 4).tolist()
    return entry


def _points_to_json(points: Any, decimals: int) -> list[list[float] | None]:
    values = np.round(np.asarray(points, float), decimals)
    missing = np.asarray(np.isnan(values).any(-1))
    return [None if m else row for m, row in zip(missing.tolist(), values.tolist(), strict=True)]


def read_keypoints_json(path: str | PathLike[str]) -> KeypointClip:
    """Read and check a ``keypoints.json``.

    Names may come in any order and be a subset of ``skeleton.KEYPOINTS``: the points that the file does not name are
    missing (NaN, confidence 0), as are points that are null, whatever their confidence.

    Raises:
        InputError: the file cannot be read, is larger than ``MAX_BYTES``, or is not of the format; names the place.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: expected at most {MAX_BYTES >> 20} MB, got {size >> 20} MB; cut it into parts")
        document = json.loads(  # "sig": some editors put a byte order mark in front
            path.read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant, parse_int=parse_whole_number
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except RecursionError as error:
        raise InputError(f"{path}: expected a keypoints file, got one that is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected JSON, got something else ({error})") from error
    try:
        return clip_from_json(document)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number; a missing point is null")


def parse_whole_number(text: str) -> int | float:
    """Return a number of JSON without a point, for ``parse_int``: int() of a million digits takes for ever."""
    return int(text) if len(text) < 16 else float(text)


def clip_from_json(document: Any) -> KeypointClip:
    """Return the clip of a file that was parsed already, by ``json`` with ``parse_whole_number``.

    Raises:
        InputError: it is not of the format; names the place.
    """
    top = _typed(document, dict, "the file", "an object")
    if top.get("format") != FORMAT:
        raise InputError(f"format: expected {FORMAT!r}, got {_short(top.get('format'))}")
    slots = _slots(_typed(top.get("keypoints"), list, "keypoints", "a list of names"))
    frames = _typed(top.get("frames"), list, "frames", "a list")
    index, t_s, horses = [], [], []
    for i, item in enumerate(frames):
        frame = _typed(item, dict, f"frames[{i}]", "an object")
        index.append(_whole(frame.get("index"), f"frames[{i}].index"))
        t_s.append(_number(frame.get("t_s"), f"frames[{i}].t_s"))
        listed = _typed(frame.get("horses"), list, f"frames[{i}].horses", "a list")
        horses.append(tuple(_horse_from_json(h, f"frames[{i}].horses[{k}]", slots) for k, h in enumerate(listed)))
    return KeypointClip(
        source=_typed(top.get("source"), str, "source", "a text"),
        fps=_number(top.get("fps"), "fps"),
        width=_whole(top.get("width"), "width"),
        height=_whole(top.get("height"), "height"),
        t_s=np.array(t_s),
        index=np.array(index, np.int64),
        horses=tuple(horses),
    )


def _slots(names: list[Any]) -> np.ndarray:
    """Return the slot of each of the file's names."""
    for name in names:
        if not isinstance(name, str) or name not in skeleton.KEYPOINT_INDEX:
            raise InputError(f"keypoints: expected names of horse68 and of the landmarks, got {_short(name)}")
    if not names or len(set(names)) != len(names):
        got = "one twice" if names else "none"
        raise InputError(f"keypoints: expected 1 to {skeleton.NUM_KEYPOINTS} different names, got {got}")
    return np.array([skeleton.KEYPOINT_INDEX[name] for name in names])


def _horse_from_json(item: Any, where: str, slots: np.ndarray) -> HorseKeypoints:
    horse = _typed(item, dict, where, "an object")
    lifted = horse.get("xyz_cam") is not None or horse.get("root_xyz_cam") is not None
    cleaned = horse.get("raw_uv_px") is not None or horse.get("raw_confidence") is not None
    values = {
        "bbox_xywh": _numbers(horse.get("bbox_xywh"), 4, f"{where}.bbox_xywh"),
        **_points_with_confidence(horse, "", slots, where),
        **(_points_with_confidence(horse, "raw_", slots, where) if cleaned else {}),
        "xyz_cam": _points(horse.get("xyz_cam"), 3, slots, f"{where}.xyz_cam") if lifted else None,
        "root_xyz_cam": _numbers(horse.get("root_xyz_cam"), 3, f"{where}.root_xyz_cam") if lifted else None,
    }
    horse_id, score = _whole(horse.get("id"), f"{where}.id"), _number(horse.get("score"), f"{where}.score")
    try:
        return HorseKeypoints(id=horse_id, score=score, **values)
    except InputError as error:
        raise InputError(f"{where}.{error}") from error


def _points_with_confidence(horse: dict[str, Any], prefix: str, slots: np.ndarray, where: str) -> dict[str, np.ndarray]:
    uv_px = _points(horse.get(f"{prefix}uv_px"), 2, slots, f"{where}.{prefix}uv_px")
    listed = np.nan_to_num(_numbers(horse.get(f"{prefix}confidence"), len(slots), f"{where}.{prefix}confidence"))
    confidence = np.zeros(skeleton.NUM_KEYPOINTS)
    confidence[slots] = np.where(np.isfinite(uv_px[slots]).all(1), listed, 0.0)
    return {f"{prefix}uv_px": uv_px, f"{prefix}confidence": confidence}


def _points(value: Any, k: int, slots: np.ndarray, where: str) -> np.ndarray:
    """Return [103, k] from a list of one point, or null, for each name of the file."""
    listed = _typed(value, list, where, f"a list of {len(slots)} points")
    if len(listed) != len(slots):
        raise InputError(f"{where}: expected {len(slots)} points, one for each name in keypoints, got {len(listed)}")
    points = np.full((skeleton.NUM_KEYPOINTS, k), np.nan)
    for i, (slot, point) in enumerate(zip(slots, listed, strict=True)):
        if point is not None:
            points[slot] = _numbers(point, k, f"{where}[{i}]")
    return points


def _numbers(value: Any, n: int, where: str) -> np.ndarray:
    """Return n finite numbers; null becomes NaN."""
    listed = _typed(value, list, where, f"a list of {n} numbers")
    if len(listed) != n:
        raise InputError(f"{where}: expected {n} numbers, got {len(listed)}")
    return np.array([np.nan if v is None else _number(v, where) for v in listed])


def _number(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not abs(value) < float("inf"):
        raise InputError(f"{where}: expected a finite number, got {_short(value)}")
    return float(value)


def _whole(value: Any, where: str) -> int:
    if type(value) is not int:
        raise InputError(f"{where}: expected a whole number, got {_short(value)}")
    return value


def _typed(value: Any, kind: type, where: str, what: str) -> Any:
    if not isinstance(value, kind):
        raise InputError(f"{where}: expected {what}, got {_short(value)}")
    return value


def _short(value: Any) -> str:
    return "nothing" if value is None else reprlib.repr(value)
