"""Text for people to read."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return a text as one line without control characters, which file names and files may bring along."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
