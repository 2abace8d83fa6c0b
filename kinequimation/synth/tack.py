"""What a horse wears and who is on it: the decisions, and one function that carries them out (sources, B6)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.errors import InputError
from kinequimation.synth import garments, harness, riders, saddlery
from kinequimation.synth.coat import random_colour
from kinequimation.synth.figures import add_person
from kinequimation.synth.parts import Parts

if TYPE_CHECKING:
    from kinequimation.synth.garments import Fields
    from kinequimation.synth.meshes import Props
    from kinequimation.synth.scene import HorseInScene

_GIRTH, _WITHERS, _CROUP = (skeleton.KEYPOINT_INDEX[n] for n in ("girth", "withers", "croup"))
_TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]


@dataclass(frozen=True)
class TackShares:
    """How many of all horses wear or carry what (sources, B6, where it names a number; else judgement).

    A horse has at most one of rider, empty saddle, harness and halter. The others are drawn by themselves, as far as
    they go together.

    Attributes:
        saddled: a bridle and a saddle, ridden or not (B6).
        rider: somebody on its back (B6); without ``saddled``, bareback.
        bareback: of the riders, how many have no saddle.
        halter: a halter (B6).
        harness: harness (B6).
        cart: of those in harness, how many pull something.
        rug: a rug, fly rug or cooler over the trunk (B6).
        boots: boots or bandages on the cannons (B6).
        bell_boots: overreach boots.
        fly_mask: a fly mask (B6); on a ridden horse, a bonnet over the ears.
        pad: of the saddled, how many have a saddle pad.
        breastplate: of the saddled, how many wear one.

    Raises:
        InputError: a share is not from 0 to 1.
    """

    saddled: float = 0.25
    rider: float = 0.22
    bareback: float = 0.06
    halter: float = 0.15
    harness: float = 0.05
    cart: float = 0.75
    rug: float = 0.08
    boots: float = 0.15
    bell_boots: float = 0.05
    fly_mask: float = 0.04
    pad: float = 0.92
    breastplate: float = 0.2

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not 0 <= value <= 1:
                raise InputError(f"{name}: expected a share from 0 to 1, got {value}")


NOTHING = TackShares(**dict.fromkeys((f.name for f in dataclasses.fields(TackShares)), 0.0))
"""A naked horse."""
FIRST = dataclasses.replace(NOTHING, saddled=0.36, rider=0.3, pad=0.85, halter=0.16, rug=0.04, boots=0.22)
"""What the first generator's horses wore, for comparisons."""


def can_be_ridden(horse: HorseInScene) -> bool:
    """Is a horse grown, and on its feet?"""
    girth_z = horse.keypoints()[_GIRTH, 2]
    up = girth_z > 0.36 * horse.body.shape.withers_height_m and horse.gait not in ("lie", "lie_down", "get_up")
    return up and not is_foal(horse)


def _is_level(horse: HorseInScene) -> bool:
    """Does a horse stand or go on level ground with all of itself, as in front of a cart?"""
    points = horse.keypoints()
    withers, croup, toes = points[_WITHERS], points[_CROUP], points[_TOES]
    height = horse.body.shape.withers_height_m
    tipped = abs(withers[2] - croup[2]) > 0.22 * np.linalg.norm(withers - croup)
    return not tipped and toes[:, 2].min() < 0.05 * height and withers[2] > 0.85 * height


def is_foal(horse: HorseInScene) -> bool:
    """Has a horse a foal's or a yearling's proportions: a narrow trunk on long legs, a short mane, no great height?"""
    shape = horse.body.shape
    narrow = shape.barrel_width * shape.barrel_depth < 0.95 * shape.leg_length
    return narrow and shape.mane_length < 0.95 and shape.withers_height_m < 1.53


