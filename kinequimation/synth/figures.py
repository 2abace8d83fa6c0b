"""People: their proportions and clothes, and how a body is drawn from its joints; somebody standing or walking.

Lengths are shares of the standing height after Drillis and Contini (1966); girths are judgement. A person is about
fifty rods and balls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp
from typing import TYPE_CHECKING, Literal

import numpy as np

from kinequimation.synth.coat import linear, random_colour
from kinequimation.synth.parts import Parts

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.synth.meshes import Props

THIGH, SHANK, UPPER_ARM, FOREARM = 0.245, 0.246, 0.186, 0.16
"""Lengths of the limbs' parts; the forearm reaches to the middle of the closed hand."""
HIP_HEIGHT, TRUNK, HIP_HALF, SHOULDER_HALF, FOOT = 0.53, 0.285, 0.052, 0.106, 0.152
"""Hip joint over the ground, hip joints to shoulder joints, half distances between them, length of the foot."""
Headgear = Literal["helmet", "hat", "cap", "top hat", "none"]
_SKIN = ((240, 200, 172), (225, 176, 144), (198, 148, 112), (150, 105, 75), (92, 62, 46))
_HAIR = ((30, 24, 22), (62, 42, 30), (110, 74, 44), (176, 138, 86), (120, 116, 112))


@dataclass(frozen=True)
class Person:
    """What somebody looks like.

    Attributes:
        height_m: standing height, without shoes.
        build: factor on all girths.
        leg: factor on the legs' length.
        is_child: has a child's large head.
        colours: linear rgb by part: skin, hair, top, sleeves, trousers, boots, shoes, gloves, head, vest.
        headgear: what is on the head.
        hair: ``short``, ``tail``, ``bun`` or ``long``.
        tall_boots: are the shanks in boots?
        jacket: 0 none, 1 short jacket, 2 tails.
        vest, bib, skirted: wears a safety vest; a number on the back; a long coat.
    """

    height_m: float
    build: float = 1.0
    leg: float = 1.0
    is_child: bool = False
    colours: dict[str, np.ndarray] = field(default_factory=dict)
    headgear: Headgear = "helmet"
    hair: str = "short"
    tall_boots: bool = True
    jacket: int = 1
    vest: bool = False
    bib: bool = False
    skirted: bool = False

    @property
    def thigh_m(self) -> float:
        """Length from hip to knee."""
        return THIGH * self.leg * self.height_m

    @property
    def shank_m(self) -> float:
        """Length from knee to ankle."""
        return SHANK * self.leg * self.height_m


def _dye(rng: np.random.Generator, rgb: tuple[int, int, int], spread: float = 0.2) -> np.ndarray:
    factor = exp(rng.normal(0, spread)) / 255
    return np.array([min(v * factor, 1.0) ** 2.2 for v in rgb])  # as coat.linear, without its array's overhead


