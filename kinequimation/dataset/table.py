"""``dataset.csv``: the labels of rendered frames as a table, one row for each bone and image.

Everything that ``dataset.labels`` says of a bone and of its frame stands in plain columns of numbers, so that pandas,
R and a spreadsheet read it as it is::

    image        number of the image, as in coco_synth_68.json
    file_name, mask, label, variant, part    files relative to the folder that all renders lie in; train, val or test
    action, clip, frame, camera, fps, width, height, fx, fy, cx, cy, armature
    bbox_x, bbox_y, bbox_w, bbox_h           pixels, (0, 0) the centre of the top-left one, as in the label
    area_px
    camera_matrix_world_00 ... _23           first three rows of a matrix whose last is 0 0 0 1
    root_matrix_00 ... _23
    bone, index                              index in skeleton.BONES; 0 to 67 are horse68
    parent                                   empty for none
    head_x, head_y, head_z, tail_x, tail_y, tail_z
    u, v, u_tail, v_tail                     empty behind the camera
    in_frame, in_frame_tail, occluded        True or False
    visibility, depth, roll, quaternion_w ... _z
    matrix_world_00 ... _23, matrix_rel_root_00 ... _23, matrix_basis_00 ... _23

Metres, radians, pixels. With pandas, ``df.filter(regex="^matrix_world_").to_numpy().reshape(-1, 3, 4)`` are matrices.
The file is about as large as the labels, some 100 kB an image. RFC 4180, UTF-8, a line feed ends a line.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.frame_label import Bones, FrameLabel
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    from jaxtyping import Float


def _matrix_columns(name: str) -> list[str]:
    return [f"{name}_{row}{column}" for row in range(3) for column in range(4)]


_IMAGE_TEXT = ("file_name", "mask", "label", "variant", "part", "action", "clip", "armature")
_IMAGE_WHOLE = ("image", "frame", "camera", "width", "height", "area_px")
_IMAGE_NUMBERS = (
    "fps", "fx", "fy", "cx", "cy", "bbox_x", "bbox_y", "bbox_w", "bbox_h",
    *_matrix_columns("camera_matrix_world"), *_matrix_columns("root_matrix"),
)  # fmt: skip
IMAGE_COLUMNS: tuple[str, ...] = (
    "image", "file_name", "mask", "label", "variant", "part", "action", "clip", "frame", "camera", "fps", "width",
    "height", "fx", "fy", "cx", "cy", "armature", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "area_px",
    *_matrix_columns("camera_matrix_world"), *_matrix_columns("root_matrix"),
)  # fmt: skip
_BONE_NUMBERS: dict[str, tuple[str, ...]] = {
    "head": ("head_x", "head_y", "head_z"),
    "tail": ("tail_x", "tail_y", "tail_z"),
    "uv": ("u", "v"),
    "uv_tail": ("u_tail", "v_tail"),
    "depth": ("depth",),
    "roll": ("roll",),
    "quaternion": tuple(f"quaternion_{a}" for a in "wxyz"),
    "matrix_world": tuple(_matrix_columns("matrix_world")),
    "matrix_rel_root": tuple(_matrix_columns("matrix_rel_root")),
    "matrix_basis": tuple(_matrix_columns("matrix_basis")),
}
_MAY_BE_EMPTY = ("u", "v", "u_tail", "v_tail")
_BONE_TEXT = ("bone", "index", "parent", "in_frame", "in_frame_tail", "visibility", "occluded")
COLUMNS: tuple[str, ...] = (*IMAGE_COLUMNS, *_BONE_TEXT, *(c for group in _BONE_NUMBERS.values() for c in group))
"""The table's header."""
_BOTTOM = np.array([0.0, 0.0, 0.0, 1.0])


