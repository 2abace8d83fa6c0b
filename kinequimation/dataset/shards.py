"""Shards of drawn frames, cut out, with their labels: see ``dataset.tar_shards`` for the files.

In a shard, frame 123 is

    000000123.jpg        the picture
    000000123.alpha.png  255 where it shows the horse, its tack, rider and handler
    000000123.parts.png  part of the horse at each pixel, an index into ``synth.labels.PARTS``; 0 is not the horse
    000000123.shadow.png how much light the horse leaves on the ground, 64×64
    000000123.json       the labels and the record that ``synth.remake`` makes the frame again from
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.tar_shards import decoded, encoded, json_object, numbers, read_tar, tar_paths, write_tars
from kinequimation.errors import InputError
from kinequimation.synth.composite import cut_out_alpha, ground_shadow
from kinequimation.synth.record import to_json

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

    from kinequimation.synth.frames import Frame

FORMAT = 1
JPEG_QUALITY = 95
KINDS = ("jpg", "alpha.png", "parts.png", "shadow.png", "json")


@dataclass(frozen=True)
class CachedFrame:
    """A frame from a shard. ``synth.training_crop`` takes it as it takes a ``Frame``.

    Attributes:
        index: its number in the set.
        image: [S, S, 3] RGB.
        alpha: [S, S] 255 where the horse and what belongs to it is seen.
        parts: [S, S] part of the horse, an index into ``synth.labels.PARTS``.
        shadow: [64, 64] how much light the horse leaves on the ground, 255 for all.
        uv_px, visibility, bbox_xywh, xyz_cam, K, T_cam_world, near_sides, gait, phase, contact, record: as in
            ``synth.Frame``.
    """

    index: int
    image: UInt8[np.ndarray, "s s 3"]
    alpha: UInt8[np.ndarray, "s s"]
    parts: UInt8[np.ndarray, "s s"]
    shadow: UInt8[np.ndarray, "64 64"]
    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    bbox_xywh: Float[np.ndarray, " 4"]
    xyz_cam: Float[np.ndarray, "103 3"]
    K: Float[np.ndarray, "3 3"]
    T_cam_world: Float[np.ndarray, "4 4"]
    near_sides: tuple[str, str]
    gait: str
    phase: float
    contact: Bool[np.ndarray, " 4"] | None
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def mask(self) -> Bool[np.ndarray, "s s"]:
        """Where the horse itself is seen."""
        return self.parts > 0


def write_shards(
    folder: str | Path,
    frames: Callable[[int, int], Iterable[Frame]],
    count: int,
    per_shard: int = 250,
    source: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write frames into shards; whole shards that are there already stay, so a run that was cut off goes on.

    Args:
        folder: where; made if it is missing.
        frames: called with the index of the first frame and how many, gives them; ``synth.stream.frame_stream`` fits:
            ``lambda start, count: frame_stream(seed, start, count)``.
        count: frames in all.
        per_shard: frames in a shard.
        source: what the frames are (seed, mixture, ...), for ``shards.json``; a folder with others is refused.
        progress: called with the frames written and those in all.

    Returns:
        the shards.

    Raises:
        InputError: a number is out of range, or the folder holds other frames.
        OutputError: a file cannot be written.
    """
    manifest = {"format": FORMAT, "per_shard": per_shard, "source": to_json(source or {})}

    def members(start: int, n: int) -> Iterator[dict[str, bytes]]:
        return (_members(frame, start + k) for k, frame in enumerate(frames(start, n)))

    return write_tars(Path(folder), manifest, members, count, per_shard, progress)


