"""Weights of others that training may start from: where they are, what their bytes must be, and how they are fetched.

They are too large to ship, so they are downloaded once, checked, and put where the configs look for them. To add one,
add a ``Source`` to ``SOURCES`` with a licence that lets games ship what is trained from it.
"""

from __future__ import annotations

import http.client
import os
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from kinequimation.errors import InputError, OutputError
from kinequimation.runtime import Progress, no_progress, sha256_of
from kinequimation.text import one_line

FOLDER = Path("outputs/checkpoints")
"""Where they go, from the repository's root: the folder that MMPose's configs here name."""
MAX_BYTES = 2 << 30
"""A download that is longer is stopped; the largest here has a tenth of that."""
TIMEOUT_S = 30.0
"""A server that is silent for as long is taken for gone."""
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Source:
    """A file of weights on the network.

    Attributes:
        name: what the command calls it.
        file_name: under which name it is kept.
        url: where it is.
        sha256: how its SHA-256 begins, in hexadecimal: all of it, or what its publisher put into its name.
        what: one line for people.
        licence: its licence and whose it is.
        without: what to do where it cannot be had.
    """

    name: str
    file_name: str
    url: str
    sha256: str
    what: str
    licence: str
    without: str


_IMAGENET = Source(
    name="hrnet_w32_imagenet",
    file_name="hrnet_w32-36af842e.pth",
    url="https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth",
    sha256="36af842e",
    what="HRNet-W32 as it was trained on ImageNet, to start training from",
    licence="MIT (Microsoft's HRNet), served by OpenMMLab",
    without="train from nothing (mim: --cfg-options model.backbone.init_cfg=None)",
)
SOURCES: dict[str, Source] = {source.name: source for source in (_IMAGENET,)}


def pull(
    source: Source, folder: Path = FOLDER, local: Path | None = None, progress: Progress = no_progress
) -> tuple[Path, bool]:
    """Put a file of weights into a folder, whole and checked, or not at all.

    A download that was cut off goes on where it stopped.

    Args:
        source: which.
        folder: where to; made if it is missing.
        local: take this file instead of the network's.
        progress: called with the stage ``download``, bytes done, and bytes in all if the server says so.

    Returns:
        the file, and whether it had lain there already.

    Raises:
        InputError: there is no network, the server does not have it, or the bytes are not those that were expected.
        OutputError: the folder cannot be written.
    """
    target = folder / source.file_name
    part = folder / f".{source.file_name}.part"
    try:
        if target.is_file() and sha256_of(target).startswith(source.sha256):
            return target, True
        folder.mkdir(parents=True, exist_ok=True)
        if local is None:
            _download(source, part, progress)
        else:
            part = folder / f".{source.file_name}.copy"
            _copy(local, part)
        got = sha256_of(part)
        if not got.startswith(source.sha256):
            part.unlink()
            raise InputError(
                f"{local or source.url}: expected bytes with a SHA-256 that begins {source.sha256}, got "
                f"{got[: max(8, len(source.sha256))]}; the file is another or broken, nothing was kept"
            )
        os.replace(part, target)
    except OSError as error:
        if isinstance(error, InputError | OutputError):
            raise
        reason = one_line(error.strerror or str(error)).lower()
        raise OutputError(f"cannot write {target}: {reason}; choose another folder with --out") from error
    return target, False


def _copy(local: Path, part: Path) -> None:
    try:
        if not local.is_file() or local.stat().st_size > MAX_BYTES:
            raise InputError(f"{local}: expected a file of at most {MAX_BYTES >> 30} GB; check --from")
        source = local.open("rb")
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{local}: expected a file of weights, found none that can be read; check --from") from error
    with source, part.open("wb") as f:
        shutil.copyfileobj(source, f)


def _download(source: Source, part: Path, progress: Progress) -> None:
    """Fetch into a file; what stands there already is taken for its beginning."""
    done = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(source.url, headers={"User-Agent": "kinequimation"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and done:
            part.unlink()  # longer than the file: not its beginning
            return _download(source, part, progress)
        raise _unreachable(source, f"{error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(source, str(getattr(error, "reason", error))) from error
    with answer:
        goes_on = answer.status == http.client.PARTIAL_CONTENT
        if goes_on and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {done}-"):
            raise _unreachable(source, "the server sent another part than it was asked for")
        done = done if goes_on else 0
        length = answer.headers.get("Content-Length") or ""
        total = done + int(length) if length.isdecimal() else None
        if max(total or 0, done) > MAX_BYTES:
            raise _unreachable(source, f"it would be more than {MAX_BYTES >> 30} GB")
        with part.open("ab" if goes_on else "wb") as f:
            while block := _read(source, answer):
                f.write(block)
                done += len(block)
                progress("download", done, total)
                if done > MAX_BYTES:
                    raise _unreachable(source, f"it is more than {MAX_BYTES >> 30} GB")
    if total is not None and done < total:
        raise _unreachable(source, f"the connection ended after {done} of {total} bytes; the same command goes on")
    return None


def _read(source: Source, answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(source, f"{error}; the same command goes on from there") from error


def _unreachable(source: Source, reason: str) -> InputError:
    return InputError(
        f"{source.name}: expected to download {source.url}, got: {one_line(reason)[:120]}; fetch it elsewhere and give "
        f"--from FILE, or {source.without}"
    )
