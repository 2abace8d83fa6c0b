"""What the horse's shader reads: the names of a coat's four-vectors, and colours as linear light."""

from __future__ import annotations

import numpy as np

Coat = dict[str, np.ndarray]
"""A coat while it is drawn: every name of ``COAT_FIELDS`` with its four numbers."""

COAT_FIELDS: tuple[str, ...] = (
    # colour
    "base",  # rgb of the body; share of the shade that noise mixes in
    "shade",  # rgb of the second body colour; how far the topline takes it (sooty, counter-shaded)
    "pale",  # rgb of the mealy parts; strength of the pale inside of the upper legs
    "pale_where",  # strength on the belly, the muzzle, the flanks, around the eyes
    "point",  # rgb of the legs of a bay; strength on the legs
    "point_shape",  # height on the fore and hind legs, softness, strength on ear tips and face
    "primitive",  # a dun's marks: dorsal stripe, bars on the legs, shadow on the shoulder, half width of the stripe
    "skin",  # rgb of dark skin on the muzzle, round the eyes, in the ears; strength on the muzzle
    "pink",  # rgb of unpigmented skin; strength on the muzzle where the coat above it is white
    "eye",  # rgb of the iris; share of visible white around it
    # hair and horn
    "mane",  # rgb; strand contrast
    "tail",  # rgb; strand contrast
    "second_hair",  # rgb of the other locks; share of the locks that have it
    "hair_shape",  # lighter tips, darker roots, band of light across the locks, raggedness of the ends
    "hoof",  # rgb of dark horn; contrast of the stripes
    "pale_hoof",  # rgb of the horn below white; growth rings
    # white
    "white",  # rgb of white hair; how much skin shows through
    "socks",  # height of the white on LF, RF, LH, RH; below 0 there is none
    "sock_shape",  # raggedness of the edge, softness, unused, unused
    "blaze",  # half width, start and end along the head from poll (0) to nose (1), waviness
    "star",  # place along the head, half length, half width; half width of the snip between the nostrils
    "pattern_scale",  # frequency of the pattern's noise across, along and up the body; softness of the edge
    "pattern_noise",  # weight of the pattern's noise, of middle noise, of fine noise; threshold (above 4: no pattern)
    "pattern_where",  # what is added to the noise on the topline, the belly, the legs, the head
    "pattern_side",  # added on the croup, on the neck, on the side of the trunk; share of white in mane and tail
    # spots and mixtures
    "cells",  # frequency, radius, dapples, dark spots within white
    "dapple",  # factor of the rgb of the net between dapples; factor of their centres
    "fleck",  # rgb of flea bites or snowflakes; strength
    "fleck_shape",  # frequency, radius, share of the cells that have one, unused
    "roan",  # strength of the white hairs, frequency of the fine noise, its strength, strength of broad noise
    "roan_where",  # share of the white hairs that head, legs, croup and mane get
    "brindle",  # frequency of the stripes, strength, waviness, height below which legs are banded
    # surface
    "gloss",  # strength of the highlight, exponent, sheen of the sky, bump
    "grain",  # anisotropy along the hair, streaks, relief of muscles, veins
    "fuzz",  # winter coat: bump, light rim, raggedness of the outline, unused
    "wet",  # sweat on neck, girth and flank; wet all over; darkening; foam
    "dirt",  # rgb; strength
    "dirt_shape",  # height it reaches up the legs, frequency, threshold on the body, splashes
    "dust",  # rgb; strength
    "texture",  # layer, scale, share, unused
    "offset",  # shift of all noise
)
"""Names of the coat's four-vectors, in the order in which the shader has them."""

RGB = tuple[float, float, float]
"""A colour as people write it: sRGB, 0 to 255."""


def linear(srgb: object) -> np.ndarray:
    """Return linear light of sRGB values in 0..255, with a plain 2.2 power."""
    return (np.clip(np.asarray(srgb, float), 0, 255) / 255.0) ** 2.2


def vary(rng: np.random.Generator, rgb: RGB, spread: float = 0.12) -> np.ndarray:
    """Return a colour near ``rgb`` as linear light: brightness varies by ``spread``, warmth by a third of it."""
    warmth = rng.normal(0, spread / 3) * np.array((0.6, 0.0, -1.0))
    return linear(np.array(rgb) * np.exp(rng.normal(0, spread) + warmth))


def random_colour(rng: np.random.Generator) -> np.ndarray:
    """Return a colour of cloth or paint, linear: often white, black, navy or brown, else anything."""
    choices = ((235, 235, 232), (28, 28, 30), (30, 38, 74), (92, 60, 36), (150, 26, 32), (160, 140, 110), (40, 70, 46))
    if rng.random() < 0.6:
        return vary(rng, choices[rng.integers(len(choices))])
    rgb = rng.uniform(10, 240, 3)
    return linear(rgb.mean() + (rgb - rgb.mean()) * rng.uniform(0.1, 1.0))


def no_coat() -> Coat:
    """Return a coat of zeros, without a white pattern."""
    c = {name: np.zeros(4) for name in COAT_FIELDS}
    c["socks"][:] = -1.0
    c["pattern_noise"][3] = 9.0
    c["star"][1:] = (0.01, -1.0, -1.0)
    c["blaze"][0] = -1.0
    return c
