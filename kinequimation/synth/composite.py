"""A cut-out horse before another background: endless backgrounds for each drawn frame (sources, B5)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter, ImageStat

from kinequimation import skeleton
from kinequimation.synth.scene import HORSE_ID, PERSON_ID, TACK_ID
from kinequimation.synth.textures import SIZE, texture_bank

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

_REACH = 0.45
"""A person nearer than this to the horse's joints, in its box's longer sides, belongs to it: a rider, a handler."""
_SHADOW_M = 0.16
"""Radius of the dark spot under a hoof, and of the wide one under the trunk three times as much: judgement."""
_TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
_SHADOW_PX = 64


def cut_out_alpha(
    object_id: UInt8[np.ndarray, "h w"],
    depth: Float[np.ndarray, "h w"],
    xyz_cam: Float[np.ndarray, "103 3"],
) -> Bool[np.ndarray, "h w"]:
    """Return where the horse is seen with what belongs to it: tack, its rider, a handler at its side.

    Args:
        object_id: what each pixel shows (``scene.HORSE_ID`` and so on).
        depth: of each pixel, metres.
        xyz_cam: the horse's keypoints in camera axes, metres.
    """
    z = xyz_cam[:, 2]
    reach = _REACH * float(np.ptp(z)) + 0.8
    near = (depth > z.min() - reach) & (depth < z.max() + reach)
    return (object_id == HORSE_ID) | (np.isin(object_id, (TACK_ID, PERSON_ID)) & near)


def ground_shadow(
    K: Float[np.ndarray, "3 3"],
    T_cam_world: Float[np.ndarray, "4 4"],
    xyz_cam: Float[np.ndarray, "103 3"],
    size: int,
) -> UInt8[np.ndarray, "64 64"]:
    """Return how much light the horse leaves on the level ground around its hooves, 255 for all of it.

    Soft dark spots lie under the hooves that are near the ground, and a wide one under the trunk, on the plane z = 0
    of the world as the camera sees it.

    Args:
        K: the frame's intrinsics.
        T_cam_world: from world to camera axes.
        xyz_cam: keypoints in camera axes, metres.
        size: side of the frame, pixels.
    """
    R, t = T_cam_world[:3, :3], T_cam_world[:3, 3]
    eye = -R.T @ t
    toes = (xyz_cam[_TOES] - t) @ R
    height_m = max(float(np.ptp(((xyz_cam - t) @ R)[:, 2])), 0.3)
    v, u = (np.mgrid[:_SHADOW_PX, :_SHADOW_PX] + 0.5) * (size / _SHADOW_PX) - 0.5
    ray = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], -1) @ R
    with np.errstate(divide="ignore", invalid="ignore"):
        along = -eye[2] / ray[..., 2]
    ground = eye[:2] + along[..., None] * ray[..., :2]
    light = np.ones(u.shape)
    size_m = height_m / 1.8  # ears to ground of a horse of 1.6 m
    spots = [(toe[:2], _SHADOW_M * size_m, 0.55 * np.exp(-8 * max(toe[2], 0.0))) for toe in toes]
    spots.append((toes[:, :2].mean(0), 3.5 * _SHADOW_M * size_m, 0.35))
    for centre, radius, strength in spots:
        d2 = ((ground - centre) ** 2).sum(-1) / radius**2
        light *= 1 - strength * np.exp(-np.minimum(d2, 50.0))
    return np.where(np.isfinite(along) & (along > 0), 255 * light, 255).astype(np.uint8)


@lru_cache(maxsize=64)
def _tiled(layer: int) -> Image.Image:
    """Return a texture four times side by side, so that a turned view of it need not wrap."""
    return Image.fromarray(np.tile(texture_bank()[layer], (2, 2, 1)))


def _texture_view(rng: np.random.Generator, size: int) -> Image.Image:
    """Return a turned and recoloured view of a random texture."""
    tiled = _tiled(int(rng.integers(len(texture_bank()))))
    step = float(np.exp(rng.uniform(np.log(0.25), np.log(1.0)))) * SIZE / size
    angle = rng.uniform(0, 2 * np.pi)
    c, s = step * np.cos(angle), step * np.sin(angle)
    middle = SIZE + rng.uniform(-0.28, 0.28, 2) * SIZE
    half = size / 2
    data = (c, -s, middle[0] - (c - s) * half, s, c, middle[1] - (s + c) * half)
    view = tiled.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    contrast, tint = rng.uniform(0.15, 1.1), rng.uniform(25, 230, 3)
    levels = (np.arange(256) - 127) * contrast + tint[:, None]
    return view.point(np.clip(levels, 0, 255).astype(int).ravel().tolist())


def random_background(
    rng: np.random.Generator, size: int, other: UInt8[np.ndarray, "h w 3"] | None = None
) -> UInt8[np.ndarray, "s s 3"]:
    """Return a background made of textures, or of a strip of another picture.

    Args:
        rng: source of randomness.
        size: its side, pixels.
        other: a picture, or a part of one, to take a strip from; used in half of the cases.
    """
    if other is not None and min(other.shape[:2]) >= 24 and rng.random() < 0.5:
        h, w = other.shape[:2]
        side = int(min(h, w) * rng.uniform(0.6, 1.0))
        x, y = int(rng.integers(0, w - side + 1)), int(rng.integers(0, h - side + 1))
        picture = Image.fromarray(np.ascontiguousarray(other[y : y + side, x : x + side]))
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else picture)
    picture = _texture_view(rng, size)
    if rng.random() < 0.75:  # ground below, something else above
        line = size * rng.uniform(0.25, 0.8)
        slope = np.tan(rng.normal(0, 0.06)) * size / 2
        edge = Image.new("L", (size, size))
        soft = int(rng.uniform(0, 0.08) * size)
        x = np.linspace(-slope, slope, size)
        y = np.arange(size)[:, None]
        below = np.clip((y - line - x) / max(soft, 1) + 0.5, 0, 1)
        edge = Image.fromarray((255 * below).astype(np.uint8))
        picture = Image.composite(picture, _texture_view(rng, size), edge)
    return np.asarray(picture)


def recomposite(
    image: UInt8[np.ndarray, "s s 3"],
    alpha: UInt8[np.ndarray, "s s"],
    background: UInt8[np.ndarray, "s s 3"],
    shadow: UInt8[np.ndarray, "m m"] | None = None,
    harmonise: float = 0.0,
    feather_px: float = 0.7,
) -> UInt8[np.ndarray, "s s 3"]:
    """Return the cut-out horse before another background.

    The edge is softened inwards, so that little of the old background comes along.

    Args:
        image: the frame.
        alpha: 255 where it shows the horse and what belongs to it.
        background: what to put behind, of the frame's size.
        shadow: how much light the horse leaves on the ground, of any size; 255 for all of it.
        harmonise: how far the cut-out's mean and spread of each colour move to the background's, 0..1.
        feather_px: width of the soft edge, pixels.
    """
    mask = Image.fromarray(alpha)
    if feather_px > 0:
        mask = mask.filter(ImageFilter.GaussianBlur(feather_px)).point(_inward())
    front, behind = Image.fromarray(image), Image.fromarray(background)
    if harmonise > 0:
        ours, theirs = ImageStat.Stat(front, Image.fromarray(alpha)), ImageStat.Stat(behind)
        if ours.count[0]:
            levels = []
            for c in range(3):
                gain = 1 + harmonise * (np.clip(theirs.stddev[c] / max(ours.stddev[c], 4.0), 0.6, 1.6) - 1)
                mean = ours.mean[c] + harmonise * np.clip(theirs.mean[c] - ours.mean[c], -60, 60)
                levels.append(np.clip((np.arange(256) - ours.mean[c]) * gain + mean, 0, 255).astype(int))
            front = front.point(np.concatenate(levels).tolist())
    if shadow is not None:
        light = Image.fromarray(shadow).resize(behind.size, Image.Resampling.BILINEAR)
        dark = behind.point([int(v * 0.25) for v in range(256)] * 3)
        behind = Image.composite(behind, dark, light)
    return np.asarray(Image.composite(front, behind, mask))


@lru_cache(maxsize=1)
def _inward() -> list[int]:
    return np.clip((np.arange(256) - 90) * 255 / 130, 0, 255).astype(int).tolist()
