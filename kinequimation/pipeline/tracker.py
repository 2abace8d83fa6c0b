"""Which horse of a frame is which horse of the frames before: identities over a video, also through crossings.

Each horse has a track. In every frame the looks that are left after two at one horse were made one are given to the
tracks so that the sum of their differences is least (``scipy.optimize.linear_sum_assignment``). A look differs from a
track by where it is against where the horse was going, by its pose, by its size, and by its colours. A horse that
passes behind another is not lost: its track goes on at its pace, unseen, and is taken up where it comes out. The longer
a horse is away, the less counts where it was, and the more its colours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinequimation import skeleton
from kinequimation.detect.find import Look, same_horse
from kinequimation.metrics import box_iou
from kinequimation.pipeline.boxes import Follower
from kinequimation.pose2d.crop import SURE

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

FAR = 0.6
"""Distance from where a horse should be, as a share of its size, that counts 1: half a horse. A guess, as the rest."""
POSE_FAR = 0.25
"""Typical distance of keypoints from the expected ones, as a share of the size, that counts 1."""
SIZE_FAR = 0.7
"""Logarithm of the ratio of sizes that counts 1: twice as large."""
COLOUR_FAR = 0.35
"""Hellinger distance of colours that counts 1. On rendered horses those of one horse lie below 0.2 from frame to frame,
those of two horses of different coats from 0.3 up."""
MOST_DIFFERENT = 3.0
"""Sum of the differences from which a look is no longer the track's horse."""
FORGET_S = 0.6
"""Time away in which where a horse was counts half as much, and how far it may be from there twice as much."""
COAST_S = 1.5
"""Time for which a horse that is not seen is looked for where it should be."""
MOST_TRACKS = 32
"""Tracks that are remembered at once. Beyond, those are forgotten that were seen for the fewest frames, of those not
seen now: a horse that comes back is then a new one."""
COLOUR_SHARE = 0.1
"""How much of a track's colours is taken from the newest frame in which nobody stands in its way."""

_SIDES = ("DEF-upper_arm.L", "DEF-upper_arm.R", "DEF-thigh.L", "DEF-thigh.R")
_ACROSS = np.array(
    [
        (skeleton.KEYPOINT_INDEX[a], skeleton.KEYPOINT_INDEX[b])
        for a, b in (
            *((f"DEF-spine.00{i}", side) for i in range(2, 7) for side in _SIDES),
            *((f"DEF-neck.00{i}", f"DEF-neck.00{i + 1}") for i in range(1, 4)),
            *((f"DEF-thigh.{s}", f"DEF-lower_leg.{s}") for s in "LR"),
            *((f"DEF-upper_arm.{s}", f"DEF-forearm.{s}") for s in "LR"),
        )
    ]
)
"""Pairs of joints between which lies nothing but horse: trunk, neck, thighs, forearms."""
_AT = np.linspace(0.1, 0.9, 5)[:, None, None]
_BINS = ((0, 256, 12), (-48, 80, 8), (-48, 80, 8))
"""Range and number of bins of brightness, red less green, and green less blue."""


def colours_of(image_rgb: UInt8[np.ndarray, "h w 3"], look: Look) -> Float[np.ndarray, " bins"]:
    """Return the colours of a horse as square roots of shares: brightness, and two differences of colour.

    Sampled between joints, inside the horse; each sample is shared out between the two bins nearest to it, so that a
    cloud before the sun does not move everything to the next bin. The scalar product of two such vectors is their
    Bhattacharyya coefficient. Zeros where nothing could be sampled.
    """
    sure = (look.confidence >= SURE) & np.isfinite(look.uv_px).all(1)
    a, b = _ACROSS[sure[_ACROSS].all(1)].T
    points = (look.uv_px[a] * (1 - _AT) + look.uv_px[b] * _AT).reshape(-1, 2)
    column, row = np.rint(points).astype(int).T
    height, width = image_rgb.shape[:2]
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    r, g, b = image_rgb[row[inside], column[inside]].astype(float).T
    parts = [_shares(v, *bins) for v, bins in zip(((r + g + b) / 3, r - g, g - b), _BINS, strict=True)]
    return np.sqrt(np.concatenate(parts) / len(parts))


def _shares(value: np.ndarray, low: float, high: float, n: int) -> np.ndarray:
    at = ((value - low) / (high - low) * (n - 1)).clip(0, n - 1)
    first = np.minimum(at.astype(int), n - 2)
    counts = np.bincount(first, 1 - (at - first), n) + np.bincount(first + 1, at - first, n)
    return counts / max(len(value), 1)


def colour_distance(a: Float[np.ndarray, " bins"], b: Float[np.ndarray, " bins"]) -> float:
    """Return the Hellinger distance of two colour vectors, 0..1; 0 where one knows nothing."""
    if not a.any() or not b.any():
        return 0.0
    return float(np.sqrt(max(0.0, 1.0 - float(a @ b))))


