"""From frames to keypoints: the first pass over the pixels, of which only numbers are kept."""

from __future__ import annotations

from array import array
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.detect.find import SURE_FROM, HorseFinder, Look, distinct, look_at, look_closer
from kinequimation.errors import InputError, NoHorseError
from kinequimation.io.keypoints import KeypointClip
from kinequimation.metrics import box_iou
from kinequimation.pipeline.boxes import Follower
from kinequimation.pipeline.rows import RowsOnDisk
from kinequimation.pipeline.seen import POINTS, PointsOnDisk, Seen, frame_confidence, put_points
from kinequimation.pipeline.tracker import Tracker, one_a_horse
from kinequimation.video import Frame, FrameSource, ahead

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from kinequimation.detect import Detection
    from kinequimation.pose2d.estimator import Estimator
    from kinequimation.runtime import Progress

DETECT_EVERY = 5
"""Frames from one detection to the next while horses are followed."""
NO_HORSE_BELOW, FOLLOWED_BELOW = 0.22, 0.35
"""Mean confidence of a frame's keypoints under which there is no horse in the box, or none that can be used; and the
same for a box that only follows. Chosen on a few frames: boxes on sand and sky give 0.1, on horses 0.6 and more."""
MIN_OVERLAP, SAME_OVERLAP = 0.1, 0.5
"""Overlap from which the best detection is tried for a horse that is followed; and from which one is of that horse."""
MIN_FRAMES = 5
"""Frames of a video in which a horse must be seen to count as one: a guess."""
MOST_GIVEN = 64
"""Horses that are taken of a keypoints file, those in most frames: some trackers number every look anew (judgement)."""


class _Looks:
    """Collects what is seen frame by frame, all horses together, and makes a ``Seen`` of each at the end.

    The keypoints go to disk; in memory stay 80 bytes a look and 16 a frame.
    """

    def __init__(self, source: FrameSource, folder: Path | None) -> None:
        self._source = source
        self._rows = RowsOnDisk(POINTS, folder)
        self._index, self._t_s = array("q"), array("d")
        self._frame, self._track = array("q"), array("q")
        self._place = array("d")  # of each look: box, score, confidence of the frame, clearness

    @property
    def n_frames(self) -> int:
        """How many frames there were so far."""
        return len(self._index)

    def next_frame(self, frame: Frame) -> None:
        """Note a frame, whether it shows a horse or not."""
        self._index.append(frame.index)
        self._t_s.append(frame.t_s)

    def add(self, track: int, look: Look) -> None:
        """Note where a horse is in the newest frame; at most one look of a track."""
        confidence = np.asarray(look.confidence, np.float32)[None]
        put_points(self._rows, self._source.to_source_px(look.uv_px)[None], confidence)
        self._frame.append(self.n_frames - 1)
        self._track.append(track)
        self._place.extend(self._source.to_source_box(look.bbox_xywh).tolist())
        self._place.extend((look.score, float(frame_confidence(confidence)[0]), look.sure * look.size))

    def numbered(self, one_at_a_time: bool) -> list[Seen]:
        """Return the horses, the clearest first; what was seen for a moment only is none.

        Args:
            one_at_a_time: never two were seen at once: then all is one horse.
        """
        track = np.array(self._track, np.int64)
        if one_at_a_time:
            track[:] = 0
        numbers, which, count = np.unique(track, return_inverse=True, return_counts=True)
        if not len(numbers):
            return [self._seen(np.zeros(0, np.int64), 1)]
        clearness = np.bincount(which, self._places()[:, 6])
        long = count >= min(MIN_FRAMES, self.n_frames)
        order = np.argsort(-clearness, kind="stable")
        order = order[long[order]] if long.any() else order
        return [self._seen(np.flatnonzero(which == i), number) for number, i in enumerate(order, 1)]

    def _places(self) -> Float[np.ndarray, "looks 7"]:
        return np.array(self._place).reshape(-1, 7)

    def _seen(self, looks: Int[np.ndarray, " looks"], number: int) -> Seen:
        n = self.n_frames
        frame, place = np.array(self._frame, np.int64)[looks], self._places()[looks]
        bbox, score, sureness = np.full((n, 4), np.nan), np.zeros(n), np.zeros(n)
        bbox[frame], score[frame], sureness[frame] = place[:, :4], place[:, 4], place[:, 5]
        record = np.full(n, -1)
        record[frame] = looks
        source = self._source
        return Seen(
            source=source.name,
            fps=source.fps,
            width=source.width,
            height=source.height,
            index=np.array(self._index, np.int64),
            t_s=np.array(self._t_s),
            bbox_xywh=bbox,
            score=score,
            frame_confidence=sureness,
            points=PointsOnDisk(self._rows, record),
            number=number,
        )


