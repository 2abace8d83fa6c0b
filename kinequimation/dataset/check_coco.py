"""What must hold between a rendered dataset and the COCO files made of it.

Frames whose own files are faulty have been named already and are not compared. Files are read entry by entry; of each
image some hundred bytes are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.frame_label import VARIANTS, FrameLabel, FramePlace
from kinequimation.dataset.json_entries import Entry, read_entries
from kinequimation.dataset.labels import read_label
from kinequimation.dataset.rendered_coco import CATEGORY68, CATEGORY_ID, CATEGORY_LANDMARKS, facing, runs_of_rle
from kinequimation.dataset.splits import PARTS
from kinequimation.errors import InputError
from kinequimation.runtime import Progress

TOLERANCE_PX = 1e-3
"""COCO files keep four decimals of what the label says."""
Runner = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""Applies a function to each item, in their order, in whatever processes there are."""
ExportFault = tuple[str, str, str]
"""File, which entry of it ("" for all), and what is wrong."""


@dataclass(frozen=True)
class KnownFrame:
    """What the check of the frames has found of one.

    Attributes:
        place: the frame.
        clip: as in its label.
        is_sound: nothing is wrong with its label.
        is_in_frame: is any bone of horse68 in the frame, and any point on the skin?
        images: the variants of which there is a file.
        variants: those, and what the label names: a file that is missing has been named.
    """

    place: FramePlace
    clip: str
    is_sound: bool
    is_in_frame: tuple[bool, bool]
    images: tuple[str, ...]
    variants: tuple[str, ...]


class Renders:
    """The frames that files were made of.

    Args:
        frames: all of them.
        base: the folder that files are named from, there as here.
        faulty: names of files that something is wrong with: labels among them are not sound.

    Attributes:
        frames: all of them.
        of_name: the index of each frame by the name of its label.
    """

    def __init__(self, frames: list[KnownFrame], base: Path, faulty: set[str]) -> None:
        self._base = base
        self.frames = [replace(f, is_sound=False) if self.name(f.place.label) in faulty else f for f in frames]
        self.of_name = {self.name(f.place.label): i for i, f in enumerate(frames)}

    def name(self, path: Path) -> str:
        """Return how files name a path."""
        return path.relative_to(self._base).as_posix()


@dataclass
class _Images:
    """The images of one COCO file, by their id."""

    frame: dict[int, int] = field(default_factory=dict)
    variant: dict[int, str] = field(default_factory=dict)
    digest: dict[int, bytes] = field(default_factory=dict)
    annotation: dict[int, bytes] = field(default_factory=dict)
    wrong: set[int] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    is_whole: bool = True


