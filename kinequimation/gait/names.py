"""The gaits that are told apart."""

from __future__ import annotations

from typing import Literal, get_args

GaitName = Literal[
    "idle", "walk", "trot", "passage", "piaffe", "pace", "tolt", "fox_trot",
    "canter_left", "canter_right", "gallop_left", "gallop_right", "jump", "other",
]  # fmt: skip
GAITS: tuple[GaitName, ...] = get_args(GaitName)
"""What a horse may be said to do. ``idle`` is standing and grazing; ``other`` is rearing, bucking, kicking, lying; a
jog is a slow trot."""
MIRROR_GAITS: tuple[int, ...] = tuple(
    [*map(str, GAITS)].index(name.replace("left", "right") if "left" in name else name.replace("right", "left"))
    for name in GAITS
)
"""The place in ``GAITS`` of each gait in a mirror."""
STRIDING: tuple[GaitName, ...] = GAITS[1:-2]
"""Those that are made of strides."""
WORDS: dict[GaitName, str] = {
    "idle": "standing",
    "walk": "walk",
    "trot": "trot",
    "passage": "passage",
    "piaffe": "piaffe",
    "pace": "pace",
    "tolt": "tölt",
    "fox_trot": "fox trot",
    "canter_left": "canter on the left lead",
    "canter_right": "canter on the right lead",
    "gallop_left": "gallop on the left lead",
    "gallop_right": "gallop on the right lead",
    "jump": "jump",
    "other": "something else",
}
"""How a person says it."""
_OF_GENERATOR: dict[str, GaitName] = {"jog": "trot", "stand": "idle", "graze": "idle", "paw": "idle"}


def of_generator(name: str) -> GaitName:
    """Return what a motion of ``motion.MOTION_NAMES`` counts as here."""
    known: dict[str, GaitName] = {gait: gait for gait in GAITS}
    return (_OF_GENERATOR | known).get(name, "other")
