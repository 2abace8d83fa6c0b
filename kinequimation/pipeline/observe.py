"""From frames to keypoints: the first pass over the pixels, of which only numbers are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.detect.find import SURE_FROM, HorseFinder, Look, distinct, look_at, look_closer
from kinequimation.errors import InputError, NoHorseError
from kinequimation.io.keypoints import KeypointClip
from kinequimation.metrics import box_iou
from kinequimation.pipeline.boxes import Follower
from kinequimation.pipeline.seen import Seen
from kinequimation.pipeline.tracker import Tracker, one_a_horse
from kinequimation.video import Frame, FrameSource

if TYPE_CHECKING:
    from jaxtyping import Float

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


class _Rows:
    """Collects one horse's frames as they are done and makes a ``Seen`` of them."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._row: list[int] = []
        self._box: list[np.ndarray] = []
        self._score: list[float] = []
        self._uv: list[np.ndarray] = []
        self._confidence: list[np.ndarray] = []
        self.clearness = 0.0

    def __len__(self) -> int:
        return len(self._row)

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last row in which the horse was seen."""
        return self._row[0], self._row[-1]

    def add(self, row: int, look: Look) -> None:
        """Note where the horse is in a frame."""
        self._row.append(row)
        self._box.append(self._source.to_source_box(look.bbox_xywh))
        self._score.append(look.score)
        self._uv.append(self._source.to_source_px(look.uv_px).astype(np.float32))
        self._confidence.append(look.confidence.astype(np.float32))
        self.clearness += look.sure * look.size

    def joined(self, other: _Rows) -> _Rows:
        """Return this horse's and another's frames as one horse's; no frame may have both."""
        both = _Rows(self._source)
        first, second = sorted((self, other), key=lambda rows: rows._row[0])
        order = np.argsort(first._row + second._row, kind="stable")
        for name in ("_row", "_box", "_score", "_uv", "_confidence"):
            values = getattr(first, name) + getattr(second, name)
            setattr(both, name, [values[i] for i in order])
        both.clearness = self.clearness + other.clearness
        return both

    def to_seen(self, head: list[tuple[int, float]], number: int) -> Seen:
        """Return the horse in every frame.

        Args:
            head: index and time of every frame.
            number: the horse's.
        """
        n, k = len(head), skeleton.NUM_KEYPOINTS
        bbox, score = np.full((n, 4), np.nan), np.zeros(n)
        uv, confidence = np.full((n, k, 2), np.nan), np.zeros((n, k))
        if self._row:
            bbox[self._row], score[self._row] = self._box, self._score
            uv[self._row], confidence[self._row] = self._uv, self._confidence
        source = self._source
        return Seen(
            source=source.name,
            fps=source.fps,
            width=source.width,
            height=source.height,
            index=np.array([index for index, _ in head]),
            t_s=np.array([t_s for _, t_s in head], float),
            bbox_xywh=bbox,
            score=score,
            uv_px=uv,
            confidence=confidence,
            number=number,
        )


def observe_horses(source: FrameSource, finder: HorseFinder, progress: Progress) -> list[Seen]:
    """Find every horse and its keypoints in every frame.

    A detection starts a box, which then follows the keypoints, since these tell the horse's place better than a small
    detector does. Every few frames the detector looks again: for horses that are new or were hidden, and where a
    detection's keypoints are surer than those of the box that follows. A detector that is believed is asked about
    every frame, and its boxes are taken as they are.

    Returns:
        a ``Seen`` for each horse, numbered from 1 by how large, how clear and for how long they are seen; one without
        a horse where there is none.
    """
    tracker = Tracker()
    rows: dict[int, _Rows] = {}
    head: list[tuple[int, float]] = []
    last_looked = -DETECT_EVERY
    most_at_once = 0
    progress("keypoints", 0, source.n_frames)
    for n, frame in enumerate(source):
        head.append((frame.index, frame.t_s))
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
            rows.setdefault(track.number, _Rows(source)).add(n, look)
        progress("keypoints", n + 1, source.n_frames)
    return _numbered(list(rows.values()), head, source, most_at_once)


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


def _numbered(rows: list[_Rows], head: list[tuple[int, float]], source: FrameSource, most_at_once: int) -> list[Seen]:
    """Number the horses; what was seen for a moment only is none, and where never two are seen at once all is one."""
    if most_at_once == 1 and len(rows) > 1:
        whole = rows[0]
        for part in rows[1:]:
            whole = whole.joined(part)
        rows = [whole]
    least = min(MIN_FRAMES, len(head))
    rows = [r for r in rows if len(r) >= least] or rows
    rows.sort(key=lambda r: -r.clearness)
    if not rows:
        rows = [_Rows(source)]
    return [r.to_seen(head, number) for number, r in enumerate(rows, 1)]


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
    source: FrameSource, bbox_xywh: tuple[float, float, float, float], estimator: Estimator, progress: Progress
) -> Seen:
    """Find the keypoints in a box that is given for the first frame and then follows the keypoints.

    Where the keypoints are not sure the box stays where it is.

    Raises:
        InputError: the box lies outside the frame.
    """
    follower = Follower(box_in_work(source, bbox_xywh))
    rows = _Rows(source)
    head: list[tuple[int, float]] = []
    progress("keypoints", 0, source.n_frames)
    for n, frame in enumerate(source):
        head.append((frame.index, frame.t_s))
        (look,) = look_at(frame.image_rgb, follower.xywh[None], np.ones(1), estimator)
        if look.sure >= NO_HORSE_BELOW:
            rows.add(n, look)
        follower.see(look.uv_px, look.confidence)
        progress("keypoints", n + 1, source.n_frames)
    return rows.to_seen(head, 1)


def observe_given(clip: KeypointClip, start_s: float, end_s: float | None) -> list[Seen]:
    """Take keypoints from a file: every horse in it, the one that is in most frames first; numbers are the file's ids.

    Raises:
        InputError: no frame lies between the times.
        NoHorseError: no frame has a horse.
    """
    end = np.inf if end_s is None else end_s
    rows = [i for i, t in enumerate(clip.t_s) if start_s <= t < end]
    if not rows:
        raise InputError(f"the keypoints have no frames between --start and --end; they end at {clip.t_s[-1]:.2f} s")
    ids = [h.id for i in rows for h in clip.horses[i]]
    if not ids:
        raise NoHorseError(f"{clip.source}: the keypoints hold no horse")
    return [_given(clip, rows, wanted) for wanted in sorted(set(ids), key=lambda i: (-ids.count(i), i))]


def _given(clip: KeypointClip, rows: list[int], wanted: int) -> Seen:
    n, k = len(rows), skeleton.NUM_KEYPOINTS
    bbox, score = np.full((n, 4), np.nan), np.zeros(n)
    uv, confidence = np.full((n, k, 2), np.nan), np.zeros((n, k))
    for row, i in enumerate(rows):
        for horse in clip.horses[i]:
            if horse.id == wanted:
                bbox[row], score[row] = horse.bbox_xywh, horse.score
                uv[row], confidence[row] = horse.uv_px, horse.confidence
    return Seen(
        source=clip.source,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        index=np.asarray(clip.index)[rows],
        t_s=np.asarray(clip.t_s, float)[rows],
        bbox_xywh=bbox,
        score=score,
        uv_px=uv,
        confidence=confidence,
        number=wanted,
    )
