"""One picture of errors in 3D: how large they are where, when they happen, and what the worst frames look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.viz.charts import BLUE, GREY, ORANGE, PALE_INK, RED, Axes, Canvas, legend
from kinequimation.viz.skeleton2d import colour_of

if TYPE_CHECKING:
    from jaxtyping import Float

WIDTH = 1600
_MARGIN, _GAP, _ROW_PX = 36, 56, 21
_BAR, _TAIL_END = BLUE, ORANGE
_MM_PER_PERCENT = 16.0
"""Millimetres at a withers height of 1.60 m."""
_APART_S = 0.25
"""Worst frames that are shown lie at least so far from each other, about half a stride of a trot: a judgement."""
_VIEW_PX = {"side": 310, "front": 130, "top": 310}
"""Width of the pictures of a frame."""
_TILE_PX = 240
_TRUE = (150, 156, 164)
_SACRUM, _WITHERS = (skeleton.KEYPOINT_INDEX[name] for name in (skeleton.SACRUM, "DEF-spine.006"))
_EDGES = [(skeleton.KEYPOINT_INDEX[a], skeleton.KEYPOINT_INDEX[b], colour_of(b)) for a, b in skeleton.EDGES]
_ON_PAPER = {(255, 255, 255): (60, 66, 74)}
"""The midline's white cannot be seen there."""


