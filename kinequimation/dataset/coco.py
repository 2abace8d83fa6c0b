"""COCO keypoints: the label file of most public sets, and of ours.

One JSON object (https://cocodataset.org/#format-data)::

    {"images": [{"id", "file_name", "width", "height", "source"?}],
     "annotations": [{"image_id", "category_id", "bbox": [x, y, w, h], "keypoints": [x, y, v, ...], "iscrowd"?,
                      "facing"?: "L" | "R", "view"?, "lr_uncertain"?: ["fore", "hind"]}],
     "categories": [{"id", "name", "keypoints": [names]}]}

``v`` is 2 for a point that is seen, 1 for one that is hidden or inferred, 0 for one that is not labelled. Pixel
(0, 0) is taken as the centre of the top-left pixel.

Dialects, told apart by the names of the points:
    ours        any subset of ``skeleton.KEYPOINTS``, in any order.
    AP-10K      17 points, ``left_eye`` ...; categories of other animals are left out.
    Horse-10    22 points, ``Nearknee`` ...; near and off become left and right by the side that faces the camera.

The fields after the ``?`` are our own and optional. ``facing`` is the side of the image that the horse faces (a horse
that faces left shows its left side), ``source`` where an image came from, and ``lr_uncertain`` names pairs of legs
whose left and right the annotator could not tell.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

Facing = Literal["L", "R", ""]
MAX_FILE_BYTES = 1 << 30
LEG_PAIRS: dict[str, tuple[str, ...]] = {
    "fore": ("point_of_shoulder", "elbow", "carpus", "fore_fetlock", "fore_toe"),
    "hind": ("stifle", "hock", "hind_fetlock", "hind_toe"),
}
"""Landmarks, less their side, of the pairs of legs that ``lr_uncertain`` can name."""


@dataclass(frozen=True)
class LabelledHorse:
    """One annotated horse, in the 103 slots of ``skeleton.KEYPOINTS``.

    Attributes:
        bbox_xywh: [4] box, pixels.
        uv_px: [103, 2] NaN where there is no label.
        visibility: [103] 2 seen, 1 hidden or inferred, 0 not labelled.
        facing: the side of the image that the horse faces; empty if unknown, or seen from the front or rear.
        view: side, front34, ..., as the file says.
        lr_uncertain: pairs of legs (``fore``, ``hind``) whose sides the annotator could not tell.
        labelled_area_px: of the horse in the image, as the file says, square pixels; NaN if it does not.
    """

    bbox_xywh: Float[np.ndarray, " 4"]
    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    facing: Facing = ""
    view: str = ""
    lr_uncertain: tuple[str, ...] = ()
    labelled_area_px: float = float("nan")

    @property
    def area_px(self) -> float:
        """Area of the horse in the image, or of its box where the file says none."""
        area = self.labelled_area_px
        return area if 0 < area < float("inf") else float(np.prod(self.bbox_xywh[2:]))


@dataclass(frozen=True)
class LabelledImage:
    """An image and the horses annotated in it.

    Attributes:
        path: the image file.
        width: pixels.
        height: pixels.
        source: the collection it came from; images of one source look alike.
        horses: at least one.
        image_id: its id in the file, by which results name it.
    """

    path: Path
    width: int
    height: int
    source: str
    horses: tuple[LabelledHorse, ...]
    image_id: int | str = -1


@dataclass(frozen=True)
class CocoSet:
    """A COCO keypoint file.

    Attributes:
        images: those that hold labelled horses, in the file's order.
        names: the points of each category that is a horse, in the file's order and by the file's names.
    """

    images: tuple[LabelledImage, ...]
    names: dict[int | str, tuple[str, ...]]

    @property
    def scheme(self) -> Literal["ap10k", "horse10", "ours"]:
        """Whose names the points have."""
        names = {n for of_category in self.names.values() for n in of_category}
        if names <= skeleton.AP10K.keys():
            return "ap10k"
        return "horse10" if names <= skeleton.HORSE10.keys() else "ours"


def read_coco(path: Path, images: Path | None = None) -> list[LabelledImage]:
    """Return the images of a COCO keypoint file that hold labelled horses; see ``read_coco_set``."""
    return list(read_coco_set(path, images).images)


def read_coco_set(path: Path, images: Path | None = None) -> CocoSet:
    """Read a COCO keypoint file.

    Args:
        path: the JSON file.
        images: the folder in which images are looked for, by ``file_name``; None for the file's own. They are not
            opened.

    Raises:
        InputError: the file is not such a file, or names no point that is known here.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path}: expected a label file under 1 GB, got {path.stat().st_size} bytes")
        data = json.loads(path.read_text(encoding="utf-8-sig"))  # some editors put a byte order mark in front
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: expected a COCO keypoint file beside its images, got {reason}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected a COCO keypoint file (JSON), got something unreadable ({error})") from error
    try:
        return _parse(data, images or path.parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: expected the fields of COCO keypoints, got something else ({reason})") from error


def _parse(data: dict[str, Any], folder: Path) -> CocoSet:
    schemes = _schemes(data["categories"])
    horses: dict[Any, list[LabelledHorse]] = {}
    for annotation in data["annotations"]:
        names = schemes.get(annotation["category_id"])
        if names is None or annotation.get("iscrowd"):
            continue
        horse = _horse(annotation, names)
        if horse.visibility.any():
            horses.setdefault(annotation["image_id"], []).append(horse)
    images = [_image(i, horses.pop(i["id"]), folder) for i in data["images"] if i["id"] in horses]
    if horses:
        raise InputError(f"an annotation names image_id {next(iter(horses))}, which is not among the images")
    if not images:
        raise InputError("expected labelled horses, found none")
    return CocoSet(tuple(images), {i: tuple(names) for i, names in schemes.items()})


def _schemes(categories: list[dict[str, Any]]) -> dict[Any, list[str]]:
    """Return the point names of each category that is a horse."""
    named = {c["id"]: [str(n) for n in c["keypoints"]] for c in categories if c.get("keypoints")}
    if len(named) > 1:
        horses = {c["id"] for c in categories if str(c.get("name", "")).lower() == "horse"}
        named = {i: names for i, names in named.items() if i in horses}
    if not named:
        raise InputError("expected a category 'horse' with a list of keypoints, found none")
    for names in named.values():
        unknown = [n for n in names if not _is_known(n)]
        if len(unknown) == len(names):
            raise InputError(
                f"expected points named as this project's landmarks, AP-10K or Horse-10, got {', '.join(names[:4])} ..."
            )
        if len(set(names)) < len(names):
            raise InputError("expected every keypoint once in a category, found one twice")
    return named


def _is_known(name: str) -> bool:
    return name in skeleton.KEYPOINT_INDEX or name in skeleton.AP10K or name in skeleton.HORSE10


def _horse(annotation: dict[str, Any], names: list[str]) -> LabelledHorse:
    values = np.asarray(annotation["keypoints"], float)
    if values.shape != (3 * len(names),):
        raise InputError(f"expected {3 * len(names)} numbers of keypoints, got {values.size}")
    values = values.reshape(-1, 3)
    seen = values[:, 2] > 0
    bbox = np.asarray(annotation["bbox"], float)
    if bbox.shape != (4,) or not np.isfinite(bbox).all() or (bbox[2:] <= 0).any():
        raise InputError(f"expected a bbox [x, y, width, height] with a positive size, got {annotation['bbox']}")
    if not np.isfinite(values[seen]).all() or not np.isin(values[:, 2], (0, 1, 2)).all():
        raise InputError("expected finite keypoints with visibility 0, 1 or 2")
    facing = annotation.get("facing", "")
    facing = facing if facing in ("L", "R") else ""
    slots = slots_of_names(names, facing or horse10_near_side(dict(zip(names, values, strict=True))))
    uv = np.full((skeleton.NUM_KEYPOINTS, 2), np.nan)
    visibility = np.zeros(skeleton.NUM_KEYPOINTS, np.uint8)
    for slot, value in zip(slots, values, strict=True):
        if slot >= 0 and value[2] > 0:
            uv[slot] = value[:2]
            visibility[slot] = value[2]
    return LabelledHorse(
        bbox_xywh=bbox,
        uv_px=uv,
        visibility=visibility,
        facing=facing,
        view=str(annotation.get("view", "")),
        lr_uncertain=tuple(leg for leg in annotation.get("lr_uncertain") or () if leg in LEG_PAIRS),
        labelled_area_px=float(annotation.get("area") or "nan"),
    )


def slots_of_names(names: Sequence[str], near_side: str = "L") -> list[int]:
    """Return the slot of each point of a file; −1 for a name that is not known here.

    Args:
        names: of any of the dialects.
        near_side: the horse's own side that faces the camera, ``L`` or ``R``, for Horse-10's near and off.
    """
    slot = {**{n: n for n in skeleton.KEYPOINTS}, **skeleton.AP10K}
    if any(n in skeleton.HORSE10 and n not in slot for n in names):
        slot |= skeleton.horse10_names(near_side)
    return [skeleton.KEYPOINT_INDEX[slot[n]] if n in slot else -1 for n in names]


def horse10_near_side(points: dict[str, np.ndarray]) -> Literal["L", "R"]:
    """Return the side that a Horse-10 horse shows: the left one if its head is left of its trunk.

    Args:
        points: x, y and visibility of each of Horse-10's points.
    """

    def middle(names: tuple[str, ...]) -> float:
        x = [points[n][0] for n in names if n in points and points[n][2] > 0]
        return float(np.mean(x)) if x else float("nan")

    return "R" if middle(("Nose", "Eye")) > middle(("Wither", "Hip", "Ischium")) else "L"


def _image(record: dict[str, Any], horses: list[LabelledHorse], folder: Path) -> LabelledImage:
    name = PurePosixPath(str(record["file_name"]).replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in str(name) or not name.name:
        raise InputError(f"expected image names inside the set's folder, got {record['file_name']!r}")
    width, height = int(record["width"]), int(record["height"])
    if width < 1 or height < 1:
        raise InputError(f"{name}: expected a positive size, got {width}×{height}")
    return LabelledImage(
        path=folder / name,
        width=width,
        height=height,
        source=str(record.get("source", "")).split(":")[0],
        horses=tuple(horses),
        image_id=record["id"],
    )
