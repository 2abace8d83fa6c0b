"""All gaits by name."""

from __future__ import annotations

from kinequimation.motion.gait import REFERENCE_HEIGHT_M, Gait, GaitTable, Swing
from kinequimation.motion.leaps import CANTER_RIGHT, GALLOP_RIGHT
from kinequimation.motion.trots import JOG, PACE, PASSAGE, PIAFFE, TROT
from kinequimation.motion.walks import FOX_TROT, IDLE, TOLT, WALK

__all__ = ["GAITS", "GAIT_NAMES", "REFERENCE_HEIGHT_M", "TABLES", "Gait", "GaitTable", "Swing", "table_of"]

TABLES: dict[str, GaitTable] = {
    "walk": WALK,
    "trot": TROT,
    "jog": JOG,
    "piaffe": PIAFFE,
    "passage": PASSAGE,
    "pace": PACE,
    "tolt": TOLT,
    "fox_trot": FOX_TROT,
    "canter_right": CANTER_RIGHT,
    "gallop_right": GALLOP_RIGHT,
    "idle": IDLE,
}
"""The gaits that are written down; what leads with the left is the mirror image of its right."""
GAIT_NAMES: tuple[str, ...] = (
    "walk", "trot", "jog", "piaffe", "passage", "pace", "tolt", "fox_trot",
    "canter_left", "canter_right", "gallop_left", "gallop_right", "idle",
)  # fmt: skip
GAITS: dict[str, Gait] = {name: table.at(table.speeds_mps[1]) for name, table in TABLES.items()}
"""Each written gait at its usual speed."""


def table_of(name: str) -> tuple[GaitTable, bool]:
    """Return a gait's numbers, and whether its motion is the mirror image of theirs."""
    mirrored = name.endswith("_left")
    return TABLES[name.removesuffix("_left") + "_right" if mirrored else name], mirrored
