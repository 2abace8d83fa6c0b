"""One page about a horse's gait: footfalls, joint angles over the stride, how poll, withers and sacrum move."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.gait.names import WORDS
from kinequimation.gait.reading import others
from kinequimation.gait.signals import SKIN_POINTS
from kinequimation.gait.symmetry import SCREENING
from kinequimation.io.atomic import replacing
from kinequimation.motion.limits import joint_angles
from kinequimation.text import one_line
from kinequimation.viz.charts import BLUE, FRAME, GREEN, GREY, ORANGE, PALE_INK, RED, Axes, Canvas, legend

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image

    from kinequimation.gait import GaitReading
    from kinequimation.gait.strides import Stride
    from kinequimation.motion import Motion

WIDTH, HEIGHT = 1600, 1290
_MARGIN = 56
_SIDES = {"L": BLUE, "R": ORANGE}
_PALE = {BLUE: "#cfdff0", ORANGE: "#f8e3c8", GREEN: "#d5ebda", GREY: "#e3e5e8"}
_LIMB_COLOURS = {"LF": BLUE, "RF": ORANGE, "LH": BLUE, "RH": ORANGE}
_LIMB_WORDS = {"LF": "left fore", "RF": "right fore", "LH": "left hind", "RH": "right hind"}
_GAIT_COLOURS = ("#dbe7f5", "#f6e7d3", "#dcefe1", "#ece3f3")
_JOINTS = (
    ("shoulder", "elbow", "carpus", "fore_fetlock"),
    ("hip", "stifle", "hock", "hind_fetlock"),
)
_SHOWN_S = 10.0
"""Seconds of a clip whose footfalls are drawn; of a longer one, a stretch of its main gait."""
_MOST_STRIDES = 40
"""Strides that the curves are taken over at most, spread over the clip."""
_SHARES = np.linspace(0.0, 1.0, 61)


def write_gait_page(path: Path, reading: GaitReading, motion: Motion) -> None:
    """Write ``gait.png``.

    Args:
        path: where to.
        reading: of the motion.
        motion: its joint angles are drawn.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as partial:
        gait_page(reading, motion).save(partial)


def gait_page(reading: GaitReading, motion: Motion) -> Image.Image:
    """Draw the page; see ``write_gait_page``."""
    canvas = Canvas(WIDTH, HEIGHT)
    strides = reading.strides_of(reading.main)
    if len(strides) > _MOST_STRIDES:
        strides = [strides[i] for i in np.linspace(0, len(strides) - 1, _MOST_STRIDES).astype(int)]
    _header(canvas, reading)
    _footfalls(canvas, reading, 150)
    if not strides:
        canvas.text(_MARGIN, 440, "No whole stride was seen: nothing to draw over the stride.", 16, fill=PALE_INK)
        return canvas.image().crop((0, 0, WIDTH, 490))
    _angles(canvas, motion, strides, 400)
    _heights(canvas, reading, strides, 945)
    _usual_stride(canvas, reading, 945)
    _numbers(canvas, reading, 945)
    return canvas.image()


def _header(canvas: Canvas, reading: GaitReading) -> None:
    title = _plain(one_line(f"{reading.name}: {reading.line}"))
    size = next(s for s in (24, 19, 15, 12) if canvas.text_width(title, s) < WIDTH - 2 * _MARGIN or s == 12)
    canvas.text(_MARGIN, 40, title, size)
    own = next((s for s in reading.summaries if s.gait == reading.main), None)
    if own is not None:
        canvas.text(
            _MARGIN,
            74,
            f"{_plain(WORDS[own.gait])}: a stride of {own.length_m:.2f} m in {own.stride_s:.2f} s,"
            f" {own.speed_mps:.1f} m/s, if the withers are {reading.withers_height_m:.2f} m high; no hoof down"
            f" {100 * own.suspension:.0f} % of the time",
            15,
            fill=PALE_INK,
        )
    if reading.doubt:
        canvas.text(_MARGIN, 100, _plain(reading.doubt), 15, fill=RED)


def _plain(text: str) -> str:
    """Return a text in letters that the font has."""
    return text.replace("ö", "o")


