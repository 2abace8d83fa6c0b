"""Shards of rendered frames to train from: see ``dataset.tar_shards`` for the files.

In a shard, frame 123 is

    000000123.jpg (or .png)  the picture
    000000123.mask.png       255 where the horse itself is seen
    000000123.json           {"action", "clip", "frame", "camera", "part", "variant", "fps", "uv_px": [103][2],
                              "visibility": [103], "bbox_xywh", "xyz_cam": [103][3], "K", "T_cam_world", "scene"}

Points stand in the slots of ``skeleton.KEYPOINTS``, null where there is none; pixels as in ``dataset.labels``, metres,
OpenCV's camera axes. Frames are in an order that is as good as random and depends on their names alone, so that
whoever trains on a stream of them meets every clip everywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.frame_label import FrameLabel
from kinequimation.dataset.rendered_coco import read_mask
from kinequimation.dataset.rendered_frames import RenderedFrame, RenderedFrames, slots_of
from kinequimation.dataset.splits import Part
from kinequimation.dataset.tar_shards import (
    MAX_MEMBER_BYTES,
    decoded,
    encoded,
    json_object,
    numbers,
    read_tar,
    tar_paths,
    write_tars,
)
from kinequimation.errors import InputError
from kinequimation.io.whole_file import read_whole

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

FORMAT = 2
"""Of ``shards.json``; 1 are the shards of drawn frames."""
JPEG_QUALITY = 95
ImageKind = Literal["jpg", "png"]
IMAGE_KINDS: tuple[str, ...] = get_args(ImageKind)
KINDS = ("jpg", "png", "mask.png", "json")


@dataclass(frozen=True)
class ShardFrame:
    """A frame from a shard.

    Attributes:
        index: its number in the set.
        image: [H, W, 3] RGB.
        mask: [H, W] 255 where the horse itself is seen.
        uv_px: [103, 2] pixels; NaN behind the camera and where there is no such point.
        visibility: [103] 0 out of the frame or no such point, 1 hidden, 2 seen.
        bbox_xywh: [4] pixels, hidden parts too, clipped to the image.
        xyz_cam: [103, 3] metres; NaN where there is no such point.
        K: [3, 3] intrinsics.
        T_cam_world: [4, 4].
        action, clip, part, variant: as in the label and the dataset.
        frame, camera: numbers of frame and camera.
        fps: frames a second.
        scene: what else is known.
    """

    index: int
    image: UInt8[np.ndarray, "h w 3"]
    mask: UInt8[np.ndarray, "h w"]
    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    bbox_xywh: Float[np.ndarray, " 4"]
    xyz_cam: Float[np.ndarray, "103 3"]
    K: Float[np.ndarray, "3 3"]
    T_cam_world: Float[np.ndarray, "4 4"]
    action: str
    clip: str
    part: str
    variant: str
    frame: int
    camera: int
    fps: float
    scene: dict[str, Any] = field(default_factory=dict)


def write_rendered_shards(
    folder: Path,
    frames: RenderedFrames,
    part: Part,
    per_shard: int = 1000,
    variant: str | None = None,
    images: ImageKind = "jpg",
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write one part of a dataset into shards; a run that was cut off goes on.

    Args:
        folder: where; made if it is missing. One that holds other frames is refused.
        frames: the dataset.
        part: which part of it.
        per_shard: frames in a shard.
        variant: of the images; see ``RenderedFrame.images``.
        images: ``jpg`` (quality 95) or ``png``, which keeps the file as it is and is some five times as large.
        progress: called with the frames written and those in all.

    Returns:
        the shards.

    Raises:
        InputError: there is no frame of that part, a file of a frame is not as it should be, or the folder holds
            other frames.
        OutputError: a file cannot be written.
    """
    if images not in IMAGE_KINDS:
        raise InputError(f"images: expected {' or '.join(IMAGE_KINDS)}, got {images!r}")
    chosen = [f for f in frames.frames if f.part == part]
    names = {id(f): frames.name_of(f.place.label) for f in chosen}
    chosen.sort(key=lambda f: hashlib.sha256(names[id(f)].encode("utf-8", "surrogateescape")).digest())
    pictures = [(f, v, path) for f in chosen for v, path in f.images(variant)]
    digest = hashlib.sha256()
    for f, v, path in pictures:  # with sizes: files of the same names that were rendered anew have others
        sizes = f"{f.place.label.stat().st_size} {path.stat().st_size}"
        digest.update(f"{names[id(f)]} {v} {sizes}\n".encode("utf-8", "surrogateescape"))
    source = {"part": part, "variant": variant, "images": images, "frames": len(pictures), "sha256": digest.hexdigest()}
    manifest = {"format": FORMAT, "per_shard": per_shard, "source": source}

    def members(start: int, n: int) -> Iterator[dict[str, bytes]]:
        return (_members(f, f.read(variant), v, path, images) for f, v, path in pictures[start : start + n])

    return write_tars(folder, manifest, members, len(pictures), per_shard, progress)


