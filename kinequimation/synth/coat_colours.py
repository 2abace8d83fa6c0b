"""Base colours of horses, with the legs, hair, skin and eyes that go with each, and which breed comes in which.

The colours are sRGB judged by eye against what the words mean to people who know horses; a photograph's light moves
them far more than a few units. What goes with what (black points of a bay, dark skin of a grey, pink skin of a
cremello) is common knowledge of coat genetics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kinequimation.synth.coat_fields import RGB, Coat, linear, vary

BLACK_HAIR: RGB = (24, 19, 17)


@dataclass(frozen=True)
class BaseColour:
    """A colour that a horse can have all over.

    Attributes:
        body: the body's colour.
        shade: the colour that noise and the topline mix in.
        hair: mane and tail.
        points: what the legs are: black as a bay's, a darker shade of the body (``"dark"``), or as the body.
        second_hair: colour and share of other locks in mane and tail.
        leg: colour of dark legs that are not black.
        mealy: 0..1, pale muzzle, belly and flanks.
        primitive: 0..1, stripe and bars of a dun.
        dapple: 0..1, how strong dapples usually are.
        grey: white hairs mixed in as the horse turns grey, 0..1.
        pink: pink skin.
        eye: colour of the iris.
    """

    body: RGB
    shade: RGB
    hair: RGB
    points: Literal["black", "dark", "self"] = "self"
    second_hair: tuple[RGB, float] | None = None
    leg: RGB | None = None
    mealy: float = 0.0
    primitive: float = 0.0
    dapple: float = 0.0
    grey: float = 0.0
    pink: bool = False
    eye: RGB = (42, 27, 18)


_BLUE: RGB = (128, 158, 182)
_HAZEL: RGB = (150, 112, 52)
BASE_COLOURS: dict[str, BaseColour] = {
    "bay": BaseColour((114, 64, 38), (80, 44, 27), BLACK_HAIR, "black"),
    "dark bay": BaseColour((66, 41, 29), (38, 25, 20), (20, 16, 15), "black"),
    "seal brown": BaseColour((44, 31, 26), (26, 20, 18), (18, 15, 14), "black", mealy=0.75),
    "mealy bay": BaseColour((108, 68, 42), (76, 46, 30), BLACK_HAIR, "black", mealy=1.0),
    "black": BaseColour((29, 26, 26), (40, 33, 30), (20, 18, 18)),
    "chestnut": BaseColour((136, 71, 38), (104, 52, 29), (134, 74, 41)),
    "liver chestnut": BaseColour((80, 45, 31), (58, 33, 24), (86, 52, 36)),
    "flaxen chestnut": BaseColour((136, 76, 42), (106, 58, 32), (224, 196, 156), second_hair=((184, 136, 90), 0.25)),
    "palomino": BaseColour((206, 160, 104), (182, 130, 76), (234, 222, 196)),
    "buckskin": BaseColour((196, 156, 102), (160, 120, 74), (28, 23, 20), "black"),
    "cremello": BaseColour((230, 212, 182), (220, 198, 164), (238, 228, 208), pink=True, eye=_BLUE),
    "perlino": BaseColour((228, 208, 176), (216, 190, 152), (212, 172, 126), "dark", leg=(212, 188, 156), pink=True,
                          eye=_BLUE),
    "dun": BaseColour((188, 148, 108), (150, 116, 80), (36, 29, 25), "black", primitive=1.0),
    "red dun": BaseColour((180, 128, 88), (156, 104, 68), (128, 66, 38), "dark", leg=(118, 62, 38), primitive=0.9),
    "grullo": BaseColour((116, 109, 104), (94, 87, 83), (28, 25, 24), "black", primitive=1.0),
    "champagne": BaseColour((194, 152, 104), (168, 126, 84), (222, 200, 160), pink=True, eye=_HAZEL),
    "silver dapple": BaseColour((76, 56, 46), (56, 41, 35), (206, 196, 178), "dark", ((150, 132, 114), 0.3),
                                leg=(62, 46, 39), dapple=0.6),
    "steel grey": BaseColour((56, 55, 57), (40, 39, 41), (38, 37, 39), "dark", ((124, 121, 117), 0.25),
                             leg=(36, 35, 37), dapple=0.15, grey=0.33),
    "rose grey": BaseColour((128, 92, 76), (92, 66, 58), (52, 45, 44), "dark", ((130, 124, 120), 0.3),
                            leg=(54, 42, 40), dapple=0.3, grey=0.4),
    "dapple grey": BaseColour((142, 143, 147), (104, 106, 111), (176, 176, 176), "dark", ((84, 84, 87), 0.35),
                              leg=(74, 74, 78), dapple=1.0, grey=0.35),
    "flea-bitten grey": BaseColour((212, 207, 200), (192, 186, 178), (218, 213, 204),
                                   second_hair=((150, 138, 128), 0.15), grey=0.3),
    "white grey": BaseColour((222, 219, 213), (206, 202, 195), (226, 222, 214)),
}  # fmt: skip
"""Every base colour by name."""

BASE_SHARES: dict[str, float] = {
    "bay": 0.17, "dark bay": 0.10, "seal brown": 0.025, "mealy bay": 0.02, "black": 0.10, "chestnut": 0.14,
    "liver chestnut": 0.04, "flaxen chestnut": 0.04, "palomino": 0.05, "buckskin": 0.05, "cremello": 0.015,
    "perlino": 0.01, "dun": 0.04, "red dun": 0.015, "grullo": 0.02, "champagne": 0.015, "silver dapple": 0.03,
    "steel grey": 0.03, "rose grey": 0.02, "dapple grey": 0.05, "flea-bitten grey": 0.03, "white grey": 0.05,
}  # fmt: skip
"""How often each is drawn: every colour of sources, B6, the common ones more often (judgement)."""

_ICELANDIC = {"dun": 0.1, "red dun": 0.08, "grullo": 0.08, "silver dapple": 0.15, "flaxen chestnut": 0.12}
BREED_SHARES: dict[str, dict[str, float]] = {
    "arabian": {"bay": 0.3, "chestnut": 0.25, "black": 0.04, "steel grey": 0.05, "rose grey": 0.05, "dapple grey": 0.1,
                "flea-bitten grey": 0.12, "white grey": 0.12},
    "thoroughbred": {"bay": 0.4, "dark bay": 0.25, "chestnut": 0.22, "black": 0.04, "steel grey": 0.04,
                     "dapple grey": 0.05},
    "quarter_horse": {"chestnut": 0.35, "bay": 0.2, "buckskin": 0.12, "palomino": 0.12, "red dun": 0.06, "dun": 0.05,
                      "grullo": 0.04, "black": 0.05, "cremello": 0.02},
    "warmblood": {"bay": 0.35, "dark bay": 0.22, "chestnut": 0.22, "black": 0.11, "dapple grey": 0.06,
                  "white grey": 0.04},
    "andalusian": {"dapple grey": 0.3, "white grey": 0.3, "bay": 0.2, "steel grey": 0.1, "black": 0.1},
    "friesian": {"black": 1.0},
    "shire": {"black": 0.35, "bay": 0.35, "dapple grey": 0.15, "dark bay": 0.15},
    "clydesdale": {"bay": 0.6, "dark bay": 0.2, "black": 0.1, "chestnut": 0.1},
    "icelandic": {**BASE_SHARES, **_ICELANDIC},
    "shetland": {"black": 0.25, "chestnut": 0.2, "bay": 0.15, "silver dapple": 0.15, "flaxen chestnut": 0.15,
                 "dun": 0.05, "steel grey": 0.05},
    "standardbred": {"bay": 0.55, "dark bay": 0.25, "black": 0.1, "chestnut": 0.1},
    "haflinger": {"flaxen chestnut": 0.8, "palomino": 0.2},
}  # fmt: skip
"""Which colours a breed comes in, mostly (breed standards; the shares are judgement). Others: anything."""

BREED_PATTERNS: dict[str, dict[str, float]] = {
    "arabian": {"sabino": 0.05}, "thoroughbred": {}, "warmblood": {"tobiano": 0.04}, "andalusian": {}, "friesian": {},
    "quarter_horse": {"roan": 0.12, "overo": 0.06, "tobiano": 0.05}, "shire": {"sabino": 0.15},
    "clydesdale": {"sabino": 0.45, "roan": 0.25}, "shetland": {"tobiano": 0.4, "roan": 0.05},
    "icelandic": {"tobiano": 0.18, "splash": 0.04, "roan": 0.04}, "standardbred": {}, "haflinger": {},
}  # fmt: skip
"""White patterns that a breed comes in, mostly, as probabilities."""

BREED_WHITE: dict[str, float] = {
    "friesian": 0.03, "clydesdale": 0.98, "shire": 0.9, "andalusian": 0.25, "haflinger": 0.5, "icelandic": 0.3
}  # fmt: skip
"""Probability of white legs and of white on the face, where the breed has a tendency."""

BREED_HIGH_WHITE: dict[str, float] = {"clydesdale": 0.85, "shire": 0.65, "friesian": 0.0}
"""Probability that white legs are all stockings."""


def add_base(rng: np.random.Generator, c: Coat, name: str, counter_shaded: float, sooty: float) -> None:
    """Paint a base colour with its points, hair, skin and eyes.

    Args:
        rng: source of randomness.
        c: the coat, changed.
        name: a key of ``BASE_COLOURS``.
        counter_shaded: 0..1, how much paler belly, flanks and the inside of the legs are.
        sooty: 0..1, how much darker the topline is.
    """
    colour = BASE_COLOURS[name]
    c["base"][:] = (*vary(rng, colour.body, 0.13), rng.uniform(0.1, 0.5))
    c["shade"][:] = (*vary(rng, colour.shade, 0.13), sooty)
    if sooty > 0:
        c["shade"][:3] *= 1 - 0.5 * sooty
    pale = np.array(colour.body) * 0.75 + np.array((226, 196, 158)) * 0.36
    c["pale"][:3] = linear(np.minimum(pale * np.exp(rng.normal(0, 0.05)), 245))
    c["pale"][3] = max(0.4 * counter_shaded, 0.8 * colour.mealy) * rng.uniform(0.6, 1)
    c["pale_where"][:] = np.array((0.6, 0.35, 0.5, 0.2)) * counter_shaded * rng.uniform(0.4, 1.1, 4)
    if colour.mealy:
        c["pale"][:3] = vary(rng, (112, 74, 46) if name == "seal brown" else (198, 170, 136))
        c["pale_where"][:] = np.array((0.3, 0.9, 0.7, 0.6)) * colour.mealy
    _add_points(rng, c, colour)
    _add_hair(rng, c, colour)
    dark = (188, 142, 128) if colour.pink else (42, 36, 35)
    c["skin"][:] = (*vary(rng, dark, 0.15), rng.uniform(0.55, 0.95))
    if name in ("black", "seal brown") or colour.mealy:
        c["skin"][3] *= 0.4
    c["pink"][:] = (*vary(rng, (208, 158, 146), 0.08), 0.0)
    c["eye"][:3] = vary(rng, colour.eye, 0.2)
    horn = (150, 128, 100) if colour.pink else (50, 45, 42)
    c["hoof"][:] = (*vary(rng, horn, 0.2), 0.0)
    c["pale_hoof"][:] = (*vary(rng, (176, 154, 124), 0.12), rng.uniform(0.2, 1.0))
    c["white"][:] = (*vary(rng, (230, 225, 216), 0.05), rng.uniform(0.1, 0.6))
    c["roan"][1:] = (rng.uniform(4.5, 7.5), rng.uniform(0.03, 0.2), rng.uniform(0.03, 0.25))
    c["roan_where"][:] = (0.15, 0.0, 0.0, 0.0)
    c["dapple"][:] = (0.85, 0.82, 0.8, 1.2)
    if colour.grey:
        _add_grey(rng, c, name, colour)


def _add_points(rng: np.random.Generator, c: Coat, colour: BaseColour) -> None:
    leg, strength, face = colour.shade, rng.uniform(0.0, 0.35), 0.0
    if colour.points == "black":
        leg, strength, face = (26, 21, 19), rng.uniform(0.85, 1.0), rng.uniform(0.2, 0.7)
    elif colour.leg is not None:
        leg, strength, face = colour.leg, rng.uniform(0.7, 1.0), rng.uniform(0.0, 0.4)
    c["point"][:] = (*vary(rng, leg, 0.15), strength)
    c["point_shape"][:] = (rng.uniform(0.5, 0.72), rng.uniform(0.62, 0.82), rng.uniform(0.06, 0.2), face)
    if colour.primitive:
        c["primitive"][:] = (1.0, rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.9), rng.uniform(0.014, 0.026))
        c["primitive"][:3] *= colour.primitive


def _add_hair(rng: np.random.Generator, c: Coat, colour: BaseColour) -> None:
    hair = vary(rng, colour.hair, 0.12)
    c["mane"][:] = (*hair, rng.uniform(0.3, 0.8))
    c["tail"][:] = (*(hair * np.exp(rng.normal(0, 0.1))), rng.uniform(0.3, 0.8))
    if colour.second_hair is not None:
        rgb, share = colour.second_hair
        c["second_hair"][:] = (*vary(rng, rgb, 0.15), share * rng.uniform(0.3, 1.6))
    bleached = rng.uniform(0, 0.8) if np.mean(colour.hair) < 60 else rng.uniform(0, 0.3)
    c["hair_shape"][:] = (bleached, rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.3), rng.uniform(0.4, 1.0))


def _add_grey(rng: np.random.Generator, c: Coat, name: str, colour: BaseColour) -> None:
    """Mix in the white hairs of a grey: the head goes first, the legs last."""
    c["roan"][0] = colour.grey * rng.uniform(0.6, 1.2)
    c["roan_where"][:] = (1.3, 0.2, 0.0, rng.uniform(0, 0.35))
    if name == "dapple grey":
        add_dapples(rng, c, rng.uniform(0.75, 1.0))
        c["dapple"][:] = (*(np.array((0.36, 0.37, 0.39)) * rng.uniform(0.8, 1.3)), rng.uniform(1.3, 1.7))
        c["mane"][:3] *= np.exp(rng.uniform(-1.8, 0.5))
        c["tail"][:3] *= np.exp(rng.uniform(-1.2, 0.5))
        c["point"][3] = rng.uniform(0.5, 1.0)
    if name == "flea-bitten grey":
        c["fleck"][:] = (*vary(rng, (120, 72, 52), 0.2), rng.uniform(0.65, 0.95))
        c["fleck_shape"][:3] = (rng.uniform(30, 46), rng.uniform(0.2, 0.32), rng.uniform(0.35, 0.8))


def add_dapples(rng: np.random.Generator, c: Coat, strength: float) -> None:
    """Paint dapples: pale round centres, 4 to 7 cm apart, in a darker net."""
    c["cells"][:3] = (rng.uniform(10.0, 14.0), rng.uniform(0.24, 0.30), strength)
