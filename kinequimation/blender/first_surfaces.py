"""What the first surface in each pixel is: the ground truth of masks and of what can be seen.

A second Cycles rendering of the scene, with one sample through the very centre of each pixel, gives an object's number
and a depth. Numbers are the objects' ``pass_index``, as in ``synth.scene``: 0 the backdrop (sky, ground), 1 the
labelled horse, 2 to 9 other horses, 10 tack, 11 people, 12 other things.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from kinequimation import skeleton
from kinequimation.blender.compositor import empty_compositor, remove_compositor
from kinequimation.blender.engine import plain_render_settings
from kinequimation.blender.holes import ALL_OR_NOTHING, decide_holes
from kinequimation.dataset.visibility import LABELLED_HORSE_ID, NO_SEGMENT, in_frame, visibility
from kinequimation.errors import OutputError

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, UInt8

    from kinequimation.blender.shoot import Horse
    from kinequimation.geometry.camera import Camera

BACKDROP_ID, OTHER_THING_ID = 0, 12
_FILTER_PX = 0.01
"""Width of the pixel filter, the narrowest that Cycles takes: samples lie within 0.005 px of the centre."""
_ALPHA = 0.5
"""A surface that covers less than this share of what is behind it is looked through, as OpenGL's alpha test does."""


@dataclass(frozen=True)
class Surfaces:
    """What a rendering tells of the first surface in each pixel; row 0 is the top of the image.

    Attributes:
        object_id: [H, W] the object's number.
        z_cam: [H, W] depth along the camera's axis, metres; 1e10 for the sky.
        segment: [H, W] the joint with the largest skin weight, an index into ``skeleton.JOINTS``; ``NO_SEGMENT``
            where none is, and where nobody asked.
        scale: rendered pixels per camera pixel.
    """

    object_id: UInt8[np.ndarray, "h w"]
    z_cam: Float32[np.ndarray, "h w"]
    segment: UInt8[np.ndarray, "h w"]
    scale: int = 1


