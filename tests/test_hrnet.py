"""HRNet-W32 against MMPose 1.3.2: the numbers here were computed by MMPose from the same inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation.cli.main import main
from kinequimation.errors import InputError
from kinequimation.io.keypoints import read_keypoints_json
from kinequimation.pose2d.hrnet_codec import Codec
from kinequimation.pose2d.hrnet_config import TopdownConfig, parse_config, read_config
from kinequimation.skeleton import HORSE68, MIRROR_KEYPOINTS

torch = pytest.importorskip("torch")
if True:  # these need PyTorch
    from kinequimation.pose2d.checkpoint import load_backbone, load_weights, read_weights, write_weights
    from kinequimation.pose2d.hrnet import HRNetW32
    from kinequimation.pose2d.hrnet_infer import HRNetEstimator, _cut_like_opencv

CONFIG = Path(__file__).parents[1] / "model_pipeline/configs/hrnet_w32_horse68_256x256.py"
MMPOSE_NAMES = "f4c362d66bd8c326f658bde1d6a3fc3c506425b0c6cffe28814ac9e5b2dccd3c"
"""SHA-256 of MMPose's names and shapes of the weights, in its order."""


def filled(net: HRNetW32) -> HRNetW32:
    """Give a network weights that are the same everywhere, MMPose's environment included, with lively heatmaps."""
    rng = np.random.default_rng(7)
    state = {}
    for name, tensor in net.state_dict().items():
        shape = tuple(tensor.shape)
        if name.endswith("num_batches_tracked"):
            value = np.zeros(shape, np.int64)
        elif name.endswith("running_var"):
            value = rng.uniform(0.5, 1.5, shape).astype(np.float32)
        elif tensor.ndim == 4:
            value = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32)
        elif name.endswith("weight"):
            value = rng.uniform(0.2, 0.4, shape).astype(np.float32)
        else:
            value = rng.normal(0, 0.1, shape).astype(np.float32)
        state[name] = torch.from_numpy(np.asarray(value))
    net.load_state_dict(state)
    return net.eval()


@pytest.fixture(scope="module")
def net() -> HRNetW32:
    return filled(HRNetW32())


