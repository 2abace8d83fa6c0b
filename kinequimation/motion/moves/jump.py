"""The jump: a canter stride to the fence, the take-off, the flight over it, and the landing.

Times are from the hind hooves' leaving the ground, in seconds of a 1.60 m horse, and scale with the square root of
the withers height; the flight itself obeys gravity as it is. What is stated in sources, E5: hinds nearly together,
forelimbs leave first; pitch 35-45° at take-off and 30-40° down at landing of a high fence; the back flexed 15-20°;
take-off angle 15-25° for small fences and 40-45° for high ones; trailing fore lands before the leading one; the
limits of the folded forelimb. Everything else is judgement.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.motion.moves.attitude import Attitude, pivots, trunk_turn
from kinequimation.motion.moves.carriage import arch_back, carry_ears, carry_neck, carry_tail, still
from kinequimation.motion.moves.flexion import BLADE_DEG, swing_limbs
from kinequimation.motion.moves.footing import Footing, Stance, follow, plant
from kinequimation.motion.moves.score import Score
from kinequimation.motion.moves.timeline import pass_through, window, with_speeds
from kinequimation.motion.trunk import TRUNK_REFERENCE

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion.moves.frame import Frame
    from kinequimation.motion.moves.life import Life

GRAVITY_MPS2 = 9.81
FENCES_M = (0.3, 1.6)
_J = skeleton.JOINT_INDEX
_STRIDE_S = 0.60
_STANCE_S = 0.21
# landing times; trailing limbs are the left ones, the lead is the right
_LAND_S = {"LF": -0.56, "RF": -0.45, "LH": -0.225, "RH": -0.205}
_LEAVE_S = {"LF": -0.375, "RF": -0.275, "LH": -0.02, "RH": 0.0}
_STRIDE_BEFORE_S = {"LF": -1.19, "RF": -1.04, "LH": -0.87, "RH": -0.75}
_FIRST_STEP_S = {"LF": 0.0, "RF": 0.11, "LH": 0.28, "RH": 0.35}
_NEXT_STRIDE_S = {"LF": 0.62, "RF": 0.76, "LH": 0.92, "RH": 1.05}
_AHEAD = {"LF": 0.10, "RF": 0.12, "LH": 0.20, "RH": 0.22}
_AHEAD_LANDING = {"LF": -0.14, "RF": -0.09, "LH": 0.12, "RH": 0.13}
"""How far ahead of its usual place each hoof is set at take-off and at landing, in withers heights."""
_TRACK = (0.62, 1.12)
"""Distance between left and right hooves over the standing horse's, fore and hind: hinds land beside the fores."""
_CLEARANCE = 0.05


def make_jump(frame: Frame, life: Life, seconds: float | None = None, fence_m: float | None = None) -> Score:
    """Make a jump on the right lead over a fence, which the middle of the horse's flight crosses.

    Args:
        frame: the horse.
        life: its small movements.
        seconds: for how long, from the approach on; None until it canters on.
        fence_m: height of the fence; None for 0.65 of the withers height.

    Raises:
        InputError: the fence is not within ``FENCES_M``.
    """
    fence = float(np.clip(0.65 * frame.height_m, *FENCES_M)) if fence_m is None else fence_m
    if not (np.isfinite(fence) and FENCES_M[0] <= fence <= FENCES_M[1]):
        raise InputError(f"fence height: expected {FENCES_M[0]} to {FENCES_M[1]} m, got {fence_m}")
    flight = _Flight(frame, fence, seconds)
    stances = _stances(frame, flight)

    def attitude(t_s: np.ndarray) -> Attitude:
        middle, turn, v = flight.trunk(t_s)
        feet = follow(frame, stances, t_s)
        return Attitude(
            middle,
            turn,
            v,
            flight.limbs(t_s, feet),
            feet.toe_xyz,
            feet.hoof_pitch_rad,
            feet.hoof_yaw_rad,
            feet.held,
            feet.flying,
            feet.contact,
        )

    return Score(flight.start_s, flight.end_s, attitude)


