"""Any frame of a folder of shards, at once: where its files lie, found out once.

An index holds two numbers a file, so that twenty thousand frames take about two megabytes; what the files hold stays on
disk. It can be handed to other processes: files are opened anew for each frame that is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kinequimation.dataset.tar_shards import MAX_MEMBER_BYTES, member_name, opened_tar, tar_paths
from kinequimation.errors import InputError


class TarIndex:
    """The frames of a folder of shards, by their place in it.

    Args:
        folder: what ``tar_shards.write_tars`` wrote.
        version: the format that its manifest must name.
        kinds: the files that a frame may have.

    Raises:
        InputError: the folder or a shard is not as it should be; says which and why.
    """

    def __init__(self, folder: Path, version: int, kinds: Sequence[str]) -> None:
        self.folder, self.kinds = folder, tuple(kinds)
        self._paths = tar_paths(folder, version)
        rows: list[np.ndarray] = []
        numbers: list[tuple[int, int]] = []  # which shard, and the frame's own number
        for shard, path in enumerate(self._paths):
            last = -1
            with opened_tar(path, "r:") as tar:
                for info in tar:
                    number, kind = member_name(info, self.kinds, path)
                    if number != last:
                        numbers.append((shard, number))
                        rows.append(np.zeros((len(self.kinds), 2), np.int64))
                        last = number
                    rows[-1][self.kinds.index(kind)] = info.offset_data, info.size
        self._numbers = np.array(numbers, np.int64).reshape(-1, 2)
        self._rows = np.stack(rows) if rows else np.zeros((0, len(self.kinds), 2), np.int64)
        if not len(self._rows):
            raise InputError(f"{folder}: expected shards with frames, found none in them")

    def __len__(self) -> int:
        """Return how many frames there are."""
        return len(self._rows)

    def read(self, place: int) -> tuple[dict[str, bytes], str]:
        """Read the files of a frame.

        Args:
            place: from 0, in the order of the shards.

        Returns:
            what its files hold, by kind, and what to call it in a message.

        Raises:
            InputError: the shard has gone or was cut off.
        """
        shard, number = (int(n) for n in self._numbers[place])
        path = self._paths[shard]
        where = f"{path}, frame {number:09d}"
        members: dict[str, bytes] = {}
        try:
            with path.open("rb") as file:
                for kind, (offset, size) in zip(self.kinds, self._rows[place].tolist(), strict=True):
                    if offset:  # a tar file starts with a header, so no file lies at 0
                        file.seek(offset)
                        members[kind] = file.read(min(size, MAX_MEMBER_BYTES))
                        if len(members[kind]) != size:
                            raise InputError(f"{where}: expected {size} bytes of {kind}; the shard was cut off")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{where}: expected the shard that was indexed, got {reason}") from error
        return members, where
