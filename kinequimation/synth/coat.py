"""Coats: what a horse's surface looks like, as the numbers that the fragment shader reads.

Positions are template coordinates (``Template.vertices``, metres), so that a pattern sticks to the body whatever its
shape and pose: hooves at z = 0, carpus near 0.48, hock near 0.62, withers near 1.66, poll to nose along the head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.textures import TEXTURES

if TYPE_CHECKING:
    from jaxtyping import Float

COAT_FIELDS: tuple[str, ...] = (
    "base",  # rgb; how much the belly and flanks lighten
    "shade",  # rgb of the second body colour; how much of it noise mixes in
    "point",  # rgb of the legs of a bay; strength
    "point_shape",  # height on the fore and hind legs, softness, dorsal stripe
    "mane",  # rgb; strand contrast
    "tail",  # rgb; strand contrast
    "hoof",  # rgb
    "muzzle",  # rgb; strength
    "white",  # rgb of markings; red tint of the skin below
    "socks",  # height of the white on LF, RF, LH, RH
    "blaze",  # half width, start and end along the head from poll to nose, waviness
    "patch",  # frequency, threshold (above 1: none), softness, share of the white mane
    "dapple",  # frequency, strength, dark joints of a grey, flea bites
    "roan",  # strength, frequency of the fine hairs, fine darker noise, broad noise
    "gloss",  # specular strength, shininess, sheen of the sky, bump
    "dirt",  # rgb; strength
    "dirt_shape",  # height it reaches up the legs, frequency, threshold on the body, wetness
    "texture",  # layer, scale, share, unused
    "offset",  # shift of all noise
    "boot",  # rgb; texture contrast
    "boots",  # on or off for LF, RF, LH, RH
    "boot_shape",  # lower and upper edge on the fore cannon, lower and upper edge on the hind one
    "pad",  # rgb of the saddle pad; on or off
    "pad_shape",  # centre along the back (y), half length, lower edge (z), border width
    "rug",  # rgb of a rug over the trunk; on or off
    "strap",  # rgb of leather; girth on or off
    "bridle",  # noseband, cheekpieces, browband, half width
)
"""Names of the coat's four-vectors, in the order in which the shader has them."""

_PALETTES: dict[str, tuple[float, tuple[float, ...], tuple[float, ...], tuple[float, ...], str]] = {
    # share, base, shade, mane and tail (sRGB, 0–255), legs
    "bay": (0.20, (115, 66, 38), (84, 46, 27), (24, 18, 16), "dark"),
    "dark bay": (0.13, (62, 40, 29), (38, 25, 20), (18, 15, 14), "dark"),
    "black": (0.12, (30, 27, 27), (42, 35, 32), (18, 17, 17), "self"),
    "chestnut": (0.17, (142, 78, 40), (108, 56, 30), (140, 82, 46), "self"),
    "liver chestnut": (0.05, (80, 46, 32), (60, 34, 24), (84, 52, 36), "self"),
    "flaxen chestnut": (0.05, (136, 78, 42), (104, 58, 32), (206, 180, 136), "self"),
    "palomino": (0.05, (196, 152, 92), (172, 124, 70), (228, 214, 184), "self"),
    "buckskin": (0.05, (190, 154, 104), (160, 124, 80), (30, 25, 22), "dark"),
    "dun": (0.03, (168, 140, 108), (140, 112, 84), (42, 35, 30), "dark"),
    "dapple grey": (0.08, (150, 150, 150), (96, 98, 102), (130, 130, 130), "grey"),
    "white": (0.06, (212, 208, 200), (190, 184, 174), (216, 210, 198), "self"),
    "cremello": (0.01, (226, 208, 178), (212, 190, 156), (232, 220, 196), "self"),
}
COATS: tuple[str, ...] = tuple(_PALETTES)
"""Names of the base coats."""


def linear(srgb: object) -> np.ndarray:
    """Return linear light of sRGB values in 0..255, with a plain 2.2 power."""
    return (np.clip(np.asarray(srgb, float), 0, 255) / 255.0) ** 2.2


