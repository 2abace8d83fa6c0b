"""How one horse moves differently from another at the same gait."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError

MAX_LAMENESS_MM = 80.0
"""Twice the 40 mm amplitude of the worst lameness that is made (sources, E7)."""


@dataclass(frozen=True)
class Style:
    """A way of going. The defaults are a plain horse going straight ahead.

    Lateral angles are positive towards the horse's left; pitch angles positive upwards unless the name says otherwise.

    Attributes:
        action: factor on swing heights and on how far the joints flex in swing.
        trunk_motion: factor on all oscillations of trunk, neck and head.
        step_width: factor on the distance between left and right hooves.
        neck_elevation_rad: angle of the neck above the horizontal; None for the gait's own.
        nose_below_horizontal_rad: angle of the line from poll to nose below the horizontal; None for the gait's own.
        neck_bend_rad: bend of the neck to the left, over its length.
        head_turn_rad: turn of the head on the neck to the left.
        head_tilt_rad: tilt of the head, right ear up.
        jaw_open_rad: how far the mouth is open.
        ear_back_rad: ears turned back, left and right.
        tail_lift_rad: how far the tail is lifted from hanging.
        tail_side_rad: how far the tail is carried to the left.
        heading_rad: direction of travel at time 0, turned left from −Y.
        turn_per_m: curvature of the path to the left, radians per metre.
        phase: stride phase at time 0, as a fraction.
        limb_phase: departure of LF, RF, LH, RH from the gait's contact phases, fractions of a stride.
        limb_action: factor on each limb's action.
        limb_forward: how much further forward each hoof stands, in withers heights.
        limb_duty: departure of each limb's duty factor from the gait's.
        lame_limb: the limb that hurts (``LF``, ``RF``, ``LH``, ``RH`` or none).
        lameness_mm: how much less far the head (of a horse lame in front) or the sacrum (of one lame behind) sinks
            while that limb stands than while the other does: the amount of HDmin or PDmin (sources, E7).
        cocked_hind: the hind limb that rests on its toe while the horse stands (``LH``, ``RH`` or none).
    """

    action: float = 1.0
    trunk_motion: float = 1.0
    step_width: float = 1.0
    neck_elevation_rad: float | None = None
    nose_below_horizontal_rad: float | None = None
    neck_bend_rad: float = 0.0
    head_turn_rad: float = 0.0
    head_tilt_rad: float = 0.0
    jaw_open_rad: float = 0.0
    ear_back_rad: tuple[float, float] = (0.0, 0.0)
    tail_lift_rad: float | None = None
    tail_side_rad: float = 0.0
    heading_rad: float = 0.0
    turn_per_m: float = 0.0
    phase: float = 0.0
    limb_phase: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    limb_action: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    limb_forward: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    limb_duty: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    lame_limb: str = ""
    lameness_mm: float = 0.0
    cocked_hind: str = ""

    def __post_init__(self) -> None:
        if self.lame_limb not in ("", *skeleton.LIMBS):
            raise InputError(f"lame limb: expected one of {', '.join(skeleton.LIMBS)}, got {self.lame_limb!r}")
        if not 0.0 <= self.lameness_mm <= MAX_LAMENESS_MM:
            raise InputError(f"lameness: expected 0 to {MAX_LAMENESS_MM:g} mm, got {self.lameness_mm}")

    def mirrored(self) -> Style:
        """Return the style of the horse's mirror image."""
        other = {"LF": "RF", "RF": "LF", "LH": "RH", "RH": "LH", "": ""}

        def swap(v: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
            return v[1], v[0], v[3], v[2]

        return dataclasses.replace(
            self,
            neck_bend_rad=-self.neck_bend_rad,
            head_turn_rad=-self.head_turn_rad,
            head_tilt_rad=-self.head_tilt_rad,
            ear_back_rad=(self.ear_back_rad[1], self.ear_back_rad[0]),
            tail_side_rad=-self.tail_side_rad,
            heading_rad=-self.heading_rad,
            turn_per_m=-self.turn_per_m,
            limb_phase=swap(self.limb_phase),
            limb_action=swap(self.limb_action),
            limb_forward=swap(self.limb_forward),
            limb_duty=swap(self.limb_duty),
            lame_limb=other[self.lame_limb],
            cocked_hind=other[self.cocked_hind],
        )


def sample_style(rng: np.random.Generator, moving: bool, head_free: bool) -> Style:
    """Draw a random style. All ranges are judgement, wide on purpose.

    Args:
        rng: source of randomness.
        moving: whether the horse travels.
        head_free: whether it may put its head down to the ground (standing, or a slow walk).
    """
    posture = rng.random()
    if head_free and posture < 0.3:  # grazing, or sniffing at the ground
        neck, nose = rng.uniform(-75, -20), rng.uniform(50, 90)
    elif posture < 0.45:  # alert
        neck, nose = rng.uniform(55, 75), rng.uniform(30, 70)
    elif posture < 0.6:  # on the bit, or behind it
        neck, nose = rng.uniform(40, 68), rng.uniform(70, 100)
    elif posture < 0.72:  # stretched, or poking its nose
        neck, nose = rng.uniform(-10, 35), rng.uniform(15, 55)
    else:
        neck, nose = rng.uniform(15, 55), rng.uniform(40, 75)
    still = 1.0 if moving else 1.6
    bend, turn = rng.normal(0, 0.16 * still), rng.normal(0, 0.10 * still)
    if rng.random() < 0.08 * still:  # looks round
        bend += rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
    ears = rng.uniform(-0.5, 0.7) + rng.normal(0, 0.2, 2)
    return Style(
        action=float(np.exp(rng.normal(0.05, 0.22))),
        trunk_motion=float(np.exp(rng.normal(0, 0.25))),
        step_width=float(rng.uniform(0.7, 1.25)),
        neck_elevation_rad=float(np.radians(neck)),
        nose_below_horizontal_rad=float(np.radians(nose)),
        neck_bend_rad=float(bend),
        head_turn_rad=float(turn),
        head_tilt_rad=float(rng.normal(0, 0.06)),
        jaw_open_rad=float(max(0.0, rng.normal(-0.05, 0.1))),
        ear_back_rad=(float(ears[0]), float(ears[1])),
        tail_lift_rad=float(rng.uniform(0, 0.5) if rng.random() < 0.8 else rng.uniform(0.4, 1.5)),
        tail_side_rad=float(rng.normal(0, 0.15)),
        heading_rad=float(rng.uniform(-np.pi, np.pi)),
        turn_per_m=float(rng.normal(0, 0.05)),
        phase=float(rng.random()),
        limb_phase=tuple(rng.normal(0, 0.012, 4).tolist()),
        limb_action=tuple(np.exp(rng.normal(0, 0.06, 4)).tolist()),
        cocked_hind="" if moving else str(rng.choice(["", "", "LH", "RH"])),
    )
