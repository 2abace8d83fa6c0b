"""One picture of how good keypoints are: what is right where, what confidence is worth, how errors are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation import skeleton
from kinequimation.dataset.coco import LabelledImage
from kinequimation.dataset.photographs import read_photograph
from kinequimation.dataset.score import RIGHT, Score, worst_first
from kinequimation.dataset.score_rows import THRESHOLDS, PairRow, Row, pck_rows
from kinequimation.viz.charts import BLUE, FRAME, GREEN, GREY, ORANGE, PALE_INK, RED, Axes, Canvas, legend
from kinequimation.viz.errors2d import horse_names, horse_tile, marks_legend

if TYPE_CHECKING:
    from jaxtyping import Float

WIDTH = 1600
_MARGIN, _GAP = 36, 56
_ROW_PX = 21
_COLOURS = {0.05: BLUE, 0.1: ORANGE}
"""Of the thresholds that are drawn; 0.2 is in the table above."""
_TILES, _TILE_PX = 6, 248
_MAX_ERROR, _ERROR_BINS = 0.3, 30
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_PERCENT = ("0", "25", "50", "75", "100 %")


def evaluation_picture(
    scores: Mapping[str, Score],
    shown: str,
    baseline: str,
    title: str,
    images: Sequence[LabelledImage],
    uv_px: Float[np.ndarray, "n 103 2"],
) -> Image.Image:
    """Draw the scores of a set.

    Args:
        scores: by name; their main figures stand in a table.
        shown: the name of those that are drawn.
        baseline: the name of those that are marked beside them.
        title: what was scored.
        images: the set; the images of the worst horses are read.
        uv_px: one prediction a labelled horse, those of ``shown``.
    """
    s = scores[shown]
    groups = [(row, other) for row, other in zip(s.groups, scores[baseline].groups, strict=True) if row.count]
    keypoints = _by_name(s, images)
    half = (WIDTH - 2 * _MARGIN - _GAP) // 2
    third = (WIDTH - 2 * _MARGIN - 2 * _GAP) // 3
    n_rows = -(-len(keypoints) // 2)
    tops = np.cumsum([0, 122 + 22 * len(scores), 104 + _ROW_PX * max(len(groups) + 2, 9), 372, 108 + _ROW_PX * n_rows])
    canvas = Canvas(WIDTH, int(tops[4]) + 72 + _TILE_PX)
    _header(canvas, scores, title)
    pairs_left = _MARGIN + half + _GAP
    _shares_panel(
        canvas,
        _MARGIN,
        int(tops[1]),
        half,
        [(s.seen, scores[baseline].seen), (s.hidden, scores[baseline].hidden), *groups],
        f"Where points are right, {shown}",
        baseline,
    )
    _pairs_panel(canvas, pairs_left, int(tops[1]), half, [s.pairs, s.leg_pairs, *s.pairs_of])
    left = [_MARGIN + i * (third + _GAP) for i in range(3)]
    _reliability_panel(canvas, left[0], int(tops[2]), third, s)
    _error_panel(canvas, left[1], int(tops[2]), third, s)
    _curve_panel(canvas, left[2], int(tops[2]), third, {shown: s, baseline: scores[baseline]})
    canvas.text(_MARGIN, tops[3] + 8, "Each keypoint, left and right together, seen points", 16, "lt")
    for i in range(2):
        some = keypoints[i * n_rows : (i + 1) * n_rows]
        if some:
            _rows(canvas, _MARGIN + i * (half + _GAP), int(tops[3]) + 44, half, [(row, None) for row in some])
    return _with_tiles(canvas, int(tops[4]), s, images, uv_px)


def _header(canvas: Canvas, scores: Mapping[str, Score], title: str) -> None:
    canvas.text(_MARGIN, 34, title, 21)
    columns = (240, 200, 200, 200, 200, 220)
    heads = ("", *(f"PCK@{t}" for t in THRESHOLDS), "OKS-AP", "leg pairs swapped", "calibration error")
    x = [_MARGIN, *(_MARGIN + 40 + np.cumsum(columns))]
    for at, head in zip(x, heads, strict=True):
        canvas.text(at, 74, head, 13, "lm", PALE_INK)
    for i, (name, s) in enumerate(scores.items()):
        y = 98 + 22 * i
        cells = ["-"] * len(THRESHOLDS)
        if s.seen.count:
            ends = enumerate(s.seen.intervals)
            cells = [f"{s.seen.share(k):.1%}  ({low:.2f} to {high:.2f})" for k, (low, high) in ends]
        cells.append(f"{s.oks.ap:.3f}  ({s.oks.intervals[0][0]:.2f} to {s.oks.intervals[0][1]:.2f})")
        legs = s.leg_pairs
        cells.append(
            f"{legs.swapped / legs.comparable:.1%}  ({legs.swapped}/{legs.comparable})" if legs.comparable else "-"
        )
        r = s.reliability
        cells.append("-" if r is None or np.isnan(r.ece) else f"{r.ece:.3f}")
        for at, cell in zip(x, (name, *cells), strict=True):
            canvas.text(at, y, cell, 14)
    y = 98 + 22 * len(scores)
    n = scores[next(iter(scores))].seen.count
    note = f"{n} points seen; shares of the longer side of the horse's box; bars are 95 % intervals over images"
    canvas.text(_MARGIN, y, note, 12, "lm", PALE_INK)


def _by_name(s: Score, images: Sequence[LabelledImage]) -> list[Row]:
    """Return the keypoints with left and right together, joints first."""
    slots: dict[str, list[int]] = {}
    for row in s.keypoints:
        slots.setdefault(skeleton.unsided(row.name), []).append(skeleton.KEYPOINT_INDEX[row.name])
    image_of = np.repeat(np.arange(len(images)), [len(image.horses) for image in images])
    return pck_rows([(name, s.errors[:, of]) for name, of in slots.items()], image_of, len(images))


def _shares_panel(
    canvas: Canvas, left: int, top: int, width: int, rows: Sequence[tuple[Row, Row | None]], title: str, baseline: str
) -> None:
    canvas.text(left, top + 8, title, 16, "lt")
    entries = [(f"PCK@{t}", colour, "dot") for t, colour in _COLOURS.items()]
    legend(canvas, left, top + 42, [*entries, (baseline, PALE_INK, "ring")])
    _rows(canvas, left, top + 62, width, rows)


def _rows(canvas: Canvas, left: int, top: int, width: int, rows: Sequence[tuple[Row, Row | None]]) -> None:
    """Draw a row of dots with intervals for each kind of points; rings for what another prediction scores."""
    axes = Axes(canvas, left + 190, top, left + width - 10, top + _ROW_PX * len(rows))
    axes.x_scale(_SHARES, _PERCENT)
    for i, (row, other) in enumerate(rows):
        y = top + (i + 0.5) * _ROW_PX
        canvas.text(left, y, row.name, 13)
        canvas.text(left + 180, y, f"{row.count}", 12, "rm", PALE_INK)
        for place, (threshold, colour) in enumerate(_COLOURS.items()):
            k = THRESHOLDS.index(threshold)
            if row.count:
                axes.interval(row.share(k), *row.intervals[k], y - 4 + 8 * place, colour, 3.6)
            if other is not None and other.count:
                canvas.dot(axes.x(other.share(k)), y - 4 + 8 * place, 3.6, None, colour)
    axes.frame()


def _pairs_panel(canvas: Canvas, left: int, top: int, width: int, rows: Sequence[PairRow]) -> None:
    canvas.text(left, top + 8, "Left and right, pairs that can be told apart", 16, "lt")
    colours = (("both right", GREEN, "box"), ("both on one side", ORANGE, "box"), ("swapped", RED, "box"))
    legend(canvas, left, top + 42, colours)
    rows = [row for row in rows if row.comparable]
    rows[2:] = sorted(rows[2:], key=lambda row: -row.swapped / row.comparable)
    if not rows:
        canvas.text(left, top + 76, "none", 13)
        return
    fitting = rows[:10]
    axes = Axes(canvas, left + 190, top + 62, left + width - 10, top + 62 + _ROW_PX * len(fitting))
    axes.x_scale(_SHARES, _PERCENT)
    for i, row in enumerate(fitting):
        y = axes.top + (i + 0.5) * _ROW_PX
        canvas.text(left, y, row.name, 13)
        canvas.text(left + 180, y, f"{row.comparable}", 12, "rm", PALE_INK)
        right = row.comparable - row.merged - row.swapped
        ends = np.cumsum([0, right, row.merged, row.swapped]) / row.comparable
        for (_, colour, _), begin, end in zip(colours, ends[:-1], ends[1:], strict=True):
            canvas.box(axes.x(begin), y - 7, axes.x(end), y + 7, colour)
    if len(rows) > len(fitting):
        canvas.text(left, axes.bottom + 12, f"and {len(rows) - len(fitting)} with fewer swapped", 12, "lm", PALE_INK)
    axes.frame()


def _reliability_panel(canvas: Canvas, left: int, top: int, width: int, s: Score) -> None:
    canvas.text(left, top + 8, "What confidence is worth, seen and hidden", 16, "lt")
    r = s.reliability
    if r is None or np.isnan(r.ece):
        canvas.text(left, top + 76, "no confidences", 13)
        return
    axes = Axes(canvas, left + 40, top + 62, left + width - 10, top + 260)
    axes.y_scale(_SHARES, ("0", "0.25", "0.5", "0.75", "1"), f"share within {RIGHT}")
    canvas.line([(axes.left, axes.bottom), (axes.right, axes.top)], FRAME, 1.5)
    for share, confidence, (low, high) in zip(r.right, r.confidence, r.intervals, strict=True):
        if np.isfinite(share):
            x = axes.x(confidence)
            canvas.line([(x, axes.y(low)), (x, axes.y(high))], BLUE, 1.8)
            canvas.dot(x, axes.y(share), 4.2, BLUE)
    axes.frame()
    too = f"mean {abs(r.bias):.3f} too {'high' if r.bias > 0 else 'low'}"
    canvas.text(axes.right, axes.top - 16, f"calibration error {r.ece:.3f}, {too}", 12, "rm")
    counts = Axes(canvas, axes.left, axes.bottom + 8, axes.right, axes.bottom + 52, y_range=(0, float(r.counts.max())))
    n = len(r.counts)
    for i, count in enumerate(r.counts):
        ends = (counts.x(i / n) + 2, counts.x((i + 1) / n) - 2)
        canvas.box(ends[0], counts.y(count), ends[1], counts.bottom, GREY)
        if width / n > 30:
            canvas.text((ends[0] + ends[1]) / 2, counts.bottom - 2, f"{count}", 11, "mb")
    counts.x_scale(_SHARES, ("0", "0.25", "0.5", "0.75", "1"), "confidence; below, how many points")


def _error_panel(canvas: Canvas, left: int, top: int, width: int, s: Score) -> None:
    canvas.text(left, top + 8, "How far points are off, seen", 16, "lt")
    errors = s.errors[~np.isnan(s.errors)]
    edges = np.linspace(0, _MAX_ERROR, _ERROR_BINS + 1)
    counts = np.histogram(np.minimum(errors, _MAX_ERROR - 1e-9), edges)[0]
    tallest = max(1, int(counts.max()))
    axes = Axes(canvas, left + 40, top + 62, left + width - 10, top + 312, (0, _MAX_ERROR), (0, 1.08 * tallest))
    step = 10 ** np.floor(np.log10(tallest))
    step *= 0.5 if tallest / step < 2 else (1 if tallest / step < 5 else 2)
    ticks = np.arange(0, tallest + 1e-9, max(1, step))
    axes.y_scale(ticks.tolist(), [f"{t:.0f}" for t in ticks], "points")
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        middle = (low + high) / 2
        colour = next((c for t, c in zip(THRESHOLDS, (BLUE, ORANGE, GREY), strict=True) if middle < t), RED)
        canvas.box(axes.x(low) + 1, axes.y(count), axes.x(high) - 1, axes.bottom, colour)
    if errors.size:
        canvas.text(axes.right - 4, axes.top + 8, f"median {np.median(errors):.3f}", 13, "rm")
    far = int((errors >= _MAX_ERROR).sum())
    canvas.text(axes.right - 4, axes.top + 26, f"{far} of {errors.size} at {_MAX_ERROR} or beyond", 12, "rm", PALE_INK)
    ticks = (0, 0.05, 0.1, 0.2, 0.3)
    axes.x_scale(ticks, ("0", "0.05", "0.1", "0.2", "0.3 or more"), "error over the longer side of the box")
    axes.frame()


def _curve_panel(canvas: Canvas, left: int, top: int, width: int, scores: Mapping[str, Score]) -> None:
    canvas.text(left, top + 8, "Share of points within a distance, seen", 16, "lt")
    axes = Axes(canvas, left + 40, top + 62, left + width - 10, top + 312, (0, _MAX_ERROR))
    axes.y_scale(_SHARES, _PERCENT)
    axes.x_scale(
        (0, 0.05, 0.1, 0.2, 0.3), ("0", "0.05", "0.1", "0.2", "0.3"), "distance over the longer side of the box"
    )
    at = np.linspace(0, _MAX_ERROR, 151)
    colours = (BLUE, GREY)
    for (_, s), colour in zip(scores.items(), colours, strict=True):
        errors = np.sort(s.errors[~np.isnan(s.errors)])
        shares = np.searchsorted(errors, at, side="right") / max(1, len(errors))
        canvas.line([(axes.x(x), axes.y(y)) for x, y in zip(at, shares, strict=True)], colour, 2.2)
    axes.frame()
    entries = [(name, colour, "line") for name, colour in zip(scores, colours, strict=True)]
    legend(canvas, left, top + 42, entries)


def _with_tiles(
    canvas: Canvas, top: int, s: Score, images: Sequence[LabelledImage], uv_px: Float[np.ndarray, "n 103 2"]
) -> Image.Image:
    """Return the picture with the worst horses below."""
    worst = worst_first(s)[:_TILES]
    names = horse_names(images)
    step = (WIDTH - 2 * _MARGIN - _TILE_PX) / (_TILES - 1)
    canvas.text(_MARGIN, top + 8, "The worst horses", 16, "lt")
    marks_legend(canvas, _MARGIN + 180, top + 17)
    for i, (h, share) in enumerate(worst):
        canvas.text(_MARGIN + i * step, top + 44, f"PCK@0.1 {share:.2f}  {names[h]}"[:36], 12)
    picture = canvas.image()
    horses = [(image, horse) for image in images for horse in image.horses]
    for i, (h, _) in enumerate(worst):
        image, horse = horses[h]
        tile = horse_tile(read_photograph(image), horse, uv_px[h], _TILE_PX)
        picture.paste(tile, (round(_MARGIN + i * step), top + 56))
    return picture
