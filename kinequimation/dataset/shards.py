"""Shards: cut-out frames with their labels in plain tar files, written once, read fast (the layout of WebDataset).

A folder holds ``shards.json`` and ``shard-000000.tar``, ``shard-000001.tar``, ...; in a shard, frame 123 is

    000000123.jpg        the picture
    000000123.alpha.png  255 where it shows the horse, its tack, rider and handler
    000000123.parts.png  part of the horse at each pixel, an index into ``synth.labels.PARTS``; 0 is not the horse
    000000123.shadow.png how much light the horse leaves on the ground, 64×64
    000000123.json       the labels and the record that ``synth.remake`` makes the frame again from

Nothing is unpacked to disk and nothing is unpickled: members are read by name, type and size, and refused else. The
tar format: POSIX.1-1988 (ustar).
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.synth.composite import cut_out_alpha, ground_shadow
from kinequimation.synth.record import to_json

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

    from kinequimation.synth.frames import Frame

FORMAT = 1
JPEG_QUALITY = 95
MAX_MEMBER_BYTES = 16 << 20
MAX_SIDE_PX = 4096
_NAME = re.compile(r"(\d{9})\.(jpg|alpha\.png|parts\.png|shadow\.png|json)")
_KINDS = ("jpg", "alpha.png", "parts.png", "shadow.png", "json")
_MANIFEST = "shards.json"


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
    if count < 1 or per_shard < 1:
        raise InputError(f"count, per_shard: expected whole numbers from 1, got {count} and {per_shard}")
    folder = Path(folder)
    manifest = {"format": FORMAT, "per_shard": per_shard, "source": to_json(source or {})}
    there = folder / _MANIFEST
    if there.exists():
        if _json_object(there.read_bytes(), str(there)) != manifest:
            raise InputError(f"{folder}: holds other frames than these; choose another folder or remove it")
    else:
        with replacing(there) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for left in folder.glob(".shard-*.tar"):  # of a run that was killed
        left.unlink(missing_ok=True)
    paths = [folder / f"shard-{start // per_shard:06d}.tar" for start in range(0, count, per_shard)]
    for i, path in enumerate(paths):
        start = i * per_shard
        n = min(per_shard, count - start)
        if not path.exists() or _n_frames(path) < n:
            with replacing(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
                k = -1
                for k, frame in enumerate(frames(start, n)):
                    for kind, data in _members(frame, start + k).items():
                        info = tarfile.TarInfo(f"{start + k:09d}.{kind}")
                        info.size = len(data)
                        tar.addfile(info, io.BytesIO(data))
                    if progress is not None:
                        progress(start + k + 1, count)
                if k + 1 != n:
                    raise InputError(f"frames: expected {n} from index {start}, got {k + 1}")
        elif progress is not None:
            progress(start + n, count)
    return paths


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
        "jpg": _encoded(frame.image, "JPEG", quality=JPEG_QUALITY, subsampling=0),
        "alpha.png": _encoded(alpha.astype(np.uint8) * 255, "PNG", compress_level=1),
        "parts.png": _encoded(frame.parts, "PNG", compress_level=1),
        "shadow.png": _encoded(ground_shadow(frame.K, frame.T_cam_world, frame.xyz_cam, size), "PNG"),
        "json": json.dumps(to_json(labels), separators=(",", ":")).encode(),
    }


def _encoded(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def shard_paths(folder: str | Path) -> list[Path]:
    """Return the shards of a folder, in order.

    Raises:
        InputError: it is no folder of shards of this format.
    """
    folder = Path(folder)
    manifest = folder / _MANIFEST
    if not manifest.is_file():
        raise InputError(f"{folder}: expected a folder of shards with {_MANIFEST}, found none")
    version = _json_object(manifest.read_bytes(), str(manifest)).get("format")
    if version != FORMAT:
        raise InputError(f"{manifest}: expected format {FORMAT}, got {version}")
    paths = sorted(p for p in folder.glob("shard-*.tar") if p.is_file())
    if not paths:
        raise InputError(f"{folder}: expected shards (shard-000000.tar, ...), found none")
    return paths


def read_shards(folder: str | Path, part: int = 0, of: int = 1) -> Iterator[CachedFrame]:
    """Yield the frames of a folder of shards, in order.

    Args:
        folder: what ``write_shards`` wrote.
        part: which of ``of`` parts of the shards to read, for several readers: shards part, part + of, ...
        of: parts.

    Raises:
        InputError: the folder or a shard is not as it should be; says which and why.
    """
    if not 0 <= part < of:
        raise InputError(f"part: expected 0 to {of - 1}, got {part}")
    for path in shard_paths(folder)[part::of]:
        yield from read_shard(path)


def read_shard(path: str | Path) -> Iterator[CachedFrame]:
    """Yield the frames of one shard.

    Raises:
        InputError: it is no tar file, was cut off, or holds what a shard does not.
    """
    for stem, members in _groups(Path(path)):
        yield _decoded(members, int(stem), f"{path}, frame {stem}")


def _groups(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the members of each frame."""
    stem, members = "", {}
    try:
        with tarfile.open(path, "r|") as tar:
            for info in tar:
                match = _NAME.fullmatch(info.name)
                if match is None or not info.isreg():
                    raise InputError(f"{path}: expected frames as files, found {info.name[:80]!r}")
                if info.size > MAX_MEMBER_BYTES:
                    raise InputError(f"{path}: {info.name} has {info.size} bytes, more than {MAX_MEMBER_BYTES}")
                if match[1] != stem and members:
                    yield stem, members
                    members = {}
                stem = match[1]
                if match[2] in members:
                    raise InputError(f"{path}: {info.name} is there twice")
                content = tar.extractfile(info)
                members[match[2]] = content.read() if content is not None else b""
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: expected a shard (a tar file): {reason}") from error
    if members:
        yield stem, members


