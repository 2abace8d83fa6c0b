"""Read a whole file that may come from anybody: not one without an end, and not one that is too large."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_whole(path: Path, max_bytes: int) -> bytes:
    """Return what a file holds.

    Args:
        path: of a file on disk; a folder, pipe or device (also behind a link) would wait or never end.
        max_bytes: how long it may be.

    Raises:
        OSError: it is not there, is no such file, or is too large; ``strerror`` says so.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "a pipe or device, not a file", str(path))
    with open(path, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"more than {max_bytes >> 20} megabytes", str(path))
    return data
