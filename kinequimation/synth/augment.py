"""Strong augmentation (sources, B5): what carries a network from renderings to photographs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kinequimation import skeleton
from kinequimation.geometry.crop import apply_transform, compose_transforms, crop_transform, warp
from kinequimation.synth.labels import HIDDEN, OUT, SEEN
from kinequimation.synth.textures import SIZE, texture_bank

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float32, UInt8

BOX_MARGIN = 1.25
"""Side of the crop over the longer side of the box."""


def _texture_patch(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a random view of a random texture, [size, size, 3] uint8, recoloured."""
    bank = texture_bank()
    source = bank[rng.integers(len(bank))]
    angle, zoom = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(np.log(0.3), np.log(1.6)))
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    x0, y0 = rng.uniform(0, SIZE, 2)
    y, x = np.mgrid[:size, :size]
    u = (c * x - s * y + x0).astype(int) & (SIZE - 1)
    v = (s * x + c * y + y0).astype(int) & (SIZE - 1)
    patch = source[v, u].astype(np.float32)
    contrast, tint = rng.uniform(0.2, 1.2), rng.uniform(20, 235, 3)
    return np.clip((patch - 127) * contrast + tint, 0, 255).astype(np.uint8)


def _geometry(rng: np.random.Generator, bbox_xywh: np.ndarray, size: int) -> tuple[Float[np.ndarray, "2 3"], bool]:
    """Return the map from the frame to the crop, and whether it mirrors."""
    x, y, w, h = bbox_xywh
    side = BOX_MARGIN * max(w, h) * np.exp(rng.uniform(np.log(0.8), np.log(1.35)))
    shift = rng.normal(0, 0.06, 2) * side
    if rng.random() < 0.15:  # one end of the horse falls out
        end = rng.uniform(0.15, 0.4) * side * rng.choice([-1, 1])
        shift[rng.integers(2)] += end
    crop = crop_transform(x + w / 2 + shift[0], y + h / 2 + shift[1], max(side, 8.0), size)
    angle = np.radians(rng.uniform(-30, 30) if rng.random() < 0.15 else rng.normal(0, 5))
    shear = np.radians(rng.uniform(-15, 15)) if rng.random() < 0.4 else 0.0
    stretch = np.exp(rng.uniform(np.log(0.8), np.log(1.25))) if rng.random() < 0.5 else 1.0
    zoom = np.exp(rng.uniform(np.log(0.8), np.log(1.15))) if rng.random() < 0.5 else 1.0
    c, s = np.cos(angle), np.sin(angle)
    A = np.array([[c, -s], [s, c]]) @ np.array([[1.0, np.tan(shear)], [0.0, 1.0]])
    A = A @ np.diag([np.sqrt(stretch), 1 / np.sqrt(stretch)]) * zoom
    is_mirrored = bool(rng.random() < 0.5)
    if is_mirrored:
        A = A @ np.diag([-1.0, 1.0])
    centre = np.full(2, (size - 1) / 2)
    return compose_transforms(np.concatenate([A, (centre - A @ centre)[:, None]], 1), crop), is_mirrored


def _occlude(
    rng: np.random.Generator, image: np.ndarray, uv_px: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, Bool[np.ndarray, "s s"]]:
    """Paste things over the image; return it with the pixels that were covered."""
    size = len(image)
    covered = Image.new("1", (size, size))
    draw = ImageDraw.Draw(covered)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 4))):
            centre, radius = rng.uniform(0, size, 2), size * np.exp(rng.uniform(np.log(0.03), np.log(0.16)))
            angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
            corner = centre + radius * np.stack([np.cos(angle), np.sin(angle)], -1)
            draw.polygon([tuple(p) for p in corner], fill=1)
    if rng.random() < 0.3 and inside.any():
        for k in rng.choice(np.flatnonzero(inside), int(rng.integers(1, 4))):
            half = size * rng.uniform(0.015, 0.07, 2)
            centre = uv_px[k] + rng.normal(0, 0.02 * size, 2)
            draw.ellipse([*(centre - half), *(centre + half)], fill=1)
    if rng.random() < 0.12:
        x, slope, half = rng.uniform(0, size), rng.normal(0, 0.2), size * rng.uniform(0.006, 0.03)
        ends = [(x - half, -1), (x + half, -1), (x + half + slope * size, size), (x - half + slope * size, size)]
        draw.polygon(ends if rng.random() < 0.5 else [(b, a) for a, b in ends], fill=1)
    hooves = uv_px[inside, 1]
    if rng.random() < 0.15 and len(hooves):
        top = hooves.max() - size * rng.uniform(0.0, 0.1)
        x = np.linspace(-2, size + 2, 24)
        edge = top + rng.normal(0, size * 0.01, 24)
        draw.polygon([*zip(x, edge, strict=True), (size + 2, size + 2), (-2, size + 2)], fill=1)
    mask = np.asarray(covered)
    if not mask.any():
        return image, mask
    patch = _texture_patch(rng, size)
    return np.where(mask[..., None], patch, image), mask


