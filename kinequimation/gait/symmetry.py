"""How alike a trotting horse moves on its left and its right side: differences of head and pelvis, stride by stride.

At trot the head and the pelvis sink and rise twice a stride, once for each diagonal. Differences between the two minima
and between the two maxima are what movement analysis screens lameness by (sources, E7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.gait.strides import circular_mean

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.gait.signals import Signals
    from kinequimation.gait.strides import Stride

SCREENING = (
    "a screening figure from one camera, no diagnosis: its own error may be larger than what is looked for;"
    " have a lame horse seen by a veterinarian"
)
"""What must stand beside every one of these numbers."""
LEAST_STRIDES = 3
"""Fewer strides say nothing (judgement); 25 are asked for in practice (sources, E7)."""
RANGE_MM = 60.0
"""Vertical range to which differences are scaled as well: that of a quiet trot (sources, E7)."""
HEAD_LIMIT_MM, PELVIS_LIMIT_MM = 6.0, 3.0
"""Means within which sound horses lie, measured with sensors on the body (sources, E7)."""
OWN_ERROR_MM = 9.0
"""What these figures are off by at best: means of sound generated horses came to 9 mm through true keypoints, lifting
and fitting. Those of real clips are worse: 30 mm at 12.5 frames a second."""
STRIDES_ASKED = 25
"""Strides from which a mean is held against the limits (sources, E7)."""
_HARMONICS = 4
_SAMPLES = 96
_SEEN = 0.8
_ABOUT_MIDDLE = 0.22
"""So near to the middle of a stance its minimum is looked for, in strides (as ``motion.lameness`` does)."""


@dataclass(frozen=True)
class Difference:
    """One of the four differences over strides; millimetres at the horse's size.

    Attributes:
        mean_mm: positive where the right limb's is the higher.
        sd_mm: from stride to stride; NaN for one stride.
        at_60mm: the mean where the range is scaled to 60 mm.
    """

    mean_mm: float
    sd_mm: float
    at_60mm: float


@dataclass(frozen=True)
class Symmetry:
    """Vertical symmetry at trot.

    ``min``: the lowest point while the right limb of the pair stands less that while the left one does. ``max``: the
    highest point before the right limb's stance less that before the left one's. The head goes with the fore limbs, the
    pelvis with the hind limbs.

    Attributes:
        n_strides: strides measured.
        hd_min, hd_max, pd_min, pd_max: the differences.
        hd_vector_sum_mm: root of the sum of the squares of the head's two means.
        head_range_mm, pelvis_range_mm: how far they move up and down.
    """

    n_strides: int
    hd_min: Difference
    hd_max: Difference
    pd_min: Difference
    pd_max: Difference
    hd_vector_sum_mm: float
    head_range_mm: float
    pelvis_range_mm: float

    @property
    def named(self) -> tuple[tuple[str, Difference], ...]:
        """The four differences with the names that people give them."""
        words = ("head min", "head max", "pelvis min", "pelvis max")
        return tuple(zip(words, (self.hd_min, self.hd_max, self.pd_min, self.pd_max), strict=True))

    @property
    def beyond_noise(self) -> tuple[str, ...]:
        """The differences whose mean is beyond a sound horse's, the method's error and the spread of its strides.

        None of them where fewer strides than ``STRIDES_ASKED`` were seen.
        """
        if self.n_strides < STRIDES_ASKED:
            return ()
        limits: dict[str, float] = {"hd_min": HEAD_LIMIT_MM, "hd_max": HEAD_LIMIT_MM}
        limits |= {"pd_min": PELVIS_LIMIT_MM, "pd_max": PELVIS_LIMIT_MM}
        found = {name: getattr(self, name) for name in limits}
        return tuple(name for name, d in found.items() if abs(d.mean_mm) > max(limits[name] + OWN_ERROR_MM, d.sd_mm))


def read_symmetry(signals: Signals, strides: list[Stride]) -> Symmetry | None:
    """Return the symmetry over strides of trot; None for too few of them.

    Args:
        signals: of the clip.
        strides: those of trot.
    """
    size_mm = 1000.0 * signals.withers_height_m
    rows, ranges = [], []
    for stride in strides:
        if stride.seen < _SEEN:
            continue
        fore, hind = _stance_middles(stride)
        head, pelvis = (_curve(signals, stride, column) * size_mm for column in (0, 2))
        rows.append([*_differences(head, fore), *_differences(pelvis, hind)])
        ranges.append([np.ptp(head), np.ptp(pelvis)])
    if len(rows) < LEAST_STRIDES:
        return None
    head_range, pelvis_range = (float(r) for r in np.median(ranges, axis=0))
    mean, sd = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
    hd_min, hd_max, pd_min, pd_max = (
        Difference(float(m), float(s), float(m * RANGE_MM / max(r, 1e-6)))
        for m, s, r in zip(mean, sd, (head_range, head_range, pelvis_range, pelvis_range), strict=True)
    )
    vector_sum = float(np.hypot(mean[0], mean[1]))
    return Symmetry(len(rows), hd_min, hd_max, pd_min, pd_max, vector_sum, head_range, pelvis_range)


def _stance_middles(stride: Stride) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the phase at the middle of the stances, right and left, of fore and hind limbs.

    The hind limbs' stride is the measure where fore hooves were not seen to land: the diagonals go together.
    """
    on, duty = np.array(stride.on_phase), np.array(stride.duty)
    middle = on + 0.5 * np.where(np.isfinite(duty), duty, 0.4)
    expected = np.array([0.7, 0.2, 0.2, 0.7])  # LF, RF, LH, RH at trot (sources, E1)
    middle = np.where(np.isfinite(middle), middle, expected) % 1.0

    def opposite(right: float, left: float) -> tuple[float, float]:
        at, _ = circular_mean(np.array([right, left + 0.5]))
        return at, (at + 0.5) % 1.0

    return opposite(middle[1], middle[0]), opposite(middle[3], middle[2])


