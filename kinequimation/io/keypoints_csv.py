"""``keypoints.csv``: what ``keypoints.json`` holds as a flat table, for R, pandas, MATLAB and spreadsheets."""

from __future__ import annotations

from os import PathLike

import numpy as np

from kinequimation import skeleton
from kinequimation.io.atomic import replacing
from kinequimation.io.keypoints import ClipHead, HorseKeypoints, Horses, frames_of

COLUMNS = (
    "frame", "t_s", "horse", "keypoint", "x_px", "y_px", "confidence",
    "X_wh", "Y_wh", "Z_wh", "root_X_wh", "root_Y_wh", "root_Z_wh", "raw_x_px", "raw_y_px", "raw_confidence",
)  # fmt: skip


def write_keypoints_csv(path: str | PathLike[str], clip: ClipHead, horses: Horses | None = None) -> None:
    """Write a clip as a flat table, one row a frame, horse and keypoint.

    ``x_px``, ``y_px`` are pixels of the source frame; ``X_wh``, ``Y_wh``, ``Z_wh`` withers heights in camera axes
    relative to the root, and ``root_X_wh``... the root in the camera; ``raw_``... what was found before cleaning. An
    empty cell is a missing value.

    Args:
        path: the file to write.
        clip: what it is of.
        horses: as for ``keypoints.write_keypoints_json``.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
        f.write(",".join(COLUMNS) + "\n")
        for index, t_s, found in frames_of(clip, horses):
            for horse in found:
                f.write(_csv_rows(index, t_s, horse))


_CSV_ROWS = "".join(
    f"%(frame)s,{name},%.2f,%.2f,%.4f,%.5f,%.5f,%.5f,%(root)s,%.2f,%.2f,%.4f\n" for name in skeleton.KEYPOINTS
)
"""The rows of one horse in one frame: numbers are put in all at once, which takes a fifth of the time."""


def _csv_rows(index: int, t_s: float, horse: HorseKeypoints) -> str:
    nothing = np.full((skeleton.NUM_KEYPOINTS, 3), np.nan)
    lifted = horse.xyz_cam is not None and horse.root_xyz_cam is not None
    cleaned = horse.raw_uv_px is not None and horse.raw_confidence is not None
    columns = [
        horse.uv_px,
        horse.confidence,
        horse.xyz_cam if lifted else nothing,
        *((horse.raw_uv_px, horse.raw_confidence) if cleaned else (nothing,)),
    ]
    root = ",".join(f"{v:.5f}" for v in np.asarray(horse.root_xyz_cam)) if lifted else ",,"
    rows = _CSV_ROWS.replace("%(frame)s", f"{index},{t_s:.6f},{horse.id}").replace("%(root)s", root)
    return (rows % tuple(np.column_stack(columns).ravel().tolist())).replace("nan", "")
