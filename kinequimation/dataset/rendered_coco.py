"""COCO keypoint files of rendered frames, for pycocotools, MMPose and every other reader of that format.

``coco_synth_68.json`` holds every image, ``coco_synth_68_train.json``, ``_val`` and ``_test`` the parts, which share no
clip; ``coco_synth_landmarks*.json`` are the same images with the points on the skin. Beside the fields of
https://cocodataset.org/#format-data an image has ours, which other readers ignore::

    "source": the clip, "action", "clip", "frame", "camera", "fps", "variant", "label", "mask": names of files,
    "K": [3][3], "T_cam_world": [4][4]        OpenCV's camera axes

and an annotation ``facing``, the side of the image that the horse faces, as ``dataset.coco`` reads it.

Pixels are COCO's own, which are two kinds. A keypoint's (0, 0) is the *centre* of the top-left pixel, as in our labels
and as MMPose takes it; a keypoint that is out of the frame is 0, 0, 0. A box's (0, 0) is that pixel's *corner*, so that
one that fills the image is [0, 0, width, height]: half a pixel more than in a label. ``segmentation`` is COCO's
compressed run-length code of the mask, exact to the pixel.
"""

from __future__ import annotations

import io
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kinequimation import skeleton
from kinequimation.dataset.frame_label import MAX_IMAGE_BYTES, FrameLabel
from kinequimation.dataset.rendered_frames import slots_of
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.io.whole_file import read_whole

if TYPE_CHECKING:
    from jaxtyping import Bool, UInt8

CATEGORY_ID = 1
NAME68, NAME_LANDMARKS = "coco_synth_68", "coco_synth_landmarks"
_DECIMALS = 4
_LANDMARK_CHAINS = (
    ("nose", "poll", "withers", "back", "croup", "tail_base", "tail_end"),
    ("nose", "chin"),
    ("withers", "neck_base"),
    ("withers", "girth"),
    ("tail_base", "ischium"),
    *(
        tuple(name if name in ("poll", "withers", "croup") else f"{name}.{side}" for name in chain)
        for side in "LR"
        for chain in (
            ("poll", "ear_tip"),
            ("poll", "eye"),
            ("withers", "point_of_shoulder", "elbow", "carpus", "fore_fetlock", "fore_toe"),
            ("croup", "point_of_hip", "stifle", "hock", "hind_fetlock", "hind_toe"),
        )
    ),
)
LANDMARK_LINKS: tuple[tuple[str, str], ...] = tuple(
    link for chain in _LANDMARK_CHAINS for link in itertools.pairwise(chain)
)
"""Pairs of points on the skin to draw a line between."""
BONE_LINKS: tuple[tuple[str, str], ...] = tuple(
    (parent, bone) for bone in skeleton.HORSE68 if (parent := skeleton.PARENT[bone]) in skeleton.HORSE68 and parent
)
"""Parent and child of horse68."""


