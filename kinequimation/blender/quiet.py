"""Keep Blender from talking on standard output, which belongs to the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Send what Blender writes to standard output, from C as from its Python, nowhere while the block runs.

    Errors that Blender raises still arrive as exceptions; standard error is left alone.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
        sys.stdout.flush()
    finally:
        os.dup2(kept, 1)
        os.close(nowhere)
        os.close(kept)