@pytest.fixture(scope="module")
def checkpoint(net: HRNetW32, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hrnet") / "hrnet.pth"
    write_weights(path, net, {"size": 64, "calibration": {"score": [0.0, 1.0], "probability": [0.125, 0.875]}})
    return path


@pytest.fixture(scope="module")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return our config for a crop of a sixteenth of the area."""
    path = tmp_path_factory.mktemp("config") / "small.py"
    text = (
        CONFIG.read_text(encoding="utf-8").replace("(256, 256)", "(64, 64)").replace("(64, 64), sig", "(16, 16), sig")
    )
    path.write_text(text, encoding="utf-8")
    return path


def test_weights_and_heatmaps_are_those_of_mmpose(net: HRNetW32) -> None:
    names = "\n".join(f"{name} {tuple(tensor.shape)}" for name, tensor in net.state_dict().items())
    assert hashlib.sha256(names.encode()).hexdigest() == MMPOSE_NAMES
    image = np.random.default_rng(8).integers(0, 256, (1, 3, 64, 64)).astype(np.float32)
    with torch.inference_mode():
        maps = net(torch.from_numpy(image))[0].numpy()
    assert maps.shape == (68, 16, 16)
    probes = [maps[0, 0, 0], maps[5, 7, 3], maps[33, 15, 15], maps[67, 8, 0], maps[40, 2, 12]]
    np.testing.assert_allclose(probes, [2.00238, -0.56148, 2.86105, 1.78449, -3.68111], atol=1e-4)
    np.testing.assert_allclose([maps.mean(), maps.std()], [0.24397317, 2.4514349], atol=1e-5)


@pytest.mark.parametrize(
    ("codec", "theirs"),
    [
        (Codec("MSRAHeatmap"), [[80, 0], [252, 252], [4, 121], [249, 4], [213, 195]]),
        (Codec("MSRAHeatmap", unbiased=True), [[80, 0], [252, 252], [4, 120], [248, 4], [220.88879, 186.75661]]),
        (
            Codec("UDPHeatmap"),
            [[80.145, -2.0081], [256.8649, 256.8794], [9.6038, 126.1037], [244.2687, 8.6514], [222.1207, 189.6555]],
        ),
    ],
    ids=["quarter cell", "dark", "udp"],
)
def test_peaks_at_borders_and_in_noise_decode_as_in_mmpose(codec: Codec, theirs: list[list[float]]) -> None:
    rng = np.random.default_rng(9)
    rng.uniform(0, 1, (6, 64, 64))
    maps = rng.uniform(0, 1, (6, 64, 64)).astype(np.float32)
    maps[0, 0, 20], maps[1, 63, 63], maps[2, 30, 1], maps[3, 1, 62], maps[4] = 3, 2.5, 2, 2, -1
    uv, peak = codec.decode(maps)
    assert np.isnan(uv[4]).all() and peak[4] < 0, "a heatmap that is nowhere above 0 says nothing"
    np.testing.assert_allclose(np.delete(uv, 4, axis=0), theirs, atol=2e-3)


@pytest.mark.parametrize(
    ("codec", "within_px"),
    [(Codec("UDPHeatmap"), 0.05), (Codec("MSRAHeatmap", unbiased=True), 0.05), (Codec("MSRAHeatmap"), 3.0)],
)
def test_points_survive_heatmaps(codec: Codec, within_px: float) -> None:
    uv = np.random.default_rng(1).uniform(40, 216, (50, 2))
    labelled = np.ones(50, dtype=bool)
    labelled[0], uv[1] = False, (-400, 20)
    maps, weight = codec.encode(uv, labelled)
    assert not maps[:2].any() and not weight[:2].any() and weight[2:].all()
    found, peak = codec.decode(maps)
    assert np.abs(found[2:] - uv[2:]).max() < within_px
    assert (peak[2:] > 0.85).all() and (peak <= 1).all()


def test_a_mirrored_crop_has_the_mirrored_heatmap_in_udp() -> None:
    codec, uv = Codec(), np.random.default_rng(2).uniform(30, 225, (20, 2))
    labelled = np.ones(20, dtype=bool)
    mirrored = codec.encode(np.stack([255 - uv[:, 0], uv[:, 1]], 1), labelled)[0]
    inner = slice(1, -1)  # the cut at three deviations is rounded the other way in a mirror
    np.testing.assert_allclose(
        codec.encode(uv, labelled)[0][:, :, ::-1][:, inner, inner], mirrored[:, inner, inner], atol=0.012
    )


def test_crops_are_opencvs_to_the_grey_value() -> None:
    i, j, channel = np.ogrid[:300, :400, :3]
    image = ((i * i * 3 + j * j * 5 + i * j * 7 + channel * 91) % 251).astype(np.uint8)
    shrink = np.array([[0.71, 0, -40.3], [0, 0.68, 12.7]])
    grow = np.array([[2.3, 0, -700.4], [0, 2.9, -500.9]])
    digests = [hashlib.sha256(_cut_like_opencv(image, t, (256, 192)).tobytes()).hexdigest() for t in (shrink, grow)]
    assert digests == [
        "5c371ef01638823678035634e037f8466d257ea027ba85d829c89c202f91a386",
        "06a80cf39da19020fb5978720a8e77c6c20e46b0309f74271fb22071534c5d11",
    ], "cv2.warpAffine 4.11 gave other bytes for the same image and map"


def test_the_flip_test_treats_left_and_right_alike(checkpoint: Path, small_config: Path) -> None:
    """Whatever the weights: the mirrored image has the mirrored heatmaps, of the mirrored keypoints."""
    image = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    estimator = HRNetEstimator(checkpoint, small_config, "cpu", flip_test=True)
    crop = estimator.crop(image, np.array([31.5 - 25.2, 31.5 - 25.2, 50.4, 50.4]))
    assert (crop == image).all(), "the box, padded by 1.25, is the image, pixel for pixel"
    maps, mirrored = estimator.heatmaps(np.stack([crop, crop[:, ::-1]]))
    np.testing.assert_allclose(maps, mirrored[MIRROR_KEYPOINTS[:68], :, ::-1], atol=1e-4)
    assert maps.std() > 1


def test_points_follow_image_and_box(checkpoint: Path) -> None:
    image = np.random.default_rng(4).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    box = np.array([[20.0, 10.0, 48.0, 40.0]])
    moved = np.zeros((150, 170, 3), dtype=np.uint8)
    moved[17:117, 31:151] = image
    estimator = HRNetEstimator(checkpoint, device="cpu")
    (there,), (confidence,) = estimator.estimate([image], box)
    (here,), _ = estimator.estimate([moved], box + [31, 17, 0, 0])
    assert ((confidence > 0) == np.isfinite(there).all(1)).all(), "NaN goes with confidence 0"
    assert (confidence[:68] > 0).sum() > 40 and not confidence[68:].any(), "it knows the 68 joints alone"
    np.testing.assert_allclose(here[:68], there[:68] + [31.0, 17.0], atol=1e-3)
    sure = confidence[confidence > 0]
    assert (sure >= 0.125).all() and sure.max() == 0.875, "the checkpoint's own calibration is used"
    with pytest.raises(InputError, match="one box an image"):
        estimator.estimate([image], np.zeros((2, 4)))
    with pytest.raises(InputError, match="it is not x1, y1"):
        estimator.estimate([image], np.array([[5.0, 5.0, -1.0, 4.0]]))


def test_the_commands_take_a_checkpoint_with_its_config(checkpoint: Path, tmp_path: Path) -> None:
    """Boxes come from the networks that ship, the points in them from the checkpoint."""
    photo = CONFIG.parents[2] / "data/images/test_horse.png"
    arguments = ["--config", CONFIG, "--checkpoint", checkpoint, "--image", photo, "--out", tmp_path, "--device", "cpu"]
    assert main(["predict", *map(str, arguments)]) == 0
    ((horse,),) = read_keypoints_json(tmp_path / "test_horse_keypoints.json").horses
    with Image.open(photo) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    (uv_px,), (confidence,) = HRNetEstimator(checkpoint, CONFIG, "cpu").estimate([pixels], horse.bbox_xywh[None])
    assert np.isfinite(uv_px[:68]).all(1).sum() > 40 and np.isnan(horse.uv_px[68:]).all()
    np.testing.assert_allclose(horse.confidence, confidence, atol=0.01)
    assert np.median(np.linalg.norm(horse.uv_px - uv_px, axis=1)[confidence > 0]) < 0.1


def test_a_backbone_starts_another_network(net: HRNetW32, checkpoint: Path, tmp_path: Path) -> None:
    classifier = {f"backbone.{k}": v for k, v in net.backbone.state_dict().items()}
    bare = {k.removeprefix("backbone."): v for k, v in classifier.items() if not k.endswith("num_batches_tracked")}
    torch.save({**bare, "classifier.weight": torch.zeros(1000, 2048)}, tmp_path / "imagenet.pth")
    fresh = HRNetW32(n_keypoints=5)
    for path in (checkpoint, tmp_path / "imagenet.pth"):
        fresh.backbone.conv1.weight.data.zero_()
        load_backbone(fresh, read_weights(path))
        assert torch.equal(fresh.backbone.conv1.weight, net.backbone.conv1.weight)
    with pytest.raises(InputError, match="a pose checkpoint of MMPose or of this project, not a backbone's"):
        HRNetEstimator(tmp_path / "imagenet.pth")
    with pytest.raises(InputError, match=r"expected head\.final_layer\.bias of shape \[5\], got \[68\]"):
        load_weights(fresh, read_weights(checkpoint))


def test_our_config_is_read_as_data() -> None:
    config = read_config(CONFIG)
    assert config == TopdownConfig(Codec(sigma=2), dataset="CocoDataset")
    assert config.n_keypoints == len(HORSE68)


def test_a_config_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    text = CONFIG.read_text(encoding="utf-8")
    hostile = tmp_path / "hostile.py"
    hostile.write_text(f"{text}\nopen({str(mark)!r}, 'w').close()\nwork_dir = open({str(mark)!r}, 'w')\n", "utf-8")
    assert read_config(hostile) == read_config(CONFIG)
    assert not mark.exists()


def test_a_config_of_bases_and_later_changes_is_followed(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
    child = tmp_path / "child.py"
    child.write_text(
        "_base_ = ['./base.py', 'mmpose::_base_/default_runtime.py']\n"
        "codec = dict(type='MSRAHeatmap', input_size=(192, 64 * 4), heatmap_size=(48, 64), sigma=2)\n"
        "model = dict(head=dict(out_channels=8 + 9, decoder=codec), test_cfg=dict(shift_heatmap=True))\n"
        "pipeline = [dict(type='mmpose.GetBBoxCenterScale', padding=1.5), dict(type='TopdownAffine')]\n"
        "test_dataloader = dict(dataset=dict(type='AP10KDataset', pipeline=pipeline))\n"
        "codec['sigma'] = 3\n",
        encoding="utf-8",
    )
    codec = Codec("MSRAHeatmap", (192, 256), (48, 64), 3)
    assert read_config(child) == TopdownConfig(codec, False, 1.5, 17, True, True, "AP10KDataset")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("out_channels=68", "out_channels=len(names)", "got a computed value"),
        ("\nmodel = dict(", "\nfor i in (1,):\n    codec = i\nmodel = dict(", "expected model.head.decoder as dict"),
        ("num_channels=(32, 64)", "num_channels=(48, 96)", "only HRNet-W32"),
        ('type="HRNet"', 'type="ResNet"', "expected model.backbone.type HRNet, got 'ResNet'"),
        ("deconv_out_channels=None,", "", "expected model.head.deconv_out_channels None"),
        ('type="UDPHeatmap"', 'type="SimCCLabel"', "others are not decoded here"),
        ("bgr_to_rgb=True", "bgr_to_rgb=False", "expected model.data_preprocessor.bgr_to_rgb True"),
        ("model = dict(", "model = dict((", "in Python, got something else"),
        ("model = dict(", "model = " + "-" * 90_000 + "dict(", "in Python, got something else"),
        ("model = dict(", "a = dict(x=codec)\na['x'] = a\nmodel = dict(", "in Python, got something else"),
        ("model = dict(", "\n".join(["a = dict()", *["a = dict(x=a, y=a)"] * 60, "model = dict("]), "items"),
        ('type="HRNet"', "type=[[codec] * 9] * 9", "expected model.backbone.type HRNet, got [["),
        ("model = dict(", "\n".join(["t = (1, 1)", *["t = (t, t)"] * 60, "t = codec[t]", "model = dict("]), None),
        ("lr=5e-4", "lr=[0] * 10**12 * 10**12", None),
    ],
)
def test_what_cannot_be_read_or_run_is_one_line(tmp_path: Path, old: str, new: str, message: str | None) -> None:
    text = CONFIG.read_text(encoding="utf-8")
    assert old in text
    if message is None:
        assert parse_config(text.replace(old, new), "changed") == read_config(CONFIG)
        return
    with pytest.raises(InputError, match="changed") as caught:
        parse_config(text.replace(old, new), "changed")
    assert message in str(caught.value) and "\n" not in str(caught.value)
