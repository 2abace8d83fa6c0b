"""Strong augmentation (sources, B5): what carries a network from renderings to photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.visibility import HIDDEN, OUT, SEEN
from kinequimation.geometry.crop import apply_transform, compose_transforms, crop_transform, warp
from kinequimation.synth.labels import LIMB_OF_PART, UNKNOWN_LIMB
from kinequimation.synth.occluders import occlude, texture_patch
from kinequimation.synth.sensor import FIRST_SENSOR, SensorShares, camera_curve, photometric, retouched, sensor

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float32, UInt8

__all__ = ["BOX_MARGIN", "FIRST_SENSOR", "Augmented", "SensorShares", "augment", "photometric", "sensor"]

BOX_MARGIN = 1.25
"""Side of the crop over the longer side of the box."""
_MIRRORED_LIMB = np.arange(256, dtype=np.uint8)
_MIRRORED_LIMB[2:6] = [3, 2, 5, 4]  # labels.LIMB_CLASSES: left and right change places


class Augmented(NamedTuple):
    """A crop and its labels.

    Attributes:
        image: [size, size, 3] RGB.
        uv_px: [103, 2] keypoints in the crop; also those outside it.
        visibility: [103] 0 out of the crop or unknown, 1 hidden, pasted over included, 2 seen.
        share: [size, size] the horse's share of each pixel, 0..1.
        limbs: [size, size] limb at each pixel, an index into ``labels.LIMB_CLASSES``; ``labels.UNKNOWN_LIMB``
            everywhere where the frame does not say.
    """

    image: UInt8[np.ndarray, "s s 3"]
    uv_px: Float[np.ndarray, "103 2"]
    visibility: UInt8[np.ndarray, " 103"]
    share: Float32[np.ndarray, "s s"]
    limbs: UInt8[np.ndarray, "s s"]


def _geometry(
    rng: np.random.Generator, bbox_xywh: np.ndarray, size: int, shares: SensorShares
) -> tuple[Float[np.ndarray, "2 3"], bool]:
    """Return the map from the frame to the crop, and whether it mirrors."""
    x, y, w, h = bbox_xywh
    side = BOX_MARGIN * max(w, h) * np.exp(rng.uniform(np.log(0.8), np.log(1.35)))
    shift = rng.normal(0, 0.06, 2) * side
    if rng.random() < shares.cut_end:  # one end of the horse falls out
        end = rng.uniform(0.15, 0.4) * side * rng.choice([-1, 1])
        shift[rng.integers(2)] += end
    crop = crop_transform(x + w / 2 + shift[0], y + h / 2 + shift[1], max(side, 8.0), size)
    angle = np.radians(rng.uniform(-30, 30) if rng.random() < shares.wide_turn else rng.normal(0, 5))
    shear = np.radians(rng.uniform(-15, 15)) if rng.random() < shares.shear else 0.0
    stretch = np.exp(rng.uniform(np.log(0.8), np.log(1.25))) if rng.random() < shares.stretch else 1.0
    zoom = np.exp(rng.uniform(np.log(0.8), np.log(1.15))) if rng.random() < shares.zoom else 1.0
    c, s = np.cos(angle), np.sin(angle)
    A = np.array([[c, -s], [s, c]]) @ np.array([[1.0, np.tan(shear)], [0.0, 1.0]])
    A = A @ np.diag([np.sqrt(stretch), 1 / np.sqrt(stretch)]) * zoom
    is_mirrored = bool(rng.random() < shares.mirror)
    if is_mirrored:
        A = A @ np.diag([-1.0, 1.0])
    centre = np.full(2, (size - 1) / 2)
    return compose_transforms(np.concatenate([A, (centre - A @ centre)[:, None]], 1), crop), is_mirrored


def _amplitude_mix(rng: np.random.Generator, image: Float32[np.ndarray, "s s 3"]) -> Float32[np.ndarray, "s s 3"]:
    """Give the lowest frequencies the amplitudes of a texture (Fourier domain adaptation, Yang and Soatto 2020)."""
    size = len(image)
    style = np.fft.rfft2(texture_patch(rng, size).astype(np.float32), axes=(0, 1))
    spectrum = np.fft.rfft2(image, axes=(0, 1))
    n = int(rng.integers(2, 6))
    share = rng.uniform(0.2, 0.8)
    for rows in (slice(0, n), slice(size - n, size)):
        block = spectrum[rows, :n]
        amplitude = np.abs(block) * (1 - share) + np.abs(style[rows, :n]) * share
        spectrum[rows, :n] = amplitude * np.exp(1j * np.angle(block))
    return np.fft.irfft2(spectrum, (size, size), axes=(0, 1)).astype(np.float32)


def augment(
    rng: np.random.Generator,
    image: UInt8[np.ndarray, "h w 3"],
    uv_px: Float[np.ndarray, "103 2"],
    visibility: UInt8[np.ndarray, " 103"],
    mask: Bool[np.ndarray, "h w"],
    bbox_xywh: Float[np.ndarray, " 4"],
    size: int,
    shares: SensorShares | None = None,
    parts: UInt8[np.ndarray, "h w"] | None = None,
) -> Augmented:
    """Crop around a jittered box and augment.

    Args:
        rng: source of randomness.
        image: the frame.
        uv_px: its keypoints.
        visibility: 0, 1 or 2 for each of them.
        mask: where the horse is seen.
        bbox_xywh: its box.
        size: side of the crop, pixels.
        shares: how often each change is made; ``SensorShares``'s own if not given.
        parts: part of the horse at each pixel, an index into ``labels.PARTS``, where it is known.
    """
    shares = shares or SensorShares()
    transform, is_mirrored = _geometry(rng, bbox_xywh, size, shares)
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
    crop, covered = occlude(rng, crop, uv, seen > OUT, shares)
    share = np.where(covered, np.float32(0), share)
    limbs = np.full((size, size), UNKNOWN_LIMB, np.uint8)
    if parts is not None:
        limbs = warp(LIMB_OF_PART[parts], transform, size, nearest=True)
        limbs = np.where(covered, np.uint8(0), _MIRRORED_LIMB[limbs] if is_mirrored else limbs)
    on = np.flatnonzero(seen == SEEN)
    column, row = np.clip(np.round(uv[on]).astype(int), 0, size - 1).T
    seen[on[covered[row, column]]] = HIDDEN
    pixels = crop.astype(np.float32)
    if rng.random() < shares.amplitude_mix:
        pixels = _amplitude_mix(rng, pixels)
    crop = np.clip(photometric(rng, pixels, shares), 0, 255).astype(np.uint8)
    crop = retouched(rng, camera_curve(rng, crop, shares), shares)
    return Augmented(sensor(rng, crop, shares, share), uv, seen, share, limbs)
