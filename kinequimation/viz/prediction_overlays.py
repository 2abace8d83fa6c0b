"""Pictures of predictions against the labels of a set, to find what goes wrong.

Files::

    OUT/worst.png              the worst horses, each with its errors
    OUT/keypoint_errors.png    how far off each keypoint is
    OUT/errors.csv             each labelled point with its prediction and its error
    OUT/photos/00012_NAME.png  one photograph, all of its horses
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation import metrics, skeleton
from kinequimation.dataset.coco import LabelledImage
from kinequimation.dataset.predictions import OfLabelledHorses
from kinequimation.dataset.score import Score, resolve_uncertain_legs, worst_first
from kinequimation.io.atomic import replacing
from kinequimation.runtime import Progress, no_progress
from kinequimation.viz.charts import BLUE, GREY, INK, ORANGE, PALE_INK, RED, Axes, Canvas, legend
from kinequimation.viz.errors2d import photograph_with_errors, worst_sheet

if TYPE_CHECKING:
    from jaxtyping import Float

_CSV_HEADER = ("image", "horse", "keypoint", "visibility", "x_px", "y_px", "predicted_x_px", "predicted_y_px")
_CSV_HEADER += ("confidence", "error")
_MAX_ERROR = 0.3
_ROW_PX, _LABEL_PX, _CHART_PX = 24, 230, 960
_MANY = 80
"""From so many points on a keypoint's row shows a box of quartiles without each point."""


@dataclass(frozen=True)
class PredictionOverlays:
    """What was written.

    Attributes:
        worst: contact sheet.
        keypoint_errors: chart.
        table: ``errors.csv``.
        photos: photographs, in the set's order.
    """

    worst: Path
    keypoint_errors: Path
    table: Path
    photos: tuple[Path, ...]


def write_prediction_overlays(
    images: Sequence[LabelledImage],
    horses: OfLabelledHorses,
    scored: Score,
    out: Path,
    *,
    n_worst: int = 12,
    n_photos: int = 24,
    progress: Progress = no_progress,
) -> PredictionOverlays:
    """Draw predictions against labels.

    Args:
        images: the set.
        horses: its predictions.
        scored: their score.
        out: where to write; made if it is missing.
        n_worst: horses on the contact sheet.
        n_photos: photographs, spread over the set; 0 for all.
        progress: called with photographs drawn and in all.

    Raises:
        InputError: an image cannot be read.
        OutputError: a picture cannot be written.
    """
    made = PredictionOverlays(out / "worst.png", out / "keypoint_errors.png", out / "errors.csv", ())
    _save(worst_sheet(images, horses.uv_px, worst_first(scored)[:n_worst]), made.worst)
    _save(keypoint_error_chart(scored.errors), made.keypoint_errors)
    _write_table(images, horses, made.table)
    starts = np.concatenate([[0], np.cumsum([len(image.horses) for image in images])])
    n = len(images) if n_photos == 0 else min(n_photos, len(images))
    chosen = np.unique(np.linspace(0, len(images) - 1, n).round().astype(int))
    shares = dict(worst_first(scored))
    photos = []
    for done, i in enumerate(chosen, 1):
        image = images[i]
        of_image = range(int(starts[i]), int(starts[i + 1]))
        right = ", ".join(f"{shares[h]:.2f}" for h in of_image if h in shares)
        title = f"{image.path.name}   PCK@0.1 {right or '-'}"
        photos.append(out / "photos" / f"{i + 1:05d}_{image.path.stem[:80]}.png")
        _save(photograph_with_errors(image, horses.uv_px[of_image.start : of_image.stop], title), photos[-1])
        progress("photos", done, len(chosen))
    return PredictionOverlays(made.worst, made.keypoint_errors, made.table, tuple(photos))


