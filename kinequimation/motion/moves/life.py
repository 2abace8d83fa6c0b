"""What keeps moving in a horse that stands or lies still: breath, ears, tail, jaw, the drift of the head.

Rates are those of sources, E1 (row idle): breathing 0.15-0.3 Hz, ears 0.1-1 Hz, tail 0.2-1 Hz, head and neck drifting
by 10° at 0.05-0.2 Hz. Sizes not stated there are judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.motion.moves.carriage import open_jaw
from kinequimation.motion.moves.frame import HEAD, NECK, SPINE, TAIL

if TYPE_CHECKING:
    from jaxtyping import Float

_J = skeleton.JOINT_INDEX
_CHEST = _J["DEF-chest"]
_SLOTS = 32


@dataclass(frozen=True)
class Life:
    """The small movements of one horse, drawn once; they can be evaluated at any time.

    Attributes:
        chance: [8, 32] numbers from 0 to 1 that say when and how large events are.
        breath_hz: breaths a second.
        restless: factor on everything but breath.
    """

    chance: Float[np.ndarray, "8 32"]
    breath_hz: float
    restless: float

    @classmethod
    def draw(cls, rng: np.random.Generator | None) -> Life:
        """Draw a horse's small movements; without a generator, always the same ones."""
        rng = rng or np.random.default_rng(7)
        return cls(rng.random((8, _SLOTS)), float(rng.uniform(0.17, 0.28)), float(np.exp(rng.normal(0.0, 0.25))))

    def wave(self, t_s: np.ndarray, row: int, low_hz: float, high_hz: float) -> Float[np.ndarray, " frames"]:
        """Return a slow wave between -1 and 1 of three frequencies."""
        c = self.chance[row]
        hz = low_hz + (high_hz - low_hz) * c[:3]
        return np.sin(2 * np.pi * (t_s[:, None] * hz + c[3:6])) @ np.array([0.55, 0.3, 0.15])

    def pulses(self, t_s: np.ndarray, row: int, every_s: float, length_s: float) -> Float[np.ndarray, " frames"]:
        """Return pulses of random sign and size up to 1, about one every so many seconds, zero between."""
        slot = np.floor(t_s / every_s).astype(int)
        c = self.chance[row]
        start = c[slot % _SLOTS] * max(1.0 - length_s / every_s, 0.0)
        w = np.clip((t_s / every_s - slot - start) * every_s / length_s, 0.0, 1.0)
        size = 2.0 * c[(slot + 11) % _SLOTS] - 1.0
        return size * np.sin(np.pi * w) ** 2

    def breathe(self, v: np.ndarray, t_s: np.ndarray) -> None:
        """Move the chest and the flanks."""
        wave = np.sin(2 * np.pi * self.breath_hz * t_s)
        v[:, _CHEST, 0] += np.radians(1.4) * wave
        v[:, SPINE[2:4], 0] += np.radians(0.35) * wave[:, None]

    def drift(self, v: np.ndarray, t_s: np.ndarray, size: float = 1.0) -> None:
        """Let head and neck drift, and look round now and then."""
        k = self.restless * size
        v[:, NECK, 0] += np.radians(2.2) * k * self.wave(t_s, 0, 0.05, 0.2)[:, None]
        v[:, NECK, 2] += np.radians(2.5) * k * self.wave(t_s, 1, 0.05, 0.2)[:, None]
        v[:, HEAD, 0] += np.radians(4.0) * k * self.wave(t_s, 2, 0.08, 0.25)
        v[:, HEAD, 2] += np.radians(5.0) * k * self.wave(t_s, 3, 0.06, 0.2)
        v[:, HEAD, 1] += np.radians(2.0) * k * self.wave(t_s, 4, 0.06, 0.2)

    def flick_ears(self, v: np.ndarray, t_s: np.ndarray) -> None:
        """Turn each ear by itself, and flick it."""
        for i, (side, sign) in enumerate((("L", 1.0), ("R", -1.0))):
            j = _J[f"DEF-ear.{side}"]
            turn = 0.22 * self.wave(t_s, 5 + i, 0.1, 0.5) + 0.45 * self.pulses(t_s, 4 - i, 2.6, 0.35)
            v[:, j, 2] += sign * self.restless * turn
            v[:, j, 0] += 0.5 * self.restless * turn

    def swish_tail(self, v: np.ndarray, t_s: np.ndarray, size: float = 1.0) -> None:
        """Swing the tail a little, and swish it now and then; the swing runs down it."""
        share = np.array([0.5, 0.9, 1.0, 1.0, 0.9])
        for i, j in enumerate(TAIL):
            late = t_s - 0.09 * i
            swing = 0.05 * np.sin(2 * np.pi * (0.45 * late + self.chance[7, 0]))
            swish = self.pulses(late, 7, 4.0, 1.3) * np.sin(2 * np.pi * late / 0.9)
            v[:, j, 2] += size * self.restless * share[i] * (swing + 0.42 * swish)

    def chew(self, v: np.ndarray, t_s: np.ndarray, share: float | np.ndarray = 1.0) -> None:
        """Grind the jaw, to one side (judgement: 1.2 times a second)."""
        turn = 2 * np.pi * 1.2 * t_s
        open_jaw(v, np.radians(3.5) * share * (1.0 - np.cos(turn)), np.radians(3.0) * share * np.sin(turn))