def _n_frames(path: Path) -> int:
    return sum(1 for _ in _groups(path))


def _json_object(data: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: expected JSON: {' '.join(str(error).split())[:120]}") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def _decoded(members: dict[str, bytes], index: int, where: str) -> CachedFrame:
    missing = [kind for kind in _KINDS if kind not in members]
    if missing:
        raise InputError(f"{where}: expected {', '.join(_KINDS)}; {', '.join(missing)} is missing")
    image = _pixels(members["jpg"], "JPEG", "RGB", where)
    labels = _json_object(members["json"], where)
    size = image.shape[:2]
    layers = {kind: _pixels(members[f"{kind}.png"], "PNG", "L", where) for kind in ("alpha", "parts", "shadow")}
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
        uv_px=_numbers(labels, "uv_px", (n, 2), where),
        visibility=_numbers(labels, "visibility", (n,), where).astype(np.uint8),
        bbox_xywh=_numbers(labels, "bbox_xywh", (4,), where),
        xyz_cam=_numbers(labels, "xyz_cam", (n, 3), where),
        K=_numbers(labels, "K", (3, 3), where),
        T_cam_world=_numbers(labels, "T_cam_world", (4, 4), where),
        near_sides=(sides[0], sides[1]),
        gait=str(labels.get("gait", "")),
        phase=float(phase) if isinstance(phase, (int, float)) else float("nan"),
        contact=None if contact is None else _numbers(labels, "contact", (4,), where).astype(bool),
        record=record if isinstance(record, dict) else {},
    )


def _pixels(data: bytes, kind: str, mode: str, where: str) -> np.ndarray:
    try:
        picture = Image.open(io.BytesIO(data), formats=(kind,))
        if max(picture.size) > MAX_SIDE_PX or picture.mode != mode:
            raise InputError(
                f"{where}: expected a {mode} picture of at most {MAX_SIDE_PX} pixels, got {picture.mode} {picture.size}"
            )
        return np.asarray(picture)
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        raise InputError(f"{where}: expected a {kind} picture: {' '.join(str(error).split())[:120]}") from error


def _numbers(labels: dict[str, Any], name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Return an array of finite numbers; null is NaN."""
    try:
        array = np.array(labels.get(name), dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: {name}: expected numbers of shape {list(shape)}") from error
    if array.shape != shape:
        raise InputError(f"{where}: {name}: expected shape {list(shape)}, got {list(array.shape)}")
    return array
