"""What must hold between a rendered dataset and ``dataset.csv``, which was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kinequimation.dataset.build import TABLE_NAME
from kinequimation.dataset.check_coco import ExportFault, Renders, Runner, short
from kinequimation.dataset.labels import read_label
from kinequimation.dataset.table import TableImage, read_table_or_faults
from kinequimation.errors import InputError
from kinequimation.runtime import Progress

_TOLERANCE = 1e-6
"""The table keeps every digit that the label has."""
_IMAGE_FIELDS = ("action", "clip", "frame", "camera", "fps", "width", "height", "armature", "area_px")
_IMAGE_ARRAYS = ("K", "camera_matrix_world", "root_matrix", "bbox_xywh")
_BONE_ARRAYS = (
    "head", "tail", "uv", "uv_tail", "in_frame", "in_frame_tail", "visibility", "depth", "roll", "quaternion",
    "matrix_world", "matrix_rel_root", "matrix_basis",
)  # fmt: skip


class TableChecker:
    """Compares the table with the frames it was made of.

    Args:
        folder: that ``dataset build`` made.
        renders: the frames.
        part_of_clip: in which part each clip is, in the COCO files.
        run: how to apply a function to many items.
        progress: called with the file's name and images compared.

    Attributes:
        summary: what was read, once ``faults`` has ended.
    """

    def __init__(
        self, folder: Path, renders: Renders, part_of_clip: dict[str, str], run: Runner, progress: Progress
    ) -> None:
        self._path = folder / TABLE_NAME
        self._renders = renders
        self._part_of_clip = part_of_clip
        self._run = run
        self._progress = progress
        self.summary = ""

    def faults(self) -> Iterator[ExportFault]:
        """Yield what is wrong."""
        faults: list[ExportFault] = []
        frame_of: dict[int, int] = {}
        unreadable = 0

        def to_compare() -> Iterator[tuple[Path, TableImage]]:
            nonlocal unreadable
            for item in read_table_or_faults(self._path):
                if isinstance(item, InputError):
                    line, _, what = str(item).removeprefix(f"{self._path}:").partition(": ")
                    faults.append((TABLE_NAME, f"line {line}", what))
                    unreadable += 1
                    continue
                frame = self._renders.of_name.get(item.label)
                faults.extend((TABLE_NAME, f"line {item.line}", w) for w in self._image_faults(item, frame, frame_of))
                if frame is not None and item.image not in frame_of:
                    frame_of[item.image] = frame
                    if self._renders.frames[frame].is_sound:
                        yield self._renders.frames[frame].place.label, item

        try:
            for done, wrong in enumerate(self._run(_differences, to_compare()), start=1):
                self._progress(TABLE_NAME, done, None)
                yield from faults
                faults.clear()
                yield from ((TABLE_NAME, which, what) for which, what in wrong)
        except InputError as error:
            faults.append((TABLE_NAME, "", str(error).removeprefix(f"{self._path}: ")))
            unreadable += 1
        yield from faults
        there = set(frame_of.values())
        for i, frame in enumerate(self._renders.frames):
            if frame.is_sound and frame.images and i not in there and not unreadable:
                yield TABLE_NAME, self._renders.name(frame.place.label), "the frame is not in the file: build it again"
        self.summary = f"{TABLE_NAME}: {len(frame_of)} images"

    def _image_faults(self, item: TableImage, frame: int | None, frame_of: dict[int, int]) -> Iterator[str]:
        if item.image in frame_of:
            yield f"image {item.image} is there twice"
        elif frame is None:
            yield f"its label is not among the renders: {short(item.label)}"
        else:
            known = self._renders.frames[frame]
            if known.is_sound and item.variant in known.variants:
                if item.file_name != self._renders.name(known.place.image(item.variant)):
                    yield f"file_name is not the {item.variant} image of its label"
            elif known.is_sound:
                yield f"there is no such variant of the label: {short(item.variant)}"
            part = self._part_of_clip.get(known.clip, item.part)
            if item.part != part:
                yield f"part is {short(item.part)}, in the COCO files {part}"


@np.errstate(all="ignore")  # a file may hold numbers of any size
def _differences(item: tuple[Path, TableImage]) -> list[tuple[str, str]]:
    """Return how the rows of an image differ from its label."""
    path, row = item
    label = read_label(path)
    faults = [
        f"{name} is not the label's: {short(getattr(row, name))}"
        for name in _IMAGE_FIELDS
        if getattr(row, name) != getattr(label, name)
    ]
    faults += [
        f"{name} is not the label's"
        for name in _IMAGE_ARRAYS
        if not np.allclose(getattr(row, name), getattr(label, name), atol=_TOLERANCE)
    ]
    ours, theirs = row.bones, label.bones
    if ours.names != theirs.names or ours.parents != theirs.parents:
        faults.append("bones or their parents are not the label's")
    else:
        for name in _BONE_ARRAYS:
            a, b = (np.asarray(getattr(bones, name), float).reshape(len(ours.names), -1) for bones in (ours, theirs))
            wrong = np.flatnonzero(~np.isclose(a, b, atol=_TOLERANCE, equal_nan=True).all(-1))
            if len(wrong):
                more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
                faults.append(f"{name} is not the label's: {ours.names[wrong[0]]}{more}")
    lines = f"lines {row.line} to {row.line + len(ours.names) - 1} (image {row.image})"
    return [(lines, what) for what in faults]
