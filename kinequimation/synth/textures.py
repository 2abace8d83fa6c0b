"""Tileable textures made from a fixed seed: the noise and the patterns that every scene is painted with."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from jaxtyping import UInt8

SIZE = 256
TEXTURES: tuple[str, ...] = (
    "cloud", "soil", "sand", "gravel", "grass", "leaves", "planks", "bricks", "panels", "crowd", "letters", "blobs",
    "stripes", "checks", "cells", "scratches", "hoofprints", "ripples", "plaster", "foliage",
    "turf", "prints", "raked", "cobbles", "shavings", "drifts", "boards", "waves", "metal", "earth",
)  # fmt: skip
"""Names of the layers of ``texture_bank``."""
_SEEN_FAR = (
    "earth", "sand", "gravel", "plaster", "turf", "prints", "raked", "cobbles", "shavings", "drifts", "grass", "leaves",
    "hoofprints", "waves",
)  # fmt: skip


def fractal(rng: np.random.Generator, shape: tuple[int, ...], exponent: float, cutoff: float = 0.0) -> np.ndarray:
    """Return tileable noise with a power-law amplitude spectrum, scaled to 0.5 ± 0.2 standard deviations.

    Args:
        rng: source of randomness.
        shape: size of the array.
        exponent: amplitude falls as frequency to the power −exponent.
        cutoff: frequencies below this one (cycles over the array) are removed.
    """
    frequency = np.sqrt(sum(f**2 for f in np.meshgrid(*[np.fft.fftfreq(n, 1 / n) for n in shape], indexing="ij")))
    amplitude = np.maximum(frequency, 1.0) ** -exponent * (frequency > cutoff)
    field = np.fft.ifftn(np.fft.fftn(rng.standard_normal(shape)) * amplitude).real
    return np.clip(0.5 + 0.2 * (field - field.mean()) / field.std(), 0, 1)


@lru_cache(maxsize=1)
def noise_volume() -> UInt8[np.ndarray, "32 32 32 4"]:
    """Return four channels of tileable 3D noise."""
    rng = np.random.default_rng(7)
    channels = [fractal(rng, (32, 32, 32), e, 0.5) for e in (1.6, 1.6, 1.6, 0.8)]
    return (np.stack(channels, -1) * 255).astype(np.uint8)


def _cells(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for every pixel, its Voronoi cell, the distance to its seed, and that to the next seed."""
    seeds = rng.random((n, 2)) * SIZE
    tree = KDTree(seeds, boxsize=SIZE)
    y, x = np.mgrid[:SIZE, :SIZE]
    distance, cell = tree.query(np.stack([y, x], -1).reshape(-1, 2), k=2)
    d = np.asarray(distance).reshape(SIZE, SIZE, 2) / np.sqrt(SIZE * SIZE / n)
    return np.asarray(cell).reshape(SIZE, SIZE, 2)[..., 0], d[..., 0], d[..., 1]


def _blur(image: np.ndarray, sigma: float | tuple[float, float]) -> np.ndarray:
    return gaussian_filter(image, sigma, mode="wrap")


def _rectangles(rng: np.random.Generator, n: int, low: float, high: float) -> np.ndarray:
    """Paint coloured rectangles over each other."""
    image = np.ones((SIZE, SIZE, 3)) * rng.random(3)
    for _ in range(n):
        w, h = np.exp(rng.uniform(np.log(low), np.log(high), 2)).astype(int)
        x, y = rng.integers(0, SIZE - 4, 2)
        image[y : y + h, x : x + w] = rng.random(3)
    return image


