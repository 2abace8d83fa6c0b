"""Riders: how people of five ways of riding sit on a horse, worked out from its own back and barrel.

Seats are judgement after riding manuals and photographs: shoulder, hip and heel over each other in dressage; folded
over shorter stirrups over jumps; crouched over the withers in a race.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from kinequimation.synth.figures import (
    FOREARM,
    HIP_HALF,
    SHOULDER_HALF,
    TRUNK,
    UPPER_ARM,
    Person,
    Pose,
    bend,
    draw_person,
    sample_person,
)

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.synth.parts import Parts
    from kinequimation.synth.saddlery import SaddleFrame

Discipline = Literal["dressage", "jumping", "western", "racing", "icelandic", "leisure"]
_STANDING = ("idle", "stand", "graze", "paw", "kick")
"""Gaits and moves in which a rider sits still."""
DISCIPLINES: tuple[Discipline, ...] = ("dressage", "jumping", "western", "racing", "icelandic", "leisure")
Range = tuple[float, float]


@dataclass(frozen=True)
class Seat:
    """How somebody sits; each number is drawn from its range.

    Attributes:
        lift: of the hips above sitting, shares of the rider's height.
        shift: of the hips forwards, shares of the height.
        lean: of the trunk forwards, radians.
        reach: hip to ankle as a share of the straight leg.
        ankle: of the ankle in front of the hip's place when sitting, shares of the height.
        heel: how far the toe points up, radians.
        hand_forward, hand_up: of the hands from the seat, shares of the height.
        hand_apart: half distance between them, shares of the height.
        rein_sag: see ``saddlery.add_reins``.
        one_hand: probability that one hand holds both reins.
    """

    lift: Range
    shift: Range
    lean: Range
    reach: Range
    ankle: Range
    heel: Range
    hand_forward: Range
    hand_up: Range
    hand_apart: Range = (0.03, 0.06)
    rein_sag: Range = (0.0, 0.01)
    one_hand: float = 0.0


SEATS: dict[str, Seat] = {
    "dressage": Seat((0, 0.01), (-0.01, 0.01), (-0.08, 0.08), (0.88, 0.95), (-0.01, 0.05), (0.05, 0.3),
                     (0.17, 0.22), (0.10, 0.16)),
    "rising": Seat((0.03, 0.09), (0.02, 0.06), (0.05, 0.25), (0.86, 0.93), (0.0, 0.05), (0.05, 0.3),
                   (0.17, 0.23), (0.10, 0.17)),
    "light": Seat((0.03, 0.08), (-0.03, 0.01), (0.35, 0.7), (0.76, 0.85), (0.0, 0.06), (0.1, 0.4),
                  (0.24, 0.34), (0.10, 0.18)),
    "two-point": Seat((0.06, 0.13), (-0.06, 0.0), (0.75, 1.15), (0.70, 0.82), (0.0, 0.05), (0.1, 0.4),
                      (0.30, 0.42), (0.10, 0.18)),
    "racing": Seat((0.12, 0.19), (-0.10, -0.04), (1.12, 1.36), (0.50, 0.62), (-0.01, 0.04), (0.0, 0.35),
                   (0.28, 0.40), (0.10, 0.18), rein_sag=(0.0, 0.0)),
    "western": Seat((0, 0.005), (-0.01, 0.01), (-0.10, 0.06), (0.92, 0.97), (0.02, 0.09), (0.0, 0.25),
                    (0.14, 0.19), (0.12, 0.17), rein_sag=(0.06, 0.18), one_hand=0.7),
    "icelandic": Seat((0, 0.01), (-0.02, 0.0), (-0.16, 0.02), (0.86, 0.94), (0.05, 0.13), (0.0, 0.25),
                      (0.17, 0.23), (0.15, 0.21)),
    "leisure": Seat((0, 0.01), (-0.01, 0.01), (-0.12, 0.2), (0.86, 0.95), (0.0, 0.10), (-0.2, 0.3),
                    (0.15, 0.24), (0.09, 0.18), rein_sag=(0.0, 0.10), one_hand=0.15),
    "bareback": Seat((0, 0.005), (-0.01, 0.01), (-0.15, 0.12), (0.86, 0.96), (0.03, 0.12), (-0.7, 0.1),
                     (0.15, 0.24), (0.08, 0.16), rein_sag=(0.0, 0.08)),
}  # fmt: skip
"""Ways of sitting."""


def choose_seat(rng: np.random.Generator, discipline: Discipline, gait: str, *, saddled: bool) -> str:
    """Return a name of ``SEATS`` that goes with a discipline and what the horse does (a gait's name, or empty)."""
    if not saddled:
        return "bareback"
    if "jump" in gait:
        return "two-point"
    if gait in _STANDING and rng.random() < 0.95:
        return discipline if discipline in ("dressage", "western", "icelandic") else "leisure"
    if discipline == "racing":
        return "racing" if "walk" not in gait and rng.random() < 0.85 else "leisure"
    if discipline == "jumping":
        return ("light", "two-point", "rising", "dressage")[rng.choice(4, p=_jumping_seats(gait))]
    if discipline in ("dressage", "leisure") and "trot" in gait and rng.random() < 0.5:
        return "rising"
    return discipline


def _jumping_seats(gait: str) -> tuple[float, float, float, float]:
    """Return how often somebody on a jumping saddle sits light, in two-point, rising, or down."""
    if "canter" in gait or "gallop" in gait:
        return (0.5, 0.3, 0.05, 0.15)
    return (0.15, 0.05, 0.4, 0.4) if "trot" in gait else (0.06, 0.02, 0.02, 0.9)


def sample_rider(rng: np.random.Generator, discipline: Discipline, withers_m: float) -> Person:
    """Draw a rider whose size goes with the horse's: children on ponies, light people on racehorses."""
    if withers_m < 1.25:
        height = float(np.clip(rng.normal(1.02 * withers_m + 0.22, 0.08), 1.0, 1.5))
    elif withers_m < 1.45 and discipline != "icelandic" and rng.random() < 0.5:
        height = float(rng.uniform(1.25, 1.55))
    elif discipline == "racing":
        height = float(np.clip(rng.normal(1.63, 0.07), 1.48, 1.78))
    else:
        height = float(np.clip(rng.normal(1.71, 0.1), 1.45, 1.95))
    dress = "leisure" if discipline == "icelandic" else discipline
    return sample_person(rng, dress, height)


def pose_rider(
    rng: np.random.Generator, person: Person, seat: Seat, frame: SaddleFrame, seat_up_m: float
) -> tuple[Pose, bool]:
    """Work out where a rider's joints are.

    Args:
        rng: source of randomness.
        person: the rider.
        seat: the way of sitting.
        frame: the horse's back.
        seat_up_m: height of the saddle's seat over the frame's origin; 0 bareback.

    Returns:
        the pose, and whether one hand holds both reins.
    """
    h = person.height_m
    draw = {name: rng.uniform(*getattr(seat, name)) for name in Seat.__dataclass_fields__ if name != "one_hand"}
    forward, left, up = frame.axes.T
    # a rider keeps upright when the horse tips, but goes about half the way with it
    tipped = np.array([0.0, 0.0, 1.0]) - left * left[2]
    upright = _unit(0.45 * up + 0.55 * tipped)
    ahead = np.cross(left, upright)
    hip_up = seat_up_m + (0.056 * person.build + draw["lift"]) * h
    hip_at = np.array([draw["shift"] * h, 0.0, hip_up])
    pelvis = frame.world(*hip_at)
    hip = np.stack([pelvis + left * s * HIP_HALF * 1.15 * h for s in (1.0, -1.0)])
    knee, ankle, toe, thigh = np.empty((4, 2, 3))
    for i, sign in enumerate((1.0, -1.0)):
        mirror = np.array([1.0, sign, 1.0])
        legs = _pose_leg(person, frame, i, hip_at + np.array([0, HIP_HALF * 1.15 * h, 0]), draw, rng.normal(0, 0.008))
        knee[i], ankle[i], thigh[i] = (frame.world(*(p * mirror)) for p in legs)
        turned_out = rng.uniform(0.0, 0.35)
        toe_way = forward * np.cos(turned_out) + left * (sign * np.sin(turned_out))
        toe[i] = ankle[i] + (toe_way * np.cos(draw["heel"]) + up * (np.sin(draw["heel"]) - 0.28)) * 0.118 * h
    lean = draw["lean"] + 0.5 * float(np.arcsin(np.clip(forward[2], -1, 1)))  # towards what rises in front
    spine = upright * np.cos(lean) + ahead * np.sin(lean)
    chest = pelvis + spine * TRUNK * h
    shoulder = np.stack([chest + left * s * SHOULDER_HALF * h for s in (1.0, -1.0)])
    hand, elbow = np.empty((2, 3)), np.empty((2, 3))
    one_hand = rng.random() < seat.one_hand
    free = int(rng.random() < 0.5)
    for i, sign in enumerate((1.0, -1.0)):
        apart = 0.012 if one_hand else draw["hand_apart"]
        at = frame.world(draw["hand_forward"] * h, sign * apart * h, seat_up_m + draw["hand_up"] * h)
        if one_hand and i == free:  # the other hand rests on the thigh
            at = thigh[i] + up * 0.07 * h
        pole = -ahead * 0.6 - upright + left * sign * 0.5
        elbow[i], hand[i] = bend(shoulder[i], at, UPPER_ARM * h, FOREARM * h, pole)
    turn = rng.normal(0, 0.15)
    face = _unit(ahead * np.cos(turn) + left * np.sin(turn) + upright * rng.normal(-0.05, 0.1))
    rise = _unit(0.55 * spine + 0.45 * upright)
    head = chest + rise * 0.108 * h + ahead * 0.014 * h + (0.012 * h * rise if person.is_child else 0.0)
    pose = Pose(pelvis, chest, head, hip, knee, ankle, toe, shoulder, elbow, hand, left, face, thigh)
    return pose, one_hand


def _pose_leg(
    person: Person, frame: SaddleFrame, is_right: int, hip: np.ndarray, draw: dict[str, float], shift: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return knee, ankle and middle of the thigh in the saddle's frame, outwards positive, outside the barrel."""
    h, b = person.height_m, person.build
    straight = person.thigh_m + person.shank_m
    forward = (draw["ankle"] + shift) * h
    reach = draw["reach"] * straight
    out = hip[1] + 0.1
    for _ in range(4):
        drop = np.sqrt(max(reach**2 - (forward - hip[0]) ** 2 - (out - hip[1]) ** 2, 0.04))
        out = frame.half_width(is_right, forward, hip[2] - drop) + 0.028 * h
    ankle = np.array([forward, out, hip[2] - drop])
    knee = ankle
    for outwards in (0.05, 0.25, 0.45, 0.7, 1.0, 1.4):
        knee, _ = bend(hip, ankle, person.thigh_m, person.shank_m, np.array([1.0, outwards, 0.15]))
        if knee[1] >= frame.half_width(is_right, knee[0], knee[2]) + 0.03 * h * b:
            break
    thigh = 0.5 * (hip + knee)
    lacking = frame.half_width(is_right, thigh[0], thigh[2]) + 0.038 * h * b - thigh[1]
    if lacking > 0:  # the flesh of the thigh gives way: half of it upwards
        thigh = thigh + np.array([0.0, 0.7, 0.5]) * min(lacking, 0.05 * h)
    return knee, ankle, thigh


def add_rider(
    rng: np.random.Generator, parts: Parts, person: Person, seat: Seat, frame: SaddleFrame, seat_up_m: float
) -> tuple[Pose, Float[np.ndarray, "2 3"]]:
    """Put a rider on a horse.

    Returns:
        the pose, and where the left and the right rein are held.
    """
    pose, one_hand = pose_rider(rng, person, seat, frame, seat_up_m)
    draw_person(parts, person, pose)
    holding = pose.hand
    if one_hand:
        # both reins go to the hand that is nearer the middle
        middle = np.abs((pose.hand - frame.origin) @ frame.axes[:, 1]).argmin()
        holding = np.stack([pose.hand[middle]] * 2)
    return pose, holding


def _unit(v: np.ndarray) -> np.ndarray:
    return v / (np.sqrt(v @ v) + 1e-12)
