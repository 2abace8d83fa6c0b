"""Rows of numbers that wait on disk between the stages, so that memory does not grow with the length of a video."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import OutputError

if TYPE_CHECKING:
    from jaxtyping import Shaped

_BUFFER_BYTES = 1 << 18


class RowsOnDisk:
    """An array with one row a frame in a file without a name: appended to at its end, and read a part at a time.

    The file is gone when the object is, also where the process is killed. It is read, not mapped: mapped pages would
    count as the process's memory.

    Args:
        row: what a row holds, a structured type.
        folder: the disk to use; the system's folder for temporary files, which may lie in memory, if None.

    Raises:
        OutputError: the file cannot be made; reading and writing raise it too.
    """

    def __init__(self, row: np.dtype, folder: Path | None = None) -> None:
        self.row, self._folder = row, folder or Path(tempfile.gettempdir())
        self._n_rows, self._at_end = 0, True
        try:
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 (it is closed with this object)
                prefix=".kinequimation-rows-", dir=self._folder, buffering=_BUFFER_BYTES
            )
        except OSError as error:
            raise self._failure(error) from error

    def __len__(self) -> int:
        return self._n_rows

    def append(self, rows: Shaped[np.ndarray, " n"]) -> None:
        """Append rows of the type ``row``."""
        data = np.ascontiguousarray(rows, self.row)
        try:
            if not self._at_end:
                self._file.seek(self._n_rows * self.row.itemsize)
                self._at_end = True
            self._file.write(data.tobytes())
        except OSError as error:
            raise self._failure(error) from error
        self._n_rows += len(data)

    def read(self, start: int, stop: int) -> Shaped[np.ndarray, " n"]:
        """Return rows ``start`` to ``stop`` − 1; as with slices, what lies behind the end is left out."""
        start, stop = min(start, self._n_rows), min(stop, self._n_rows)
        self._at_end = False
        try:
            self._file.seek(start * self.row.itemsize)
            data = self._file.read(max(stop - start, 0) * self.row.itemsize)
        except OSError as error:
            raise self._failure(error) from error
        return np.frombuffer(data, self.row)

    def _failure(self, error: OSError) -> OutputError:
        reason = (error.strerror or str(error)).lower()
        return OutputError(f"{self._folder}: what is found cannot be kept there ({reason}); choose another with -o")
