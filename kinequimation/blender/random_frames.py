"""Sampled scenes as frames of a dataset: frame ``i`` is what ``synth.sample(seed, i)`` draws, rendered by Blender.

It has the same files as a frame of an action: the action is ``random``, the camera 0, and each frame is a clip of its
own. All that was drawn for the scene is in the label's ``scene``. A shutter that is open for a while, lens, sensor and
codec are not shown: they are augmentation's, in training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np

from kinequimation.blender.development import develop
from kinequimation.blender.engine import choose_engine, plain_render_settings
from kinequimation.blender.first_surfaces import SurfaceScene
from kinequimation.blender.flat import FlatScene
from kinequimation.blender.render_settings import RANDOM, ActionPlan, Plan, RenderSettings
from kinequimation.blender.rig import DEFORM_RIG
from kinequimation.blender.sampled_horse import SampledHorse
from kinequimation.blender.scenery import build_scene, forgetting
from kinequimation.blender.shoot import View, shoot
from kinequimation.blender.skin import atlas_uv
from kinequimation.errors import InputError
from kinequimation.synth.frames import sampled_scene
from kinequimation.synth.record import GENERATOR, scene_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kinequimation.dataset.frame_label import FramePlace
    from kinequimation.synth.scene import Scene

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