def _make(name: str, rng: np.random.Generator) -> np.ndarray:
    """Return one texture, [256, 256] or [256, 256, 3], 0..1, its mean near a half."""
    shape = (SIZE, SIZE)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    if name == "cloud":
        return np.clip((fractal(rng, shape, 1.7) - 0.45) * 3, 0, 1)
    if name == "soil":
        return fractal(rng, shape, 0.9)
    if name == "sand":
        return 0.5 + 0.35 * (fractal(rng, shape, 0.35, 8) - 0.5) + 0.7 * (fractal(rng, shape, 1.5) - 0.5)
    if name == "gravel":
        cell, near, far = _cells(rng, 1500)
        return np.clip(rng.random(1500)[cell] * 0.6 + 0.4 * (far - near), 0, 1)
    if name == "grass":
        blades = _blur(rng.standard_normal(shape), (5, 0.7)) * 5 + _blur(rng.standard_normal(shape), (2, 0.7)) * 2
        return np.clip(0.5 + 0.13 * blades + 0.6 * (fractal(rng, shape, 1.2) - 0.5), 0, 1)
    if name in ("leaves", "foliage"):
        n = 900 if name == "leaves" else 250
        cell, near, _ = _cells(rng, n)
        return np.clip(rng.random(n)[cell] - 0.5 * near + 0.7 * fractal(rng, shape, 1.3) - 0.2, 0, 1)
    if name == "planks":
        plank = rng.random(16)[(x * 16).astype(int)]
        gap = np.abs((x * 16) % 1 - 0.5) > 0.45
        return np.clip(0.3 + 0.4 * plank + 0.5 * (_blur(rng.random(shape), (12, 0.7)) - 0.5) * 3 - 0.4 * gap, 0, 1)
    if name == "bricks":
        row = (y * 24).astype(int)
        column = ((x * 12 + 0.5 * (row % 2)) % 12).astype(int)
        mortar = (np.abs((y * 24) % 1 - 0.5) > 0.4) | (np.abs((x * 12 + 0.5 * (row % 2)) % 1 - 0.5) > 0.45)
        return np.where(mortar, 0.75, 0.25 + 0.4 * rng.random((24, 12))[row, column])
    if name == "panels":
        image = _rectangles(rng, 60, 20, 120)
        return image + 0.1 * (fractal(rng, shape, 0.8)[..., None] - 0.5)
    if name == "crowd":
        n = 700
        cell, near, _ = _cells(rng, n)
        colours = rng.random((n, 3)) * rng.random((n, 1))
        return np.clip(colours[cell] * (1.2 - near[..., None]) + 0.1, 0, 1)
    if name == "letters":
        ink = np.zeros(shape)
        for row in range(4):
            left = int(rng.integers(0, 20))
            while left < SIZE - 12:
                if rng.random() < 0.8:
                    for _ in range(3):
                        a, b = rng.integers(0, 12, 2), rng.integers(8, 40, 2)
                        top = row * 64 + 10 + int(rng.integers(0, 30))
                        if rng.random() < 0.5:
                            ink[row * 64 + 10 : row * 64 + 10 + b[0], left + a[0] : left + a[0] + 5] = 1
                        else:
                            ink[top : top + 5, left : left + 16] = 1
                left += 22
        return ink
    if name == "blobs":
        return np.stack([np.clip((fractal(rng, shape, 2.0) - 0.5) * 6 + 0.5, 0, 1) for _ in range(3)], -1)
    if name == "stripes":
        return np.stack([(np.sin(2 * np.pi * 9 * x + p) > 0) * 1.0 for p in rng.random(3) * 3], -1)
    if name == "checks":
        return (((x * 12).astype(int) + (y * 12).astype(int)) % 2) * 0.7 + 0.15
    if name == "cells":
        cell, _, _ = _cells(rng, 90)
        return rng.random((90, 3))[cell]
    if name == "scratches":
        return np.clip(0.5 + _blur(rng.standard_normal(shape), (0.6, 14)) * 3, 0, 1)
    if name == "hoofprints":
        _, near, far = _cells(rng, 220)
        return np.clip(0.35 + 0.6 * np.minimum(near, 0.5) + 0.4 * (fractal(rng, shape, 1.0) - 0.5), 0, 1)
    if name == "ripples":
        return 0.5 + 0.25 * np.sin(2 * np.pi * (14 * y + 2.5 * fractal(rng, shape, 1.6))) * fractal(rng, shape, 1.2)
    if name in ("turf", "prints", "raked", "cobbles", "shavings", "drifts", "boards", "waves", "metal", "earth"):
        return _make_surface(name, rng)
    return 0.5 + 0.3 * (fractal(rng, shape, 1.2) - 0.5) + 0.15 * (fractal(rng, shape, 0.4) - 0.5)  # plaster


def _strokes(rng: np.random.Generator, n: int, length: float, width: float) -> np.ndarray:
    """Return an image of short straight strokes in all directions, the later over the earlier."""
    image = Image.fromarray(np.full((SIZE, SIZE), 110, np.uint8))
    brush = ImageDraw.Draw(image)
    at, angle = rng.random((n, 2)) * SIZE, rng.uniform(0, 2 * np.pi, n)
    for (x, y), a, grey in zip(at, angle, rng.integers(20, 235, n), strict=True):
        half = 0.5 * length * rng.uniform(0.5, 1.5) * np.array([np.cos(a), np.sin(a)])
        for dx in (-SIZE, 0, SIZE):
            for dy in (-SIZE, 0, SIZE):
                if -20 < x + dx < SIZE + 20 and -20 < y + dy < SIZE + 20:
                    ends = [x + dx - half[0], y + dy - half[1], x + dx + half[0], y + dy + half[1]]
                    brush.line(ends, fill=int(grey), width=int(width))
    return np.asarray(image) / 255.0


