"""A motion as tables: ``positions.csv`` and ``angles.csv``, for R, pandas, MATLAB and spreadsheets.

Both have a row a frame and begin with ``frame`` (from 0), ``time_s`` and ``confidence`` (0 where no horse was seen and
the pose is filled in). The unit stands at the end of every column's name.

positions.csv: ``<point>_x_m``, ``_y_m``, ``_z_m`` of ``root``, of the 68 joints and of the 35 surface landmarks, in
world axes: right-handed, Z up, the ground at z = 0; a horse that faces −Y has its left at +X. Metres, to 0.1 mm.

angles.csv: ``<angle>_deg`` for each of ``motion.angles.ANGLES``: limb joints on their flexor side, 180° where the
segments are in line. Degrees, to 0.01.

RFC 4180, UTF-8, a line feed ends a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.io.atomic import replacing
from kinequimation.motion import Motion
from kinequimation.motion.angles import ANGLES, angle_rows
from kinequimation.motion.motion import pieces

if TYPE_CHECKING:
    from jaxtyping import Float

_FRAME_COLUMNS = ("frame", "time_s", "confidence")
POSITION_COLUMNS: tuple[str, ...] = (
    *_FRAME_COLUMNS,
    *(f"{point}_{axis}_m" for point in (skeleton.ROOT, *skeleton.KEYPOINTS) for axis in "xyz"),
)
ANGLE_COLUMNS: tuple[str, ...] = (*_FRAME_COLUMNS, *(f"{name}_deg" for name in ANGLES))


def write_positions_csv(path: str | PathLike[str], motion: Motion, body: Body | None = None) -> None:
    """Write where every point is in every frame.

    Args:
        path: the ``.csv`` to write.
        motion: what the horse does; its own times are written.
        body: the horse; ``Body(motion.shape)`` if it is not given.

    Raises:
        OutputError: the file cannot be written.
    """
    horse = body or Body(motion.shape)

    def values() -> Iterator[tuple[slice, Float[np.ndarray, "frames columns"]]]:
        for rows in pieces(len(motion)):
            xyz, rotation = horse.joints(motion.root_xyz_world[rows], motion.quat_wxyz[rows])
            points = horse.keypoints_from_joints(xyz, rotation)
            yield rows, np.concatenate([xyz[:, :1], points], axis=1).reshape(len(points), -1)

    _write(path, POSITION_COLUMNS, motion, values(), decimals=4)


def write_angles_csv(path: str | PathLike[str], motion: Motion, body: Body | None = None) -> None:
    """Write every angle in every frame; arguments and errors are those of ``write_positions_csv``."""
    _write(path, ANGLE_COLUMNS, motion, angle_rows(body or Body(motion.shape), motion), decimals=2)


def _write(
    path: str | PathLike[str],
    columns: tuple[str, ...],
    motion: Motion,
    values: Iterable[tuple[slice, Float[np.ndarray, "frames columns"]]],
    decimals: int,
) -> None:
    line = "%d,%.6f,%.4f," + ",".join([f"%.{decimals}f"] * (len(columns) - len(_FRAME_COLUMNS))) + "\n"
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
        f.write(",".join(columns) + "\n")
        for rows, numbers in values:
            frames = np.arange(rows.start, rows.stop)
            head = np.stack([frames, motion.t_s[rows], motion.confidence[rows]], axis=1)
            rounded = np.round(numbers, decimals) + 0.0  # adding 0 turns −0 into 0
            f.writelines(line % tuple(row) for row in np.concatenate([head, rounded], axis=1).tolist())
