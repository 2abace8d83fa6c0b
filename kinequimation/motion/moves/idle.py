"""Standing about: weight that shifts from one resting hind limb to the other, and a head that looks, dozes or shakes.

One hind rests 30-50 % of the time (sources, E1); how long it does so and how the moods look is judgement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.errors import InputError
from kinequimation.motion.moves.attitude import Attitude, trunk_turn
from kinequimation.motion.moves.carriage import carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.flexion import swing_limbs
from kinequimation.motion.moves.footing import Stance, follow
from kinequimation.motion.moves.frame import HEAD, NECK, SPINE
from kinequimation.motion.moves.score import Score
from kinequimation.motion.moves.timeline import pass_through
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life

MOODS: dict[str, tuple[float, float, float, float, float]] = {
    "alert": (62.0, 42.0, -0.25, 0.15, 1.5),
    "calm": (36.0, 54.0, 0.1, 0.45, 1.0),
    "dozing": (6.0, 64.0, 0.45, 0.9, 0.35),
}
"""Elevation of the neck and slant of the nose in degrees, how far the ears are back, the share of the time in which a
hind limb rests, and how much the horse looks round."""
_SHIFT_S = 0.9


def make_idle(
    frame: Frame, life: Life, seconds: float = 20.0, mood: str = "calm", every_s: float = 9.0, shaking: float = 0.0
) -> Score:
    """Make a horse stand about.

    Args:
        frame: the horse.
        life: its small movements.
        seconds: for how long.
        mood: one of ``MOODS``.
        every_s: about how long it stands before it shifts its weight, at least 3 s.
        shaking: how often it shakes its head, 0 for never, 1 for about every ten seconds.

    Raises:
        InputError: the mood is not known, or the shifts follow each other too closely.
    """
    if mood not in MOODS:
        raise InputError(f"unknown mood {mood!r}: expected one of {', '.join(MOODS)}")
    if not (np.isfinite(every_s) and every_s >= 3.0):
        raise InputError(f"idle shift interval: expected 3 s or more, got {every_s}")
    neck, nose, ears_back, rests, looks = MOODS[mood]
    h, toes = frame.height_m, frame.toes
    # which hind rests from when on: +1 the left, -1 the right, 0 none
    times, which = [-1.0], [0.0]
    side = 1.0 if life.chance[1, 0] < 0.5 else -1.0
    k = 0
    while times[-1] < seconds:
        resting = life.chance[2, k % 32] < rests or (k == 0 and rests > 0.3)
        times.append((0.0 if k == 0 else times[-1]) + every_s * (0.5 + life.chance[3, k % 32]) * (k > 0))
        which.append(side if resting else 0.0)
        side = -side if resting else side
        k += 1
    stances: list[list[Stance]] = [
        [Stance(-9.0, seconds + 1e3, (toes[limb, 0], toes[limb, 1] - step * h))]
        for limb, step in ((0, 0.03 * (life.chance[4, 0] - 0.5)), (1, 0.03 * (life.chance[4, 1] - 0.5)))
    ]
    lean = [(-1.0, which[1])]
    for limb, sign in ((2, 1.0), (3, -1.0)):
        own: list[Stance] = []
        since, cocked = -9.0, which[1] == sign
        for t, w in zip(times[2:], which[2:], strict=True):
            if (w == sign) == cocked:
                continue
            # the limb that is to rest lets go after the weight has left it, the other one takes it before
            leave = t + (0.5 * _SHIFT_S if w == sign else -0.6 * _SHIFT_S)
            own.append(_hind(frame, limb, since, leave, cocked))
            since, cocked = leave + 0.55, w == sign
        own.append(_hind(frame, limb, since, seconds + 1e3, cocked))
        stances.append(own)
    for t, before, w in zip(times[2:], which[1:], which[2:], strict=False):
        lean += [(t - 0.5 * _SHIFT_S, before), (t + 0.5 * _SHIFT_S, w)]
    middle_rest = frame.body.rest_xyz[TRUNK_REFERENCE]

    def attitude(t_s: np.ndarray) -> Attitude:
        rest = pass_through(t_s, lean) if len(lean) > 1 else np.full(len(t_s), lean[0][1])
        middle = np.repeat(middle_rest[None], len(t_s), 0)
        # over the hind that bears, with a slow sway
        middle[:, 0] += h * (-0.016 * rest + 0.005 * life.wave(t_s, 5, 0.08, 0.25))
        middle[:, 1] += 0.005 * h * life.wave(t_s, 6, 0.06, 0.2)
        middle[:, 2] -= h * (0.003 + 0.006 * np.abs(rest))
        turn = trunk_turn(np.full(len(t_s), 0.0) + 0.008 * np.abs(rest), 0.02 * rest, 0.012 * rest)
        v = still(len(t_s))
        v[:, SPINE[1:4], 1] -= np.radians(1.5) * rest[:, None]  # the hip of the resting side drops
        look = looks * life.pulses(t_s, 6, 11.0, 5.0)
        carry_neck(v, frame, np.radians(neck + 8.0 * np.abs(look)), np.radians(nose), 0.55 * look, 0.3 * look)
        shake = shaking * np.maximum(life.pulses(t_s, 2, 10.0, 1.4), 0.0) ** 0.5
        wave = np.sin(2 * np.pi * 3.6 * t_s)
        v[:, NECK, 1] += 0.05 * (shake * wave)[:, None]
        v[:, HEAD, 1] += 0.28 * shake * wave
        v[:, HEAD, 2] += 0.12 * shake * wave
        carry_ears(v, ears_back + 0.3 * shake, ears_back + 0.3 * shake)
        carry_tail(v, 0.1)
        life.breathe(v, t_s)
        life.drift(v, t_s)
        life.flick_ears(v, t_s)
        life.swish_tail(v, t_s)
        feet = follow(frame, stances, t_s)
        return Attitude(
            middle, turn, v, swing_limbs(frame, feet) * feet.flying[..., None, None], feet.toe_xyz,
            feet.hoof_pitch_rad, feet.hoof_yaw_rad, feet.held, feet.flying, feet.contact,
        )  # fmt: skip

    return Score(0.0, seconds, attitude)


def _hind(frame: Frame, limb: int, on_s: float, off_s: float, cocked: bool) -> Stance:
    x, y = frame.toes[limb, :2]
    if not cocked:
        return Stance(on_s, off_s, (x, y), 0.02 * frame.height_m, 0.25)
    place = (0.92 * x, y - 0.035 * frame.height_m)
    return Stance(on_s, off_s, place, 0.02 * frame.height_m, 0.0, pitch_rad=np.radians(36.0))
