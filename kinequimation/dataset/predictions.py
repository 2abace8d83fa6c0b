"""Predicted keypoints of a labelled set: from a network or from files, and which labelled horse each of them is.

Files that are read:

    keypoints.json   what ``kinequimation predict`` writes of an image (format in ``io.keypoints``), or a folder with
                     such files (``*keypoints.json``); ``source`` names the image. Of a video the first frame counts.
    COCO results     a list of {"image_id", "category_id", "keypoints": [x, y, score, ...], "score", "bbox"?}, what
                     MMPose and pycocotools exchange (https://cocodataset.org/#format-results). Points come in the
                     order of the label file's category; 68, 35 or 103 of them that are not as many as the category has
                     are horse68, the landmarks or both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.coco import CocoSet, LabelledImage, horse10_near_side, slots_of_names
from kinequimation.errors import InputError
from kinequimation.io.keypoints import FORMAT, read_keypoints_json
from kinequimation.io.whole_file import read_whole
from kinequimation.metrics import box_iou

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

MIN_IOU = 0.3
"""A detection that overlaps a horse's box less than this has not found that horse."""
MAX_FILE_BYTES = 1 << 30
_MAX_ABS = 1e6
"""Pixels; what lies farther away is no point of an image."""
_OF_COUNT = {len(n): n for n in (skeleton.KEYPOINTS, skeleton.HORSE68, skeleton.LANDMARKS)}


@dataclass(frozen=True)
class FoundHorses:
    """The horses predicted in one image, in the slots of ``skeleton.KEYPOINTS``.

    Attributes:
        uv_px: [D, 103, 2] points, NaN where there is none.
        confidence: [D, 103] of each point, 0 where there is none.
        bbox_xywh: [D, 4] boxes.
        score: [D] how sure it is that this is a horse with these points.
    """

    uv_px: Float[np.ndarray, "d 103 2"]
    confidence: Float[np.ndarray, "d 103"]
    bbox_xywh: Float[np.ndarray, "d 4"]
    score: Float[np.ndarray, " d"]

    @classmethod
    def none(cls) -> FoundHorses:
        """Return what is found in an image without horses."""
        n = skeleton.NUM_KEYPOINTS
        return cls(np.empty((0, n, 2)), np.empty((0, n)), np.empty((0, 4)), np.empty(0))

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True)
class OfLabelledHorses:
    """The one prediction of each labelled horse of a set, in the set's order.

    Attributes:
        uv_px: [N, 103, 2] NaN for a horse that was missed.
        confidence: [N, 103] NaN for a horse that was missed.
        iou: [N] overlap of the predicted box with the labelled one; 0 for a horse that was missed.
        n_unmatched: predictions that are none of the labelled horses: false ones, or horses without a label.
    """

    uv_px: Float[np.ndarray, "n 103 2"]
    confidence: Float[np.ndarray, "n 103"]
    iou: Float[np.ndarray, " n"]
    n_unmatched: int

    @property
    def found(self) -> Bool[np.ndarray, " n"]:
        """Which horses were found."""
        return self.iou > 0


def known_slots(found: Sequence[FoundHorses]) -> tuple[int, ...]:
    """Return the keypoints that are predicted anywhere: HRNet has joints only, a file what its writer put in."""
    known = np.zeros(skeleton.NUM_KEYPOINTS, bool)
    for horses in found:
        known |= np.isfinite(horses.uv_px).all(-1).any(0)
    return tuple(int(k) for k in np.flatnonzero(known))


def in_labelled_boxes(found: Sequence[FoundHorses]) -> OfLabelledHorses:
    """Return predictions that were made in the labelled boxes, one a horse, in order."""
    uv_px, confidence = (np.concatenate(a) for a in zip(*((f.uv_px, f.confidence) for f in found), strict=True))
    return OfLabelledHorses(uv_px, confidence, np.ones(len(uv_px)), 0)


def match_horses(images: Sequence[LabelledImage], found: Sequence[FoundHorses]) -> OfLabelledHorses:
    """Give each labelled horse the prediction whose box overlaps its own most, from ``MIN_IOU`` up.

    A prediction is given to one horse only, the best overlaps first.
    """
    uv_px, confidence, ious = [], [], []
    n_unmatched = 0
    for image, predicted in zip(images, found, strict=True):
        n = len(image.horses)
        uv = np.full((n, skeleton.NUM_KEYPOINTS, 2), np.nan)
        sure = np.full((n, skeleton.NUM_KEYPOINTS), np.nan)
        iou = np.zeros(n)
        overlap = box_iou(np.stack([h.bbox_xywh for h in image.horses]), predicted.bbox_xywh)
        left = len(predicted)
        while overlap.size and overlap.max() >= MIN_IOU:
            h, d = np.unravel_index(overlap.argmax(), overlap.shape)
            uv[h], sure[h], iou[h] = predicted.uv_px[d], predicted.confidence[d], overlap[h, d]
            overlap[h], overlap[:, d] = -1, -1
            left -= 1
        uv_px.append(uv)
        confidence.append(sure)
        ious.append(iou)
        n_unmatched += left
    return OfLabelledHorses(np.concatenate(uv_px), np.concatenate(confidence), np.concatenate(ious), n_unmatched)


