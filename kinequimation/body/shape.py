"""What makes one horse's body differ from another's, and breeds as presets of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from kinequimation.errors import InputError

DEFAULT_WITHERS_HEIGHT_M = 1.60


@dataclass(frozen=True)
class Shape:
    """A body shape. All but the height are factors on the template, 1 being the template itself.

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
    "tail_length": (0.5, 1.4),
}
"""Smallest and largest value of each parameter."""

BREEDS: dict[str, Shape] = {
    "warmblood": Shape(withers_height_m=1.67),
    "arabian": Shape(
        withers_height_m=1.50, leg_length=1.03, barrel_depth=0.96, barrel_width=0.95, back_length=0.95,
        neck_length=0.98, neck_girth=0.90, head_length=0.95, limb_girth=0.93, muscle=0.96, tail_length=1.05,
    ),
    "thoroughbred": Shape(
        withers_height_m=1.63, leg_length=1.06, cannon_length=1.04, barrel_depth=0.96, barrel_width=0.90,
        neck_girth=0.88, limb_girth=0.93, muscle=0.98, mane_length=0.7,
    ),
    "shire": Shape(
        withers_height_m=1.78, leg_length=0.97, cannon_length=0.94, barrel_depth=1.08, barrel_width=1.20,
        neck_girth=1.20, head_length=1.07, limb_girth=1.35, muscle=1.18, hoof_size=1.35, mane_length=1.2,
    ),
    "icelandic": Shape(
        withers_height_m=1.39, leg_length=0.90, cannon_length=0.95, barrel_depth=1.06, barrel_width=1.12,
        back_length=1.03, neck_length=0.88, neck_girth=1.15, head_length=1.05, limb_girth=1.12, mane_length=1.6,
    ),
    "shetland": Shape(
        withers_height_m=1.00, leg_length=0.84, cannon_length=0.90, barrel_depth=1.12, barrel_width=1.25,
        back_length=1.05, neck_length=0.86, neck_girth=1.22, head_length=1.12, limb_girth=1.22, muscle=1.08,
        hoof_size=1.05, mane_length=1.8, tail_length=1.1,
    ),
    "foal": Shape(
        withers_height_m=1.00, leg_length=1.22, cannon_length=1.14, barrel_depth=0.84, barrel_width=0.78,
        back_length=0.84, neck_length=0.82, neck_girth=0.80, head_length=1.00, limb_girth=0.95, muscle=0.82,
        hoof_size=0.85, mane_length=0.3, tail_length=0.6,
    ),
}  # fmt: skip
"""Presets. Heights and tendencies from breed standards (sources, F3); the factors themselves are judgement."""


def breed_shape(breed: str, withers_height_m: float | None = None) -> Shape:
    """Return a breed's shape, at another height if one is given.

    Raises:
        InputError: the breed is not known, or the height is out of range.
    """
    if breed not in BREEDS:
        raise InputError(f"unknown breed {breed!r}: expected one of {', '.join(BREEDS)}")
    shape = BREEDS[breed]
    return shape if withers_height_m is None else dataclasses.replace(shape, withers_height_m=withers_height_m)


def sample_shape(rng: np.random.Generator) -> Shape:
    """Draw a random plausible shape: a breed, then 4–8 % of spread on every factor (sources, F3)."""
    base = BREEDS[list(BREEDS)[rng.integers(len(BREEDS))]]
    values = {}
    for field in dataclasses.fields(Shape):
        low, high = RANGES[field.name]
        spread = 0.2 if field.name in ("mane_length", "tail_length") else 0.05
        values[field.name] = float(np.clip(getattr(base, field.name) * np.exp(rng.normal(0, spread)), low, high))
    return Shape(**values)