def _vary(rng: np.random.Generator, rgb: tuple[float, ...], spread: float = 0.12) -> np.ndarray:
    return linear(np.array(rgb) * np.exp(rng.normal(0, spread)) * np.exp(rng.normal(0, spread / 3, 3)))


def random_colour(rng: np.random.Generator) -> np.ndarray:
    """Return a colour of cloth or paint, linear: often white, black, navy or brown, else anything."""
    choices = ((235, 235, 232), (28, 28, 30), (30, 38, 74), (92, 60, 36), (150, 26, 32), (160, 140, 110), (40, 70, 46))
    if rng.random() < 0.6:
        return _vary(rng, choices[rng.integers(len(choices))])
    rgb = rng.uniform(10, 240, 3)
    return linear(rgb.mean() + (rgb - rgb.mean()) * rng.uniform(0.1, 1.0))


def sample_coat(
    rng: np.random.Generator, *, has_tack: bool = False, has_pad: bool = False
) -> tuple[Float[np.ndarray, "fields 4"], dict[str, object]]:
    """Draw a coat.

    Args:
        rng: source of randomness.
        has_tack: wears a bridle and a girth.
        has_pad: wears a saddle pad.

    Returns:
        the shader's four-vectors in the order of ``COAT_FIELDS``, and what was drawn, for the record.
    """
    c = {name: np.zeros(4) for name in COAT_FIELDS}
    shares = np.array([p[0] for p in _PALETTES.values()])
    name = COATS[rng.choice(len(COATS), p=shares / shares.sum())]
    _, base, shade, hair, legs = _PALETTES[name]
    c["base"][:3] = _vary(rng, base, 0.15)
    c["base"][3] = rng.uniform(0, 0.45) if rng.random() < 0.6 else 0.0
    c["shade"][:3] = _vary(rng, shade, 0.15)
    c["shade"][3] = rng.uniform(0.2, 1.0)
    dark = _vary(rng, (28, 22, 20), 0.25)
    c["point"][:3] = dark if legs == "dark" else c["shade"][:3]
    c["point"][3] = {"dark": rng.uniform(0.75, 1.0), "self": rng.uniform(0.0, 0.5), "grey": rng.uniform(0.2, 1)}[legs]
    if legs == "grey":
        c["point"][:3] = _vary(rng, (58, 58, 62), 0.3)
    c["point_shape"][:] = (rng.uniform(0.4, 0.75), rng.uniform(0.45, 0.85), rng.uniform(0.06, 0.25), 0.0)
    c["point_shape"][3] = 1.0 if name == "dun" else 0.0
    hair_rgb = _vary(rng, hair, 0.2)
    if name == "dapple grey" and rng.random() < 0.6:
        hair_rgb = _vary(rng, (60, 60, 62) if rng.random() < 0.5 else (205, 203, 198))
    c["mane"][:] = (*hair_rgb, rng.uniform(0.2, 0.8))
    tail_rgb = hair_rgb if rng.random() < 0.75 else _vary(rng, (22, 20, 19))
    c["tail"][:] = (*tail_rgb, rng.uniform(0.2, 0.8))
    c["hoof"][:3] = _vary(rng, (52, 46, 42) if rng.random() < 0.65 else (150, 130, 105), 0.25)
    pink = rng.random() < 0.15 or name == "cremello"
    c["muzzle"][:] = (*_vary(rng, (196, 150, 138) if pink else (44, 38, 37), 0.2), rng.uniform(0.4, 1.0))
    c["white"][:] = (*_vary(rng, (228, 222, 212), 0.06), rng.uniform(0, 0.3))
    if rng.random() < 0.6:
        tall = rng.choice([0.2, 0.3, 0.5], 4, p=[0.5, 0.3, 0.2]) * rng.uniform(0.8, 1.2, 4)
        c["socks"][:] = np.where(rng.random(4) < 0.5, tall, -1.0)
    else:
        c["socks"][:] = -1.0
    if rng.random() < 0.6:
        kind = rng.integers(3)
        start, end = ((0.1, 0.95), (0.12, 0.35), (0.15, 1.1))[kind]
        c["blaze"][:] = ((0.016, 0.028, 0.05)[kind] * rng.uniform(0.6, 1.5), start, end, rng.uniform(0.2, 1))
    c["patch"][1] = 2.0
    if rng.random() < 0.13:
        c["patch"][:] = (rng.uniform(0.12, 0.4), rng.uniform(0.4, 0.6), rng.uniform(0.004, 0.03), rng.uniform(0, 1))
        if rng.random() < 0.7:
            c["socks"][:] = rng.uniform(0.3, 0.8, 4)
    if name == "dapple grey" or rng.random() < 0.08:
        c["dapple"][:] = (rng.uniform(1.6, 3.2), rng.uniform(0.2, 1), rng.uniform(0.2, 1), rng.uniform(0, 0.2))
    if name == "white" and rng.random() < 0.4:
        c["dapple"][3] = rng.uniform(0.2, 0.8)
    if rng.random() < 0.07:
        c["roan"][0] = rng.uniform(0.3, 0.8)
    c["roan"][1:] = (rng.uniform(6, 14), rng.uniform(0.05, 0.35), rng.uniform(0.05, 0.5))
    shiny = rng.random()
    if name in ("black", "dark bay", "bay", "liver chestnut"):
        shiny = shiny**0.6  # dark coats show their shine
    c["gloss"][:] = (0.6 * shiny**2, np.exp(rng.uniform(2.0, 4.2)), rng.uniform(0.1, 1.0), rng.uniform(0.1, 0.7))
    if rng.random() < 0.3:
        c["dirt"][:] = (*_vary(rng, (120, 100, 76), 0.3), rng.uniform(0.2, 0.9))
        c["dirt_shape"][:3] = (rng.uniform(0.1, 0.9), rng.uniform(0.5, 2.0), rng.uniform(0.45, 0.9))
    if rng.random() < 0.1:
        c["dirt_shape"][3] = rng.uniform(0.2, 1)  # wet
    is_texture = rng.random() < 0.08
    if is_texture:
        c["texture"][:] = (rng.integers(len(TEXTURES)), np.exp(rng.uniform(-0.5, 1.5)), rng.uniform(0.5, 1), 0)
    c["offset"][:3] = rng.uniform(0, 10, 3)
    if rng.random() < (0.4 if has_tack else 0.12):
        fore, hind = rng.random() < 0.85, rng.random() < 0.75
        c["boots"][:] = (fore, fore, hind, hind)
        c["boot"][:] = (*random_colour(rng), rng.uniform(0, 0.5))
        low = rng.uniform(0.17, 0.26)
        c["boot_shape"][:] = (low, rng.uniform(0.4, 0.47), low, rng.uniform(0.46, 0.56))
    if has_pad:
        c["pad"][:] = (*random_colour(rng), 1.0)
        c["pad_shape"][:] = (rng.uniform(-0.22, -0.1), rng.uniform(0.2, 0.34), rng.uniform(1.0, 1.25), 0.02)
    is_rug = rng.random() < (0.02 if has_tack else 0.05)
    if is_rug:
        c["rug"][:] = (*random_colour(rng), 1.0)
    leather = _vary(rng, (30, 24, 22) if rng.random() < 0.65 else (96, 56, 30), 0.2)
    c["strap"][:] = (*leather, 1.0 if has_pad else 0.0)
    if has_tack or rng.random() < 0.25:
        if rng.random() < 0.25:
            c["strap"][:3] = random_colour(rng)  # a nylon halter
        c["bridle"][:] = (1.0, 1.0, float(rng.random() < 0.7), rng.uniform(0.008, 0.016))
    record: dict[str, object] = {
        "coat": name,
        "pinto": c["patch"][1] < 1,
        "boots": bool(c["boots"].any()),
        "rug": is_rug,
    }
    record["random_texture"] = is_texture
    return np.stack([c[k] for k in COAT_FIELDS]), record
