"""Draw a label on its image: every bone from head to tail, what hangs on what, axes, points on the skin, and the box.

Left limbs are warm, right limbs cool, the midline white. What is hidden is dashed and hollow.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinequimation.dataset.frame_label import FrameLabel
from kinequimation.viz.skeleton2d import colour_of

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    _Colour = tuple[int, int, int]

AXIS_COLOURS: tuple[_Colour, ...] = ((240, 60, 60), (70, 220, 80), (90, 130, 255))
"""x, y and z of a bone, as Blender colours them."""
_AXIS_LENGTH = 0.045
"""Of the trunk's length."""
_OUTLINE = (16, 18, 22)
_PARENT = (190, 196, 204)
_BOX = (255, 255, 255)
_SUPERSAMPLE = 2


def draw_label(
    image_rgb: UInt8[np.ndarray, "h w 3"],
    label: FrameLabel,
    *,
    scale: float = 1.0,
    axes: bool = False,
    names: bool = False,
) -> Image.Image:
    """Return the image, larger by ``scale``, with its label on it.

    Args:
        image_rgb: the picture, of the label's size.
        label: what it shows.
        scale: how much larger the result is; lines keep their width.
        axes: also draw each bone's axes, x red, y green, z blue.
        names: also write each bone's name.
    """
    width, height = max(1, round(label.width * scale)), max(1, round(label.height * scale))
    image = Image.fromarray(image_rgb).resize((width, height), Image.Resampling.BICUBIC)
    layer = Image.new("RGBA", (width * _SUPERSAMPLE, height * _SUPERSAMPLE), (*_OUTLINE, 0))
    _Drawing(layer, label, scale * _SUPERSAMPLE, max(width, height)).draw(axes=axes)
    layer = layer.reduce(_SUPERSAMPLE)
    image.paste(layer.convert("RGB"), (0, 0), layer.getchannel("A"))
    if names:
        _write_names(ImageDraw.Draw(image), label, scale)
    return image


