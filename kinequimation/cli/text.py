"""Text for a terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return a text as one line without control characters, which file names and files may bring along."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
