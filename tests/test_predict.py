"""``predict``: an image and a video in, files and pictures out, by the weights that ship or by a checkpoint."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation import skeleton
from kinequimation.cli.main import main
from kinequimation.io.keypoints import read_keypoints_json
from kinequimation.video import VideoWriter, open_source

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "data" / "images" / "test_horse.png"
CLIP = ROOT / "examples" / "trot.mp4"


def run(*arguments: object) -> int:
    """Run the program."""
    return main(["predict", *map(str, arguments), "--device", "cpu"])


def test_the_script_finds_the_test_horse(tmp_path: Path) -> None:
    script = ROOT / "model_pipeline" / "evaluation" / "inference.py"
    command = [sys.executable, script, "--image", PHOTO, "--out", tmp_path, "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(f.name for f in tmp_path.iterdir()) == ["test_horse_keypoints.json", "test_horse_overlay.png"]
    clip = read_keypoints_json(tmp_path / "test_horse_keypoints.json")
    (horse,) = clip.horses[0]
    at = {name: horse.uv_px[skeleton.KEYPOINT_INDEX[name]] for name in skeleton.KEYPOINTS}
    # it faces right and stands on its hooves, which is how it was drawn
    assert at["nose"][0] > at["withers"][0] > at["DEF-tail.001"][0]
    for toe in ("fore_toe.L", "fore_toe.R", "hind_toe.L", "hind_toe.R"):
        assert at[toe][1] > at["elbow.L"][1] + 0.2 * horse.bbox_xywh[3]
    assert np.median(horse.confidence) > 0.8
    with Image.open(tmp_path / "test_horse_overlay.png") as overlay, Image.open(PHOTO) as photo:
        assert overlay.size == photo.size
        assert np.any(np.asarray(overlay) != np.asarray(photo.convert("RGB")), axis=-1).mean() > 0.01


def test_images_of_a_folder_and_their_coco_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(PHOTO) as photo:
        photo.convert("RGB").save(folder / "a.jpg", quality=95)
        photo.save(folder / "a.png")
        Image.new("RGB", (300, 200), (90, 130, 80)).save(folder / "none.png")
        # a picture above the size that is worked on: what is written is in its own pixels
        photo.resize((2560, 1920)).save(folder / "large.png")
    (folder / "broken.png").write_text("no image")
    names = ["withers", "hock.L", "DEF-skull"]
    labels = {
        "images": [{"id": 7, "file_name": "a.png", "width": 640, "height": 480}],
        "categories": [{"id": 3, "name": "horse", "keypoints": names}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "keypoints": [300, 160, 2] * 3, "bbox": [160, 120, 400, 250], "id": 1}
        ],
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    assert run(folder, "-o", tmp_path / "out", "--coco", tmp_path / "labels.json") == 0
    said = capsys.readouterr()
    assert "4 images, 3 with a horse" in said.out and "broken.png" in said.err
    made = {f.name for f in (tmp_path / "out").iterdir()}
    assert {"a_jpg_keypoints.json", "a_png_keypoints.json", "none_overlay.png", "large_overlay.png"} <= made
    clips = {n: read_keypoints_json(tmp_path / "out" / f"{n}_keypoints.json") for n in ("a_png", "large", "none")}
    assert clips["none"].horses == ((),)
    small, large = clips["a_png"].horses[0][0], clips["large"].horses[0][0]
    sure = small.confidence > 0.9
    apart = np.linalg.norm((large.uv_px + 0.5) / 4 - 0.5 - small.uv_px, axis=1)[sure]
    assert np.median(apart) < 2
    (result,) = json.loads((tmp_path / "out" / "coco_results.json").read_text())
    assert (result["image_id"], result["category_id"], len(result["keypoints"])) == (7, 3, 9)
    wanted = [skeleton.KEYPOINT_INDEX[name] for name in names]
    np.testing.assert_allclose(np.reshape(result["keypoints"], (3, 3))[:, :2], small.uv_px[wanted], atol=0.006)


def test_a_video_is_cleaned_and_keeps_what_was_found(tmp_path: Path) -> None:
    source = open_source([str(CLIP)], 0.5, 1.2)
    with VideoWriter(tmp_path / "trot.mp4", source.width, source.height, source.fps) as writer:
        for frame in source:
            writer.write(frame.image_rgb, frame.t_s - 0.5)
    assert run(tmp_path / "trot.mp4", "-o", tmp_path / "out") == 0
    clip = read_keypoints_json(tmp_path / "out" / "trot_keypoints.json")
    overlay = open_source([str(tmp_path / "out" / "trot_overlay.mp4")])
    assert len(clip) == sum(1 for _ in overlay) == 21
    assert all(len(horses) == 1 and horses[0].raw_uv_px is not None for horses in clip.horses)
    assert (tmp_path / "out" / "trot_keypoints.csv").is_file()
    # the same video by a network of one's own, of which the command does not know that it is ours
    shutil.copy(ROOT / "kinequimation" / "weights" / "pose2d.onnx", tmp_path / "mine.onnx")
    given = ["--checkpoint", tmp_path / "mine.onnx", "--raw"]
    assert run("--video", tmp_path / "trot.mp4", "-o", tmp_path / "own", *given) == 0
    own = read_keypoints_json(tmp_path / "own" / "trot_keypoints.json")
    for mine, ours in zip(own.horses, clip.horses, strict=True):
        assert mine[0].raw_uv_px is None and ours[0].raw_uv_px is not None
        np.testing.assert_allclose(mine[0].uv_px, ours[0].raw_uv_px, atol=0.5)
    # a part of it, in boxes of one's own
    boxes = [[n, *(horses[0].bbox_xywh + [0, 0, n, 0])] for n, horses in enumerate(clip.horses[15:])]
    rows = "\n".join(",".join(map(str, row)) for row in boxes)
    (tmp_path / "boxes.csv").write_text(f"frame,x,y,w,h\n{rows}\n")
    given = ["--boxes", tmp_path / "boxes.csv", "--start", clip.t_s[15] - 0.001]
    assert run(tmp_path / "trot.mp4", "-o", tmp_path / "part", *given) == 0
    part = read_keypoints_json(tmp_path / "part" / "trot_keypoints.json")
    np.testing.assert_allclose([h[0].bbox_xywh for h in part.horses], np.array(boxes)[:, 1:], atol=0.02)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--image", PHOTO, "--checkpoint", "no/such.pth"], "leave out --checkpoint and --config"),
        (["--image", PHOTO, "--config", "some.py"], "together with --checkpoint"),
        ([], "no input"),
        ([PHOTO, CLIP], "one video at a time"),
        ([CLIP, "--coco", "labels.json"], "expected with images"),
        (["no/such.png"], "no such image"),
        ([PHOTO, "--bbox", "900,10,50,50"], "lies outside"),
        ([PHOTO, "--bbox", "1,2,-3,4"], "4 pixels or more"),
        ([PHOTO, "--start", "1"], "expected with a video"),
        ([PHOTO, "--bbox", "9,10,50,50", "--detector", "a:B"], "expected one of them"),
    ],
)
def test_what_is_wrong_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[object], says: str
) -> None:
    assert run(*arguments, "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
