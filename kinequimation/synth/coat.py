"""Coats: what a horse's surface looks like, as the numbers that the fragment shader reads.

Positions are template coordinates (``Template.vertices``, metres), so that a pattern sticks to the body whatever its
shape and pose: hooves at z = 0, carpus near 0.48, hock near 0.62, withers near 1.66, poll to nose along the head.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation.errors import InputError
from kinequimation.synth import coat_colours, coat_markings, coat_patterns, coat_surface
from kinequimation.synth.coat_fields import COAT_FIELDS, Coat, linear, no_coat, random_colour, vary

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["COATS", "COAT_FIELDS", "CoatShares", "linear", "named_coat", "random_colour", "sample_coat"]


@dataclass(frozen=True)
class CoatShares:
    """How often each factor of a coat is drawn; the defaults are sources, B6, and where it is silent, judgement.

    Attributes:
        base: weight of each base colour (a name of ``coat_colours.BASE_COLOURS``).
        pattern: probability of each pattern (a name of ``coat_patterns.PATTERNS``); at most one is drawn.
        strays: share of horses of a named breed that are drawn as if of none.
        dapples: faint dapples on colours that need not have them.
        counter_shaded: belly and insides paler; sooty: topline darker.
        legs, high_white, face: white legs; all of them high, if any are white; a white marking on the face.
        pink, wall_eye, striped_hoof: a pink nose without white; blue eyes; striped horn.
        polished, winter, sweat, rain, dirt, dust: the surface.
        texture: a random picture instead of a coat.
    """

    base: dict[str, float] = field(default_factory=lambda: dict(coat_colours.BASE_SHARES))
    pattern: dict[str, float] = field(default_factory=lambda: dict(coat_patterns.PATTERN_SHARES))
    strays: float = 0.25
    dapples: float = 0.08
    counter_shaded: float = 0.6
    sooty: float = 0.25
    legs: float = 0.55
    high_white: float = 0.08
    face: float = 0.6
    pink: float = 0.05
    wall_eye: float = 0.03
    striped_hoof: float = 0.1
    polished: float = 0.4
    winter: float = 0.12
    sweat: float = 0.12
    rain: float = 0.05
    dirt: float = 0.25
    dust: float = 0.2
    texture: float = 0.10

    def of_breed(self, breed: str) -> CoatShares:
        """Return the shares of a breed: its colours, its patterns, its white; itself if the breed has no tendency."""
        if breed not in coat_colours.BREED_SHARES:
            return self
        white = coat_colours.BREED_WHITE.get(breed)
        return replace(
            self,
            base=coat_colours.BREED_SHARES[breed],
            pattern={k: v for k, v in coat_colours.BREED_PATTERNS[breed].items() if self.pattern.get(k, 0) > 0},
            high_white=coat_colours.BREED_HIGH_WHITE.get(breed, self.high_white) if self.high_white else 0.0,
            legs=self.legs if white is None or not self.legs else white,
            face=self.face if white is None or not self.face else white,
        )

    @staticmethod
    def plain() -> CoatShares:
        """Return shares with everything off but the base colour."""
        off: dict[str, Any] = {name: 0.0 for name in vars(CoatShares()) if name not in ("base", "pattern")}
        return CoatShares(pattern={}, **off)


def _pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    weights = np.array(list(shares.values()), float)
    return tuple(shares)[rng.choice(len(weights), p=weights / weights.sum())]


def _pattern(rng: np.random.Generator, shares: dict[str, float]) -> str | None:
    """Return at most one pattern, each with its own probability."""
    at = rng.random()
    for name, share in shares.items():
        if at < share:
            return name
        at -= share
    return None


def sample_coat(
    rng: np.random.Generator,
    shares: CoatShares | None = None,
    breed: str | None = None,
) -> tuple[Float[np.ndarray, "fields 4"], dict[str, object]]:
    """Draw a coat.

    Args:
        rng: source of randomness.
        shares: how often each factor is drawn.
        breed: draw mostly what this breed (a key of ``body.BREEDS``) comes in; None for everything.

    Returns:
        the shader's four-vectors in the order of ``COAT_FIELDS``, and what was drawn, for the record.
    """
    shares = shares or CoatShares()
    if breed is not None and rng.random() >= shares.strays:
        shares = shares.of_breed(breed)
    c, record = _painted(rng, _pick(rng, shares.base), _pattern(rng, shares.pattern), shares)
    return np.stack([c[k] for k in COAT_FIELDS]), record


def _painted(
    rng: np.random.Generator, base: str, pattern: str | None, shares: CoatShares
) -> tuple[Coat, dict[str, object]]:
    c = no_coat()
    c["offset"][:3] = rng.uniform(0, 10, 3)
    counter = rng.uniform(0.2, 1) if rng.random() < shares.counter_shaded else 0.0
    sooty = rng.uniform(0.2, 0.9) if rng.random() < shares.sooty else 0.0
    coat_colours.add_base(rng, c, base, counter, sooty)
    record: dict[str, object] = {"coat": base, "pattern": pattern, "counter_shaded": counter, "sooty": sooty}
    record["dapples"] = coat_patterns.usual_dapples(rng, c, base, shares.dapples)
    record["legs"] = {}
    if rng.random() < shares.legs:
        record["legs"] = coat_markings.add_socks(rng, c, is_high=rng.random() < shares.high_white)
    record["face"] = coat_markings.add_face(rng, c) if rng.random() < shares.face else None
    if rng.random() < shares.pink:
        c["skin"][:3] = vary(rng, (204, 156, 144), 0.1)
    if pattern is not None:
        coat_patterns.PATTERNS[pattern](rng, c)
    record["wall_eye"] = rng.random() < shares.wall_eye
    if record["wall_eye"]:
        coat_markings.add_wall_eye(rng, c)
    if rng.random() < shares.striped_hoof:
        c["hoof"][3] = rng.uniform(0.3, 1.0)
    polished, winter, sweat, rain, dirt, dust, texture = rng.random(7) < (
        shares.polished, shares.winter, shares.sweat, shares.rain, shares.dirt, shares.dust, shares.texture
    )  # fmt: skip
    record |= coat_surface.add_finish(rng, c, is_winter=bool(winter), is_polished=bool(polished and not winter))
    for is_on, add in ((sweat, coat_surface.add_sweat), (rain, coat_surface.add_rain), (dirt, coat_surface.add_dirt),
                       (dust, coat_surface.add_dust)):  # fmt: skip
        if is_on:
            add(rng, c)
    record |= {"sweat": bool(sweat), "wet": bool(rain), "dirt": bool(dirt), "dust": bool(dust)}
    record["random_texture"] = coat_surface.add_texture(rng, c) if texture else None
    return c, record


_NAMED: dict[str, tuple[str, str | None]] = {
    **{name: (name, None) for name in coat_colours.BASE_COLOURS},
    "red roan": ("bay", "roan"),
    "blue roan": ("black", "roan"),
    "strawberry roan": ("chestnut", "roan"),
    "tobiano": ("bay", "tobiano"),
    "overo": ("chestnut", "overo"),
    "sabino": ("chestnut", "sabino"),
    "splash": ("bay", "splash"),
    "appaloosa blanket": ("bay", "appaloosa blanket"),
    "leopard": ("black", "leopard"),
    "snowflake": ("liver chestnut", "snowflake"),
    "varnish roan": ("dark bay", "varnish roan"),
    "brindle": ("bay", "brindle"),
    "random texture": ("bay", None),
}
COATS: tuple[str, ...] = tuple(_NAMED)
"""Names that ``named_coat`` takes: every base colour, and every pattern on a base that it is often seen on."""


def named_coat(
    name: str, rng: np.random.Generator | None = None
) -> tuple[Float[np.ndarray, "fields 4"], dict[str, object]]:
    """Return the coat that people call ``name``, clean and without markings that do not belong to it.

    Args:
        name: one of ``COATS``; capitals, and _ for a space, do not matter.
        rng: varies the colour and the lie of the pattern; always the same coat if not given.

    Returns:
        as ``sample_coat``.

    Raises:
        InputError: there is no such coat.
    """
    name = name.lower().replace("_", " ")
    if name not in _NAMED:
        raise InputError(f"unknown coat {name!r}: expected one of {', '.join(COATS)}")
    rng = rng or np.random.default_rng(COATS.index(name))
    base, pattern = _NAMED[name]
    shares = CoatShares.plain()
    c, record = _painted(rng, base, pattern, shares)
    if coat_colours.BASE_COLOURS[base].dapple > 0.5 and not record["dapples"]:
        record["dapples"] = coat_patterns.usual_dapples(rng, c, base, 1.0)
    c["gloss"][:2], c["grain"][:2] = (0.2, 18.0), (0.7, 0.3)
    if name == "random texture":
        record["random_texture"] = coat_surface.add_texture(rng, c, ("blobs", "cells", "panels", "crowd"))
    return np.stack([c[k] for k in COAT_FIELDS]), record
