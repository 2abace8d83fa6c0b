"""What a motion can be edited to be, and the order in which it is done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinequimation.errors import InputError
from kinequimation.motion.edit.loop import Looped, loop
from kinequimation.motion.edit.place import in_place, with_rest_first
from kinequimation.motion.edit.sampling import resample
from kinequimation.motion.edit.smoothing import smooth

if TYPE_CHECKING:
    from kinequimation.body.horse import Body
    from kinequimation.motion.motion import Motion

FPS_RANGE = (1.0, 1000.0)
SMOOTH_RANGE = (0.1, 20.0)
MAX_STRIDES = 64


@dataclass(frozen=True)
class Edits:
    """What is to be done to a motion.

    Attributes:
        smooth: strength of smoothing; None leaves the motion as it is. See ``smoothing.smooth``.
        loop: number of strides to loop; 0 chooses the number that closes best; None does not loop.
        fps: frames per second of the result; None keeps the motion's.
        in_place: take the way over the ground out.
        rest_first: put the rest pose in front.

    Raises:
        InputError: a number is out of range.
    """

    smooth: float | None = None
    loop: int | None = None
    fps: float | None = None
    in_place: bool = False
    rest_first: bool = False

    def __post_init__(self) -> None:
        for name, value, (low, high) in (("smooth", self.smooth, SMOOTH_RANGE), ("fps", self.fps, FPS_RANGE)):
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"{name}: expected a number from {low:g} to {high:g}, got {value:g}")
        if self.loop is not None and not 0 <= self.loop <= MAX_STRIDES:
            raise InputError(f"loop: expected 1 to {MAX_STRIDES} strides, or 0 for the best number, got {self.loop}")

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return self != Edits()


@dataclass(frozen=True)
class Edited:
    """A motion after its edits.

    Attributes:
        motion: the result.
        looped: how it was looped; None if it was not.
    """

    motion: Motion
    looped: Looped | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """What a user is to be told."""
        return () if self.looped is None else (self.looped.line,)


def edit(motion: Motion, edits: Edits, body: Body) -> Edited:
    """Do all that is asked for, in the order smooth, loop, fps, in place, rest first.

    Args:
        motion: what to edit; not changed.
        edits: what to do.
        body: the horse.

    Raises:
        InputError: the motion is too short to loop, or would have too many frames.
    """
    looped: Looped | None = None
    if edits.smooth is not None:
        motion = smooth(motion, edits.smooth, body)
    if edits.loop is not None:
        looped = loop(motion, body, edits.loop, edits.fps)
        motion = looped.motion
    elif edits.fps is not None:
        motion = resample(motion, edits.fps, body)
    if edits.in_place:
        motion = in_place(motion, body, None if looped is None else looped.step)
    if edits.rest_first:
        motion = with_rest_first(motion, body)
    return Edited(motion, looped)