def draw_errors_3d(
    xyz_found: Float[np.ndarray, "frames 103 3"],
    xyz_true: Float[np.ndarray, "frames 103 3"],
    withers_height_m: float,
    t_s: Float[np.ndarray, " frames"] | None = None,
    up_xyz: Float[np.ndarray, "*frames 3"] | Sequence[float] = (0.0, 0.0, 1.0),
    title: str = "",
    n_worst: int = 4,
) -> Image.Image:
    """Draw how far points are from their truth, as they come: whoever wants them aligned aligns them before.

    Above, a bar for each region of the body and each point (left and right together): the mean, and a thin line to the
    95th percentile. Below, the mean over the points of each frame, the hooves apart. At the bottom the worst frames,
    true in grey and found in colour, seen from the horse's left, from the front and from above.

    Args:
        xyz_found: metres; NaN where a point was not found.
        xyz_true: metres, in the same axes; NaN where the truth is not known.
        withers_height_m: what errors are given in per cent of.
        t_s: the frames' times, seconds; None counts frames.
        up_xyz: up in those axes, of all frames or of each; in camera axes it is about (0, −1, 0).
        title: what was measured.
        n_worst: how many frames to show.

    Raises:
        InputError: shapes do not agree, or no point of any frame has both.
    """
    if xyz_found.shape != xyz_true.shape or xyz_true.shape[1:] != (skeleton.NUM_KEYPOINTS, 3):
        raise InputError(
            f"errors in 3D: expected two arrays [T, {skeleton.NUM_KEYPOINTS}, 3], got {xyz_found.shape},"
            f" {xyz_true.shape}"
        )
    errors = 100 / withers_height_m * np.linalg.norm(xyz_found - xyz_true, axis=-1)
    if not np.isfinite(errors).any():
        raise InputError("errors in 3D: no point of any frame is both found and known")
    times = np.arange(len(errors), dtype=float) if t_s is None else np.asarray(t_s, float) - t_s[0]
    worst = _worst_frames(errors, times, _APART_S if t_s is not None else 6, n_worst)
    joints = _of_points(errors)
    groups = [(name, errors[:, [skeleton.KEYPOINT_INDEX[k] for k in of]]) for name, of in skeleton.GROUPS.items()]
    groups = [("all points", errors), *((name, some) for name, some in groups if np.isfinite(some).any())]
    half = (WIDTH - 2 * _MARGIN - _GAP) // 2
    n_rows = -(-len(joints) // 2)
    top_time, top_joints = 82, 82 + 96 + _ROW_PX * (len(groups) + 1)
    top_worst = top_joints + 92 + _ROW_PX * n_rows
    across = min(len(worst), 2)
    height = top_worst + 66 + -(-len(worst) // max(1, across)) * (_TILE_PX + 50)
    canvas = Canvas(WIDTH, height)
    canvas.text(_MARGIN, 34, title or "errors in 3D", 21)
    known = errors[np.isfinite(errors)]
    canvas.text(_MARGIN, 62, _summary(known, len(errors)), 14, fill=PALE_INK)
    _bars(canvas, _MARGIN, top_time, half, groups, "Regions of the body")
    _over_time(canvas, _MARGIN + half + _GAP, top_time, half, errors, times, worst, "s" if t_s is not None else "frame")
    canvas.text(_MARGIN, top_joints + 8, "Each point, left and right together, the worst first", 16, "lt")
    most = _most(joints)
    for i in range(2):
        some = joints[i * n_rows : (i + 1) * n_rows]
        if some:
            _rows(canvas, _MARGIN + i * (half + _GAP), top_joints + 40, half, some, most)
    _worst_panel(canvas, top_worst, xyz_found, xyz_true, np.asarray(up_xyz, float), errors, times, worst, t_s is None)
    return canvas.image()


def _summary(known: np.ndarray, n_frames: int) -> str:
    mean, p95 = float(known.mean()), float(np.percentile(known, 95))
    return (
        f"mean {mean:.2f} % of withers height ({_MM_PER_PERCENT * mean:.0f} mm at 1.60 m), median"
        f" {np.median(known):.2f}, 95th percentile {p95:.2f}; {n_frames} frames, {known.size} points"
    )


def _worst_frames(errors: np.ndarray, times: np.ndarray, apart: float, n: int) -> list[int]:
    """Return frames by their mean error, the worst first, none close to one before it."""
    of_frame = np.array([row[np.isfinite(row)].mean() if np.isfinite(row).any() else -np.inf for row in errors])
    found: list[int] = []
    for i in np.argsort(-of_frame, kind="stable"):
        if len(found) == n or not np.isfinite(of_frame[i]):
            break
        if all(abs(times[i] - times[k]) >= apart for k in found):
            found.append(int(i))
    return found


def _of_points(errors: np.ndarray) -> list[tuple[str, np.ndarray]]:
    slots: dict[str, list[int]] = {}
    for i, name in enumerate(skeleton.KEYPOINTS):
        if np.isfinite(errors[:, i]).any():
            slots.setdefault(skeleton.unsided(name), []).append(i)
    return sorted(((name, errors[:, of]) for name, of in slots.items()), key=lambda row: -float(np.nanmean(row[1])))


def _most(rows: Sequence[tuple[str, np.ndarray]]) -> float:
    """Return a round number that nearly all bars with their lines stay under."""
    return _round_up(max(max(float(np.nanpercentile(errors, 95)), float(np.nanmean(errors))) for _, errors in rows))


def _round_up(value: float) -> float:
    step = 10 ** np.floor(np.log10(max(value, 1e-3)))
    return float(next(step * k for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * k >= value * (1 - 1e-9)))


def _ticks(most: float) -> tuple[list[float], list[str]]:
    ticks = np.linspace(0, most, 6 if round(most / 10 ** np.floor(np.log10(most)), 1) in (1, 1.5, 5, 10) else 5)
    return ticks.tolist(), [*(f"{t:.3g}" for t in ticks[:-1]), f"{ticks[-1]:.3g} %"]


def _bars(canvas: Canvas, left: int, top: int, width: int, rows: Sequence[tuple[str, np.ndarray]], title: str) -> None:
    canvas.text(left, top + 8, title, 16, "lt")
    legend(canvas, left, top + 42, [("mean", _BAR, "box"), ("to the 95th percentile", _TAIL_END, "line")])
    _rows(canvas, left, top + 62, width, rows, _most(rows))


def _rows(canvas: Canvas, left: int, top: int, width: int, rows: Sequence[tuple[str, np.ndarray]], most: float) -> None:
    axes = Axes(canvas, left + 190, top, left + width - 10, top + _ROW_PX * len(rows), (0.0, most))
    axes.x_scale(*_ticks(most))
    for i, (name, errors) in enumerate(rows):
        y = top + (i + 0.5) * _ROW_PX
        mean, p95 = float(np.nanmean(errors)), float(np.nanpercentile(errors, 95))
        canvas.text(left, y, name, 13)
        canvas.text(left + 180, y, f"{mean:.2f}", 12, "rm", PALE_INK)
        canvas.box(axes.left, y - 5, axes.x(mean), y + 5, _BAR)
        canvas.line([(axes.x(min(mean, p95)), y), (axes.x(p95), y)], _TAIL_END, 2)
        canvas.line([(axes.x(p95), y - 4), (axes.x(p95), y + 4)], _TAIL_END, 2)
    axes.frame()


def _over_time(
    canvas: Canvas,
    left: int,
    top: int,
    width: int,
    errors: np.ndarray,
    times: np.ndarray,
    worst: Sequence[int],
    unit: str,
) -> None:
    canvas.text(left, top + 8, "Frame by frame", 16, "lt")
    hooves = [skeleton.KEYPOINT_INDEX[k] for k in skeleton.GROUPS["hoof"]]
    lines = [(_frame_means(errors[:, hooves]), GREY), (_frame_means(errors), BLUE)]
    entries = [("mean of all points", BLUE, "line"), ("of the hooves", GREY, "line"), ("shown below", RED, "ring")]
    legend(canvas, left, top + 42, entries)
    most = _round_up(float(np.nanmax([np.nanmax(values) for values, _ in lines if np.isfinite(values).any()])))
    bottom = top + 62 + _ROW_PX * (1 + len(skeleton.GROUPS))
    last = float(times[-1]) or 1.0
    axes = Axes(canvas, left + 46, top + 66, left + width - 10, bottom, (0.0, last), (0.0, most))
    axes.y_scale(*_ticks(most))
    x_ticks = np.arange(0, last * (1 + 1e-9), _round_up(last / 8))
    axes.x_scale(x_ticks.tolist(), [f"{t:.4g}" for t in x_ticks[:-1]] + [f"{x_ticks[-1]:.4g} {unit}"])
    for values, colour in lines:
        for run in np.split(np.arange(len(values)), np.flatnonzero(np.diff(np.isfinite(values)) != 0) + 1):
            points = [
                (axes.x(float(times[i])), axes.y(float(values[i])))
                for i in _thinned(run, values)
                if np.isfinite(values[i])
            ]
            if len(points) > 1:
                canvas.line(points, colour, 1.6)
            elif points:
                canvas.dot(*points[0], 2, colour)
    for i in worst:
        canvas.dot(axes.x(times[i]), axes.y(lines[1][0][i]), 5, None, RED)
    axes.frame()


def _thinned(run: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return rows of a run, the largest of each stretch of it, as many as pixels can show."""
    pieces = np.array_split(run, min(len(run), WIDTH))
    return np.array([piece[np.argmax(values[piece])] for piece in pieces])


def _frame_means(errors: np.ndarray) -> np.ndarray:
    known = np.isfinite(errors)
    n = known.sum(1)
    return np.where(n > 0, np.where(known, errors, 0.0).sum(1) / np.maximum(n, 1), np.nan)


def _worst_panel(
    canvas: Canvas,
    top: int,
    xyz_found: np.ndarray,
    xyz_true: np.ndarray,
    up_xyz: np.ndarray,
    errors: np.ndarray,
    times: np.ndarray,
    worst: Sequence[int],
    count_frames: bool,
) -> None:
    canvas.text(_MARGIN, top + 8, "The worst frames", 16, "lt")
    left, right = colour_of("DEF-f_hoof.L"), colour_of("DEF-f_hoof.R")
    entries = [("true", _TRUE, "line"), ("found, left", left, "line"), ("found, right", right, "line")]
    legend(canvas, _MARGIN + 170, top + 17, entries)
    cell = (WIDTH - 2 * _MARGIN) // 2
    for k, i in enumerate(worst):
        x, y = _MARGIN + k % 2 * cell, top + 46 + k // 2 * (_TILE_PX + 50)
        when = f"frame {i}" if count_frames else f"{times[i]:.2f} s"
        known = errors[i][np.isfinite(errors[i])]
        canvas.text(x, y, f"{when}: mean {known.mean():.2f} %, largest {known.max():.1f} %", 13, "lt")
        axes = _horse_axes(xyz_true[i], up_xyz if up_xyz.ndim == 1 else up_xyz[i])
        both = np.stack([xyz_true[i], xyz_found[i]]) @ axes.T
        views = {view: _seen(both, view) for view in _VIEW_PX}
        low = {view: np.nanmin(seen, axis=(0, 1)) for view, seen in views.items()}
        size = {view: np.nanmax(seen, axis=(0, 1)) - low[view] for view, seen in views.items()}
        scale = 0.96 * min(float((np.array([_VIEW_PX[v], _TILE_PX]) / np.maximum(size[v], 1e-6)).min()) for v in views)
        for view, seen in views.items():
            shift = np.array([x + _VIEW_PX[view] / 2, y + 22 + _TILE_PX / 2]) - scale * (low[view] + size[view] / 2)
            for points, colour in zip(seen, (_TRUE, None), strict=True):
                _skeleton(canvas, scale * points + shift, colour)
            canvas.text(x + _VIEW_PX[view] / 2, y + 22 + _TILE_PX, view, 12, "ma", PALE_INK)
            x += _VIEW_PX[view]


def _horse_axes(xyz_true: np.ndarray, up_xyz: np.ndarray) -> np.ndarray:
    """Return [forward, left, up] of a horse as rows, level with the ground; any forward where the trunk is unknown."""
    up = up_xyz / np.linalg.norm(up_xyz)
    forward = xyz_true[_WITHERS] - xyz_true[_SACRUM]
    forward = forward - (forward @ up) * up
    if not np.isfinite(forward).all() or np.linalg.norm(forward) < 1e-6:
        forward = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    forward = forward / np.linalg.norm(forward)
    return np.stack([forward, np.cross(up, forward), up])


def _seen(xyz: np.ndarray, view: str) -> np.ndarray:
    """Return [n, K, 2], right and down, of points [n, K, 3] in the horse's axes."""
    forward, left, up = np.moveaxis(xyz, -1, 0)
    if view == "side":  # from the horse's left, which then looks to the left
        return np.stack([-forward, -up], axis=-1)
    if view == "front":  # it comes towards the eye: its left is on the right
        return np.stack([left, -up], axis=-1)
    return np.stack([-forward, left], axis=-1)  # from above, as the side view turned up: its left is below


def _skeleton(canvas: Canvas, xy_px: np.ndarray, colour: tuple[int, int, int] | None) -> None:
    """Draw a skeleton in its own colours, or in one."""
    for a, b, own in _EDGES:
        if np.isfinite(xy_px[[a, b]]).all():
            ends = [(x, y) for x, y in xy_px[[a, b]].tolist()]
            canvas.line(ends, colour or _ON_PAPER.get(own, own), 2.4 if colour else 1.5)
