"""The backdrop as pictures, drawn by the OpenGL shaders: for a renderer that has its own light.

Ground and sky are formulas in ``glsl.backdrop``. Here they are drawn as the camera sees them, nothing standing in
front: a matte painting. The ground is drawn without light, so that another renderer can light it and let shadows fall
on it; what lies behind is drawn as it shines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kinequimation.geometry.camera import Camera
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.labels import SKY_M
from kinequimation.synth.renderer import renderer
from kinequimation.synth.tone import light_of

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.synth.scene import Scene


@dataclass(frozen=True)
class BackdropPictures:
    """What the camera sees of the backdrop, row 0 at the top.

    Attributes:
        behind_rgb: [H, W, 3] linear light of the sky, walls and pictures, also where the ground turns into them.
        ground_rgb: [H, W, 3] linear albedo of the ground, with the lighter and darker of its relief in it.
        ground_share: [H, W] how much of the pixel is ground, 0..1; the rest is what lies behind.
        mirror: [H, W] how much of the light of a wet ground is mirrored, 0..1.
    """

    behind_rgb: Float[np.ndarray, "h w 3"]
    ground_rgb: Float[np.ndarray, "h w 3"]
    ground_share: Float[np.ndarray, "h w"]
    mirror: Float[np.ndarray, "h w"]


def _changed(rows: np.ndarray, **changes: np.ndarray | list[float]) -> np.ndarray:
    """Return the rows with some of them replaced; NaN leaves a number as it is."""
    rows = rows.copy()
    for name, change in changes.items():
        row = rows[SCENE_FIELDS.index(name)]
        row[:] = np.where(np.isnan(change), row, change)
    return rows


def _larger(camera: Camera, scale: int) -> Camera:
    """Return the same view in ``scale`` times as many pixels."""
    K = camera.K.copy()
    K[:2] *= scale
    K[:2, 2] += 0.5 * (scale - 1)
    return Camera(K, camera.T_cam_world, camera.width * scale, camera.height * scale)


def bake_backdrop(scene: Scene, scale: int = 2) -> BackdropPictures:
    """Return the backdrop of a scene as its camera sees it.

    Args:
        scene: whose backdrop.
        scale: pixels per camera pixel in each direction.
    """
    rows = scene.rows
    row = dict(zip(SCENE_FIELDS, rows, strict=True))
    same = float("nan")
    # the cover is a plane drawn into the depth buffer; here its height alone matters, which the rays read too
    empty = replace(
        scene,
        camera=_larger(scene.camera, scale),
        horses=(),
        props={},
        sun_shadow=0.0,
        contact=np.array([[0, 0, 1.0, 0]] * 5),
    )

    def drawn(changed: np.ndarray) -> np.ndarray:
        return renderer().colour(replace(empty, rows=changed)) / 255.0

    # what lies behind, also where the ground runs into it
    fades = bool(row["fade"][1] > 0)
    all_behind = _changed(rows, fade=[1e-9, 2e-9, same, same]) if fades else rows
    behind = light_of(drawn(all_behind), rows)

    nothing = [0.0, 0, 0, same]
    dark = {f"lamp_{k}_rgb": nothing for k in "abc"} | {
        "ground_rgb": [0.0, 0, 0, 0], "white": [0.0] * 4, "horizon": nothing, "fade": [0.0, 0, same, same],
        "reach": [0.0, 0, same, same],
    }  # fmt: skip
    luma = np.array([0.2126, 0.7152, 0.0722])
    sky, sun = float(row["sky_rgb"][:3] @ luma), float(row["sun_rgb"][:3] @ luma) * max(float(row["sun"][2]), 0.0)
    # light that shows a level ground's albedo; as much of it comes from the sun, for the relief, as in the scene
    share = sun / max(sun + sky, 1e-9)
    height = max(float(row["sun"][2]), 1e-3)
    white_light = _changed(
        rows,
        **dark,
        sky_rgb=[1 - share] * 3 + [same],
        sun_rgb=[share / height] * 3 + [1.0],
        sun=[same, same, same, 0.0],
    )
    albedo = light_of(drawn(white_light), white_light)  # less what puddles mirror instead

    if scene.is_picture:
        is_ground = np.zeros(albedo.shape[:2], bool)
    else:
        is_ground = renderer().render(replace(empty, rows=white_light)).z_cam < SKY_M
    mirror = np.zeros(albedo.shape[:2])
    if row["reach"][3] > 0:
        black = [0.0, 0, 0, same]
        puddles = _changed(
            rows, **dark | {"horizon": [1.0, 1, 1, same]}, sky_rgb=black, sun_rgb=[0.0, 0, 0, 1.0], soil_a=black,
            soil_b=black, verge=black,
        )  # fmt: skip
        mirror = np.where(is_ground, light_of(drawn(puddles), puddles).mean(-1) / 0.8, 0.0).clip(0, 0.95)
        albedo /= 1 - mirror[..., None]
    ground_share = is_ground * (1 - _faded(scene, empty.camera)) if fades else is_ground.astype(float)
    return BackdropPictures(behind, albedo, ground_share, mirror)


def _faded(scene: Scene, camera: Camera) -> Float[np.ndarray, "h w"]:
    """Return how far the ground at each pixel has turned into the picture behind it, 0..1."""
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(camera.K).T @ camera.T_cam_world[:3, :3]
    eye = camera.position_world
    t = (scene.cover_m - eye[2]) / np.minimum(rays[..., 2], -1e-5)
    out = np.linalg.norm(eye[:2] + t[..., None] * rays[..., :2], axis=-1)
    low, high = scene.rows[SCENE_FIELDS.index("fade"), :2]
    x = np.clip((out - low) / max(high - low, 1e-9), 0, 1)
    return x * x * (3 - 2 * x)
