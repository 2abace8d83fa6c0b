"""COCO keypoints (``.json``) of the frames of a video: annotations, or the results of a network.

https://cocodataset.org/#format-data and #format-results. Annotations are one object with ``images``, ``annotations``
and ``categories``; results are a list of ``{"image_id", "category_id", "keypoints": [x, y, score, ...], "score",
"bbox"?}``.

- The points' names are the category's. Results have none: 103, 68, 35, 17 or 22 points are ours, horse68, the
  landmarks, AP-10K or Horse-10, in their order.
- Of categories only those named ``horse`` count where there are several with points.
- ``v`` of an annotation is 2 seen (confidence 1), 1 hidden (``HIDDEN``), 0 not labelled; of a result it is a score.
- A frame of annotations is an image, by its name; of results ``image_id`` is its number.
- Which horse is which: ``track_id``, ``instance_id`` or ``object_id`` of an entry where there is one; else by its box,
  which overlaps most with one of the frame before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.io.tracks import MAX_ABS_PX, MAX_HORSES, MAX_ROWS, Tracks
from kinequimation.metrics import box_iou

HIDDEN = 0.5
"""Confidence of a point that was labelled without being seen (a guess)."""
MIN_IOU = 0.2
_TRACKS = ("track_id", "instance_id", "object_id")
_OF_COUNT: dict[int, tuple[str, ...]] = {
    len(names): tuple(names)
    for names in (skeleton.KEYPOINTS, skeleton.HORSE68, skeleton.LANDMARKS, skeleton.AP10K, skeleton.HORSE10)
}


def tracks_of_coco(data: dict[str, Any] | list[Any]) -> Tracks:
    """Return the points of a COCO file that was parsed already.

    Raises:
        InputError: it lacks what such a file has.
    """
    try:
        return _of_annotations(data) if isinstance(data, dict) else _of_results(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        reason = f"{type(error).__name__}: {str(error)[:120]}"
        raise InputError(f"expected the fields of COCO keypoints, got something else ({reason})") from error


def _of_annotations(data: dict[str, Any]) -> Tracks:
    names = _names(data["categories"])
    images = [(image["id"], str(image["file_name"])) for image in data["images"]]
    sizes = {(int(image["width"]), int(image["height"])) for image in data["images"]}
    if len(sizes) != 1:
        raise InputError(f"images: expected frames of one size, got {len(sizes)} sizes; are they of one video?")
    place = {image_id: i for i, (image_id, _) in enumerate(images)}
    entries = []
    for entry in data["annotations"]:
        if entry.get("category_id") not in names or entry.get("iscrowd"):
            continue
        if entry["image_id"] not in place:
            named = str(entry["image_id"])[:40]
            raise InputError(f"annotations: expected image_id of one of the images, got {named}")
        points = _points(entry["keypoints"], len(names[entry["category_id"]]))
        labelled = np.isin(points[:, 2], (0, 1, 2)).all()
        confidence = np.array([0.0, HIDDEN, 1.0])[points[:, 2].astype(int)] if labelled else points[:, 2]
        entries.append((place[entry["image_id"]], entry, points[:, :2], confidence))
    if not entries:
        raise InputError("annotations: expected one horse or more with keypoints, got none")
    points_of = {names[entry["category_id"]] for _, entry, _, _ in entries}
    if len(points_of) > 1:
        raise InputError("categories: expected horses of one list of keypoints, got several")
    return _tracks(points_of.pop(), entries, tuple(name for _, name in images), next(iter(sizes)))


def _names(categories: list[dict[str, Any]]) -> dict[Any, tuple[str, ...]]:
    """Return the names of the points of each category that is a horse."""
    named = {c["id"]: tuple(str(n) for n in c["keypoints"]) for c in categories if c.get("keypoints")}
    if len(named) > 1:
        horses = {c["id"] for c in categories if str(c.get("name", "")).lower() == "horse"}
        named = {i: names for i, names in named.items() if i in horses}
    if not named:
        raise InputError("categories: expected a horse with a list of keypoints, found none")
    return named


def _of_results(data: list[Any]) -> Tracks:
    entries = []
    names: tuple[str, ...] | None = None
    for entry in data:
        n = len(entry["keypoints"]) // 3
        if n not in _OF_COUNT:
            counts = ", ".join(str(count) for count in _OF_COUNT)
            raise InputError(f"results: expected {counts} points, got {n}; give annotations, which name their points")
        if names is not None and n != len(names):
            raise InputError(f"results: expected {len(names)} points as before, got {n}")
        names = _OF_COUNT[n]
        number = entry["image_id"]
        if type(number) is not int or not 0 <= number < 10**9:
            raise InputError(f"image_id: expected the number of a frame, got {str(number)[:40]!r}")
        points = _points(entry["keypoints"], n)
        entries.append((number, entry, points[:, :2], points[:, 2]))
    if names is None:
        raise InputError("results: expected one horse or more, got none")
    return _tracks(names, entries, (), None)


def _points(values: list[Any], n: int) -> np.ndarray:
    points = np.asarray(values, float)
    if points.shape != (3 * n,):
        raise InputError(f"keypoints: expected {3 * n} numbers, got {points.size}")
    return points.reshape(n, 3)


def _tracks(
    names: tuple[str, ...],
    entries: list[tuple[int, dict[str, Any], np.ndarray, np.ndarray]],
    images: tuple[str, ...],
    size: tuple[int, int] | None,
) -> Tracks:
    if len(entries) > MAX_ROWS:
        raise InputError(f"expected at most {MAX_ROWS} horses in all, got {len(entries)}")
    entries = sorted(entries, key=lambda e: e[0])
    uv = np.stack([e[2] for e in entries])
    confidence = np.stack([e[3] for e in entries])
    there = np.isfinite(confidence) & (confidence > 0) & np.isfinite(uv).all(-1) & (np.abs(uv) < MAX_ABS_PX).all(-1)
    uv[~there] = np.nan
    boxes = np.array([_box(e[1], uv[i]) for i, e in enumerate(entries)])
    frame = np.array([e[0] for e in entries])
    score = np.array([float(e[1].get("score", 1.0)) for e in entries])
    return Tracks(
        names=names,
        frame=frame,
        horse=_horses([e[1] for e in entries], frame, boxes),
        uv_px=uv,
        confidence=np.where(there, confidence, 0.0).clip(0.0, 1.0),
        images=images,
        bbox_xywh=boxes,
        score=np.nan_to_num(score, nan=0.0).clip(0.0, 1.0),
        size=size,
    )


def _box(entry: dict[str, Any], uv_px: np.ndarray) -> np.ndarray:
    if entry.get("bbox") is not None:
        box = np.asarray(entry["bbox"], float)
        if box.shape == (4,) and (np.abs(box) < MAX_ABS_PX).all() and (box[2:] > 0).all():
            return box
    known = uv_px[np.isfinite(uv_px).all(-1)]
    if len(known) < 2:
        return np.full(4, np.nan)
    low, high = known.min(0), known.max(0)
    return np.concatenate([low - 1.0, high - low + 2.0])


def _horses(entries: list[dict[str, Any]], frame: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return which horse each entry is, from 1."""
    for key in _TRACKS:
        if all(entry.get(key) is not None for entry in entries):
            numbers: dict[Any, int] = {}
            return np.array([numbers.setdefault(str(entry[key]), len(numbers) + 1) for entry in entries])
    horse = np.zeros(len(entries), int)
    last: dict[int, np.ndarray] = {}  # where each horse was last, the one seen last at the end
    n_horses = 0
    starts = np.flatnonzero(np.concatenate([[True], frame[1:] != frame[:-1]])).tolist()
    for start, stop in zip(starts, [*starts[1:], len(frame)], strict=True):
        if stop - start > MAX_HORSES:
            raise InputError(f"expected at most {MAX_HORSES} horses in a frame, got {stop - start}")
        known = sorted([*last][-MAX_HORSES:])
        here = np.nan_to_num(boxes[start:stop])
        overlap = box_iou(np.stack([last[i] for i in known]), here) if known else np.zeros((0, stop - start))
        while overlap.size and overlap.max() >= MIN_IOU:
            i, k = np.unravel_index(overlap.argmax(), overlap.shape)
            horse[start + k] = known[i]
            overlap[i], overlap[:, k] = -1, -1
        free = [i for i in known if i not in horse[start:stop]]
        for k in range(start, stop):
            if horse[k] == 0:
                # a horse alone in its frame is the one there was, wherever it ran meanwhile
                alone = stop - start == 1 and len(known) == 1 and free
                n_horses += 0 if alone else 1
                horse[k] = free.pop() if alone else n_horses
            last.pop(int(horse[k]), None)
            last[int(horse[k])] = np.nan_to_num(boxes[k])
    return horse