def sample_person(rng: np.random.Generator, dress: str = "casual", height_m: float | None = None) -> Person:
    """Draw somebody.

    Args:
        rng: source of randomness.
        dress: ``casual``, or what a rider wears: ``dressage``, ``jumping``, ``western``, ``racing``, ``leisure``.
        height_m: standing height; drawn from 1.45 to 1.95 m if not given.
    """
    height = float(np.clip(rng.normal(1.71, 0.1), 1.45, 1.95)) if height_m is None else height_m
    black, white, beige = _dye(rng, (28, 27, 30)), _dye(rng, (236, 234, 228), 0.05), _dye(rng, (206, 190, 158), 0.1)
    jeans, brown = _dye(rng, (56, 74, 112)), _dye(rng, (92, 60, 38))
    c = {
        "skin": _dye(rng, _SKIN[rng.integers(len(_SKIN))], 0.08),
        "hair": _dye(rng, _HAIR[rng.integers(len(_HAIR))]),
        "top": random_colour(rng),
        "trousers": (black, beige, jeans, random_colour(rng))[rng.integers(4)],
        "boots": black if rng.random() < 0.7 else brown,
        "head": black if rng.random() < 0.65 else random_colour(rng),
        "vest": (black, random_colour(rng), _dye(rng, (235, 205, 40)))[rng.integers(3)],
    }
    c["gloves"] = (c["skin"], black, white)[rng.choice(3, p=[0.4, 0.45, 0.15])]
    c["sleeves"] = c["top"] if rng.random() < 0.75 else (c["skin"] if rng.random() < 0.5 else random_colour(rng))
    headgear: Headgear = "helmet"
    hair = ("short", "tail", "bun", "long")[rng.choice(4, p=[0.42, 0.3, 0.18, 0.1])]
    tall, jacket, vest, bib, skirted = rng.random() < 0.65, int(rng.random() < 0.5), rng.random() < 0.15, False, False
    if dress == "dressage":
        c["top"] = c["sleeves"] = (black, _dye(rng, (28, 34, 62)), random_colour(rng))[rng.choice(3, p=[0.5, 0.3, 0.2])]
        c["trousers"], c["gloves"] = (white, beige)[int(rng.random() < 0.3)], white if rng.random() < 0.7 else black
        tall, jacket = True, 2 if rng.random() < 0.4 else 1
        headgear = "helmet" if rng.random() < 0.75 else "top hat"
    elif dress == "jumping":
        c["trousers"] = (white, beige, c["trousers"])[rng.integers(3)]
        tall, jacket, bib = rng.random() < 0.85, 1, rng.random() < 0.3
        vest = rng.random() < 0.25
    elif dress == "western":
        c["trousers"], c["boots"] = (jeans if rng.random() < 0.7 else brown), brown
        tall, jacket = False, 0
        headgear = ("hat", "helmet", "cap", "none")[rng.choice(4, p=[0.75, 0.1, 0.08, 0.07])]
        c["head"] = (brown, beige, black, white)[rng.integers(4)]
    elif dress == "racing":
        c["trousers"], c["boots"], tall, jacket, vest = white, black, True, 0, rng.random() < 0.3
        c["top"], c["sleeves"], c["head"] = random_colour(rng), random_colour(rng), random_colour(rng)
    elif dress == "leisure":
        headgear = ("helmet", "none", "cap", "hat")[rng.choice(4, p=[0.68, 0.2, 0.07, 0.05])]
        skirted = rng.random() < 0.06
    else:
        headgear = ("none", "helmet", "cap", "hat")[rng.choice(4, p=[0.6, 0.12, 0.18, 0.1])]
        tall, skirted = rng.random() < 0.25, rng.random() < 0.08
    return Person(
        height_m=height,
        build=float(np.clip(np.exp(rng.normal(0.0 if dress != "racing" else -0.12, 0.11)), 0.78, 1.35)),
        leg=float(rng.uniform(0.96, 1.05)),
        is_child=height < 1.45,
        colours=c,
        headgear=headgear,
        hair=hair,
        tall_boots=tall,
        jacket=jacket,
        vest=vest,
        bib=bib,
        skirted=skirted,
    )


@dataclass(frozen=True)
class Pose:
    """Where a person's joints are in the world; pairs are left, right.

    Attributes:
        pelvis, chest, head: [3] middle between the hips, between the shoulders, and of the head.
        hip, knee, ankle, toe, shoulder, elbow, hand: [2, 3].
        side: [3] unit vector to the person's left, of the pelvis.
        face: [3] unit vector where the head looks.
    """

    pelvis: Float[np.ndarray, " 3"]
    chest: Float[np.ndarray, " 3"]
    head: Float[np.ndarray, " 3"]
    hip: Float[np.ndarray, "2 3"]
    knee: Float[np.ndarray, "2 3"]
    ankle: Float[np.ndarray, "2 3"]
    toe: Float[np.ndarray, "2 3"]
    shoulder: Float[np.ndarray, "2 3"]
    elbow: Float[np.ndarray, "2 3"]
    hand: Float[np.ndarray, "2 3"]
    side: Float[np.ndarray, " 3"]
    face: Float[np.ndarray, " 3"]
    thigh: Float[np.ndarray, "2 3"] | None = None