def _footfalls(canvas: Canvas, reading: GaitReading, top: int) -> None:
    first = float(reading.signals.t_s[0])
    start, stop = first, first + reading.duration_s
    shown = ""
    if reading.duration_s > 1.2 * _SHOWN_S:
        bout = max((b for b in reading.bouts if b.gait == reading.main), key=lambda b: b.stop_s - b.start_s)
        middle = 0.5 * (bout.start_s + bout.stop_s)
        start = min(max(first, middle - _SHOWN_S / 2), stop - _SHOWN_S)
        stop = start + _SHOWN_S
        shown = f" (seconds {start:.0f} to {stop:.0f} of {reading.duration_s:.0f})"
    axes = Axes(canvas, _MARGIN + 70, top + 40, WIDTH - _MARGIN, top + 170, (start, stop), (0, 4))
    canvas.text(_MARGIN, top, f"Footfalls{shown}: a bar while the hoof is on the ground", 15)
    step = next(s for s in (0.25, 0.5, 1.0, 2.0) if (stop - start) / s <= 12 or s == 2.0)
    ticks = np.arange(math.ceil(start / step) * step, stop, step)
    axes.x_scale(ticks.tolist(), [f"{t:g}" for t in ticks], "seconds")
    names = list(dict.fromkeys(b.gait for b in reading.bouts))
    for bout in reading.bouts:
        if bout.stop_s <= start or bout.start_s >= stop:
            continue
        left, right = axes.x(bout.start_s), axes.x(bout.stop_s)
        colour = _GAIT_COLOURS[names.index(bout.gait) % len(_GAIT_COLOURS)]
        canvas.box(left, top + 16, right, top + 36, colour)
        text = _plain(WORDS[bout.gait])
        if canvas.text_width(text, 12) < right - left - 6:
            canvas.text(left + 5, top + 26, text, 12)
    for i, limb in enumerate(skeleton.LIMBS):
        y = axes.top + (i + 0.5) * 32
        canvas.text(axes.left - 8, y, _LIMB_WORDS[limb], 12, "rm")
        for stance in reading.stances:
            if stance.limb != limb:
                continue
            on = start if math.isnan(stance.on_s) else stance.on_s
            off = stop if math.isnan(stance.off_s) else stance.off_s
            if off > start and on < stop:
                canvas.box(axes.x(on), y - 10, axes.x(off), y + 10, _LIMB_COLOURS[limb])
    for stride in reading.strides:
        if start <= stride.start_s <= stop:
            x = axes.x(stride.start_s)
            canvas.line([(x, axes.top), (x, axes.bottom)], PALE_INK, 1)
    axes.frame()