def _members(frame: Frame, index: int) -> dict[str, bytes]:
    size = frame.image.shape[1]
    alpha = cut_out_alpha(frame.object_id, frame.depth, frame.xyz_cam)
    labels = {
        "index": index,
        "uv_px": np.round(frame.uv_px, 3), "visibility": frame.visibility, "bbox_xywh": np.round(frame.bbox_xywh, 3),
        "xyz_cam": np.round(frame.xyz_cam, 5), "K": frame.K, "T_cam_world": frame.T_cam_world,
        "near_sides": frame.near_sides, "gait": frame.gait, "phase": frame.phase, "contact": frame.contact,
        "record": frame.record,
    }  # fmt: skip
    return {
        "jpg": encoded(frame.image, "JPEG", quality=JPEG_QUALITY, subsampling=0),
        "alpha.png": encoded(alpha.astype(np.uint8) * 255, "PNG", compress_level=1),
        "parts.png": encoded(frame.parts, "PNG", compress_level=1),
        "shadow.png": encoded(ground_shadow(frame.K, frame.T_cam_world, frame.xyz_cam, size), "PNG"),
        "json": json.dumps(to_json(labels), separators=(",", ":")).encode(),
    }


def shard_paths(folder: str | Path) -> list[Path]:
    """Return the shards of a folder, in order.

    Raises:
        InputError: it is no folder of shards of this format.
    """
    return tar_paths(Path(folder), FORMAT)


def read_shards(folder: str | Path, part: int = 0, of: int = 1) -> Iterator[CachedFrame]:
    """Yield the frames of a folder of shards, in order.

    Args:
        folder: what ``write_shards`` wrote.
        part: which of ``of`` parts of the shards to read, for several readers: shards part, part + of, ...
        of: parts.

    Raises:
        InputError: the folder or a shard is not as it should be; says which and why.
    """
    for path in tar_paths(Path(folder), FORMAT, part, of):
        yield from read_shard(path)


def read_shard(path: str | Path) -> Iterator[CachedFrame]:
    """Yield the frames of one shard.

    Raises:
        InputError: it is no tar file, was cut off, or holds what a shard does not.
    """
    for index, members in read_tar(Path(path), KINDS):
        yield frame_of_members(members, index, f"{path}, frame {index:09d}")


def frame_of_members(members: dict[str, bytes], index: int, where: str) -> CachedFrame:
    """Return the frame that the files of a shard hold.

    Args:
        members: what the files hold, by kind.
        index: the frame's number in the set.
        where: what to call it in a message.

    Raises:
        InputError: a file is missing or not as it should be.
    """
    missing = [kind for kind in KINDS if kind not in members]
    if missing:
        raise InputError(f"{where}: expected {', '.join(KINDS)}; {', '.join(missing)} is missing")
    image = decoded(members["jpg"], "JPEG", "RGB", where)
    labels = json_object(members["json"], where)
    size = image.shape[:2]
    layers = {kind: decoded(members[f"{kind}.png"], "PNG", "L", where) for kind in ("alpha", "parts", "shadow")}
    for kind in ("alpha", "parts"):
        if layers[kind].shape != size:
            raise InputError(f"{where}: expected {kind} of the picture's size {size}, got {layers[kind].shape}")
    n = skeleton.NUM_KEYPOINTS
    contact = labels.get("contact")
    sides = labels.get("near_sides")
    if not isinstance(sides, list) or len(sides) != 2 or not all(s in ("L", "R", "") for s in sides):
        raise InputError(f"{where}: near_sides: expected two of L, R and empty, got {str(sides)[:60]}")
    phase, record = labels.get("phase"), labels.get("record", {})
    return CachedFrame(
        index=index,
        image=image,
        **layers,
        uv_px=numbers(labels, "uv_px", (n, 2), where),
        visibility=numbers(labels, "visibility", (n,), where).astype(np.uint8),
        bbox_xywh=numbers(labels, "bbox_xywh", (4,), where),
        xyz_cam=numbers(labels, "xyz_cam", (n, 3), where),
        K=numbers(labels, "K", (3, 3), where),
        T_cam_world=numbers(labels, "T_cam_world", (4, 4), where),
        near_sides=(sides[0], sides[1]),
        gait=str(labels.get("gait", "")),
        phase=float(phase) if isinstance(phase, (int, float)) else float("nan"),
        contact=None if contact is None else numbers(labels, "contact", (4,), where).astype(bool),
        record=record if isinstance(record, dict) else {},
    )
