"""Sampled scenes in Blender: the labels are those of OpenGL's frames, and nothing is left of a frame in memory."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation.dataset.frame_label import FrameLabel, FramePlace
from kinequimation.dataset.labels import read_label
from kinequimation.skeleton import NUM_JOINTS68
from kinequimation.synth import sample
from kinequimation.synth.baked_backdrop import bake_backdrop
from kinequimation.synth.frames import sampled_scene
from kinequimation.synth.glsl.common import SCENE_FIELDS
from kinequimation.synth.renderer import renderer
from kinequimation.synth.tone import displayed, light_of

SEED, SIZE = 1, 96
SCENES = (0, 2, 5)
"""A driven horse with a handler, at a canter in dust; a rider among fences and trees; a horse before a picture."""
_SHOOT = """
import json, os, sys
import bpy
from pathlib import Path
from kinequimation.blender.quiet import quiet
from kinequimation.blender.random_frames import RandomStage
from kinequimation.blender.render_settings import RenderSettings
from kinequimation.dataset.frame_label import FramePlace

root, seed, size, scenes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
settings = RenderSettings("", "", (), "", 1, 1, size, size, "cycles", 4, ("flat", "materials"), "cpu", 3, seed)
left = []
with quiet(), RandomStage(settings, 1) as stage:
    for i in scenes:
        stage.shoot(FramePlace(root, "random", i, 0), stage.plan())
        kinds = ("scenes", "objects", "meshes", "materials", "images", "lights", "armatures", "worlds", "node_groups")
        left.append({kind: len(getattr(bpy.data, kind)) for kind in kinds})
(root / "left.json").write_text(json.dumps(left))
os._exit(0)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, blender_python: Path) -> Path:
    """A folder with the frames that Blender made of some scenes."""
    folder = tmp_path_factory.mktemp("random")
    arguments = [str(folder), str(SEED), str(SIZE), json.dumps(SCENES)]
    subprocess.run(
        [
            blender_python,
            "-c",
            f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}){_SHOOT}",
            *arguments,
        ],
        check=True,
        timeout=600,
    )
    return folder


def _keypoints(label: FrameLabel, name: str) -> np.ndarray:
    return np.concatenate([getattr(label.bones, name)[:NUM_JOINTS68], getattr(label.landmarks, name)])


@pytest.mark.parametrize("index", SCENES)
def test_labels_are_those_of_opengl(root: Path, index: int) -> None:
    frame = sample(SEED, index, SIZE)
    place = FramePlace(root, "random", index, 0)
    label = read_label(place.label)
    mask = np.asarray(Image.open(place.mask)) > 127
    assert np.nanmax(np.abs(_keypoints(label, "uv") - frame.uv_px)) < 0.01
    assert np.array_equal(np.isnan(_keypoints(label, "uv")), np.isnan(frame.uv_px))
    assert (_keypoints(label, "visibility") == frame.visibility).mean() > 0.95
    assert (mask & frame.mask).sum() / (mask | frame.mask).sum() > 0.95
    assert np.allclose(label.bbox_xywh, frame.bbox_xywh, atol=1e-4)
    assert np.allclose(label.as_camera.T_cam_world, frame.T_cam_world, atol=1e-6)
    assert label.scene["gait"] == frame.gait
    assert label.clip == f"random-{SEED}-{index}"


@pytest.mark.parametrize("index", SCENES)
def test_images_show_the_same(root: Path, index: int) -> None:
    """Colours agree roughly, but far better than those of another scene or a picture upside down would."""
    shown = np.asarray(Image.open(FramePlace(root, "random", index, 0).image("materials")), float)
    frame = sample(SEED, index, SIZE).image.astype(float)
    off = np.abs(shown - frame).mean()
    assert off < 25
    assert off < 0.7 * np.abs(shown[::-1] - frame).mean() or index == 5  # the picture is plain


def test_nothing_is_left_of_a_frame(root: Path) -> None:
    left = json.loads((root / "left.json").read_text())
    assert left[0] == left[1] == left[2]


def test_light_is_read_back_from_pixels() -> None:
    """Light that is displayed and read back is the same; that the shader displays alike, the backdrop's test says."""
    scene = sampled_scene(SEED, 7, 64)
    rng = np.random.default_rng(3)
    # near grey: what is more colourful than the camera's saturation can show is cut off
    light = np.exp(rng.normal(-1.5, 1.0, (500, 1)) + rng.normal(0.0, 0.1, (500, 3)))
    shown = displayed(light, scene.rows)
    is_within = ((shown > 0.001) & (shown < 0.99)).all(-1)
    assert is_within.sum() > 300
    assert np.allclose(light_of(shown, scene.rows)[is_within], light[is_within], rtol=0.01)


def test_backdrop_is_what_is_seen_where_nothing_stands() -> None:
    scene = sampled_scene(SEED, 11, 96)
    pictures = bake_backdrop(scene, scale=1)
    is_sky = pictures.ground_share == 0
    drawn = renderer().render(scene, 1)
    seen = is_sky & (drawn.object_id == 0)
    assert 500 < seen.sum() < 96 * 96
    off = np.abs(displayed(pictures.behind_rgb, scene.rows)[seen] * 255 - drawn.rgb[seen])
    assert np.percentile(off, 95) < 3  # what is drawn is softened at edges
    # the ground's albedo lies between its two colours, give or take its relief
    soil = scene.rows[[SCENE_FIELDS.index("soil_a"), SCENE_FIELDS.index("soil_b")], :3]
    albedo = pictures.ground_rgb[~is_sky].mean(0)
    assert (albedo > 0.6 * soil.min(0)).all() and (albedo < 1.5 * soil.max(0)).all()
