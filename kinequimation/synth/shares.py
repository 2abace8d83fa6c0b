"""How often each thing is in a scene: one number a factor, so that any of them can be switched off (sources, B6)."""

from __future__ import annotations

from dataclasses import dataclass, fields

from kinequimation.errors import InputError

PLACES: tuple[str, ...] = ("field", "arena", "yard", "road", "indoor", "stable", "plain", "picture", "abstract")
"""Kinds of place. The first four lie under the sky; a picture has a photograph or a painting for its background."""


@dataclass(frozen=True)
class SceneShares:
    """Probabilities of what a scene has; those of places are relative to each other.

    The figures are B6's where it has one, else judgement: places .45 outdoors, .10 indoors, .05 plain and .40 with a
    photograph behind; rails in front .20; light from behind .20; flash .04.

    Attributes:
        field, arena, yard, road, indoor, stable, plain, picture, abstract: kinds of place.
        photographs: image files to take as backgrounds (``pictures.photographs``), kept sorted. Without them most
            pictures become places outdoors.
        painted: share of the pictures that stay pictures, painted ones, where there are no photographs.
        wall: scales how often a wall stands behind, 1 for as often as the place wants.
        path: share of the fields and yards with a strip of other ground.
        skyline: share of places outdoors with a painted skyline; the others have bands of hills and trees.
        grounds: names of the ``ground.GROUNDS`` to draw from; empty for all.
        overcast, golden_hour, fog, backlight, flash, lamps: kinds of light; lamps is for places outdoors.
        soft_shadow: share of the scenes whose shadows have soft edges.
        white_balance: share of the cameras whose white is off.
        blades: share of the grassy grounds whose grass stands up and hides hooves.
        cover: share of the soft grounds (snow, sand, mud, straw) that hooves sink into.
        water: share of the places outdoors with shallow water.
        dust: share of the fast horses on dry or wet ground with dust, clods or spray at their hooves.
        furniture: share of the scenes with things behind and beside the horse.
        fence_front, foliage_front, trunk_front, pole_front: things between camera and horse.
        people, vehicles, animals, buildings: share of the furnished scenes that have them.
    """

    field: float = 0.20
    arena: float = 0.15
    yard: float = 0.06
    road: float = 0.04
    indoor: float = 0.08
    stable: float = 0.02
    plain: float = 0.04
    picture: float = 0.38
    abstract: float = 0.03
    photographs: tuple[str, ...] = ()
    painted: float = 0.35
    wall: float = 1.0
    path: float = 0.12
    skyline: float = 0.85
    grounds: tuple[str, ...] = ()
    overcast: float = 0.35
    golden_hour: float = 0.12
    fog: float = 0.10
    backlight: float = 0.20
    flash: float = 0.04
    lamps: float = 0.10
    soft_shadow: float = 0.8
    white_balance: float = 1.0
    blades: float = 0.65
    cover: float = 0.7
    water: float = 0.05
    dust: float = 0.5
    furniture: float = 0.85
    fence_front: float = 0.20
    foliage_front: float = 0.10
    trunk_front: float = 0.03
    pole_front: float = 0.05
    people: float = 0.30
    vehicles: float = 0.15
    animals: float = 0.06
    buildings: float = 0.25

    def __post_init__(self) -> None:
        object.__setattr__(self, "photographs", tuple(sorted(self.photographs)))
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name not in ("photographs", "grounds") and not 0 <= value <= 1:
                raise InputError(f"{entry.name}: expected a share from 0 to 1, got {value}")
        if not sum(getattr(self, place) for place in PLACES) > 0:
            raise InputError("expected a share above 0 for one kind of place, got 0 for all")

    @classmethod
    def bare(cls) -> SceneShares:
        """Return the shares of scenes with plain ground, sky and sun, and nothing else."""
        nothing = {entry.name: 0.0 for entry in fields(cls) if entry.name not in ("photographs", "grounds")}
        return cls(**(nothing | {"field": 1.0}), grounds=("sand", "grass", "dirt"))  # type: ignore[arg-type]

    @classmethod
    def first(cls) -> SceneShares:
        """Return about the distribution of the first generator, for comparison."""
        return cls(
            field=0.42, arena=0.33, indoor=0.13, abstract=0.12, yard=0, road=0, stable=0, plain=0, picture=0,
            path=0, skyline=0,
            grounds=("sand", "dark sand", "grey arena", "grass", "dry grass", "dirt", "asphalt", "snow"),
            overcast=0.4, golden_hour=0, fog=0.2, backlight=0, flash=0, lamps=0, soft_shadow=0, white_balance=0,
            blades=0.8, cover=0, water=0, dust=0, furniture=0.9, fence_front=0.13, foliage_front=0, trunk_front=0,
            pole_front=0, people=0.4, vehicles=0, animals=0, buildings=0.6,
        )  # fmt: skip
