"""Every error that the library raises on purpose.

KinEquiMationError
├── InputError            a file, value or option from outside is not what was expected (exit code 2)
│   └── NoHorseError      the input is readable, but no horse was found in it
├── OutputError           a result cannot be written where it was asked for (exit code 2)
└── MissingDependencyError  an optional package or system library is not installed (exit code 2)
"""

from __future__ import annotations

import zipfile
import zlib

UNREADABLE_ARCHIVE: tuple[type[Exception], ...] = (
    OSError, EOFError, KeyError, TypeError, ValueError, AttributeError, MemoryError, NotImplementedError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What zipfile and numpy raise on a damaged or foreign ``.npz``; ``InputError`` is among them, as a ``ValueError``."""


class KinEquiMationError(Exception):
    """Base of all errors of this library; its text is one line a user can act on."""


class InputError(KinEquiMationError, ValueError):
    """What came in is not what was expected; says expected, got, and what to do."""


class NoHorseError(InputError):
    """The input was read to its end and no horse was found."""


class OutputError(KinEquiMationError, OSError):
    """A result cannot be written."""


class MissingDependencyError(KinEquiMationError, ImportError):
    """An optional dependency is missing; says what to install."""
