"""People and tack: a rider with saddle and reins, and people on foot, built of rods and balls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.synth.coat import linear, random_colour
from kinequimation.synth.meshes import Props
from kinequimation.synth.scene import PERSON_ID, TACK_ID

if TYPE_CHECKING:
    from kinequimation.synth.scene import HorseInScene

_SKIN = ((232, 190, 160), (205, 155, 120), (150, 105, 75), (90, 60, 45))
_MOUTH = skeleton.KEYPOINT_INDEX["DEF-jaw.001"]
_WITHERS, _BACK = (skeleton.LANDMARKS.index(n) for n in ("withers", "back"))
_SEAT_BONE = skeleton.JOINT_INDEX["DEF-spine.005"]


def _clothes(rng: np.random.Generator) -> dict[str, np.ndarray]:
    dark = linear(np.array((30, 28, 28)) * rng.uniform(0.5, 1.6))
    trousers = (dark, linear((225, 220, 205)), linear((50, 62, 98)), random_colour(rng))[rng.integers(4)]
    return {
        "coat": random_colour(rng) if rng.random() < 0.7 else dark,
        "trousers": trousers,
        "boots": dark if rng.random() < 0.8 else random_colour(rng),
        "skin": linear(_SKIN[rng.integers(len(_SKIN))]),
        "hat": dark if rng.random() < 0.6 else random_colour(rng),
    }


def _upper_body(
    props: Props, rng: np.random.Generator, pelvis: np.ndarray, up: np.ndarray, side: np.ndarray,
    front: np.ndarray, hands: list[np.ndarray], size: float, clothes: dict[str, np.ndarray],
) -> None:  # fmt: skip
    """Add torso, arms, head and hat; axes are unit vectors, ``size`` is the person's height in 1.7 m."""
    chest = pelvis + up * 0.42 * size
    props.limb(pelvis, pelvis + up * 0.2 * size, 0.15 * size, 0.15 * size, clothes["coat"], PERSON_ID)
    props.limb(pelvis + up * 0.15 * size, chest, 0.15 * size, 0.17 * size, clothes["coat"], PERSON_ID)
    for sign, hand in zip((1.0, -1.0), hands, strict=True):
        shoulder = chest + side * sign * 0.18 * size + up * 0.02
        elbow = (shoulder + hand) / 2 - up * 0.1 * size - front * 0.05 * size + side * sign * 0.06 * size
        props.limb(shoulder, elbow, 0.06 * size, 0.05 * size, clothes["coat"], PERSON_ID)
        props.limb(elbow, hand, 0.05 * size, 0.035 * size, clothes["coat"], PERSON_ID)
        props.add("sphere", np.eye(3) * 0.045 * size, hand, clothes["skin"], PERSON_ID)
    head = chest + up * 0.3 * size + front * 0.04 * size
    props.limb(chest, head, 0.06 * size, 0.06 * size, clothes["skin"], PERSON_ID)
    props.add("sphere", np.eye(3) * 0.115 * size, head, clothes["skin"], PERSON_ID)
    if rng.random() < 0.85:
        props.add("sphere", np.eye(3) * 0.135 * size, head + up * 0.05 * size, clothes["hat"], PERSON_ID)
        brim = np.stack([side * 0.13, front * 0.19, up * 0.02], -1) * size * rng.uniform(0.9, 1.3)
        props.add("sphere", brim, head + up * 0.05 * size + front * 0.05 * size, clothes["hat"], PERSON_ID)


def add_saddle(props: Props, rng: np.random.Generator, horse: HorseInScene) -> np.ndarray:
    """Put a saddle on a horse.

    Returns:
        [4] the seat in the body's rest coordinates, and the trunk's half width there.
    """
    rest = horse.rest_vertices
    landmarks = rest[horse.body.landmark_vertices]
    seat = 0.5 * landmarks[_WITHERS] + 0.5 * landmarks[_BACK]
    seat[0], seat[2] = 0.0, min(landmarks[_WITHERS, 2], landmarks[_BACK, 2] + 0.03)

    def half_width(y: float, z: float) -> float:
        near = (np.abs(rest[:, 1] - seat[1] - y) < 0.08) & (np.abs(rest[:, 2] - seat[2] - z) < 0.06)
        return float(np.abs(rest[near, 0]).max()) if near.any() else 0.25

    width = half_width(-0.1, -0.35)
    rows = horse.bone_rows[_SEAT_BONE]
    leather = linear(np.array((36, 28, 26) if rng.random() < 0.6 else (110, 66, 36)) * rng.uniform(0.7, 1.3))
    k = horse.body.shape.withers_height_m / 1.6

    def put(offset: tuple[float, float, float], radii: tuple[float, float, float]) -> None:
        centre = rows[:, :3] @ (seat + np.array(offset)) + rows[:, 3]
        props.add("sphere", rows[:, :3] * np.array(radii), centre, leather, TACK_ID)

    put((0, 0.0, -0.01 * k), (0.55 * width, 0.26 * k, 0.06 * k))
    put((0, 0.2 * k, 0.03 * k), (0.45 * width, 0.07 * k, 0.05 * k))
    put((0, -0.2 * k, 0.03 * k), (0.25 * width, 0.06 * k, 0.06 * k))
    for sign in (1.0, -1.0):
        for y, z, radii in ((-0.04, -0.17, (0.03, 0.17, 0.14)), (-0.1, -0.33, (0.018, 0.14, 0.17))):
            x = sign * (half_width(y * k, z * k) - 0.003 * k)
            put((x, y * k, z * k), (radii[0] * k, radii[1] * k, radii[2] * k))
    return np.array([*seat, width])


