"""A file made ready for rendering: its scene, the twins of it for each variant, the horse, cameras and light."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from kinequimation.blender.action_frames import (
    SavedPose,
    actions_of,
    choose_frames,
    folder_names,
    fps_of,
    frame_span,
)
from kinequimation.blender.blend_file import open_blend
from kinequimation.blender.bones import find_armature
from kinequimation.blender.cameras import Shot, place_camera, read_camera, ring, scene_cameras
from kinequimation.blender.daylight import Daylight, has_light
from kinequimation.blender.engine import choose_engine, plain_render_settings
from kinequimation.blender.first_surfaces import SurfaceScene, number_objects
from kinequimation.blender.flat import FlatScene
from kinequimation.blender.render_settings import SCENE_CAMERAS, ActionPlan, Plan, RenderSettings
from kinequimation.blender.shoot import View, shoot_image, shoot_label
from kinequimation.blender.subject import SubjectReader, find_subject
from kinequimation.dataset.action_names import choose_actions
from kinequimation.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jaxtyping import Float

    from kinequimation.blender.subject import SubjectNow
    from kinequimation.dataset.frame_label import FramePlace

_PLANNED_FRAMES = 25
"""Of so many of an action's frames the cameras' distances are made; the margin covers what lies between."""
_LIGHT_STREAM, _NOISE_STREAM = 0x11, 0x22


class Stage:
    """The file as it is rendered; use it as a context manager."""

    def __init__(self, blend: Path, settings: RenderSettings, threads: int) -> None:
        """Open the file and make it ready.

        Args:
            blend: the file.
            settings: what is asked for.
            threads: of the processor, for rendering; 0: all.

        Raises:
            InputError: the file does not hold what is asked for.
            MissingDependencyError: Blender lacks the engine, or there is no such device.
        """
        self._settings = settings
        open_blend(blend)
        self.scene = scene = bpy.context.scene
        self.armature = find_armature(settings.armature or None)
        view_layer = scene.view_layers[0]
        self.subject = find_subject(self.armature, view_layer)
        self.actions = actions_of(self.armature)
        self._reader = SubjectReader(self.subject)
        self._saved_pose = SavedPose(self.armature)
        self._shown: tuple[str, int] | None = None
        self._now: SubjectNow | None = None
        plain_render_settings(scene, threads)
        choose_engine(scene, settings.engine, settings.device)
        scene.cycles.samples = settings.samples
        scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
        self._flat = FlatScene(scene) if "flat" in settings.variants else None
        self.ground_z = float(self.armature.matrix_world.translation.z)
        number_objects(view_layer, self.subject.meshes)
        self._daylight: Daylight | None = None
        if "materials" in settings.variants and not has_light(scene):
            self._daylight = Daylight(scene, self.subject.meshes, self.ground_z, self.subject.withers_m)
        self._camera = bpy.data.objects.new("KinEquiMation camera", bpy.data.cameras.new("KinEquiMation camera"))
        self._cameras = scene_cameras(view_layer.objects) if settings.cameras == SCENE_CAMERAS else [self._camera]
        scene.collection.objects.link(self._camera)
        if self._flat is not None:
            self._flat.scene.collection.objects.link(self._camera)
        self._surfaces = SurfaceScene(scene, threads)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._surfaces.close()

    def go_to(self, action: str, blender_frame: int) -> SubjectNow:
        """Show a frame of an action, and return the horse there."""
        if self._now is None or self._shown != (action, blender_frame):
            self._saved_pose.show(self.actions[action], self.scene, blender_frame)
            self._now = self._reader.read(self.scene.view_layers[0].depsgraph)
            self._saved_pose.hold()
            self._shown = action, blender_frame
        return self._now

    def plan(self) -> Plan:
        """Return what there is to render.

        Raises:
            InputError: an action is not in the file, or no frame of it is asked for.
        """
        settings = self._settings
        if not self.actions:
            raise InputError("--blend: expected actions that move the armature's bones, found none in the file")
        chosen = choose_actions(tuple(self.actions), settings.actions)
        plans = []
        for name, folder in zip(chosen, folder_names(chosen), strict=True):
            start, end = frame_span(self.actions[name])
            frames = choose_frames(end - start + 1, settings.frames, settings.step)
            shots: list[Shot] = []
            if settings.cameras != SCENE_CAMERAS:
                points = self._reach(name, start, frames)
                aspect = settings.width / settings.height
                shots = ring(settings.cameras, settings.seed, points, self.ground_z, self.subject.withers_m, aspect)
            fps = fps_of(self.actions[name], self.scene)
            plans.append(ActionPlan(folder, name, start, frames, fps, tuple(vars(s).copy() for s in shots)))
        return Plan(
            armature=self.armature.name,
            actions=tuple(plans),
            cameras=tuple(c.name for c in self._cameras) if settings.cameras == SCENE_CAMERAS else (),
            n_cameras=settings.cameras or len(self._cameras),
            ground_z=self.ground_z,
            blender=bpy.app.version_string,
        )

    def _reach(self, action: str, start: int, frames: tuple[int, ...]) -> Float[np.ndarray, "p 3"]:
        """Return the outermost points of the horse over an action, relative to its place on the ground."""
        directions = _sphere(200)
        outermost = []
        for i in np.unique(np.linspace(0, len(frames) - 1, _PLANNED_FRAMES).round().astype(int)):
            now = self.go_to(action, start + frames[i])
            points = now.vertices_world - [*now.pose.place_xy, 0.0]
            outermost.append(points[np.unique((points @ directions.T).argmax(0))])
        return np.concatenate(outermost)

    def shoot_moment(self, places: Sequence[FramePlace], plan: Plan) -> Iterator[FramePlace]:
        """Render one frame of an action as cameras see it, write the files, and yield each place that is done.

        All cameras look at one variant before the next: Blender keeps what it worked out for one scene only.

        Raises:
            OutputError: a file cannot be written.
        """
        settings, action = self._settings, next(a for a in plan.actions if a.folder == places[0].action)
        now = self.go_to(action.action, action.start + places[0].frame)
        light: dict[FramePlace, dict[str, Any]] = {}
        for variant in settings.variants:
            for place in places:
                rng = np.random.default_rng([settings.seed, _LIGHT_STREAM, place.camera])
                if variant == "flat":
                    self._flat.vary(rng)
                elif self._daylight is not None:
                    light[place] = self._daylight.vary(rng)
                scene = self._flat.scene if variant == "flat" else self.scene
                shoot_image(place, self._look(place, action, now), variant, scene)
        for place in places:
            shoot_label(
                place,
                self._look(place, action, now),
                settings.variants,
                self._surfaces,
                now,
                armature=self.armature.name,
                clip=action.folder,
                fps=action.fps,
                scene={
                    "action_in_file": action.action,
                    "withers_height_m": round(self.subject.withers_m, 4),
                    "ground_z": round(plan.ground_z, 4),
                    "light": light.get(place, {}),
                    "renderer": f"{settings.engine}, {settings.samples} samples, Blender {bpy.app.version_string}",
                    "seed": settings.seed,
                },
            )
            yield place

    def _look(self, place: FramePlace, action: ActionPlan, now: SubjectNow) -> View:
        """Put the camera in its place, and return what it is."""
        settings, view_layer = self._settings, self.scene.view_layers[0]
        width, height = settings.width, settings.height
        camera_object = self._cameras[0 if action.shots else place.camera]
        if action.shots:
            place_camera(camera_object, Shot(**action.shots[place.camera]).camera(now.pose.place_xy, width, height))
        self.scene.render.resolution_x, self.scene.render.resolution_y = width, height
        view_layer.update()
        camera = read_camera(camera_object, view_layer.depsgraph, width, height)
        noise = np.random.SeedSequence([settings.seed, _NOISE_STREAM, place.frame, place.camera]).generate_state(1)
        return View(camera_object, camera, action.start + place.frame, int(noise[0] >> 1))


def _sphere(n: int) -> Float[np.ndarray, "n 3"]:
    """Return n directions, evenly spread (Fibonacci's lattice)."""
    i = np.arange(n) + 0.5
    z, turn = 1 - 2 * i / n, np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - z**2)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], -1)
