"""Label files: what is written reads back, and what is broken is refused in one line that names the file."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rendered_set

from kinequimation import skeleton
from kinequimation.dataset import blender_process
from kinequimation.dataset.frame_label import FramePlace
from kinequimation.dataset.labels import MAX_LABEL_BYTES, find_labels, label_to_json, read_label, write_label
from kinequimation.errors import InputError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> FramePlace:
    folder = tmp_path_factory.mktemp("set")
    rendered_set.write_rendered_set(folder, actions=("walk",), n_frames=1, n_cameras=1)
    return next(iter(find_labels(folder)))


def test_a_label_reads_back_as_it_was_written(place: FramePlace, tmp_path: Path) -> None:
    label = read_label(place.label)
    write_label(tmp_path / "copy.json", label)
    assert (tmp_path / "copy.json").read_bytes() == place.label.read_bytes()
    # and says the same twice: where a bone's head is, and where the camera sees it
    heads = label.bones.head
    np.testing.assert_allclose(label.as_camera.project(heads), label.bones.uv, atol=2e-3)
    np.testing.assert_allclose(label.bones.matrix_world[:, :3, 3], heads, atol=1e-6)
    assert label.bones.names == skeleton.BONES


def _broken(data: dict[str, Any], how: str) -> None:
    bones = data["bones"]
    if how == "format":
        data["format"] = 2
    elif how == "bone missing":
        del bones[skeleton.BONES.index("DEF-f_hoof.L")]
    elif how == "bone twice":
        bones.append(copy.deepcopy(bones[0]))
    elif how == "null":
        bones[3]["head"][1] = None
    elif how == "shape":
        bones[3]["matrix_world"] = bones[3]["matrix_world"][:3]
    elif how == "visibility":
        bones[3]["visibility"] = 3
    elif how == "flag":
        bones[3]["in_frame"] = "yes"
    elif how == "focal length":
        data["camera_intrinsics"]["fx"] += 1
    elif how == "clip":
        data["clip"] = "a\n" + "b" * 10**6
    elif how == "action":
        data["action"] = "../walk"
    elif how == "size":
        data["image_size"] = [10**6, 10**6]
    elif how == "field":
        del data["root_matrix"]
    elif how == "seen nowhere":
        bones[3]["uv"] = [None, None]
    elif how == "camera":
        data["camera_extrinsics"]["matrix_world"] = [[0.0] * 4] * 4
    elif how == "NaN":
        data["scene"]["x"] = float("nan")
    elif how == "frame":
        data["frame"] = 0.5
    elif how == "list":
        data["bones"] = "DEF-"


@pytest.mark.parametrize(
    "how",
    ["format", "bone missing", "bone twice", "null", "shape", "visibility", "flag", "focal length", "action", "size",
     "field", "list", "seen nowhere", "camera", "NaN", "frame", "clip"],
)  # fmt: skip
def test_a_broken_label_is_refused_in_one_line(place: FramePlace, tmp_path: Path, how: str) -> None:
    data = label_to_json(read_label(place.label))
    _broken(data, how)
    path = tmp_path / "f00000_c00.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        read_label(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_what_is_no_label_is_refused(place: FramePlace, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(place.label.read_bytes()[:-100])
    long = tmp_path / "long.json"
    long.write_bytes(b" " * (MAX_LABEL_BYTES + 1))
    endless = [Path(os.devnull)]
    if hasattr(os, "mkfifo"):  # nobody writes to it: a reader would wait forever
        endless.append(tmp_path / "pipe.json")
        os.mkfifo(endless[-1])
    for path in (cut, tmp_path / "missing.json", tmp_path, long, *endless):
        with pytest.raises(InputError, match="expected a label file"):
            read_label(path)
    with pytest.raises(InputError, match="found none"):
        list(find_labels(tmp_path))


def test_blender_is_what_the_environment_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blender = tmp_path / "blender"
    blender.write_text("#!/bin/sh\n")
    blender.chmod(0o755)
    monkeypatch.setenv(blender_process.VARIABLE, str(blender))
    command = blender_process.blender_command(["render", "--out", "x"])
    assert command[0] == str(blender) and command[-4:] == ["--", "render", "--out", "x"]
    monkeypatch.setenv(blender_process.VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="cannot be run"):
        blender_process.blender_command(["render"])