class SurfaceScene:
    """A scene's twin that renders numbers and depths instead of colours; use it as a context manager, or ``close``.

    The objects are shared with the scene; what is hidden there is hidden here.
    """

    def __init__(self, scene: bpy.types.Scene, threads: int = 0) -> None:
        """Make the twin.

        Args:
            scene: what is rendered.
            threads: how many of the processor's to use; 0: all.
        """
        self._twin = twin = scene.copy()
        twin.name = f"{scene.name} surfaces"
        decide_holes()
        twin[ALL_OR_NOTHING] = 1.0
        twin.world = None
        plain_render_settings(twin, threads)
        twin.render.engine = "CYCLES"
        cycles = twin.cycles
        cycles.device = "CPU"
        cycles.samples = 1
        cycles.pixel_filter_type, cycles.filter_width = "BLACKMAN_HARRIS", _FILTER_PX
        cycles.max_bounces = 0
        cycles.transparent_max_bounces = 64
        cycles.use_adaptive_sampling = cycles.use_denoising = cycles.use_light_tree = False
        layer = twin.view_layers[0]
        layer.material_override = None
        layer.use_pass_z = layer.use_pass_object_index = True
        layer.pass_alpha_threshold = _ALPHA
        tree, result = empty_compositor(twin)
        source, joined = (tree.nodes.new(f"CompositorNode{kind}") for kind in ("RLayers", "CombineColor"))
        source.scene = twin
        number = "IndexOB" if "IndexOB" in source.outputs else "Object Index"
        tree.links.new(source.outputs["Depth"], joined.inputs[0])
        tree.links.new(source.outputs[number], joined.inputs[1])
        tree.links.new(joined.outputs[0], result.inputs[0])
        file = twin.render.image_settings
        file.file_format, file.color_mode, file.color_depth, file.exr_codec = "OPEN_EXR", "RGB", "32", "NONE"
        # in the background Blender hands out no pixels but those of a file
        self._folder = tempfile.TemporaryDirectory(prefix="kinequimation-")
        twin.render.filepath = str(Path(self._folder.name) / "surfaces.exr")
        self._image: bpy.types.Image | None = None

    def __enter__(self) -> SurfaceScene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the twin."""
        if self._image is not None:
            bpy.data.images.remove(self._image)
        remove_compositor(self._twin)
        bpy.data.scenes.remove(self._twin)
        self._folder.cleanup()

    def render(
        self, camera: bpy.types.Object, frame: int, width: int, height: int
    ) -> tuple[UInt8[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
        """Return the object's number and the depth at each pixel's centre.

        Raises:
            OutputError: Blender could not write them for a moment.
        """
        twin = self._twin
        twin.camera = camera
        twin.frame_current = frame
        twin.render.resolution_x, twin.render.resolution_y = width, height
        try:
            bpy.ops.render.render(write_still=True, scene=twin.name)
        except RuntimeError as error:
            raise OutputError(f"cannot render what is seen: {error}") from error
        if self._image is None:
            self._image = bpy.data.images.load(twin.render.filepath)
            self._image.colorspace_settings.name = "Non-Color"
        else:
            self._image.reload()
        pixels = np.empty(width * height * 4, np.float32)
        self._image.pixels.foreach_get(pixels)
        pixels = pixels.reshape(height, width, 4)[::-1]
        return np.round(pixels[..., 1]).astype(np.uint8), pixels[..., 0].copy()

    def look(
        self,
        camera_object: bpy.types.Object,
        camera: Camera,
        frame: int,
        now: Horse,
        uv_px: Float[np.ndarray, "n 2"],
    ) -> Surfaces:
        """Return the first surfaces, with the segments under the given points.

        Args:
            camera_object: Blender's camera.
            camera: the same.
            frame: Blender's frame.
            now: the labelled horse.
            uv_px: where segments are wanted.
        """
        object_id, z_cam = self.render(camera_object, frame, camera.width, camera.height)
        segment = np.full(object_id.shape, NO_SEGMENT, np.uint8)
        finite = in_frame(uv_px, np.ones(len(uv_px)), camera.width, camera.height)
        pixels = np.unique(np.round(uv_px[finite]).astype(int), axis=0)
        pixels = pixels[object_id[pixels[:, 1], pixels[:, 0]] == LABELLED_HORSE_ID]
        column, row = pixels.T
        rays = np.concatenate([pixels, np.ones((len(pixels), 1))], 1) @ np.linalg.inv(camera.K).T
        T_world_cam = np.linalg.inv(camera.T_cam_world)
        xyz_world = (rays * z_cam[row, column, None]) @ T_world_cam[:3, :3].T + T_world_cam[:3, 3]
        segment[row, column] = now.segments_at(xyz_world)
        return Surfaces(object_id, z_cam, segment)


def number_objects(view_layer: bpy.types.ViewLayer, labelled: tuple[bpy.types.Object, ...]) -> None:
    """Give the labelled horse's meshes, and hair that grows on them, its number, and all else that of other things."""
    for o in view_layer.objects:
        is_hair = o.type == "CURVES" and (o.parent in labelled or o.data.surface in labelled)
        o.pass_index = LABELLED_HORSE_ID if o in labelled or is_hair else OTHER_THING_ID


def visibility_of(
    surfaces: Surfaces, camera: Camera, now: Horse
) -> tuple[UInt8[np.ndarray, " n"], UInt8[np.ndarray, " l"]]:
    """Return what can be seen of the bones' heads and of the landmarks."""
    n = len(skeleton.BONES)
    xyz = np.full((n + len(now.landmark_xyz), 3), np.nan)
    rows = [skeleton.BONES.index(name) for name in now.pose.rest.names]  # a rig may lack the mane
    xyz[rows], xyz[n:] = now.pose.head, now.landmark_xyz
    seen = visibility(surfaces, camera.project(xyz), camera.to_cam(xyz)[:, 2], now.withers_m, n)
    return seen[rows], seen[n:]