def observe_horses(
    source: FrameSource, finder: HorseFinder, progress: Progress, folder: Path | None = None
) -> list[Seen]:
    """Find every horse and its keypoints in every frame.

    A detection starts a box, which then follows the keypoints, since these tell the horse's place better than a small
    detector does. Every few frames the detector looks again: for horses that are new or were hidden, and where a
    detection's keypoints are surer than those of the box that follows. A detector that is believed is asked about
    every frame, and its boxes are taken as they are.

    Args:
        source: the frames.
        finder: finds the horses, and their keypoints.
        progress: called with the stage ``keypoints`` and the frames done.
        folder: the disk to keep the keypoints on, as for ``RowsOnDisk``.

    Returns:
        a ``Seen`` for each horse, numbered from 1 by how large, how clear and for how long they are seen; one without
        a horse where there is none.
    """
    tracker = Tracker()
    found = _Looks(source, folder)
    last_looked = -DETECT_EVERY
    most_at_once = 0
    progress("keypoints", 0, source.n_frames)
    for n, frame in enumerate(ahead(source)):
        found.next_frame(frame)
        detections = None
        if finder.believes or not tracker.visible or n >= last_looked + DETECT_EVERY:
            detections = finder.detector.detect(frame.image_rgb)
            last_looked = n
        if finder.believes:
            looks = _given_looks(finder, frame, detections or [])
        else:
            looks = _looks(finder, frame, tracker, detections)
        seen = tracker.update(frame.image_rgb, frame.t_s, looks)
        most_at_once = max(most_at_once, len(seen))
        for track, look in seen:
            found.add(track.number, look)
        progress("keypoints", n + 1, source.n_frames)
    return found.numbered(most_at_once == 1)


def _given_looks(finder: HorseFinder, frame: Frame, detections: list[Detection]) -> list[Look]:
    boxes = np.array([d.bbox_xywh for d in detections], float).reshape(-1, 4)
    return look_at(frame.image_rgb, boxes, np.array([d.score for d in detections]), finder.estimator)


def _looks(finder: HorseFinder, frame: Frame, tracker: Tracker, detections: list[Detection] | None) -> list[Look]:
    """Return one look for each horse of a frame: where horses are expected, and where they are detected."""
    image = frame.image_rgb
    expected = tracker.expected()
    following = [track.follower.xywh for track in expected]
    scores = [track.look.score for track in expected]
    tried, new = _sorted_out(detections or [], [t.follower.xywh for t in expected if t.visible])
    boxes = np.array([*following, *(d.bbox_xywh for d in tried)], float).reshape(-1, 4)
    looks = look_at(image, boxes, np.array([*scores, *(d.score for d in tried)]), finder.estimator)
    # a box that only follows has to be surer than one that the detector speaks for as well
    least = [FOLLOWED_BELOW if not track.visible or not tried else NO_HORSE_BELOW for track in expected]
    least += [NO_HORSE_BELOW] * len(tried)
    looks = one_a_horse([look for look, low in zip(looks, least, strict=True) if look.sure >= low])
    if not new:
        return looks
    closer = [look for look in look_closer(image, new, finder.estimator) if look.sure >= SURE_FROM]
    closer = [look for look in distinct([*looks, *closer]) if not any(look is known for known in looks)]
    return looks + [look for look, horse in zip(closer, finder.are_horses(image, closer), strict=True) if horse]