def _save(picture: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        picture.save(temporary, format="PNG")


def keypoint_error_chart(errors: Float[np.ndarray, "n 103"]) -> Image.Image:
    """Draw how far off each keypoint is, left and right together, the worst median first.

    Args:
        errors: over the box's longer side; NaN where there is no label.
    """
    of: dict[str, list[np.ndarray]] = {}
    for name, column in zip(skeleton.KEYPOINTS, errors.T, strict=True):
        of.setdefault(skeleton.unsided(name), []).append(column[~np.isnan(column)])
    rows = [(name, np.sort(np.concatenate(columns))) for name, columns in of.items()]
    rows = sorted(((n, e) for n, e in rows if len(e)), key=lambda row: -_middle(row[1], 50))
    canvas = Canvas(_LABEL_PX + _CHART_PX + 170, 150 + _ROW_PX * len(rows))
    canvas.text(24, 28, "How far off each keypoint is, seen points, the worst median first", 17)
    entries = [("within 0.05", BLUE, "dot"), ("within 0.1", ORANGE, "dot"), ("beyond", RED, "dot")]
    legend(canvas, 24, 60, [*entries, ("half of the points", GREY, "box"), ("median", INK, "line")])
    axes = Axes(canvas, _LABEL_PX, 92, _LABEL_PX + _CHART_PX, 92 + _ROW_PX * len(rows), x_range=(0, _MAX_ERROR))
    ticks = (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
    axes.x_scale(ticks, [f"{t:g}" for t in ticks[:-1]] + ["0.3 or more"], "error over the longer side of the box")
    canvas.text(axes.right + 16, 78, "median", 12, "lm", PALE_INK)
    canvas.text(axes.right + 76, 78, "within 0.05", 12, "lm", PALE_INK)
    rng = np.random.default_rng(0)
    for i, (name, values) in enumerate(rows):
        y = axes.top + (i + 0.5) * _ROW_PX
        canvas.text(24, y, name, 13)
        canvas.text(axes.left - 12, y, f"{len(values)}", 12, "rm", PALE_INK)
        low, median, high = (_middle(values, share) for share in (25, 50, 75))
        canvas.box(axes.x(low), y - 8, max(axes.x(high), axes.x(low) + 1), y + 8, "#dfe2e6")
        if len(values) <= _MANY:
            for value, shift in zip(values, rng.uniform(-6, 6, len(values)), strict=True):
                canvas.dot(axes.x(value), y + shift, 2.6, BLUE if value <= 0.05 else ORANGE if value <= 0.1 else RED)
        canvas.line([(axes.x(median), y - 9), (axes.x(median), y + 9)], INK, 2.4)
        canvas.text(axes.right + 16, y, f"{median:.3f}" if np.isfinite(median) else "missed", 13)
        canvas.text(axes.right + 76, y, f"{(values <= 0.05).mean():.0%}", 13)
    axes.frame()
    return canvas.image()


def _middle(values: Float[np.ndarray, " n"], percent: float) -> float:
    return float(np.percentile(values, percent, method="nearest"))  # others would mix in the infinity of a missed horse


def _write_table(images: Sequence[LabelledImage], horses: OfLabelledHorses, path: Path) -> None:
    labels = [(image.path.name, i, horse) for image in images for i, horse in enumerate(image.horses, 1)]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
        table = csv.writer(f, lineterminator="\n")
        table.writerow(_CSV_HEADER)
        for (name, number, label), uv, confidence in zip(labels, horses.uv_px, horses.confidence, strict=True):
            horse = resolve_uncertain_legs(label, uv)
            errors = metrics.point_errors(uv[None], horse.uv_px[None], horse.bbox_xywh[None])[0]
            for k in np.flatnonzero(horse.visibility):
                numbers = (*horse.uv_px[k], *uv[k])
                cells = [f"{v:.2f}" if np.isfinite(v) else "" for v in numbers]
                cells += [f"{v:.4f}" if np.isfinite(v) else "" for v in (confidence[k], errors[k])]
                table.writerow((name, number, skeleton.KEYPOINTS[k], horse.visibility[k], *cells))