class _Drawing:
    """A label on a transparent layer.

    Args:
        layer: where to draw.
        label: what to draw.
        scale: the layer's pixels for each of the label's.
        size_px: the longer side of the picture.
    """

    def __init__(self, layer: Image.Image, label: FrameLabel, scale: float, size_px: int) -> None:
        self._draw = ImageDraw.Draw(layer)
        self._label = label
        self._scale = scale
        self._size = np.array(layer.size, float)
        self._line = _SUPERSAMPLE * float(np.clip(size_px / 420, 1.0, 2.6))

    def draw(self, *, axes: bool) -> None:
        """Draw everything, what is hidden under what is seen."""
        label, bones = self._label, self._label.bones
        line = self._line
        x, y, w, h = label.bbox_xywh
        corners = self._at(np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]]))
        for a, b in pairwise(corners):
            self._stroke(a, b, _BOX, 0.5 * line, alpha=110)
        head, tail = self._at(bones.uv), self._at(bones.uv_tail)
        index = {name: i for i, name in enumerate(bones.names)}
        seen = bones.visibility == 2
        for i, parent in enumerate(bones.parents):
            if parent in index:
                j = index[parent]
                self._stroke(head[j], head[i], _PARENT, 0.55 * line, dashed=not (seen[i] and seen[j]), alpha=170)
        order = sorted(range(len(seen)), key=lambda i: (seen[i], -bones.depth[i]))
        for i in order:
            self._stroke(head[i], tail[i], _OUTLINE, 1.9 * line, dashed=not seen[i], alpha=150)
            self._stroke(head[i], tail[i], colour_of(bones.names[i]), line, dashed=not seen[i])
        if axes:
            self._draw_axes()
        for i in order:
            self._dot(head[i], colour_of(bones.names[i]), 1.55 * line, hollow=not seen[i])
        at = self._at(label.landmarks.uv)
        for i, name in enumerate(label.landmarks.names):
            hollow = label.landmarks.visibility[i] != 2
            self._dot(at[i], colour_of(name), 1.5 * line, hollow=hollow, square=True)

    def _draw_axes(self) -> None:
        bones = self._label.bones
        trunk = bones.head[bones.names.index("DEF-neck.001")] - bones.head[bones.names.index("DEF-spine.001")]
        length = _AXIS_LENGTH * float(np.linalg.norm(trunk))
        direction = bones.matrix_world[:, :3, :3] / np.linalg.norm(bones.matrix_world[:, :3, :3], axis=1)[:, None]
        start = self._at(bones.uv)
        for k, colour in enumerate(AXIS_COLOURS):
            end = self._at(self._label.as_camera.project(bones.head + length * direction[:, :, k]))
            for a, b in zip(start, end, strict=True):
                self._stroke(a, b, colour, 0.75 * self._line)

    def _at(self, uv: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        return (uv + 0.5) * self._scale

    def _stroke(
        self,
        a: Float[np.ndarray, " 2"],
        b: Float[np.ndarray, " 2"],
        colour: _Colour,
        width: float,
        *,
        dashed: bool = False,
        alpha: int = 255,
    ) -> None:
        ends = _clipped(a, b, self._size)
        if ends is None:
            return
        for p, q in _dashes(*ends, 3.2 * self._line) if dashed else (ends,):
            self._draw.line([*p, *q], fill=(*colour, alpha), width=max(1, round(width)))

    def _dot(
        self, at: Float[np.ndarray, " 2"], colour: _Colour, radius: float, *, hollow: bool, square: bool = False
    ) -> None:
        if not np.isfinite(at).all() or np.any((at < -radius) | (at > self._size + radius)):
            return
        shape = self._draw.rectangle if square else self._draw.ellipse
        width = max(1, round(0.55 * self._line))
        outer = [*(at - radius - width), *(at + radius + width)]
        if hollow:
            shape([*(at - radius), *(at + radius)], fill=(*_OUTLINE, 90), outline=(*colour, 255), width=width)
        else:
            shape(outer, fill=(*_OUTLINE, 200))
            shape([*(at - radius), *(at + radius)], fill=(*colour, 255))


def _write_names(draw: ImageDraw.ImageDraw, label: FrameLabel, scale: float) -> None:
    """Write the names of what is in the frame, each where no other was written yet, near its point."""
    font = ImageFont.load_default(11)
    taken: list[tuple[float, float, float, float]] = []
    width, height = label.width * scale, label.height * scale
    rows = [*zip(label.bones.names, label.bones.uv, label.bones.in_frame, strict=True)]
    rows += [*zip(label.landmarks.names, label.landmarks.uv, label.landmarks.in_frame, strict=True)]
    for name, uv, inside in rows:
        if not inside:
            continue
        x, y = (uv + 0.5) * scale
        text = name.removeprefix("DEF-")
        w = draw.textlength(text, font)
        for dx, dy in [
            (5.0, -6.0),
            (-w - 5, -6.0),
            *((s, d) for d in (5.0, -18.0, 17.0, -30.0) for s in (4.0, -w - 4)),
        ]:
            box = (x + dx, y + dy, x + dx + w, y + dy + 12)
            is_free = all(box[2] < t[0] or box[0] > t[2] or box[3] < t[1] or box[1] > t[3] for t in taken)
            if is_free and box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height:
                taken.append(box)
                draw.text(box[:2], text, fill=colour_of(name), font=font, stroke_width=1, stroke_fill=_OUTLINE)
                break


def _clipped(
    a: Float[np.ndarray, " 2"], b: Float[np.ndarray, " 2"], size: Float[np.ndarray, " 2"]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the part of a line that lies on the picture (Liang and Barsky's way); None if there is none."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    start, end = 0.0, 1.0
    for low, delta in zip(np.concatenate([-a, a - size]), np.concatenate([a - b, b - a]), strict=True):
        if delta == 0:  # parallel to this side
            if low > 0:
                return None
        elif delta < 0:
            start = max(start, low / -delta)
        else:
            end = min(end, -low / delta)
    return (a + start * (b - a), a + end * (b - a)) if start < end else None


def _dashes(
    a: Float[np.ndarray, " 2"], b: Float[np.ndarray, " 2"], length: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    total = float(np.linalg.norm(b - a))
    n = max(1, round(total / length))
    for k in range(0, n, 2):
        yield a + (b - a) * k / n, a + (b - a) * (k + 1) / n
