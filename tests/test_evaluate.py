"""``evaluate`` and ``doctor`` from the command line, on a set made here."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation import skeleton
from kinequimation.cli.evaluate import detected_boxes
from kinequimation.cli.main import main
from kinequimation.dataset.coco import read_coco
from kinequimation.detect import Detection

WEIGHTS = Path(str(files("kinequimation.weights")))
needs_networks = pytest.mark.skipif(
    not all((WEIGHTS / f"{name}.onnx").is_file() for name in ("pose2d", "detect")),
    reason="the networks' weights are not all in this checkout",
)


@pytest.fixture
def labelled_set(tmp_path: Path) -> Path:
    """Two images of noise, three labelled "horses"."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "set"
    folder.mkdir()
    names = list(skeleton.LANDMARKS)
    for i in (1, 2):
        Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8)).save(folder / f"{i}.png")

    def annotation(image_id: int, bbox: list[float]) -> dict[str, object]:
        points = np.array(bbox[:2]) + rng.uniform(size=(len(names), 2)) * bbox[2:]
        keypoints = np.concatenate([points, rng.integers(0, 3, (len(names), 1))], 1).ravel().tolist()
        return {"image_id": image_id, "category_id": 1, "bbox": bbox, "keypoints": keypoints, "facing": "L"}

    record = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 120, "height": 90, "source": f"s{i}"} for i in (1, 2)],
        "annotations": [
            annotation(1, [0, 0, 60, 60]),
            annotation(2, [0, 0, 50, 50]),
            annotation(2, [60, 30, 50, 50]),
        ],
        "categories": [{"id": 1, "name": "horse", "keypoints": names}],
    }
    (folder / "annotations.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@needs_networks
def test_evaluate_prints_the_baseline_beside_the_network_and_writes_what_was_asked_for(
    labelled_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, worst = tmp_path / "scores.json", tmp_path / "worst.png"
    arguments = ["evaluate", "--set", str(labelled_set), "--device", "cpu"]
    assert main([*arguments, "--json", str(scores), "--worst", str(worst)]) == 0
    printed = capsys.readouterr().out
    assert printed.index("no network") < printed.index("given boxes") < printed.index("detected boxes")
    record = json.loads(scores.read_text(encoding="utf-8"))
    n_seen = sum((h.visibility == 2).sum() for i in read_coco(labelled_set / "annotations.json") for h in i.horses)
    assert {s["seen"]["count"] for s in record["scores"].values()} == {n_seen}
    assert record["horses"] == 3 and len(record["horse_pck@0.1"]) == 3
    with Image.open(worst) as sheet:
        assert sheet.size == (3 * 320, 320)


@needs_networks
def test_an_image_that_is_missing_or_of_another_size_is_named(
    labelled_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--set", str(labelled_set), "--boxes", "given"]
    Image.new("RGB", (10, 10)).save(labelled_set / "2.png")
    assert main(arguments) == 2
    assert "2.png: expected 120×90" in capsys.readouterr().err
    (labelled_set / "1.png").unlink()
    assert main(arguments) == 2
    assert "1.png: expected an image" in capsys.readouterr().err


class TwoBoxes:
    """A detector that finds a large and a small horse wherever it looks."""

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        boxes = ([0.0, 0.0, 55.0, 55.0], [5.0, 5.0, 45.0, 45.0])
        return [Detection(bbox_xywh=np.array(box), score=0.9) for box in boxes]


def test_each_horse_gets_its_best_detection_and_a_missed_one_none(labelled_set: Path) -> None:
    first, second = detected_boxes(read_coco(labelled_set / "annotations.json"), TwoBoxes())
    np.testing.assert_allclose(first, [[0, 0, 55, 55]])
    np.testing.assert_allclose(second, [[0, 0, 55, 55], [np.nan] * 4])


def test_doctor_names_every_part_and_how_to_get_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])
    findings = {f["name"]: f for f in json.loads(capsys.readouterr().out)}
    assert {"python", "numpy", "onnxruntime", "weights pose2d", "opengl", "blender", "video"} <= set(findings)
    assert all(f["remedy"] for f in findings.values() if f["status"] != "ok")
    assert code == int(any(f["status"] == "missing" for f in findings.values()))
