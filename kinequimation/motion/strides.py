"""One gait at one speed, without beginning or end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.animate import Course, Part, animate, symmetric_toes
from kinequimation.motion.pace import froude, stiff_drop_m
from kinequimation.motion.steps import Path, moving_hooves, standing_hooves, steady_stances

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import GaitTable
    from kinequimation.motion.lameness import Lameness
    from kinequimation.motion.style import Style


def steady_strides(
    table: GaitTable,
    body: Body,
    style: Style,
    speed_mps: float,
    frequency_hz: float,
    t_s: Float[np.ndarray, " frames"],
    extra: Float[np.ndarray, "frames 81 3"] | None = None,
    lame: Lameness | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Make strides that are all alike.

    Args:
        table: the gait; what leads leads with the right.
        body: the horse.
        style: the way of going.
        speed_mps: along the path.
        frequency_hz: strides per second.
        t_s: times.
        extra: turns to add, rotation vectors.
        lame: how the horse spares a limb.

    Returns:
        root positions [T, 3], rotations [T, 81, 4], contacts [T, 4], and the phases [T, 2] of the stride since the left
        and since the right hind landed (NaN if standing).
    """
    gait = table.at(speed_mps / froude(body))
    height = body.shape.withers_height_m
    toes = symmetric_toes(body)
    path = Path(speed_mps, style.heading_rad, style.turn_per_m)
    n = len(t_s)
    if gait.stands:
        hooves = standing_hooves(toes, style, n, height)
        sink = 0.0
    else:
        stances = steady_stances(gait, style, path, frequency_hz, toes, t_s, height)
        hooves = moving_hooves(gait, style, stances, toes, t_s, height)
        sink = np.asarray(gait.settle) * stiff_drop_m(gait, body, speed_mps, frequency_hz)
    phase = frequency_hz * t_s + style.phase
    course = Course(path.xy(t_s), path.heading(t_s), np.full(n, speed_mps), np.full(n, style.turn_per_m))
    part = Part(gait, phase, np.ones(n), np.broadcast_to(sink, n))
    lift = 0.0
    if lame is not None and not gait.stands:
        spared, lift = lame.spare(body, phase, hooves.progress)
        extra = spared if extra is None else extra + spared
    root, quat = animate(body, style, course, [part], hooves, extra, lift)
    behind = np.array(gait.contact_phase[2:], float) + style.limb_phase[2:]
    since = (phase[:, None] - behind) % 1.0 if not gait.stands else np.full((n, 2), np.nan)
    return root, quat, hooves.contact, since