class _Flight:
    """The trunk's way through the jump."""

    def __init__(self, frame: Frame, fence_m: float, seconds: float | None) -> None:
        self.frame, tau, h = frame, frame.tempo, frame.height_m
        relative = fence_m / frame.size
        self.effort = float(np.clip(relative / 1.2, 0.25, 1.3))
        self.pitch_off = np.radians(np.interp(relative, [0.2, 0.7, 1.2, 1.7], [15.0, 27.0, 38.0, 45.0]))
        self.pitch_on = 0.85 * self.pitch_off
        rest = frame.body.rest_xyz
        self.rest_z = float(rest[TRUNK_REFERENCE, 2])
        middle = rest[TRUNK_REFERENCE]
        # the height at which an extended hind limb leaves, and an extended forelimb lands
        self.off_z = self._height(2, rest[_J["DEF-thigh.L"]] - middle, self.pitch_off, np.radians(27.0), 0.95)
        self.on_z = self._height(0, rest[_J["DEF-upper_arm.L"]] - middle, -self.pitch_on, np.radians(13.0), 0.93)
        hang = 0.52 * h  # the folded horse's lowest point under the middle of its back
        apex = max(fence_m + _CLEARANCE + hang, self.off_z + 0.10 * h, self.on_z + 0.06 * h)
        self.up_mps = float(np.sqrt(2 * GRAVITY_MPS2 * (apex - self.off_z)))
        down_mps = float(np.sqrt(2 * GRAVITY_MPS2 * (apex - self.on_z)))
        self.land_s = (self.up_mps + down_mps) / GRAVITY_MPS2
        self.down_mps = down_mps
        angle = np.radians(np.interp(relative, [0.2, 0.7, 1.2, 1.7], [17.0, 25.0, 33.0, 42.0]))
        self.speed_mps = float(np.clip(self.up_mps / np.tan(angle), 4.0 * frame.tempo, 5.5 * frame.tempo))
        self.tau = tau
        self.start_s = -1.2 * tau
        self.end_s = self.land_s + 0.95 * tau if seconds is None else self.start_s + seconds
        self.strides = max(2, 1 + int(np.ceil((self.end_s - self.land_s) / (_STRIDE_S * tau))))

    def _height(self, limb: int, pivot: np.ndarray, pitch: float, slant: float, share: float) -> float:
        """Return the height of the middle of a trunk whose limb just reaches the ground."""
        c, s = np.cos(-pitch), np.sin(-pitch)
        coronet = 0.09 * self.frame.size
        return coronet + share * self.frame.limbs.longest[limb] * np.cos(slant) - float(s * pivot[1] + c * pivot[2])

    def trunk(self, t_s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return middle of the back, its rotation, and the turns of the joints."""
        tau, h, land = self.tau, self.frame.height_m, self.land_s
        up, on = self.pitch_off, -self.pitch_on
        k = self.effort

        def at(before: float) -> float:
            return before * tau

        def after(seconds: float) -> float:
            return land + seconds * tau

        def canter(*keys: tuple[float, ...]) -> list[tuple[float, ...]]:
            return [(after(t + k * _STRIDE_S), *values) for k in range(self.strides) for t, *values in keys]

        r = np.radians
        pitch = pass_through(
            t_s,
            [
                (at(-1.4), r(5)), (at(-1.10), r(-5)), (at(-0.86), r(6)), (at(-0.60), r(-3)), (at(-0.48), r(-1)),
                (at(-0.27), 0.18 * up), (at(-0.10), 0.74 * up), (0.06 * tau, up),
                (0.5 * land, 0.06 * up), (land - 0.04 * tau, on), (after(0.10), 0.72 * on), (after(0.28), r(2)),
                (after(0.42), r(7)), (after(0.66), r(-4)), *canter((0.95, r(6)), (1.26, r(-4))),
            ],
        )  # fmt: skip
        z0 = self.rest_z
        x, z, speed = np.array(
            [
                (at(-1.4), z0 - 0.015 * h, 0), (at(-1.12), z0 - 0.030 * h, 0), (at(-0.90), z0 + 0.020 * h, 0),
                (at(-0.55), z0 - 0.035 * h, 0), (at(-0.25), z0 + 0.12 * (self.off_z - z0), 0.35 * self.up_mps),
                (0.0, self.off_z, self.up_mps),
            ]
        ).T  # fmt: skip
        before = with_speeds(t_s, x, z, speed)
        x, z, speed = np.array(
            [
                (land, self.on_z, -self.down_mps), (after(0.14), z0 + 0.42 * (self.on_z - z0), -1.3 * tau),
                (after(0.30), z0 - 0.03 * h, -0.1), (after(0.45), z0 - 0.03 * h, 0.1),
                *canter((0.86, z0 + 0.015 * h, 0), (1.17, z0 - 0.03 * h, 0)),
            ]
        ).T  # fmt: skip
        afterwards = with_speeds(t_s, x, z, speed)
        flying = self.off_z + self.up_mps * t_s - 0.5 * GRAVITY_MPS2 * t_s**2
        middle = np.zeros((len(t_s), 3))
        middle[:, 1] = self.frame.body.rest_xyz[TRUNK_REFERENCE, 1] - self.speed_mps * t_s
        middle[:, 2] = np.where(t_s < 0, before, np.where(t_s < land, flying, afterwards))
        v = still(len(t_s))
        arch_back(
            v,
            r(1.0)
            * pass_through(
                t_s,
                [
                    (at(-1.2), 3), (at(-0.95), 6), (at(-0.6), -3), (at(-0.3), 7), (0, -6 * k), (0.45 * land, 19 * k),
                    (0.75 * land, 10 * k), (land, -2), (after(0.2), 0), (after(0.4), 10), (after(0.7), -3),
                    *canter((0.95, 6), (1.28, -3)),
                ],
            ),
        )  # fmt: skip
        neck = pass_through(
            t_s,
            [
                (at(-1.2), 36), (at(-0.9), 30), (at(-0.6), 40), (at(-0.3), 38), (0, 28), (0.25 * land, 12),
                (0.5 * land, 6), (0.8 * land, 30), (land, 50), (after(0.15), 50), (after(0.35), 30), (after(0.7), 36),
                *canter((0.95, 30), (1.3, 36)),
            ],
        )  # fmt: skip
        nose = pass_through(
            t_s,
            [
                (at(-1.2), 54), (at(-0.6), 44), (0, 50 + 0.6 * np.degrees(up)), (0.5 * land, 54),
                (land, 40 + 0.7 * np.degrees(on)), (after(0.3), 46), (after(0.8), 52),
            ],
        )  # fmt: skip
        carry_neck(v, self.frame, r(neck), r(nose))
        carry_tail(
            v,
            pass_through(
                t_s,
                [
                    (at(-1.2), 0.6),
                    (at(-0.4), 0.5),
                    (0.1 * land, 0.4),
                    (0.6 * land, 1.15),
                    (land, 0.9),
                    (after(0.5), 0.6),
                ],
            ),
        )
        ears = pass_through(t_s, [(at(-0.5), -0.25), (0.0, -0.1), (0.5 * land, 0.2), (after(0.3), -0.1)])
        carry_ears(v, ears, ears)
        return middle, trunk_turn(pitch), v

    def limbs(self, t_s: np.ndarray, feet: Footing) -> Float[np.ndarray, "frames 4 6 3"]:
        """Return how the limbs would hang."""
        over = window(t_s, -0.3 * self.tau, self.land_s + 0.3 * self.tau, 0.3 * self.tau)
        fold = over * (0.55 + 0.45 * min(self.effort, 1.0))
        return swing_limbs(self.frame, feet, _CANTER_DEG, _OVER_FENCE_DEG, fold)


# flexor-side angles over the flight of a limb, from shoulder or hip to coffin joint
_OVER_FENCE_DEG = (
    (
        [(0.0, 132), (0.2, 104), (0.4, 86), (0.62, 90), (0.82, 122), (1.0, 140)],
        [(0.0, 150), (0.2, 90), (0.38, 66), (0.62, 74), (0.84, 140), (1.0, 150)],
        [(0.0, 172), (0.16, 95), (0.36, 54), (0.60, 58), (0.80, 140), (0.93, 180), (1.0, 180)],
        [(0.0, 200), (0.16, 158), (0.40, 134), (0.62, 140), (0.86, 186), (1.0, 200)],
        [(0.0, 185), (0.4, 165), (0.7, 170), (1.0, 190)],
    ),
    (
        [(0.0, 126), (0.12, 130), (0.35, 124), (0.55, 110), (0.8, 80), (1.0, 84)],
        [(0.0, 156), (0.15, 130), (0.40, 84), (0.62, 84), (0.85, 122), (1.0, 146)],
        [(0.0, 160), (0.15, 126), (0.40, 78), (0.62, 80), (0.85, 122), (1.0, 146)],
        [(0.0, 195), (0.15, 140), (0.45, 120), (0.75, 160), (0.95, 198), (1.0, 200)],
        [(0.0, 175), (0.4, 155), (1.0, 172)],
    ),
)
_CANTER_DEG = (
    (
        [(0.0, 130), (0.4, 106), (1.0, 130)],
        [(0.0, 150), (0.42, 90), (1.0, 150)],
        [(0.0, 172), (0.45, 86), (0.9, 182), (1.0, 180)],
        [(0.0, 200), (0.35, 132), (0.8, 195), (1.0, 205)],
        [(0.0, 190), (1.0, 190)],
    ),
    (
        [(0.0, 121), (0.75, 82), (1.0, 86)],
        [(0.0, 155), (0.45, 102), (1.0, 148)],
        [(0.0, 160), (0.45, 100), (1.0, 150)],
        [(0.0, 200), (0.35, 125), (0.8, 195), (1.0, 200)],
        [(0.0, 172), (1.0, 172)],
    ),
)


_SHORTER = np.array([1.0, 0.9, 0.8, 0.7, 0.6])
"""Parts of the planned stance after which a hoof may leave, where a limb is too short for all of it."""


def _stances(frame: Frame, flight: _Flight) -> list[list[Stance]]:
    """Return where the hooves stand, each within its limb's reach."""
    plans = [_plan(frame, flight, limb) for limb in range(4)]
    times = np.array([[(s.on_s, *(s.on_s + _SHORTER * (s.off_s - s.on_s))) for s in plan] for plan in plans])
    blade = np.radians([-BLADE_DEG, *[BLADE_DEG] * len(_SHORTER)]) + np.zeros(times.shape)
    middle, turn, v = flight.trunk(times.ravel())
    both = np.repeat(blade.ravel()[:, None], 4, 1) * [1.0, 1.0, 0.0, 0.0]
    pivot = pivots(frame, middle, turn, v, both).reshape(*times.shape, 4, 3)
    middle = middle.reshape(*times.shape, 3)[..., 1]
    out = []
    for limb, plan in enumerate(plans):
        own = []
        for i, s in enumerate(plan):
            at_mid = 0.5 * (middle[limb, i, 0] + middle[limb, i, 1]) - frame.body.rest_xyz[TRUNK_REFERENCE, 1]
            s = replace(s, xy=(s.xy[0], s.xy[1] + float(at_mid)))
            own.append(plant(frame, limb, s, pivot[limb, i, 0, limb], pivot[limb, i, 1:, limb], times[limb, i, 1:]))
        out.append(own)
    return out


def _plan(frame: Frame, flight: _Flight, limb: int) -> list[Stance]:
    """Return the stances that are wanted, their places relative to the trunk's in the middle of each."""
    tau, name, hind = frame.tempo, skeleton.LIMBS[limb], limb >= 2
    length = min(_STANCE_S * tau, (0.72, 0.80)[hind] * frame.limbs.longest[limb] / flight.speed_mps)
    lift = 0.20 * frame.size

    def stance(on_s: float, off_s: float, ahead: float, **how: float) -> Stance:
        y = frame.toes[limb, 1] + ((0.01, 0.03)[hind] - ahead) * frame.height_m
        return Stance(on_s, off_s, (_TRACK[hind] * frame.toes[limb, 0], y), **how)

    before = [(_STRIDE_BEFORE_S[name] - k * _STRIDE_S) * tau for k in (1, 0)]
    afterwards = [flight.land_s + (_NEXT_STRIDE_S[name] + k * _STRIDE_S) * tau for k in range(flight.strides + 1)]
    first = flight.land_s + _FIRST_STEP_S[name] * tau
    return [
        *(stance(on, on + length, 0.02, lift_m=lift, off_pitch_rad=0.9) for on in before),
        stance(
            _LAND_S[name] * tau,
            _LEAVE_S[name] * tau,
            _AHEAD[name],
            lift_m=0.5 * frame.height_m,
            off_pitch_rad=1.0,
            free=1.0,
        ),
        stance(first, first + length, _AHEAD_LANDING[name], lift_m=lift, off_pitch_rad=0.9),
        *(stance(on, on + length, 0.02, lift_m=lift, off_pitch_rad=0.9) for on in afterwards),
    ]
