"""Sampled scenes as frames of a dataset: frame ``i`` is what ``synth.sample(seed, i)`` draws, rendered by Blender.

It has the same files as a frame of an action: the action is ``random``, the camera 0, and each frame is a clip of its
own. All that was drawn for the scene is in the label's ``scene``. A shutter that is open for a while, lens, sensor and
codec are not shown: they are augmentation's, in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix, Vector
from mathutils.bvhtree import BVHTree

from kinequimation import skeleton
from kinequimation.blender.bones import Pose, read_pose, read_rest
from kinequimation.blender.development import develop
from kinequimation.blender.first_surfaces import SurfaceScene, plain_render_settings
from kinequimation.blender.flat import FlatScene
from kinequimation.blender.render_settings import RANDOM, ActionPlan, Plan, RenderSettings
from kinequimation.blender.rig import DEFORM_RIG, build_deform_rig
from kinequimation.blender.scenery import BuiltScene, build_scene, forgetting
from kinequimation.blender.shoot import View, shoot
from kinequimation.blender.skin import atlas_uv
from kinequimation.blender.stage import choose_engine
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_to_matrix
from kinequimation.synth.frames import sampled_scene
from kinequimation.synth.labels import horse_box
from kinequimation.synth.record import GENERATOR, scene_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float, UInt8

    from kinequimation.dataset.labels import FramePlace
    from kinequimation.geometry.camera import Camera
    from kinequimation.synth.baked import BakedMesh
    from kinequimation.synth.scene import HorseInScene, Scene

_STILLS_FPS = 30.0
"""A label must say how fast its frames follow; these follow nothing."""
_NOISE_STREAM, _LIGHT_STREAM = 0x52, 0x53
_BOUNCES = {"max_bounces": 4, "diffuse_bounces": 2, "glossy_bounces": 2, "transmission_bounces": 2}
"""Light under a horse comes from the ground at the first bounce; the fourth can hardly be seen (judgement)."""
_TRANSPARENT_BOUNCES = 64
"""Tufts of grass one behind the other, each a card with holes."""


class RandomStage:
    """Renders sampled scenes; use it as a context manager, as ``stage.Stage``."""

    def __init__(self, settings: RenderSettings, threads: int) -> None:
        """Make an empty file ready.

        Args:
            settings: what is asked for.
            threads: of the processor, for rendering; 0: all.

        Raises:
            InputError: the images are not square, or of a size that is not from 16 to 4096.
            MissingDependencyError: Blender lacks the engine, or there is no such device.
        """
        if settings.width != settings.height:
            raise InputError(f"--res: expected square images of sampled scenes, got {settings.width}×{settings.height}")
        if not 16 <= settings.width <= 4096:
            raise InputError(f"--res: expected 16 to 4096 pixels, got {settings.width}")
        self._settings, self._threads = settings, threads
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = scene = bpy.context.scene
        plain_render_settings(scene, threads)
        choose_engine(scene, settings.engine, settings.device)
        cycles = scene.cycles
        cycles.samples, cycles.use_adaptive_sampling = settings.samples, False
        cycles.use_denoising = settings.engine == "cycles"
        cycles.transparent_max_bounces = _TRANSPARENT_BOUNCES
        for name, value in _BOUNCES.items():
            setattr(cycles, name, value)
        self._corner_uv = atlas_uv().astype(float)

    def __enter__(self) -> RandomStage:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def plan(self) -> Plan:
        """Return what there is to render: as many frames as are asked for, seen by one camera each."""
        frames = tuple(range(self._settings.random))
        return Plan(
            armature=DEFORM_RIG,
            actions=(ActionPlan(RANDOM, RANDOM, 0, frames, _STILLS_FPS, ()),),
            cameras=(),
            n_cameras=1,
            ground_z=0.0,
            blender=bpy.app.version_string,
        )

    def shoot_moment(self, places: Sequence[FramePlace], plan: Plan) -> Iterator[FramePlace]:
        """Render frames, and yield each that is done; see ``shoot``."""
        for place in places:
            self.shoot(place, plan)
            yield place

    def shoot(self, place: FramePlace, plan: Plan) -> None:
        """Render a frame, and write its files.

        Raises:
            OutputError: a file cannot be written.
            MissingDependencyError: there is no OpenGL, which paints coats and backdrop.
        """
        settings, index = self._settings, place.frame
        sampled = sampled_scene(settings.seed, index, settings.width)
        with forgetting():
            built = build_scene(sampled, self.scene, self._corner_uv)
            develop(self.scene, sampled.rows)
            horse = SampledHorse.of(sampled, built, self.scene)
            images = {"materials": self.scene}
            if "flat" in settings.variants:
                flat = FlatScene(self.scene)
                flat.scene.render.use_compositing = False
                flat.vary(np.random.default_rng([settings.seed, _LIGHT_STREAM, index]))
                images["flat"] = flat.scene
            noise = np.random.SeedSequence([settings.seed, _NOISE_STREAM, index]).generate_state(1)
            with SurfaceScene(self.scene, self._threads) as surfaces:
                shoot(
                    place,
                    View(built.camera, sampled.camera, 0, int(noise[0] >> 1)),
                    {variant: images[variant] for variant in settings.variants},
                    surfaces,
                    horse,
                    armature=plan.armature,
                    clip=f"{RANDOM}-{settings.seed}-{index}",
                    fps=_STILLS_FPS,
                    scene=label_scene(sampled, settings, index),
                )


def label_scene(sampled: Scene, settings: RenderSettings, index: int) -> dict[str, object]:
    """Return what a label says of a sampled scene: its record, what the horse does, and how it was rendered."""
    record = scene_record(sampled)
    labelled = record["scene"]["horses"][0]  # type: ignore[index]
    return {
        **record,
        **{key: labelled[key] for key in ("shape", "gait", "phase", "contact")},
        "generator": GENERATOR,
        "seed": settings.seed,
        "index": index,
        "renderer": f"{settings.engine}, {settings.samples} samples, Blender {bpy.app.version_string}",
    }


@dataclass(frozen=True)
class SampledHorse:
    """The labelled horse of a sampled scene; ``shoot.Horse``.

    Attributes:
        scene: where it is.
        skin: its mesh.
        pose: its bones, as Blender has them.
    """

    scene: Scene
    skin: BakedMesh
    pose: Pose

    @classmethod
    def of(cls, sampled: Scene, built: BuiltScene, into: bpy.types.Scene) -> SampledHorse:
        """Return it, with an armature of its own that stands in its pose."""
        horse = sampled.horses[0]
        armature = build_deform_rig(horse.body)
        pose_armature(armature, horse)
        armature.hide_render = True
        view_layer = into.view_layers[0]
        view_layer.update()
        skin = next(b for b in built.surfaces.values() if b.object_id == horse.object_id)
        return cls(sampled, skin, read_pose(armature, read_rest(armature), view_layer.depsgraph))

    @property
    def landmark_names(self) -> tuple[str, ...]:
        """All of them."""
        return skeleton.LANDMARKS

    @property
    def landmark_xyz(self) -> Float[np.ndarray, "l 3"]:
        """Where they are in the world, metres."""
        return self.scene.horses[0].keypoints()[skeleton.NUM_JOINTS68 :]

    @property
    def withers_m(self) -> float:
        """Withers height, metres."""
        return self.scene.horses[0].body.shape.withers_height_m

    @cached_property
    def _tree(self) -> BVHTree:
        return BVHTree.FromPolygons(self.skin.xyz_world.tolist(), self.skin.faces.tolist(), all_triangles=True)

    def segments_at(self, xyz_world: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, " n"]:
        """Return the bone with the largest weight at points of the skin, an index into ``skeleton.JOINTS``."""
        faces = [self._tree.find_nearest(Vector(xyz))[2] for xyz in xyz_world.tolist()]
        return self.skin.face_segment[np.array(faces, int)].astype(np.uint8)

    def box(self, camera: Camera) -> Float[np.ndarray, " 4"]:
        """Return the tight box of the horse (x, y, width, height; pixels), hidden parts too, clipped to the image."""
        return horse_box(self.scene, self.scene.horses[0])


def pose_armature(armature: bpy.types.Object, horse: HorseInScene) -> None:
    """Give an armature at rest on a horse's joints that horse's pose; it stands at the world's origin."""
    bones = armature.data.bones
    rest = {joint: np.array(bones[joint].matrix_local, np.float64) for joint in skeleton.JOINTS}
    R = quat_to_matrix(horse.rotation_world)
    posed = {}
    for j, joint in enumerate(skeleton.JOINTS):
        posed[joint] = np.eye(4)
        posed[joint][:3, :3] = R[j] @ rest[joint][:3, :3]
        posed[joint][:3, 3] = horse.xyz_world[j]
    for joint in skeleton.JOINTS:
        parent = skeleton.PARENT[joint]
        at_rest, above = (rest[joint], np.eye(4)) if parent is None else (
            np.linalg.inv(rest[parent]) @ rest[joint], posed[parent]
        )  # fmt: skip
        armature.pose.bones[joint].matrix_basis = Matrix((np.linalg.inv(above @ at_rest) @ posed[joint]).tolist())
