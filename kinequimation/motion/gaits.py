"""Gaits made by formula: one horse at one gait and one speed.

A motion is made from the ground up. The path and the footfall table say where each hoof stands and flies
(``steps``), the gait says how the trunk swings (``trunk``) and roughly how the joints bend (``wishes``), and the limbs
then reach for their hooves (``limbs``). So a hoof stays where it lands whatever the trunk does. ``ride`` strings gaits
together; ``sample`` draws them at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.motion.lameness import lameness_of, rough_lameness_of, spared_style
from kinequimation.motion.life import life
from kinequimation.motion.motion import Motion
from kinequimation.motion.moves import MOVE_NAMES, make_move
from kinequimation.motion.pace import MAX_SPEED_MPS, frequency_hz, froude
from kinequimation.motion.strides import steady_strides
from kinequimation.motion.style import Style
from kinequimation.motion.table import GAIT_NAMES, table_of

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

MOTION_NAMES: tuple[str, ...] = (*GAIT_NAMES, *MOVE_NAMES)
"""Everything that ``make_motion`` makes."""


def make_motion(
    gait: str,
    body: Body,
    seconds: float | None = None,
    fps: float = 60.0,
    speed_mps: float | None = None,
    style: Style | None = None,
) -> Motion:
    """Make a horse move.

    Args:
        gait: one of ``GAIT_NAMES``, or of ``MOVE_NAMES`` (``MOTION_NAMES`` has both).
        body: the horse.
        seconds: how long; None for exactly one stride (8 s for idle), a loop: the frame after the last would be the
            first again, further along. The stride then lasts a whole number of frames. A move lasts as long as it does.
        fps: frames per second.
        speed_mps: speed along the path; None for the gait's usual speed at the horse's size. Moves have none.
        style: the way of going.

    Returns:
        the motion; hooves that stand do not move.

    Raises:
        InputError: the gait is not known, or a number is out of range.
    """
    if gait not in MOTION_NAMES:
        raise InputError(f"unknown gait {gait!r}: expected one of {', '.join(MOTION_NAMES)}")
    check_rate(fps)
    if seconds is not None and not (np.isfinite(seconds) and seconds > 0):
        raise InputError(f"seconds: expected a number above 0, got {seconds}")
    if speed_mps is not None and not (np.isfinite(speed_mps) and 0 <= speed_mps <= MAX_SPEED_MPS):
        raise InputError(f"speed: expected 0 to {MAX_SPEED_MPS:g} m/s, got {speed_mps}")
    if gait in MOVE_NAMES:
        if speed_mps is not None:
            raise InputError(f"speed: {gait} has none of its own; leave it out")
        return make_move(gait, body, seconds, fps, style=style)
    style = style or Style()
    table, _ = table_of(gait)
    speed = table.speeds_mps[1] * froude(body) if speed_mps is None else speed_mps
    frequency = float(frequency_hz(table, table.at(speed / froude(body)), body, speed))
    if seconds is None:
        n_frames = max(2, round(fps / frequency))
        frequency = fps / n_frames
    else:
        n_frames = max(1, round(seconds * fps))
    t_s = np.arange(n_frames) / fps
    extra = None if seconds is None else life(t_s, style.phase, style.trunk_motion)
    return strides_motion(gait, body, style, speed, frequency, t_s, fps, extra)


def check_rate(fps: float) -> None:
    """Raise an ``InputError`` for a frame rate that is none."""
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a number above 0, got {fps}")


def strides_motion(
    gait: str,
    body: Body,
    style: Style,
    speed_mps: float,
    frequency_hz: float,
    t_s: Float[np.ndarray, " frames"],
    fps: float,
    extra: Float[np.ndarray, "frames 81 3"] | None = None,
    exact: bool = True,
) -> Motion:
    """Make even strides.

    Args:
        gait, body, style, speed_mps, fps: as for ``make_motion``.
        frequency_hz: strides per second.
        t_s: times.
        extra: turns to add to the joints.
        exact: whether a lame horse is measured until it is as lame as asked, which takes long.
    """
    table, mirrored = table_of(gait)
    if mirrored:
        style = style.mirrored()
        extra = None if extra is None else extra[:, skeleton.MIRROR_JOINTS] * [1.0, -1.0, -1.0]
    style = spared_style(style)
    if exact:
        lame = lameness_of(table, body, style, speed_mps, frequency_hz)
    else:
        lame = rough_lameness_of(table, body, style, speed_mps)
    # a lame horse's trunk is left as it was measured: easing would move its lows
    root, quat, contact, since = steady_strides(
        table, body, style, speed_mps, frequency_hz, t_s, extra, lame, eased=lame is None
    )
    if mirrored:
        root, quat, contact = mirror_pose(root, quat, contact)
    phase = since[:, 1 if mirrored else 0]
    n = len(t_s)
    return Motion(root, quat, contact, t_s, fps, np.ones(n), body.shape, gait, np.full(n, gait), phase)


def mirror_pose(
    root_xyz_world: Float[np.ndarray, "frames 3"],
    quat_wxyz: Float[np.ndarray, "frames 81 4"],
    contact: Float[np.ndarray, "frames 4"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mirror image of a motion's arrays in the plane x = 0."""
    root = root_xyz_world * [-1.0, 1.0, 1.0]
    quat = quat_wxyz[:, skeleton.MIRROR_JOINTS] * [1.0, 1.0, -1.0, -1.0]
    return root, quat, contact[:, [1, 0, 3, 2]]