@dataclass
class Track:
    """One horse over time.

    Attributes:
        number: of the track, from 0 in the order of appearance.
        follower: moves its box along.
        look: where it was seen last.
        colours: what it looks like.
        t_s: when it was seen last.
        away_s: for how long it has not been seen; 0 while it is.
        n_frames: in how many frames it was seen.
    """

    number: int
    follower: Follower
    look: Look
    colours: np.ndarray
    t_s: float
    away_s: float = 0.0
    n_frames: int = 1

    @property
    def visible(self) -> bool:
        """Whether it was seen in the newest frame."""
        return self.away_s == 0.0

    @property
    def looked_for(self) -> bool:
        """Whether it is worth a look where it should be now."""
        return self.away_s <= COAST_S

    def difference(self, look: Look, colours: np.ndarray) -> float:
        """Return how much a look differs from what is expected of this horse."""
        memory = 0.5 ** (self.away_s / FORGET_S)
        box, around = self.follower.xywh, look.around
        size = float(np.sqrt(box[2:].prod()))
        way = box[:2] + box[2:] / 2 - (around[:2] + around[2:] / 2)
        far = float(np.linalg.norm(way)) / size / FAR
        larger = abs(float(np.log(around[2:].prod() / max(box[2:].prod(), 1.0)))) / 2 / SIZE_FAR
        colour = colour_distance(self.colours, colours) / COLOUR_FAR
        return memory * (far + self._pose(look)) + larger * (0.5 + 0.5 * memory) + colour

    def _pose(self, look: Look) -> float:
        """Return how much the pose differs from the last one, the points' places in the box compared."""
        both = (self.look.confidence >= SURE) & (look.confidence >= SURE)
        both &= np.isfinite(self.look.uv_px + look.uv_px).all(1)
        if both.sum() < 8:
            return 0.5
        before, after = self.look.uv_px[both], look.uv_px[both]
        apart = np.linalg.norm((before - before.mean(0)) - (after - after.mean(0)), axis=1)
        return min(float(np.median(apart)) / look.size / POSE_FAR, 2.0)


@dataclass
class Tracker:
    """Keeps the tracks of a video. Its memory is that of a few numbers a horse.

    Attributes:
        tracks: the horses seen so far that are remembered.
    """

    tracks: list[Track] = field(default_factory=list)
    _n_begun: int = 0

    @property
    def visible(self) -> list[Track]:
        """The horses that were seen in the newest frame."""
        return [track for track in self.tracks if track.visible]

    def expected(self) -> list[Track]:
        """Return the horses that should be looked for where they should be: those seen, and those just hidden."""
        return [track for track in self.tracks if track.looked_for]

    def update(self, image_rgb: UInt8[np.ndarray, "h w 3"], t_s: float, looks: list[Look]) -> list[tuple[Track, Look]]:
        """Give the looks of a frame to tracks, and begin a track for each that is left.

        Args:
            image_rgb: the frame.
            t_s: its time.
            looks: one for each horse in it (``one_a_horse``).

        Returns:
            the tracks seen in this frame, each with its look.
        """
        for track in self.tracks:
            track.away_s = max(t_s - track.t_s, 1e-6)
        colours = [colours_of(image_rgb, look) for look in looks]
        # a track without a look costs MOST_DIFFERENT, so that none is forced on it
        costs = np.full((len(self.tracks), len(looks) + len(self.tracks)), MOST_DIFFERENT)
        for i, track in enumerate(self.tracks):
            for j, look in enumerate(looks):
                costs[i, j] = track.difference(look, colours[j])
        taken: dict[int, Track] = {}
        for i, j in zip(*linear_sum_assignment(costs), strict=True):
            if j < len(looks) and costs[i, j] < MOST_DIFFERENT:
                taken[int(j)] = self.tracks[i]
        seen = []
        for j, look in enumerate(looks):
            track = taken.get(j)
            if track is None:
                track = Track(self._n_begun, Follower(look.around), look, colours[j], t_s)
                self._n_begun += 1
                self.tracks.append(track)
                track.follower.see(look.uv_px, look.confidence)
            else:
                self._take(track, look, colours[j], t_s, [other for other in looks if other is not look])
            seen.append((track, look))
        for track in self.tracks:
            if not track.visible:
                track.follower.coast()
        for track in sorted(self.tracks, key=lambda t: (t.visible, t.n_frames))[
            : max(0, len(self.tracks) - MOST_TRACKS)
        ]:
            if not track.visible:
                self.tracks.remove(track)
        return seen

    @staticmethod
    def _take(track: Track, look: Look, colours: np.ndarray, t_s: float, others: list[Look]) -> None:
        """Note where a track was seen."""
        if track.away_s > COAST_S:
            track.follower = Follower(look.around)  # it may have come back from anywhere
        track.follower.see(look.uv_px, look.confidence)
        track.look, track.t_s, track.away_s = look, t_s, 0.0
        track.n_frames += 1
        clear = not others or box_iou(look.around, np.stack([other.around for other in others])).max() < 0.05
        if clear and colours.any():
            track.colours = np.sqrt((1 - COLOUR_SHARE) * track.colours**2 + COLOUR_SHARE * colours**2)


def one_a_horse(looks: list[Look]) -> list[Look]:
    """Return the surest look of each horse: boxes that follow two horses end on the one in front when they cross."""
    kept: list[Look] = []
    for look in sorted(looks, key=lambda a: -a.sure):
        if not any(same_horse(look, other) for other in kept):
            kept.append(look)
    return kept
