"""Harness and what is pulled: straps as garments, collar, blinkers, traces, shafts, and a sulky or a cart as props."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation.synth import garments, saddlery
from kinequimation.synth.coat import linear, random_colour
from kinequimation.synth.figures import (
    FOREARM,
    HIP_HALF,
    SHOULDER_HALF,
    TRUNK,
    UPPER_ARM,
    Pose,
    bend,
    draw_person,
    sample_person,
)
from kinequimation.synth.scene import TACK_ID
from kinequimation.synth.surface import skin_points, trunk_points

if TYPE_CHECKING:
    from kinequimation.synth.figures import Person
    from kinequimation.synth.garments import Fields
    from kinequimation.synth.meshes import Props
    from kinequimation.synth.parts import Parts
    from kinequimation.synth.scene import HorseInScene

_UP = np.array([0.0, 0.0, 1.0])


def add_harness(
    rng: np.random.Generator, props: Props, parts: Parts, fields: Fields, horse: HorseInScene, *, with_cart: bool
) -> dict[str, object]:
    """Put harness on a horse, and perhaps a sulky or a cart with a driver behind it.

    Returns:
        a record of what was drawn.
    """
    leather, k = fields["leather"][:3], horse.body.shape.withers_height_m / 1.6
    is_collar = rng.random() < (0.7 if horse.body.shape.withers_height_m > 1.65 else 0.3)
    vehicle = ("sulky", "cart")[int(rng.random() < (0.75 if is_collar else 0.4))] if with_cart else False
    garments.add_pad(rng, fields, -0.28, "harness")
    fields["pad"][:3] = fields["pad_trim"][:3] = leather
    garments.add_girth(rng, fields, 1.4, 0.03)
    fields["girth"][3] = 0.0
    fields["girth_rgb"][:3] = leather
    fields["breast_rgb"][:3] = leather
    if not is_collar:
        fields["breast"][:] = (rng.uniform(0.025, 0.04), 1.19, -0.3, 2.0)
    breeching = vehicle != "sulky"
    if breeching:
        fields["breech"][:] = (rng.uniform(0.02, 0.03), rng.uniform(1.12, 1.2), 0.0, 1.0)
    garments.add_bridle(rng, fields, flash=False)
    blinkers = rng.random() < 0.75
    if blinkers:
        _add_blinkers(parts, horse, leather)
    if is_collar:
        _add_collar(rng, parts, horse, leather)
    bit = saddlery.add_bit(props, horse)
    # rings on the harness saddle through which the long reins run, and where traces and shafts leave the shoulder
    rings = trunk_points(horse, np.array([-0.28, -0.28]), np.radians([22.0, -22.0])) + 0.03 * _UP
    for ring in rings:
        parts.rod(ring - 0.03 * _UP, ring + 0.02 * _UP, 0.008, 0.008, linear((170, 150, 90)), TACK_ID)
    if vehicle:
        seat_hands = _add_vehicle(rng, props, parts, horse, str(vehicle), leather, is_collar=is_collar)
        for ring, hand in zip(rings, seat_hands, strict=True):
            t = np.linspace(0, 1, 4)[:, None]
            rein = ring + 0.02 * _UP + (hand - ring) * t
            rein[:, 2] -= 0.12 * (4 * t * (1 - t))[:, 0]
            parts.line(list(rein), 0.006, leather)
    # and those on the collar or its neck strap
    front = trunk_points(horse, np.array([-0.66, -0.66]), np.radians([52.0, -52.0]))
    front += 0.5 * (front - front[::-1]) / np.linalg.norm(front[0] - front[1]) * (0.22 if is_collar else 0.08) * k
    for i in range(2):
        parts.line([front[i], 0.5 * (front[i] + rings[i]) + 0.03 * _UP, rings[i] + 0.012 * _UP], 0.006, leather)
    saddlery.add_reins(parts, horse, bit, front, leather, 0.02)
    return {
        "collar": "full" if is_collar else "breast",
        "blinkers": blinkers,
        "breeching": breeching,
        "vehicle": vehicle,
    }


def _add_blinkers(parts: Parts, horse: HorseInScene, leather: np.ndarray) -> None:
    """Stand a leather cup outside and behind each eye."""
    along, front = garments.eye_on_head()
    place = garments.place_on_head((along + 0.005, front - 0.012))
    rays = [(place, np.array([s, 0.0, 0.0])) for s in (1.0, -1.0)]
    head = saddlery.head_rotation(horse)
    size = horse.body.shape.head_length * horse.body.shape.withers_height_m / 1.6
    down, ahead, left = (
        head @ garments.head_direction(1, 0), head @ garments.head_direction(0, 1), head[:, 0],
    )  # fmt: skip
    for point, sign in zip(skin_points(horse, rays, farthest=True), (1.0, -1.0), strict=True):
        out = left * sign
        # open towards the front: the plate stands further out there than behind
        plate = np.stack([(ahead * 0.9 + out * 0.45) * 0.048, down * 0.05, (out * 0.9 - ahead * 0.45) * 0.006], -1)
        parts.ball(point + (out * 0.028 + ahead * 0.004) * size, plate * size, leather, TACK_ID)


def _add_collar(rng: np.random.Generator, parts: Parts, horse: HorseInScene, leather: np.ndarray) -> None:
    """Lay a padded collar round the base of the neck, with hames of metal or wood in its groove."""
    angle = np.radians(np.array([0, 28, 55, 80, 105, 130, 155, 180, 205, 230, 255, 280, 305, 332, 360]))
    tilt = -0.66 - 0.17 * (0.5 - 0.5 * np.cos(angle))
    wrapped = (angle + np.pi) % (2 * np.pi) - np.pi
    ring = trunk_points(horse, tilt, np.where(np.isclose(angle, np.pi), np.pi, wrapped))
    centre = ring.mean(0)
    k = horse.body.shape.withers_height_m / 1.6
    outwards = (ring - centre) / np.linalg.norm(ring - centre, axis=1, keepdims=True)
    ring = ring + outwards * 0.012 * k
    parts.line(list(ring), 0.048 * k, leather, round=True)
    metal = linear((190, 180, 150)) if rng.random() < 0.5 else random_colour(rng)
    hames = ring + outwards * 0.035 * k
    parts.line(list(hames[1:7]), 0.014 * k, metal, TACK_ID)
    parts.line(list(hames[8:14]), 0.014 * k, metal, TACK_ID)


def _add_vehicle(
    rng: np.random.Generator, props: Props, parts: Parts, horse: HorseInScene, kind: str, leather: np.ndarray,
    *, is_collar: bool,
) -> np.ndarray:  # fmt: skip
    """Put a sulky or a cart behind the horse, with shafts, traces and a driver.

    Returns:
        [2, 3] the driver's hands, left and right.
    """
    k = horse.body.shape.withers_height_m / 1.6
    flank = trunk_points(horse, np.array([-0.5, -0.5, 0.2, 0.2, 0.84]), np.radians([88.0, -88.0, 90.0, -90.0, 60.0]))
    rear = trunk_points(horse, np.array([0.86]), np.array([0.0]))[0]
    tail = trunk_points(horse, np.array([-0.28]), np.array([0.0]))[0]
    forward = tail - rear
    forward[2] = 0.0
    forward /= np.linalg.norm(forward)
    left = np.array([-forward[1], forward[0], 0.0])
    half = 0.5 * float((flank[0] - flank[1]) @ left)
    half = max(half, 0.5 * float((flank[2] - flank[3]) @ left)) + 0.06 * k
    middle = 0.5 * (flank[0] + flank[1])
    sulky = kind == "sulky"
    radius = (0.36 if sulky else rng.uniform(0.5, 0.68)) * (0.25 + 0.75 * k)
    track = half + (0.22 if sulky else 0.3) * (0.5 + 0.5 * k)
    axle = rear - forward * ((0.75 if sulky else 0.95) * k)
    axle[2] = radius
    paint = random_colour(rng)
    iron = linear((60, 60, 62)) if rng.random() < 0.5 else paint
    for sign in (1.0, -1.0):
        hub = axle + left * sign * track
        _add_wheel(props, parts, hub, forward, left, radius, paint, 16 if sulky else 12)
        tip = np.array([*(axle + forward * ((middle - axle) @ forward + 0.1 * k))[:2], middle[2] - 0.06 * k])
        tip = tip + left * (sign * half + (middle - axle) @ left)
        elbow = axle + forward * 0.35 * k + left * sign * half
        elbow[2] = max(radius, 0.62 * middle[2])
        shaft = [tip, 0.5 * (tip + elbow) + 0.02 * _UP, elbow, axle + left * sign * half * 0.9]
        parts.line(shaft, 0.018 if sulky else 0.028, paint if not sulky else iron, round=True)
        start = flank[0 if sign > 0 else 1] + left * sign * 0.02
        parts.line([start, 0.5 * (start + elbow) + left * sign * 0.03, elbow - 0.1 * _UP], 0.012, leather)
        holder = trunk_points(horse, np.array([-0.28]), np.array([sign * np.radians(70.0)]))[0]
        on_shaft = tip + (elbow - tip) * float(np.clip((tip - holder) @ forward / ((tip - elbow) @ forward), 0.05, 0.9))
        parts.line([holder, on_shaft], 0.01, leather)
    parts.rod(axle - left * track, axle + left * track, 0.02, 0.02, iron, TACK_ID)
    person = sample_person(rng, "racing" if sulky else "casual", float(np.clip(rng.normal(1.71, 0.09), 1.5, 1.9)))
    if sulky:
        seat = axle - forward * 0.02 + 0.36 * _UP
        parts.rod(axle, seat - 0.03 * _UP, 0.02, 0.02, iron, TACK_ID)
        parts.ball(seat - 0.02 * _UP, np.stack([forward * 0.2, left * 0.17, _UP * 0.05], -1), leather, TACK_ID)
        rest = 0.5 * (elbow[2] + radius) - 0.05
        feet = [axle + forward * 0.78 + left * s * half * 0.75 for s in (1.0, -1.0)]
    else:
        floor = 1.1 * radius
        box_axes = np.stack([forward * 0.5, left * (track - 0.1), _UP * 0.03], -1)
        bed = np.array([*axle[:2], floor])
        props.add("box", box_axes, bed, paint, TACK_ID, "planks", 1.5, 0.5)
        for direction, away, size in ((forward, 0.5, 0.2), (forward, -0.5, 0.2)):
            panel = np.stack([direction * 0.02, left * (track - 0.1), _UP * size], -1)
            props.add("box", panel, bed + direction * away + _UP * size, paint, TACK_ID, "planks", 1.5, 0.5)
        for sign in (1.0, -1.0):
            panel = np.stack([forward * 0.5, left * 0.015, _UP * 0.16], -1)
            props.add("box", panel, bed + left * sign * (track - 0.1) + _UP * 0.16, paint, TACK_ID, "planks", 1.5, 0.5)
        seat = bed + 0.45 * _UP - forward * 0.08
        bench = np.stack([forward * 0.18, left * (track - 0.12), _UP * 0.03], -1)
        props.add("box", bench, seat - 0.03 * _UP, leather, TACK_ID)
        rest = floor + 0.05
        feet = [bed + forward * 0.38 + left * s * 0.14 for s in (1.0, -1.0)]
    for foot in feet:
        foot[2] = rest
    return _add_driver(rng, parts, person, seat, forward, left, feet, reach=0.36 if sulky else 0.2)


def _add_wheel(
    props: Props, parts: Parts, hub: np.ndarray, forward: np.ndarray, left: np.ndarray, radius: float,
    rgb: np.ndarray, n_spokes: int,
) -> None:  # fmt: skip
    r = radius / 1.125  # the ring is an eighth thicker than its radius
    props.add("ring", np.stack([forward * r, _UP * r, left * 0.3 * r], -1), hub, rgb * 0.6, TACK_ID)
    for angle in np.linspace(0, np.pi, n_spokes // 2, endpoint=False) + 0.13:
        spoke = (forward * np.cos(angle) + _UP * np.sin(angle)) * r
        parts.rod(hub - spoke, hub + spoke, 0.009, 0.009, rgb, TACK_ID, ends="")
    parts.rod(hub - left * 0.07, hub + left * 0.07, 0.04, 0.04, rgb, TACK_ID)


def _add_driver(
    rng: np.random.Generator, parts: Parts, person: Person, seat: np.ndarray, forward: np.ndarray, left: np.ndarray,
    feet: list[np.ndarray], reach: float,
) -> np.ndarray:  # fmt: skip
    """Sit somebody on a seat with the feet where they are asked to be; return the hands, [2, 3]."""
    h = person.height_m
    pelvis = seat + 0.075 * h * _UP
    lean = rng.uniform(-0.25, 0.15)
    spine = _UP * np.cos(lean) + forward * np.sin(lean)
    chest = pelvis + spine * TRUNK * h
    hip, knee, ankle, toe, shoulder, elbow, hand = np.empty((7, 2, 3))
    for i, sign in enumerate((1.0, -1.0)):
        hip[i] = pelvis + left * sign * HIP_HALF * 1.2 * h
        knee[i], ankle[i] = bend(hip[i], feet[i], person.thigh_m, person.shank_m, _UP + 0.2 * sign * left)
        toe[i] = ankle[i] + (forward * 0.75 + _UP * 0.55) * 0.115 * h
        shoulder[i] = chest + left * sign * SHOULDER_HALF * h
        wish = pelvis + forward * (reach * h) + _UP * 0.16 * h + left * sign * 0.06 * h
        elbow[i], hand[i] = bend(
            shoulder[i], wish, UPPER_ARM * h, FOREARM * h, -forward * 0.5 - _UP + 0.4 * sign * left
        )
    head = chest + (0.5 * spine + 0.5 * _UP) * 0.108 * h + forward * 0.012 * h
    draw_person(
        parts, person,
        Pose(pelvis, chest, head, hip, knee, ankle, toe, shoulder, elbow, hand, left, forward),
    )  # fmt: skip
    return hand
