"""The frames of one or more folders that ``dataset render`` made, each with its clip and its part of the dataset.

A list of names is all that is held in memory: labels are read one at a time, when their turn comes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.frame_label import VARIANTS, FrameLabel, FramePlace
from kinequimation.dataset.labels import find_labels, read_label
from kinequimation.dataset.splits import PARTS, Part, Split, parts_of
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

VARIANT_CHOICES: tuple[str, ...] = (*VARIANTS, "both")
_PEEK_BYTES = 4096
_CLIP = re.compile(rb'\A\s*\{\s*"format"\s*:\s*\d+,\s*"action"\s*:\s*"[^"\\]*",\s*"clip"\s*:\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class RenderedFrame:
    """One frame seen by one camera.

    Attributes:
        place: where its files lie.
        clip: the movement that it is a moment of.
        part: what it is for.
    """

    place: FramePlace
    clip: str
    part: Part

    def read(self, variant: str | None) -> FrameLabel:
        """Read the label.

        Args:
            variant: of the images that go with it, as in ``images``: those that it names must be there; "" for none.

        Raises:
            InputError: it is no label, or that of another frame, or an image is missing.
        """
        label = read_label(self.place.label)
        place = self.place
        if (label.action, label.frame, label.camera) != (place.action, place.frame, place.camera):
            got = f"{label.action}, frame {label.frame}, camera {label.camera}"
            raise InputError(f"{place.label}: expected the label of what its name says, got that of {got}")
        if label.clip != self.clip:
            raise InputError(f"{place.label}: expected clip {self.clip!r}, got {label.clip!r}: it changed meanwhile")
        named = [v for v in reversed(VARIANTS) if v in label.variants]
        for wanted in named if variant == "both" else named[:1] if variant is None else ():
            if not place.image(wanted).is_file():
                raise self._no_image(wanted)
        return label

    def images(self, variant: str | None) -> list[tuple[str, Path]]:
        """Return variant and path of the images that are asked for.

        Args:
            variant: one of ``VARIANTS``, ``both``, or None for ``materials`` where there is such an image, else flat.

        Raises:
            InputError: there is none.
        """
        there = [(v, p) for v in reversed(VARIANTS) if (p := self.place.image(v)).is_file()]
        if variant in VARIANTS:
            there = [(v, p) for v, p in there if v == variant]
        elif variant is None:
            there = there[:1]
        if not there:
            raise self._no_image(variant if variant in VARIANTS else VARIANTS[-1])
        return there

    def _no_image(self, variant: str) -> InputError:
        return InputError(
            f"{self.place.image(variant)}: expected the label's image, found none; "
            "'dataset check' lists what is missing, 'dataset render' makes it again"
        )


@dataclass(frozen=True)
class RenderedFrames:
    """The frames of a dataset.

    Attributes:
        image_root: the folder that all roots lie in; names of files are relative to it.
        frames: by root, action, frame and camera.
    """

    image_root: Path
    frames: tuple[RenderedFrame, ...]

    def __len__(self) -> int:
        return len(self.frames)

    def name_of(self, path: Path) -> str:
        """Return a file's name relative to ``image_root``, with forward slashes."""
        return path.relative_to(self.image_root).as_posix()

    def clips(self) -> dict[Part, set[tuple[str, str]]]:
        """Return clip and action of each clip of each part that has any."""
        found: dict[Part, set[tuple[str, str]]] = {part: set() for part in PARTS}
        for frame in self.frames:
            found[frame.part].add((frame.clip, frame.place.action))
        return {part: clips for part, clips in found.items() if clips}


