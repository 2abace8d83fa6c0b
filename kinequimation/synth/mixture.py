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

    def with_photographs(self, paths: tuple[str, ...]) -> Mixture:
        """Return the mixture with photographs as backgrounds."""
        return replace(self, scene=replace(self.scene, photographs=paths))
