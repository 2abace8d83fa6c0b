"""Predictions against labels on the photograph: a ring at the label, a disc at the prediction, a line between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation import metrics, skeleton
from kinequimation.dataset.coco import LabelledHorse, LabelledImage
from kinequimation.dataset.photographs import read_photograph
from kinequimation.dataset.score import resolve_uncertain_legs
from kinequimation.geometry.crop import apply_transform, crop_transform, warp
from kinequimation.viz.charts import INK, Canvas, legend
from kinequimation.viz.skeleton2d import colour_of

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

LINE_COLOURS: tuple[tuple[float, tuple[int, int, int]], ...] = (
    (0.05, (92, 230, 110)),
    (0.1, (255, 214, 46)),
    (np.inf, (255, 64, 64)),
)
"""Of an error's line: up to 0.05 of the box, up to 0.1, beyond."""
_OUTLINE = (16, 18, 22)
_AROUND = 1.25
"""Side of a tile over the box's longer side."""
_SUPERSAMPLE = 2
_STRIP_PX, _GAP_PX, _TITLE_PX = 26, 6, 22
_SMALL_PX, _LARGE_PX = 640, 1600
_PAPER, _INK = (246, 246, 243), (32, 36, 42)
_OUTSIDE = (114, 114, 114)
_COLOURS = [colour_of(name) for name in skeleton.KEYPOINTS]


