"""White markings on legs and face, and the skin, hooves and eyes that go with them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from kinequimation.synth.coat_fields import Coat, vary

SOCKS: dict[str, tuple[float, float]] = {
    "coronet": (0.095, 0.115),
    "pastern": (0.13, 0.19),
    "sock": (0.25, 0.38),
    "stocking": (0.42, 0.62),
}
"""Kinds of white legs and how high they reach on the template, metres: coronet 0.08, fetlock 0.20, carpus 0.48."""

Face = Literal["star", "stripe", "star and snip", "blaze", "snip", "bald"]
FACES: dict[Face, float] = {
    "star": 0.28, "stripe": 0.17, "star and snip": 0.12, "blaze": 0.25, "snip": 0.08, "bald": 0.10
}  # fmt: skip
"""White markings of the face and how often each is drawn among horses that have one (judgement)."""

LIMB_ORDER: tuple[str, ...] = ("LF", "RF", "LH", "RH")
"""The order of the four numbers of ``socks``."""


def set_socks(rng: np.random.Generator, c: Coat, height_m: np.ndarray, ragged: float = 1.0) -> None:
    """Paint white legs.

    Args:
        rng: source of randomness.
        c: the coat, changed.
        height_m: [4] how high the white reaches on LF, RF, LH, RH, in template metres; below 0 for none.
        ragged: how uneven the upper edge is.
    """
    c["socks"][:] = height_m
    c["sock_shape"][:] = (ragged * rng.uniform(0.3, 1.0), rng.uniform(0.006, 0.02), 0.0, 0.0)


def add_socks(rng: np.random.Generator, c: Coat, *, is_high: bool = False) -> dict[str, str]:
    """Paint one to four white legs; hind legs more often, heights of one horse alike.

    Args:
        rng: source of randomness.
        c: the coat, changed.
        is_high: stockings on nearly every leg, as many a heavy horse has.

    Returns:
        the kind of each white leg.
    """
    kinds = tuple(SOCKS)
    is_white = rng.random(4) < np.array((0.9, 0.9, 0.95, 0.95) if is_high else (0.4, 0.4, 0.65, 0.65))
    if not is_white.any():
        is_white[rng.integers(4)] = True
    usual = len(kinds) if is_high else int(rng.integers(len(kinds)))
    heights, record = np.full(4, -1.0), {}
    for limb in np.nonzero(is_white)[0]:
        kind = kinds[int(np.clip(usual + rng.integers(-1, 2), 0, len(kinds) - 1))]
        heights[limb] = rng.uniform(*SOCKS[kind]) + (0.1 if limb > 1 and kind == "stocking" else 0.0)
        record[LIMB_ORDER[limb]] = kind
    set_socks(rng, c, heights)
    return record


def bald_face(rng: np.random.Generator, c: Coat) -> None:
    """Paint a face that is white out to the eyes."""
    c["blaze"][:] = (rng.uniform(0.062, 0.085), rng.uniform(0.02, 0.12), 1.2, rng.uniform(0.2, 0.8))
    c["pink"][3] = rng.uniform(0.5, 1.0)


def add_face(rng: np.random.Generator, c: Coat, kind: Face | None = None) -> str:
    """Paint a white marking on the face; a random one if ``kind`` is not given. Returns its name."""
    faces = tuple(FACES)
    kind = kind or faces[rng.choice(len(faces), p=list(FACES.values()))]
    wavy = rng.uniform(0.2, 1.0)
    c["blaze"][3] = wavy
    if kind in ("star", "star and snip"):
        c["star"][:3] = (rng.uniform(0.28, 0.36), rng.uniform(0.02, 0.05), rng.uniform(0.012, 0.036))
    if kind in ("snip", "star and snip"):
        c["star"][3] = rng.uniform(0.010, 0.026)
    if kind == "stripe":
        c["blaze"][:] = (rng.uniform(0.007, 0.015), rng.uniform(0.14, 0.24), rng.uniform(0.55, 1.0), wavy)
    if kind == "blaze":
        c["blaze"][:] = (rng.uniform(0.022, 0.046), rng.uniform(0.08, 0.2), rng.uniform(0.85, 1.15), wavy)
    if kind == "bald":
        bald_face(rng, c)
    elif kind in ("snip", "star and snip", "blaze"):
        c["pink"][3] = rng.uniform(0.3, 1.0)
    return kind


def add_wall_eye(rng: np.random.Generator, c: Coat) -> None:
    """Make the eyes blue."""
    c["eye"][:] = (*vary(rng, (128, 158, 182), 0.12), rng.uniform(0.0, 0.5))
