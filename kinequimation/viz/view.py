"""The 3D horse from a second viewpoint: flat-shaded triangles painted from far to near with Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kinequimation import skeleton
from kinequimation.body import MATERIALS, Body
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.viz.proxy import make_proxy

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.motion import Motion

_COLOURS = {
    "coat": (150, 96, 58),
    "mane": (52, 42, 38),
    "tail": (52, 42, 38),
    "hoof": (74, 66, 60),
    "muzzle": (92, 76, 70),
    "eye": (20, 16, 14),
    "feather": (52, 42, 38),
}
_CONTACT_COLOUR = (255, 196, 40)
_SKY, _GROUND, _LINE, _SHADOW = (226, 231, 237), (176, 182, 188), (150, 157, 165), (96, 102, 110)
_LIGHT_TURN_RAD, _LIGHT_ELEVATION_RAD = np.deg2rad(35.0), np.deg2rad(52.0)
"""Where the light comes from: further round to the horse's flank than the camera, and above."""
_AMBIENT, _KEY, _FILL = 0.42, 0.6, 0.22
_ELEVATION_RAD = np.deg2rad(12.0)
_FIELD_OF_VIEW_RAD = np.deg2rad(30.0)
_FRONT_RAD, _SIDE_RAD = np.deg2rad(48.0), np.deg2rad(100.0)
"""The two places to look from, measured from the horse's heading; at least 30° from wherever it was filmed."""
_FOLLOW_S, _TURN_S = 0.5, 1.5
"""Half the time over which the camera's way and its turning are averaged."""
_SUPERSAMPLE = 2
_CHUNK = 64
"""Frames that are posed together."""
_GRID_REACH = 6
"""Ground lines drawn to each side of the horse, one per metre."""