def dress(
    rng: np.random.Generator, props: Props, horse: HorseInScene, shares: TackShares | None = None
) -> tuple[HorseInScene, dict[str, object]]:
    """Decide what a horse wears and who is on it, and add it.

    Args:
        rng: source of randomness.
        props: where saddle, bit, reins, rider, cart are added.
        horse: the posed horse.
        shares: how often it wears what.

    Returns:
        the horse with its garments, and a record of what was drawn.
    """
    shares = shares or TackShares()
    wish = _wish(rng, shares)
    fields = garments.begin(rng, horse.body)
    parts = Parts()
    record: dict[str, object] = dict.fromkeys(
        ("rider", "saddle", "bridle", "halter", "harness", "rug", "boots", "bell_boots", "fly_mask", "pad",
         "breastplate", "discipline", "seat"), False
    )  # fmt: skip
    rideable = can_be_ridden(horse)
    outfit = wish["outfit"]
    if outfit in ("rider", "saddle", "harness") and not rideable:
        outfit = "halter" if shares.halter > 0 else "none"
    if outfit in ("rider", "saddle"):
        record |= _ride(rng, props, parts, fields, horse, shares, with_rider=outfit == "rider")
    elif outfit == "harness":
        pulls = _is_level(horse) and rng.random() < shares.cart
        record["harness"] = harness.add_harness(rng, props, parts, fields, horse, with_cart=pulls)
        record["bridle"] = True
    elif outfit == "halter":
        garments.add_halter(rng, fields)
        record["halter"] = True
    worn = bool(record["saddle"]) or bool(record["bridle"]) or outfit == "halter"
    if wish["rug"] and outfit not in ("rider", "saddle", "harness"):
        kind = ("rug", "fly", "cooler")[rng.choice(3, p=[0.6, 0.25, 0.15])]
        garments.add_rug(rng, fields, horse.body, kind)
        record["rug"] = kind
        worn = True
    if wish["boots"] and not is_foal(horse):
        record["boots"] = _boots(rng, fields)
        worn = True
    if wish["bell_boots"] and not is_foal(horse):
        garments.add_bell_boots(rng, fields)
        record["bell_boots"] = worn = True
    if wish["fly_mask"]:
        bonnet = bool(record["bridle"])
        garments.add_fly_mask(rng, fields, horse.body, bonnet=bonnet)
        record["fly_mask"] = "bonnet" if bonnet else "mask"
        worn = True
    parts.add_to(props)
    if not worn:
        return horse, record
    return dataclasses.replace(horse, garments=garments.garment_array(fields)), record


def _wish(rng: np.random.Generator, shares: TackShares) -> dict[str, object]:
    """Draw what somebody would like the horse to wear; the number of draws does not depend on the shares."""
    odds = np.array([shares.rider, max(shares.saddled - shares.rider, 0.0), shares.harness, shares.halter])
    odds = odds / max(odds.sum(), 1.0)
    kind = int(np.searchsorted(np.cumsum(odds), rng.random(), side="right"))
    free = max(1.0 - odds[:3].sum(), 1e-6)
    return {
        "outfit": ("rider", "saddle", "harness", "halter", "none")[kind],
        "rug": rng.random() < shares.rug / free,
        "boots": rng.random() < shares.boots,
        "bell_boots": rng.random() < shares.bell_boots,
        "fly_mask": rng.random() < shares.fly_mask,
    }


def _boots(rng: np.random.Generator, fields: Fields) -> dict[str, object]:
    kind = ("boots", "bandages", "polo")[rng.choice(3, p=[0.5, 0.2, 0.3])]
    on = np.array([(1, 1, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1), (1, 0, 0, 0)], float)[
        rng.choice(4, p=[0.4, 0.5, 0.06, 0.04])
    ]
    garments.add_boots(rng, fields, kind, on)
    return {"kind": kind, "on": [leg for leg, is_on in zip(skeleton.LIMBS, on, strict=True) if is_on]}


def _ride(
    rng: np.random.Generator, props: Props, parts: Parts, fields: Fields, horse: HorseInScene, shares: TackShares,
    *, with_rider: bool,
) -> dict[str, object]:  # fmt: skip
    """Saddle and bridle a horse, and perhaps put somebody on it."""
    discipline = _discipline(rng, horse)
    saddled = shares.saddled > 0 and not (with_rider and rng.random() < shares.bareback)
    any_saddle = ("jumping", "dressage", "western")[rng.choice(3, p=[0.6, 0.25, 0.15])]
    kind = any_saddle if discipline == "leisure" else discipline
    frame = saddlery.saddle_frame(horse, saddlery.sample_centre_y(rng, kind if saddled else "bareback"))
    record: dict[str, object] = {"discipline": discipline, "bridle": True, "saddle": kind if saddled else False}
    garments.add_bridle(rng, fields, flash=kind in ("jumping", "dressage") and rng.random() < 0.4,
                        noseband=kind != "western" or rng.random() < 0.3)  # fmt: skip
    leather = fields["leather"][:3]
    rein = leather if kind != "racing" and rng.random() < 0.85 else random_colour(rng)
    bit = saddlery.add_bit(props, horse, kind="curb" if kind == "western" and rng.random() < 0.6 else "snaffle")
    seat_up = 0.0
    if saddled:
        if rng.random() < shares.pad:
            cloth = {"racing": "number", "western": "blanket"}.get(kind, "square" if rng.random() < 0.7 else "shaped")
            garments.add_pad(rng, fields, frame.centre_y - 0.01, cloth)
            record["pad"] = cloth
        if rng.random() < shares.breastplate:
            record["breastplate"] = garments.add_breastplate(rng, fields)
        seat_up = saddlery.add_saddle(rng, props, parts, fields, frame, kind)
    if not with_rider:
        if saddled:
            saddlery.hang_stirrups(rng, parts, horse, frame, leather, kind)
        saddlery.add_loose_reins(parts, horse, bit, rein)
        return record
    person = riders.sample_rider(rng, discipline, horse.body.shape.withers_height_m)
    name = riders.choose_seat(rng, discipline, horse.gait, saddled=saddled)
    seat = riders.SEATS[name]
    pose, holding = riders.add_rider(rng, parts, person, seat, frame, seat_up)
    sag = rng.uniform(*seat.rein_sag)
    saddlery.add_reins(parts, horse, bit, holding, rein, sag, 0.009 if kind == "racing" else 0.006)
    if saddled:
        k = float(np.clip(frame.size, 0.62, 1.08))
        for i, sign in enumerate((1.0, -1.0)):
            tread = pose.ankle[i] + 0.62 * (pose.toe[i] - pose.ankle[i]) - frame.axes[:, 2] * 0.022 * person.height_m
            high = -0.10 * k if kind != "racing" else -0.02
            top = frame.world(0.08 * k, sign * (frame.half_width(i, 0.08 * k, high) + 0.028), high)
            foot_way = (pose.toe[i] - pose.ankle[i]) / np.linalg.norm(pose.toe[i] - pose.ankle[i])
            saddlery.add_stirrup(parts, frame, [top], tread, foot_way, leather, kind)
    return record | {
        "rider": True,
        "seat": name,
        "rider_height_m": person.height_m,
        "headgear": person.headgear,
    }