class CocoChecker:
    """Compares a COCO file and its parts with the frames they were made of.

    Args:
        folder: that ``dataset build`` made.
        name: of the file, less its suffix; those of the parts begin with it.
        is_landmarks: does it hold the points on the skin?
        renders: the frames.
        run: how to apply a function to many items.
        progress: called with the file's name and horses compared.

    Attributes:
        part_of_clip: in which part each clip is, once ``faults`` has ended.
        summary: what was read, then.
    """

    def __init__(
        self, folder: Path, name: str, is_landmarks: bool, renders: Renders, run: Runner, progress: Progress
    ) -> None:
        self._folder = folder
        self._name = name
        self._is_landmarks = is_landmarks
        self._renders = renders
        self._run = run
        self._progress = progress
        self.part_of_clip: dict[str, str] = {}
        self.summary = ""

    def faults(self) -> Iterator[ExportFault]:
        """Yield what is wrong."""
        whole = _Images()
        of_part = {part: _Images() for part in PARTS}
        yield from self._file_faults(f"{self._name}.json", whole, None)
        for part, images in of_part.items():
            if self._file(part).exists():
                yield from self._file_faults(self._file(part).name, images, whole if whole.is_whole else None)
        yield from self._missing_images(whole)
        yield from self._part_faults(whole, of_part)
        parts = ", ".join(f"{p} {len(m.frame)}" for p, m in of_part.items() if m.frame)
        self.summary = f"{self._name}.json: {len(whole.frame)} images, {len(whole.annotation)} horses; {parts}"

    def _file(self, part: str) -> Path:
        return self._folder / f"{self._name}_{part}.json"

    def _missing_images(self, whole: _Images) -> Iterator[ExportFault]:
        """Yield the frames of which no image is in the file, and the variants that only some frames lack."""
        if not whole.is_whole:
            return
        variants_of: dict[int, set[str]] = {}
        for i, frame in whole.frame.items():
            variants_of.setdefault(frame, set()).add(whole.variant[i])
        is_both = max((len(v) for v in variants_of.values()), default=0) > 1
        for i, frame in enumerate(self._renders.frames):
            there = variants_of.get(i, set())
            lacking = set(frame.images) - there if is_both or not there else set()
            if frame.is_sound and lacking:
                what = "the image is not in the file: build it again"
                yield f"{self._name}.json", self._renders.name(frame.place.image(max(lacking))), what

    def _part_faults(self, whole: _Images, of_part: dict[str, _Images]) -> Iterator[ExportFault]:
        """Yield the images that are in a part where most of their clip is not, in two parts, or in none."""
        votes: dict[str, Counter[str]] = {}
        for part, images in of_part.items():
            for frame in images.frame.values():
                votes.setdefault(self._renders.frames[frame].clip, Counter())[part] += 1
        self.part_of_clip = {clip: count.most_common(1)[0][0] for clip, count in votes.items()}
        for part, images in of_part.items():
            for i, frame in images.frame.items():
                known = self._renders.frames[frame]
                if known.is_sound and self.part_of_clip[known.clip] != part:
                    what = f"its clip {known.clip!r} is in {self.part_of_clip[known.clip]} too: parts share a clip"
                    yield self._file(part).name, f"image {i}", what
        in_parts = {i for images in of_part.values() for i in images.frame}
        if whole.is_whole and all(images.is_whole for images in of_part.values()):
            for i, frame in whole.frame.items():
                if i not in in_parts:
                    part = self.part_of_clip.get(self._renders.frames[frame].clip, PARTS[0])
                    yield self._file(part).name, f"image {i}", f"it is in {self._name}.json and in no part"

    def _file_faults(self, file: str, images: _Images, whole: _Images | None) -> Iterator[ExportFault]:
        """Read a file into ``images``; yield its faults.

        Args:
            file: name of the file.
            images: takes what there is.
            whole: the file of all parts that this one must agree with; None to compare with the labels.
        """
        category = CATEGORY_LANDMARKS if self._is_landmarks else CATEGORY68
        ids: set[Any] = set()
        faults: list[ExportFault] = []

        def to_compare() -> Iterator[_Comparison]:
            for entry in read_entries(self._folder / file):
                images.keys.add(entry.key)
                if entry.constants:
                    which = f"{entry.key} {entry.value.get('id')}" if isinstance(entry.value, dict) else entry.key
                    faults.append((file, which, f"holds {entry.constants[0]}, which is no JSON number"))
                elif entry.key == "categories":
                    faults.extend((file, "categories", w) for w in _category_faults(entry.value, category))
                elif entry.key == "images":
                    before = len(faults)
                    faults.extend((file, *w) for w in self._image_faults(entry, images))
                    i: Any = entry.value.get("id") if isinstance(entry.value, dict) else None
                    if len(faults) > before:
                        images.wrong.update([i] if isinstance(i, int) else [])
                    elif whole and i not in whole.wrong and whole.digest.get(i, images.digest[i]) != images.digest[i]:
                        faults.append((file, f"image {i}", f"is not what {self._name}.json says"))
                    elif whole is None and self._renders.frames[images.frame[i]].is_sound:
                        yield self._renders.frames[images.frame[i]].place.label, i, entry.value, None
                elif entry.key == "annotations":
                    wrong = _annotation_form_faults(entry.value, ids, images)
                    which = f"annotation {short(entry.value.get('id') if isinstance(entry.value, dict) else None)}"
                    faults.extend((file, which, w) for w in wrong)
                    if wrong:
                        continue
                    i = entry.value["image_id"]
                    images.annotation[i] = _digest(entry.value)
                    frame = self._renders.frames[images.frame[i]]
                    if whole is not None and i in whole.annotation and i not in whole.wrong:
                        if whole.annotation[i] != images.annotation[i]:
                            faults.append((file, which, f"is not what {self._name}.json says of image {i}"))
                    elif frame.is_sound:
                        yield frame.place.label, i, entry.value, self._is_landmarks

        try:
            for done, wrong in enumerate(self._run(_entry_faults, to_compare()), start=1):
                self._progress(file, done, None)
                yield from faults
                faults.clear()
                for image_id, which, what in wrong:
                    images.wrong.add(image_id)
                    yield file, which, what
        except InputError as error:
            images.is_whole = False
            faults.append((file, "", str(error).removeprefix(f"{self._folder / file}: ")))
        yield from faults
        if images.is_whole:
            for key in ("images", "categories"):
                if key not in images.keys:
                    yield file, "", f"expected a COCO file with {key}, found none"
            for i, frame in images.frame.items():
                known = self._renders.frames[frame]
                if i not in images.annotation and known.is_sound and known.is_in_frame[self._is_landmarks]:
                    yield file, f"image {i}", "it has no annotation, though the label has keypoints in the frame"

    def _image_faults(self, entry: Entry, images: _Images) -> Iterator[tuple[str, str]]:
        record = entry.value
        if not isinstance(record, dict) or not isinstance(record.get("id"), int):
            yield "images", "an entry without an id that is a number"
            return
        which, i = f"image {record['id']}", record["id"]
        if i in images.frame:
            yield which, "the id is there twice"
            return
        frame = self._renders.of_name.get(str(record.get("label")))
        if frame is None:
            yield which, f"its label is not among the renders: {short(record.get('label'))}"
            return
        images.frame[i] = frame
        images.variant[i] = str(record.get("variant"))
        images.digest[i] = _digest(record)
        known = self._renders.frames[frame]
        place = known.place
        variant = images.variant[i]
        if variant not in VARIANTS or record.get("file_name") != self._renders.name(place.image(variant)):
            yield which, f"file_name is not the {short(variant)} image of its label"
        elif variant not in known.variants:
            yield which, f"there is no such file: {short(record['file_name'])}"
        if known.is_sound and record.get("clip") != known.clip:
            yield which, f"clip is {short(record.get('clip'))}, in the label {known.clip!r}"
        said = (record.get("action"), record.get("frame"), record.get("camera"))
        if said != (place.action, place.frame, place.camera):
            yield which, "action, frame or camera is not its label's"
        if record.get("mask") != self._renders.name(place.mask):
            yield which, f"mask is not that of its label: {short(record.get('mask'))}"


