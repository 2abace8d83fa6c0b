"""Things pasted over a picture after it was drawn, so that a network learns to guess what it cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation.synth.textures import SIZE, texture_bank, texture_layer

if TYPE_CHECKING:
    from jaxtyping import Bool, UInt8

    from kinequimation.synth.sensor import SensorShares

_CAPTIONS = "0123456789:/-. ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def texture_patch(rng: np.random.Generator, size: int, name: str | None = None) -> UInt8[np.ndarray, "s s 3"]:
    """Return a random view of a texture, recoloured.

    Args:
        rng: source of randomness.
        size: side, pixels.
        name: which of ``textures.TEXTURES``; any if not given.
    """
    bank = texture_bank()
    source = bank[rng.integers(len(bank)) if name is None else texture_layer(name)]
    angle, zoom = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(np.log(0.3), np.log(1.6)))
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    x0, y0 = rng.uniform(0, SIZE, 2)
    y, x = np.mgrid[:size, :size]
    u = (c * x - s * y + x0).astype(int) & (SIZE - 1)
    v = (s * x + c * y + y0).astype(int) & (SIZE - 1)
    contrast, tint = rng.uniform(0.2, 1.2), rng.uniform(20, 235, 3)
    return np.clip((source[v, u].astype(np.float32) - 127) * contrast + tint, 0, 255).astype(np.uint8)


def occlude(
    rng: np.random.Generator,
    image: UInt8[np.ndarray, "s s 3"],
    uv_px: np.ndarray,
    inside: Bool[np.ndarray, " 103"],
    shares: SensorShares,
) -> tuple[UInt8[np.ndarray, "s s 3"], Bool[np.ndarray, "s s"]]:
    """Paste things over the image.

    Args:
        rng: source of randomness.
        image: the picture.
        uv_px: [103, 2] keypoints in it.
        inside: which of them lie in it.
        shares: how often each thing.

    Returns:
        the picture, and the pixels that were covered.
    """
    size = len(image)
    stencil = Image.new("1", (size, size))
    draw = ImageDraw.Draw(stencil)
    if rng.random() < shares.polygons:
        for _ in range(int(rng.integers(1, 4))):
            centre, radius = rng.uniform(0, size, 2), size * np.exp(rng.uniform(np.log(0.03), np.log(0.16)))
            _polygon(draw, centre, radius, np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8)))))
    if rng.random() < shares.patches and inside.any():
        for k in rng.choice(np.flatnonzero(inside), int(rng.integers(1, 4))):
            half = size * rng.uniform(0.015, 0.07, 2)
            centre = uv_px[k] + rng.normal(0, 0.02 * size, 2)
            draw.ellipse([*(centre - half), *(centre + half)], fill=1)
    if rng.random() < shares.pole:
        x, slope, half = rng.uniform(0, size), rng.normal(0, 0.2), size * rng.uniform(0.006, 0.03)
        ends = [(x - half, -1), (x + half, -1), (x + half + slope * size, size), (x - half + slope * size, size)]
        draw.polygon(ends if rng.random() < 0.5 else [(b, a) for a, b in ends], fill=1)
    lowest = uv_px[inside, 1].max() if inside.any() else 0.8 * size
    if rng.random() < shares.hoof_band:
        top = lowest - size * rng.uniform(0.0, 0.1)
        x = np.linspace(-2, size + 2, 24)
        edge = top + rng.normal(0, size * 0.01, 24)
        draw.polygon([*zip(x, edge, strict=True), (size + 2, size + 2), (-2, size + 2)], fill=1)
    covered = np.asarray(stencil)
    if covered.any():
        image = np.where(covered[..., None], texture_patch(rng, size), image)
    if rng.random() < shares.cut_outs:
        image, more = _pasted(image, _cut_out(rng, size), texture_patch(rng, size), rng.normal(0, 0.5, 2))
        covered = covered | more
    if rng.random() < shares.foliage:
        image, more = _pasted(image, _foliage(rng, size), _leafy(rng, size), rng.normal(0, 0.3, 2))
        covered = covered | more
    if rng.random() < shares.blades:
        image, more = _pasted(image, _blades(rng, size, float(lowest)), _leafy(rng, size), np.array([0.0, -0.7]))
        covered = covered | more
    if rng.random() < shares.overlay:
        image, more = _captioned(rng, image)
        covered = covered | more
    return image, covered


def _polygon(draw: ImageDraw.ImageDraw, centre: np.ndarray, radius: float, angle: np.ndarray) -> None:
    corners = centre + radius * np.stack([np.cos(angle), np.sin(angle)], -1)
    draw.polygon([tuple(p) for p in corners], fill=1)


def _pasted(
    image: np.ndarray, stencil: Image.Image, patch: np.ndarray, slope: np.ndarray
) -> tuple[np.ndarray, Bool[np.ndarray, "s s"]]:
    """Paste a patch, shaded from one side of the picture to the other, where the stencil (8 bits) is set."""
    size = len(image)
    alpha = np.asarray(stencil).astype(np.float32)[..., None] / 255
    y, x = np.mgrid[-0.5 : 0.5 : size * 1j, -0.5 : 0.5 : size * 1j]
    shade = np.clip(0.9 + slope[0] * x + slope[1] * y, 0.2, 1.5).astype(np.float32)[..., None]
    out = image + (np.clip(patch * shade, 0, 255) - image) * alpha
    return out.astype(np.uint8), alpha[..., 0] > 0.5


def _stencil(size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return a stencil of twice the size to draw on, which ``_reduced`` makes smooth."""
    stencil = Image.new("L", (2 * size, 2 * size))
    return stencil, ImageDraw.Draw(stencil)