def _curve(signals: Signals, stride: Stride, column: int) -> Float[np.ndarray, " n"]:
    """Return a point's height over the stride, without drift, as its first harmonics."""
    share = np.arange(_SAMPLES) / _SAMPLES
    long = stride.duration_s
    rows = slice(*np.searchsorted(signals.t_s, [stride.start_s - 0.25 * long, stride.stop_s + 0.25 * long]))
    z, at = signals.skin_z[rows, column], (signals.t_s[rows] - stride.start_s) / long
    weight = np.clip(np.minimum(at + 0.25, 1.25 - at) / 0.25, 0.0, 1.0) + 1e-3
    turn = 2 * np.pi * np.arange(1, min(_HARMONICS, max(1, len(at) // 4)) + 1)

    def basis(x: np.ndarray) -> np.ndarray:
        return np.concatenate([np.cos(np.outer(x, turn)), np.sin(np.outer(x, turn))], axis=1)

    drift = np.stack([np.ones_like(at), at], 1)
    design = np.concatenate([basis(at), drift], 1) * np.sqrt(weight)[:, None]
    ridge = 1e-4 * np.eye(design.shape[1])
    fitted = np.linalg.solve(design.T @ design + ridge, design.T @ (z * np.sqrt(weight)))
    return basis(share) @ fitted[: 2 * len(turn)]


def _differences(z: np.ndarray, middles: tuple[float, float]) -> tuple[float, float]:
    """Return right less left of the minima about the middles of the stances, and of the maxima before them."""
    share = np.arange(len(z)) / len(z)
    low, high = [], []
    for middle in middles:
        after = (share - middle + 0.5) % 1.0 - 0.5
        low.append(z[np.abs(after) <= _ABOUT_MIDDLE].min())
        high.append(z[(after <= 0.0) & (after >= -0.45)].max())
    return float(low[0] - low[1]), float(high[0] - high[1])
