"""Labels drawn on renders: each point where the label has it, and a sample that is spread over the whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rendered_set import write_rendered_set

from kinequimation.dataset.frame_label import FramePlace
from kinequimation.dataset.labels import find_labels
from kinequimation.errors import InputError
from kinequimation.viz.dataset_overlay import spread, write_overlays

FRAMES, CAMERAS = 4, 2


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with true renders; no test changes it."""
    folder = tmp_path_factory.mktemp("renders")
    write_rendered_set(folder, n_frames=FRAMES, n_cameras=CAMERAS)
    return folder


def test_the_script_draws_a_sample(renders: Path, tmp_path: Path) -> None:
    path = Path(__file__).parents[1] / "dataset_pipeline/debug/viz_overlay_skeleton.py"
    command = [sys.executable, path, "--root", renders, "--out", tmp_path, "--sample", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "walk").glob("*.png"))) == 3


def test_overlays_show_each_point_where_the_label_has_it(renders: Path, tmp_path: Path) -> None:
    made = write_overlays(renders, tmp_path, actions=["TROT"], sample=0, variant="flat", axes=True, names=True)
    assert len(made.files) == FRAMES * CAMERAS
    assert [s.name for s in made.sheets] == ["sheet_trot.png", "sheet.png"]
    plain = write_overlays(renders, tmp_path / "plain", actions=["trot"], sample=1, variant="flat")
    place = next(p for p in find_labels(renders) if p.action == "trot")
    label = json.loads(place.label.read_text())
    drawn = np.asarray(Image.open(plain.files[0]).convert("RGB")).astype(int)
    scale = round(drawn.shape[1] / label["image_size"][0])
    # toes are drawn last, over the hooves: left fore orange, right hind turquoise
    for name, colour in (("fore_toe.L", (255, 84, 48)), ("hind_toe.R", (38, 214, 214))):
        u, v = next(p["uv"] for p in label["landmarks"] if p["name"] == name)
        x, y = round((u + 0.5) * scale), round((v + 0.5) * scale) + 26
        near = drawn[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3)
        assert np.abs(near - colour).sum(1).min() < 30, name
    named_otherwise = write_overlays(renders, tmp_path / "left", actions=["LeftCanter"], sample=1)
    assert [s.name for s in named_otherwise.sheets] == ["sheet_canter_left.png", "sheet.png"]
    with pytest.raises(InputError, match="canter_left, trot, walk"):
        write_overlays(renders, tmp_path, actions=["pace"])


def test_a_frame_that_cannot_be_drawn_is_skipped_and_named(tmp_path: Path) -> None:
    places = write_rendered_set(tmp_path / "renders", actions=("trot",), n_frames=FRAMES, n_cameras=CAMERAS)
    image = places[3].image("flat")
    image.write_bytes(image.read_bytes()[:-40])
    made = write_overlays(tmp_path / "renders", tmp_path / "out", actions=["trot"], sample=0, variant="flat")
    assert len(made.files) == FRAMES * CAMERAS - 1
    assert len(made.skipped) == 1
    assert image.name in made.skipped[0]


def test_a_sample_is_spread_over_frames_and_cameras(tmp_path: Path) -> None:
    places = [FramePlace(tmp_path, "walk", f, c) for f in range(30) for c in range(4)]
    chosen = spread(places, 8)
    assert len(set(chosen)) == 8
    assert {p.camera for p in chosen} == {0, 1, 2, 3}
    assert (chosen[0].frame, chosen[-1].frame) == (0, 29)
    assert max(np.diff([p.frame for p in chosen])) <= 5
    assert spread(places, 0) == spread(places, 999) == places
    assert len(set(spread(places[:6], 5))) == 5