@dataclass(frozen=True)
class TableImage:
    """What the rows of one image say.

    Attributes:
        line: number of its first row's line in the file, from 1.
        image: number of the image.
        file_name, mask, label, variant, part, action, clip, armature: as the columns.
        frame, camera, width, height, area_px: as the columns.
        fps: frames a second.
        K: [3, 3] intrinsics.
        bbox_xywh: [4] pixels, as in the label.
        camera_matrix_world, root_matrix: [4, 4].
        bones: the skeleton.
    """

    line: int
    image: int
    file_name: str
    mask: str
    label: str
    variant: str
    part: str
    action: str
    clip: str
    armature: str
    frame: int
    camera: int
    width: int
    height: int
    area_px: int
    fps: float
    K: Float[np.ndarray, "3 3"]
    bbox_xywh: Float[np.ndarray, " 4"]
    camera_matrix_world: Float[np.ndarray, "4 4"]
    root_matrix: Float[np.ndarray, "4 4"]
    bones: Bones


class TableSink:
    """A table that is being written; see ``table_file``."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def image(
        self, label: FrameLabel, image: int, file_name: str, mask: str, label_name: str, variant: str, part: str
    ) -> None:
        """Add the rows of an image."""
        K, bones = label.K, label.bones
        numbers = [float(v) for v in (K[0, 0], K[1, 1], K[0, 2], K[1, 2])]
        head = [
            image, file_name, mask, label_name, variant, part, label.action, label.clip, label.frame, label.camera,
            label.fps, label.width, label.height, *numbers, label.armature, *label.bbox_xywh.tolist(), label.area_px,
            *label.camera_matrix_world[:3].ravel().tolist(), *label.root_matrix[:3].ravel().tolist(),
        ]  # fmt: skip
        arrays = [getattr(bones, name) for name in _BONE_NUMBERS]
        flat = np.concatenate([(a[:, :3] if a.ndim == 3 else a).reshape(len(a), -1) for a in arrays], axis=1)
        rows = []
        for i, row in enumerate(flat.tolist()):
            name, v = bones.names[i], int(bones.visibility[i])
            flags = bool(bones.in_frame[i]), bool(bones.in_frame_tail[i])
            known = [name, skeleton.BONES.index(name), bones.parents[i], *flags, v, v == 1]
            rows.append(head + known + ["" if math.isnan(x) else x for x in row])
        self._writer.writerows(rows)


@contextmanager
def table_file(path: Path) -> Iterator[TableSink]:
    """Write a table image by image; it takes its place when the block ends without an error.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(COLUMNS)
        yield TableSink(writer)


def read_table(path: Path) -> Iterator[TableImage]:
    """Yield what the table says of each image; columns may come in any order, and others beside them.

    Raises:
        InputError: it is not there or no such table; says the line, the column and what is wrong.
    """
    for item in read_table_or_faults(path):
        if isinstance(item, InputError):
            raise item
        yield item


