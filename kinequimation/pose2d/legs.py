"""Tell left legs from right ones: a joint reading of the two maps of each leg point.

In profile, left and right look alike, and each of the two maps often shows both legs. Read one by one, both put their
peak on the clearer leg, and the other leg is lost. Read together they are a count: if the two maps hold a mass of two
at a place, both legs are there; if they hold one, one leg is, and the other leg is at the next place. Which of the two
is the left one is then decided along the whole leg, by dynamic programming: the maps' own odds at each point, and that
neighbouring points of one leg lie near each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.pose2d.decode import decode
from kinequimation.skeleton import KEYPOINT_INDEX, MIRROR

if TYPE_CHECKING:
    from jaxtyping import Float

LEG_POINTS: tuple[tuple[str, ...], ...] = (
    (
        "DEF-forearm.L",
        "carpus.L",
        "DEF-forefoot.L",
        "DEF-forefoot.L.001",
        "fore_fetlock.L",
        "DEF-f_toe.L",
        "DEF-f_hoof.L",
        "fore_toe.L",
    ),
    (
        "DEF-lower_leg.L",
        "hock.L",
        "DEF-hind_foot.L",
        "DEF-hind_foot.L.001",
        "hind_fetlock.L",
        "DEF-r_toe.L",
        "DEF-r_hoof.L",
        "hind_toe.L",
    ),
)
"""Points of the left fore and hind leg from the top down."""
RADIUS = 3.5
"""Cells around a place that count for it: 7 % of a horse that fills its box."""
BOTH_HERE = 1.3
"""Mass of the two maps at a place from which both legs are there; 1 is one leg, 2 is two."""
OTHER_THERE = 0.4
"""Least mass of the two maps at the second place."""
NEARNESS = 0.3
"""Log-odds for each cell by which one assignment keeps neighbours nearer than the other. A guess."""
_FLOOR = 1e-3

_LEGS = tuple(tuple((KEYPOINT_INDEX[name], KEYPOINT_INDEX[MIRROR[name]]) for name in points) for points in LEG_POINTS)


def decode_legs(prob: Float[np.ndarray, "k h w"]) -> Float[np.ndarray, "k 2"]:
    """Find all keypoints of a horse, with each pair of leg points read together.

    Args:
        prob: the 103 maps of one horse, each with a mass of 1.

    Returns:
        x and y in cells, as ``decode``.
    """
    xy = decode(prob)
    h, w = prob.shape[1:]
    rows, columns = np.mgrid[:h, :w]

    def around(centre: np.ndarray) -> np.ndarray:
        return (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= RADIUS**2

    for leg in _LEGS:
        places = np.array([xy[list(pair)] for pair in leg])  # [points, 2 places, xy]
        odds = np.zeros(len(leg))
        for p, (left, right) in enumerate(leg):
            pair = prob[[left, right]]
            if np.hypot(*(places[p, 0] - places[p, 1])) <= RADIUS:
                both = pair.sum(0)
                first = decode(both)
                taken = around(first)
                if both[taken].sum() > BOTH_HERE:
                    continue
                second = decode(np.where(taken, 0, both))
                if not np.isfinite(second).all() or both[around(second)].sum() < OTHER_THERE:
                    continue
                places[p] = first, second
            mass = np.array([pair[:, around(place)].sum(1) for place in places[p]]) + _FLOOR  # [place, left or right]
            odds[p] = np.log(mass[0, 0] * mass[1, 1] / (mass[0, 1] * mass[1, 0]))
        swapped = _swapped(odds, places)
        places[swapped] = places[swapped][:, ::-1]
        xy[[left for left, _ in leg]], xy[[right for _, right in leg]] = places[:, 0], places[:, 1]
    return xy


def _swapped(odds: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return at which points of a leg the first place is the right leg's: the likeliest path (Viterbi)."""
    apart = np.linalg.norm(np.diff(places, axis=0), axis=2).sum(1)
    crossed = np.linalg.norm(places[1:, ::-1] - places[:-1], axis=2).sum(1)
    change = NEARNESS * (apart - crossed)  # gain from swapping at one point and not at its neighbour
    best = np.array([odds[0], -odds[0]]) / 2
    came_from = np.zeros((len(odds), 2), int)
    for p in range(1, len(odds)):
        options = best[:, None] + np.array([[0, change[p - 1]], [change[p - 1], 0]])
        came_from[p] = options.argmax(0)
        best = options.max(0) + np.array([odds[p], -odds[p]]) / 2
    state = int(best.argmax())
    path = np.zeros(len(odds), bool)
    for p in range(len(odds) - 1, -1, -1):
        path[p] = state == 1
        state = int(came_from[p, state])
    return path