def bend(a: np.ndarray, b: np.ndarray, first: float, second: float, pole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle joint of a limb from ``a`` to ``b``, bending towards ``pole``, and where its end gets to."""
    along = b - a
    distance = float(np.sqrt(along @ along)) + 1e-9
    along = along / distance
    reach = float(np.clip(distance, abs(first - second) + 0.01 * first, 0.995 * (first + second)))
    share = (first**2 - second**2 + reach**2) / (2 * reach)
    out = pole - (pole @ along) * along
    out /= np.sqrt(out @ out) + 1e-9
    return a + along * share + out * np.sqrt(max(first**2 - share**2, 0.0)), a + along * reach


def draw_person(parts: Parts, person: Person, pose: Pose) -> None:
    """Add the rods and balls of a person."""
    h, c, b = person.height_m, person.colours, person.build
    side = pose.side
    up = (pose.chest - pose.pelvis) / np.linalg.norm(pose.chest - pose.pelvis)
    front = _cross(side, up)
    _draw_legs(parts, person, pose)
    # trunk: pelvis, waist and chest, wider than deep
    top = c["top"]
    waist = pose.pelvis + 0.42 * (pose.chest - pose.pelvis)
    belly = waist + front * 0.012 * h * b
    seat = pose.pelvis - front * 0.012 * h
    parts.ball(seat, np.stack([side * 0.098, front * 0.074, up * 0.075], -1) * h * b, c["trousers"])
    parts.rod(pose.pelvis + up * 0.03 * h, belly, 0.091 * h * b, 0.083 * h * b, top, flat=0.70, side=side, ends="b")
    parts.rod(belly, pose.chest - up * 0.035 * h, 0.083 * h * b, 0.099 * h * b, top, flat=0.70, side=side)
    nape = pose.chest + 0.28 * (pose.head - pose.chest)
    for shoulder in pose.shoulder:  # the slope from the neck to the shoulders
        parts.rod(nape, shoulder - up * 0.012 * h, 0.036 * h, 0.034 * h * b, top, ends="a")
    if person.vest:
        parts.rod(belly, pose.chest - up * 0.05 * h, 0.094 * h * b, 0.105 * h * b, c["vest"], flat=0.78, side=side)
    if person.bib:
        plate = np.stack([side * 0.055 * h, front * 0.004, up * 0.05 * h], -1)
        parts.ball(pose.chest - up * 0.07 * h - front * (0.075 * h * b), plate, linear((236, 236, 232)))
    if person.jacket == 2:  # tails over the saddle
        for sign in (1.0, -1.0):
            root = seat + side * sign * 0.04 * h - front * 0.045 * h + up * 0.03 * h
            end = root - front * 0.075 * h - up * 0.10 * h + side * sign * 0.015 * h
            parts.rod(root, end, 0.042 * h, 0.036 * h, top, flat=0.3, side=side)
    elif person.jacket == 1:
        hem = pose.pelvis - up * 0.028 * h - front * 0.006 * h
        folded = min(max(1 + float(up @ _unit(pose.knee.mean(0) - pose.hip.mean(0))), 0.0), 1.0)
        parts.rod(belly, hem, 0.084 * h * b, (0.118 - 0.016 * folded) * h * b, top, flat=0.88, side=side, ends="")
    for i in range(2):
        elbow, wrist = pose.elbow[i], pose.hand[i] + 0.12 * (pose.elbow[i] - pose.hand[i])
        parts.rod(pose.shoulder[i] - up * 0.014 * h, elbow, 0.033 * h * b, 0.026 * h * b, c["sleeves"])
        parts.rod(elbow, wrist, 0.026 * h * b, 0.018 * h * b, c["sleeves"], ends="")
        reach = (pose.hand[i] - elbow) / (np.linalg.norm(pose.hand[i] - elbow) + 1e-9)
        across = _unit(side - (side @ reach) * reach)
        fist = np.stack([across * 0.019, _cross(reach, across) * 0.027, reach * 0.036], -1) * h
        parts.ball(pose.hand[i], fist, c["gloves"])
    _draw_head(parts, person, pose)


def _draw_legs(parts: Parts, person: Person, pose: Pose) -> None:
    h, c, b = person.height_m, person.colours, person.build
    for i in range(2):
        hip, knee, ankle, toe = pose.hip[i], pose.knee[i], pose.ankle[i], pose.toe[i]
        middle = pose.thigh[i] if pose.thigh is not None else 0.5 * (hip + knee)
        parts.rod(hip, middle, 0.062 * h * b, 0.052 * h * b, c["trousers"])
        parts.rod(middle, knee, 0.052 * h * b, 0.036 * h * b, c["trousers"], ends="b")
        shank = c["boots"] if person.tall_boots else c["trousers"]
        calf = knee + 0.32 * (ankle - knee)
        back = _unit(_cross(pose.side, _unit(knee - ankle))) * -0.008 * h
        top_of_boot = knee + (0.1 if person.tall_boots else 0.0) * (ankle - knee)
        parts.rod(knee, top_of_boot, 0.036 * h * b, 0.034 * h * b, c["trousers"], ends="")
        parts.rod(
            top_of_boot, calf + back, (0.038 if person.tall_boots else 0.034) * h * b, 0.038 * h * b, shank, ends="b"
        )
        parts.rod(calf + back, ankle, 0.037 * h * b, 0.024 * h, shank, ends="")
        heel = ankle - 0.25 * (toe - ankle) + 0.012 * h * _unit(ankle - knee)
        parts.rod(ankle, heel, 0.025 * h, 0.02 * h, c["boots"], ends="b")
        parts.rod(heel, toe, 0.021 * h, 0.017 * h, c["boots"], ends="b")
        parts.rod(ankle, toe, 0.026 * h, 0.016 * h, c["boots"], ends="a")
        if person.skirted:
            parts.rod(hip, middle + 0.3 * (knee - middle), 0.08 * h * b, 0.085 * h * b, c["top"])


def _draw_head(parts: Parts, person: Person, pose: Pose) -> None:
    h, c = person.height_m, person.colours
    s = h * (1.2 if person.is_child else 1.0)
    face = pose.face
    crown = _unit(pose.head - pose.chest)
    crown = _unit(crown - (crown @ face) * face)
    left = _cross(crown, face)
    frame = np.stack([left, face, crown], -1)

    def put(offset: tuple[float, float, float], size: tuple[float, float, float], rgb: np.ndarray) -> None:
        parts.ball(pose.head + frame @ (np.array(offset) * s), frame * (np.array(size) * s), rgb)

    neck = pose.chest + 0.5 * (pose.head - pose.chest)
    parts.rod(pose.chest + 0.1 * (pose.head - pose.chest), neck - 0.01 * s * face, 0.036 * h, 0.032 * h, c["skin"])
    put((0, 0, 0), (0.045, 0.056, 0.067), c["skin"])
    put((0, 0.020, -0.030), (0.034, 0.036, 0.038), c["skin"])  # jaw
    put((0, 0.055, -0.012), (0.007, 0.009, 0.013), c["skin"] * 0.95)  # nose
    covered = person.headgear != "none"
    put((0, -0.010, 0.0 if covered else 0.016), (0.049, 0.055, 0.052 if covered else 0.060), c["hair"])
    if person.hair == "tail":
        root, end = frame @ (np.array([0, -0.058, 0.0]) * s), frame @ (np.array([0.0, -0.085, -0.15]) * s)
        parts.rod(pose.head + root, pose.head + end, 0.018 * s, 0.010 * s, c["hair"])
    elif person.hair == "bun":
        put((0, -0.062, -0.012), (0.024, 0.022, 0.024), c["hair"])
    elif person.hair == "long":
        put((0, -0.035, -0.06), (0.055, 0.032, 0.085), c["hair"])
    if person.headgear == "helmet":
        put((0, -0.004, 0.030), (0.057, 0.072, 0.052), c["head"])
        put((0, 0.052, 0.024), (0.044, 0.046, 0.007), c["head"])
        for sign in (1.0, -1.0):
            put((sign * 0.043, 0.006, -0.03), (0.004, 0.006, 0.036), c["head"] * 0.5)
    elif person.headgear == "hat":
        put((0, -0.002, 0.052), (0.050, 0.060, 0.052), c["head"])
        put((0, 0.004, 0.034), (0.095, 0.118, 0.010), c["head"])
    elif person.headgear == "cap":
        put((0, -0.006, 0.028), (0.050, 0.060, 0.047), c["head"])
        put((0, 0.058, 0.026), (0.038, 0.046, 0.006), c["head"])
    elif person.headgear == "top hat":
        parts.rod(pose.head + crown * 0.035 * s, pose.head + crown * 0.125 * s, 0.052 * s, 0.056 * s, c["head"])
        put((0, 0, 0.038), (0.078, 0.094, 0.008), c["head"])


def _unit(v: np.ndarray) -> np.ndarray:
    return v / (np.sqrt(v @ v) + 1e-12)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # np.cross is slow on single vectors
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def add_person(
    props: Props,
    rng: np.random.Generator,
    feet_xy: np.ndarray,
    heading_rad: float,
    hold: np.ndarray | None = None,
    *,
    person: Person | None = None,
    walking: float | None = None,
    sag: float | None = None,
) -> None:
    """Add somebody on foot, standing or walking.

    Args:
        props: where to add.
        rng: source of randomness.
        feet_xy: where they stand, metres.
        heading_rad: where they face, from +x towards +y.
        hold: a point that the nearer hand reaches for, with a rope to it.
        person: who; somebody in everyday clothes if not given.
        walking: half the angle between the legs, radians; drawn if not given.
        sag: how far the rope hangs down, as a share of its length; drawn if not given.
    """
    if person is None:
        height = rng.uniform(1.05, 1.45) if rng.random() < 0.12 else None
        person = sample_person(rng, "casual", height)
    parts = Parts()
    h = person.height_m
    front = np.array([np.cos(heading_rad), np.sin(heading_rad), 0.0])
    side = np.array([-front[1], front[0], 0.0])
    up = np.array([0.0, 0.0, 1.0])
    if walking is None:
        walking = rng.uniform(0.15, 0.45) if rng.random() < 0.45 else 0.03
    sign_forward = rng.choice([-1.0, 1.0])
    lower = np.cos(walking) * (THIGH + SHANK) * person.leg * h
    pelvis = np.array([*feet_xy, lower + 0.042 * h])
    hip = np.stack([pelvis + side * s * HIP_HALF * h for s in (1.0, -1.0)])
    knee, ankle, toe = np.empty((3, 2, 3))
    spread = rng.uniform(0.9, 1.6)
    for i, s in enumerate((1.0, -1.0)):
        swing = np.tan(walking) * s * sign_forward * lower
        foot = np.array([*feet_xy, 0.042 * h]) + side * s * HIP_HALF * h * spread + front * swing
        foot += up * max(0.0, -s * sign_forward * walking) * 0.12 * h  # the heel behind comes up
        knee[i], ankle[i] = bend(hip[i], foot, person.thigh_m, person.shank_m, front + 0.15 * s * side)
        pitch = 0.9 * max(0.0, -s * sign_forward * walking) - 0.25 * max(0.0, s * sign_forward * walking)
        toe[i] = ankle[i] + (front * np.cos(pitch) - up * np.sin(pitch)) * 0.115 * h + side * s * 0.02 * h
        toe[i][2] = max(toe[i][2] - 0.022 * h, 0.018 * h)
    lean = rng.normal(0.03, 0.05) + 0.1 * walking
    spine = up * np.cos(lean) + front * np.sin(lean)
    chest = pelvis + spine * TRUNK * h
    twist = -0.4 * walking * sign_forward
    across = side * np.cos(twist) - front * np.sin(twist)
    shoulder = np.stack([chest + across * s * SHOULDER_HALF * h for s in (1.0, -1.0)])
    hand = np.empty((2, 3))
    held = -1
    if hold is not None:
        held = 0 if (hold - pelvis) @ side > 0 else 1
    gesture = rng.random()
    for i, s in enumerate((1.0, -1.0)):
        swing = -0.9 * walking * s * sign_forward + rng.normal(0.05, 0.06)
        if i == held and hold is not None:
            reach = hold - shoulder[i]
            hand[i] = shoulder[i] + reach * min(1.0, 0.3 * h / (np.linalg.norm(reach) + 1e-9)) - up * 0.05 * h
        elif gesture < 0.12:
            hand[i] = pelvis + front * 0.16 * h + up * (0.12 * h) + side * s * 0.03 * h  # folded in front
        elif gesture < 0.2:
            hand[i] = pelvis + side * s * 0.13 * h + up * 0.05 * h  # on the hips
        else:
            hang = front * np.sin(swing) * 0.33 - up * np.cos(swing) * 0.335 + side * s * 0.035
            hand[i] = shoulder[i] + hang * h
    elbow = np.empty((2, 3))
    for i, s in enumerate((1.0, -1.0)):
        pole = -front - 0.3 * up + side * s * (1.5 if 0.12 <= gesture < 0.2 and i != held else 0.4)
        elbow[i], hand[i] = bend(shoulder[i], hand[i], UPPER_ARM * h, FOREARM * h, pole)
    turn = rng.normal(0, 0.35)
    face = front * np.cos(turn) + side * np.sin(turn) + up * rng.normal(-0.05, 0.12)
    if hold is not None and rng.random() < 0.5:
        face = _unit(hold - chest) + 0.8 * front
    head = chest + up * 0.105 * h + front * 0.012 * h + (0.012 * h * up if person.is_child else 0.0)
    draw_person(
        parts, person,
        Pose(pelvis, chest, head, hip, knee, ankle, toe, shoulder, elbow, hand, side, _unit(face)),
    )  # fmt: skip
    if hold is not None:
        rope = random_colour(rng)
        start = hand[held]
        sag = (rng.uniform(0.02, 0.2) if sag is None else sag) * float(np.linalg.norm(hold - start))
        points = [start + (hold - start) * t - up * sag * 4 * t * (1 - t) for t in np.linspace(0, 1, 5)]
        parts.line(points, 0.009, rope)
        tail = [start, start - up * 0.1 * h - side * 0.02, start - up * rng.uniform(0.18, 0.35) * h]
        parts.line(tail, 0.009, rope)
    parts.add_to(props)
