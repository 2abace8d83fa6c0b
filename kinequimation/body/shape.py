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
        neck_carriage_deg: how much higher the neck is carried at rest than the template's, degrees.
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
    neck_carriage_deg: float = 0.0
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
    "cannon_length": (0.75, 1.45),
    "barrel_depth": (0.70, 1.40),
    "barrel_width": (0.65, 1.50),
    "back_length": (0.75, 1.30),
    "neck_length": (0.70, 1.30),
    "neck_girth": (0.65, 1.50),
    "head_length": (0.75, 1.40),
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
    "neck_carriage_deg": (-9.0, 15.0),
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
    "warmblood": Shape(
        neck_carriage_deg=1.0,
        withers_height_m=1.67, back_length=1.016, head_length=0.965, neck_length=1.127, cannon_length=1.035,
        croup_height=1.013, leg_length=1.002, barrel_depth=0.982, limb_girth=0.925, mane_length=0.8, tail_bang=0.8,
    ),
    "arabian": Shape(
        neck_carriage_deg=5.0,
        withers_height_m=1.50, back_length=0.996, head_length=0.975, neck_length=1.116, cannon_length=1.031,
        croup_height=1.014, leg_length=1.028, barrel_depth=0.976, limb_girth=0.906, barrel_width=0.95, muscle=0.95,
        neck_girth=0.92, neck_crest=0.35, head_dish=1.0, muzzle_size=0.84, jowl=1.08, eye_size=1.18, ear_length=0.82,
        croup_slope_deg=-9.0, withers=0.9, hoof_size=0.94, mane_length=1.2, tail_length=1.08,
    ),
    "thoroughbred": Shape(
        neck_carriage_deg=-1.0,
        withers_height_m=1.63, back_length=1.04, head_length=0.979, neck_length=1.128, cannon_length=1.058,
        croup_height=1.036, leg_length=1.023, barrel_depth=0.94, limb_girth=0.893, barrel_width=0.90, muscle=0.97,
        neck_girth=0.88, chest_width=0.92, withers=1.4, belly=-0.7, hindquarters=1.04, muzzle_size=0.95, hoof_size=0.93,
        mane_length=0.65, tail_bang=1.0, tail_thickness=0.85,
    ),
    "quarter_horse": Shape(
        neck_carriage_deg=-6.0,
        withers_height_m=1.53, back_length=1.018, head_length=0.92, neck_length=0.93, cannon_length=0.989,
        croup_height=1.028, leg_length=0.975, barrel_depth=1.008, limb_girth=0.923, barrel_width=1.05, muscle=1.10,
        hindquarters=1.18, chest_width=1.12, jowl=1.14, muzzle_size=0.93, ear_length=0.86, croup_slope_deg=5.0,
        withers=0.8, hoof_size=0.93, mane_length=0.9,
    ),
    "andalusian": Shape(
        neck_carriage_deg=8.0,
        withers_height_m=1.55, back_length=0.981, head_length=0.989, neck_length=1.131, cannon_length=1.014,
        croup_height=1.011, leg_length=1.01, barrel_depth=1.009, limb_girth=0.943, barrel_width=1.07, muscle=1.06,
        neck_girth=1.16, neck_crest=1.1, head_dish=-0.8, croup_slope_deg=6.0, withers=0.8, chest_width=1.08,
        mane_length=1.7, mane_thickness=1.2, forelock=1.5, tail_length=1.12, tail_thickness=1.2,
    ),
    "friesian": Shape(
        neck_carriage_deg=10.0,
        withers_height_m=1.62, back_length=0.994, head_length=0.988, neck_length=1.192, cannon_length=1.013,
        croup_height=1.016, leg_length=0.996, barrel_depth=1.01, limb_girth=0.97, barrel_width=1.08, muscle=1.07,
        neck_girth=1.12, neck_crest=1.0, head_dish=-0.15, ear_length=0.88, croup_slope_deg=5.0, hoof_size=1.08,
        mane_length=1.9, mane_thickness=1.35, forelock=1.7, tail_length=1.22, tail_thickness=1.4, feather=0.65,
    ),
    "shire": Shape(
        neck_carriage_deg=3.0,
        withers_height_m=1.78, back_length=0.998, head_length=1.02, neck_length=1.067, cannon_length=0.995,
        croup_height=1.016, leg_length=0.945, barrel_depth=1.06, limb_girth=1.133, barrel_width=1.18, muscle=1.16,
        hindquarters=1.08, chest_width=1.08, neck_girth=1.18, neck_crest=0.6, head_dish=-0.7, muzzle_size=1.05,
        joint_size=1.08, hoof_size=1.30, withers=0.8, mane_length=0.9, tail_length=0.9, feather=1.1,
    ),
    "clydesdale": Shape(
        neck_carriage_deg=4.0,
        withers_height_m=1.72, back_length=0.993, head_length=1.014, neck_length=1.104, cannon_length=1.023,
        croup_height=1.019, leg_length=0.965, barrel_depth=1.043, limb_girth=1.104, barrel_width=1.13, muscle=1.12,
        hindquarters=1.06, neck_girth=1.12, neck_crest=0.6, head_dish=-0.35, muzzle_size=1.06, joint_size=1.08,
        hoof_size=1.30, mane_length=1.0, feather=1.2,
    ),
    "icelandic": Shape(
        neck_carriage_deg=4.0,
        withers_height_m=1.39, back_length=1.004, head_length=0.971, neck_length=0.824, cannon_length=0.98,
        croup_height=1.013, leg_length=0.934, barrel_depth=1.067, limb_girth=0.976, barrel_width=1.08, muscle=1.02,
        neck_girth=1.08, neck_crest=0.3, jowl=1.05, ear_length=0.80, croup_slope_deg=4.0, withers=0.5, belly=0.35,
        mane_length=1.6, mane_side=0.0, mane_thickness=1.5, forelock=1.7, tail_length=1.1, tail_thickness=1.5,
        feather=0.2,
    ),
    "shetland": Shape(
        withers_height_m=1.00, back_length=1.005, head_length=0.983, neck_length=0.704, cannon_length=0.91,
        croup_height=1.009, leg_length=0.872, barrel_depth=1.142, limb_girth=1.005, barrel_width=1.22, muscle=1.08,
        neck_girth=1.12, neck_crest=0.8, jowl=1.05, eye_size=1.12, ear_length=0.68, withers=0.3, belly=0.7,
        hoof_size=0.95, mane_length=1.7, mane_side=0.2, mane_thickness=1.6, forelock=1.8, tail_length=1.15,
        tail_thickness=1.6, feather=0.3,
    ),
    "standardbred": Shape(
        neck_carriage_deg=-2.0,
        withers_height_m=1.58, back_length=1.029, head_length=0.986, neck_length=0.991, cannon_length=1.024,
        croup_height=1.035, leg_length=1.002, barrel_depth=0.969, limb_girth=0.907, barrel_width=0.97, muscle=1.0,
        hindquarters=1.05, head_dish=-0.25, ear_length=1.06, belly=-0.4, croup_slope_deg=2.0, mane_length=0.9,
    ),
    "haflinger": Shape(
        neck_carriage_deg=2.0,
        withers_height_m=1.42, back_length=0.99, head_length=0.988, neck_length=0.893, cannon_length=0.985,
        croup_height=1.015, leg_length=0.957, barrel_depth=1.055, limb_girth=0.991, barrel_width=1.10, muscle=1.08,
        hindquarters=1.06, neck_girth=1.08, neck_crest=0.4, head_dish=0.25, muzzle_size=0.93, ear_length=0.82,
        withers=0.6, belly=0.2, mane_length=1.6, mane_thickness=1.35, forelock=1.6, tail_length=1.1, tail_thickness=1.3,
        feather=0.15,
    ),
    "foal_0m": Shape(
        neck_carriage_deg=3.0,
        withers_height_m=1.00, back_length=0.937, head_length=1.283, neck_length=0.945, cannon_length=1.433,
        croup_height=1.044, leg_length=1.189, forearm_length=1.12, barrel_depth=0.896, limb_girth=1.113,
        barrel_width=0.85, chest_width=0.85, muscle=0.88, hindquarters=0.85, neck_girth=0.92, neck_crest=-0.4,
        muzzle_size=0.82, jowl=0.90, head_dish=0.3, eye_size=1.30, ear_length=0.95, joint_size=1.22, withers=0.2,
        belly=-0.6, pastern_length=1.05, hoof_size=0.92, mane_length=0.4, mane_roached=0.75, mane_thickness=0.8,
        forelock=0.25, tail_length=0.42, tail_thickness=0.6,
    ),
    "foal_6m": Shape(
        withers_height_m=1.34, back_length=0.968, head_length=1.141, neck_length=0.948, cannon_length=1.268,
        croup_height=1.039, leg_length=1.1, forearm_length=1.07, barrel_depth=0.938, limb_girth=1.031,
        barrel_width=0.90, chest_width=0.90, muscle=0.90, hindquarters=0.92, neck_girth=0.92, neck_crest=-0.2,
        muzzle_size=0.88, jowl=0.95, eye_size=1.15, ear_length=0.97, joint_size=1.12, withers=0.5, belly=-0.2,
        hoof_size=0.92, mane_length=0.5, mane_roached=0.35, mane_thickness=0.9, forelock=0.5, tail_length=0.62,
        tail_thickness=0.8,
    ),
    "foal_12m": Shape(
        withers_height_m=1.46, back_length=0.977, head_length=1.068, neck_length=1.011, cannon_length=1.146,
        croup_height=1.039, leg_length=1.062, forearm_length=1.03, barrel_depth=0.964, limb_girth=0.969,
        barrel_width=0.92, chest_width=0.93, muscle=0.93, hindquarters=0.96, neck_girth=0.92, neck_crest=-0.1,
        muzzle_size=0.93, jowl=0.97, eye_size=1.08, ear_length=1.0, joint_size=1.06, withers=0.7, belly=-0.1,
        hoof_size=0.93, mane_length=0.65, forelock=0.7, tail_length=0.82, tail_thickness=0.9,
    ),
}  # fmt: skip
"""Presets. Heights from sources, F3 and F4. The eight lengths and girths that its ratios fix (back, head, neck, cannon,
leg, depth, limb girth, croup height) were solved for on the mesh, ``tests/test_body.py`` holds them to it; the others
are judgement, from breed standards and pictures."""

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
    "croup_slope_deg": 3.0,
    "neck_carriage_deg": 2.5, "back_dip": 0.006, "belly": 0.25, "neck_crest": 0.25, "head_dish": 0.2,
}  # fmt: skip
"""Standard deviation between horses of one breed: of the logarithm for factors, of the value itself for parameters
that are 0 at the template. The default is 0.035 (sources, F3: 3–4 % a ratio); larger ones are judgement."""

_ADDITIVE = ("croup_slope_deg", "neck_carriage_deg", "back_dip", "belly", "neck_crest", "head_dish")
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
