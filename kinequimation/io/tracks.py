"""Points by the names of the file that they come from: what tables and COCO files are read into.

``to_clip`` puts them into our slots, and gives frames their numbers and times.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.coco import horse10_near_side
from kinequimation.errors import InputError
from kinequimation.io.keypoint_names import is_horse10, slots_of
from kinequimation.io.keypoints import HorseKeypoints, KeypointClip
from kinequimation.text import natural_key

if TYPE_CHECKING:
    from jaxtyping import Float, Int

BOX_MARGIN = 0.1
"""A box that is not given is that of the points, this share of its sides wider all round (a guess)."""
SURE_FROM = 0.05
"""Confidence from which a point counts for the box."""
MAX_ABS_PX = 1e6
MAX_HORSES = 200
"""Most horses in one frame."""
MAX_NAMES = 2000
MAX_ROWS = 2_000_000
MAX_HOLES = 20_000
"""Most frames without a horse that are put between others; ``Seen`` takes no more either."""


@dataclass(frozen=True)
class Tracks:
    """Points of horses in frames, by the names of their file; a row is one horse in one frame.

    Attributes:
        names: of the points.
        frame: [N] number of the frame, from 0; where ``images`` is not empty, the number of the image in it.
        horse: [N] which horse it is, from 1.
        uv_px: [N, K, 2] pixels of the frame, NaN where missing.
        confidence: [N, K] in [0, 1], 0 where missing.
        images: names of the images in the order of the file; empty where frames have numbers only.
        bbox_xywh: [N, 4] boxes, NaN where none is given.
        score: [N] of the horse, in [0, 1].
        size: width and height of the frames; None where the file does not say.

    Raises:
        InputError: there is nothing in it.
    """

    names: tuple[str, ...]
    frame: Int[np.ndarray, " n"]
    horse: Int[np.ndarray, " n"]
    uv_px: Float[np.ndarray, "n k 2"]
    confidence: Float[np.ndarray, "n k"]
    images: tuple[str, ...]
    bbox_xywh: Float[np.ndarray, "n 4"]
    score: Float[np.ndarray, " n"]
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if len(self.frame) == 0 or not self.names:
            raise InputError("expected one frame or more with points, got none")
        if len(self.names) > MAX_NAMES:
            raise InputError(f"expected at most {MAX_NAMES} names of points, got {len(self.names)}")

    @property
    def near_side(self) -> str:
        """Return the horse's own side that faces the camera in most frames, for names with near and off."""
        if not is_horse10(self.names):
            return "L"
        values = np.concatenate([self.uv_px, (self.confidence > SURE_FROM)[..., None]], axis=-1)
        sides = Counter(horse10_near_side(dict(zip(self.names, row, strict=True))) for row in values)
        return sides.most_common(1)[0][0]


def number_in(cell: str, line: int) -> float:
    """Return the number in a cell of a table, NaN where it is empty; ``line`` is told where it holds something else."""
    if not cell.strip():
        return math.nan
    try:
        return float(cell)
    except ValueError as error:
        raise InputError(f"line {line}: expected a number, got {cell[:40]!r}") from error


def to_clip(
    tracks: Tracks,
    source: str,
    fps: float,
    size: tuple[int, int],
    own: Mapping[str, str | None] | None = None,
    index_of: Mapping[str, int] | None = None,
) -> KeypointClip:
    """Put points into our slots.

    Args:
        tracks: what was read.
        source: what they are points of.
        fps: frames per second; a frame's time is its number over it.
        size: width and height of the frames.
        own: what some names mean (``keypoint_names.slots_of``).
        index_of: number of each image of the source by its name; empty or None takes the number at the end of each
            image's name, where all have one, else their order.

    Raises:
        InputError: no name is known, or no image is one of the source's.
    """
    slots = np.array(slots_of(tracks.names, own, tracks.near_side))
    kept = np.flatnonzero(slots >= 0)
    numbers = _numbers(tracks, index_of or {})
    frames: dict[int, dict[int, HorseKeypoints]] = {}
    for row, number in enumerate(numbers):
        if number < 0:
            continue
        uv = np.full((skeleton.NUM_KEYPOINTS, 2), np.nan)
        confidence = np.zeros(skeleton.NUM_KEYPOINTS)
        uv[slots[kept]], confidence[slots[kept]] = tracks.uv_px[row, kept], tracks.confidence[row, kept]
        box = tracks.bbox_xywh[row]
        box = box if np.isfinite(box).all() and (box[2:] > 0).all() else _box(uv, confidence)
        horses = frames.setdefault(int(number), {})
        if box is None:
            continue
        horse = int(tracks.horse[row])
        if horse in horses:
            raise InputError(f"frame {number}: expected horse {horse} once, got it twice; its frames' names end alike")
        horses[horse] = HorseKeypoints(horse, box, float(tracks.score[row]), uv, confidence)
    if not frames:
        raise InputError("expected points of the images that were given, got none of their names")
    if not any(frames.values()):
        raise InputError("expected two points of a horse or more in some frame, got fewer")
    order = _without_holes(sorted(frames))
    return KeypointClip(
        source=source,
        fps=fps,
        width=size[0],
        height=size[1],
        t_s=np.array(order) / fps,
        index=np.array(order, np.int64),
        horses=tuple(tuple(h for _, h in sorted(frames.get(number, {}).items())) for number in order),
    )


def _without_holes(numbers: list[int]) -> list[int]:
    """Return the numbers with those that are missing between frames one after the other: no horse was seen in them."""
    whole = numbers[-1] - numbers[0] + 1
    if len(numbers) < 2 or np.mean(np.diff(numbers) == 1) < 0.5 or whole > len(numbers) + MAX_HOLES:
        return numbers
    return list(range(numbers[0], numbers[-1] + 1))


def _box(uv_px: np.ndarray, confidence: np.ndarray) -> Float[np.ndarray, " 4"] | None:
    points = uv_px[confidence > SURE_FROM]
    if len(points) < 2:
        return None
    low, high = points.min(0), points.max(0)
    margin = BOX_MARGIN * (high - low) + 1.0
    return np.concatenate([low - margin, high - low + 2 * margin])


def _numbers(tracks: Tracks, index_of: Mapping[str, int]) -> Int[np.ndarray, " n"]:
    """Return the frame's number of each row; −1 for an image that the source does not have."""
    if not tracks.images:
        return tracks.frame
    names = [PurePosixPath(name.replace("\\", "/")).name for name in tracks.images]
    if index_of:
        found = np.array([index_of.get(name, -1) for name in names])
    else:
        digits = [re.search(r"(\d{1,9})\D*$", PurePosixPath(name).stem) for name in names]
        listed = [-1 if match is None else int(match[1]) for match in digits]
        if min(listed) < 0 or len(set(listed)) < len(listed):
            order = sorted(range(len(names)), key=lambda i: natural_key(names[i]))
            found = np.empty(len(names), int)
            found[order] = np.arange(len(names))
        else:
            found = np.array(listed)
    return found[tracks.frame]