def read_table_or_faults(path: Path) -> Iterator[TableImage | InputError]:
    """Yield what the table says of each image, or what is wrong with its rows, and go on with the next.

    Raises:
        InputError: the file is not there or is no such table at all.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as f:
            reader = csv.reader(f)
            try:
                header = next(reader, [])
                missing = [c for c in COLUMNS if c not in header]
                if missing:
                    raise InputError(
                        f"{path}: expected the columns of a dataset's table, {', '.join(missing[:3])} missing"
                    )
                at = {c: header.index(c) for c in COLUMNS}
                rows: list[list[str]] = []
                start = 2
                for row in reader:
                    if rows and (len(row) != len(header) or row[at["image"]] != rows[0][at["image"]]):
                        yield _image_or_fault(path, start, rows, at)
                        rows = []
                    if not rows:
                        start = reader.line_num
                    if len(row) != len(header):
                        yield InputError(f"{path}:{start}: expected {len(header)} cells, got {len(row)}")
                        continue
                    if len(rows) > len(skeleton.BONES):
                        continue  # one too many is what is reported
                    rows.append(row)
                if rows:
                    yield _image_or_fault(path, start, rows, at)
            except (csv.Error, UnicodeDecodeError) as error:
                raise InputError(
                    f"{path}: expected a table (CSV, UTF-8), got something unreadable ({error})"
                ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: expected a table made by 'dataset build', got {reason}") from error


def _image_or_fault(path: Path, line: int, rows: list[list[str]], at: dict[str, int]) -> TableImage | InputError:
    try:
        return _image(line, rows, at)
    except (InputError, ValueError, KeyError) as error:
        return InputError(f"{path}:{line}: {error}")


def _image(line: int, rows: list[list[str]], at: dict[str, int]) -> TableImage:
    first = rows[0]
    for column in IMAGE_COLUMNS:
        i = at[column]
        if any(row[i] != first[i] for row in rows):
            raise InputError(f"{column}: expected the same in all rows of image {first[at['image']]}")
    known: dict[str, Any] = {c: first[at[c]] for c in _IMAGE_TEXT}
    known |= {c: _whole(first[at[c]], c) for c in _IMAGE_WHOLE}
    number = {c: _number(first[at[c]], c) for c in _IMAGE_NUMBERS}
    arrays: dict[str, np.ndarray] = {}
    for name, columns in _BONE_NUMBERS.items():
        values = np.array([[_number(row[at[c]], c, c in _MAY_BE_EMPTY) for c in columns] for row in rows])
        arrays[name] = _matrices(values) if len(columns) == 12 else values[:, 0] if len(columns) == 1 else values
    visibility = np.array([_whole(row[at["visibility"]], "visibility") for row in rows])
    occluded = np.array([_flag(row[at["occluded"]], "occluded") for row in rows])
    names = tuple(row[at["bone"]] for row in rows)
    index = [_whole(row[at["index"]], "index") for row in rows]
    if not np.isin(visibility, (0, 1, 2)).all() or ((visibility == 1) != occluded).any():
        raise InputError("visibility: expected 0, 1 or 2, and occluded where it is 1")
    if any(i >= len(skeleton.BONES) or skeleton.BONES[i] != name for i, name in zip(index, names, strict=True)):
        raise InputError("index: expected the bone's index in skeleton.BONES")
    bones = Bones(
        names=names,
        parents=tuple(row[at["parent"]] for row in rows),
        in_frame=np.array([_flag(row[at["in_frame"]], "in_frame") for row in rows]),
        in_frame_tail=np.array([_flag(row[at["in_frame_tail"]], "in_frame_tail") for row in rows]),
        visibility=visibility.astype(np.uint8),
        **arrays,
    )
    K = np.array([[number["fx"], 0, number["cx"]], [0, number["fy"], number["cy"]], [0, 0, 1.0]])
    cameras = np.array([[number[c] for c in _matrix_columns(m)] for m in ("camera_matrix_world", "root_matrix")])
    camera_matrix_world, root_matrix = _matrices(cameras)
    return TableImage(
        line=line,
        fps=number["fps"],
        K=K,
        bbox_xywh=np.array([number[f"bbox_{c}"] for c in "xywh"]),
        camera_matrix_world=camera_matrix_world,
        root_matrix=root_matrix,
        bones=bones,
        **known,
    )


def _matrices(rows: Float[np.ndarray, "n 12"]) -> Float[np.ndarray, "n 4 4"]:
    top = rows.reshape(-1, 3, 4)
    return np.concatenate([top, np.broadcast_to(_BOTTOM, (len(top), 1, 4))], axis=1)


def _number(cell: str, column: str, may_be_empty: bool = False) -> float:
    if cell == "" and may_be_empty:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise InputError(f"{column}: expected a number, got {cell[:40]!r}")
    return value


def _whole(cell: str, column: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) < 16):
        raise InputError(f"{column}: expected a whole number from 0, got {cell[:40]!r}")
    return int(cell)


def _flag(cell: str, column: str) -> bool:
    if cell not in ("True", "False"):
        raise InputError(f"{column}: expected True or False, got {cell[:40]!r}")
    return cell == "True"
