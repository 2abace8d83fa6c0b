"""The mixture: how often each thing is drawn, all in one place, so that any part can be changed or switched off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from kinequimation.errors import InputError
from kinequimation.motion import MotionShares
from kinequimation.synth import tack
from kinequimation.synth.coat import CoatShares
from kinequimation.synth.record import changed_fields
from kinequimation.synth.sensor import SensorShares
from kinequimation.synth.shares import SceneShares
from kinequimation.synth.tack import TackShares


@dataclass(frozen=True)
class Mixture:
    """What a stream of frames is a mixture of. The defaults are the generator's own (sources, B6).

    Attributes:
        motion: what horses do.
        coat: colours, patterns, markings, dirt.
        tack: what horses wear, and who rides them.
        scene: places, light, ground, obstacles.
        sensor: what happens to a crop after it was taken.
        other_horse: share of the frames with another horse near, behind or partly in front.
        handler: share of the frames with somebody on foot at the horse's head.
        exposed: share of the frames that were taken with a shutter time; the others freeze the moment.

    Raises:
        InputError: a share is not from 0 to 1.
    """

    motion: MotionShares = field(default_factory=MotionShares)
    coat: CoatShares = field(default_factory=CoatShares)
    tack: TackShares = field(default_factory=TackShares)
    scene: SceneShares = field(default_factory=SceneShares)
    sensor: SensorShares = field(default_factory=SensorShares)
    other_horse: float = 0.20
    handler: float = 0.12
    exposed: float = 0.35

    def __post_init__(self) -> None:
        for name in ("other_horse", "handler", "exposed"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}: expected a share from 0 to 1, got {getattr(self, name)}")

    @cached_property
    def changes(self) -> dict[str, Any]:
        """What differs from the default, as JSON has it: what a frame's record keeps."""
        return changed_fields(self)

    @classmethod
    def bare(cls) -> Mixture:
        """Return the mixture of naked horses on plain ground under the sky, nothing else, every moment frozen."""
        return cls(tack=tack.NOTHING, scene=SceneShares.bare(), other_horse=0.0, handler=0.0, exposed=0.0)

    @classmethod
    def training(cls) -> Mixture:
        """Return the mixture that networks are trained on: fewer of the rare moves, more plain going.

        The shares are judgement: what is mostly filmed, with enough of the rest to know it.
        """
        kinds = {
            "gait": 0.70, "jump": 0.07, "stand": 0.09, "graze": 0.07, "rear": 0.012, "buck": 0.012, "kick": 0.007,
            "paw": 0.008, "lie": 0.008, "lie_down": 0.006, "get_up": 0.006, "wild": 0.03,
        }  # fmt: skip
        gaits = {
            "walk": 0.27, "trot": 0.24, "canter_left": 0.10, "canter_right": 0.10, "gallop_left": 0.06,
            "gallop_right": 0.06, "jog": 0.03, "tolt": 0.04, "pace": 0.03, "passage": 0.02, "piaffe": 0.02,
            "fox_trot": 0.01, "idle": 0.03,
        }  # fmt: skip
        return cls(motion=MotionShares(kinds=kinds, gaits=gaits))

    def with_photographs(self, paths: tuple[str, ...]) -> Mixture:
        """Return the mixture with photographs as backgrounds."""
        return replace(self, scene=replace(self.scene, photographs=paths))