def photometric(rng: np.random.Generator, image: Float32[np.ndarray, "s s 3"]) -> Float32[np.ndarray, "s s 3"]:
    """Change brightness, contrast, colour; values around 0..255."""
    f = np.float32
    if rng.random() < 0.8:
        contrast, brightness = f(np.exp(rng.uniform(-0.6, 0.45))), f(np.exp(rng.normal(0.05, 0.22)))
        mean = image.mean()
        image = (image - mean) * contrast + mean * brightness
    if rng.random() < 0.5:
        gamma = f(np.exp(rng.uniform(np.log(0.6), np.log(1.7))))
        image = f(255) * (np.clip(image, 0, 255) / f(255)) ** gamma
    roll = rng.random()
    if roll < 0.12:
        image = np.repeat(image.mean(-1, keepdims=True), 3, -1)
    elif roll < 0.7:
        grey = image.mean(-1, keepdims=True)
        image = grey + (image - grey) * f(rng.uniform(0, 1.8))
    if rng.random() < 0.3:  # hue, as a turn about the grey axis
        angle = rng.normal(0, 0.25)
        c, s = np.cos(angle), np.sin(angle) / np.sqrt(3)
        a, b, d = c + (1 - c) / 3, (1 - c) / 3 - s, (1 - c) / 3 + s
        image = image @ np.array([[a, b, d], [d, a, b], [b, d, a]], np.float32)
    if rng.random() < 0.5:
        image = image * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    if rng.random() < 0.2:
        image = (image - f(128)) * np.exp(rng.normal(0, 0.25, 3)).astype(np.float32) + f(128)
    if rng.random() < 0.1:
        y, x = np.mgrid[-1 : 1 : len(image) * 1j, -1 : 1 : len(image) * 1j].astype(np.float32)
        image = image * (1 - f(rng.uniform(0.1, 0.6)) * (x * x + y * y)[..., None] / 2)
    mean = float(image.mean())
    return image * f(np.clip(mean, 30, 190) / max(mean, 1.0))  # nobody keeps a picture that is all white or black


def _amplitude_mix(rng: np.random.Generator, image: Float32[np.ndarray, "s s 3"]) -> Float32[np.ndarray, "s s 3"]:
    """Give the lowest frequencies the amplitudes of a texture (Fourier domain adaptation, Yang and Soatto 2020)."""
    size = len(image)
    style = np.fft.rfft2(_texture_patch(rng, size).astype(np.float32), axes=(0, 1))
    spectrum = np.fft.rfft2(image, axes=(0, 1))
    n = int(rng.integers(2, 6))
    share = rng.uniform(0.2, 0.8)
    for rows in (slice(0, n), slice(size - n, size)):
        block = spectrum[rows, :n]
        amplitude = np.abs(block) * (1 - share) + np.abs(style[rows, :n]) * share
        spectrum[rows, :n] = amplitude * np.exp(1j * np.angle(block))
    return np.fft.irfft2(spectrum, (size, size), axes=(0, 1)).astype(np.float32)


