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
_PAIRS = np.array([pair for leg in _LEGS for pair in leg])  # [pairs, left and right]


def decode_legs(prob: Float[np.ndarray, "k h w"]) -> Float[np.ndarray, "k 2"]:
    """Find all keypoints of a horse, with each pair of leg points read together.

    Args:
        prob: the 103 maps of one horse, each with a mass of 1.

    Returns:
        x and y in cells, as ``decode``.
    """
    xy = decode(prob)
    places = xy[_PAIRS]  # [pairs, 2 places, xy]
    decided = _separate(prob, places)
    mass = np.stack([_mass(prob[_PAIRS], places[:, place, None]) for place in (0, 1)], 1) + _FLOOR  # [., place, side]
    odds = np.where(decided, np.log(mass[:, 0, 0] * mass[:, 1, 1] / (mass[:, 0, 1] * mass[:, 1, 0])), 0.0)
    start = 0
    for leg in _LEGS:
        rows = slice(start, start + len(leg))
        swapped = start + np.flatnonzero(_swapped(odds[rows], places[rows]))
        places[swapped] = places[swapped][:, ::-1]
        start += len(leg)
    xy[_PAIRS] = places
    return xy


def _separate(prob: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Move the second place of pairs that were both put on one leg, in ``places``, to the other leg.

    Returns:
        [pairs] whether it can be asked which place is the left leg's; not where both legs are at one place, or only
        one is to be seen.
    """
    decided = np.hypot(*(places[:, 0] - places[:, 1]).T) > RADIUS
    close = np.flatnonzero(~decided)
    both = prob[_PAIRS[close]].sum(1)
    first = decode(both)
    taken = _around(first, both.shape[1:])
    rest = np.where(taken, 0, both)
    second = decode(rest)
    there = np.isfinite(second).all(1) & ((both * taken).sum((1, 2)) <= BOTH_HERE)
    there[there] = _mass(both[there][:, None], second[there][:, None])[:, 0] >= OTHER_THERE
    places[close[there], 0], places[close[there], 1] = first[there], second[there]
    decided[close[there]] = True
    return decided


def _around(centre: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return [..., h, w] the cells within ``RADIUS`` of places [..., 2]."""
    x = (np.arange(shape[1]) - centre[..., :1]) ** 2
    y = (np.arange(shape[0]) - centre[..., 1:]) ** 2
    return y[..., :, None] + x[..., None, :] <= RADIUS**2


def _mass(maps: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return [N, M] the mass of maps [N, M, h, w] around places [N, 1, 2]."""
    return (maps * _around(centre, maps.shape[2:])).sum((2, 3))


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
