"""Pictures with holes, painted once from a fixed seed: tufts, trees, foliage, clouds of dust."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kinequimation.synth.textures import fractal

if TYPE_CHECKING:
    from jaxtyping import UInt8

SIZE = 128
_FINE = 3
"""Cards are painted this much larger and averaged down."""
CARDS: tuple[str, ...] = (
    "tuft", "tuft tall", "tuft sparse", "tuft leaning", "weeds", "flowers", "reed", "straw",
    "oak", "ash", "lime", "poplar", "spruce", "pine", "bare", "bush", "shrub", "hedge", "branch", "fern",
    "puff", "puff thin", "splash", "clods", "shade",
)  # fmt: skip
"""Names of the layers of ``card_bank``."""

Brush = ImageDraw.ImageDraw


def _shade(value: float, tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> tuple[int, int, int, int]:
    """Return a colour around mid grey, which the shader multiplies with the card's own."""
    r, g, b = (int(np.clip(127 * value * t, 0, 255)) for t in tint)
    return r, g, b, 255


def _blades(brush: Brush, rng: np.random.Generator, n: int, tall: float, wide: float, lean: float, bend: float) -> None:
    """Paint curved blades that grow from the lower edge."""
    side = SIZE * _FINE
    for i in range(n):
        x = rng.normal(0.5, 0.17)
        height = tall * rng.uniform(0.35, 1.0) * (1 - 1.2 * abs(x - 0.5))
        tip = x + (x - 0.5) * bend + rng.normal(lean, 0.12)
        half = wide * rng.uniform(0.6, 1.3)
        t = np.linspace(0, 1, 6)
        centre = x + (tip - x) * t**1.8
        y = 1 - height * t * (1 - 0.12 * t * abs(tip - x) * 4)
        width = half * (1 - t**1.5)
        left, right = np.stack([centre - width, y], -1), np.stack([centre + width, y], -1)
        outline = np.concatenate([left, right[::-1]]) * side
        value = (0.55 + 0.65 * i / n) * rng.uniform(0.75, 1.25)
        warm = rng.uniform(-0.1, 0.2)
        brush.polygon([tuple(p) for p in outline], fill=_shade(value, (1 + warm, 1 + 0.4 * warm, 1 - warm)))


def _leaves(
    brush: Brush, rng: np.random.Generator, centre: np.ndarray, radius: np.ndarray, n: int, leaf: float, light: float
) -> None:
    """Paint a clump of leaves, the upper ones lighter."""
    side = SIZE * _FINE
    direction = rng.normal(0, 1, (n, 2))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    at = centre + direction * radius * rng.random((n, 1)) ** 0.5 * rng.choice(
        [0.8, 1.0, 1.35], (n, 1), p=[0.3, 0.5, 0.2]
    )
    order = np.argsort(rng.random(n) - 0.3 * (centre[1] - at[:, 1]) / radius[1])
    for x, y in at[order]:
        height = (centre[1] - y) / radius[1]
        value = light * (0.9 + 0.22 * height) * rng.uniform(0.72, 1.28)
        w, h = leaf * rng.uniform(0.6, 1.4, 2)
        warm = rng.normal(0, 0.06)
        box = ((x - w) * side, (y - h) * side, (x + w) * side, (y + h) * side)
        brush.ellipse(box, fill=_shade(value, (1 + warm, 1.0, 1 - warm)))


_BARK = (1.35, 1.0, 1.05)


def _limb(brush: Brush, a: np.ndarray, b: np.ndarray, width: float, value: float) -> None:
    side = SIZE * _FINE
    brush.line([tuple(a * side), tuple(b * side)], fill=_shade(value, _BARK), width=max(int(width * side), 1))


def _twigs(brush: Brush, rng: np.random.Generator, a: np.ndarray, angle: float, length: float, width: float) -> None:
    """Paint a branch and what grows from it."""
    b = a + length * np.array([np.sin(angle), -np.cos(angle)])
    _limb(brush, a, b, width, rng.uniform(0.5, 0.8))
    if length > 0.035:
        for _ in range(int(rng.integers(2, 4))):
            _twigs(brush, rng, a + (b - a) * rng.uniform(0.6, 1.0), angle + rng.normal(0, 0.5),
                   length * rng.uniform(0.6, 0.82), width * 0.6)  # fmt: skip