def sensor(rng: np.random.Generator, image: UInt8[np.ndarray, "s s 3"]) -> UInt8[np.ndarray, "s s 3"]:
    """Blur, shrink, add noise and compress, as lenses, sensors and codecs do."""
    size = len(image)
    picture = Image.fromarray(image)
    roll = rng.random()
    if roll < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))))
    elif roll < 0.35:  # motion
        length, angle = rng.uniform(2, 11), rng.uniform(0, np.pi) if rng.random() < 0.4 else rng.normal(0, 0.15)
        picture = _motion_blurred(picture, length * np.array([np.sin(angle), np.cos(angle)]))
    if rng.random() < 0.4:
        small = int(np.exp(rng.uniform(np.log(48), np.log(size))))
        down = (Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.NEAREST)[rng.integers(3)]
        up = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[rng.integers(2)]
        picture = picture.resize((small, small), down if small > 80 else Image.Resampling.BOX)
        if rng.random() < 0.4:
            picture = _compressed(rng, picture)
        picture = picture.resize((size, size), up)
    if rng.random() < 0.5:
        sigma = np.exp(rng.uniform(np.log(1.5), np.log(30))) if rng.random() < 0.9 else rng.uniform(30, 70)
        shape = (size, size, 1 if rng.random() < 0.4 else 3)
        noise = rng.standard_normal(shape, np.float32) * np.float32(sigma)
        picture = Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
    if rng.random() < 0.5:
        picture = _compressed(rng, picture)
    return np.asarray(picture)


def _motion_blurred(picture: Image.Image, path_px: np.ndarray) -> Image.Image:
    """Return the average of the picture along a straight path, down and right, pixels."""
    pixels = np.asarray(picture)
    steps = np.rint(np.linspace(-0.5, 0.5, max(3, int(np.abs(path_px).max()) + 1))[:, None] * path_px).astype(int)
    total = np.zeros(pixels.shape, np.uint16)
    for shift in steps:
        total += np.roll(pixels, tuple(shift), (0, 1))
    return Image.fromarray((total // len(steps)).astype(np.uint8))


def _compressed(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=int(rng.integers(15, 91)))
    return Image.open(stream).convert("RGB")


def augment(
    rng: np.random.Generator,
    image: UInt8[np.ndarray, "h w 3"],
    uv_px: Float[np.ndarray, "103 2"],
    visibility: UInt8[np.ndarray, " 103"],
    mask: Bool[np.ndarray, "h w"],
    bbox_xywh: Float[np.ndarray, " 4"],
    size: int,
) -> tuple[UInt8[np.ndarray, "s s 3"], np.ndarray, np.ndarray, Float32[np.ndarray, "s s"]]:
    """Crop around a jittered box and augment.

    Returns:
        image, keypoints in the crop, visibility (a point that leaves the crop is out, one that is pasted over is
        hidden), and the horse's share of each pixel.
    """
    transform, is_mirrored = _geometry(rng, bbox_xywh, size)
    r, g, b = rng.integers(0, 256, 3).tolist() if rng.random() < 0.5 else (0, 0, 0)
    crop = warp(image, transform, size, (r, g, b))
    share = warp(mask.astype(np.uint8) * 255, transform, size).astype(np.float32) / 255.0
    uv = apply_transform(transform, uv_px)
    seen = visibility.copy()
    if is_mirrored:
        uv, seen = uv[skeleton.MIRROR_KEYPOINTS], seen[skeleton.MIRROR_KEYPOINTS]
    with np.errstate(invalid="ignore"):
        inside = np.all((uv >= -0.5) & (uv < size - 0.5), -1)
    seen[~inside] = OUT
    crop, covered = _occlude(rng, crop, uv, seen > OUT)
    share = np.where(covered, np.float32(0), share)
    on = np.flatnonzero(seen == SEEN)
    column, row = np.clip(np.round(uv[on]).astype(int), 0, size - 1).T
    seen[on[covered[row, column]]] = HIDDEN
    pixels = crop.astype(np.float32)
    if rng.random() < 0.15:
        pixels = _amplitude_mix(rng, pixels)
    pixels = photometric(rng, pixels)
    crop = np.clip(pixels, 0, 255).astype(np.uint8)
    return sensor(rng, crop), uv, seen, share
