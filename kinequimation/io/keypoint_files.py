"""A file of keypoints, whoever made it: ``keypoints.json``, COCO, DeepLabCut or SLEAP, told apart by what is in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kinequimation.errors import InputError
from kinequimation.io.coco_tracks import tracks_of_coco
from kinequimation.io.dlc_csv import is_dlc, read_dlc
from kinequimation.io.keypoints import FORMAT, MAX_BYTES, KeypointClip, clip_from_json, parse_whole_number
from kinequimation.io.sleap_csv import is_sleap, read_sleap
from kinequimation.io.whole_file import read_whole

if TYPE_CHECKING:
    from kinequimation.io.tracks import Tracks

MAX_LINE = 1 << 20
"""Characters of a line of a table; beyond the columns that are taken."""


def read_keypoint_file(path: Path) -> KeypointClip | Tracks:
    """Read a file of keypoints.

    Returns:
        the clip of a ``keypoints.json``; of any other file its points by their own names, which ``tracks.to_clip``
        puts into our slots.

    Raises:
        InputError: the file cannot be read or is of none of these formats; names the place.
    """
    try:
        if path.suffix.lower() == ".csv":
            return _read_table(path)
        data = json.loads(read_whole(path, MAX_BYTES).decode("utf-8-sig"), parse_int=parse_whole_number)
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except RecursionError as error:
        raise InputError(f"{path}: expected a keypoints file, got one that is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: expected keypoints as JSON (ours or COCO) or as .csv (DeepLabCut, SLEAP), got something else"
            f" ({str(error)[:120]})"
        ) from error
    if not isinstance(data, dict | list):
        raise InputError(f"{path}: expected an object of the format {FORMAT!r}, or COCO keypoints, got neither")
    try:
        if isinstance(data, dict) and not {"annotations", "categories"} <= data.keys():
            return clip_from_json(data)
        return tracks_of_coco(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_table(path: Path) -> Tracks:
    text = read_whole(path, MAX_BYTES).decode("utf-8-sig")
    try:
        first = next(csv.reader(_lines(text)), [])
        if is_dlc(first):
            return read_dlc(_lines(text))
        if is_sleap(first):
            return read_sleap(_lines(text))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except csv.Error as error:
        raise InputError(f"{path}: expected a table (CSV), got something unreadable ({error})") from error
    raise InputError(
        f"{path}: expected a table of DeepLabCut (first row: scorer, ...) or SLEAP (track, frame_idx, ...), got"
        f" {', '.join(first)[:80]!r}"
    )


def _lines(text: str) -> Iterator[str]:
    """Yield lines, none of them longer than a table may have."""
    with io.StringIO(text, newline="") as f:
        while line := f.readline(MAX_LINE + 1):
            if len(line) > MAX_LINE:
                raise InputError(f"expected lines of at most {MAX_LINE} characters, got a longer one")
            yield line