def draw_errors(
    image: Image.Image,
    horse: LabelledHorse,
    uv_px: Float[np.ndarray, "103 2"],
    scale: float = 1.0,
) -> None:
    """Draw a horse's labels, predictions and errors on a picture.

    Labels that are hidden have a thin ring; legs whose side is uncertain are shown the way they are scored.

    Args:
        image: drawn on.
        horse: labels, in pixels of the picture.
        uv_px: predictions, in pixels of the picture; NaN where there is none: then the label stands alone.
        scale: size of the marks; 1 suits a horse 300 pixels wide.
    """
    draw = ImageDraw.Draw(image)
    horse = resolve_uncertain_legs(horse, uv_px)
    errors = metrics.point_errors(uv_px[None], horse.uv_px[None], horse.bbox_xywh[None])[0]
    labelled = np.flatnonzero(horse.visibility)
    known = [k for k in labelled if np.isfinite(uv_px[k]).all()]
    width = max(1, round(1.6 * scale))
    for k in known:
        ends = [tuple(horse.uv_px[k] + 0.5), tuple(uv_px[k] + 0.5)]
        draw.line(ends, fill=_OUTLINE, width=2 * width + 1)
        draw.line(ends, fill=next(colour for up_to, colour in LINE_COLOURS if errors[k] <= up_to), width=width)
    for k in labelled:
        radius = 4.2 * scale
        ring = width if horse.visibility[k] == 2 else max(1, width // 2)
        _ellipse(draw, horse.uv_px[k], radius + 0.8 * scale, None, _OUTLINE, ring + round(1.6 * scale))
        _ellipse(draw, horse.uv_px[k], radius, None, _COLOURS[k], ring)
    for k in known:
        _ellipse(draw, uv_px[k], 2.4 * scale, _COLOURS[k], _OUTLINE, max(1, round(0.6 * scale)))


def _ellipse(draw: ImageDraw.ImageDraw, uv: np.ndarray, radius: float, fill, outline, width: int) -> None:
    (u, v) = uv + 0.5
    draw.ellipse((u - radius, v - radius, u + radius, v + radius), fill=fill, outline=outline, width=width)


def horse_tile(
    pixels: UInt8[np.ndarray, "h w 3"], horse: LabelledHorse, uv_px: Float[np.ndarray, "103 2"], size_px: int
) -> Image.Image:
    """Return a square picture of one horse with its errors."""
    x, y, w, h = horse.bbox_xywh
    size = size_px * _SUPERSAMPLE
    to_tile = crop_transform(x + w / 2, y + h / 2, _AROUND * max(w, h), size)
    tile = Image.fromarray(warp(pixels, to_tile, size, _OUTSIDE))
    draw_errors(tile, _moved(horse, to_tile), apply_transform(to_tile, uv_px), size / 430)
    return tile.reduce(_SUPERSAMPLE)


def _moved(horse: LabelledHorse, transform: np.ndarray) -> LabelledHorse:
    corners = apply_transform(transform, np.array([horse.bbox_xywh[:2], horse.bbox_xywh[:2] + horse.bbox_xywh[2:]]))
    box = np.concatenate([corners[0], corners[1] - corners[0]])
    return dataclasses.replace(horse, uv_px=apply_transform(transform, horse.uv_px), bbox_xywh=box)


def photograph_with_errors(image: LabelledImage, uv_px: Float[np.ndarray, "n 103 2"], title: str) -> Image.Image:
    """Return a photograph with the errors of all of its labelled horses, a title and what the marks mean.

    Args:
        image: read here.
        uv_px: one prediction a labelled horse; NaN for one that was missed.
        title: written above.
    """
    longest = max(image.width, image.height)
    factor = float(np.clip(longest, _SMALL_PX, _LARGE_PX)) / longest
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    big = (size[0] * _SUPERSAMPLE, size[1] * _SUPERSAMPLE)
    picture = Image.fromarray(read_photograph(image)).resize(big, Image.Resampling.BILINEAR)
    scale = np.array(big) / [image.width, image.height]
    shift = (scale - 1) / 2  # the centre of the top-left pixel is 0 before and after
    to_picture = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    for horse, uv in zip(image.horses, uv_px, strict=True):
        drawn = _moved(horse, to_picture)
        draw_errors(picture, drawn, apply_transform(to_picture, uv), max(1.0, max(drawn.bbox_xywh[2:]) / 360))
    width = max(size[0], _SMALL_PX)
    canvas = Canvas(width, size[1] + 2 * _STRIP_PX, _PAPER)
    canvas.text(8, _STRIP_PX / 2, title, 13, "lm", _INK)
    marks_legend(canvas, 8, size[1] + 1.5 * _STRIP_PX)
    sheet = canvas.image()
    sheet.paste(picture.reduce(_SUPERSAMPLE), ((width - size[0]) // 2, _STRIP_PX))
    return sheet


def marks_legend(canvas: Canvas, x: float, y: float) -> None:
    """Write what rings, discs and lines mean."""
    left, right = colour_of("DEF-f_hoof.L"), colour_of("DEF-f_hoof.R")
    entries = [("label", INK, "ring"), ("prediction", INK, "dot"), ("left", left, "dot"), ("right", right, "dot")]
    names = ("error to 0.05", "to 0.1 of the box", "beyond")
    darker = ((46, 160, 67), (214, 160, 0), (220, 40, 40))  # on paper
    legend(canvas, x, y, [*entries, *((n, c, "line") for n, c in zip(names, darker, strict=True))])


def contact_sheet(
    images: Sequence[LabelledImage],
    uv_px: Float[np.ndarray, "n 103 2"],
    order: Sequence[int],
    titles: Sequence[str],
    title: str = "",
    columns: int = 4,
    tile_px: int = 320,
) -> Image.Image:
    """Draw some horses of a set, each with its errors.

    Args:
        images: the set; only those of the horses that are drawn are read.
        uv_px: one prediction a labelled horse of the set.
        order: the horses to draw, by their number in the set.
        titles: of each of them.
        title: of the sheet.
        columns: tiles beside each other.
        tile_px: their size.
    """
    horses = [(image, horse) for image in images for horse in image.horses]
    columns = min(columns, max(1, len(order)))
    rows = -(-max(1, len(order)) // columns)
    cell = tile_px + _GAP_PX
    width = max(columns * cell + _GAP_PX, 2 * tile_px)
    canvas = Canvas(width, 2 * _STRIP_PX + rows * (cell + _TITLE_PX), _PAPER)
    canvas.text(8, _STRIP_PX / 2, title, 14, "lm", _INK)
    marks_legend(canvas, 8, canvas.height - _STRIP_PX / 2)
    places = [(_GAP_PX + i % columns * cell, _STRIP_PX + i // columns * (cell + _TITLE_PX)) for i in range(len(order))]
    for (x, y), text in zip(places, titles, strict=True):
        canvas.text(x + 2, y + _TITLE_PX / 2, fitted(canvas, text, tile_px - 4), 12, "lm", _INK)
    sheet = canvas.image()
    for (x, y), h in zip(places, order, strict=True):
        image, horse = horses[h]
        sheet.paste(horse_tile(read_photograph(image), horse, uv_px[h], tile_px), (x, y + _TITLE_PX))
        if not np.isfinite(uv_px[h]).any():
            draw = ImageDraw.Draw(sheet)
            font = ImageFont.load_default(tile_px // 12)
            draw.text(
                (x + tile_px / 2, y + _TITLE_PX + 8),
                "not found",
                (255, 64, 64),
                font,
                "ma",
                stroke_width=2,
                stroke_fill=_OUTLINE,
            )
    return sheet


def worst_sheet(
    images: Sequence[LabelledImage], uv_px: Float[np.ndarray, "n 103 2"], worst: Sequence[tuple[int, float]]
) -> Image.Image:
    """Draw the worst horses of a set, as ``dataset.score.worst_first`` names them."""
    names = horse_names(images)
    titles = [f"{names[h]}  PCK@0.1 {share:.2f}" for h, share in worst]
    return contact_sheet(images, uv_px, [h for h, _ in worst], titles, "the worst horses, seen points")


def horse_names(images: Sequence[LabelledImage]) -> list[str]:
    """Return a name for each labelled horse of a set: its image's, and its number there if there are several."""
    return [
        image.path.name + (f" #{i + 1}" if len(image.horses) > 1 else "")
        for image in images
        for i in range(len(image.horses))
    ]


def fitted(canvas: Canvas, text: str, width_px: float, size: int = 12) -> str:
    """Return a text, its beginning cut off where it is wider than ``width_px``."""
    if canvas.text_width(text, size) <= width_px:
        return text
    while text and canvas.text_width("…" + text, size) > width_px:
        text = text[1:]
    return "…" + text