def find_frames(roots: Sequence[Path], split: Split | None = None) -> RenderedFrames:
    """List the frames of rendered folders.

    Args:
        roots: folders that ``dataset render`` made.
        split: how they are parted.

    Raises:
        InputError: a folder is missing, empty or lies in another one, a label does not say its clip, or there are
            fewer clips than parts.
    """
    folders, image_root = folders_of(roots)
    clips = [(place, _clip_of(place)) for folder in folders for place in find_labels(folder)]
    parts = parts_of(((clip, place.action) for place, clip in clips), split)
    return RenderedFrames(image_root, tuple(RenderedFrame(place, clip, parts[clip]) for place, clip in clips))


def folders_of(roots: Sequence[Path]) -> tuple[list[Path], Path]:
    """Return the whole paths of rendered folders, and the folder that all of them lie in: names are relative to it.

    Raises:
        InputError: there is none, one lies in another one, or they lie on several drives.
    """
    if not roots:
        raise InputError("root: expected one folder or more made by 'dataset render'")
    folders = [Path(os.path.abspath(root)) for root in roots]
    for i, folder in enumerate(folders):
        for j, other in enumerate(folders):
            if i != j and (folder == other or other in folder.parents):
                raise InputError(f"{roots[i]}: expected a folder of its own, got one that lies in {roots[j]}")
    try:
        return folders, Path(os.path.commonpath(folders))
    except ValueError as error:  # Windows: two drives
        raise InputError(f"root: expected folders on one drive, got {', '.join(map(str, roots))}") from error


@dataclass(frozen=True)
class Slots:
    """A label's points in the slots of ``skeleton.KEYPOINTS``.

    Attributes:
        uv_px: [103, 2] NaN behind the camera, and where there is no such point.
        visibility: [103] 0 out of the frame or no such point, 1 hidden, 2 seen.
        xyz_world: [103, 3] metres; NaN where there is no such point.
    """

    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    xyz_world: Float[np.ndarray, "103 3"]


def slots_of(label: FrameLabel) -> Slots:
    """Return a label's keypoints: heads of horse68's bones, then the points on the skin."""
    uv = np.full((skeleton.NUM_KEYPOINTS, 2), np.nan)
    xyz = np.full((skeleton.NUM_KEYPOINTS, 3), np.nan)
    seen = np.zeros(skeleton.NUM_KEYPOINTS, np.uint8)
    bones, points = label.bones, label.landmarks
    at = [skeleton.KEYPOINT_INDEX[p] for p in points.names]
    uv[at], xyz[at], seen[at] = points.uv, points.xyz, points.visibility
    # Bones holds horse68 in full and in this order, the mane after it
    n = skeleton.NUM_JOINTS68
    uv[:n], xyz[:n], seen[:n] = bones.uv[:n], bones.head[:n], bones.visibility[:n]
    return Slots(uv, seen, xyz)


def by_sequence(frames: Sequence[RenderedFrame]) -> Iterator[list[RenderedFrame]]:
    """Yield the frames of each clip seen by each camera, in the order of time."""
    order = sorted(frames, key=_sequence_key)
    sequence: list[RenderedFrame] = []
    for frame in order:
        if sequence and _sequence_key(sequence[0])[:-1] != _sequence_key(frame)[:-1]:
            yield sequence
            sequence = []
        sequence.append(frame)
    if sequence:
        yield sequence


def _sequence_key(frame: RenderedFrame) -> tuple[str, str, str, int, int]:
    place = frame.place
    return str(place.root), place.action, frame.clip, place.camera, place.frame


def _clip_of(place: FramePlace) -> str:
    """Return the clip that a label names: from its first bytes, if they are those that ``write_label`` writes."""
    if not place.label.is_file():
        return read_label(place.label).clip  # a folder or a pipe: it says so
    try:
        with place.label.open("rb") as f:
            match = _CLIP.match(f.read(_PEEK_BYTES))
    except OSError as error:
        raise InputError(
            f"{place.label}: expected a label file, got {(error.strerror or str(error)).lower()}"
        ) from error
    if match is not None:
        with suppress(ValueError):  # what is wrong with it is said below, where all of it is read
            return str(json.loads(match[1]))
    return read_label(place.label).clip
