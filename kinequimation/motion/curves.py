"""Smooth curves through a few points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.gait import Swing


@dataclass(frozen=True)
class LimbCurves:
    """Curves over a limb's cycle, through keys and level at each; made by ``of``.

    Attributes:
        progress: [L, C, K] where the keys of each limb's curves are, in its cycle: 0 to 1 through the stance, 1 to 2
            through the swing.
        cycle: [K] cycles before (−1) or after (1) the present one.
        value: [L, C, K].
    """

    progress: Float[np.ndarray, "limbs curves keys"]
    cycle: Float[np.ndarray, "limbs curves keys"]
    value: Float[np.ndarray, "limbs curves keys"]

    @classmethod
    def of(cls, limbs: list[list[list[tuple[float, float]]]]) -> LimbCurves:
        """Make curves from the keys (where, value) of each limb's curves, rising; they repeat every cycle."""
        longest = 2 + max(len(keys) for curves in limbs for keys in curves)
        rows = np.zeros((3, len(limbs), len(limbs[0]), longest))
        for i, curves in enumerate(limbs):
            for j, keys in enumerate(curves):
                spare = longest - len(keys) - 1
                around = [(*keys[-1], -1.0), *((*key, 0.0) for key in keys), *[(*keys[0], 1.0)] * spare]
                rows[:, i, j] = np.array(around).T[[0, 2, 1]]
        return cls(*rows)

    def at(
        self, progress: Float[np.ndarray, "frames limbs"], duty: Float[np.ndarray, "#frames limbs"]
    ) -> Float[np.ndarray, "frames limbs curves"]:
        """Evaluate all curves.

        Args:
            progress: of each limb's cycle.
            duty: fraction of the cycle that the hooves stand; it may change from frame to frame.
        """
        x = _phase(self.progress, duty[..., None, None]) + self.cycle
        phase = _phase(progress, duty)[..., None]
        i = (phase[..., None] >= x[..., 1:-1]).sum(-1)[..., None]
        x = np.broadcast_to(x, (len(progress), *x.shape[1:]))
        y = np.broadcast_to(self.value, x.shape)
        low, high, a, b = (np.take_along_axis(v, k, -1)[..., 0] for v in (x, y) for k in (i, i + 1))
        w = np.clip((phase - low) / (high - low), 0.0, 1.0)
        return a + (b - a) * w * w * (3.0 - 2.0 * w)


def _phase(progress: np.ndarray, duty: np.ndarray) -> np.ndarray:
    return np.where(progress < 1.0, progress * duty, duty + (progress - 1.0) * (1.0 - duty))


def wrapped(cycles: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Return cycles less the whole ones, in [0, 1); the remainder of a tiny negative number would round to 1."""
    rest = np.asarray(cycles) % 1.0
    return np.where(rest >= 1.0, 0.0, rest)


def bump(w: Float[np.ndarray, "*n"], rise: float, fall: float) -> Float[np.ndarray, "*n"]:
    """Return a bump on 0–1 that is 1 at ``rise / (rise + fall)`` and 0 at both ends; the powers set its steepness."""
    top = rise / (rise + fall)
    w = np.clip(w, 0.0, 1.0)
    return (w / top) ** rise * ((1.0 - w) / (1.0 - top)) ** fall


def swing_value(swing: Swing, phase: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
    """Evaluate a sinusoid over the stride."""
    return swing.size * np.cos(2.0 * np.pi * swing.cycles * (phase - swing.peak))
