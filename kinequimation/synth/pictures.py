"""Backdrop pictures: painted skylines and clutter, and photographs if there are any. Kept small in memory."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kinequimation.errors import InputError
from kinequimation.synth.cards import card_bank, card_layer
from kinequimation.synth.textures import fractal

if TYPE_CHECKING:
    from jaxtyping import UInt8

SKYLINE_SIZE = (768, 192)
"""Width and height of a skyline; its upper edge stands for the height that ``skyline`` in the scene's rows says."""
N_SKYLINES, N_PAINTINGS = 32, 24
PICTURE_SIDE = 256
_PHOTO_LIMIT_PX = 80_000_000
"""A photograph larger than this is refused: it would take a gigabyte to open."""
PHOTO_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")

_GREENS = ((70, 92, 48), (92, 108, 58), (56, 78, 44), (108, 116, 66), (80, 96, 66), (122, 104, 60), (140, 110, 58))
_TREES = ("oak", "ash", "lime", "poplar", "spruce", "pine", "bare", "oak", "ash", "bush", "shrub")
_WALLS = ((196, 188, 174), (160, 90, 70), (128, 60, 48), (214, 208, 196), (120, 104, 86), (150, 150, 148), (96, 72, 54))
_ROOFS = ((92, 58, 48), (70, 70, 74), (120, 78, 58), (140, 140, 142), (60, 52, 48))


def _varied(rng: np.random.Generator, rgb: object, spread: float = 0.15) -> np.ndarray:
    return np.clip(np.asarray(rgb, float) * np.exp(rng.normal(0, spread)) * np.exp(rng.normal(0, 0.04, 3)), 4, 250)


def _hazed(rgb: np.ndarray, haze: float) -> tuple[int, int, int]:
    r, g, b = rgb + (np.array([178.0, 190.0, 202.0]) - rgb) * haze
    return int(r), int(g), int(b)


