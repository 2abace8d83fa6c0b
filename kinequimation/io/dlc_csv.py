"""DeepLabCut's tables (``.csv``), and those of programs that write the same, such as Lightning Pose.

There is no specification; what DeepLabCut 2 and 3 write::

    scorer,DLC_resnet50...,DLC_resnet50...,DLC_resnet50...,...
    individuals,horse1,horse1,horse1,...                        only with several animals
    bodyparts,nose,nose,nose,withers,...
    coords,x,y,likelihood,x,...
    0,512.3,201.9,0.998,...                                     a row a frame

Hand-labelled frames (``CollectedData_*.csv``) have no likelihood, and images for numbers:
``labeled-data/clip/img012.png`` in the first column, or its three parts in the first three. Empty cells and ``NaN`` are
missing points. Pixels: (0, 0) is taken as the centre of the top-left one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from kinequimation.errors import InputError
from kinequimation.io.tracks import MAX_ABS_PX, MAX_NAMES, MAX_ROWS, Tracks, number_in

_HEADER = ("scorer", "individuals", "bodyparts", "coords")
_SCENE = "single"
"""The individual that stands for points of no animal."""
_MAX_COLUMNS = 3 * MAX_NAMES


def is_dlc(first_row: list[str]) -> bool:
    """Return whether a table's first row is that of DeepLabCut."""
    return bool(first_row) and first_row[0].strip().lower() == "scorer"


@dataclass(frozen=True)
class _Columns:
    """Where what stands.

    Attributes:
        n_index: columns that name the frame.
        horses: of the individuals, in the file's order.
        names: of the points.
        at: column of (horse, point, coordinate).
    """

    n_index: int
    horses: list[str]
    names: list[str]
    at: dict[tuple[str, str, str], int]


def read_dlc(lines: Iterable[str]) -> Tracks:
    """Read the lines of a table.

    Raises:
        InputError: it is not such a table; names the line.
    """
    reader = csv.reader(lines)
    rows = (row for row in reader if any(cell.strip() for cell in row))
    head = list(islice(rows, 3))
    if len(head) > 1 and head[1][0].strip().lower() == "individuals":
        head += islice(rows, 1)
    columns = _columns(head)
    n_horses, n_points = len(columns.horses), len(columns.names)
    if n_horses * n_points > _MAX_COLUMNS:  # few columns may still name each another animal and another point
        raise InputError(f"expected the same bodyparts of each animal, got {n_points} of {n_horses} animals")
    x, y, sure = (
        np.array([[columns.at.get((h, p, c), -1) for p in columns.names] for h in columns.horses])
        for c in ("x", "y", "likelihood")
    )
    width = 1 + max(columns.at.values())
    index: list[str] = []
    values: list[np.ndarray] = []
    for row in rows:
        if len(row) < width:
            raise InputError(f"line {reader.line_num}: expected {width} cells, got {len(row)}")
        if len(index) >= MAX_ROWS // n_horses:
            raise InputError(f"expected at most {MAX_ROWS} rows")
        cells = np.array([number_in(cell, reader.line_num) for cell in row[columns.n_index : width]] + [math.nan])
        index.append("/".join(row[: columns.n_index]))
        shift = columns.n_index
        picked = [np.where(at >= 0, cells[np.where(at >= 0, at - shift, -1)], math.nan) for at in (x, y, sure)]
        values.append(np.stack(picked, -1).astype(np.float32))
    if not index:
        raise InputError("expected a row a frame after the header, got none")
    points = np.stack(values).astype(float).reshape(-1, n_points, 3)  # a row of a table may hold several horses
    uv = points[..., :2]
    there = np.isfinite(uv).all(-1) & (np.abs(uv) < MAX_ABS_PX).all(-1)
    confidence = np.where(np.isnan(points[..., 2]), 1.0, points[..., 2])
    confidence = np.where(there, np.clip(confidence, 0.0, 1.0), 0.0)
    uv[~there] = np.nan
    seen: np.ndarray = np.any(there, axis=-1)
    by_number = all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in index)
    frames = np.array([int(cell) for cell in index]) if by_number else np.arange(len(index))
    frame, horse = np.repeat(frames, n_horses), np.tile(np.arange(1, n_horses + 1), len(index))
    return Tracks(
        names=tuple(columns.names),
        frame=frame[seen],
        horse=horse[seen],
        uv_px=uv[seen],
        confidence=confidence[seen],
        images=() if by_number else tuple(index),
        bbox_xywh=np.full((int(seen.sum()), 4), np.nan),
        score=np.ones(int(seen.sum())),
    )


def _columns(head: list[list[str]]) -> _Columns:
    labels = [row[0].strip().lower() for row in head]
    wanted = [name for name in _HEADER if len(head) == 4 or name != "individuals"]
    if labels != wanted:
        raise InputError(f"expected the rows {', '.join(wanted)} of a DeepLabCut table, got {', '.join(labels)[:80]}")
    rows = dict(zip(wanted, head, strict=True))
    coords = [cell.strip().lower() for cell in rows["coords"]]
    if not 0 < len(coords) <= _MAX_COLUMNS or "x" not in coords:
        raise InputError(f"coords: expected x, y and likelihood of each point in at most {_MAX_COLUMNS} columns")
    n_index = coords.index("x")
    parts = rows["bodyparts"]
    individuals = rows.get("individuals", ["1"] * len(coords))
    if min(len(parts), len(individuals)) < len(coords):
        raise InputError("expected as many bodyparts as coords, got fewer")
    at: dict[tuple[str, str, str], int] = {}
    for column in range(n_index, len(coords)):
        key = (individuals[column].strip(), parts[column].strip(), coords[column])
        if key in at:
            raise InputError(f"column {column + 1}: {' '.join(key)[:60]} stands there twice")
        if coords[column] in ("x", "y", "likelihood") and key[0] != _SCENE:
            at[key] = column
    if not at:
        raise InputError("individuals: expected one animal or more, got none")
    return _Columns(n_index, list(dict.fromkeys(k[0] for k in at)), list(dict.fromkeys(k[1] for k in at)), at)
