"""Plain charts by Pillow: a canvas with smooth edges, axes, dots with intervals, bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, PALE_INK, GRID, PAPER, FRAME = "#1d2126", "#6a727c", "#e3e5e8", "#ffffff", "#b9bec5"
BLUE, ORANGE, GREEN, RED, GREY = "#1f62b0", "#e08a1e", "#3f9b57", "#cc3d3d", "#9aa1aa"
_SUPERSAMPLE = 2
Colour = str | tuple[int, int, int]


class Canvas:
    """A picture to draw on in pixels, with smooth edges.

    Args:
        width, height: of the picture, pixels.
        paper: its colour.
    """

    def __init__(self, width: int, height: int, paper: Colour = PAPER) -> None:
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * _SUPERSAMPLE, height * _SUPERSAMPLE), paper)
        self._draw = ImageDraw.Draw(self._image)
        self._fonts: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}

    def text(self, x: float, y: float, text: str, size: int = 13, anchor: str = "lm", fill: Colour = INK) -> None:
        """Write one line; ``anchor`` as Pillow's, so ``lm`` begins at x and is centred on y."""
        self._draw.text((_up(x), _up(y)), text, fill=fill, font=self._font(size), anchor=anchor)

    def text_width(self, text: str, size: int = 13) -> float:
        """Return how wide a line of text is, pixels."""
        return self._draw.textlength(text, font=self._font(size)) / _SUPERSAMPLE

    def line(self, points: Sequence[tuple[float, float]], fill: Colour, width: float = 1.0) -> None:
        """Draw a line through points."""
        self._draw.line(
            [(_up(x), _up(y)) for x, y in points], fill=fill, width=max(1, round(_up(width))), joint="curve"
        )

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """Draw a rectangle; one without an area is not drawn, one thinner than a pixel is a line."""
        if right > left and bottom > top:
            ends = (max(_up(right) - 1, _up(left)), max(_up(bottom) - 1, _up(top)))
            self._draw.rectangle((_up(left), _up(top), *ends), fill=fill)

    def dot(self, x: float, y: float, radius: float, fill: Colour | None, outline: Colour | None = None) -> None:
        """Draw a disc, or a ring where there is no fill."""
        ends = (_up(x - radius), _up(y - radius), _up(x + radius), _up(y + radius))
        self._draw.ellipse(ends, fill=fill, outline=outline, width=round(_up(1.2)))

    def image(self) -> Image.Image:
        """Return the picture."""
        return self._image.reduce(_SUPERSAMPLE)

    def _font(self, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        if size not in self._fonts:
            self._fonts[size] = ImageFont.load_default(size * _SUPERSAMPLE)
        return self._fonts[size]


def _up(value: float) -> float:
    return float(value) * _SUPERSAMPLE


@dataclass(frozen=True)
class Axes:
    """A rectangle of a canvas with a scale on each side; values beyond an end are drawn at that end.

    Attributes:
        canvas: to draw on.
        left, top, right, bottom: pixels.
        x_range, y_range: values at left and right, at bottom and top.
    """

    canvas: Canvas
    left: float
    top: float
    right: float
    bottom: float
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)

    def x(self, value: float) -> float:
        """Return where a value lies, pixels."""
        low, high = self.x_range
        return self.left + float(np.clip((value - low) / (high - low), 0, 1)) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return where a value lies, pixels."""
        low, high = self.y_range
        return self.bottom - float(np.clip((value - low) / (high - low), 0, 1)) * (self.bottom - self.top)

    def x_scale(self, ticks: Sequence[float], texts: Sequence[str], title: str = "") -> None:
        """Draw a scale below, with lines up through the axes."""
        for tick, text in zip(ticks, texts, strict=True):
            self.canvas.line([(self.x(tick), self.top), (self.x(tick), self.bottom)], GRID)
            self.canvas.text(self.x(tick), self.bottom + 5, text, 12, "ma", PALE_INK)
        if title:
            self.canvas.text((self.left + self.right) / 2, self.bottom + 23, title, 13, "ma", INK)

    def y_scale(self, ticks: Sequence[float], texts: Sequence[str], title: str = "") -> None:
        """Draw a scale on the left, with lines across the axes; its title stands above."""
        for tick, text in zip(ticks, texts, strict=True):
            self.canvas.line([(self.left, self.y(tick)), (self.right, self.y(tick))], GRID)
            self.canvas.text(self.left - 6, self.y(tick), text, 12, "rm", PALE_INK)
        if title:
            self.canvas.text(self.left - 34, self.top - 16, title, 13, "lm", INK)

    def frame(self) -> None:
        """Draw the sides at left and bottom."""
        self.canvas.line([(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)], FRAME)

    def interval(self, value: float, low: float, high: float, y_px: float, colour: Colour, radius: float = 4.0) -> None:
        """Draw a dot with its interval on a row."""
        if np.isfinite([low, high]).all():
            self.canvas.line([(self.x(low), y_px), (self.x(high), y_px)], colour, 1.8)
            for end in (low, high):
                self.canvas.line([(self.x(end), y_px - 3), (self.x(end), y_px + 3)], colour, 1.4)
        if np.isfinite(value):
            self.canvas.dot(self.x(value), y_px, radius, colour)


def legend(canvas: Canvas, x: float, y: float, entries: Sequence[tuple[str, Colour, str]]) -> float:
    """Draw what colours mean, from left to right.

    Args:
        canvas: to draw on.
        x, y: of the left end, the middle of the line.
        entries: text, colour, and ``dot``, ``ring``, ``box`` or ``line``.

    Returns:
        where the next entry would begin.
    """
    for text, colour, mark in entries:
        if mark == "box":
            canvas.box(x, y - 5, x + 12, y + 5, colour)
        elif mark == "line":
            canvas.line([(x, y), (x + 12, y)], colour, 2)
        else:
            canvas.dot(x + 6, y, 4, colour if mark == "dot" else None, colour)
        canvas.text(x + 17, y, text, 12)
        x += 17 + canvas.text_width(text, 12) + 18
    return x
