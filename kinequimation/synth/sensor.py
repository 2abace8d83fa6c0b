"""What light, lens, sensor, film and codec do to a picture (sources, B5 and B6)."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from kinequimation.errors import InputError

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, UInt8


@dataclass(frozen=True)
class SensorShares:
    """How often each change is made to a crop, as probabilities; ranges stand beside the code that draws from them.

    Attributes:
        mirror, shear, stretch, zoom: of the crop; ``wide_turn`` by up to 30°; ``cut_end`` moves one end of it out.
        polygons, patches, pole, hoof_band: things pasted over it: anywhere, on a keypoint, from edge to edge, over the
            hooves.
        cut_outs, foliage, blades, overlay: the same: things with an outline of their own, leaves hanging in, blades
            of grass over the hooves, captions and logos.
        amplitude_mix: the coarse colours of another picture.
        contrast, gamma, grey, saturation, hue, gains, channel_contrast, vignette: brightness and colour.
        exposure, white_balance, film: in linear light.
        posterise, equalise, local_contrast: what image programs do.
        blur, smear: out of focus, or a straight streak, as a bell and a line; ``defocus`` as a disc.
        fringes: chromatic aberration.
        small: a picture that was smaller once.
        noise, shot_noise: the same everywhere, and growing with the light.
        jpeg, blocks: compressed, and so much that blocks show; ``interlaced``: two fields of a moving picture.
    """

    mirror: float = 0.5
    cut_end: float = 0.15
    wide_turn: float = 0.15
    shear: float = 0.4
    stretch: float = 0.5
    zoom: float = 0.5
    polygons: float = 0.3
    patches: float = 0.3
    pole: float = 0.12
    hoof_band: float = 0.12
    cut_outs: float = 0.1
    foliage: float = 0.06
    blades: float = 0.08
    overlay: float = 0.04
    amplitude_mix: float = 0.15
    contrast: float = 0.8
    gamma: float = 0.5
    grey: float = 0.12
    saturation: float = 0.58
    hue: float = 0.3
    gains: float = 0.4
    channel_contrast: float = 0.2
    vignette: float = 0.12
    exposure: float = 0.2
    white_balance: float = 0.2
    film: float = 0.2
    posterise: float = 0.03
    equalise: float = 0.03
    local_contrast: float = 0.04
    blur: float = 0.17
    smear: float = 0.13
    defocus: float = 0.08
    fringes: float = 0.1
    small: float = 0.4
    noise: float = 0.4
    shot_noise: float = 0.2
    jpeg: float = 0.45
    blocks: float = 0.08
    interlaced: float = 0.04

    def __post_init__(self) -> None:
        """Check every share.

        Raises:
            InputError: one is no probability.
        """
        for f in fields(self):
            value = getattr(self, f.name)
            if not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise InputError(f"{f.name}: expected a probability from 0 to 1, got {value!r}")


MILD_SENSOR = SensorShares(
    **{f.name: f.default * (1.0 if f.name == "mirror" else 0.35) for f in fields(SensorShares)}  # type: ignore[operator]
)
"""A third of the changes: pictures as clear as most photos are, in which one leg can be told from the other."""
MILD_SHARE = 0.4
"""How often a training crop is one of these (judgement)."""
FIRST_SENSOR = SensorShares(
    hoof_band=0.15, cut_outs=0, foliage=0, blades=0, overlay=0, gains=0.5, vignette=0.1, exposure=0, white_balance=0,
    film=0, posterise=0, equalise=0, local_contrast=0, blur=0.2, smear=0.15, defocus=0, fringes=0, noise=0.5,
    shot_noise=0, jpeg=0.5, blocks=0, interlaced=0,
)  # fmt: skip
"""What the first generator did to a picture."""


def photometric(
    rng: np.random.Generator, image: Float32[np.ndarray, "s s 3"], shares: SensorShares | None = None
) -> Float32[np.ndarray, "s s 3"]:
    """Change brightness, contrast, colour; values around 0..255."""
    shares = shares or SensorShares()
    f = np.float32
    if rng.random() < shares.contrast:
        contrast, brightness = f(np.exp(rng.uniform(-0.6, 0.45))), f(np.exp(rng.normal(0.05, 0.22)))
        mean = image.mean()
        image = (image - mean) * contrast + mean * brightness
    if rng.random() < shares.gamma:
        gamma = f(np.exp(rng.uniform(np.log(0.6), np.log(1.7))))
        image = f(255) * (np.clip(image, 0, 255) / f(255)) ** gamma
    roll = rng.random()
    if roll < shares.grey:
        image = np.repeat(image.mean(-1, keepdims=True), 3, -1)
    elif roll < shares.grey + shares.saturation:
        grey = image.mean(-1, keepdims=True)
        image = grey + (image - grey) * f(rng.uniform(0, 1.8))
    if rng.random() < shares.hue:  # as a turn about the grey axis
        angle = rng.normal(0, 0.25)
        c, s = np.cos(angle), np.sin(angle) / np.sqrt(3)
        a, b, d = c + (1 - c) / 3, (1 - c) / 3 - s, (1 - c) / 3 + s
        image = image @ np.array([[a, b, d], [d, a, b], [b, d, a]], np.float32)
    if rng.random() < shares.gains:
        image = image * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    if rng.random() < shares.channel_contrast:
        image = (image - f(128)) * np.exp(rng.normal(0, 0.25, 3)).astype(np.float32) + f(128)
    if rng.random() < shares.vignette:
        y, x = np.mgrid[-1 : 1 : len(image) * 1j, -1 : 1 : len(image) * 1j].astype(np.float32)
        image = image * (1 - f(rng.uniform(0.1, 0.6)) * (x * x + y * y)[..., None] / 2)
    mean = float(image.mean())
    return image * f(np.clip(mean, 30, 190) / max(mean, 1.0))  # nobody keeps a picture that is all white or black


@lru_cache(maxsize=1)
def _linear_levels() -> Float[np.ndarray, " 256"]:
    """Return the light of each 8-bit level (IEC 61966-2-1)."""
    v = np.arange(256) / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def white_rgb(temperature_k: float) -> Float[np.ndarray, " 3"]:
    """Return the linear sRGB of a black body's light, its green 1.

    The locus is the cubic fit of Kim et al. (US patent 7024034, 2006), good from 1667 to 25,000 K.
    """
    t = 1e3 / temperature_k
    if temperature_k <= 4000:
        x = ((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910
        y = ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    else:
        x = ((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390
        y = ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]) @ xyz
    return np.maximum(rgb, 0.02) / rgb[1]


def camera_curve(
    rng: np.random.Generator, image: UInt8[np.ndarray, "s s 3"], shares: SensorShares
) -> UInt8[np.ndarray, "s s 3"]:
    """Expose by up to 1.5 stops wrongly, balance white for another light, and develop on some film."""
    wants_exposure, wants_white, wants_film = (
        rng.random() < p for p in (shares.exposure, shares.white_balance, shares.film)
    )
    if not (wants_exposure or wants_white or wants_film):
        return image
    levels = np.repeat(_linear_levels()[:, None], 3, 1)
    if wants_exposure:
        levels = levels * 2.0 ** rng.uniform(-1.5, 1.5)
    if wants_white:
        levels = levels * white_rgb(6500) / white_rgb(float(np.exp(rng.uniform(np.log(2800), np.log(9000)))))
    if wants_film:  # a logistic curve in stops, with a foot and a shoulder, and a base fog of its own colour
        steepness, middle = rng.uniform(0.5, 1.1), rng.normal(-2.3, 0.4)
        curve = 1 / (1 + np.exp(-steepness * (np.log2(np.maximum(levels, 1e-4)) - middle)))
        black, white = (1 / (1 + np.exp(-steepness * (v - middle))) for v in (-9.0, 0.6))
        fog = rng.uniform(0, 0.12) * rng.uniform(0.5, 1, 3)
        shown = fog + (1 - fog) * np.clip((curve - black) / (white - black), 0, 1)
    else:
        v = np.clip(levels, 0, 1)
        shown = np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)
    table = np.rint(255 * shown).astype(np.uint8)
    return np.stack([table[image[..., c], c] for c in range(3)], -1)


def retouched(
    rng: np.random.Generator, image: UInt8[np.ndarray, "s s 3"], shares: SensorShares
) -> UInt8[np.ndarray, "s s 3"]:
    """Posterise, equalise, or raise the local contrast; at most one of them."""
    roll = rng.random()
    if roll < shares.posterise:
        return np.asarray(ImageOps.posterize(Image.fromarray(image), int(rng.integers(2, 6))))
    roll -= shares.posterise
    if 0 <= roll < shares.equalise:
        return np.asarray(Image.blend(p := Image.fromarray(image), ImageOps.equalize(p), rng.uniform(0.4, 1.0)))
    roll -= shares.equalise
    if 0 <= roll < shares.local_contrast:  # away from the mean of the neighbourhood, which moves towards a grey
        near = np.asarray(Image.fromarray(image).filter(ImageFilter.BoxBlur(len(image) / 10))).astype(np.float32)
        gain, flat = rng.uniform(1.2, 2.2), rng.uniform(0.2, 0.7)
        return np.clip((image - near) * gain + near * (1 - flat) + 120 * flat, 0, 255).astype(np.uint8)
    return image


def sensor(
    rng: np.random.Generator,
    image: UInt8[np.ndarray, "s s 3"],
    shares: SensorShares | None = None,
    moving: Float32[np.ndarray, "s s"] | None = None,
) -> UInt8[np.ndarray, "s s 3"]:
    """Blur, shrink, add noise and compress, as lenses, sensors and codecs do.

    Args:
        rng: source of randomness.
        image: the picture.
        shares: how often each.
        moving: which pixels move, 0..1, between the two fields of an interlaced picture; all if not given.
    """
    shares = shares or SensorShares()
    size = len(image)
    if rng.random() < shares.fringes:
        image = _fringed(rng, image)
    picture = Image.fromarray(image)
    roll = rng.random()
    if roll < shares.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))))
    elif roll < shares.blur + shares.smear:
        length, angle = rng.uniform(2, 11), rng.uniform(0, np.pi) if rng.random() < 0.4 else rng.normal(0, 0.15)
        picture = _smeared(picture, length * np.array([np.sin(angle), np.cos(angle)]))
    elif roll < shares.blur + shares.smear + shares.defocus:
        picture = _defocused(picture, float(np.exp(rng.uniform(np.log(0.8), np.log(3.2)))))
    if rng.random() < shares.small:
        small = int(np.exp(rng.uniform(np.log(48), np.log(max(size, 49)))))
        down = (Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.NEAREST)[rng.integers(3)]
        up = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[rng.integers(2)]
        picture = picture.resize((small, small), down if small > 80 else Image.Resampling.BOX)
        if rng.random() < 0.4:
            picture = _compressed(picture, int(rng.integers(15, 91)))
        picture = picture.resize((size, size), up)
    roll = rng.random()
    if roll < shares.noise:
        sigma = np.exp(rng.uniform(np.log(1.5), np.log(30))) if rng.random() < 0.9 else rng.uniform(30, 70)
        shape = (size, size, 1 if rng.random() < 0.4 else 3)
        noise = rng.standard_normal(shape, np.float32) * np.float32(sigma)
        picture = Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
    elif roll < shares.noise + shares.shot_noise:
        picture = _grainy(rng, picture)
    if rng.random() < shares.interlaced:
        picture = _interlaced(rng, picture, moving)
    roll = rng.random()
    if roll < shares.jpeg:
        picture = _compressed(picture, int(rng.integers(15, 91)))
    elif roll < shares.jpeg + shares.blocks:
        picture = _blocky(rng, picture)
    return np.asarray(picture)


def _fringed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Magnify red and blue a little differently, about a point near the middle (lateral chromatic aberration)."""
    size = len(image)
    centre = (0.5 + rng.normal(0, 0.1, 2)) * size
    out = image.copy()
    for channel, zoom in ((0, 1 + rng.normal(0, 0.008)), (2, 1 + rng.normal(0, 0.008))):
        shift = centre * (1 - 1 / zoom)
        data = (1 / zoom, 0.0, shift[0], 0.0, 1 / zoom, shift[1])
        plane = Image.fromarray(image[..., channel])
        plane = plane.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
        there = np.asarray(plane)
        out[..., channel] = np.where(there > 0, there, image[..., channel])
    return out


