"""What the horse stands on: materials with their colours, relief, growth, depth and dust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.coat import linear
from kinequimation.synth.textures import texture_layer

if TYPE_CHECKING:
    from kinequimation.synth.shares import SceneShares

    Rows = dict[str, np.ndarray]

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Ground:
    """A material. All its figures are judgement.

    Attributes:
        share: how often it is met outdoors, relative to the others.
        colours: sRGB pairs, of the ground and of its patches.
        textures: reliefs it may have.
        tile_m: smallest and largest width of one tile of the relief.
        contrast: smallest and largest strength of the relief.
        patches: how different patches of it are, 0..1.
        grows: does grass stand on it?
        depth_m: how deep a hoof sinks, at most.
        dust: colour of what fast hooves throw up, and its opacity; none if the opacity is 0.
        wet: largest share of puddles.
    """

    share: float
    colours: tuple[tuple[RGB, RGB], ...]
    textures: tuple[str, ...]
    tile_m: tuple[float, float]
    contrast: tuple[float, float]
    patches: float = 0.5
    grows: bool = False
    depth_m: float = 0.0
    dust: float = 0.0
    wet: float = 0.0


GROUNDS: dict[str, Ground] = {
    "sand": Ground(
        0.16,
        (((206, 186, 152), (186, 163, 130)), ((188, 170, 140), (168, 148, 118)), ((214, 200, 172), (196, 180, 150))),
        ("prints", "prints", "sand"), (1.6, 3.2), (0.2, 0.6), 0.5, depth_m=0.03, dust=0.55, wet=0.3,
    ),
    "dark sand": Ground(
        0.1, (((140, 120, 98), (116, 100, 82)), ((124, 112, 96), (104, 94, 82))),
        ("prints", "raked", "earth"), (1.6, 3.2), (0.2, 0.6), 0.5, depth_m=0.03, dust=0.4, wet=0.4,
    ),
    "grey arena": Ground(
        0.08, (((156, 152, 144), (136, 132, 126)), ((128, 126, 124), (112, 110, 108))),
        ("prints", "sand", "raked"), (1.6, 3.2), (0.15, 0.5), 0.4, depth_m=0.03, dust=0.35,
    ),
    "raked sand": Ground(
        0.06, (((196, 176, 146), (176, 154, 124)), ((160, 140, 112), (140, 122, 98))),
        ("raked",), (2.0, 4.0), (0.25, 0.6), 0.4, depth_m=0.02, dust=0.5,
    ),
    "grass": Ground(
        0.22, (((94, 112, 62), (120, 126, 78)), ((80, 98, 56), (100, 112, 68)), ((114, 124, 80), (136, 134, 94))),
        ("turf",), (0.7, 1.6), (0.35, 0.8), 0.7, grows=True, wet=0.1,
    ),
    "meadow": Ground(
        0.08, (((98, 114, 66), (142, 138, 88)), ((88, 104, 58), (130, 124, 78))),
        ("turf", "leaves"), (0.8, 1.8), (0.5, 0.9), 0.9, grows=True,
    ),
    "dry grass": Ground(
        0.07, (((166, 150, 104), (140, 128, 84)), ((150, 138, 96), (120, 114, 70))),
        ("turf",), (0.7, 1.6), (0.35, 0.8), 0.8, grows=True, dust=0.3,
    ),
    "dirt": Ground(
        0.1, (((124, 102, 80), (102, 84, 66)), ((146, 118, 90), (122, 100, 76)), ((108, 92, 78), (92, 80, 64))),
        ("prints", "earth", "gravel"), (1.2, 3.0), (0.3, 0.8), 0.8, dust=0.5, wet=0.4,
    ),
    "mud": Ground(
        0.04, (((86, 70, 55), (68, 55, 44)), ((98, 82, 66), (76, 64, 52))),
        ("prints",), (1.2, 2.2), (0.5, 1.0), 0.7, depth_m=0.06, wet=1.0,
    ),
    "gravel": Ground(
        0.03, (((150, 144, 136), (132, 126, 118)), ((136, 126, 112), (120, 112, 100))),
        ("gravel",), (0.6, 1.2), (0.4, 0.9), 0.4, dust=0.2,
    ),
    "asphalt": Ground(
        0.03, (((118, 116, 114), (102, 101, 100)), ((94, 94, 96), (82, 82, 84))),
        ("plaster", "gravel"), (0.5, 2.5), (0.1, 0.4), 0.4, wet=0.6,
    ),
    "concrete": Ground(
        0.02, (((160, 156, 150), (142, 138, 132)), ((136, 130, 124), (118, 114, 108))),
        ("plaster", "cobbles"), (1.0, 3.0), (0.2, 0.6), 0.4, wet=0.6,
    ),
    "snow": Ground(
        0.04, (((228, 232, 238), (212, 219, 230)), ((236, 236, 236), (220, 222, 226))),
        ("drifts", "prints", "drifts"), (1.5, 4.0), (0.1, 0.35), 0.3, depth_m=0.14, dust=0.6,
    ),
    "straw": Ground(
        0.0, (((180, 158, 114), (160, 138, 96)), ((168, 150, 112), (148, 130, 92))),
        ("shavings",), (0.8, 1.6), (0.4, 0.9), 0.3, depth_m=0.07,
    ),
    "shavings": Ground(
        0.0, (((190, 164, 126), (170, 144, 108)), ((150, 120, 88), (130, 104, 76))),
        ("shavings",), (0.5, 1.0), (0.3, 0.8), 0.4, depth_m=0.05, dust=0.2,
    ),
}  # fmt: skip
"""Materials by name."""
ARENA_GROUNDS = ("sand", "dark sand", "grey arena", "raked sand", "shavings")
_STABLE_GROUNDS = ("straw", "shavings", "concrete", "dirt", "asphalt")
_YARD_GROUNDS = ("gravel", "asphalt", "concrete", "dirt", "mud", "grass")


def tint(rng: np.random.Generator, rgb: object, spread: float = 0.12) -> np.ndarray:
    """Return a linear colour near an sRGB one."""
    return linear(np.asarray(rgb, float) * np.exp(rng.normal(0, spread)) * np.exp(rng.normal(0, spread / 3, 3)))


def sample_ground(
    rng: np.random.Generator, rows: Rows, place: str, shares: SceneShares, record: dict[str, object]
) -> Ground:
    """Draw the ground's material, colours and relief into ``rows``, the light being in it already.

    Returns:
        the material.
    """
    if place in ("arena", "indoor") and rng.random() < 0.85:
        names = ARENA_GROUNDS
    elif place == "stable":
        names = _STABLE_GROUNDS
    elif place == "yard":
        names = _YARD_GROUNDS
    else:
        names = tuple(name for name, ground in GROUNDS.items() if ground.share)
        if place == "indoor":
            names = ARENA_GROUNDS
    names = tuple(n for n in names if n in shares.grounds) or shares.grounds or names
    weights = np.array([GROUNDS[n].share + 0.02 for n in names])
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    ground = GROUNDS[name]
    a, b = ground.colours[rng.integers(len(ground.colours))]
    layer = texture_layer(ground.textures[rng.integers(len(ground.textures))])
    common = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.035, 3))
    soil_a = linear(np.array(a) * common)
    # patches: towards the second colour, the more the more the material varies
    soil_b = soil_a + (linear(np.array(b) * common) - soil_a) * rng.uniform(0.2, 1.4) * (0.4 + ground.patches)
    contrast = rng.uniform(*ground.contrast)
    tile = np.exp(rng.uniform(*np.log(ground.tile_m)))
    rows["soil_a"] = np.array([*soil_a, layer])
    rows["soil_b"] = np.array([*np.maximum(soil_b, 0.002), 1 / tile])
    rows["soil_mix"] = np.array([
        rng.uniform(0.2, 0.8) * ground.patches * 0.6, np.exp(rng.uniform(-3.6, -1.2)), rng.uniform(0.4, 0.6), contrast
    ])  # fmt: skip
    if ground.wet and rng.random() < (0.8 if name == "mud" else 0.15):
        rows["reach"][3] = ground.wet * rng.uniform(0.3, 1.0)
    if place == "road" or (place in ("field", "yard") and rng.random() < shares.path):
        turn = rng.uniform(0, np.pi)
        half = rng.uniform(1.2, 4.0)
        verge = GROUNDS["grass"] if rng.random() < 0.7 else GROUNDS["dirt"]
        rows["path"] = np.array([np.cos(turn), np.sin(turn), rng.uniform(-0.6, 0.6) * half, half])
        layer = texture_layer(verge.textures[0])
        rows["verge"] = np.array([*tint(rng, verge.colours[rng.integers(len(verge.colours))][0]), layer])
    bounce = soil_a * (rows["sky_rgb"][:3] * 0.5 + rows["sun_rgb"][:3] * 0.35 * max(rows["sun"][2], 0.1))
    if rows["reach"][1] > 0:  # of a flash the ground throws back little
        bounce = soil_a * (rows["sky_rgb"][:3] * 0.5 + rows["sun_rgb"][:3] * 0.08)
    rows["ground_rgb"] = np.array([*bounce, rows["ground_rgb"][3]])
    # the camera's meter sees the ground too: on snow it stops down, though not by all of it
    bright = float(soil_a @ [0.2126, 0.7152, 0.0722])
    rows["sun_rgb"][3] *= (0.2 / (0.6 * bright + 0.08)) ** 0.6
    record["ground"] = name
    return ground


def sink(rng: np.random.Generator, rows: Rows, ground: Ground, height_m: float, record: dict[str, object]) -> float:
    """Let hooves sink into soft ground: raise its surface.

    Args:
        rng: source of randomness.
        rows: the shader's rows.
        ground: the material.
        height_m: the horse's withers height; small horses sink less.
        record: where to note what was drawn.

    Returns:
        how deep, metres.
    """
    depth = float(ground.depth_m * rng.uniform(0.2, 1.0) * min(height_m / 1.5, 1.1))
    rows["reach"][2] = depth
    record["sink_m"] = depth
    return depth


def contact_shadows(
    rng: np.random.Generator, hooves_xyz: np.ndarray, height_m: float, surface_m: float = 0.0
) -> np.ndarray:
    """Return soft dark spots under the hooves that are near the ground, and under the trunk.

    Args:
        rng: source of randomness.
        hooves_xyz: [4, 3] toes in the world; [0, 3] where there are none.
        height_m: the horse's withers height.
        surface_m: height of the ground's surface.

    Returns:
        [5, 4] x, y, 1/radius², strength.
    """
    contact = np.zeros((5, 4))
    contact[:, 2] = 1.0
    if not len(hooves_xyz):
        return contact
    contact[:4, :2] = hooves_xyz[:, :2]
    contact[:4, 2] = 1 / (rng.uniform(0.06, 0.12) * height_m) ** 2
    contact[:4, 3] = rng.uniform(0.55, 0.95) * np.exp(-np.maximum(hooves_xyz[:, 2] - surface_m - 0.02, 0) * 12)
    contact[4, :2] = hooves_xyz[:, :2].mean(0)
    contact[4, 2:] = (1 / (0.5 * height_m) ** 2, rng.uniform(0.15, 0.4))
    return contact
