"""Where hooves stand, one after another, and how they fly from one place to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.motion.curves import bump
from kinequimation.motion.moves.timeline import pass_through

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from kinequimation.motion.moves.frame import Frame

_BREAKOVER = 0.70
"""Fraction of the stance after which the heel lifts (judgement)."""
_PITCH = [(-1.0, 0.0), (0.0, 1.0), (0.2, 1.3), (0.55, 0.6), (0.92, -0.1), (1.0, 0.0)]
"""Tip of a hoof as a share of that with which it leaves, over its breakover (-1 to 0) and its flight (0 to 1)."""
_LONGEST_BREAKOVER_S = 0.12
"""Longest time from the heel's lifting to the toe's (judgement)."""


@dataclass(frozen=True)
class Stance:
    """One hoof on the ground, and its flight afterwards.

    Attributes:
        on_s: when it lands.
        off_s: when it leaves.
        xy: where its toe stands, metres.
        lift_m: height of the flight that follows.
        off_pitch_rad: tip of the hoof as it leaves, toe down.
        free: how far the limb hangs as wished in the middle of that flight, rather than following a path.
        yaw_rad: turn of the hoof to the left.
        pitch_rad: tip of the hoof while it stands, toe down: a limb that rests.
    """

    on_s: float
    off_s: float
    xy: tuple[float, float]
    lift_m: float = 0.08
    off_pitch_rad: float = 0.6
    free: float = 0.0
    yaw_rad: float = 0.0
    pitch_rad: float = 0.0


@dataclass(frozen=True)
class Footing:
    """What the hooves do at T moments: the fields of the same names of ``Attitude``, and the state of each flight.

    Attributes:
        flight: [T, 4] part of the flight that is over, 0 while the hoof stands.
        stance: [T, 4] part of the stance that is over, 1 during the flight after it.
    """

    toe_xyz: Float[np.ndarray, "frames 4 3"]
    hoof_pitch_rad: Float[np.ndarray, "frames 4"]
    hoof_yaw_rad: Float[np.ndarray, "frames 4"]
    held: Float[np.ndarray, "frames 4"]
    flying: Float[np.ndarray, "frames 4"]
    contact: Float[np.ndarray, "frames 4"]
    flight: Float[np.ndarray, "frames 4"]
    stance: Float[np.ndarray, "frames 4"]


def follow(frame: Frame, stances: Sequence[Sequence[Stance]], t_s: Float[np.ndarray, " frames"]) -> Footing:
    """Say where the hooves are.

    Args:
        frame: the horse.
        stances: of LF, RF, LH, RH, in the order of time. Before the first and after the last the hoof stands.
        t_s: times.
    """
    n = len(t_s)
    out = Footing(np.zeros((n, 4, 3)), *(np.zeros((n, 4)) for _ in range(7)))
    for limb, own in enumerate(stances):
        on = np.array([s.on_s for s in own])
        i = np.clip(np.searchsorted(on, t_s, side="right") - 1, 0, len(own) - 1)
        here = _columns(own, i)
        there = _columns(own, np.minimum(i + 1, len(own) - 1))
        last = i == len(own) - 1
        length = np.where(last, 1.0, there["on_s"] - here["off_s"])
        w = np.where(last, 0.0, np.clip((t_s - here["off_s"]) / length, 0.0, 1.0))
        fore = limb < 2
        shape = bump(w, 1.6, 2.6) + 0.25 * bump(w, 6.0, 1.6) if fore else bump(w, 1.6, 2.4)
        way = pass_through(w, [(0.0, 0.0), (0.2, 0.10), (0.88, 0.96), (1.0, 1.0)])[:, None]
        lift = here["lift_m"] * shape
        out.toe_xyz[:, limb, :2] = here["xy"] + (there["xy"] - here["xy"]) * way
        out.toe_xyz[:, limb, 2] = frame.toes[limb, 2] + lift
        # the heel lifts before the toe leaves, and the hoof lands flat
        span = np.maximum(here["off_s"] - here["on_s"], 1e-6)
        done = np.clip((t_s - here["on_s"]) / span, 0.0, 1.0)
        tipping = np.minimum((1.0 - _BREAKOVER) * span, _LONGEST_BREAKOVER_S * frame.tempo)
        late = np.clip(1.0 - (here["off_s"] - t_s) / tipping, 0.0, 1.0)
        leaving = np.where(last, 0.0, here["off_pitch_rad"])
        pitch = leaving * pass_through(np.where(w > 0, w, late - 1.0), _PITCH)
        out.hoof_pitch_rad[:, limb] = np.maximum(pitch, -np.minimum(0.12, 0.8 * lift / (0.075 * frame.height_m)))
        out.hoof_pitch_rad[:, limb] += here["pitch_rad"] + (there["pitch_rad"] - here["pitch_rad"]) * way[:, 0]
        out.hoof_yaw_rad[:, limb] = here["yaw_rad"] + (there["yaw_rad"] - here["yaw_rad"]) * way[:, 0]
        out.contact[:, limb] = (w <= 0.0) * 1.0
        ramp = np.minimum(0.35, 0.16 * frame.tempo / length)
        up, down = np.clip(w / ramp, 0, 1), np.clip((1 - w) / ramp, 0, 1)
        both = (up * up * (3 - 2 * up)) * (down * down * (3 - 2 * down))
        out.flying[:, limb] = both
        out.held[:, limb] = 1.0 - here["free"] * both
        out.flight[:, limb] = w
        out.stance[:, limb] = done
    return out


def _columns(stances: Sequence[Stance], i: np.ndarray) -> dict[str, np.ndarray]:
    names = ("on_s", "off_s", "xy", "lift_m", "off_pitch_rad", "free", "yaw_rad", "pitch_rad")
    return {name: np.array([getattr(s, name) for s in stances], float)[i] for name in names}


def plant(
    frame: Frame,
    limb: int,
    plan: Stance,
    pivot_on: Float[np.ndarray, " 3"],
    pivot_off: Float[np.ndarray, "k 3"],
    off_s: Float[np.ndarray, " k"],
    share: float = 0.985,
) -> Stance:
    """Return a stance that the limb can reach from landing to leaving: moved along Y and, if need be, shorter.

    Args:
        frame: the horse, facing −Y.
        limb: index into ``skeleton.LIMBS``.
        plan: the wanted stance.
        pivot_on: shoulder joint or hip when the hoof lands.
        pivot_off: the same at times at which the hoof may leave, the wanted one first.
        off_s: these times.
        share: how much of the limb's full length to use.
    """
    low, high = _reach_y(frame, limb, pivot_on[None], 0.0, share)
    lows, highs = _reach_y(frame, limb, pivot_off, plan.off_pitch_rad, share)
    lows, highs = np.maximum(lows, low), np.minimum(highs, high)
    k = int(np.argmax(highs - lows >= 0)) if (highs >= lows).any() else int(np.argmax(highs - lows))
    y = float(np.clip(plan.xy[1], lows[k], highs[k])) if lows[k] <= highs[k] else 0.5 * float(lows[k] + highs[k])
    return replace(plan, off_s=float(off_s[k]), xy=(plan.xy[0], y))


def _reach_y(
    frame: Frame, limb: int, pivot: np.ndarray, pitch_rad: float, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and greatest place along Y of a toe that a limb reaches from its pivot."""
    _, dy, dz = -frame.limbs.offset[limb, 6]
    c, s = np.cos(pitch_rad), np.sin(pitch_rad)
    y, z = c * dy - s * dz, s * dy + c * dz
    drop = pivot[:, 2] - (z + frame.toes[limb, 2])
    half = np.sqrt(np.maximum((share * frame.limbs.longest[limb]) ** 2 - drop**2, 0.0))
    return pivot[:, 1] - y - half, pivot[:, 1] - y + half