def _sorted_out(detections: list[Detection], followed: list[np.ndarray]) -> tuple[list[Detection], list[Detection]]:
    """Return the detections to try for horses that are followed, one each, and those that may be of other horses."""
    if not followed or not detections:
        return [], detections
    overlap = box_iou(np.stack(followed), np.stack([d.bbox_xywh for d in detections]))
    best = {int(j) for i, j in enumerate(overlap.argmax(1)) if overlap[i, j] >= MIN_OVERLAP}
    new = [d for j, d in enumerate(detections) if j not in best and overlap[:, j].max() < SAME_OVERLAP]
    return [detections[j] for j in sorted(best)], new


def box_in_work(source: FrameSource, bbox_xywh: tuple[float, float, float, float]) -> Float[np.ndarray, " 4"]:
    """Return a user's box, in pixels of the source, in the frames that it hands out.

    Raises:
        InputError: the box lies outside the frame.
    """
    x, y, w, h = bbox_xywh
    if x >= source.width or y >= source.height or x + w <= 0 or y + h <= 0:
        raise InputError(
            f"--bbox: {x:g},{y:g},{w:g},{h:g} lies outside {source.name} of {source.width}x{source.height}"
        )
    return source.to_work_box(np.array(bbox_xywh))


def observe_followed(
    source: FrameSource,
    bbox_xywh: tuple[float, float, float, float],
    estimator: Estimator,
    progress: Progress,
    folder: Path | None = None,
) -> Seen:
    """Find the keypoints in a box that is given for the first frame and then follows the keypoints.

    Where the keypoints are not sure the box stays where it is. ``folder`` is as for ``observe_horses``.

    Raises:
        InputError: the box lies outside the frame.
    """
    follower = Follower(box_in_work(source, bbox_xywh))
    found = _Looks(source, folder)
    progress("keypoints", 0, source.n_frames)
    for n, frame in enumerate(ahead(source)):
        found.next_frame(frame)
        (look,) = look_at(frame.image_rgb, follower.xywh[None], np.ones(1), estimator)
        if look.sure >= NO_HORSE_BELOW:
            found.add(0, look)
        follower.see(look.uv_px, look.confidence)
        progress("keypoints", n + 1, source.n_frames)
    return found.numbered(one_at_a_time=True)[0]


def observe_given(clip: KeypointClip, start_s: float, end_s: float | None, folder: Path | None = None) -> list[Seen]:
    """Take keypoints from a file: its horses, the one that is in most frames first; numbers are the file's ids.

    ``folder`` is as for ``observe_horses``.

    Raises:
        InputError: no frame lies between the times.
        NoHorseError: no frame has a horse.
    """
    end = np.inf if end_s is None else end_s
    frames = [i for i, t in enumerate(clip.t_s) if start_s <= t < end]
    if not frames:
        raise InputError(f"the keypoints have no frames between --start and --end; they end at {clip.t_s[-1]:.2f} s")
    ids = [h.id for i in frames for h in clip.horses[i]]
    if not ids:
        raise NoHorseError(f"{clip.source}: the keypoints hold no horse")
    rows = RowsOnDisk(POINTS, folder)
    known = np.any([h.confidence > 0 for i in frames for h in clip.horses[i]], axis=0)
    if not known.any():
        raise NoHorseError(f"{clip.source}: the keypoints hold no horse")
    counts = Counter(ids)
    most = sorted(counts, key=lambda i: (-counts[i], i))[:MOST_GIVEN]
    return [_given(clip, frames, wanted, rows, known) for wanted in most]


def _given(clip: KeypointClip, frames: list[int], wanted: int, rows: RowsOnDisk, known: np.ndarray) -> Seen:
    n = len(frames)
    bbox, score, sureness, record = np.full((n, 4), np.nan), np.zeros(n), np.zeros(n), np.full(n, -1)
    for at, i in enumerate(frames):
        for horse in clip.horses[i]:
            if horse.id == wanted:
                bbox[at], score[at], record[at] = horse.bbox_xywh, horse.score, len(rows)
                sureness[at] = frame_confidence(horse.confidence[None], known)[0]
                put_points(rows, horse.uv_px[None], horse.confidence[None])
    return Seen(
        source=clip.source,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        index=np.asarray(clip.index)[frames],
        t_s=np.asarray(clip.t_s, float)[frames],
        bbox_xywh=bbox,
        score=score,
        frame_confidence=sureness,
        points=PointsOnDisk(rows, record),
        number=wanted,
    )