def read_predictions(path: Path, labelled: CocoSet) -> list[FoundHorses]:
    """Read predictions of a set from a file or a folder.

    Returns:
        what is predicted in each image of the set, in its order; nothing for an image that the file does not name.

    Raises:
        InputError: nothing there is such a file, or no prediction is of an image of the set.
    """
    if path.is_dir():
        files = sorted(path.rglob("*keypoints.json"))
        if not files:
            raise InputError(f"{path}: expected a folder with files named ...keypoints.json, found none")
        return _of_files(path, files, labelled)
    try:
        data = json.loads(read_whole(path, MAX_FILE_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"{path}: expected a file of predictions, got {(error.strerror or str(error)).lower()}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected predictions (JSON), got something unreadable ({error})") from error
    if isinstance(data, dict) and data.get("format") == FORMAT:
        return _of_files(path, [path], labelled)
    if not isinstance(data, list):
        raise InputError(f"{path}: expected a list of COCO results, or a file of the format {FORMAT!r}, got neither")
    try:
        return _of_results(data, labelled)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: expected the fields of COCO results, got something else ({reason})") from error


def _of_files(path: Path, files: Sequence[Path], labelled: CocoSet) -> list[FoundHorses]:
    """Read files of our own format; their ``source`` is an image's path, or ends as it does."""
    by_name: dict[str, list[int]] = {}
    for i, image in enumerate(labelled.images):
        by_name.setdefault(image.path.name, []).append(i)
    found = [FoundHorses.none()] * len(labelled.images)
    n_known = 0
    for file in files:
        clip = read_keypoints_json(file)
        source = PurePosixPath(clip.source.replace("\\", "/"))
        places = by_name.get(source.name, [])
        if len(places) > 1:  # names that stand in several folders: by as much of the path as both have
            places = [i for i in places if _ends_alike(labelled.images[i].path, source)]
        if len(places) != 1:
            continue
        image = labelled.images[places[0]]
        if (clip.width, clip.height) != (image.width, image.height):
            raise InputError(
                f"{file}: expected predictions of {image.path.name} at {image.width}×{image.height} as annotated, "
                f"got {clip.width}×{clip.height}"
            )
        horses = clip.horses[0]
        n_known += 1
        if horses:
            sure = np.stack([h.confidence for h in horses])
            found[places[0]] = FoundHorses(
                np.stack([h.uv_px for h in horses]),
                sure,
                np.stack([h.bbox_xywh for h in horses]),
                np.array([h.score for h in horses]) * sure.mean(1),
            )
    if not n_known:
        raise InputError(f"{path}: expected predictions of the set's images, got none whose source is one of them")
    return found


def _ends_alike(path: Path, source: PurePosixPath) -> bool:
    parts = path.parts[-len(source.parts) :]
    return parts == source.parts or path.parts[-2:] == source.parts[-2:]


def _of_results(results: list[dict[str, Any]], labelled: CocoSet) -> list[FoundHorses]:
    of_image: dict[Any, list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]] = {}
    for result in results:
        names = labelled.names.get(result["category_id"])
        if names is None:
            continue  # another animal
        of_image.setdefault(result["image_id"], []).append(_result(result, names, labelled))
    known = {image.image_id for image in labelled.images}
    if not known & of_image.keys():
        raise InputError("expected results for the set's images, got none whose image_id is one of theirs")
    found = []
    for image in labelled.images:
        horses = of_image.get(image.image_id)
        if horses:
            uv_px, confidence, bbox_xywh, score = (np.stack(a) for a in zip(*horses, strict=True))
            found.append(FoundHorses(uv_px, confidence, bbox_xywh, score))
        else:
            found.append(FoundHorses.none())
    return found


def _result(
    result: dict[str, Any], names: tuple[str, ...], labelled: CocoSet
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    values = np.asarray(result["keypoints"], float)
    if values.ndim != 1 or values.size % 3 or not values.size:
        raise InputError(f"expected keypoints as x, y, score of each point, got an array of shape {values.shape}")
    values = values.reshape(-1, 3)
    if len(values) != len(names):
        names = _OF_COUNT.get(len(values), ())
        if not names:
            raise InputError(
                f"expected the points of the label file's category or {', '.join(map(str, _OF_COUNT))} points, "
                f"got {len(values)}"
            )
    there = (np.abs(values) < _MAX_ABS).all(1)  # not NaN either
    near_side = "L"
    if labelled.scheme == "horse10":
        points = np.column_stack([values[:, :2], there])
        near_side = horse10_near_side(dict(zip(names, points, strict=True)))
    slots = np.array(slots_of_names(names, near_side))
    uv_px = np.full((skeleton.NUM_KEYPOINTS, 2), np.nan)
    confidence = np.zeros(skeleton.NUM_KEYPOINTS)
    of_ours = there & (slots >= 0)
    uv_px[slots[of_ours]] = values[of_ours, :2]
    confidence[slots[of_ours]] = values[of_ours, 2].clip(0, 1)
    if "bbox" in result:
        box = np.asarray(result["bbox"], float)
        if box.shape != (4,) or not (np.abs(box) < _MAX_ABS).all():
            raise InputError(f"expected a bbox [x, y, width, height], got {result['bbox']}")
    else:
        points = values[there, :2]
        low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.zeros(2))
        box = np.concatenate([low, high - low])
    score = float(result["score"])
    if not np.isfinite(score):
        raise InputError(f"expected a finite score, got {score}")
    return uv_px, confidence, box, score
