"""Keypoints to a Motion: one body for the clip, joint rotations within limits, hooves that stay where they stand.

A clip is solved in windows that overlap (``window``), and the windows are joined (``seam``): whatever the length, the
memory beside the result is that of one window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.body.horse import Body
from kinequimation.errors import InputError, NoHorseError
from kinequimation.fit.bones import estimate_shape
from kinequimation.fit.clean import Track, clean
from kinequimation.fit.seam import Joined
from kinequimation.fit.window import Subject, solve_window
from kinequimation.motion.motion import Motion
from kinequimation.runtime import Progress, no_progress

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.shape import Shape
    from kinequimation.fit.observation import ObservationSource

WINDOW_S, MARGIN_S = 16.0, 3.0
"""Length of a window, and of what it shares with its neighbour on each side of their seam: several strides, and long
against the slowest of the filters (judgement)."""
MAX_WINDOW, MAX_MARGIN = 1200, 180
"""The same in frames at most, which bounds the memory."""
SHAPE_PARTS, SHAPE_FRAMES = 12, 50
"""Stretches of a long clip, and frames of each, that the body's lengths are measured on."""


@dataclass(frozen=True)
class Fitted:
    """A fitted clip.

    Attributes:
        motion: the horse in the world, metres.
        T_cam_world: [T, 4, 4] world metres to camera metres, for each frame: the camera may pan.
    """

    motion: Motion
    T_cam_world: Float[np.ndarray, "frames 4 4"]


def fit(
    source: ObservationSource, shape_prior: Shape, name: str = "motion", progress: Progress = no_progress
) -> Fitted:
    """Fit a moving horse to a clip of 3D and 2D keypoints; it starts over the origin and faces −Y.

    Bone lengths are those of one body and so constant. Frames without a horse are filled in from their neighbours
    and keep confidence 0. The work is linear in the frames, and its memory beyond the result does not grow with them.

    Args:
        source: the clip; one frame is enough.
        shape_prior: what the horse is thought to look like; its withers height sets the scale.
        name: name of the motion.
        progress: called as frames are done.

    Raises:
        NoHorseError: no frame has a horse.
    """
    return fit_together([source], [shape_prior], [name], progress)[0]


def fit_together(
    sources: Sequence[ObservationSource],
    shape_priors: Sequence[Shape],
    names: Sequence[str],
    progress: Progress = no_progress,
) -> list[Fitted]:
    """Fit several horses that one camera saw, in one world with one ground; the first faces −Y over the origin.

    Args:
        sources: a clip of each horse, all of the same frames; one without a horse somewhere is filled in there.
        shape_priors: what each is thought to look like. How large they are against each other follows from these.
        names: names of the motions.
        progress: called as frames are done.

    Raises:
        InputError: the clips are not of the same frames.
        NoHorseError: a horse is in no frame.
    """
    n, fps = len(sources[0]), sources[0].fps
    for source in sources:
        if len(source) != n or not np.array_equal(source.t_s, sources[0].t_s):
            raise InputError(f"horses to fit together: expected clips of the same {n} frames, got others")
        if not (np.asarray(source.frame_confidence) > 0).any():
            raise NoHorseError("no frame shows a horse: nothing to fit")
    subjects = [_subject(source, prior) for source, prior in zip(sources, shape_priors, strict=True)]
    joined = Joined(len(sources), n)
    for start, stop in windows(n, fps):
        observations = [s.part(start, stop) if (s.frame_confidence[start:stop] > 0).any() else None for s in sources]
        joined.add(start, stop, solve_window(subjects, observations))
        progress("fit", stop, n)
    fitted = []
    for i, (source, subject, name) in enumerate(zip(sources, subjects, names, strict=True)):
        placed = joined.horses[i]
        motion = Motion(
            root_xyz_world=placed.pose.root_xyz,
            quat_wxyz=placed.pose.quat_wxyz,
            contact=placed.contact,
            t_s=np.array(source.t_s, float),
            fps=fps,
            confidence=np.where(placed.seen, np.asarray(source.frame_confidence, float).clip(0, 1), 0.0),
            shape=subject.body.shape,
            name=name,
        )
        fitted.append(Fitted(motion, placed.T_cam_world))
    return fitted


def windows(n_frames: int, fps: float) -> list[tuple[int, int]]:
    """Return (first frame, frame after the last) of the windows of a clip, each sharing frames with the next."""
    length = max(8, min(round(WINDOW_S * fps), MAX_WINDOW))
    shared = 2 * max(2, min(round(MARGIN_S * fps), MAX_MARGIN, length // 4))
    if n_frames <= length + shared:
        return [(0, n_frames)]
    count = int(np.ceil((n_frames - shared) / (length - shared)))
    starts = np.linspace(0, n_frames - length, count).round().astype(int)
    return [(int(start), int(start) + length) for start in starts]


def _subject(source: ObservationSource, prior: Shape) -> Subject:
    """Return the body that a horse has over the whole clip, measured on stretches of it where it is seen."""
    n = len(source)
    if n <= SHAPE_PARTS * SHAPE_FRAMES:
        track = clean(source.part(0, n))
    else:
        found = np.flatnonzero(np.asarray(source.frame_confidence) > 0)
        starts = np.unique(np.linspace(0, max(len(found) - SHAPE_FRAMES, 0), SHAPE_PARTS).astype(int))
        firsts = np.minimum(found[starts], n - SHAPE_FRAMES)
        track = Track.joined([clean(source.part(int(first), int(first) + SHAPE_FRAMES)) for first in firsts])
    shape, scale = estimate_shape(track, prior)
    return Subject(Body(shape), scale)