def _cut_out(rng: np.random.Generator, size: int) -> Image.Image:
    """Return the outline of some thing: thick limbs that branch from a body, as people, posts and furniture have."""
    stencil, draw = _stencil(size)
    centre = rng.uniform(0, 2 * size, 2)
    reach = 2 * size * np.exp(rng.uniform(np.log(0.05), np.log(0.22)))
    half = reach * rng.uniform(0.15, 0.5, 2)
    draw.ellipse([*(centre - half), *(centre + half)], fill=255)
    for _ in range(int(rng.integers(1, 7))):
        at, width = centre + rng.normal(0, 0.3, 2) * reach, reach * rng.uniform(0.05, 0.3)
        angle = rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.integers(1, 4))):
            to = at + reach * rng.uniform(0.2, 0.8) * np.array([np.cos(angle), np.sin(angle)])
            draw.line([*at, *to], fill=255, width=max(int(width), 2))
            draw.ellipse([*(to - width / 2), *(to + width / 2)], fill=255)
            at, angle, width = to, angle + rng.normal(0, 0.6), width * rng.uniform(0.6, 1.0)
    return stencil.reduce(2)


def _leafy(rng: np.random.Generator, size: int) -> np.ndarray:
    patch = texture_patch(rng, size, "leaves").astype(np.float32)
    grey = patch.mean(-1, keepdims=True)
    green = np.array([rng.uniform(0.5, 1.0), rng.uniform(0.8, 1.1), rng.uniform(0.2, 0.6)])
    return np.clip(grey * green * rng.uniform(0.3, 1.1), 0, 255)


def _foliage(rng: np.random.Generator, size: int) -> Image.Image:
    """Return leaves on a few twigs that hang into the picture from its top or a side."""
    stencil, draw = _stencil(size)
    n = 2 * size
    for _ in range(int(rng.integers(1, 4))):
        at = np.array([rng.uniform(0, n), 0.0]) if rng.random() < 0.6 else np.array([n * rng.integers(2), n * 0.4])
        angle = np.arctan2(n / 2 - at[1], n / 2 - at[0]) + rng.normal(0, 0.6)
        step, leaf = n * rng.uniform(0.015, 0.03), n * rng.uniform(0.008, 0.03)
        for _ in range(int(rng.integers(5, 25))):
            to = at + step * np.array([np.cos(angle), np.sin(angle)])
            draw.line([*at, *to], fill=255, width=max(int(leaf / 5), 2))
            for _ in range(int(rng.integers(1, 4))):
                turn = angle + rng.normal(0, 1.0)
                along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
                half = leaf * rng.uniform(0.6, 1.3)
                corners = (to, to + along * half + across * half * 0.35, to + 2 * along * half)
                draw.polygon([tuple(c) for c in (*corners, to + along * half - across * half * 0.35)], fill=255)
            at, angle = to, angle + rng.normal(0, 0.25)
    return stencil.reduce(2)


def _blades(rng: np.random.Generator, size: int, lowest_px: float) -> Image.Image:
    """Return grass that stands from the lower edge of the picture up to about the hooves."""
    stencil, draw = _stencil(size)
    n = 2 * size
    top = 2 * (lowest_px - size * rng.uniform(-0.02, 0.13))
    for x in rng.uniform(-10, n + 10, int(n * rng.uniform(0.15, 0.8))):
        tip = np.array([x + rng.normal(0, 0.03 * n), top + abs(rng.normal(0, 0.05 * n))])
        half = rng.uniform(0.5, 3.0)
        draw.polygon([(x - half, n), (x + half, n), tuple(tip)], fill=255)
    return stencil.reduce(2)


def _captioned(rng: np.random.Generator, image: np.ndarray) -> tuple[np.ndarray, Bool[np.ndarray, "s s"]]:
    """Put a caption, perhaps on a bar, and now and then a logo into the picture."""
    size = len(image)
    covered, ink = Image.new("1", (size, size)), Image.fromarray(image)
    draws = (ImageDraw.Draw(covered), ImageDraw.Draw(ink))
    height = int(size * rng.uniform(0.05, 0.12))
    y = int(rng.choice([rng.uniform(0, 0.1), rng.uniform(0.8, 0.95)]) * size)
    dark, light = tuple(rng.integers(0, 90, 3).tolist()), tuple(rng.integers(170, 256, 3).tolist())
    if rng.random() < 0.6:
        for draw, fill in zip(draws, (1, dark), strict=True):
            draw.rectangle([0, y, size, y + height], fill=fill)
    text = "".join(rng.choice(list(_CAPTIONS), int(rng.integers(4, 24))))
    font = ImageFont.load_default(0.7 * height)
    x = rng.uniform(0, 0.4) * size
    for draw, fill in zip(draws, (1, light), strict=True):
        draw.text((x, y + 0.1 * height), text, fill=fill, font=font)
    if rng.random() < 0.4:
        side = size * rng.uniform(0.06, 0.15)
        corner = np.array([rng.choice([0.03 * size, 0.97 * size - side]), 0.03 * size])
        for draw, fill in zip(draws, (1, light), strict=True):
            draw.ellipse([*corner, *(corner + side)], fill=fill)
    return np.asarray(ink), np.asarray(covered)
