"""One horse's keypoints over a clip: what the first pass over the pixels leaves, and all that the later stages need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError, NoHorseError
from kinequimation.io.keypoints import HorseKeypoints, KeypointClip
from kinequimation.pose2d.clean_clip import CleanClip, clean_clip

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    from kinequimation.lift import Lifted

MAX_EMPTY_ROWS = 20_000
"""Frames that the times of a clip may leap over, in all: motions are resampled to even steps, and times that leap (a
camera's clock that was set, a hand-made file) would fill the memory."""


@dataclass(frozen=True)
class Seen:
    """One horse's keypoints in every frame of a clip; pixels of the source frame.

    Attributes:
        source: name of the source.
        fps: average frames per second.
        width, height: of the source frame, pixels.
        index: [T] number of the frame in the source.
        t_s: [T] time in the source, seconds.
        bbox_xywh: [T, 4] NaN where no horse was found.
        score: [T] of the box, in [0, 1].
        uv_px: [T, 103, 2] NaN where missing.
        confidence: [T, 103] in [0, 1]; 0 where missing.
        number: which of the clip's horses it is, from 1.
        raw_uv_px, raw_confidence: the points before they were cleaned over time; None if they were not.

    Raises:
        InputError: the times leap over more than ``MAX_EMPTY_ROWS`` frames.
    """

    source: str
    fps: float
    width: int
    height: int
    index: Int[np.ndarray, " frames"]
    t_s: Float[np.ndarray, " frames"]
    bbox_xywh: Float[np.ndarray, "frames 4"]
    score: Float[np.ndarray, " frames"]
    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]
    number: int = 1
    raw_uv_px: Float[np.ndarray, "frames 103 2"] | None = None
    raw_confidence: Float[np.ndarray, "frames 103"] | None = None

    def __post_init__(self) -> None:
        span_s = float(self.t_s[-1] - self.t_s[0])
        step_s = min(1 / self.fps, float(np.median(np.diff(self.t_s)))) if len(self) > 1 else 1 / self.fps
        if span_s / step_s > 10 * len(self) + MAX_EMPTY_ROWS:
            raise InputError(
                f"{self.source}: {len(self)} frames with times that span {span_s:g} s; choose a part of it with --start"
                " and --end"
            )

    def __len__(self) -> int:
        return len(self.index)

    @property
    def found(self) -> Bool[np.ndarray, " frames"]:
        """Whether a horse was found in each frame."""
        return np.asarray(self.confidence.max(axis=1) > 0)

    @property
    def frame_confidence(self) -> Float[np.ndarray, " frames"]:
        """How good each frame is: the mean confidence of the better half of its points; 0 without a horse.

        The better half, because in a good side view the far limbs and the far eye are hidden all the same.
        """
        better = np.sort(self.confidence, axis=1)[:, skeleton.NUM_KEYPOINTS // 2 :]
        return np.where(self.found, better.mean(1), 0.0)

    def cleaned(self) -> Seen:
        """Return the same with points cleaned over time and the raw ones beside; not smoothed, which the fit does."""
        return self.with_points_of(
            clean_clip(self.uv_px, self.confidence, self.bbox_xywh[:, 2:].max(1), self.t_s, smooth=False)
        )

    def with_points_of(self, clean: CleanClip) -> Seen:
        """Return the same with points that were cleaned over time, and the raw ones beside."""
        return replace(
            self,
            uv_px=clean.uv_px,
            confidence=clean.confidence,
            raw_uv_px=clean.raw_uv_px,
            raw_confidence=clean.raw_confidence,
        )

    def require_horse(self) -> None:
        """Raise ``NoHorseError`` where no frame has a horse."""
        if not self.found.any():
            frames = "its frame" if len(self) == 1 else f"its {len(self)} frames"
            raise NoHorseError(
                f"{self.source}: no horse found in {frames}; if there is one, show it with --bbox x,y,w,h"
            )

    def to_clip(self, lifted: Lifted | None) -> KeypointClip:
        """Return what ``keypoints.json`` holds; ``lifted`` has a row for every frame."""
        horses: list[tuple[HorseKeypoints, ...]] = []
        for i, found in enumerate(self.found):
            if not found:
                horses.append(())
                continue
            horse = HorseKeypoints(
                id=self.number,
                bbox_xywh=self.bbox_xywh[i],
                score=float(self.score[i]),
                uv_px=self.uv_px[i],
                confidence=self.confidence[i],
                xyz_cam=None if lifted is None else lifted.xyz_cam[i],
                root_xyz_cam=None if lifted is None else lifted.root_xyz_cam[i],
                raw_uv_px=None if self.raw_uv_px is None else self.raw_uv_px[i],
                raw_confidence=None if self.raw_confidence is None else self.raw_confidence[i],
            )
            horses.append((horse,))
        return KeypointClip(self.source, self.fps, self.width, self.height, self.t_s, self.index, tuple(horses))


def chosen(horses: Sequence[Seen], number: int | None) -> Seen:
    """Return the horse that is asked for; the first without a wish.

    Raises:
        NoHorseError: there is none of this number.
    """
    if number is None:
        return horses[0]
    for seen in horses:
        if seen.number == number:
            return seen
    there = ", ".join(str(seen.number) for seen in horses)
    raise NoHorseError(f"--horse: expected one of the horses that were found, {there}, got {number}")
