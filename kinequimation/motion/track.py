"""A path whose speed and curvature change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

_RUN_OUT_M = 30.0
"""The track goes on straight before its beginning and after its end."""


@dataclass(frozen=True)
class Track:
    """Where a horse goes, sampled finely.

    Attributes:
        t_s: [N] rising.
        distance_m: [N] gone since time 0; not falling.
        xy_world: [N, 2].
        heading_rad: [N] turned left from −Y.
    """

    t_s: Float[np.ndarray, " n"]
    distance_m: Float[np.ndarray, " n"]
    xy_world: Float[np.ndarray, "n 2"]
    heading_rad: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls,
        t_s: Float[np.ndarray, " n"],
        speed_mps: Float[np.ndarray, " n"],
        turn_per_m: Float[np.ndarray, " n"],
        heading_rad: float,
    ) -> Track:
        """Follow speeds and curvatures; the place at time 0 is the origin, the heading there as given."""
        step = np.diff(t_s) * 0.5 * (speed_mps[1:] + speed_mps[:-1])
        turn = step * 0.5 * (turn_per_m[1:] + turn_per_m[:-1])
        distance = np.concatenate([[0.0], np.cumsum(step)])
        heading = np.concatenate([[0.0], np.cumsum(turn)])
        heading += heading_rad - np.interp(0.0, t_s, heading)
        middle = 0.5 * (heading[1:] + heading[:-1])
        chord = (step * np.sinc(0.5 * turn / np.pi))[:, None] * np.stack([np.sin(middle), -np.cos(middle)], -1)
        xy = np.concatenate([np.zeros((1, 2)), np.cumsum(chord, 0)])
        origin = np.array([np.interp(0.0, t_s, xy[:, i]) for i in (0, 1)])
        return cls(t_s, distance - np.interp(0.0, t_s, distance), xy - origin, heading)

    def distance(self, t_s: np.ndarray) -> np.ndarray:
        """Return how far the horse has gone at some times."""
        return np.interp(t_s, self.t_s, self.distance_m)

    def at(self, distance_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the place [..., 2] and the heading at distances along the track."""
        h = self.heading_rad
        ends = np.array([0, -1])
        ahead = np.stack([np.sin(h[ends]), -np.cos(h[ends])], -1) * _RUN_OUT_M
        xy = np.concatenate([self.xy_world[:1] - ahead[:1], self.xy_world, self.xy_world[-1:] + ahead[1:]])
        s = np.concatenate([self.distance_m[:1] - _RUN_OUT_M, self.distance_m, self.distance_m[-1:] + _RUN_OUT_M])
        h = np.concatenate([h[:1], h, h[-1:]])
        return np.stack([np.interp(distance_m, s, xy[:, i]) for i in (0, 1)], -1), np.interp(distance_m, s, h)