_Comparison = tuple[Path, int, dict[str, Any], bool | None]
"""A label, an image's id, the entry of the file, and for an annotation: does it hold the points on the skin?"""


def _category_faults(record: Any, expected: dict[str, Any]) -> Iterator[str]:
    names = expected["keypoints"]
    if not isinstance(record, dict) or record.get("keypoints") != names:
        yield f"expected the {len(names)} keypoints of kinequimation.skeleton, in their order"
        return
    edges = np.array(record.get("skeleton"), dtype=object)
    if edges.ndim != 2 or edges.shape[1] != 2 or any(not isinstance(i, int) for i in edges.ravel()):
        yield "expected a skeleton of pairs of numbers"
    elif min(edges.ravel()) < 1 or max(edges.ravel()) > len(names):
        yield f"expected a skeleton that counts from 1 to {len(names)}"
    elif record["skeleton"] != expected["skeleton"]:
        yield "expected the skeleton that 'dataset build' writes, got other links"
    if record.get("id") != expected["id"]:
        yield f"expected id {expected['id']}, got {short(record.get('id'))}"


def _annotation_form_faults(record: Any, ids: set[Any], images: _Images) -> list[str]:
    if not isinstance(record, dict) or not isinstance(record.get("image_id"), int):
        return ["an entry without an image_id that is a number"]
    faults = []
    if not isinstance(record.get("id"), int):
        faults.append("its id is no number")
    elif record["id"] in ids:
        faults.append("the id is there twice")
    else:
        ids.add(record["id"])
    if record["image_id"] not in images.frame:
        faults.append(f"image {record['image_id']} is not among the images")
    elif record["image_id"] in images.annotation and not faults:
        faults.append(f"image {record['image_id']} has two annotations")
    return faults


