"""Names of actions as people write them: LeftCanter, canter_left and "canter left" are one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kinequimation.errors import InputError


def choose_actions(there: Sequence[str], wanted: Iterable[str]) -> list[str]:
    """Return the actions that are meant by names, whatever their case and the order of their words; none means all.

    Args:
        there: what there is to choose from.
        wanted: names as given to ``--actions``.

    Raises:
        InputError: a name means none of them, or several; says what there is.
    """
    chosen: list[str] = []
    for name in wanted:
        fitting = [a for a in there if a == name] or [a for a in there if _words(a) == _words(name)]
        if len(fitting) != 1:
            what = "which is several" if fitting else "which is not there"
            raise InputError(f"--actions: got {name!r}, {what}; there are {', '.join(there)}")
        chosen += [a for a in fitting if a not in chosen]
    return chosen or list(there)


def _words(name: str) -> tuple[str, ...]:
    """Return a name's words in lower case, sorted."""
    return tuple(sorted(w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+", name)))