def _dents(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return the relief of hoofprints: a dent with a raised rim, open towards the heel."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    height = np.zeros((SIZE, SIZE))
    for _ in range(n):
        cx, cy, a, r = *rng.random(2) * SIZE, rng.uniform(0, 2 * np.pi), rng.uniform(4, 8.5)
        dx, dy = (x - cx + SIZE / 2) % SIZE - SIZE / 2, (y - cy + SIZE / 2) % SIZE - SIZE / 2
        u, v = dx * np.cos(a) + dy * np.sin(a), dy * np.cos(a) - dx * np.sin(a)
        d = np.hypot(u, 1.15 * v) / r
        height += (
            rng.uniform(0.2, 1.0) ** 2
            * 1.3
            * (0.55 * np.exp(-((d - 1.25) ** 2) * 9) - np.exp(-(d**4)) * (0.6 + 0.4 * (u > 0)))
        )
    return height


def _make_surface(name: str, rng: np.random.Generator) -> np.ndarray:
    """Return the relief of a ground or a wall, [256, 256] or with colour [256, 256, 3]; its mean is near a half."""
    shape = (SIZE, SIZE)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    grain = fractal(rng, shape, 0.3, 10) - 0.5
    if name == "earth":
        return np.clip(fractal(rng, shape, 0.8) + 0.25 * np.minimum(_dents(rng, 25), 0.3), 0, 1)
    if name == "turf":
        blades = _blur(_strokes(rng, 5200, 9, 1), 0.4)
        clumps = fractal(rng, shape, 1.1, 3) - 0.5
        grey = 0.5 + 0.75 * (blades - blades.mean()) + 0.55 * clumps
        dry = np.clip(fractal(rng, shape, 0.8) - 0.55, 0, 1) + 0.25 * (blades > 0.7)
        return np.stack([grey + 0.3 * dry, grey + 0.08 * dry, grey - 0.12 * dry], -1)
    if name == "prints":
        lumps = fractal(rng, shape, 0.9, 6) - 0.5
        return np.clip(0.5 + 0.34 * _dents(rng, 80) + 0.55 * lumps + 0.3 * grain, 0, 1)
    if name == "raked":
        wave = 0.02 * fractal(rng, shape, 2.0)
        lines = np.sin(2 * np.pi * 22 * (y + wave)) * (0.4 + fractal(rng, shape, 1.4))
        return np.clip(0.5 + 0.16 * lines + 0.12 * _dents(rng, 8) + 0.3 * grain, 0, 1)
    if name == "cobbles":
        cell, near, far = _cells(rng, 260)
        return np.clip(0.15 + 0.5 * np.clip((far - near) * 3, 0, 1) + 0.35 * rng.random(260)[cell] + 0.2 * grain, 0, 1)
    if name == "shavings":
        return np.clip(0.2 + 0.7 * _strokes(rng, 5000, 7, 3) + 0.2 * grain, 0, 1)
    if name == "drifts":
        return 0.5 + 0.35 * (fractal(rng, shape, 1.7) - 0.5) + 0.05 * grain
    if name == "boards":
        board = (y * 10).astype(int)
        gap = np.abs((y * 10) % 1 - 0.5) > 0.46
        return np.clip(
            0.42 + 0.2 * rng.random(10)[board] + 0.5 * (_blur(rng.random(shape), (0.7, 14)) - 0.5) - 0.3 * gap, 0, 1
        )
    if name == "waves":
        return _blur(0.5 + 0.5 * (np.abs(fractal(rng, shape, 1.3, 2) - 0.5) * 4 - 0.6), 1.0)
    rib = np.sin(2 * np.pi * 26 * x)  # metal: corrugated sheet
    return np.clip(
        0.5 + 0.14 * rib + 0.25 * (fractal(rng, shape, 1.5) - 0.5) - 0.1 * (np.abs((y * 2) % 1 - 0.5) > 0.49), 0, 1
    )


@lru_cache(maxsize=1)
def texture_bank() -> UInt8[np.ndarray, "layers 256 256 3"]:
    """Return every texture of ``TEXTURES``; the same in every process."""
    layers = []
    for i, name in enumerate(TEXTURES):
        image = _make(name, np.random.default_rng([11, i]))
        if name in _SEEN_FAR:
            # what varies slowly within a tile would show as a lattice from far away
            sigma = (24, 24) if image.ndim == 2 else (24, 24, 0)
            image = image - gaussian_filter(image, sigma, mode="wrap") + 0.5
        if image.ndim == 2:
            tint = fractal(np.random.default_rng([12, i]), (SIZE, SIZE), 1.0, 6) - 0.5
            image = image[..., None] + 0.12 * tint[..., None] * np.array([1.0, 0.0, -1.0])
        layers.append(image)
    return (np.clip(np.stack(layers), 0, 1) * 255).astype(np.uint8)


def texture_layer(name: str) -> int:
    """Return the index of a texture in the bank."""
    return TEXTURES.index(name)
