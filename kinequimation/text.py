"""Text for people to read."""

from __future__ import annotations

import re


def one_line(text: str) -> str:
    """Return a text as one line without control characters, which file names and files may bring along."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return what to sort names by, so that ``2.png`` comes before ``10.png``."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, len(p.lstrip("0")), p.lstrip("0")) if p.isdecimal() else (1, 0, p) for p in parts if p]
