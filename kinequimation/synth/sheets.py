"""Sheets: all breeds, coats or gaits, or random training crops, side by side, to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation import skeleton
from kinequimation.body import BREEDS, Body, breed_shape
from kinequimation.motion import MOTION_NAMES, Style, make_motion
from kinequimation.runtime import Progress, no_progress
from kinequimation.synth.coat import COATS, CoatShares, named_coat, sample_coat
from kinequimation.synth.frames import training_sample
from kinequimation.synth.renderer import renderer
from kinequimation.synth.scene import HorseInScene
from kinequimation.synth.studio import studio_scene

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.motion import Motion

N_CROPS = 64
N_PHASES = 8
_CLEAN = replace(CoatShares(), strays=0.0, winter=0.0, sweat=0.0, rain=0.0, dirt=0.0, dust=0.0, texture=0.0)
_USUAL = {
    "warmblood": "bay", "arabian": "flea-bitten grey", "thoroughbred": "dark bay", "quarter_horse": "chestnut",
    "andalusian": "dapple grey", "friesian": "black", "shire": "black", "clydesdale": "bay",
    "icelandic": "silver dapple", "shetland": "black", "standardbred": "bay", "haflinger": "flaxen chestnut",
    "foal_0m": "chestnut", "foal_6m": "bay", "foal_12m": "dark bay",
}  # fmt: skip
"""The colour that people think of."""
_CARRIAGE_DEG = {
    "friesian": (64, 70), "andalusian": (58, 68), "arabian": (60, 50), "icelandic": (54, 56), "haflinger": (48, 56),
    "clydesdale": (52, 58), "shire": (50, 58), "quarter_horse": (30, 48), "standardbred": (42, 46),
    "foal_0m": (56, 48), "foal_6m": (50, 48), "foal_12m": (48, 48),
}  # fmt: skip
"""Neck above and nose below the horizontal, as breed pictures show them (judgement)."""
_PHASE_PX, _PHASE_SPAN_M, _BELOW_M = 146, 3.7, 0.2
"""Width of a picture of the gait sheet, what it shows, and how much of that is ground."""
_PAPER, _INK, _MUTED = (250, 249, 246), (38, 36, 34), (150, 146, 140)
_SUPERSAMPLING = 2
_SACRUM, _NECK = skeleton.JOINT_INDEX[skeleton.SACRUM], skeleton.JOINT_INDEX["DEF-neck.001"]


def _text(image: Image.Image, xy: tuple[float, float], text: str, colour: tuple[int, int, int] = _INK, size: int = 15):
    ImageDraw.Draw(image).text(xy, text, fill=colour, font=ImageFont.load_default(size))


def _grid(tiles: list[Image.Image], columns: int, gap: int = 6) -> Image.Image:
    width, height = tiles[0].size
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), _PAPER)
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (gap + i % columns * (width + gap), gap + i // columns * (height + gap)))
    return sheet


def _titled(picture: Image.Image, title: str) -> Image.Image:
    tile = Image.new("RGB", (picture.width, picture.height + 22), _PAPER)
    tile.paste(picture, (0, 22))
    _text(tile, (4, 1), title)
    return tile


def _drawn(
    horse: HorseInScene, size: tuple[int, int], azimuth_rad: float, span_m: float | None = None,
    target: Float[np.ndarray, " 3"] | None = None,
) -> Image.Image:  # fmt: skip
    scene = studio_scene(horse, *size, azimuth_rad, span_m=span_m, target=target)
    pixels: UInt8[np.ndarray, "h w 3"] = renderer().render(scene, _SUPERSAMPLING).rgb
    return Image.fromarray(np.ascontiguousarray(pixels)).reduce(_SUPERSAMPLING)


def _at(body: Body, motion: Motion, frame: int, coat: Float[np.ndarray, "fields 4"]) -> HorseInScene:
    """Return a frame of a motion with the trunk over the origin."""
    xyz, rotation = body.joints(motion.root_xyz_world[frame : frame + 1], motion.quat_wxyz[frame : frame + 1])
    middle = 0.5 * (xyz[0, _SACRUM] + xyz[0, _NECK])
    return HorseInScene(body, xyz[0] - middle * [1, 1, 0], rotation[0], coat)


def breed_sheet(progress: Progress = no_progress) -> Image.Image:
    """Return every breed standing, at one scale, in a coat that is usual for it."""
    tiles = []
    for i, breed in enumerate(BREEDS):
        body = Body(breed_shape(breed))
        shares = replace(_CLEAN.of_breed(breed), base={_USUAL[breed]: 1.0}, pattern={})
        coat, _ = sample_coat(np.random.default_rng(107 + i), shares)
        neck, nose = np.radians(_CARRIAGE_DEG.get(breed, (46, 52)))
        style = Style(neck_elevation_rad=neck, nose_below_horizontal_rad=nose)
        horse = _at(body, make_motion("idle", body, seconds=0.1, style=style), 0, coat)
        tile = Image.new("RGB", (470, 230), _PAPER)
        tile.paste(_drawn(horse, (300, 230), np.pi, 3.25, np.array([0.0, -0.2, 1.12])), (0, 0))
        tile.paste(_drawn(horse, (170, 230), -2.1, 1.95, np.array([0.0, -0.5, 1.15])), (300, 0))
        height = body.shape.withers_height_m
        tiles.append(_titled(tile, f"{breed.replace('_', ' ')}   {height:.2f} m"))
        progress("sheet", i + 1, len(BREEDS))
    return _grid(tiles, 3)


def coat_sheet(progress: Progress = no_progress) -> Image.Image:
    """Return every named coat on the same horse."""
    body = Body(breed_shape("warmblood"))
    motion = make_motion("idle", body, seconds=0.1)
    tiles = []
    for i, name in enumerate(COATS):
        coat, _ = named_coat(name, np.random.default_rng(200 + i))
        horse = _at(body, motion, 0, coat)
        tile = Image.new("RGB", (440, 200), _PAPER)
        tile.paste(_drawn(horse, (260, 200), np.pi, 2.95, np.array([0.0, -0.25, 1.0])), (0, 0))
        tile.paste(_drawn(horse, (180, 200), 0.75, 2.05, np.array([0.0, 0.0, 1.0])), (260, 0))
        tiles.append(_titled(tile, name))
        progress("sheet", i + 1, len(COATS))
    return _grid(tiles, 4)


def gait_sheet(progress: Progress = no_progress) -> Image.Image:
    """Return each gait and move as a strip of its phases, with what each hoof does below."""
    body = Body(breed_shape("warmblood"))
    coat, _ = named_coat("bay", np.random.default_rng(3))
    strips = []
    for i, name in enumerate(MOTION_NAMES):
        motion = make_motion(name, body)
        shown = [_at(body, motion, int(f), coat) for f in np.linspace(0, len(motion), N_PHASES, endpoint=False)]
        top = max(2.6, max(float(horse.xyz_world[:, 2].max()) for horse in shown) + 0.25)
        height = int(_PHASE_PX / _PHASE_SPAN_M * (top + _BELOW_M))
        strip = Image.new("RGB", (96 + N_PHASES * (_PHASE_PX + 4), height + 28), _PAPER)
        _text(strip, (4, height / 2 - 12), name.replace("_", "\n"))
        for k, horse in enumerate(shown):
            middle = np.array([0.0, -0.15, (top - _BELOW_M) / 2])
            picture = _drawn(horse, (_PHASE_PX, height), 0.0, _PHASE_SPAN_M, middle)
            strip.paste(picture, (98 + (_PHASE_PX + 4) * k, 2))
        _footfalls(strip, motion, (98, height + 6, N_PHASES * (_PHASE_PX + 4) - 4, 20))
        strips.append(strip)
        progress("sheet", i + 1, len(MOTION_NAMES))
    sheet = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)), _PAPER)
    top_px = 0
    for strip in strips:
        sheet.paste(strip, (0, top_px))
        top_px += strip.height
    return sheet


def _footfalls(strip: Image.Image, motion: Motion, box: tuple[int, int, int, int]) -> None:
    """Draw the footfall diagram: a bar where a hoof stands; from the top LH, LF, RF, RH, as gait books have it."""
    left, top, width, height = box
    draw = ImageDraw.Draw(strip)
    for row, limb in enumerate((2, 0, 1, 3)):
        y = top + row * height / 4
        for x in range(width):
            if motion.contact[x * len(motion) // width, limb] > 0.5:
                draw.rectangle((left + x, y, left + x, y + height / 4 - 2), fill=_INK if limb % 2 == 0 else _MUTED)


def crop_sheet(progress: Progress = no_progress) -> Image.Image:
    """Return random crops as the keypoint network is trained on them."""
    tiles = []
    for i in range(N_CROPS):
        tiles.append(Image.fromarray(training_sample(11, i, 160).image))
        progress("sheet", i + 1, N_CROPS)
    return _grid(tiles, 8, 3)


SHEETS: dict[str, Callable[[Progress], Image.Image]] = {
    "breeds": breed_sheet,
    "coats": coat_sheet,
    "gaits": gait_sheet,
    "crops": crop_sheet,
}
"""What a sheet can show, by the name that its file has."""
