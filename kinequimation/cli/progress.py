"""A progress bar on standard error: frames done, and the time left."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_EVERY_S = 0.1
_CELLS = 24


class ProgressBar:
    """One line that is drawn over, a stage at a time; silent where standard error is no terminal.

    Use it as a context manager: on the way out the line is ended, or cleared if the block raised.

    Args:
        stream: where to; standard error by default.
        unit: what is counted.
    """

    def __init__(self, stream: TextIO | None = None, unit: str = "frames") -> None:
        self._unit = unit
        self._stream = sys.stderr if stream is None else stream
        self._visible = self._stream.isatty()
        self._stage = ""
        self._started = self._drawn = 0.0
        self._width = 0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show how far a stage is."""
        if not self._visible:
            return
        now = time.monotonic()
        if stage != self._stage:
            self._end_line()
            self._stage, self._started, self._drawn = stage, now, 0.0
        if now - self._drawn < _EVERY_S and done != total:
            return
        self._drawn = now
        self._draw(progress_text(stage, done, total, now - self._started, self._unit))

    def _draw(self, text: str) -> None:
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def _end_line(self) -> None:
        if self._width:
            self._stream.write("\n")
            self._width = 0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._end_line()
        elif self._width:
            self._stream.write("\r" + " " * self._width + "\r")
        self._stream.flush()


def progress_text(stage: str, done: int, total: int | None, elapsed_s: float, unit: str = "frames") -> str:
    """Return the line: a bar and the time left where the total is known, else what is done so far."""
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    speed = f"{rate:6.1f}/s" if rate else ""
    if not total:
        return f"{stage:<10} {done} {unit}  {speed}"
    part = min(1.0, done / total)
    bar = "█" * round(_CELLS * part) + "░" * (_CELLS - round(_CELLS * part))
    left = f"{_clock((total - done) / rate)} left" if rate and done < total else ""
    return f"{stage:<10} {bar} {done}/{total} {unit}  {speed}  {left}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{seconds:02d}"
