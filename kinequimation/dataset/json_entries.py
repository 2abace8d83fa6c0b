"""Read a large JSON object entry by entry, such as a COCO file: memory holds one of them at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kinequimation.errors import InputError

_CHUNK = 1 << 20
_MAX_ENTRY = 64 << 20
_BLANK = " \t\r\n"


@dataclass(frozen=True)
class Entry:
    """One value of the object, or one element where the value is a list.

    Attributes:
        key: the object's key.
        value: as ``json.loads`` gives it.
        constants: ``NaN``, ``Infinity`` and ``-Infinity`` in it, which Python reads and JSON does not know.
    """

    key: str
    value: Any
    constants: tuple[str, ...] = ()


def read_entries(path: Path) -> Iterator[Entry]:
    """Yield the values of a file's object, and the elements of its lists, in the file's order.

    Raises:
        InputError: the file is not there, is no JSON object, or ends too early; what came before was yielded.
    """
    try:
        with path.open(encoding="utf-8-sig") as f:
            yield from _Reader(f).entries()
    except OSError as error:
        raise InputError(f"{path}: expected a JSON file, got {(error.strerror or str(error)).lower()}") from error
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected a JSON object, got something unreadable or cut short ({error})") from error


class _Reader:
    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._dropped = 0
        self._ended = False
        self._constants: list[str] = []
        self._decoder = json.JSONDecoder(parse_constant=self._constant)

    def entries(self) -> Iterator[Entry]:
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            key = self._value()
            if not isinstance(key, str):
                raise ValueError(f"expected a key at character {self._dropped + self._at}")
            self._expect(":")
            if self._peek() == "[":
                yield from self._elements(key)
            else:
                yield self._entry(key)
            if not self._more("}"):
                break
        if self._peek():
            raise ValueError(f"more text after its end, at character {self._dropped + self._at}")

    def _elements(self, key: str) -> Iterator[Entry]:
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
            return
        yield self._entry(key)
        while self._more("]"):
            yield self._entry(key)

    def _entry(self, key: str) -> Entry:
        self._constants.clear()
        value = self._value()
        return Entry(key, value, tuple(self._constants))

    def _constant(self, name: str) -> float:
        self._constants.append(name)
        return float(name.replace("Infinity", "inf"))

    def _value(self) -> Any:
        self._peek()
        while True:
            self._constants.clear()
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:  # a number at the end may go on
                    self._at = end
                    return value
            except ValueError as error:
                if self._ended:
                    where = self._dropped + getattr(error, "pos", self._at)
                    raise ValueError(f"{getattr(error, 'msg', error)} at character {where}") from error
            if len(self._text) - self._at > _MAX_ENTRY:
                raise ValueError(f"no end of an entry within {_MAX_ENTRY >> 20} MB")
            self._fill()

    def _more(self, end: str) -> bool:
        """Step over a comma, or over the end; return whether it was a comma."""
        mark = self._peek()
        if mark not in (",", end) or not mark:
            raise ValueError(f"expected , or {end} at character {self._dropped + self._at}")
        self._at += 1
        return mark == ","

    def _expect(self, mark: str) -> None:
        if self._peek() != mark:
            raise ValueError(f"expected {mark} at character {self._dropped + self._at}")
        self._at += 1

    def _peek(self) -> str:
        """Step over blanks; return the next character, or nothing at the file's end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._fill()

    def _fill(self) -> None:
        more = self._file.read(_CHUNK)
        self._ended = not more
        self._dropped += self._at
        self._text, self._at = self._text[self._at :] + more, 0
