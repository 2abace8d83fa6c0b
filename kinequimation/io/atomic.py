"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kinequimation.errors import OutputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``, which takes its place when the block ends without an error.

    The temporary name keeps the suffix of ``path``, so that writers that look at the suffix still work. When the
    block raises, the temporary file is removed and a file that stood at ``path`` before is left as it was::

        with replacing(path) as temporary:
            temporary.write_bytes(data)

    Args:
        path: where the file shall stand. Its folder is made if it is missing.

    Yields:
        the path to write to: an empty file in the same folder.

    Raises:
        OutputError: the folder cannot be made or written, ``path`` is a folder, or writing failed (disk full).
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"cannot write {target}: it is a folder; give the name of a file")
    temporary = target.with_name(f".{target.stem[:40]}-{secrets.token_hex(4)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {_reason(error)}; choose another folder") from error
    try:
        yield temporary
        os.replace(temporary, target)
    except OutputError:
        raise
    except OSError as error:
        if error.filename is not None and Path(error.filename) != temporary:
            raise  # the block failed at some other file, which is not ours to explain
        raise OutputError(f"cannot write {target}: {_reason(error)}") from error
    finally:
        with suppress(OSError):  # what went wrong before is what the user must hear of
            temporary.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