def _members(frame: RenderedFrame, label: FrameLabel, variant: str, path: Path, images: ImageKind) -> dict[str, bytes]:
    try:
        data = read_whole(path, MAX_MEMBER_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: expected an image, got {reason}") from error
    pixels = decoded(data, "PNG", "RGB", str(path))  # and so a file that is cut off is found before training is
    if pixels.shape[:2] != (label.height, label.width):
        got = f"{pixels.shape[1]}×{pixels.shape[0]}"
        raise InputError(f"{path}: expected {label.width}×{label.height} pixels as in its label, got {got}")
    if images == "jpg":
        data = encoded(pixels, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    slots = slots_of(label)
    record = {
        "action": label.action, "clip": label.clip, "frame": label.frame, "camera": label.camera, "part": frame.part,
        "variant": variant, "fps": label.fps, "uv_px": _plain(slots.uv_px, 4), "visibility": slots.visibility.tolist(),
        "bbox_xywh": label.bbox_xywh.tolist(), "xyz_cam": _plain(label.as_camera.to_cam(slots.xyz_world), 6),
        "K": label.K.tolist(), "T_cam_world": _plain(label.T_cam_world, 9), "scene": label.scene,
    }  # fmt: skip
    mask = read_mask(frame.place.mask, label.width, label.height)
    return {
        images: data,
        "mask.png": encoded(mask, "PNG"),
        "json": json.dumps(record, separators=(",", ":"), allow_nan=False).encode(),
    }


def _plain(values: np.ndarray, decimals: int) -> list[Any]:
    """Return rows of rounded numbers, null for NaN."""
    return [[None if x != x else x for x in row] for row in (np.round(values, decimals) + 0.0).tolist()]


def read_rendered_shards(folder: Path, part: int = 0, of: int = 1) -> Iterator[ShardFrame]:
    """Yield the frames of a folder of shards, in order, one in memory at a time.

    Args:
        folder: what ``write_rendered_shards`` wrote.
        part: which of ``of`` parts of the shards to read, for several readers: shards part, part + of, ...
        of: parts.

    Raises:
        InputError: the folder or a shard is not as it should be; says which and why.
    """
    for path in tar_paths(folder, FORMAT, part, of):
        for index, members in read_tar(path, KINDS):
            yield frame_of_members(members, index, f"{path}, frame {index:09d}")


def frame_of_members(members: dict[str, bytes], index: int, where: str) -> ShardFrame:
    """Return the frame that the files of a shard hold.

    Args:
        members: what the files hold, by kind.
        index: the frame's number in the set.
        where: what to call it in a message.

    Raises:
        InputError: a file is missing or not as it should be.
    """
    kinds = [k for k in IMAGE_KINDS if k in members]
    if len(kinds) != 1 or "mask.png" not in members or "json" not in members:
        raise InputError(f"{where}: expected a picture (jpg or png), mask.png and json, got {', '.join(members)}")
    image = decoded(members[kinds[0]], {"jpg": "JPEG", "png": "PNG"}[kinds[0]], "RGB", where)
    mask = decoded(members["mask.png"], "PNG", "L", where)
    if mask.shape != image.shape[:2]:
        raise InputError(f"{where}: expected a mask of the picture's size {image.shape[:2]}, got {mask.shape}")
    labels = json_object(members["json"], where)
    n = skeleton.NUM_KEYPOINTS
    visibility = numbers(labels, "visibility", (n,), where)
    if not np.isin(visibility, (0, 1, 2)).all():
        raise InputError(f"{where}: visibility: expected 0, 1 or 2")
    scene = labels.get("scene", {})
    return ShardFrame(
        index=index,
        image=image,
        mask=mask,
        uv_px=numbers(labels, "uv_px", (n, 2), where),
        visibility=visibility.astype(np.uint8),
        bbox_xywh=numbers(labels, "bbox_xywh", (4,), where),
        xyz_cam=numbers(labels, "xyz_cam", (n, 3), where),
        K=numbers(labels, "K", (3, 3), where),
        T_cam_world=numbers(labels, "T_cam_world", (4, 4), where),
        action=str(labels.get("action", "")),
        clip=str(labels.get("clip", "")),
        part=str(labels.get("part", "")),
        variant=str(labels.get("variant", "")),
        frame=_whole(labels, "frame", where),
        camera=_whole(labels, "camera", where),
        fps=float(numbers(labels, "fps", (), where)),
        scene=scene if isinstance(scene, dict) else {},
    )


def _whole(labels: dict[str, Any], name: str, where: str) -> int:
    value = labels.get(name)
    if not isinstance(value, int) or value < 0:
        raise InputError(f"{where}: {name}: expected a whole number from 0, got {str(value)[:40]}")
    return value