def add_rider(props: Props, rng: np.random.Generator, horse: HorseInScene, seat_width: np.ndarray) -> None:
    """Put a rider in the saddle, legs along both sides of the barrel, with reins to the mouth."""
    seat, width = seat_width[:3], seat_width[3]
    rows = horse.bone_rows[_SEAT_BONE]
    withers_m = horse.body.shape.withers_height_m
    s = rng.uniform(0.88, 1.08) * min(1.0, withers_m / 1.35)
    clothes = _clothes(rng)

    def place(x: float, y: float, z: float) -> np.ndarray:
        return rows[:, :3] @ (seat + np.array([x, y, z]) * np.array([1, s, s])) + rows[:, 3]

    side, front, upward = rows[:, 0], -rows[:, 1], rows[:, 2]
    rise = rng.uniform(0.06, 0.3) if rng.random() < 0.4 else 0.06
    pelvis = place(0, 0.02, 0.08 + rise)
    lean = rng.uniform(-0.15, 0.75) if rise > 0.1 else rng.normal(0.02, 0.1)
    up = upward * np.cos(lean) + front * np.sin(lean)
    knee_y, ankle_y = rng.uniform(-0.42, -0.22), rng.uniform(-0.2, 0.05)
    drop = rng.uniform(0.2, 0.36)
    for sign in (1.0, -1.0):
        knee = place(sign * (width + 0.05), knee_y, -drop)
        ankle = place(sign * (width + 0.04), ankle_y, -drop - 0.4)
        toe = place(sign * (width + 0.08), ankle_y - 0.2, -drop - 0.42)
        props.limb(pelvis + side * sign * 0.1 * s, knee, 0.105 * s, 0.075 * s, clothes["trousers"], PERSON_ID)
        props.limb(knee, ankle, 0.07 * s, 0.05 * s, clothes["boots"], PERSON_ID)
        props.limb(ankle, toe, 0.05 * s, 0.04 * s, clothes["boots"], PERSON_ID)
    hand_y, hand_z = rng.uniform(-0.5, -0.3), rng.uniform(0.15, 0.35)
    hands = [place(sign * 0.08, hand_y, hand_z) for sign in (1.0, -1.0)]
    _upper_body(props, rng, pelvis, up, side, front * np.cos(lean) - upward * np.sin(lean), hands, s, clothes)
    mouth = horse.keypoints()[_MOUTH]
    leather = linear((34, 26, 22))
    for sign, hand in zip((1.0, -1.0), hands, strict=True):
        props.limb(hand, mouth + side * sign * 0.06 * s, 0.008, 0.008, leather, TACK_ID)


def add_person(
    props: Props, rng: np.random.Generator, feet_xy: np.ndarray, heading_rad: float, hold: np.ndarray | None = None
) -> None:
    """Add somebody on foot, standing or walking.

    Args:
        props: where to add.
        rng: source of randomness.
        feet_xy: where they stand, metres.
        heading_rad: where they face, from +x towards +y.
        hold: a point that the nearer hand reaches for, with a rope to it.
    """
    s = rng.uniform(0.85, 1.12)
    clothes = _clothes(rng)
    front = np.array([np.cos(heading_rad), np.sin(heading_rad), 0.0])
    side = np.array([-front[1], front[0], 0.0])
    up = np.array([0.0, 0.0, 1.0])
    pelvis = np.array([*feet_xy, 0.92 * s])
    stride = rng.normal(0, 0.2)
    for sign in (1.0, -1.0):
        hip = pelvis + side * sign * 0.09 * s
        knee = hip + front * (0.6 * sign * stride + 0.04) - up * 0.42 * s
        foot = knee + front * (0.3 * sign * stride - 0.04) - up * 0.44 * s
        props.limb(hip, knee, 0.095 * s, 0.07 * s, clothes["trousers"], PERSON_ID)
        props.limb(knee, foot, 0.065 * s, 0.05 * s, clothes["trousers"], PERSON_ID)
        props.limb(foot, foot + front * 0.18 * s, 0.05 * s, 0.04 * s, clothes["boots"], PERSON_ID)
    hands = []
    for sign in (1.0, -1.0):
        swing = rng.normal(0, 0.25)
        hands.append(pelvis + side * sign * 0.28 * s + front * swing + up * rng.uniform(-0.1, 0.2) * s)
    if hold is not None:
        reach = hold - (pelvis + up * 0.3)
        hands[0] = pelvis + up * 0.3 + reach * min(1.0, 0.5 / (np.linalg.norm(reach) + 1e-9))
        props.limb(hands[0], hold, 0.009, 0.009, linear((60, 50, 40)), TACK_ID)
    _upper_body(props, rng, pelvis, up, side, front, hands, s, clothes)
