"""What a training run writes down: a table, TensorBoard's events, and a picture of both.

``log.csv`` has a row for every few steps: the means since the row before of each loss, the rate, the speed, and the
validation figures where they were taken. A run that goes on from a checkpoint drops the rows after it and writes them
again.
"""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.io.whole_file import read_whole

logger = logging.getLogger(__name__)

MAX_LOG_BYTES = 256 << 20
DIGITS = 6
"""Significant ones."""
Row = dict[str, float]
_PROGRESS = ("step", "samples", "minutes", "rate")
_SPEED = "samples_per_s"


class RunLog:
    """The log of a run; use it as a context manager.

    Args:
        run_dir: folder of the run.
        step: step from which the run goes on; rows after it are dropped.
        tensorboard: whether to write TensorBoard's events too, where that package is installed.

    Attributes:
        rows: all rows, those of earlier parts of the run too.

    Raises:
        InputError: ``log.csv`` is there, but no log.
    """

    def __init__(self, run_dir: Path, step: int, tensorboard: bool = True) -> None:
        self.path = run_dir / "log.csv"
        self.rows = [row for row in read_log(self.path) if row.get("step", math.inf) <= step] if step else []
        self._columns: list[str] = []
        self._rewrite()
        self._events: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard.writer import SummaryWriter
            except ImportError:
                logger.warning("no TensorBoard events are written: pip install tensorboard")
            else:
                # events of a part of the run that was lost are hidden
                self._events = SummaryWriter(str(run_dir / "tensorboard"), purge_step=step + 1 if step else None)

    def add(self, row: Row) -> None:
        """Write a row; ``step`` names it."""
        row = {n: v if isinstance(v, int) else float(f"{v:.{DIGITS}g}") for n, v in row.items()}
        self.rows.append(row)
        if set(row) <= set(self._columns):
            with self.path.open("a", newline="", encoding="utf-8") as f:
                csv.DictWriter(f, self._columns).writerow(row)
        else:
            self._rewrite()
        if self._events is not None:
            for name, value in row.items():
                if name not in ("step", "samples"):
                    self._events.add_scalar(name, value, int(row["step"]))

    def flush(self) -> None:
        """Bring TensorBoard's events to disk; the table is there already."""
        if self._events is not None:
            self._events.flush()

    def _rewrite(self) -> None:
        self._columns = columns_of(self.rows)
        with replacing(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as f:
            writer = csv.DictWriter(f, self._columns)
            if self._columns:
                writer.writeheader()
            writer.writerows(self.rows)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._events is not None:
            self._events.close()


def figures_of(rows: Sequence[Row]) -> list[str]:
    """Return the columns of validation: they alone are filled before the first step, where there is no loss."""
    names = dict.fromkeys(name for row in rows if "loss" not in row for name in row)
    return [name for name in names if name not in (*_PROGRESS, _SPEED)]


def losses_of(rows: Sequence[Row]) -> list[str]:
    """Return the columns of losses, the total first."""
    others = {*_PROGRESS, _SPEED, *figures_of(rows)}
    return list(dict.fromkeys(name for row in rows for name in row if name not in others))


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Return all columns in the order of the file."""
    there = {name for row in rows for name in row}
    return [name for name in (*_PROGRESS, *losses_of(rows), *figures_of(rows), _SPEED) if name in there]


def read_log(path: Path) -> list[Row]:
    """Read a log; a row that is not whole is left out, and so are empty cells.

    Raises:
        InputError: the file is no log.
    """
    try:
        text = read_whole(path, MAX_LOG_BYTES).decode("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected the log of a training run, got something unreadable ({error})") from error
    rows: list[Row] = []
    for cells in csv.DictReader(io.StringIO(text)):
        try:
            row: Row = {name: _number(value) for name, value in cells.items() if value != ""}
        except (TypeError, ValueError):  # a row that a kill cut off
            continue
        if "step" in row:
            rows.append(row)
    return rows


def _number(text: str | None) -> float:
    return int(text) if isinstance(text, str) and text.isdigit() else float(text or "nothing")