def _tree(brush: Brush, rng: np.random.Generator, name: str) -> None:
    lean = rng.normal(0, 0.02)
    foot, top = np.array([0.5, 1.0]), np.array([0.5 + lean, 0.35])
    if name == "bare":
        _limb(brush, foot, np.array([0.5 + lean, 0.7]), 0.035, 0.6)
        for angle in (-0.45, 0.0, 0.4):
            _twigs(brush, rng, np.array([0.5 + lean, 0.74]), angle + rng.normal(0, 0.1), 0.22, 0.02)
        return
    if name in ("spruce", "pine"):
        _limb(brush, foot, np.array([0.5, 0.05]), 0.022, 0.5)
        bottom = 0.95 if name == "spruce" else 0.6
        for y in np.linspace(bottom, 0.06, 26):
            reach = (0.3 if name == "spruce" else 0.24) * (y - 0.02) ** 0.8 * rng.uniform(0.7, 1.15)
            for sign in (-1, 1):
                _leaves(brush, rng, np.array([0.5 + sign * reach * 0.5, y + 0.02]), np.array([reach * 0.55, 0.025]),
                        26, 0.009, 0.8 - 0.2 * sign)  # fmt: skip
        return
    _limb(brush, foot, top, 0.03, 0.55)
    for _ in range(5):
        fork = foot + (top - foot) * rng.uniform(0.45, 0.95)
        _limb(brush, fork, fork + np.array([rng.normal(0, 0.14), -rng.uniform(0.1, 0.25)]), 0.014, 0.5)
    wide, low, high = {"poplar": (0.13, 0.88, 0.05), "lime": (0.3, 0.74, 0.08), "ash": (0.34, 0.68, 0.08)}.get(
        name, (0.4, 0.66, 0.12)
    )
    for _ in range(46):
        y = rng.uniform(high + 0.05, low)
        share = (y - high) / (low - high)
        x = 0.5 + lean + rng.normal(0, 0.5) * wide * np.sqrt(np.clip(4 * share * (1.15 - share), 0.05, 1))
        radius = rng.uniform(0.03, 0.085) * (1.0 if wide > 0.15 else 0.7)
        light = 0.8 + 0.4 * (1 - share) + 0.5 * (x - 0.5)
        centre = np.array([np.clip(x, 1.9 * radius, 1 - 1.9 * radius), np.clip(y, 1.5 * radius, 0.95 - radius)])
        _leaves(brush, rng, centre, np.array([radius * 1.35, radius]), 100, 0.009, light * rng.uniform(0.85, 1.1))


def _paint(name: str, rng: np.random.Generator) -> Image.Image:
    side = SIZE * _FINE
    image = Image.new("RGBA", (side, side))
    brush = ImageDraw.Draw(image)
    if name in ("tuft", "tuft tall", "tuft sparse", "tuft leaning", "weeds", "flowers", "reed"):
        n, tall, wide, lean, bend = {
            "tuft tall": (55, 0.98, 0.012, 0.0, 0.9), "tuft sparse": (20, 0.9, 0.011, 0.0, 1.2),
            "tuft leaning": (50, 0.85, 0.013, 0.18, 0.9), "reed": (26, 1.0, 0.009, 0.03, 0.4),
        }.get(name, (60, 0.8, 0.014, 0.0, 1.2))  # fmt: skip
        _blades(brush, rng, n, tall, wide, lean, bend)
        if name in ("weeds", "flowers"):
            for _ in range(14):
                x, y, r = rng.normal(0.5, 0.18), rng.uniform(0.1, 0.75), rng.uniform(0.012, 0.03)
                petal = (2.0, 1.8, 0.35) if name == "flowers" else (1.8, 1.7, 1.75)
                _limb(brush, np.array([x, y]), np.array([0.5 + 0.5 * (x - 0.5), 1.0]), 0.006, 0.8)
                brush.ellipse([(x - r) * side, (y - r) * side, (x + r) * side, (y + r) * side], fill=_shade(1.0, petal))
    elif name == "straw":
        for _ in range(70):
            a = np.array([rng.uniform(0.05, 0.95), rng.uniform(0.75, 1.0)])
            b = a + np.array([rng.normal(0, 0.22), -abs(rng.normal(0, 0.16))])
            brush.line([tuple(a * side), tuple(b * side)], fill=_shade(rng.uniform(0.6, 1.4)), width=int(0.011 * side))
    elif name in ("oak", "ash", "lime", "poplar", "spruce", "pine", "bare"):
        _tree(brush, rng, name)
    elif name in ("bush", "shrub", "fern"):
        for _ in range(16):
            x = np.clip(rng.normal(0.5, 0.17), 0.14, 0.86)
            y = rng.uniform(0.3 + 1.6 * abs(x - 0.5), 0.95)
            _leaves(brush, rng, np.array([x, y]), np.array([0.13, 0.11]), 110, 0.011 if name == "bush" else 0.018,
                    0.6 + 0.5 * (1 - y))  # fmt: skip
    elif name == "hedge":
        for _ in range(60):
            x, y = rng.random(), rng.uniform(0.13, 1.0)
            for shift in (-1, 0, 1):  # tiles from side to side
                _leaves(brush, np.random.default_rng(int(1e6 * x)), np.array([x + shift, y]), np.array([0.1, 0.09]),
                        110, 0.011, 0.55 + 0.5 * (1 - y))  # fmt: skip
    elif name == "branch":
        for x in np.linspace(0.08, 0.92, 16):
            a = np.array([x, 0.0])
            deep = rng.uniform(0.25, 0.9) * (1 - 1.6 * (x - 0.5) ** 2)
            b = a + np.array([rng.normal(0, 0.1), deep])
            _limb(brush, a, b, 0.008, 0.5)
            for t in np.linspace(0.0, 1.0, 10):
                spread = np.array([0.09, 0.06]) * (1.25 - 0.8 * t)
                _leaves(brush, rng, a + (b - a) * t, spread, 26, 0.014, rng.uniform(0.7, 1.05))
    elif name == "clods":
        for _ in range(60):
            x, y, r = rng.normal(0.5, 0.22), 1 - abs(rng.normal(0, 0.35)), rng.uniform(0.004, 0.02)
            brush.ellipse(
                [(x - r) * side, (y - r) * side, (x + r) * side, (y + r) * side], fill=_shade(rng.uniform(0.6, 1.2))
            )
    return image


