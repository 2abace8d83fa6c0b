"""One gait at one speed, without beginning or end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.animate import Course, Part, animate, needed_sink_m, overreach_m, symmetric_toes
from kinequimation.motion.curves import wrapped
from kinequimation.motion.pace import froude
from kinequimation.motion.steps import Path, moving_hooves, standing_hooves, steady_stances

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body
    from kinequimation.motion.gait import Gait, GaitTable
    from kinequimation.motion.lameness import Lameness
    from kinequimation.motion.style import Style

_GIVE_WAY_S = 0.034
"""How long before and after a limb's stretch the trunk gives way to it. Without, the trunk of a trot jerks 8 times as
much (third difference at 60 frames/s); with 0.06 s its stifle and hock no longer extend as far as a horse's."""


def steady_strides(
    table: GaitTable,
    body: Body,
    style: Style,
    speed_mps: float,
    frequency_hz: float,
    t_s: Float[np.ndarray, " frames"],
    extra: Float[np.ndarray, "frames 81 3"] | None = None,
    lame: Lameness | None = None,
    eased: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Make strides that are all alike.

    A few frames before the first and after the last are made too and left out again, so that the trunk gives way to a
    stretch at the ends as in the middle, and the last frame of a loop leads to the first. A single frame has none.

    Args:
        table: the gait; what leads leads with the right.
        body: the horse.
        style: the way of going.
        speed_mps: along the path.
        frequency_hz: strides per second.
        t_s: times, at even steps.
        extra: turns to add, rotation vectors.
        lame: how the horse spares a limb.
        eased: whether the trunk gives way smoothly.

    Returns:
        root positions [T, 3], rotations [T, 81, 4], contacts [T, 4], and the phases [T, 2] of the stride since the left
        and since the right hind landed (NaN if standing).
    """
    gait = table.at(speed_mps / froude(body))
    height, toes = body.shape.withers_height_m, symmetric_toes(body)
    path = Path(speed_mps, style.heading_rad, style.turn_per_m)
    probes = None
    t_all, smooth, first = t_s, 0, 0
    if gait.stands:
        hooves = standing_hooves(toes, style, len(t_s), height)
    else:
        probe_s, probes = _stance_ends(gait, style, frequency_hz)
        if eased and len(t_s) > 1:
            smooth = round(_GIVE_WAY_S / float(t_s[1] - t_s[0]))
        beside = np.arange(1, 2 * smooth + 1) * (float(t_s[1] - t_s[0]) if smooth else 0.0)
        t_all = np.concatenate([probe_s, t_s[0] - beside[::-1], t_s, t_s[-1] + beside])
        first = len(probe_s) + len(beside)
        stances = steady_stances(gait, style, path, frequency_hz, toes, t_all, height)
        hooves = moving_hooves(gait, style, stances, toes, t_all, height)
    n = len(t_all)
    phase = frequency_hz * t_all + style.phase
    course = Course(path.xy(t_all), path.heading(t_all), np.full(n, speed_mps), np.full(n, style.turn_per_m))
    part = Part(gait, phase, np.ones(n), np.zeros(n))
    if extra is not None:
        still = np.zeros((len(probes) if probes is not None else 0, *extra.shape[1:]))
        extra = np.concatenate([still, np.pad(extra, ((2 * smooth,) * 2, (0, 0), (0, 0)), mode="edge")])
    lift = 0.0
    if lame is not None and not gait.stands:
        spared, lift = lame.spare(body, phase, hooves.progress)
        extra = spared if extra is None else extra + spared
    root, quat = animate(body, style, course, [part], hooves, extra, lift, probes, smooth)
    wanted, posed = slice(first, first + len(t_s)), slice(2 * smooth, 2 * smooth + len(t_s))
    contact, phase = hooves.contact[wanted], phase[wanted]
    behind = np.array(gait.contact_phase[2:], float) + style.limb_phase[2:]
    since = wrapped(phase[:, None] - behind) if not gait.stands else np.full((len(t_s), 2), np.nan)
    return root[posed], quat[posed], contact, since


_STANCE_ENDS = np.array([0.0, 0.1, 0.9, 0.999])


def _stance_ends(gait: Gait, style: Style, frequency_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times at which limbs stretch most in one stride, and the limbs."""
    duty = np.array([gait.duty[i] for i in (0, 0, 1, 1)]) + style.limb_duty
    phase = (np.array(gait.contact_phase) + style.limb_phase)[:, None] + duty[:, None] * _STANCE_ENDS
    return (phase.ravel() - style.phase) / frequency_hz, np.repeat(np.arange(4), len(_STANCE_ENDS))


def sink_m(table: GaitTable, body: Body, style: Style, speed_mps: float, frequency_hz: float) -> float:
    """Return how far the trunk must be lower than in standing for all limbs to reach both ends of their stance, metres.

    Args:
        table: the gait; what leads leads with the right.
        body: the horse.
        style: the way of going; it is taken to go straight.
        speed_mps: along the path.
        frequency_hz: strides per second.
    """
    gait = table.at(speed_mps / froude(body))
    height, toes = body.shape.withers_height_m, symmetric_toes(body)
    path = Path(speed_mps)
    t_s, limb = _stance_ends(gait, style, frequency_hz)
    n = len(t_s)
    stances = steady_stances(gait, style, path, frequency_hz, toes, t_s, height)
    hooves = moving_hooves(gait, style, stances, toes, t_s, height)
    course = Course(path.xy(t_s), path.heading(t_s), np.full(n, speed_mps), np.zeros(n))
    part = Part(gait, frequency_hz * t_s + style.phase, np.ones(n), np.zeros(n))
    return needed_sink_m(body, gait, overreach_m(body, style, course, part, hooves), limb)