def _mean_of_shifts(pixels: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Return the average of the picture over whole-pixel shifts, down and right; its edges go on beyond it."""
    reach = int(np.abs(shifts).max())
    h, w = pixels.shape[:2]
    wide = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total = np.zeros(pixels.shape, np.uint16)
    for dy, dx in shifts:
        total += wide[reach - dy : reach - dy + h, reach - dx : reach - dx + w]
    return (total // len(shifts)).astype(np.uint8)


def _smeared(picture: Image.Image, path_px: np.ndarray) -> Image.Image:
    """Return the average of the picture along a straight path, down and right, pixels."""
    steps = np.rint(np.linspace(-0.5, 0.5, max(3, int(np.abs(path_px).max()) + 1))[:, None] * path_px).astype(int)
    return Image.fromarray(_mean_of_shifts(np.asarray(picture), steps))


def _defocused(picture: Image.Image, radius_px: float) -> Image.Image:
    """Return the picture with every point spread over a disc, as a lens out of focus does."""
    r = int(np.ceil(radius_px))
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    disc = np.argwhere(x * x + y * y <= radius_px * radius_px) - r
    return Image.fromarray(_mean_of_shifts(np.asarray(picture), disc))


def _grainy(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    """Add noise whose variance grows with the light (photons), over the sensor's own; partly smeared by demosaicing."""
    pixels = np.asarray(picture).astype(np.float32)
    photons = np.exp(rng.uniform(np.log(25), np.log(1500)))  # at white
    read = rng.uniform(0, 6)
    noise = rng.standard_normal(pixels.shape, np.float32)
    if rng.random() < 0.5:
        noise = 0.8 * (noise + 0.6 * np.roll(noise, 1, 0) + 0.6 * np.roll(noise, 1, 1))
    sigma = np.sqrt(pixels * np.float32(255 / photons) + np.float32(read * read))
    return Image.fromarray(np.clip(pixels + noise * sigma, 0, 255).astype(np.uint8))


def _interlaced(rng: np.random.Generator, picture: Image.Image, moving: np.ndarray | None) -> Image.Image:
    """Show the moving part a little farther on in every other line."""
    pixels = np.asarray(picture).copy()
    step = int(rng.integers(1, 3))  # lines of a picture that was enlarged are two pixels high
    shift = int(rng.integers(2, 8)) * int(rng.choice([-1, 1]))
    lines = np.arange(len(pixels)) // step % 2 == 1
    there = np.roll(pixels, shift, 1)
    moves = np.ones(pixels.shape[:2], bool) if moving is None or rng.random() < 0.4 else moving > 0.3
    moves = (moves | np.roll(moves, shift, 1)) & lines[:, None]
    return Image.fromarray(np.where(moves[..., None], there, pixels))


def _compressed(picture: Image.Image, quality: int, subsampling: int = -1) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(stream).convert("RGB")


def _blocky(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    """Compress so hard that 8×8 blocks and smeared colours show, with some blocks of the frame before in it."""
    pixels = np.asarray(picture).copy()
    if rng.random() < 0.5:
        cells = len(pixels) // 16
        shift = rng.integers(-6, 7, 2)
        there = np.roll(pixels, tuple(shift), (0, 1))
        stale = np.kron(rng.random((cells, cells)) < rng.uniform(0.02, 0.15), np.ones((16, 16), bool))
        whole = np.zeros(pixels.shape[:2], bool)
        whole[: len(stale), : len(stale)] = stale
        pixels[whole] = there[whole]
    return _compressed(Image.fromarray(pixels), int(rng.integers(4, 16)), 2)
