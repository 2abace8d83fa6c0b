"""White patterns, roan, spots and stripes: what covers a base colour.

A pattern is a threshold on noise plus what parts of the body add to it; the numbers are judgement, looked at. Where
white lies is what tells the patterns apart: tobiano crosses the back and leaves the head, frame overo stays on the
sides, splash and sabino rise from below.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kinequimation.synth.coat_colours import BASE_COLOURS, add_dapples
from kinequimation.synth.coat_fields import Coat, vary
from kinequimation.synth.coat_markings import add_face, bald_face, set_socks


def tobiano(rng: np.random.Generator, c: Coat) -> None:
    """White crosses the back in broad, smooth-edged patches; white legs, a coloured head."""
    c["pattern_scale"][:] = (rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.55), rng.uniform(0.12, 0.3), 0.012)
    c["pattern_noise"][:] = (1.0, 0.12, 0.0, rng.uniform(-0.02, 0.10))
    c["pattern_where"][:] = (0.07, -0.02, 0.55, -1.2)
    c["pattern_side"][:] = (rng.uniform(-0.1, 0.15), rng.uniform(-0.15, 0.12), -0.02, rng.uniform(0.4, 1.0))
    set_socks(rng, c, rng.uniform(0.42, 0.8, 4))
    if rng.random() < 0.4:
        add_face(rng, c)


def overo(rng: np.random.Generator, c: Coat) -> None:
    """Frame overo: jagged white along the sides of trunk and neck that does not cross the back; bald face."""
    c["pattern_scale"][:] = (rng.uniform(0.4, 0.7), rng.uniform(0.28, 0.45), rng.uniform(0.4, 0.6), 0.01)
    c["pattern_noise"][:] = (0.8, 0.3, 0.22, rng.uniform(0.05, 0.15))
    c["pattern_where"][:] = (-1.0, -0.1, -0.6, -0.6)
    c["pattern_side"][:] = (-0.14, rng.uniform(0.0, 0.15), 0.2, 0.0)
    bald_face(rng, c)
    if rng.random() < 0.5:
        _blue_eyes(rng, c)


def sabino(rng: np.random.Generator, c: Coat) -> None:
    """Ragged, roaned white: high stockings that run up the stifle, patches on the belly, a broad blaze."""
    c["pattern_scale"][:] = (0.6, 0.5, 0.7, rng.uniform(0.04, 0.09))
    c["pattern_noise"][:] = (0.6, 0.5, 0.5, rng.uniform(0.36, 0.48))
    c["pattern_where"][:] = (-0.4, rng.uniform(0.25, 0.45), 0.22, -0.5)
    set_socks(rng, c, rng.uniform(0.45, 0.95, 4), ragged=2.2)
    add_face(rng, c, "bald" if rng.random() < 0.3 else "blaze")
    c["blaze"][3] = 1.0
    c["pink"][3] = rng.uniform(0.5, 1)


def splash(rng: np.random.Generator, c: Coat) -> None:
    """As if dipped in white paint: legs, belly and face, with crisp edges; blue eyes."""
    c["pattern_scale"][:] = (0.3, 0.35, 0.3, 0.01)
    c["pattern_noise"][:] = (0.5, 0.1, 0.0, rng.uniform(0.25, 0.4))
    c["pattern_where"][:] = (-0.4, rng.uniform(0.3, 0.5), 0.6, -0.5)
    set_socks(rng, c, rng.uniform(0.7, 0.95, 4))
    bald_face(rng, c)
    _blue_eyes(rng, c)


def _blue_eyes(rng: np.random.Generator, c: Coat) -> None:
    c["eye"][:] = (*vary(rng, (128, 158, 182), 0.1), rng.uniform(0.2, 0.8))


def _appaloosa(rng: np.random.Generator, c: Coat) -> None:
    """What all of them share: striped hooves, mottled skin, white around the eye, thin tail colour."""
    c["hoof"][3] = rng.uniform(0.6, 1.0)
    c["eye"][3] = rng.uniform(0.5, 1.0)
    c["pink"][3] = 0.5
    c["cells"][:2] = (rng.uniform(7.0, 11.0), rng.uniform(0.20, 0.30))
    c["cells"][2] = 0.0


def blanket(rng: np.random.Generator, c: Coat) -> None:
    """Appaloosa: white over croup and loin, with spots of the base colour."""
    _appaloosa(rng, c)
    c["pattern_scale"][:] = (0.5, 0.4, 0.5, rng.uniform(0.03, 0.1))
    c["pattern_noise"][:] = (0.5, 0.35, 0.3, rng.uniform(0.42, 0.62))
    c["pattern_where"][:] = (0.15, -0.4, -1.0, -1.0)
    c["pattern_side"][:3] = (0.85, -0.6, 0.0)
    c["cells"][3] = 1.0 if rng.random() < 0.85 else 0.0


def leopard(rng: np.random.Generator, c: Coat) -> None:
    """Appaloosa or Knabstrupper: white all over, with spots."""
    _appaloosa(rng, c)
    c["pattern_scale"][:] = (0.5, 0.5, 0.5, 0.05)
    c["pattern_noise"][:] = (0.1, 0.05, 0.0, -1.0)
    c["pattern_where"][:] = (0.0, 0.0, rng.uniform(-0.9, 0.0), rng.uniform(-0.7, 0.0))
    c["pattern_side"][3] = rng.uniform(0.2, 1.0)
    c["cells"][3] = 1.0


def snowflake(rng: np.random.Generator, c: Coat) -> None:
    """Appaloosa: white flakes on a coloured body."""
    _appaloosa(rng, c)
    c["fleck"][:] = (*c["white"][:3], rng.uniform(0.75, 1.0))
    c["fleck_shape"][:3] = (rng.uniform(13, 20), rng.uniform(0.18, 0.28), rng.uniform(0.4, 0.8))
    c["roan"][0] = rng.uniform(0.0, 0.25)


def varnish_roan(rng: np.random.Generator, c: Coat) -> None:
    """Appaloosa: white hairs over back, croup and face, dark legs and bony points."""
    _appaloosa(rng, c)
    c["roan"][0], c["roan_where"][:3] = rng.uniform(0.6, 0.9), (0.55, 0.0, 0.5)
    c["roan"][3] = 0.5


def roan(rng: np.random.Generator, c: Coat) -> None:
    """White hairs evenly over the body; head, legs, mane and tail keep the base colour."""
    c["roan"][0] = rng.uniform(0.35, 0.6)
    c["roan_where"][:] = (rng.uniform(0.0, 0.15), 0.0, 0.0, 0.0)


def brindle(rng: np.random.Generator, c: Coat) -> None:
    """Upright dark stripes on trunk and neck, bands on the legs: as good as a zebra's, in a horse's colours."""
    c["brindle"][:] = (rng.uniform(28, 60), rng.uniform(0.6, 1.0), rng.uniform(0.1, 0.6), rng.uniform(0.0, 0.8))


def bloom(rng: np.random.Generator, c: Coat) -> None:
    """Faint dapples of a horse in good condition, on any colour."""
    add_dapples(rng, c, rng.uniform(0.25, 0.7))
    c["dapple"][:] = (0.74, 0.7, 0.66, 1.25)


def silver_dapples(rng: np.random.Generator, c: Coat) -> None:
    """Dapples of a chocolate body."""
    add_dapples(rng, c, rng.uniform(0.5, 0.9))
    c["dapple"][:] = (0.66, 0.62, 0.6, 1.75)


def grey_dapples(rng: np.random.Generator, c: Coat) -> None:
    """Dapples just showing on a young grey."""
    add_dapples(rng, c, rng.uniform(0.4, 0.8))
    c["dapple"][:] = (0.6, 0.6, 0.62, 1.8)


PATTERNS: dict[str, Callable[[np.random.Generator, Coat], None]] = {
    "tobiano": tobiano,
    "overo": overo,
    "sabino": sabino,
    "splash": splash,
    "appaloosa blanket": blanket,
    "leopard": leopard,
    "snowflake": snowflake,
    "varnish roan": varnish_roan,
    "roan": roan,
    "brindle": brindle,
}
"""Every pattern by name."""

PATTERN_SHARES: dict[str, float] = {
    "tobiano": 0.06, "overo": 0.03, "sabino": 0.035, "splash": 0.015, "appaloosa blanket": 0.02, "leopard": 0.02,
    "snowflake": 0.007, "varnish roan": 0.007, "roan": 0.05, "brindle": 0.03,
}  # fmt: skip
"""How often each is drawn: the stripes as in sources, B6 ("zebra-ish"), the others judgement."""


def usual_dapples(rng: np.random.Generator, c: Coat, name: str, share: float) -> bool:
    """Draw the dapples that go with a base colour, or now and then the bloom of good condition.

    Returns:
        has it dapples?
    """
    usual = BASE_COLOURS[name].dapple
    if name == "dapple grey":
        return True
    if rng.random() >= max(share, usual):
        return False
    if name == "silver dapple":
        silver_dapples(rng, c)
    elif "grey" in name:
        grey_dapples(rng, c)
    else:
        bloom(rng, c)
    return True
