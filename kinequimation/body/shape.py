"""What makes one horse's body differ from another's, and breeds as presets of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from kinequimation.errors import InputError

DEFAULT_WITHERS_HEIGHT_M = 1.60


@dataclass(frozen=True)
class Shape:
    """A body shape. Unless a unit is given, a parameter is a factor on the template, 1 being the template itself.

    Ranges are in ``RANGES``; "H" is withers height.

    Attributes:
        withers_height_m: ground to the top of the withers, metres; sets the absolute size.
        leg_length: length of the limb bones below the shoulder blade and the hip.
        cannon_length: further factor on the cannons (metacarpus and metatarsus).
        barrel_depth: depth of the trunk, top to bottom.
        barrel_width: width of the trunk.
        back_length: length of the trunk.
        neck_length: length of the neck.
        neck_girth: thickness of the neck.
        head_length: size of the head.
        limb_girth: thickness of the lower limbs ("bone").
        muscle: thickness of the upper limbs, shoulder and croup.
        hoof_size: size of the hooves.
        mane_length: length of the mane hair.
        tail_length: length of the tail.
        forearm_length: further factor on the forearm (radius).
        gaskin_length: further factor on the gaskin (tibia).
        pastern_length: further factor on the pasterns.
        joint_size: thickness of knees, hocks and fetlocks against the bones between them.
        hindquarters: muscle of croup, thigh and gaskin, on top of ``muscle``.
        chest_width: width of the breast and between the forelegs.
        croup_height: height of the croup over that of the withers, against the template's.
        croup_slope_deg: how much steeper the croup falls to the tail than the template's, degrees.
        withers: how far the withers stand out over the back; 0 is flat.
        back_dip: how far the back sags under the template's, shares of H.
        belly: 0 the template, 1 a hay belly, −1 tucked up.
        neck_crest: arch and fat of the crest: 0 the template, 1 a stallion's, below 0 a ewe's neck.
        head_dish: profile of the face: 1 dished, 0 straight, −1 convex (a roman nose).
        muzzle_size: thickness of the muzzle against the head.
        jowl: depth of the cheek against the head.
        eye_size: size of the eyes against the head.
        ear_length: length of the ears against the head.
        mane_side: where the mane falls: −1 to the right, 1 to the left, 0 to both sides.
        mane_thickness: how thick the locks of the mane are.
        mane_roached: 1 where the mane is clipped to an upright brush, 0 where it hangs.
        forelock: length of the forelock; 0 is none.
        tail_thickness: how thick the locks of the tail are.
        tail_bang: 1 where the tail is cut straight at its end, 0 where it tapers as it grows.
        feather: length of the hair on the fetlocks and cannons; 0 is none, 1 a Shire's.

    Raises:
        InputError: a value is not a finite number inside its range.
    """

    withers_height_m: float = DEFAULT_WITHERS_HEIGHT_M
    leg_length: float = 1.0
    cannon_length: float = 1.0
    barrel_depth: float = 1.0
    barrel_width: float = 1.0
    back_length: float = 1.0
    neck_length: float = 1.0
    neck_girth: float = 1.0
    head_length: float = 1.0
    limb_girth: float = 1.0
    muscle: float = 1.0
    hoof_size: float = 1.0
    mane_length: float = 1.0
    tail_length: float = 1.0
    forearm_length: float = 1.0
    gaskin_length: float = 1.0
    pastern_length: float = 1.0
    joint_size: float = 1.0
    hindquarters: float = 1.0
    chest_width: float = 1.0
    croup_height: float = 1.0
    croup_slope_deg: float = 0.0
    withers: float = 1.0
    back_dip: float = 0.0
    belly: float = 0.0
    neck_crest: float = 0.0
    head_dish: float = 0.0
    muzzle_size: float = 1.0
    jowl: float = 1.0
    eye_size: float = 1.0
    ear_length: float = 1.0
    mane_side: float = -1.0
    mane_thickness: float = 1.0
    mane_roached: float = 0.0
    forelock: float = 1.0
    tail_thickness: float = 1.0
    tail_bang: float = 0.0
    feather: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            low, high = RANGES[field.name]
            if not (isinstance(value, (int, float)) and low <= value <= high):
                raise InputError(f"{field.name}: expected a number from {low} to {high}, got {value}")

    def to_vector(self) -> np.ndarray:
        """Return the parameters in the order of the fields."""
        return np.array(dataclasses.astuple(self), float)

    @classmethod
    def from_vector(cls, values: np.ndarray) -> Shape:
        """Return the shape of a vector written by ``to_vector``.

        Raises:
            InputError: the vector has another length, or a value out of range.
        """
        names = [f.name for f in dataclasses.fields(cls)]
        if len(values) != len(names):
            raise InputError(f"expected {len(names)} shape parameters, got {len(values)}")
        return cls(**{n: float(v) for n, v in zip(names, values, strict=True)})


RANGES: dict[str, tuple[float, float]] = {
    "withers_height_m": (0.40, 2.30),
    "leg_length": (0.70, 1.35),
    "cannon_length": (0.75, 1.35),
    "barrel_depth": (0.70, 1.40),
    "barrel_width": (0.65, 1.50),
    "back_length": (0.75, 1.30),
    "neck_length": (0.70, 1.30),
    "neck_girth": (0.65, 1.50),
    "head_length": (0.75, 1.30),
    "limb_girth": (0.65, 1.70),
    "muscle": (0.70, 1.45),
    "hoof_size": (0.70, 1.70),
    "mane_length": (0.2, 2.0),
    "tail_length": (0.3, 1.4),
    "forearm_length": (0.85, 1.15),
    "gaskin_length": (0.85, 1.15),
    "pastern_length": (0.75, 1.35),
    "joint_size": (0.80, 1.35),
    "hindquarters": (0.75, 1.30),
    "chest_width": (0.70, 1.40),
    "croup_height": (0.94, 1.08),
    "croup_slope_deg": (-12.0, 15.0),
    "withers": (0.0, 2.0),
    "back_dip": (-0.02, 0.06),
    "belly": (-1.0, 1.5),
    "neck_crest": (-0.7, 1.6),
    "head_dish": (-1.2, 1.2),
    "muzzle_size": (0.75, 1.30),
    "jowl": (0.80, 1.25),
    "eye_size": (0.80, 1.40),
    "ear_length": (0.65, 1.60),
    "mane_side": (-1.0, 1.0),
    "mane_thickness": (0.4, 1.7),
    "mane_roached": (0.0, 1.0),
    "forelock": (0.0, 1.8),
    "tail_thickness": (0.4, 1.7),
    "tail_bang": (0.0, 1.0),
    "feather": (0.0, 1.3),
}
"""Smallest and largest value of each parameter."""

BREEDS: dict[str, Shape] = {
    "warmblood": Shape(withers_height_m=1.67),
    "arabian": Shape(
        withers_height_m=1.50, leg_length=1.03, barrel_depth=0.96, barrel_width=0.95, back_length=0.95,
        neck_length=0.98, neck_girth=0.90, head_length=0.95, limb_girth=0.93, muscle=0.96, tail_length=1.05,
        head_dish=1.0, muzzle_size=0.82, jowl=1.08, eye_size=1.15, ear_length=0.85, croup_slope_deg=-9.0,
    ),
    "thoroughbred": Shape(
        withers_height_m=1.63, leg_length=1.06, cannon_length=1.04, barrel_depth=0.96, barrel_width=0.90,
        neck_girth=0.88, limb_girth=0.93, muscle=0.98, mane_length=0.7, withers=1.4, belly=-0.6, tail_bang=1.0,
    ),
    "quarter_horse": Shape(withers_height_m=1.53, hindquarters=1.18, muscle=1.10, chest_width=1.12, jowl=1.12),
    "andalusian": Shape(
        withers_height_m=1.55, neck_girth=1.15, neck_crest=1.0, head_dish=-0.7, mane_length=1.6, tail_length=1.1,
    ),
    "friesian": Shape(
        withers_height_m=1.62, neck_girth=1.15, neck_crest=0.8, mane_length=1.9, tail_length=1.2, feather=0.6,
    ),
    "shire": Shape(
        withers_height_m=1.78, leg_length=0.97, cannon_length=0.94, barrel_depth=1.08, barrel_width=1.20,
        neck_girth=1.20, head_length=1.07, limb_girth=1.35, muscle=1.18, hoof_size=1.35, mane_length=1.2,
        head_dish=-0.7, feather=1.0,
    ),
    "clydesdale": Shape(
        withers_height_m=1.72, leg_length=0.98, barrel_depth=1.05, barrel_width=1.12, neck_girth=1.15,
        head_length=1.05, limb_girth=1.28, muscle=1.12, hoof_size=1.35, head_dish=-0.4, feather=1.1,
    ),
    "icelandic": Shape(
        withers_height_m=1.39, leg_length=0.90, cannon_length=0.95, barrel_depth=1.06, barrel_width=1.12,
        back_length=1.03, neck_length=0.88, neck_girth=1.15, head_length=1.05, limb_girth=1.12, mane_length=1.6,
        mane_side=0.0, mane_thickness=1.4, forelock=1.6, tail_thickness=1.5, feather=0.2,
    ),
    "shetland": Shape(
        withers_height_m=1.00, leg_length=0.84, cannon_length=0.90, barrel_depth=1.12, barrel_width=1.25,
        back_length=1.05, neck_length=0.86, neck_girth=1.22, head_length=1.12, limb_girth=1.22, muscle=1.08,
        hoof_size=1.05, mane_length=1.8, tail_length=1.1, mane_thickness=1.5, forelock=1.7, tail_thickness=1.5,
        ear_length=0.75, belly=0.6, feather=0.25,
    ),
    "standardbred": Shape(withers_height_m=1.58, back_length=1.03, cannon_length=1.0, head_length=1.02),
    "haflinger": Shape(
        withers_height_m=1.42, barrel_width=1.12, leg_length=0.93, neck_length=0.92, muscle=1.08, mane_length=1.6,
        mane_thickness=1.3, forelock=1.5, feather=0.15,
    ),
    "foal_0m": Shape(
        withers_height_m=1.00, leg_length=1.22, cannon_length=1.14, barrel_depth=0.84, barrel_width=0.78,
        back_length=0.84, neck_length=0.82, neck_girth=0.80, head_length=1.00, limb_girth=0.95, muscle=0.82,
        hoof_size=0.85, mane_length=0.3, tail_length=0.4, mane_roached=0.8, forelock=0.2, croup_height=1.03,
        joint_size=1.25, withers=0.3, eye_size=1.3,
    ),
    "foal_6m": Shape(
        withers_height_m=1.34, leg_length=1.12, cannon_length=1.08, barrel_depth=0.90, barrel_width=0.86,
        back_length=0.92, neck_length=0.90, neck_girth=0.85, muscle=0.88, hoof_size=0.92, mane_length=0.5,
        tail_length=0.6, mane_roached=0.4, forelock=0.5, croup_height=1.025, joint_size=1.12, withers=0.6,
    ),
    "foal_12m": Shape(
        withers_height_m=1.46, leg_length=1.07, cannon_length=1.05, barrel_depth=0.94, barrel_width=0.90,
        back_length=0.95, neck_length=0.95, neck_girth=0.88, muscle=0.91, hoof_size=0.95, mane_length=0.7,
        tail_length=0.8, forelock=0.8, croup_height=1.02, joint_size=1.06, withers=0.8,
    ),
}  # fmt: skip
"""Presets. Heights and tendencies from breed standards (sources, F3); the factors themselves are judgement."""

ALIASES: dict[str, str] = {"foal": "foal_0m"}
"""Other names that ``breed_shape`` takes."""


def breed_shape(breed: str, withers_height_m: float | None = None) -> Shape:
    """Return a breed's shape, at another height if one is given.

    Raises:
        InputError: the breed is not known, or the height is out of range.
    """
    breed = ALIASES.get(breed, breed)
    if breed not in BREEDS:
        raise InputError(f"unknown breed {breed!r}: expected one of {', '.join(BREEDS)}")
    shape = BREEDS[breed]
    return shape if withers_height_m is None else dataclasses.replace(shape, withers_height_m=withers_height_m)


SPREAD: dict[str, float] = {
    "mane_length": 0.25, "tail_length": 0.12, "barrel_width": 0.06, "neck_girth": 0.07, "muscle": 0.06,
    "limb_girth": 0.05, "croup_height": 0.008, "ear_length": 0.08, "forearm_length": 0.02, "gaskin_length": 0.02,
    "withers": 0.25, "mane_thickness": 0.2, "tail_thickness": 0.2, "hindquarters": 0.05, "joint_size": 0.04,
    "croup_slope_deg": 3.0, "back_dip": 0.006, "belly": 0.25, "neck_crest": 0.25, "head_dish": 0.2,
}  # fmt: skip
"""Standard deviation between horses of one breed: of the logarithm for factors, of the value itself for parameters
that are 0 at the template. The default is 0.035 (sources, F3: 3–4 % a ratio); larger ones are judgement."""

_ADDITIVE = ("croup_slope_deg", "back_dip", "belly", "neck_crest", "head_dish")
_FOAL_SHARE = 0.08


def sample_breed(rng: np.random.Generator) -> str:
    """Draw a breed, 8 % of the time a foal."""
    foals = [b for b in BREEDS if b.startswith("foal")]
    adults = [b for b in BREEDS if not b.startswith("foal")]
    pool = foals if rng.random() < _FOAL_SHARE else adults
    return pool[rng.integers(len(pool))]


def sample_shape(rng: np.random.Generator, breed: str | None = None) -> Shape:
    """Draw a random plausible shape: the breed with the spread of ``SPREAD`` on every parameter.

    The condition (fat or lean) is drawn apart and moves girths together; sides of the mane, roached manes, banged
    tails and clipped feather are drawn as people keep horses (judgement).

    Args:
        rng: source of randomness.
        breed: a key of ``BREEDS``; drawn by ``sample_breed`` if it is not given.
    """
    base = BREEDS[sample_breed(rng) if breed is None else breed]
    values = {}
    for field in dataclasses.fields(Shape):
        mean, spread = getattr(base, field.name), SPREAD.get(field.name, 0.035)
        noise = rng.normal(0, spread)
        values[field.name] = mean + noise if field.name in _ADDITIVE else mean * np.exp(noise)
    condition = float(np.clip(rng.normal(0, 0.5), -1, 1))
    values["barrel_width"] *= 1 + 0.10 * condition
    values["belly"] += 0.4 * condition
    values["neck_crest"] += 0.2 * condition
    values["muscle"] *= 1 + 0.03 * condition
    side, style = rng.random(2)
    if base.mane_side != 0.0:  # breeds whose mane falls to both sides keep that
        values["mane_side"] = -1.0 if side < 0.55 else 1.0 if side < 0.9 else float(rng.uniform(-0.6, 0.6))
    if not base.mane_roached and style < 0.06:
        values["mane_roached"] = 1.0
    values["mane_side"] = float(np.clip(values["mane_side"], -1, 1))
    values["tail_bang"] = base.tail_bang if rng.random() < 0.7 else 1.0 - base.tail_bang
    if base.feather and rng.random() < 0.15:
        values["feather"] = 0.0
    clipped = {name: float(np.clip(value, *RANGES[name])) for name, value in values.items()}
    return Shape(**clipped)