def _paste_plant(
    image: Image.Image, rng: np.random.Generator, name: str, x: int, base: int, tall: int, haze: float
) -> None:
    """Paste a tree or a bush whose foot stands at (x, base), wrapped round at the sides."""
    card = Image.fromarray(card_bank()[card_layer(name)])
    mirrored = rng.random() < 0.5
    green = _varied(rng, _GREENS[rng.integers(len(_GREENS))] if name not in ("spruce", "pine") else (52, 70, 48), 0.2)
    wide = max(int(tall * rng.uniform(0.8, 1.25)), 2)
    rgba = np.asarray(card.resize((wide, max(tall, 2)), Image.Resampling.BOX), np.float32)[:, :: -1 if mirrored else 1]
    rgb = rgba[..., :3] * (green / 127 * (1 - haze)) + np.array([178.0, 190.0, 202.0]) * haze
    tree = Image.fromarray(np.concatenate([rgb.clip(0, 255), rgba[..., 3:]], -1).astype(np.uint8), "RGBA")
    for shift in (-image.width, 0, image.width):
        if -wide < x + shift - wide // 2 < image.width:
            _composite(image, tree, (x + shift - wide // 2, base - tall))


def _composite(image: Image.Image, layer: Image.Image, at: tuple[int, int]) -> None:
    left, top = max(-at[0], 0), max(-at[1], 0)
    right, bottom = min(layer.width, image.width - at[0]), min(layer.height, image.height - at[1])
    if right > left and bottom > top:
        image.alpha_composite(layer.crop((left, top, right, bottom)), (at[0] + left, at[1] + top))


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    return np.tile(fractal(np.random.default_rng(29), (256, 256), 0.9), (1, 3))


def _ridge(
    image: Image.Image, rng: np.random.Generator, top: float, colour: np.ndarray, haze: float, rough: float
) -> None:
    """Fill everything below a wavy line with one textured colour."""
    w, h = image.size
    line = fractal(rng, (w,), 1.6) * 0.8 + rough * (fractal(rng, (w,), 0.7) - 0.5)
    y0 = h - 1 - h * top * (0.35 + line)
    rows = np.arange(h)[:, None]
    inside = rows > y0[None]
    texture = 0.8 + 0.4 * np.roll(_grain(), int(rng.integers(0, 256)), axis=1)[:h, :w]
    rgb = np.stack([np.full((h, w), c) for c in _hazed(colour, haze)], -1) * texture[..., None]
    layer = np.dstack([rgb.clip(0, 255), inside * 255.0]).astype(np.uint8)
    image.alpha_composite(Image.fromarray(layer, "RGBA"))


def _building(image: Image.Image, rng: np.random.Generator, x: int, base: int, tall: int, haze: float) -> None:
    brush = ImageDraw.Draw(image)
    wide = int(tall * rng.uniform(1.2, 4.5))
    wall, roof = (_varied(rng, c[rng.integers(len(c))]) for c in (_WALLS, _ROOFS))
    eaves = base - int(tall * rng.uniform(0.5, 0.7))
    brush.rectangle([x, eaves, x + wide, base], fill=_hazed(wall, haze))
    over = int(0.06 * wide)
    if rng.random() < 0.5:
        outline = [
            (x - over, eaves),
            (x + wide + over, eaves),
            (x + wide - wide // 6, base - tall),
            (x + wide // 6, base - tall),
        ]
    else:
        outline = [(x - over, eaves), (x + wide + over, eaves), (x + wide // 2, base - tall)]
    brush.polygon(outline, fill=_hazed(roof, haze))
    dark = _hazed(_varied(rng, (48, 46, 46)), haze)
    n = int(rng.integers(2, 7))
    for i in range(n):
        if rng.random() < 0.75:
            left = x + int((i + 0.3) / n * wide)
            height = int((base - eaves) * rng.uniform(0.3, 0.8))
            foot = base if rng.random() < 0.4 else base - (base - eaves) // 4
            brush.rectangle([left, foot - height, left + max(int(0.4 / n * wide), 1), foot], fill=dark)
    brush.line([x - over, eaves + 1, x + wide + over, eaves + 1], fill=_hazed(wall * 0.5, haze))


def _fence_line(image: Image.Image, rng: np.random.Generator, base: int, tall: int) -> None:
    brush = ImageDraw.Draw(image)
    white = rng.random() < 0.5
    colour = tuple(int(c) for c in _varied(rng, (232, 230, 226) if white else (104, 86, 70), 0.08))
    spacing = int(tall * rng.uniform(1.2, 3))
    for x in range(int(rng.integers(0, spacing)), image.width, max(spacing, 3)):
        brush.rectangle([x, base - tall, x + max(tall // 10, 1), base], fill=colour)
    for z in np.linspace(0.95, 0.35, int(rng.integers(2, 5))):
        brush.rectangle([0, base - int(tall * z), image.width, base - int(tall * z) + max(tall // 12, 0)], fill=colour)


def _crowd(image: Image.Image, rng: np.random.Generator, base: int, tall: int, n: int) -> None:
    brush = ImageDraw.Draw(image)
    for _ in range(n):
        x, size = rng.integers(0, image.width), int(tall * rng.uniform(0.75, 1.1))
        y = base - int(rng.random() ** 2 * 0.8 * tall)
        coat = tuple(int(c) for c in _varied(rng, rng.uniform(25, 200, 3) * 0.6 + 40, 0.3))
        legs = tuple(int(c) for c in _varied(rng, (52, 54, 66), 0.4))
        half = max(size // 7, 1)
        brush.rectangle([x - half + 1, y - size // 2, x + half - 1, y], fill=legs)
        brush.rounded_rectangle([x - half, y - int(0.85 * size), x + half, y - int(0.45 * size)], half, fill=coat)
        head = max(size // 13, 1)
        skin = tuple(int(c) for c in _varied(rng, (190, 146, 118), 0.25))
        brush.ellipse([x - head, y - size, x + head, y - size + 2 * head], fill=skin)


def _vehicles(image: Image.Image, rng: np.random.Generator, base: int, tall: int) -> None:
    brush = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 6))):
        x, wide = int(rng.integers(0, image.width)), int(tall * rng.uniform(1.6, 3.2))
        colour = tuple(
            int(c)
            for c in _varied(
                rng, ((226, 226, 226), (60, 62, 68), (140, 30, 30), (60, 80, 120), (170, 172, 176))[rng.integers(5)]
            )
        )
        brush.rounded_rectangle(
            [x, base - int(0.85 * tall), x + wide, base - tall // 6], max(tall // 6, 1), fill=colour
        )
        brush.rectangle(
            [x + wide // 6, base - int(0.75 * tall), x + wide - wide // 5, base - int(0.5 * tall)], fill=(38, 42, 48)
        )
        for at in (0.2, 0.8):
            r = max(tall // 6, 1)
            brush.ellipse([x + int(at * wide) - r, base - 2 * r, x + int(at * wide) + r, base], fill=(26, 26, 28))


@lru_cache(maxsize=N_SKYLINES)
def skyline(number: int) -> UInt8[np.ndarray, "192 768 4"]:
    """Return what stands along the horizon all round, alpha 0 where the sky begins; the same in every process.

    Ridges, woods, hedges, houses, stands, fences and cars, the farther the hazier and lower.
    """
    rng = np.random.default_rng([19, number])
    w, h = SKYLINE_SIZE
    image = Image.new("RGBA", (w, h))
    theme = ("woods", "farm", "hills", "showground", "town", "plain", "conifers", "garden")[number % 8]
    if theme in ("hills", "farm", "conifers") or rng.random() < 0.4:
        for i in range(int(rng.integers(1, 3))):
            colour = _varied(rng, ((96, 112, 84), (120, 118, 90), (84, 92, 88), (136, 126, 104))[rng.integers(4)])
            _ridge(
                image, rng, rng.uniform(0.25, 0.6) * (0.8 if i else 1.0), colour, rng.uniform(0.35, 0.65) - 0.2 * i, 0.1
            )
    if rng.random() < 0.85:
        _ridge(image, rng, rng.uniform(0.08, 0.25), _varied(rng, _GREENS[rng.integers(4)]), rng.uniform(0.15, 0.4), 0.3)
    n_far = {"plain": 8, "hills": 25, "town": 20, "woods": 110}.get(theme, 75)
    kinds = ("spruce", "pine") if theme == "conifers" else tuple(_TREES[i] for i in rng.integers(0, len(_TREES), 4))
    for _ in range(n_far):
        tall = int(h * rng.uniform(0.12, 0.4 if theme in ("woods", "garden", "showground") else 0.3))
        haze = rng.uniform(0.1, 0.35)
        _paste_plant(image, rng, kinds[rng.integers(len(kinds))], int(rng.integers(0, w)), h, tall, haze)
    n_buildings = {"farm": 4, "town": 14, "showground": 4, "garden": 2}.get(theme, int(rng.integers(0, 2)))
    for _ in range(n_buildings):
        _building(image, rng, int(rng.integers(0, w)), h, int(h * rng.uniform(0.12, 0.5)), rng.uniform(0.0, 0.25))
    if theme in ("showground", "town") or rng.random() < 0.15:
        _vehicles(image, rng, h - 1, int(h * rng.uniform(0.06, 0.14)))
    if theme == "showground":
        _crowd(image, rng, h - 2, int(h * rng.uniform(0.1, 0.2)), int(rng.integers(40, 260)))
    n_near = {"woods": 34, "garden": 30, "conifers": 18, "plain": 2, "showground": 5}.get(theme, 8)
    for _ in range(n_near):
        bush = rng.random() < 0.4
        name = ("bush", "shrub", "hedge")[rng.integers(3)] if bush else kinds[rng.integers(len(kinds))]
        tall = int(h * (rng.uniform(0.08, 0.25) if bush else rng.uniform(0.35, 0.97)))
        _paste_plant(image, rng, name, int(rng.integers(0, w)), h + 2, tall, rng.uniform(0.0, 0.12))
    if rng.random() < 0.5:
        _fence_line(image, rng, h - 1, int(h * rng.uniform(0.05, 0.12)))
    return np.asarray(image)


@lru_cache(maxsize=N_PAINTINGS)
def painting(number: int) -> UInt8[np.ndarray, "256 256 3"]:
    """Return a picture with the statistics of a photograph.

    Half of them have a horizon with a skyline, half are clutter: overlapping discs and boards whose sizes follow a
    power law (the "dead leaves" model of natural images), coloured from earth, leaf, stone and sky.
    """
    rng = np.random.default_rng([23, number])
    side = PICTURE_SIDE
    palette = np.array([(92, 104, 60), (70, 86, 52), (128, 112, 88), (96, 84, 72), (160, 150, 134), (196, 200, 206),
                        (58, 54, 50), (140, 120, 90), (110, 124, 140), (214, 208, 198)], float)  # fmt: skip
    if number % 2:
        image = Image.new("RGB", (side, side), tuple(int(c) for c in palette[rng.integers(len(palette))]))
        brush = ImageDraw.Draw(image)
        n = 900
        radius = side * 0.5 * (0.02 + 0.98 * rng.random(n) ** 3)
        chosen = palette[rng.choice(len(palette), 5, replace=False)]
        for r in np.sort(radius)[::-1]:
            x, y = rng.uniform(-0.1, 1.1, 2) * side
            colour = _varied(rng, chosen[rng.integers(5)] * (1.2 - 0.4 * y / side), 0.25)
            fill = tuple(int(c) for c in colour)
            if rng.random() < 0.6:
                brush.ellipse([x - r, y - r, x + r, y + r], fill=fill)
            else:
                q = r * rng.uniform(0.15, 1.0)
                brush.rectangle(
                    [x - q, y - r, x + q, y + r] if rng.random() < 0.6 else [x - r, y - q, x + r, y + q], fill=fill
                )
        rgb = np.asarray(image).astype(float)
    else:
        y = np.linspace(0, 1, side)[:, None, None]
        sky = np.array([150.0, 178, 214]) * rng.uniform(0.7, 1.1) * (1 - y) + np.array([214.0, 220, 226]) * y
        clouds = np.clip((fractal(rng, (side, side), 1.6) - 0.5) * 3, 0, 1)[..., None] * rng.uniform(0, 1)
        rgb = sky + (np.array([236.0, 236, 238]) - sky) * clouds
        horizon = int(side * rng.uniform(0.42, 0.6))
        depth = np.maximum(np.arange(side) - horizon, 1)
        earth = _varied(rng, palette[rng.integers(len(palette))])
        noise = fractal(rng, (side, side), 0.8)
        at = np.minimum(3000.0 / (depth + 12), 255).astype(int)
        streaks = noise[at] * 0.5 + fractal(rng, (side, side), 0.5) * 0.5
        rgb[horizon:] = (earth * (0.65 + 0.7 * streaks[..., None]))[horizon:]
        line = Image.fromarray(skyline(int(rng.integers(N_SKYLINES))))
        left = int(rng.integers(0, line.width - side))
        strip = np.asarray(line.crop((left, 0, left + side, line.height))).astype(float)
        top = horizon + 1 - len(strip)
        strip = strip[max(-top, 0) :]
        a = strip[..., 3:] / 255
        part = slice(max(top, 0), horizon + 1)
        rgb[part] = rgb[part] * (1 - a) + strip[..., :3] * a
    soft = Image.fromarray(rgb.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    grain = (fractal(rng, (side, side), 0.6) - 0.5)[..., None] * 40
    return (np.asarray(soft) + grain).clip(0, 255).astype(np.uint8)


def photographs(folder: str | Path) -> tuple[str, ...]:
    """Return the image files of a folder and of those in it, sorted by name, for ``SceneShares.photographs``.

    Raises:
        InputError: the folder is missing, or has no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"backgrounds: {folder} is no folder")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_EXTENSIONS and p.is_file())
    if not found:
        raise InputError(f"backgrounds: {folder} has no {', '.join(e[1:] for e in PHOTO_EXTENSIONS)} file")
    return tuple(str(p) for p in found)


@lru_cache(maxsize=512)
def photograph(path: Path) -> UInt8[np.ndarray, "256 256 3"]:
    """Return the middle square of a photograph, 256 pixels wide.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > _PHOTO_LIMIT_PX:
                raise InputError(f"{path.name}: expected at most 80 megapixels, got {image.width} × {image.height}")
            image.draft("RGB", (PICTURE_SIDE, PICTURE_SIDE))
            rgb = image.convert("RGB")
            side = min(rgb.size)
            left, top = (rgb.width - side) // 2, (rgb.height - side) // 2
            box = (left, top, left + side, top + side)
            return np.asarray(rgb.resize((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.LANCZOS, box))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path.name}: cannot be read as an image ({error})") from error


@lru_cache(maxsize=1024)
def unfocused(picture: int | Path, level: int, *, is_skyline: bool = False) -> UInt8[np.ndarray, "h w c"]:
    """Return a picture out of focus, with as few pixels as that needs.

    Args:
        picture: number of a skyline or a painting, or a photograph's path.
        level: 0 for sharp; each further one blurs twice as far.
        is_skyline: is it the number of a skyline?
    """
    paint = skyline if is_skyline else painting
    image = photograph(picture) if isinstance(picture, Path) else paint(picture)
    if level == 0:
        return image
    # through premultiplied alpha: colour does not run out of the holes
    whole = Image.fromarray(image).convert("RGBa") if is_skyline else Image.fromarray(image)
    small = whole.reduce(2**level).filter(ImageFilter.GaussianBlur(0.9))
    return np.asarray(small.convert("RGBA") if is_skyline else small)
