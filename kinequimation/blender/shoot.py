"""One frame seen by one camera, as files: the images, the mask, and last the label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import bpy
import numpy as np

from kinequimation.blender.first_surfaces import SurfaceScene, visibility_of
from kinequimation.blender.png import drop_remarks, mask_png
from kinequimation.dataset.frame_label import CV_FROM_BLENDER, FrameLabel, FramePlace, Landmarks
from kinequimation.dataset.labels import write_label
from kinequimation.dataset.visibility import LABELLED_HORSE_ID, in_frame
from kinequimation.errors import OutputError
from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float, UInt8

    from kinequimation.blender.bones import Pose
    from kinequimation.geometry.camera import Camera

_PNG_COMPRESSION = 15
"""Blender's, of 100: noise does not pack, and this is its quickest that packs at all."""


class Horse(Protocol):
    """What a label says of the horse at one moment; see ``subject.SubjectNow``."""

    @property
    def pose(self) -> Pose: ...
    @property
    def landmark_names(self) -> tuple[str, ...]: ...
    @property
    def landmark_xyz(self) -> Float[np.ndarray, "l 3"]: ...
    @property
    def withers_m(self) -> float: ...
    def segments_at(self, xyz_world: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, " n"]:
        """Return the bone with the largest weight at points of the skin, an index into ``skeleton.JOINTS``."""
        ...

    def box(self, camera: Camera) -> Float[np.ndarray, " 4"]:
        """Return the tight box of the horse (x, y, width, height; pixels), hidden parts too, clipped to the image."""
        ...


@dataclass(frozen=True)
class View:
    """A camera at one frame.

    Attributes:
        camera_object: Blender's.
        camera: the same, as it is.
        blender_frame: Blender's number of the frame.
        noise_seed: of Cycles' noise.
    """

    camera_object: bpy.types.Object
    camera: Camera
    blender_frame: int
    noise_seed: int


def shoot(
    place: FramePlace,
    view: View,
    images: Mapping[str, bpy.types.Scene],
    surfaces: SurfaceScene,
    horse: Horse,
    *,
    armature: str,
    clip: str,
    fps: float,
    scene: dict[str, Any],
) -> None:
    """Render a frame and write its files, the label last.

    Args:
        place: where the files go.
        view: what is looked through.
        images: the scene to render for each variant.
        surfaces: the scene that tells what is seen.
        horse: the labelled one.
        armature, clip, fps, scene: for the label.

    Raises:
        OutputError: a file cannot be written.
    """
    for variant, image_scene in images.items():
        shoot_image(place, view, variant, image_scene)
    shoot_label(place, view, tuple(images), surfaces, horse, armature=armature, clip=clip, fps=fps, scene=scene)


def shoot_image(place: FramePlace, view: View, variant: str, scene: bpy.types.Scene) -> None:
    """Render the image of a variant, and write it.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(place.image(variant)) as temporary:
        render_image(scene, view, temporary)


def shoot_label(
    place: FramePlace,
    view: View,
    variants: tuple[str, ...],
    surfaces: SurfaceScene,
    horse: Horse,
    *,
    armature: str,
    clip: str,
    fps: float,
    scene: dict[str, Any],
) -> None:
    """Render what is seen, and write the mask and the label of images that are there; see ``shoot``.

    Raises:
        OutputError: a file cannot be written.
    """
    camera = view.camera
    seen = surfaces.look(view.camera_object, camera, view.blender_frame, horse, camera.project(horse.pose.head))
    mask = seen.object_id == LABELLED_HORSE_ID
    with replacing(place.mask) as temporary:
        temporary.write_bytes(mask_png(mask))
    bone_visibility, landmark_visibility = visibility_of(seen, camera, horse)
    uv, depth = camera.project(horse.landmark_xyz), camera.to_cam(horse.landmark_xyz)[:, 2]
    label = FrameLabel(
        action=place.action,
        clip=clip,
        frame=place.frame,
        camera=place.camera,
        fps=fps,
        variants=variants,
        width=camera.width,
        height=camera.height,
        K=camera.K,
        camera_matrix_world=np.linalg.inv(camera.T_cam_world) @ CV_FROM_BLENDER,
        armature=armature,
        root_matrix=horse.pose.root_matrix,
        bbox_xywh=horse.box(camera),
        area_px=int(mask.sum()),
        bones=horse.pose.seen(camera, bone_visibility),
        landmarks=Landmarks(
            names=horse.landmark_names,
            xyz=horse.landmark_xyz,
            uv=uv,
            in_frame=in_frame(uv, depth, camera.width, camera.height),
            visibility=landmark_visibility,
            depth=depth,
        ),
        scene=scene,
    )
    write_label(place.label, label)


def render_image(scene: bpy.types.Scene, view: View, path: Path) -> None:
    """Render a scene as a PNG whose bytes depend on what it shows alone.

    Raises:
        OutputError: Blender could not write it.
    """
    scene.camera = view.camera_object
    scene.frame_current = view.blender_frame
    scene.cycles.seed = view.noise_seed
    render = scene.render
    render.resolution_x, render.resolution_y = view.camera.width, view.camera.height
    render.filepath = str(path)
    file = render.image_settings
    file.file_format, file.color_mode, file.color_depth, file.compression = "PNG", "RGB", "8", _PNG_COMPRESSION
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        raise OutputError(f"cannot render {path.parent}: {error}") from error
    if not path.exists() or not path.stat().st_size:
        raise OutputError(f"cannot write an image in {path.parent}; is the disk full?")
    drop_remarks(path)
