"""Rods and balls: the parts that people, saddlery and vehicles are built of."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth.scene import PERSON_ID, TACK_ID

if TYPE_CHECKING:
    from kinequimation.synth.meshes import Props


class Parts:
    """Rods and balls collected one by one and added to the props all at once."""

    def __init__(self) -> None:
        self._rods: dict[int, list[tuple[np.ndarray, ...]]] = {}
        self._balls: dict[int, list[tuple[np.ndarray, ...]]] = {}

    def rod(
        self, a: np.ndarray, b: np.ndarray, r0: float, r1: float, rgb: np.ndarray, object_id: int = PERSON_ID,
        flat: float = 1.0, side: np.ndarray | None = None, ends: str = "ab",
    ) -> None:  # fmt: skip
        """Add a rod from ``a`` to ``b`` with radii at its ends.

        Args:
            a, b: [3] end points, metres.
            r0, r1: radii there; across ``side`` where that is given.
            rgb: [3] linear colour.
            object_id: what it belongs to.
            flat: the other radius over this one.
            side: [3] direction of the first radius.
            ends: which ends get a ball: some of ``ab``.
        """
        hint = np.array([0.31, 0.94, 0.13]) if side is None else side
        rods = self._rods.setdefault(object_id, [])
        rods.append((a, b, hint, np.array([r0, r1, flat, "a" in ends, "b" in ends]), rgb))

    def line(
        self, points: list[np.ndarray], radius: float, rgb: np.ndarray, object_id: int = TACK_ID, *, round: bool = False
    ) -> None:
        """Add a cord through points, with balls at its bends if it is thick enough for gaps to show."""
        for a, b in pairwise(points):
            self.rod(a, b, radius, radius, rgb, object_id, ends="b" if round else "")

    def ball(self, centre: np.ndarray, axes: np.ndarray, rgb: np.ndarray, object_id: int = PERSON_ID) -> None:
        """Add an ellipsoid; the columns of ``axes`` are its half axes, metres."""
        self._balls.setdefault(object_id, []).append((axes, centre, rgb))

    def add_to(self, props: Props) -> None:
        """Put everything into the props."""
        for object_id, rods in self._rods.items():
            a, b, hint, numbers, rgb = (np.array(column, float) for column in zip(*rods, strict=True))
            along = b - a
            length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
            z = along / length
            x = hint - (hint * z).sum(1, keepdims=True) * z
            x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
            y = np.stack([z[:, 1] * x[:, 2] - z[:, 2] * x[:, 1], z[:, 2] * x[:, 0] - z[:, 0] * x[:, 2],
                          z[:, 0] * x[:, 1] - z[:, 1] * x[:, 0]], -1)  # fmt: skip
            r0, r1, flat, at_a, at_b = numbers.T[:, :, None]
            axes = np.stack([x * r0, y * r0 * flat, z * length / 2], -1)
            props.add("tube", axes, (a + b) / 2, rgb, object_id, taper=(r1 / r0)[:, 0])  # type: ignore[arg-type]
            ends = np.concatenate([a[at_a[:, 0] > 0], b[at_b[:, 0] > 0]])
            if len(ends):
                balls = [np.stack([x * r, y * r * flat, z * r * np.minimum(flat, 1.0)], -1) for r in (r0, r1)]
                balls = np.concatenate([balls[0][at_a[:, 0] > 0], balls[1][at_b[:, 0] > 0]])
                colours = np.concatenate([rgb[at_a[:, 0] > 0], rgb[at_b[:, 0] > 0]])
                props.add("sphere", balls, ends, colours, object_id)
        for object_id, balls in self._balls.items():
            axes, centre, rgb = (np.array(column, float) for column in zip(*balls, strict=True))
            props.add("sphere", axes, centre, rgb, object_id)