def _discipline(rng: np.random.Generator, horse: HorseInScene) -> riders.Discipline:
    """Draw a way of riding; small horses are not raced, and quick ones seldom do dressage."""
    odds = dict(zip(riders.DISCIPLINES, (0.24, 0.26, 0.14, 0.12, 0.08, 0.16), strict=True))
    height, gait = horse.body.shape.withers_height_m, horse.gait
    if height < 1.45:
        odds["racing"] = 0.0
        odds["icelandic"] = 0.35 if height > 1.25 else 0.0
    elif height > 1.52:
        odds["icelandic"] = 0.01
    if "gallop" in gait:
        odds["racing"] *= 4
        odds["dressage"] *= 0.2
    if "jump" in gait:
        odds["jumping"] *= 8
    names = list(odds)
    p = np.array([odds[n] for n in names])
    return names[rng.choice(len(names), p=p / p.sum())]


def add_handler(
    rng: np.random.Generator, props: Props, horse: HorseInScene, *, leads: bool | None = None
) -> dict[str, object]:
    """Add somebody on foot at a horse's head or shoulder, with a rope to it or only standing there.

    Args:
        rng: source of randomness.
        props: where to add.
        horse: the horse.
        leads: holds a rope; drawn if not given.

    Returns:
        a record of what was drawn.
    """
    points = horse.keypoints()
    fields = garments.no_garments()
    ring = saddlery.halter_ring(horse, fields)
    at = {name: points[skeleton.KEYPOINT_INDEX[name]] for name in ("withers", "croup", "nose", "neck_base")}
    forward = (at["withers"] - at["croup"])[:2]
    forward /= np.linalg.norm(forward) + 1e-9
    side = np.array([-forward[1], forward[0]]) * (1.0 if rng.random() < 0.75 else -1.0)
    heading = float(np.arctan2(forward[1], forward[0]))
    k = horse.body.shape.withers_height_m / 1.6
    fast = any(word in horse.gait for word in ("canter", "gallop", "jump", "buck", "rear"))
    trots = horse.gait in ("trot", "jog", "tolt", "pace", "fox_trot")
    draws = rng.random(3)
    if draws[0] < (0.8 if fast else 0.35 if trots else 0.0) and leads is not False:
        return _lunge(rng, props, ring, at["withers"], side)
    place = ring if draws[1] < 0.6 else at["neck_base"]
    feet = place[:2] + side * rng.uniform(0.5, 0.8) * (0.6 + 0.4 * k) + forward * rng.uniform(-0.3, 0.35)
    in_front = draws[2] < 0.15 and not trots  # looking at the horse
    if in_front:
        feet = ring[:2] + forward * rng.uniform(0.6, 1.3) + side * rng.uniform(-0.2, 0.5)
        heading += np.pi
    leads = rng.random() < 0.75 if leads is None else leads
    stride = 0.5 if trots else 0.3 if horse.gait == "walk" and not in_front else None
    add_person(props, rng, feet, heading + rng.normal(0, 0.3), ring if leads else None, walking=stride)
    return {"handler": "leads" if leads else "stands"}


def _lunge(
    rng: np.random.Generator, props: Props, ring: np.ndarray, withers: np.ndarray, side: np.ndarray
) -> dict[str, object]:
    """Put somebody in the middle of the circle on which the horse goes, with a long line to its head."""
    away = rng.uniform(3.5, 8.0)
    feet = withers[:2] + side * away
    towards = float(np.arctan2(*(ring[:2] - feet)[::-1]))
    add_person(props, rng, feet, towards + rng.normal(0, 0.2), ring, walking=0.03, sag=rng.uniform(0.0, 0.06))
    return {"handler": "lunges"}
