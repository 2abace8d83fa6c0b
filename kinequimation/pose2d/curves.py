"""Pictures of a training run: its curves over the steps, and how far its confidence can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation.io.atomic import replacing
from kinequimation.pose2d.logs import Row, figures_of, losses_of

if TYPE_CHECKING:
    from kinequimation.metrics.reliability import Reliability

PANEL_PX = (560, 330)
SCALE = 2
"""Drawn so many times larger, then averaged down: smooth lines without a plotting library."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 34, 40
_INK, _GRID, _FAINT = "#26323d", "#e3e8ec", "#7c8a96"
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")
MOST_POINTS = 400
"""Of a drawn line: rows beyond are averaged, as a line with more is a grey band."""


@dataclass(frozen=True)
class Curve:
    """A line of a panel.

    Attributes:
        name: for the legend.
        x, y: its points.
        has_dots: whether to mark the points: where there are few.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    has_dots: bool = False


def _font(px: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(px * SCALE)


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return about ``n`` round numbers that cover the range from ``low`` to ``high``."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    raw = span / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


class Panel:
    """A chart with axes, on which lines and bars are drawn in its own coordinates.

    Args:
        title: over it.
        x_name: under it.
        x_range: of the horizontal axis.
        y_range: of the vertical one.
        is_log: whether the vertical axis is logarithmic; its range must be > 0.
    """

    def __init__(
        self, title: str, x_name: str, x_range: tuple[float, float], y_range: tuple[float, float], is_log: bool = False
    ) -> None:
        self.image = Image.new("RGB", (PANEL_PX[0] * SCALE, PANEL_PX[1] * SCALE), "white")
        self._draw = ImageDraw.Draw(self.image)
        self._is_log = is_log
        x0, x1 = x_range
        self._x_range = (x0, x1 if x1 > x0 else x0 + 1)
        y0, y1 = (math.log10(v) for v in y_range) if is_log else y_range
        self._y_range = (y0, y1 if y1 > y0 else y0 + 1)
        self._draw.text((_LEFT * SCALE, 8 * SCALE), title, _INK, _font(13))
        for x in ticks(*self._x_range):
            left = self.at(x, y_range[0])[0]
            self._line([(left, _TOP), (left, PANEL_PX[1] - _BOTTOM)], _GRID)
            self._text((left, PANEL_PX[1] - _BOTTOM + 5), _short(x), "ma")
        for y in self._y_ticks():
            top = self.at(x_range[0], y)[1]
            self._line([(_LEFT, top), (PANEL_PX[0] - _RIGHT, top)], _GRID)
            self._text((_LEFT - 6, top), _short(y), "rm")
        self._text((PANEL_PX[0] - _RIGHT, PANEL_PX[1] - 6), x_name, "rs", _FAINT)
        self._legend_px = PANEL_PX[0] - _RIGHT - 4

    def _y_ticks(self) -> list[float]:
        low, high = self._y_range
        if not self._is_log:
            return ticks(low, high)
        return [
            m * 10.0**k
            for k in range(math.floor(low), math.ceil(high) + 1)
            for m in ((1, 2, 5) if high - low < 2.5 else (1,))
            if low - 1e-9 <= math.log10(m) + k <= high + 1e-9
        ]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point stands in the panel, pixels."""
        (x0, x1), (y0, y1) = self._x_range, self._y_range
        y = math.log10(max(y, 1e-12)) if self._is_log else y
        across = min(max((x - x0) / (x1 - x0), 0.0), 1.0)
        up = min(max((y - y0) / (y1 - y0), 0.0), 1.0)
        width, height = PANEL_PX[0] - _LEFT - _RIGHT, PANEL_PX[1] - _TOP - _BOTTOM
        return _LEFT + across * width, _TOP + (1 - up) * height

    def _line(self, points: list[tuple[float, float]], colour: str, width: float = 1.0) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, colour, max(1, round(width * SCALE)), joint="curve")

    def _text(self, at: tuple[float, float], text: str, anchor: str, colour: str = _INK, px: int = 11) -> None:
        self._draw.text((at[0] * SCALE, at[1] * SCALE), text, colour, _font(px), anchor)

    def line(self, curve: Curve, colour: str) -> None:
        """Draw a curve, and its name at the top."""
        points = [self.at(float(x), float(y)) for x, y in zip(curve.x, curve.y, strict=True)]
        if len(points) > 1:
            self._line(points, colour, 1.6)
        if curve.has_dots or len(points) == 1:
            for x, y in points:
                box = [(v + d) * SCALE for d in (-2.5, 2.5) for v in (x, y)]
                self._draw.ellipse(box, colour)
        if curve.name:
            self.legend(curve.name, colour)

    def legend(self, name: str, colour: str) -> None:
        """Add a name in a colour at the top right, to the left of those that are there."""
        width = self._draw.textlength(name, _font(11)) / SCALE
        self._text((self._legend_px, 15), name, "rm", colour)
        self._legend_px -= width + 12

    def bar(self, x0: float, x1: float, y: float, colour: str) -> None:
        """Draw a bar from the axis up to ``y``."""
        low = self._y_range[0] if not self._is_log else 10.0 ** self._y_range[0]
        (left, bottom), (right, top) = self.at(x0, low), self.at(x1, y)
        if bottom > top:
            self._draw.rectangle([(left + 1) * SCALE, top * SCALE, (right - 1) * SCALE, bottom * SCALE], colour)

    def frame(self) -> Image.Image:
        """Return the panel at its size."""
        x0, y0, x1, y1 = _LEFT, _TOP, PANEL_PX[0] - _RIGHT, PANEL_PX[1] - _BOTTOM
        self._line([(x0, y0), (x0, y1), (x1, y1)], _FAINT)
        return self.image.resize(PANEL_PX, Image.Resampling.LANCZOS)


