"""Folders of shards: frames in plain tar files, written once, read fast (the layout of WebDataset).

A folder holds ``shards.json`` and ``shard-000000.tar``, ``shard-000001.tar``, ...; in a shard, the files of frame 123
stand together and are named ``000000123.<kind>``. What kinds there are is for ``dataset.shards`` (drawn frames) and
``dataset.rendered_shards`` (rendered ones) to say.

Nothing is unpacked to disk and nothing is unpickled: members are read by name, type and size, and refused else. The
tar format: POSIX.1-1988 (ustar).
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    from jaxtyping import UInt8

MANIFEST = "shards.json"
MAX_MEMBER_BYTES = 16 << 20
MAX_SIDE_PX = 4096
_NAME = re.compile(r"(\d{9})\.([a-z0-9.]+)")


def write_tars(
    folder: Path,
    manifest: dict[str, Any],
    members: Callable[[int, int], Iterable[Mapping[str, bytes]]],
    count: int,
    per_shard: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write frames into shards; whole shards that are there already stay, so a run that was cut off goes on.

    Args:
        folder: where; made if it is missing.
        manifest: what ``shards.json`` says; a folder whose says something else is refused.
        members: called with the index of the first frame and how many, gives for each what its files hold, by kind.
        count: frames in all.
        per_shard: frames in a shard.
        progress: called with the frames written and those in all.

    Returns:
        the shards.

    Raises:
        InputError: a number is out of range, the folder holds other frames, or fewer frames came than were wanted.
        OutputError: a file cannot be written.
    """
    if count < 1 or per_shard < 1:
        raise InputError(f"count, per_shard: expected whole numbers from 1, got {count} and {per_shard}")
    there = folder / MANIFEST
    if there.exists():
        if json_object(there.read_bytes(), str(there)) != manifest:
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
        if not path.exists() or sum(1 for _ in _names(path)) < n:
            with replacing(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
                k = -1
                for k, files in enumerate(members(start, n)):
                    for kind, data in files.items():
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


def _names(path: Path) -> Iterator[str]:
    """Yield the name of each frame; what they hold is skipped over."""
    last = ""
    with opened_tar(path, "r:") as tar:
        for info in tar:
            name = info.name.partition(".")[0]
            if name != last:
                yield name
            last = name


def tar_paths(folder: Path, version: int, part: int = 0, of: int = 1) -> list[Path]:
    """Return the shards of a folder, in order.

    Args:
        folder: what ``write_tars`` wrote.
        version: the format that its manifest must name.
        part: which of ``of`` parts of them, for several readers: shards part, part + of, ...
        of: parts.

    Raises:
        InputError: it is no folder of shards, or of another format.
    """
    if not 0 <= part < of:
        raise InputError(f"part: expected 0 to {of - 1}, got {part}")
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise InputError(f"{folder}: expected a folder of shards with {MANIFEST}, found none")
    found = json_object(manifest.read_bytes(), str(manifest)).get("format")
    if found != version:
        raise InputError(f"{manifest}: expected format {version}, got {found}")
    paths = sorted(p for p in folder.glob("shard-*.tar") if p.is_file())
    if not paths:
        raise InputError(f"{folder}: expected shards (shard-000000.tar, ...), found none")
    return paths[part::of]


def read_tar(path: Path, kinds: Collection[str]) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Yield index and members of each frame of a shard, read in a stream.

    Args:
        path: the shard.
        kinds: the members that a frame may have.

    Raises:
        InputError: it is no tar file, was cut off, or holds what a shard does not.
    """
    last, members = -1, {}
    with opened_tar(path, "r|") as tar:
        for info in tar:
            number, kind = member_name(info, kinds, path)
            if number != last and members:
                yield last, members
                members = {}
            last = number
            if kind in members:
                raise InputError(f"{path}: {info.name} is there twice")
            content = tar.extractfile(info)
            members[kind] = content.read() if content is not None else b""
    if members:
        yield last, members


def member_name(info: tarfile.TarInfo, kinds: Collection[str], path: Path) -> tuple[int, str]:
    """Return the number of the frame that a file of a shard belongs to, and its kind.

    Raises:
        InputError: it is no file, of no kind that a frame may have, or too large.
    """
    match = _NAME.fullmatch(info.name)
    if match is None or match[2] not in kinds or not info.isreg():
        raise InputError(f"{path}: expected frames as files, found {info.name[:80]!r}")
    if info.size > MAX_MEMBER_BYTES:
        raise InputError(f"{path}: {info.name} has {info.size} bytes, more than {MAX_MEMBER_BYTES}")
    return int(match[1]), match[2]


@contextmanager
def opened_tar(path: Path, mode: Literal["r:", "r|"]) -> Iterator[tarfile.TarFile]:
    """Open a tar file; what goes wrong in reading it becomes one line that names it."""
    try:
        with tarfile.open(path, mode) as tar:
            yield tar
    except InputError:
        raise
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: expected a shard (a tar file): {reason}") from error


def encoded(pixels: UInt8[np.ndarray, "h w *c"], kind: str, **options: Any) -> bytes:
    """Return an image as the bytes of a JPEG or PNG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def decoded(data: bytes, kind: str, mode: str, where: str) -> UInt8[np.ndarray, "h w *c"]:
    """Return the pixels of a JPEG or PNG file.

    Raises:
        InputError: it is no such file, too large, or of another mode.
    """
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


def json_object(data: bytes, where: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        InputError: it is none.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: expected JSON: {' '.join(str(error).split())[:120]}") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def numbers(labels: dict[str, Any], name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Return an array of numbers of a JSON object; null is NaN.

    Raises:
        InputError: it is not there, holds something else, or has another shape.
    """
    try:
        array = np.array(labels.get(name), dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: {name}: expected numbers of shape {list(shape)}") from error
    if array.shape != shape:
        raise InputError(f"{where}: {name}: expected shape {list(shape)}, got {list(array.shape)}")
    return array
