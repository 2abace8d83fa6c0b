"""A folder of results that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kinequimation.errors import OutputError


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Give an empty hidden folder inside ``folder``; when the block ends without an error its files move up.

    Asked for before the work begins, so that a folder that cannot be written is known at once. When the block raises,
    ``folder`` is left as it was, and removed if it was not there.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".kinequimation-", dir=folder))
    except OSError as error:
        _remove_empty(missing)
        reason = "it is a file, not a folder" if folder.is_file() else (error.strerror or str(error)).lower()
        raise OutputError(f"{folder}: cannot be written ({reason}); choose another folder with -o") from error
    done = False
    try:
        yield staging
        files = sorted(staging.iterdir())
        for file in files:
            if (folder / file.name).is_dir():
                raise OutputError(f"{folder / file.name}: cannot be written (it is a folder); choose another with -o")
        for file in files:
            try:
                os.replace(file, folder / file.name)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise OutputError(f"{folder / file.name}: cannot be written ({reason})") from error
        done = True
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if not done:
            _remove_empty(missing)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:  # the innermost first
        with suppress(OSError):
            folder.rmdir()