def _short(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:.4g}"


def _curve(rows: Sequence[Row], name: str, label: str, is_sparse: bool = False) -> Curve | None:
    points = np.array([(r["step"], r[name]) for r in rows if name in r and math.isfinite(r[name])], float)
    if not len(points):
        return None
    if len(points) > MOST_POINTS:
        points = np.array([part.mean(0) for part in np.array_split(points, MOST_POINTS)])
    return Curve(label, points[:, 0], points[:, 1], is_sparse)


def _panel(
    title: str, curves: Sequence[Curve | None], last_step: float, is_log: bool = False, top: float | None = None
):
    drawn = [c for c in curves if c is not None and (not is_log or c.y.max() > 0)]
    values = np.concatenate([c.y for c in drawn]) if drawn else np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    if is_log:  # three decades at most: what falls to nothing would leave no room for the others
        low, high = max(low, high / 1000) * 0.9, high * 1.1
    else:
        low, high = 0.0, top if top is not None else max(high, 1e-9) * 1.06
    panel = Panel(title, "step", (0.0, last_step), (low, high), is_log)
    for curve, colour in reversed(list(zip(drawn, COLOURS * 4, strict=False))):
        panel.line(curve, colour)
    return panel.frame()


def draw_curves(rows: Sequence[Row], path: Path) -> None:
    """Draw the curves of a log: the losses, the validation figures, the rate, and the speed.

    Args:
        rows: of ``logs.RunLog``.
        path: where the picture goes.

    Raises:
        OutputError: it cannot be written.
    """
    losses, figures = losses_of(rows), figures_of(rows)
    last = max((row["step"] for row in rows), default=1.0)
    panels = [
        _panel("Training losses", [_curve(rows, n, n) for n in losses], last, is_log=True),
        _panel("Validation", [_curve(rows, n, n.removeprefix("validation_"), True) for n in figures], last, top=1.0),
        _panel("Learning rate, share of its peak", [_curve(rows, "rate", "")], last, top=1.0),
        _panel("Samples a second", [_curve(rows, "samples_per_s", "")], last),
    ]
    _write(panels, path)


def draw_reliability(measured: Reliability, path: Path) -> None:
    """Draw how often points were right against the confidence that was given to them, and how many they were.

    Args:
        measured: in bins of equal width from 0 to 1.
        path: where the picture goes.

    Raises:
        OutputError: it cannot be written.
    """
    n = len(measured.counts)
    filled = np.flatnonzero(measured.counts)
    title = f"Share of points that are right (mean gap {measured.ece:.1%})"
    upper = Panel(title, "confidence", (0.0, 1.0), (0.0, 1.0))
    lower = Panel("Points", "confidence", (0.0, 1.0), (0.0, max(float(measured.counts.max()), 1.0) * 1.06))
    for i in filled:
        upper.bar(i / n, (i + 1) / n, measured.right[i], "#c6dbef")
        lower.bar(i / n, (i + 1) / n, float(measured.counts[i]), "#9ecae1")
    upper.line(Curve("as it should be", np.array([0.0, 1.0]), np.array([0.0, 1.0])), "#7c8a96")
    for i in filled:
        x = measured.confidence[i]
        upper.line(Curve("", np.array([x, x]), np.asarray(measured.intervals[i])), COLOURS[0])
    upper.line(Curve("measured, 95 %", measured.confidence[filled], measured.right[filled], True), COLOURS[0])
    _write([upper.frame(), lower.frame()], path)


def _write(panels: Sequence[Image.Image], path: Path) -> None:
    columns = 2
    n_rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * PANEL_PX[0], n_rows * PANEL_PX[1]), "white")
    for i, panel in enumerate(panels):
        sheet.paste(panel, (i % columns * PANEL_PX[0], i // columns * PANEL_PX[1]))
    with replacing(path) as temporary:
        sheet.save(temporary)
