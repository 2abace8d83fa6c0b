"""Rides: gaits one after the other, with strides between them that belong to both.

Everything rests on one stride phase that never jumps. Each gait's table says by how much of a stride each limb lands
late; from one gait to the next these delays slide over about one and a half strides, along the shortest way round the
cycle, so that a hoof lands a little earlier or later a few times and never twice. A change of lead takes one stride
about a suspension, hind limbs first. Speed and curvature slide too. Standing breaks a ride: limbs that would be in the
air when it begins or ends stay on the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.motion.animate import animate
from kinequimation.motion.gaits import check_rate
from kinequimation.motion.life import life
from kinequimation.motion.motion import Motion
from kinequimation.motion.pace import MAX_SPEED_MPS
from kinequimation.motion.style import Style
from kinequimation.motion.table import GAIT_NAMES
from kinequimation.motion.timeline import Timeline

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

_GIVE_WAY_S = 0.06
"""How long before and after a limb's stretch the trunk gives way to it in a ride (a guess)."""


@dataclass(frozen=True)
class Segment:
    """One part of a ride.

    Attributes:
        gait: one of ``GAIT_NAMES``.
        seconds: how long, half of the transitions at both ends included.
        speed_mps: speed, or speeds at its beginning and its end; None for the gait's usual speed at the horse's size.
        turn_per_m: curvature of the path to the left, or at its beginning and its end.

    Raises:
        InputError: the gait is not known, or a number is out of range.
    """

    gait: str
    seconds: float
    speed_mps: float | tuple[float, float] | None = None
    turn_per_m: float | tuple[float, float] = 0.0

    def __post_init__(self) -> None:
        if self.gait not in GAIT_NAMES:
            raise InputError(f"unknown gait {self.gait!r}: expected one of {', '.join(GAIT_NAMES)}")
        if not (np.isfinite(self.seconds) and self.seconds > 0):
            raise InputError(f"seconds: expected a number above 0, got {self.seconds}")
        for speed in np.atleast_1d([] if self.speed_mps is None else self.speed_mps):
            if not (np.isfinite(speed) and 0 <= speed <= MAX_SPEED_MPS):
                raise InputError(f"speed: expected 0 to {MAX_SPEED_MPS:g} m/s, got {speed}")
        if not np.isfinite(self.turn_per_m).all():
            raise InputError(f"turn: expected a number, got {self.turn_per_m}")


def make_ride(plan: list[Segment], body: Body, fps: float = 60.0, style: Style | None = None) -> Motion:
    """Make a horse go through several gaits.

    Args:
        plan: what it does, in order. Any gait may follow any; a horse goes from one to its neighbours: idle, walk,
            trot, canter, gallop, or walk, tölt, pace.
        body: the horse.
        fps: frames per second.
        style: the way of going, the same throughout; its own ``turn_per_m`` is added to the segments'.

    Returns:
        the motion, its ``gait`` and ``phase`` frame by frame; hooves that stand do not move.

    Raises:
        InputError: there is no segment, or the rate is no number above 0.
    """
    check_rate(fps)
    if not plan:
        raise InputError("ride: expected one segment or more, got none")
    n_frames = max(1, round(sum(s.seconds for s in plan) * fps))
    t_s = np.arange(n_frames) / fps
    style = style or Style()
    return ride_motion(plan, body, fps, style, t_s, life(t_s, style.phase, style.trunk_motion))


def ride_motion(
    plan: list[Segment],
    body: Body,
    fps: float,
    style: Style,
    t_s: Float[np.ndarray, " frames"],
    extra: Float[np.ndarray, "frames 81 3"] | None = None,
) -> Motion:
    """Make some moments of a ride.

    Args:
        plan: as for ``make_ride``.
        body: the horse.
        fps: frames per second.
        style: the way of going.
        t_s: times since the ride began, rising; those of the motion count from the first.
        extra: turns to add to the joints.
    """
    timeline = Timeline.of(plan, body, style)
    hooves = timeline.hooves(t_s)
    spared, lift = timeline.spare(t_s, hooves.progress)
    extra = spared if extra is None else extra + spared
    course, parts = timeline.course(t_s), timeline.parts(t_s)
    smooth = round(_GIVE_WAY_S * fps)
    root, quat = animate(body, timeline.style, course, parts, hooves, extra, lift, smooth_frames=smooth)
    gait, phase = timeline.gait_and_phase(t_s)
    names = list(dict.fromkeys(gait.tolist()))
    n = len(t_s)
    return Motion(root, quat, hooves.contact, t_s - t_s[0], fps, np.ones(n), body.shape, "-".join(names), gait, phase)
