"""Charts of the texture atlas: the locks of hair laid out as strips, and charts put beside each other in a square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

    from kinequimation.body.horse import Template

_CELLS = 512
"""The square is filled in steps of this share of its side."""
_MARGIN = 1
"""Cells left free beside a chart: four pixels of a texture of 2048."""


@dataclass(frozen=True)
class Chart:
    """Some faces laid flat.

    Attributes:
        faces: [F] their numbers.
        uv: [F, 3, 2] their corners, from (0, 0), in the chart's own unit.
    """

    faces: Int[np.ndarray, " f"]
    uv: Float[np.ndarray, "f 3 2"]

    def scaled(self, by: float) -> Chart:
        """Return the chart from (0, 0) in another unit, stood on its short side."""
        uv = (self.uv - self.uv.min((0, 1))) * by
        width, height = np.ptp(uv, axis=(0, 1))
        if width > height:  # a quarter turn, which mirrors nothing
            uv = np.stack([uv[..., 1], width - uv[..., 0]], -1)
        return Chart(self.faces, uv)


def hair_charts(template: Template) -> list[Chart]:
    """Return one strip for each lock of hair, as long and as wide around as the lock, metres.

    A lock is a tube: its root, rings of as many vertices each, its tip (``body.hair``). It is cut along one side, with
    the root's and the tip's triangles standing on the first and the last ring.
    """
    n_skin = int(template.is_skin.sum())
    tips = np.flatnonzero(template.hair_along >= 1.0)
    starts = np.concatenate([[n_skin], tips[:-1] + 1])
    first = template.faces.min(1)
    return [
        _strip(template, start, tip, np.flatnonzero((first >= start) & (first <= tip)))
        for start, tip in zip(starts, tips, strict=True)
    ]


def _strip(template: Template, start: int, tip: int, faces: np.ndarray) -> Chart:
    along = template.hair_along[start : tip + 1]
    sides = int((along == 0).sum()) - 1  # the first ring lies around the root
    rings = template.vertices[start + 1 : tip].reshape(-1, sides, 3)
    around = np.linalg.norm(rings - np.roll(rings, -1, axis=1), axis=2).sum(1)
    centres = np.concatenate([rings.mean(1), template.vertices[tip : tip + 1]])
    up = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(centres, axis=0), axis=1)))
    cell = around.max() / sides
    corner = template.faces[faces] - start
    is_end = (corner == 0) | (corner == tip - start)
    ring, column = np.divmod(corner - 1, sides)
    column = np.where(~is_end & (column == 0) & _wraps(column, is_end, sides)[:, None], sides, column)
    middle = np.where(is_end, 0, column).sum(1) / (~is_end).sum(1)
    u = np.where(is_end, middle[:, None], column) * cell
    v = np.where(corner == 0, -cell / 2, up[np.clip(ring, 0, len(up) - 1)])
    v = np.where(corner == tip - start, up[-1], v)
    uv = np.stack([u, v], -1)
    if _doubled_areas(uv).sum() < 0:
        uv[..., 0] = -uv[..., 0]
    return Chart(faces, uv - uv.min((0, 1)))


def _wraps(column: np.ndarray, is_end: np.ndarray, sides: int) -> np.ndarray:
    """Return whether each face reaches over the cut, from the last column to the first."""
    return (~is_end & (column == sides - 1)).any(1) & (~is_end & (column == 0)).any(1)


def _doubled_areas(uv: Float[np.ndarray, "f 3 2"]) -> Float[np.ndarray, " f"]:
    b, c = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0]


def split_charts(vertices: Int[np.ndarray, "f 3"], uv: Float[np.ndarray, "f 3 2"], faces: np.ndarray) -> list[Chart]:
    """Return the charts of a layout: faces that share a vertex at one place of it hang together.

    Args:
        vertices: of each face.
        uv: of each corner.
        faces: the number of each face.
    """
    key = np.column_stack([vertices.reshape(-1), np.round(uv.reshape(-1, 2) * 1e6).astype(np.int64)])
    _, corner = np.unique(key, axis=0, return_inverse=True)
    corner = corner.reshape(-1, 3)
    label = np.arange(corner.max() + 1)  # of each corner: the lowest that it hangs together with
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, corner.ravel(), np.repeat(label[corner].min(1), 3))
        lowest = lowest[lowest]
        if (lowest == label).all():
            break
        label = lowest
    chart = label[corner[:, 0]]
    return [Chart(faces[chart == c], uv[chart == c]) for c in np.unique(chart)]


def pack(charts: Sequence[Chart], n_faces: int) -> Float[np.ndarray, "f 3 2"]:
    """Return the corners of all faces with the charts side by side in the unit square, at one scale.

    The tallest first, each as low as it fits on what lies there, and the largest scale at which all fit (to 1 %).

    Args:
        charts: in one unit; every face is in one of them.
        n_faces: how many faces there are.
    """
    stood = sorted((c.scaled(1.0) for c in charts), key=lambda c: (-c.uv[..., 1].max(), int(c.faces[0])))
    sizes = np.array([c.uv.max((0, 1)) for c in stood])
    low, high = 0.0, (_CELLS - 2 * _MARGIN) / _CELLS / sizes.max()
    places = None
    while places is None or high - low > 0.01 * high:
        scale = (low + high) / 2
        found = _placed(sizes * scale)
        low, high = (scale, high) if found is not None else (low, scale)
        places = found if found is not None else places
    out = np.empty((n_faces, 3, 2))
    for chart, place in zip(stood, places, strict=True):
        out[chart.faces] = chart.uv * low + place
    return out


def _placed(sizes: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"] | None:
    """Return where boxes lie in the unit square, in the order given; None where they do not fit."""
    cells = np.ceil(sizes * _CELLS).astype(int) + _MARGIN
    if cells[:, 0].max() >= _CELLS or cells.prod(1).sum() > _CELLS**2:
        return None
    skyline = np.full(_CELLS, _MARGIN)
    skyline[:_MARGIN] = _CELLS  # the left edge
    places = np.empty((len(cells), 2))
    for i, (width, height) in enumerate(cells):
        level = np.lib.stride_tricks.sliding_window_view(skyline, width).max(1)
        x = int(level.argmin())
        if level[x] + height > _CELLS:
            return None
        places[i] = x, level[x]
        skyline[x : x + width] = level[x] + height
    return places / _CELLS
