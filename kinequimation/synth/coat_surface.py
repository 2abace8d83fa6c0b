"""What lies on a coat whatever its colour: shine, relief, winter hair, sweat, dirt and dust."""

from __future__ import annotations

import numpy as np

from kinequimation.synth.coat_fields import Coat, vary
from kinequimation.synth.textures import TEXTURES


def add_finish(rng: np.random.Generator, c: Coat, *, is_winter: bool, is_polished: bool) -> dict[str, object]:
    """Draw how the coat takes the light.

    Specular 0–0.5 and roughness 0.35–0.95 (sources, B6); the highlight's exponent is 2/roughness⁴ − 2. Dark coats show
    their shine.

    Args:
        rng: source of randomness.
        c: the coat, changed.
        is_winter: long and matte.
        is_polished: groomed, short and tight over the muscles.
    """
    darkness = 1.0 - float(np.clip(c["base"][:3].mean() / 0.15, 0, 1))
    roughness = rng.uniform(0.35, 0.55) if is_polished else rng.uniform(0.5, 0.95)
    specular = 0.5 * rng.random() ** (2.0 - darkness) * (1.0 if is_polished else 0.6)
    if is_winter:
        roughness, specular = rng.uniform(0.8, 0.95), 0.05 * rng.random()
        c["fuzz"][:3] = (rng.uniform(0.3, 0.8), rng.uniform(0.15, 0.5), rng.uniform(0.3, 0.9))
    c["gloss"][0] = specular
    c["gloss"][1] = float(np.clip(2 / roughness**4 - 2, 2.0, 130.0))
    rough = 0.3 if is_polished else 1.0  # a groomed coat lies flat
    c["gloss"][2:] = (rng.uniform(0.1, 1.0), rough * rng.uniform(0.05, 0.4))
    c["grain"][:] = (rng.uniform(0.3, 1.0), rough * rng.uniform(0.1, 0.6), rng.uniform(0.1, 1.0), 0.0)
    if is_polished and rng.random() < 0.5:
        c["grain"][3] = rng.uniform(0.3, 1.0)
    return {"specular": specular, "roughness": roughness, "winter": is_winter}


def add_sweat(rng: np.random.Generator, c: Coat) -> None:
    """Darken neck, girth, flank and the inside of the thighs; some lather."""
    c["wet"][:] = (rng.uniform(0.4, 1.0), 0.0, rng.uniform(0.5, 0.9), rng.uniform(0, 0.8) if rng.random() < 0.3 else 0)


def add_rain(rng: np.random.Generator, c: Coat) -> None:
    """Wet the horse all over."""
    c["wet"][1:3] = (rng.uniform(0.4, 1.0), rng.uniform(0.5, 0.9))


def add_dirt(rng: np.random.Generator, c: Coat) -> None:
    """Spread mud over legs and belly, in patches where the horse lay, and splash it."""
    mud = ((112, 92, 70), (74, 58, 44), (136, 112, 86), (128, 80, 54))[rng.integers(4)]
    c["dirt"][:] = (*vary(rng, mud, 0.2), rng.uniform(0.4, 0.95))
    lain = rng.uniform(0.5, 0.75) if rng.random() < 0.35 else 2.0
    c["dirt_shape"][:] = (rng.uniform(0.12, 0.75), rng.uniform(0.5, 1.6), lain, rng.uniform(0, 1))


def add_dust(rng: np.random.Generator, c: Coat) -> None:
    """Lay dust on the upper sides."""
    c["dust"][:] = (*vary(rng, (176, 156, 128), 0.15), rng.uniform(0.05, 0.3))


def add_texture(rng: np.random.Generator, c: Coat, among: tuple[str, ...] = TEXTURES) -> str:
    """Print a picture of the texture bank, one of ``among``, on the horse (sources, B6). Returns its name."""
    layer = TEXTURES.index(among[rng.integers(len(among))])
    c["texture"][:3] = (layer, np.exp(rng.uniform(-0.5, 1.5)), rng.uniform(0.5, 1))
    return TEXTURES[layer]
