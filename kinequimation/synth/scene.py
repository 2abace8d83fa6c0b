"""What one frame shows: horses, props, light, backdrop and camera. Made by ``sampling``, drawn by ``renderer``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.rotation import quat_to_matrix
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.meshes import VEIL

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

    from kinequimation.body import Body
    from kinequimation.geometry.camera import Camera

    Joints = tuple[Float[np.ndarray, "81 3"], Float[np.ndarray, "81 4"]]

BACKDROP_ID, HORSE_ID, OTHER_HORSE_ID, TACK_ID, PERSON_ID, OBJECT_ID = 0, 1, 2, 10, 11, 12
"""What the id buffer holds. The main horse is 1; other horses count up from 2."""


@dataclass(frozen=True)
class HorseInScene:
    """A posed horse.

    Attributes:
        body: its body.
        xyz_world: [81, 3] joints, metres.
        rotation_world: [81, 4] each joint's rotation from rest.
        coat: the shader's four-vectors, in the order of ``coat.COAT_FIELDS``.
        object_id: its number in the id buffer.
        gait: what it does, a name of ``motion.gaits``; empty where nobody says.
        phase: share of the stride that has passed, 0..1 from the left hind's landing; NaN where there is no stride.
        contact: [4] does each hoof stand, LF, RF, LH, RH; None where nobody says.
        exposure: the joints when the shutter opens and when it closes, each (``xyz_world``, ``rotation_world``);
            ``xyz_world`` and ``rotation_world`` above, and every label, are those half-way between. None: it is still.
        garments: the four-vectors of what lies on its skin, in the order of ``garments.GARMENT_FIELDS``; None: nothing.
    """

    body: Body
    xyz_world: Float[np.ndarray, "81 3"]
    rotation_world: Float[np.ndarray, "81 4"]
    coat: Float[np.ndarray, "fields 4"]
    object_id: int = HORSE_ID
    gait: str = ""
    phase: float = float("nan")
    contact: Bool[np.ndarray, " 4"] | None = None
    exposure: tuple[Joints, Joints] | None = None
    garments: Float[np.ndarray, "fields 4"] | None = None

    @property
    def rest_vertices(self) -> Float[np.ndarray, "v 3"]:
        """The skin at rest, metres."""
        return self.body.rest_vertices

    @cached_property
    def bone_rows(self) -> Float[np.ndarray, "81 3 4"]:
        """Each joint's affine map from the rest body to the world."""
        return self._rows_at(self.xyz_world, self.rotation_world)

    def _rows_at(self, xyz_world: np.ndarray, rotation_world: np.ndarray) -> Float[np.ndarray, "81 3 4"]:
        R = quat_to_matrix(rotation_world)
        t = xyz_world - np.einsum("jab,jb->ja", R, self.body.rest_xyz)
        return np.concatenate([R, t[..., None]], -1)

    def keypoints(self) -> Float[np.ndarray, "103 3"]:
        """Return the keypoints in the world."""
        return self.body.keypoints_from_joints(self.xyz_world[None], self.rotation_world[None])[0]


@dataclass(frozen=True)
class Scene:
    """Everything that is drawn.

    Attributes:
        camera: the camera.
        horses: the horses, the labelled one first.
        props: instances of base meshes (``meshes.Props.arrays``).
        rows: the shader's four-vectors, in the order of ``glsl.common.SCENE_FIELDS``.
        light_from_world: [4, 4] the shadow map's projection.
        contact: [5, 4] soft dark spots on the ground: x, y, 1/radius², strength.
        sun_shadow: strength of the cast shadows, 0 for none.
        record: what was drawn, for the record.
        shutter_s: how long the shutter is open, seconds; 0 for a picture without motion blur.
        picture: [h, w, 3 or 4] what the backdrop shows (sRGB, 0..255), if it shows a picture: a flat one, or with
            alpha the skyline.
        exposure: ``T_cam_world`` when the shutter opens and when it closes; ``camera`` is half-way between.
            None: the camera is still.
    """

    camera: Camera
    horses: tuple[HorseInScene, ...]
    props: dict[str, Float[np.ndarray, "n 20"]]
    rows: Float[np.ndarray, "fields 4"]
    light_from_world: Float[np.ndarray, "4 4"]
    contact: Float[np.ndarray, "5 4"]
    sun_shadow: float
    record: dict[str, object] = field(default_factory=dict)
    shutter_s: float = 0.0
    exposure: tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "4 4"]] | None = None
    picture: UInt8[np.ndarray, "h w c"] | None = None

    @property
    def cover_m(self) -> float:
        """Height of the ground's surface: what is below it, hooves in snow, cannot be seen."""
        return float(self.rows[SCENE_FIELDS.index("reach"), 2])

    @property
    def water_m(self) -> float:
        """Height of the water's surface; 0 where there is none."""
        veils = self.props.get(VEIL)
        if veils is None or not len(veils):
            return 0.0
        levels = veils[veils[:, 16] > -9, 11]
        return float(levels[0]) if len(levels) else 0.0

    @property
    def is_picture(self) -> bool:
        """Is the backdrop a flat picture, without ground?"""
        return bool(self.rows[SCENE_FIELDS.index("zenith"), 3] > 0.5)

    def sky_line(
        self, rise: Float[np.ndarray, " 3"], ray_from_ndc: Float[np.ndarray, "3 3"]
    ) -> Float[np.ndarray, " 3"]:
        """Return the line over which everything above the ground lies: the horizon, or the foot of the wall.

        Args:
            rise: the viewing ray's z as a linear function of (x, y, 1), clip coordinates.
            ray_from_ndc: the viewing ray as such a function.

        Returns:
            a linear function that is positive wherever the sky shader has something to draw.
        """
        everywhere = np.array([0.0, 0.0, 1.0])
        if self.is_picture:
            return everywhere
        foot = self.rows[SCENE_FIELDS.index("wall_shape"), 2]
        if foot >= 0:
            return rise
        # slope > foot is rise > foot · |ray's horizontal part|, which is bounded over the image's corners
        corners = ray_from_ndc @ np.array([[-1, 1, 1, -1], [-1, -1, 1, 1], [1, 1, 1, 1.0]])
        return rise - foot * np.linalg.norm(corners[:2], axis=0).max() * everywhere