@np.errstate(all="ignore")  # a file may hold numbers of any size
def _entry_faults(item: _Comparison) -> list[tuple[int, str, str]]:
    """Return how an image or an annotation differs from the label: the image, the entry's name, and what."""
    path, image_id, record, is_landmarks = item
    which = f"image {image_id}" if is_landmarks is None else f"annotation {record['id']} (image {image_id})"
    try:
        label = read_label(path)
        wrong = (
            _image_differences(record, label)
            if is_landmarks is None
            else _annotation_differences(record, label, is_landmarks)
        )
        return [(image_id, which, w) for w in wrong]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        return [(image_id, which, f"expected the fields of a COCO file ({type(error).__name__}: {error})")]


def _image_differences(record: dict[str, Any], label: FrameLabel) -> Iterator[str]:
    for name in ("width", "height", "fps"):
        if record[name] != getattr(label, name):
            yield f"{name} is {short(record[name])}, in the label {getattr(label, name)}"
    for name in ("K", "T_cam_world"):
        value, expected = np.asarray(record[name], float), getattr(label, name)
        if value.shape != expected.shape or not np.allclose(value, expected, atol=1e-6):
            yield f"{name} is not the label's"


def _annotation_differences(record: dict[str, Any], label: FrameLabel, is_landmarks: bool) -> Iterator[str]:
    n = skeleton.NUM_JOINTS68
    if is_landmarks:
        at = [skeleton.LANDMARKS.index(p) for p in label.landmarks.names]
        uv, seen = np.zeros((len(skeleton.LANDMARKS), 2)), np.zeros(len(skeleton.LANDMARKS), int)
        uv[at], seen[at] = label.landmarks.uv, label.landmarks.visibility
        names: tuple[str, ...] = skeleton.LANDMARKS
    else:
        uv, seen, names = label.bones.uv[:n], label.bones.visibility[:n].astype(int), skeleton.HORSE68
    values = np.asarray(record["keypoints"], float)
    if values.shape != (3 * len(names),):
        yield f"expected {3 * len(names)} numbers of keypoints, got {values.size}"
        return
    values = values.reshape(-1, 3)
    expected = np.where(seen[:, None] > 0, uv, 0.0)
    off = np.linalg.norm(values[:, :2] - expected, axis=-1)
    wrong = np.flatnonzero(~(off <= TOLERANCE_PX))
    if len(wrong):
        worst = int(wrong[np.argmax(np.nan_to_num(off[wrong], nan=np.inf))])
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        yield f"keypoints are not the label's: {names[worst]}{more}, by {off[worst]:.1f} px"
    wrong = np.flatnonzero(values[:, 2] != seen)
    if len(wrong):
        yield f"visibility is not the label's: {names[wrong[0]]} and {len(wrong) - 1} more"
    if record["num_keypoints"] != (seen > 0).sum():
        yield f"num_keypoints is {record['num_keypoints']}, {(seen > 0).sum()} are labelled"
    box = label.bbox_xywh + [0.5, 0.5, 0, 0]  # COCO counts boxes from the pixel's corner
    if not np.allclose(np.asarray(record["bbox"], float), box, atol=TOLERANCE_PX):
        yield "bbox is not the label's"
    if record["area"] != label.area_px:
        yield f"area is {record['area']}, in the label {label.area_px}"
    if record["category_id"] != CATEGORY_ID or record["iscrowd"] != 0:
        yield f"expected category_id {CATEGORY_ID} and iscrowd 0"
    if record["facing"] != facing(label):
        yield f"facing is {short(record['facing'])}, by the label {facing(label)!r}"
    segmentation = record.get("segmentation")
    if isinstance(segmentation, dict):
        if segmentation["size"] != [label.height, label.width]:
            yield "segmentation is of another size"
        elif sum(runs_of_rle(segmentation["counts"])[1::2]) != label.area_px:
            yield "segmentation does not have the mask's area"


def _digest(record: dict[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=12).digest()


def short(value: Any) -> str:
    """Return a value from a file as text that fits a line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
