"""A move made for one body: what it asks of the horse at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from jaxtyping import Float

    from kinequimation.motion.moves.attitude import Attitude


@dataclass(frozen=True)
class Score:
    """What is asked of the horse over time; it faces −Y and starts near the origin.

    Attributes:
        start_s: when it begins.
        end_s: when it ends.
        attitude: what is asked at any times between.
    """

    start_s: float
    end_s: float
    attitude: Callable[[Float[np.ndarray, " frames"]], Attitude]