def _cloud(name: str, rng: np.random.Generator) -> np.ndarray:
    """Return a soft cloud, its opacity full in the middle and nothing at the edges."""
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1.0) * 2 - 1
    noise = fractal(rng, (SIZE, SIZE), 1.5) + 0.4 * (fractal(rng, (SIZE, SIZE), 0.9) - 0.5)
    edge = 1 - np.sqrt(x**2 + y**2)
    if name == "puff":
        alpha = np.clip((edge * 1.7 + 1.3 * (noise - 0.5)) * 1.3, 0, 1) * np.clip(edge * 5, 0, 1)
    elif name == "puff thin":
        alpha = np.clip(edge * 1.5 + 2.2 * (noise - 0.62), 0, 1) * np.clip(edge * 4, 0, 1) * 0.8
    elif name == "shade":
        alpha = np.clip(edge * 1.3, 0, 1) ** 1.3
    else:
        drops = gaussian = fractal(rng, (SIZE, SIZE), 0.15)
        alpha = np.clip((drops - 0.78 + 0.25 * edge) * 9, 0, 1) * np.clip(edge * 4, 0, 1)
        alpha = np.maximum(alpha, 0.5 * np.clip(edge - 0.25 + 1.2 * (noise - 0.5), 0, 1) * (gaussian > 0))
    rgb = np.clip(0.5 + 0.35 * (fractal(rng, (SIZE, SIZE), 1.4) - 0.5) - 0.06 * y, 0, 1)
    return (np.dstack([rgb, rgb, rgb, alpha]) * 255).astype(np.uint8)


@lru_cache(maxsize=1)
def card_bank() -> UInt8[np.ndarray, "layers 128 128 4"]:
    """Return every picture of ``CARDS``, the same in every process; 127 is the card's own colour."""
    layers = []
    for i, name in enumerate(CARDS):
        rng = np.random.default_rng([17, i])
        if name in ("puff", "puff thin", "splash", "shade"):
            layers.append(_cloud(name, rng))
            continue
        image = _paint(name, rng)
        # colour runs on under the holes, or averaging would draw a dark rim round everything
        small = image.resize((SIZE, SIZE), Image.Resampling.BOX)
        rgba = np.asarray(small).astype(float)
        alpha = rgba[..., 3:] / 255
        spread = image.convert("RGBa").filter(ImageFilter.BoxBlur(_FINE * 4)).convert("RGBA").resize((SIZE, SIZE))
        behind = np.asarray(spread)[..., :3].astype(float)
        solid = alpha > 0.02
        rgb = np.where(solid, rgba[..., :3], np.where(np.asarray(spread)[..., 3:] > 0, behind, 110.0))
        layers.append(np.concatenate([rgb, rgba[..., 3:]], -1).astype(np.uint8))
    return np.stack(layers)


def card_layer(name: str) -> int:
    """Return the number of a card in the bank."""
    return CARDS.index(name)
