"""Keep Blender from talking on standard output, which belongs to the commands and to programs that listen to them."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kinequimation.dataset.blender_process import MARK

EXIT_ORPHAN = 3
"""The exit code of a process that ended because the one that started it had."""


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


def speaker() -> Callable[[dict[str, Any]], None]:
    """Return what writes messages to standard output, and turn all else that is written there to standard error."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        out.write(f"{MARK}{json.dumps(message)}\n")
        out.flush()

    return say


def end_with_input() -> None:
    """End this process when its standard input ends, so that it does not outlive the one that started it."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(EXIT_ORPHAN)

    threading.Thread(target=wait, daemon=True).start()