def category(names: tuple[str, ...], links: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return a COCO category; its ``skeleton`` counts keypoints from 1."""
    return {
        "id": CATEGORY_ID,
        "name": "horse",
        "supercategory": "animal",
        "keypoints": list(names),
        "skeleton": [[names.index(a) + 1, names.index(b) + 1] for a, b in links],
    }


CATEGORY68 = category(skeleton.HORSE68, BONE_LINKS)
CATEGORY_LANDMARKS = category(skeleton.LANDMARKS, LANDMARK_LINKS)


def image_record(
    label: FrameLabel, image_id: int, file_name: str, variant: str, mask_name: str, label_name: str
) -> dict[str, Any]:
    """Return the entry of an image."""
    return {
        "id": image_id,
        "file_name": file_name,
        "width": label.width,
        "height": label.height,
        "source": label.clip.replace(":", "_"),  # readers take what stands before a colon for the collection
        "action": label.action,
        "clip": label.clip,
        "frame": label.frame,
        "camera": label.camera,
        "fps": label.fps,
        "variant": variant,
        "mask": mask_name,
        "label": label_name,
        "K": label.K.tolist(),
        "T_cam_world": np.round(label.T_cam_world, 9).tolist(),
    }


def annotation_record(
    label: FrameLabel, image_id: int, segmentation: dict[str, Any] | None, landmarks: bool = False
) -> dict[str, Any] | None:
    """Return the entry of the horse of a frame; None where none of its keypoints is in the frame.

    Args:
        label: the frame.
        image_id: also the annotation's own number, as there is one horse in an image.
        segmentation: what ``rle_of_mask`` returned; None leaves it out.
        landmarks: the points on the skin instead of horse68.
    """
    slots = slots_of(label)
    block = slice(skeleton.NUM_JOINTS68, None) if landmarks else slice(skeleton.NUM_JOINTS68)
    keypoints = np.concatenate([slots.uv_px, slots.visibility[:, None]], axis=1)[block]
    keypoints[keypoints[:, 2] == 0] = 0.0
    x, y, width, height = label.bbox_xywh
    n = int((keypoints[:, 2] > 0).sum())
    if n == 0 or width <= 0 or height <= 0:
        return None
    record = {
        "id": image_id,
        "image_id": image_id,
        "category_id": CATEGORY_ID,
        "iscrowd": 0,
        "bbox": [_short(v) for v in (x + 0.5, y + 0.5, width, height)],
        "area": label.area_px,
        "num_keypoints": n,
        "keypoints": [_short(v) for v in keypoints.ravel()],
        "facing": facing(label),
    }
    if segmentation is not None:
        record["segmentation"] = segmentation
    return record


def _short(value: float) -> float | int:
    """Return a number with few digits, a whole one as such: half of a file would be zeros after a point."""
    rounded = round(float(value), _DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def facing(label: FrameLabel) -> str:
    """Return the side of the image that the horse faces, ``L`` or ``R``; empty where it is seen from front or rear.

    Which it is where the trunk lies within 30° of the line of sight (a judgement).
    """
    heads = dict(zip(label.bones.names, label.bones.head, strict=True))
    trunk = heads["DEF-spine.006"] - heads[skeleton.SACRUM]
    across, _, along = label.T_cam_world[:3, :3] @ trunk
    if abs(across) < np.tan(np.radians(30)) * abs(along):
        return ""
    return "R" if across > 0 else "L"


def rle_of_mask(mask: Bool[np.ndarray, "h w"]) -> dict[str, Any]:
    """Return COCO's compressed run-length code of a mask.

    Runs go down the columns, the first of them outside the mask. From the fourth on, a run is written as its difference
    to the one two before it; numbers are little-endian groups of five bits with a sixth that says
    whether more follow, each as the character 48 above it (the format of ``rleToString`` in cocoapi's ``maskApi.c``).
    """
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    borders = np.concatenate([[0], changes, [flat.size]])
    runs = np.diff(borders).tolist()
    if flat.size and flat[0]:
        runs = [0, *runs]
    code = bytearray()
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            group = value & 31
            value >>= 5
            more = value != (-1 if group & 16 else 0)
            code.append((group | (32 if more else 0)) + 48)
    return {"size": [int(mask.shape[0]), int(mask.shape[1])], "counts": code.decode("ascii")}


def runs_of_rle(code: str) -> list[int]:
    """Return the lengths of the runs of COCO's compressed code, the first of them outside the mask.

    Raises:
        ValueError: it is no such code.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in code.encode("ascii"):
        group = letter - 48
        value |= (group & 31) << shift
        shift += 5
        if shift > 60:
            raise ValueError("a run of a segmentation is longer than any image")
        if not group & 32:
            if group & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def read_mask(path: Path, width: int, height: int) -> UInt8[np.ndarray, "h w"]:
    """Read a mask: 255 where the horse itself is seen.

    Raises:
        InputError: it is not there, or no grey image of that size.
    """
    try:
        with Image.open(io.BytesIO(read_whole(path, MAX_IMAGE_BYTES)), formats=("PNG",)) as opened:
            if opened.size != (width, height) or opened.mode != "L":
                got = f"{opened.mode} {opened.size[0]}×{opened.size[1]}"
                raise InputError(f"{path}: expected a grey mask of {width}×{height} pixels, got {got}")
            return np.asarray(opened)
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: expected a mask (PNG), got something unreadable ({reason})") from error


class CocoSink:
    """A COCO file that is being written; see ``coco_file``.

    Attributes:
        n_images, n_annotations: how many were added.
    """

    def __init__(self, images: IO[str], annotations: IO[str]) -> None:
        self._images, self._annotations = images, annotations
        self.n_images = self.n_annotations = 0

    def image(self, record: dict[str, Any]) -> None:
        """Add an image."""
        self._images.write((",\n" if self.n_images else "\n") + _compact(record))
        self.n_images += 1

    def annotation(self, record: dict[str, Any]) -> None:
        """Add an annotation."""
        self._annotations.write((",\n" if self.n_annotations else "\n") + _compact(record))
        self.n_annotations += 1


@contextmanager
def coco_file(path: Path, category: dict[str, Any], info: dict[str, Any]) -> Iterator[CocoSink]:
    """Write a COCO file entry by entry: memory does not grow with their number.

    The file takes its place when the block ends without an error.

    Args:
        path: where.
        category: ``CATEGORY68`` or ``CATEGORY_LANDMARKS``.
        info: what the file's ``info`` says.

    Raises:
        OutputError: it cannot be written.
    """
    head = json.dumps({"info": info, "licenses": [], "categories": [category]})
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as images,
        # annotations come after the images in every file of this kind: they wait beside it
        tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=path.parent) as annotations,
    ):
        images.write(head[:-1] + ',\n"images": [')
        yield CocoSink(images, annotations)
        images.write('],\n"annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, images, 1 << 20)
        images.write("]}\n")


def _compact(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False)
