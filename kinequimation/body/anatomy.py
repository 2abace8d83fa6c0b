"""The flesh of the template horse: round cones around the bones, in the Rigify rest pose.

Everything is in metres in the world of ``skeleton.REST_HEAD_XYZ`` (the horse faces −Y, left is +X). A cone may be
flattened sideways. The left side is written down; the right one is its mirror image. The sizes are judgement,
checked against the proportions in sources, F2 (chest depth 0.42–0.47 of the height, elbow 0.52–0.58 from
the ground, head 0.36–0.40) and against pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Cone:
    """A round cone from ``a`` to ``b``.

    Attributes:
        a, b: end points, metres.
        ra, rb: radii at the ends, metres.
        bones: names of the bones that carry its skin; each point follows the nearest of them.
        flat: half-width over half-height: 1 is round, below 1 is narrower from side to side.
        blend: distance over which it melts into what was there before, metres.
        material: a name of ``body.MATERIALS``.
    """

    a: Point
    b: Point
    ra: float
    rb: float
    bones: tuple[str, ...]
    flat: float = 1.0
    blend: float = 0.03
    material: str = "coat"


def _mirrored(cone: Cone) -> Cone:
    def flip(p: Point) -> Point:
        return (-p[0], p[1], p[2])

    def other(name: str) -> str:
        return re.sub(r"\.L(?=\.|$)", ".R", name)

    return replace(cone, a=flip(cone.a), b=flip(cone.b), bones=tuple(other(b) for b in cone.bones))


def _chain(points: list[tuple[Point, float]], bones: tuple[str, ...], **options) -> list[Cone]:
    return [Cone(a, b, ra, rb, bones, **options) for (a, ra), (b, rb) in pairwise(points)]


def _trunk() -> list[Cone]:
    spine = tuple(f"DEF-spine.00{i}" for i in range(1, 7))
    front, middle, rear = spine[3:], spine[1:5], spine[:3]
    return [
        Cone((0, -0.50, 1.21), (0, -0.30, 1.205), 0.30, 0.325, front, 0.74, 0.06),
        Cone((0, -0.30, 1.205), (0, 0.02, 1.205), 0.325, 0.315, middle, 0.90, 0.08),
        Cone((0, 0.02, 1.205), (0, 0.32, 1.265), 0.315, 0.265, middle, 0.97, 0.08),
        Cone((0, 0.30, 1.28), (0, 0.56, 1.36), 0.265, 0.225, rear, 1.02, 0.08),
        Cone((0, 0.54, 1.38), (0, 0.82, 1.34), 0.205, 0.115, ("DEF-spine.001",), 1.05, 0.08),
        # withers, and the ridge of the back muscles behind them
        Cone((0, -0.56, 1.50), (0, -0.40, 1.525), 0.11, 0.105, front, 0.55, 0.07),
        Cone((0, -0.40, 1.525), (0, -0.12, 1.44), 0.10, 0.09, front, 0.75, 0.08),
        # point of hip (tuber coxae)
        Cone((0.19, 0.42, 1.46), (0.17, 0.50, 1.47), 0.045, 0.06, ("DEF-pelvis.L", "DEF-spine.001"), 1, 0.07),
        Cone((-0.19, 0.42, 1.46), (-0.17, 0.50, 1.47), 0.045, 0.06, ("DEF-pelvis.R", "DEF-spine.001"), 1, 0.07),
        # breast between the points of the shoulders
        Cone((0, -0.58, 1.24), (0, -0.69, 1.17), 0.20, 0.12, ("DEF-spine.006",), 0.85, 0.06),
        Cone((0, -0.64, 1.05), (0, -0.40, 0.98), 0.13, 0.13, ("DEF-spine.006", "DEF-spine.005"), 0.9, 0.06),
    ]


def _neck() -> list[Cone]:
    points = [
        ((0.0, -0.58, 1.36), 0.245),
        ((0.0, -0.76, 1.405), 0.215),
        ((0.0, -0.905, 1.545), 0.165),
        ((0.0, -1.035, 1.675), 0.135),
        ((0.0, -1.16, 1.735), 0.115),
        ((0.0, -1.27, 1.745), 0.10),
    ]
    bones = [
        ("DEF-spine.006", "DEF-neck.001"),
        ("DEF-neck.001",),
        ("DEF-neck.002",),
        ("DEF-neck.003",),
        ("DEF-neck.004", "DEF-head"),
    ]
    flats = [0.62, 0.56, 0.55, 0.56, 0.62]
    crest = ("DEF-spine.006", "DEF-neck.001", "DEF-neck.002")
    return [
        *_chain([((0, -0.46, 1.545), 0.09), ((0, -0.78, 1.60), 0.095), ((0, -0.98, 1.735), 0.07)], crest, flat=0.5),
        *(
            Cone(a, b, ra, rb, bone, flat, 0.06)
            for ((a, ra), (b, rb)), bone, flat in zip(pairwise(points), bones, flats, strict=True)
        ),
    ]


def _head() -> list[Cone]:
    head = ("DEF-head",)
    return [
        Cone((0, -1.30, 1.765), (0, -1.43, 1.675), 0.085, 0.095, head, 0.90, 0.03),
        Cone((0, -1.43, 1.665), (0, -1.585, 1.455), 0.090, 0.058, head, 0.72, 0.03),
        Cone((0, -1.345, 1.635), (0, -1.415, 1.575), 0.095, 0.085, (*head, "DEF-jaw"), 0.62, 0.03),
        Cone((0, -1.41, 1.545), (0, -1.545, 1.395), 0.055, 0.036, ("DEF-jaw", "DEF-jaw.001"), 0.75, 0.03),
        Cone((0, -1.585, 1.445), (0, -1.615, 1.385), 0.062, 0.055, head, 0.85, 0.025, "muzzle"),
        Cone((0, -1.56, 1.375), (0, -1.575, 1.36), 0.034, 0.032, ("DEF-jaw.001",), 0.9, 0.015, "muzzle"),
        Cone((0.034, -1.625, 1.425), (0.036, -1.64, 1.39), 0.026, 0.027, head, 1, 0.015, "muzzle"),
        Cone((-0.034, -1.625, 1.425), (-0.036, -1.64, 1.39), 0.026, 0.027, head, 1, 0.015, "muzzle"),
    ]


def _head_sides() -> list[Cone]:
    ear = ("DEF-ear.L", "DEF-ear.L.001")
    return [
        # cheek, brow, eye
        Cone((0.052, -1.37, 1.61), (0.05, -1.42, 1.575), 0.055, 0.045, ("DEF-head",), 0.6, 0.03),
        Cone((0.062, -1.425, 1.755), (0.068, -1.475, 1.715), 0.030, 0.028, ("DEF-head",), 1, 0.02),
        Cone((0.078, -1.4585, 1.7325), (0.079, -1.463, 1.727), 0.022, 0.022, ("DEF-head",), 1, 0.003, "eye"),
        # facial crest
        Cone((0.058, -1.47, 1.665), (0.04, -1.54, 1.56), 0.024, 0.018, ("DEF-head",), 1, 0.03),
        *_chain(
            [
                ((0.060, -1.352, 1.835), 0.030),
                ((0.085, -1.385, 1.905), 0.036),
                ((0.107, -1.413, 1.957), 0.027),
                ((0.124, -1.434, 1.995), 0.008),
            ],
            ear,
            flat=0.75,
            blend=0.012,
        ),
    ]


def _fore_limb() -> list[Cone]:
    x = 0.164
    arm = ("DEF-upper_arm.L", "DEF-upper_arm.L.001")
    forearm = ("DEF-forearm.L", "DEF-forearm.L.001")
    cannon = ("DEF-forefoot.L", "DEF-forefoot.L.001")
    pastern, hoof = ("DEF-f_toe.L",), ("DEF-f_hoof.L",)
    return [
        Cone((0.085, -0.49, 1.48), (0.135, -0.66, 1.20), 0.085, 0.115, ("DEF-shoulder.L",), 0.75, 0.07),
        Cone((0.14, -0.67, 1.18), (0.148, -0.57, 0.95), 0.115, 0.105, arm, 0.72, 0.06),
        Cone((0.12, -0.42, 1.30), (0.150, -0.47, 0.96), 0.115, 0.085, ("DEF-shoulder.L", *arm), 0.65, 0.06),
        Cone((0.155, -0.55, 0.93), (x, -0.545, 0.76), 0.095, 0.082, (arm[1], *forearm), 0.80, 0.04),
        Cone((0.160, -0.465, 0.90), (0.160, -0.475, 0.86), 0.042, 0.036, forearm[:1], 0.9, 0.04),
        Cone((x, -0.545, 0.76), (x, -0.545, 0.56), 0.080, 0.050, forearm, 0.82, 0.03),
        Cone((x, -0.543, 0.56), (x, -0.543, 0.50), 0.049, 0.050, forearm, 0.95, 0.02),
        Cone((x, -0.546, 0.497), (x, -0.543, 0.445), 0.052, 0.047, (forearm[1], cannon[0]), 0.97, 0.015),
        Cone((x, -0.508, 0.475), (x, -0.510, 0.455), 0.032, 0.028, cannon[:1], 0.9, 0.02),
        Cone((x, -0.540, 0.44), (x, -0.524, 0.245), 0.036, 0.034, cannon, 0.95, 0.015),
        Cone((x, -0.507, 0.44), (x, -0.492, 0.245), 0.026, 0.026, cannon, 0.85, 0.015),
        Cone((x, -0.515, 0.225), (x, -0.520, 0.205), 0.044, 0.041, (cannon[1], *pastern), 0.98, 0.015),
        Cone((x, -0.487, 0.212), (x, -0.492, 0.195), 0.027, 0.022, pastern, 0.9, 0.015),
        Cone((x, -0.525, 0.195), (x, -0.563, 0.115), 0.037, 0.042, pastern, 1.0, 0.015),
        Cone((x, -0.570, 0.088), (x, -0.582, 0.0), 0.049, 0.063, hoof, 0.97, 0.005, "hoof"),
    ]


def _hind_limb() -> list[Cone]:
    x = 0.193
    thigh = ("DEF-thigh.L", "DEF-thigh.L.001")
    gaskin = ("DEF-lower_leg.L", "DEF-lower_leg.L.001")
    cannon = ("DEF-hind_foot.L", "DEF-hind_foot.L.001")
    pastern, hoof = ("DEF-r_toe.L",), ("DEF-r_hoof.L",)
    pelvis = ("DEF-pelvis.L", "DEF-thigh.L", "DEF-spine.001")
    return [
        Cone((0.125, 0.60, 1.38), (0.155, 0.585, 1.14), 0.20, 0.155, (*pelvis, *thigh), 0.72, 0.07),
        Cone((0.155, 0.585, 1.14), (0.182, 0.560, 1.03), 0.15, 0.095, thigh, 0.66, 0.05),
        Cone((0.095, 0.80, 1.36), (0.135, 0.775, 1.12), 0.115, 0.105, pelvis, 0.85, 0.06),
        Cone((0.135, 0.775, 1.14), (0.178, 0.705, 0.93), 0.105, 0.070, (*thigh, gaskin[0]), 0.72, 0.06),
        Cone((0.15, 0.45, 1.17), (0.18, 0.525, 1.05), 0.09, 0.07, thigh, 0.55, 0.06),
        Cone((0.182, 0.575, 1.02), (x, 0.655, 0.83), 0.090, 0.066, gaskin, 0.72, 0.04),
        Cone((0.187, 0.665, 0.94), (x, 0.71, 0.80), 0.082, 0.052, gaskin, 0.62, 0.04),
        Cone((x, 0.655, 0.83), (x, 0.748, 0.655), 0.064, 0.046, gaskin, 0.82, 0.03),
        Cone((x, 0.735, 0.79), (x, 0.800, 0.665), 0.030, 0.022, gaskin, 0.8, 0.025),
        Cone((x, 0.800, 0.672), (x, 0.800, 0.610), 0.026, 0.026, cannon[:1], 0.85, 0.02),
        Cone((x, 0.755, 0.645), (x, 0.762, 0.570), 0.052, 0.046, (gaskin[1], cannon[0]), 0.92, 0.015),
        Cone((x, 0.757, 0.57), (x, 0.702, 0.225), 0.039, 0.035, cannon, 0.92, 0.015),
        Cone((x, 0.789, 0.58), (x, 0.730, 0.230), 0.027, 0.027, cannon, 0.85, 0.015),
        Cone((x, 0.694, 0.210), (x, 0.688, 0.188), 0.044, 0.041, (cannon[1], *pastern), 0.98, 0.015),
        Cone((x, 0.724, 0.200), (x, 0.718, 0.182), 0.027, 0.022, pastern, 0.9, 0.015),
        Cone((x, 0.683, 0.180), (x, 0.645, 0.118), 0.037, 0.042, pastern, 1.0, 0.015),
        Cone((x, 0.640, 0.092), (x, 0.645, 0.0), 0.048, 0.060, hoof, 0.95, 0.005, "hoof"),
    ]


def _tail() -> list[Cone]:
    points: list[tuple[Point, float]] = [
        ((0, 0.875, 1.445), 0.047),
        ((0, 1.00, 1.440), 0.055),
        ((0, 1.142, 1.312), 0.080),
        ((0, 1.378, 1.158), 0.100),
        ((0, 1.575, 1.109), 0.095),
        ((0, 1.76, 1.115), 0.035),
    ]
    return [
        Cone(a, b, ra, rb, (f"DEF-tail.00{i}",), 0.7, 0.02, "tail")
        for i, ((a, ra), (b, rb)) in enumerate(pairwise(points), start=1)
    ]


def _mane() -> list[Cone]:
    """Return the crest's ridge of hair, the locks that fall to the right, and the forelock."""
    crest: list[Point] = [
        (0, -0.58, 1.632), (0, -0.68, 1.660), (0, -0.78, 1.705), (0, -0.87, 1.748),
        (0, -0.96, 1.790), (0, -1.05, 1.820), (0, -1.14, 1.842), (0, -1.23, 1.848), (0, -1.30, 1.842),
    ]  # fmt: skip
    base = ("05", "05", "04", "04", "03", "03", "02", "01", "01")
    locks: list[Cone] = []
    for i, (point, number) in enumerate(zip(crest, base, strict=True)):
        if i + 1 < len(crest):
            following = crest[i + 1]
            roots = (f"DEF-mane_base.{number}", f"DEF-mane_base.{base[i + 1]}")
            locks.append(Cone(point, following, 0.030, 0.030, roots, 0.8, 0.008, "mane"))
            middle = tuple((p + q) / 2 for p, q in zip(point, following, strict=True))
            for start in (point, middle):
                fall = 0.20 - 0.012 * i
                side = (-0.095 + 0.003 * i, start[1] + 0.035, start[2] - 0.085)
                end = (-0.125 + 0.006 * i, start[1] + 0.05, start[2] - fall)
                hair = (f"DEF-mane_base.{number}", f"DEF-mane_top.{number}")
                locks.append(Cone((start[0], start[1], start[2]), side, 0.028, 0.030, hair, 1, 0.005, "mane"))
                locks.append(Cone(side, end, 0.030, 0.016, hair, 1, 0.005, "mane"))
    forelock = ("DEF-mane_base.06", "DEF-mane_top.06")
    locks.append(Cone((0, -1.32, 1.85), (0.005, -1.41, 1.80), 0.032, 0.030, forelock, 1, 0.005, "mane"))
    locks.append(Cone((0.005, -1.41, 1.80), (0.01, -1.485, 1.70), 0.030, 0.014, forelock, 1, 0.005, "mane"))
    return locks


