"""SLEAP's analysis table (``.csv``): a row for each instance and frame::

    track,frame_idx,instance.score,nose.x,nose.y,nose.score,withers.x,...
    track_0,0,0.93,512.3,201.9,0.99,...

An empty cell is a missing point; instances without a track are told apart within their frame. Described at
https://docs.sleap.ai and read here by its header alone, since there is no specification. Pixels: (0, 0) is taken as the
centre of the top-left one.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable

import numpy as np

from kinequimation.errors import InputError
from kinequimation.io.tracks import MAX_ABS_PX, MAX_HORSES, MAX_NAMES, MAX_ROWS, Tracks, number_in


def is_sleap(first_row: list[str]) -> bool:
    """Return whether a table's first row is that of a SLEAP analysis."""
    return {"track", "frame_idx"} <= {cell.strip() for cell in first_row}


def read_sleap(lines: Iterable[str]) -> Tracks:
    """Read the lines of a table.

    Raises:
        InputError: it is not such a table; names the line.
    """
    reader = csv.reader(lines)
    header = [cell.strip() for cell in next(reader, [])]
    at = {name: i for i, name in enumerate(header)}
    names = [name[:-2] for name in header if name.endswith(".x") and f"{name[:-2]}.y" in at]
    if not is_sleap(header) or not 0 < len(names) <= MAX_NAMES:
        raise InputError("expected the columns track, frame_idx and <point>.x, <point>.y of a SLEAP analysis")
    columns = np.array([[at[f"{n}.x"], at[f"{n}.y"], at.get(f"{n}.score", -1)] for n in names])
    tracks: dict[str, int] = {}
    taken: set[tuple[int, int]] = set()
    n_in_frame: Counter[int] = Counter()
    frame, horse, score, points = [], [], [], []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise InputError(f"line {reader.line_num}: expected {len(header)} cells, got {len(row)}")
        if len(frame) >= MAX_ROWS:
            raise InputError(f"expected at most {MAX_ROWS} rows")
        number = row[at["frame_idx"]].strip()
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise InputError(f"line {reader.line_num}: frame_idx: expected a whole number, got {number[:40]!r}")
        index = int(number)
        track = row[at["track"]].strip()
        which = tracks.setdefault(track, len(tracks) + 1) if track else 1
        n_in_frame[index] += 1
        if n_in_frame[index] > MAX_HORSES:
            raise InputError(f"line {reader.line_num}: expected at most {MAX_HORSES} horses in frame {index}")
        while (index, which) in taken:
            which += 1
        taken.add((index, which))
        cells = [number_in(row[c], reader.line_num) if c >= 0 else math.nan for c in columns.ravel()]
        frame.append(index)
        horse.append(which)
        points.append(np.array(cells, np.float32).reshape(-1, 3))
        said = number_in(row[at["instance.score"]], reader.line_num) if "instance.score" in at else math.nan
        score.append(1.0 if math.isnan(said) else min(max(said, 0.0), 1.0))
    if not frame:
        raise InputError("expected a row an instance after the header, got none")
    order = np.argsort(np.array(frame), kind="stable")
    values = np.stack(points)[order].astype(float)
    uv = values[..., :2]
    there = np.isfinite(uv).all(-1) & (np.abs(uv) < MAX_ABS_PX).all(-1)
    confidence = np.where(np.isnan(values[..., 2]), 1.0, values[..., 2]).clip(0.0, 1.0)
    uv[~there] = np.nan
    return Tracks(
        names=tuple(names),
        frame=np.array(frame)[order],
        horse=np.array(horse)[order],
        uv_px=uv,
        confidence=np.where(there, confidence, 0.0),
        images=(),
        bbox_xywh=np.full((len(order), 4), np.nan),
        score=np.array(score)[order],
    )
