"""Rows of a score: how many points of one kind are right, how many pairs the wrong way round, and the intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import metrics, skeleton

if TYPE_CHECKING:
    from jaxtyping import Float, Int

THRESHOLDS: tuple[float, ...] = (0.05, 0.1, 0.2)
"""Of PCK, shares of the box's longer side."""
Interval = tuple[float, float]
_PAIRS = {
    skeleton.unsided(skeleton.KEYPOINTS[i]): int(i)
    for i in skeleton.SIDED_KEYPOINTS
    if i < skeleton.MIRROR_KEYPOINTS[i]
}
"""The left slot of each pair, by the pair's name."""
_LEGS = frozenset(k for group in ("upper limb", "lower limb", "hoof") for k in skeleton.GROUPS[group])


@dataclass(frozen=True)
class Row:
    """How many points of one kind lie within each of ``THRESHOLDS``.

    Attributes:
        name: which points.
        count: points that are labelled.
        hits: points within each threshold.
        intervals: 95 % bootstrap interval of each share, over images.
        image_counts: [N] labelled points of each image.
        image_hits: [N, thresholds] points within each threshold of each image.
    """

    name: str
    count: int
    hits: tuple[int, ...]
    intervals: tuple[Interval, ...]
    image_counts: Int[np.ndarray, " n"]
    image_hits: Int[np.ndarray, "n t"]

    def share(self, i: int) -> float:
        """Return the share of points within threshold ``i``; NaN if none is labelled."""
        return self.hits[i] / self.count if self.count else float("nan")

    def less(self, other: Row, i: int) -> metrics.Difference:
        """Return by how much the share within threshold ``i`` is higher than another prediction's of the same set."""
        return metrics.paired_difference(
            self.image_hits[:, i], self.image_counts, other.image_hits[:, i], other.image_counts
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the row for a JSON file."""
        pck = {
            f"pck@{t}": {"hits": self.hits[i], "share": self.share(i), "interval95": self.intervals[i]}
            for i, t in enumerate(THRESHOLDS)
        }
        return {"name": self.name, "count": self.count, **pck}


def pck_rows(
    points: Sequence[tuple[str, Float[np.ndarray, "n k"]]], image_of: Int[np.ndarray, " n"], n_images: int
) -> list[Row]:
    """Return the rows of several kinds of points, all from the same draws of images.

    Args:
        points: the name of each kind, and its errors; NaN where a point does not count.
        image_of: [N] the image of each horse.
        n_images: of the set.
    """
    if not points:
        return []
    by_threshold = [[metrics.pck(errors, t) for t in THRESHOLDS] for _, errors in points]
    counts = np.stack([np.bincount(image_of, of[0][1], n_images) for of in by_threshold], 1).astype(int)
    hits = np.stack(
        [np.stack([np.bincount(image_of, n_right, n_images) for n_right, _ in of], 1) for of in by_threshold], 1
    ).astype(int)
    flat = hits.reshape(n_images, -1)
    ends = metrics.bootstrap_intervals(flat, np.repeat(counts, len(THRESHOLDS), axis=1)).reshape(len(points), -1, 2)
    return [
        Row(
            name=name,
            count=int(counts[:, k].sum()),
            hits=tuple(int(n) for n in hits[:, k].sum(0)),
            intervals=tuple((float(low), float(high)) for low, high in ends[k]),
            image_counts=counts[:, k],
            image_hits=hits[:, k],
        )
        for k, (name, _) in enumerate(points)
    ]


@dataclass(frozen=True)
class PairRow:
    """What became of left/right pairs of one kind.

    Attributes:
        name: which pairs.
        comparable: pairs that could be told apart.
        swapped: those that the prediction has the wrong way round.
        merged: those of which both points were put on one side.
        interval: 95 % bootstrap interval of the share that is swapped, over images.
        image_comparable, image_swapped: [N] of each image.
    """

    name: str
    comparable: int
    swapped: int
    merged: int
    interval: Interval
    image_comparable: Int[np.ndarray, " n"]
    image_swapped: Int[np.ndarray, " n"]

    def to_dict(self) -> dict[str, Any]:
        """Return the counts for a JSON file."""
        return {
            "name": self.name,
            "comparable": self.comparable,
            "swapped": self.swapped,
            "merged": self.merged,
            "swapped_interval95": self.interval,
        }


def pair_rows(checks: metrics.PairChecks, image_of: Int[np.ndarray, " n"], n_images: int) -> list[PairRow]:
    """Return what became of all pairs, of those of the legs, and of each pair that was comparable somewhere."""
    kinds = {"all": list(_PAIRS.values()), "legs": [i for i in _PAIRS.values() if skeleton.KEYPOINTS[i] in _LEGS]}
    kinds |= {name: [slot] for name, slot in _PAIRS.items()}
    comparable, swapped, merged = (
        np.stack([np.bincount(image_of, of[:, slots].sum(1), n_images) for slots in kinds.values()], 1).astype(int)
        for of in (checks.comparable, checks.swapped, checks.merged)
    )
    ends = metrics.bootstrap_intervals(swapped, comparable)
    return [
        PairRow(
            name=name,
            comparable=int(comparable[:, k].sum()),
            swapped=int(swapped[:, k].sum()),
            merged=int(merged[:, k].sum()),
            interval=(float(ends[k, 0]), float(ends[k, 1])),
            image_comparable=comparable[:, k],
            image_swapped=swapped[:, k],
        )
        for k, name in enumerate(kinds)
        if name in ("all", "legs") or comparable[:, k].any()
    ]