def cones() -> list[Cone]:
    """Return all cones of the template, in the order in which they are melted together."""
    sided = [*_fore_limb(), *_hind_limb(), *_head_sides()]
    return [*_trunk(), *_neck(), *_head(), *sided, *(_mirrored(c) for c in sided), *_tail(), *_mane()]


LANDMARK_ANCHORS: dict[str, Point] = {
    "nose": (0.0, -1.672, 1.405),
    "chin": (0.0, -1.575, 1.325),
    "eye.L": (0.101, -1.462, 1.728),
    "ear_tip.L": (0.127, -1.438, 2.004),
    "poll": (0.0, -1.325, 1.885),
    "withers": (0.0, -0.44, 1.640),
    "neck_base": (0.0, -0.85, 1.27),
    "back": (0.0, 0.02, 1.52),
    "croup": (0.0, 0.50, 1.60),
    "tail_base": (0.0, 0.885, 1.50),
    "tail_end": (0.0, 1.80, 1.115),
    "point_of_shoulder.L": (0.175, -0.79, 1.165),
    "elbow.L": (0.195, -0.445, 0.875),
    "girth": (0.0, -0.36, 0.86),
    "carpus.L": (0.164, -0.598, 0.48),
    "fore_fetlock.L": (0.208, -0.512, 0.218),
    "fore_toe.L": (0.164, -0.645, 0.004),
    "point_of_hip.L": (0.235, 0.42, 1.475),
    "ischium": (0.0, 0.90, 1.30),
    "stifle.L": (0.215, 0.468, 1.02),
    "hock.L": (0.193, 0.828, 0.665),
    "hind_fetlock.L": (0.238, 0.690, 0.200),
    "hind_toe.L": (0.193, 0.585, 0.004),
}
"""Where each landmark is looked for: the nearest point of the skin. The right ones are mirror images."""


def landmark_anchor(name: str) -> np.ndarray:
    """Return the [3] point near which a landmark lies on the template's skin."""
    if name in LANDMARK_ANCHORS:
        return np.array(LANDMARK_ANCHORS[name])
    return np.array(LANDMARK_ANCHORS[name.replace(".R", ".L")]) * [-1.0, 1.0, 1.0]