class SecondView:
    """Renders a motion, a frame at a time, with a camera that goes along with the horse.

    The camera stands in front of the horse, to the side that it was filmed from; or beside it where it was filmed from
    the front, so that the picture adds something. It goes round with the horse slowly, so that a horse on a circle
    keeps showing the same side, and the ground moves past by the world's own metres.

    Args:
        motion: what to draw.
        width, height: of the picture, pixels.
        camera_xyz_world: where the filming camera is, if that is known.
    """

    def __init__(
        self, motion: Motion, width: int, height: int, camera_xyz_world: Float[np.ndarray, " 3"] | None = None
    ) -> None:
        self._width, self._height = width * _SUPERSAMPLE, height * _SUPERSAMPLE
        self._contact = motion.contact
        body = Body(motion.shape)
        self._size = motion.shape.withers_height_m
        self._proxy = make_proxy(body)
        self._body, self._motion = body, motion
        self._posed: tuple[int, np.ndarray, np.ndarray] = (-1, np.empty(0), np.empty(0))
        # all joints of a long clip would fill the memory: only the trunk's ends are kept
        ends = [skeleton.JOINT_INDEX[skeleton.SACRUM], skeleton.JOINT_INDEX["DEF-spine.006"]]
        trunk = np.concatenate([self._pose(chunk)[0][:, ends] for chunk in range(-(-len(motion) // _CHUNK))])
        sacrum, withers = trunk[:, 0], trunk[:, 1]
        centre = 0.35 * sacrum + 0.65 * withers  # the neck reaches further out than the tail
        self._target = _smooth(centre, motion.t_s, _FOLLOW_S)
        self._target[:, 2] = 0.56 * self._size
        forward = (withers - sacrum)[:, :2]
        azimuth, side = _viewing_azimuth(forward, centre, camera_xyz_world)
        heading = np.unwrap(np.arctan2(forward[:, 1], forward[:, 0]))[:, None]
        azimuth = azimuth + _smooth(heading - heading.mean(), motion.t_s, _TURN_S)[:, 0]
        across = min(self._width, 0.85 * self._height)
        distance = 0.96 * self._size / np.tan(_FIELD_OF_VIEW_RAD / 2)
        self._offset = distance * _directions(azimuth, _ELEVATION_RAD)
        self._light_direction = -_directions(azimuth + side * _LIGHT_TURN_RAD, _LIGHT_ELEVATION_RAD)
        K = intrinsics(int(across), int(across), _FIELD_OF_VIEW_RAD)
        K[:2, 2] = (self._width - 1) / 2, (self._height - 1) / 2
        self._K = K
        palette = np.array([_COLOURS[m] for m in MATERIALS], float)
        self._face_colour = palette[self._proxy.face_material]
        self._background = self._make_background()

    def render(self, i: int) -> UInt8[np.ndarray, "h w 3"]:
        """Return the picture of frame ``i``."""
        return np.asarray(self.picture(i))

    def picture(self, i: int) -> Image.Image:
        """Return the picture of frame ``i``, to draw on."""
        target = self._target[i]
        camera = Camera(self._K, look_at(target + self._offset[i], target), self._width, self._height)
        if self._posed[0] != i // _CHUNK:
            self._posed = (i // _CHUNK, *self._pose(i // _CHUNK))
        vertices = self._proxy.pose(self._posed[1][i % _CHUNK], self._posed[2][i % _CHUNK])
        image = self._background.copy()
        draw = ImageDraw.Draw(image)
        self._draw_grid(draw, camera, target)
        self._draw_shadow(image, camera, vertices, self._light_direction[i])
        self._draw_horse(draw, camera, vertices, i)
        return image.reduce(_SUPERSAMPLE)

    def _pose(self, chunk: int) -> tuple[np.ndarray, np.ndarray]:
        """Return joints and rotations of ``_CHUNK`` frames."""
        rows = slice(chunk * _CHUNK, (chunk + 1) * _CHUNK)
        return self._body.joints(self._motion.root_xyz_world[rows], self._motion.quat_wxyz[rows])

    def _make_background(self) -> Image.Image:
        rows = np.arange(self._height)
        pitch = _ELEVATION_RAD  # the camera looks down by this much: the horizon's row follows
        horizon = self._K[1, 2] - self._K[1, 1] * np.tan(pitch)
        down = np.clip((rows - horizon) / max(self._height - horizon, 1), 0, 1)[:, None] ** 0.4
        column = (1 - down) * np.array(_SKY) + down * np.array(_GROUND)
        pixels = np.broadcast_to(column[:, None], (self._height, self._width, 3)).astype(np.uint8)
        return Image.fromarray(pixels)

    def _draw_grid(self, draw: ImageDraw.ImageDraw, camera: Camera, target: np.ndarray) -> None:
        base = np.round(target[:2])
        steps = np.arange(-_GRID_REACH, _GRID_REACH + 1)
        reach = np.full(len(steps), float(_GRID_REACH))
        zero = np.zeros(len(steps))
        along_x = np.stack([np.stack([-reach, steps, zero], -1), np.stack([reach, steps, zero], -1)], 1)
        along_y = along_x[..., [1, 0, 2]]
        lines = np.concatenate([along_x, along_y]) + np.array([*base, 0.0])
        xyz = camera.to_cam(lines)
        near = 0.1 * self._size
        for a, b in xyz:
            if max(a[2], b[2]) <= near:
                continue
            if a[2] < near or b[2] < near:  # cut the line where it passes the camera
                cut = a + (b - a) * (near - a[2]) / (b[2] - a[2])
                a, b = (cut, b) if a[2] < near else (a, cut)
            ends = np.stack([a, b]) @ self._K.T
            uv = ends[:, :2] / ends[:, 2:]
            draw.line([tuple(uv[0]), tuple(uv[1])], fill=_LINE, width=_SUPERSAMPLE)

    def _draw_shadow(self, image: Image.Image, camera: Camera, vertices: np.ndarray, light: np.ndarray) -> None:
        """Throw the horse's shadow on the ground, at a quarter of the size, and soften it."""
        shrink = 4
        ground = vertices + np.maximum(vertices[:, 2:], 0.0) / -light[2] * light
        ground[:, 2] = 0.0
        uv = camera.project(ground) / shrink
        blur = self._height / 400
        lo = np.maximum(np.floor(uv.min(0) - 3 * blur), 0).astype(int)
        hi = np.minimum(np.ceil(uv.max(0) + 3 * blur), [self._width // shrink, self._height // shrink]).astype(int)
        if np.any(hi <= lo):
            return
        mask = Image.new("L", tuple((hi - lo).tolist()))
        draw = ImageDraw.Draw(mask)
        triangles = (uv - lo)[self._proxy.faces]
        a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
        lit = _cross(b - a, c - a) > 0  # one half of the surface throws the whole shadow
        for polygon in triangles[lit].reshape(-1, 6).tolist():
            draw.polygon(polygon, fill=130)
        mask = mask.filter(ImageFilter.GaussianBlur(blur))
        mask = mask.resize((mask.width * shrink, mask.height * shrink), Image.Resampling.BILINEAR)
        corner = (int(lo[0]) * shrink, int(lo[1]) * shrink)
        image.paste(_SHADOW, (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)

    def _draw_horse(self, draw: ImageDraw.ImageDraw, camera: Camera, vertices: np.ndarray, i: int) -> None:
        proxy, stands = self._proxy, self._contact[i] > 0.5
        uv = camera.project(vertices)
        depth = camera.to_cam(vertices)[:, 2]
        corners = uv[proxy.faces]
        facing = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) < 0
        faces = proxy.faces[facing]
        edge = vertices[faces]
        normal = np.cross(edge[:, 1] - edge[:, 0], edge[:, 2] - edge[:, 0])
        smooth = np.zeros_like(vertices)
        for k in range(3):
            for axis in range(3):
                smooth[:, axis] += np.bincount(faces[:, k], normal[:, axis], len(vertices))
        normal = smooth[faces].sum(1)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
        key = np.clip(-normal @ self._light_direction[i], 0, 1)
        fill = np.clip(normal @ (self._offset[i] / np.linalg.norm(self._offset[i])), 0, 1)
        shade = _AMBIENT + _KEY * key + _FILL * fill
        limb = proxy.face_limb[facing]
        colour = np.where(
            ((limb >= 0) & stands[limb])[:, None], np.array(_CONTACT_COLOUR, float), self._face_colour[facing]
        )
        colour = np.clip(colour * shade[:, None], 0, 255).astype(int)
        order = np.argsort(-depth[faces].mean(1))
        polygons = corners[facing].reshape(-1, 6)[order].tolist()
        for polygon, rgb in zip(polygons, map(tuple, colour[order].tolist()), strict=True):
            draw.polygon(polygon, fill=rgb)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _smooth(values: np.ndarray, t_s: np.ndarray, half_s: float) -> np.ndarray:
    """Follow [T, k] values softly: a moving average over ``half_s`` to each side that keeps a straight line."""
    n = len(values)
    lo, hi = np.searchsorted(t_s, t_s - half_s), np.searchsorted(t_s, t_s + half_s, side="right")
    half = np.minimum(np.arange(n) - lo, hi - 1 - np.arange(n))
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    i = np.arange(n)
    return (total[i + half + 1] - total[i - half]) / (2 * half + 1)[:, None]


def _directions(azimuth_rad: np.ndarray, elevation_rad: float) -> np.ndarray:
    """Return [T, 3] unit vectors."""
    level = np.cos(elevation_rad)
    up = np.full(len(azimuth_rad), np.sin(elevation_rad))
    return np.stack([level * np.cos(azimuth_rad), level * np.sin(azimuth_rad), up], axis=1)


def _viewing_azimuth(
    forward_xy: np.ndarray, centre: np.ndarray, camera_xyz_world: np.ndarray | None
) -> tuple[float, float]:
    """Return the direction from the horse to the second camera, as an angle in the ground plane, and its side.

    The side is 1 on the horse's left, −1 on its right.
    """
    mean = forward_xy.mean(0)
    heading = float(np.arctan2(mean[1], mean[0]))
    if camera_xyz_world is None:
        return heading + _FRONT_RAD, 1.0
    toward = camera_xyz_world[:2] - centre[:, :2].mean(0)
    filmed = (float(np.arctan2(toward[1], toward[0])) - heading + np.pi) % (2 * np.pi) - np.pi
    side = 1.0 if filmed >= 0 else -1.0
    return heading + side * (_FRONT_RAD if abs(filmed) > (_FRONT_RAD + _SIDE_RAD) / 2 else _SIDE_RAD), side