def _angles(canvas: Canvas, motion: Motion, strides: list[Stride], top: int) -> None:
    canvas.text(
        _MARGIN,
        top,
        "Joint angles over the stride, degrees (180: straight), from each limb's own landing: mean, spread",
        15,
    )
    legend(canvas, WIDTH - _MARGIN - 150, top, [("left", BLUE, "line"), ("right", ORANGE, "line")])
    curves = _angle_curves(motion, strides)
    wide = (WIDTH - 2 * _MARGIN - 3 * 50) / 4
    for row, joints in enumerate(_JOINTS):
        for column, joint in enumerate(joints):
            left = _MARGIN + 20 + column * (wide + 50)
            y = top + 48 + row * 245
            values = np.concatenate([curves[f"{joint}.{side}"] for side in "LR"])
            known = values[np.isfinite(values)]
            low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 180.0)
            low, high = 10 * math.floor(low / 10 - 0.3), 10 * math.ceil(high / 10 + 0.3)
            axes = Axes(canvas, left, y, left + wide - 20, y + 170, (0, 1), (low, high))
            step = next(s for s in (10, 20, 30, 50) if (high - low) / s <= 6 or s == 50)
            ticks = list(range(int(math.ceil(low / step) * step), int(high) + 1, step))
            axes.y_scale(ticks, [str(t) for t in ticks])
            axes.x_scale([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
            canvas.text(left + 6, y - 12, joint.replace("_", " "), 14)
            for draw in (_band, _mean):
                for side in "LR":
                    draw(axes, curves[f"{joint}.{side}"], _SIDES[side])
            axes.frame()


def _angle_curves(motion: Motion, strides: list[Stride]) -> dict[str, Float[np.ndarray, "strides n"]]:
    """Return each limb joint's angle over each stride, from the landing of its own limb."""
    body = Body(motion.shape)
    names = [f"{joint}.{side}" for joints in _JOINTS for joint in joints for side in "LR"]
    curves: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for stride in strides:
        long = stride.duration_s
        first = int(np.searchsorted(motion.t_s, stride.start_s - 1e-9))
        rows = slice(max(0, first - 2), int(np.searchsorted(motion.t_s, stride.stop_s + long)) + 2)
        fields = ("root_xyz_world", "quat_wxyz", "contact", "t_s", "confidence", "gait", "phase")
        part = dataclasses.replace(motion, **{name: getattr(motion, name)[rows] for name in fields})
        angles = joint_angles(body, part)
        for name in names:
            limb = name[-1] + ("F" if name.split(".")[0] in _JOINTS[0] else "H")
            phase = stride.on_phase[skeleton.LIMBS.index(limb)]
            t = stride.start_s + ((0.0 if math.isnan(phase) else phase) + _SHARES) * long
            value = np.interp(t, part.t_s, angles[name], left=math.nan, right=math.nan)
            curves[name].append(value if not math.isnan(phase) else np.full_like(value, math.nan))
    return {name: np.array(values) for name, values in curves.items()}


def _band(axes: Axes, values: Float[np.ndarray, "strides n"], colour: str) -> None:
    """Draw a band of one standard deviation to each side of the mean of curves."""
    if len(values) < 2 or not np.isfinite(values).any(0).all():
        return
    mean, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    x_px = np.arange(axes.x(0), axes.x(1))
    share = (x_px - axes.x(0)) / (axes.x(1) - axes.x(0))
    low, high = np.interp(share, _SHARES, mean - spread), np.interp(share, _SHARES, mean + spread)
    for x, a, b in zip(x_px, low, high, strict=True):
        axes.canvas.box(float(x), axes.y(float(b)), float(x) + 1, axes.y(float(a)) + 1, _PALE[colour])


def _mean(axes: Axes, values: Float[np.ndarray, "strides n"], colour: str) -> None:
    """Draw the mean of curves."""
    if np.isfinite(values).any(0).all():
        points = zip(_SHARES, np.nanmean(values, axis=0), strict=True)
        axes.canvas.line([(axes.x(float(s)), axes.y(float(m))) for s, m in points], colour, 2)


def _heights(canvas: Canvas, reading: GaitReading, strides: list[Stride], top: int) -> None:
    canvas.text(_MARGIN, top, "Rise and fall over the stride, cm, from the left hind's landing", 15)
    entries = list(zip(SKIN_POINTS, (GREY, BLUE, ORANGE), strict=True))
    legend(canvas, _MARGIN + 20, top + 26, [(name, colour, "line") for name, colour in entries])
    signals = reading.signals
    curves = []
    for column in range(3):
        rows = []
        for stride in strides:
            t = stride.start_s + _SHARES * stride.duration_s
            z = 100 * signals.withers_height_m * np.interp(t, signals.t_s, signals.skin_z[:, column])
            drift = (z[-1] - z[0]) * _SHARES
            rows.append(z - drift - (z - drift).mean())
        curves.append(np.array(rows))
    reach = max(2.0, math.ceil(max(float(np.abs(c).max()) for c in curves)))
    axes = Axes(canvas, _MARGIN + 20, top + 48, 560, top + 268, (0, 1), (-reach, reach))
    step = next(s for s in (1, 2, 5, 10, 20) if 2 * reach / s <= 8 or s == 20)
    ticks = [step * k for k in range(-int(reach // step), int(reach // step) + 1)]
    axes.y_scale(ticks, [f"{t:+g}" if t else "0" for t in ticks])
    axes.x_scale([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"], "stride")
    for draw in (_band, _mean):
        for (_, colour), values in zip(entries, curves, strict=True):
            draw(axes, values, colour)
    axes.frame()


def _usual_stride(canvas: Canvas, reading: GaitReading, top: int) -> None:
    own = next(s for s in reading.summaries if s.gait == reading.main)
    left, right = 690, 1040
    canvas.text(left - 70, top, f"The usual stride of {own.n_strides}", 15)
    axes = Axes(canvas, left, top + 48, right, top + 176, (0, 1), (0, 4))
    axes.x_scale([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    for i, limb in enumerate(skeleton.LIMBS):
        y = axes.top + (i + 0.5) * 32
        canvas.text(left - 8, y, _LIMB_WORDS[limb], 12, "rm")
        on, duty = own.on_phase[i], own.duty[i]
        if math.isnan(on) or math.isnan(duty):
            canvas.text(axes.x(0.5), y, "not seen well enough", 12, "mm", PALE_INK)
            continue
        for start, stop in ((on, min(on + duty, 1.0)), (0.0, on + duty - 1.0)):
            canvas.box(axes.x(start), y - 10, axes.x(stop), y + 10, _LIMB_COLOURS[limb]) if stop > start else None
        canvas.text(right + 8, y, f"lands at {on:.2f}, stands {duty:.2f}", 12, "lm", PALE_INK)
    axes.frame()
    count = own.hooves_down
    text = "Hooves down: " + ", ".join(f"{i}: {100 * share:.0f} %" for i, share in enumerate(count) if share >= 0.005)
    canvas.text(left - 70, top + 222, text, 13)


def _numbers(canvas: Canvas, reading: GaitReading, top: int) -> None:
    x, y = 1250, top
    lines: list[tuple[str, str]] = []
    for bout in [bout for bout in reading.bouts if bout.disagree][:3]:
        for other in others(bout):
            lines.append((_plain(f"{bout.start_s:.1f} to {bout.stop_s:.1f} s: {other}"), RED))
    if (even := reading.symmetry) is not None:
        lines.append((f"Symmetry at trot, {even.n_strides} strides, mm", "#1d2126"))
        for name, value in even.named:
            lines.append((f"{name}: {value.mean_mm:+.1f} ± {value.sd_mm:.1f}", PALE_INK))
        lines += [(part, PALE_INK) for part in textwrap.wrap(SCREENING[0].upper() + SCREENING[1:] + ".", 44)]
    for text, colour in lines:
        canvas.text(x, y, text, 13, fill=colour)
        y += 22
    if lines:
        canvas.line([(x - 14, top - 8), (x - 14, y - 8)], FRAME)
