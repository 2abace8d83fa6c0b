"""What inference needs to know of a network of MMPose, from its config."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinequimation.errors import InputError
from kinequimation.pose2d.hrnet_codec import CODEC_KINDS, Codec
from kinequimation.pose2d.mmpose_config import is_number, parse_values, read_values, shown

_RGB_MEAN, _RGB_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_W32: dict[str, tuple[int, str, tuple[int, ...], tuple[int, ...]]] = {
    "stage1": (1, "BOTTLENECK", (4,), (64,)),
    "stage2": (1, "BASIC", (4, 4), (32, 64)),
    "stage3": (4, "BASIC", (4, 4, 4), (32, 64, 128)),
    "stage4": (3, "BASIC", (4, 4, 4, 4), (32, 64, 128, 256)),
}
"""Modules, kind of block, blocks and channels of each branch: what ``pose2d/hrnet.py`` builds."""


@dataclass(frozen=True)
class TopdownConfig:
    """What inference needs to know of a top-down heatmap network.

    Attributes:
        codec: how heatmaps mean places.
        use_udp: whether the crop is cut as ``UDPHeatmap`` wants it.
        padding: sides of what is cut out over the box's.
        n_keypoints: number of heatmaps.
        flip_test: whether MMPose itself also looks at the mirrored crop.
        shift_heatmap: whether the mirrored crop's heatmaps are moved by one cell before they are averaged.
        dataset: MMPose's class of the data, such as ``AP10KDataset``, which names the keypoints; empty if unknown.
    """

    codec: Codec = field(default_factory=Codec)
    use_udp: bool = True
    padding: float = 1.25
    n_keypoints: int = 68
    flip_test: bool = True
    shift_heatmap: bool = False
    dataset: str = ""


def read_config(path: str | Path) -> TopdownConfig:
    """Read a config file of MMPose; nothing in it is run.

    Raises:
        InputError: the file is missing or no Python, or its network is not an HRNet-W32 with a heatmap head.
    """
    path = Path(path)
    return _to_config(read_values(path), str(path))


def parse_config(text: str, name: str) -> TopdownConfig:
    """Read a config that a checkpoint brings along as text (``meta["cfg"]``).

    Args:
        text: the config, all ``_base_`` files merged.
        name: what to call it in messages.

    Raises:
        InputError: as ``read_config``.
    """
    return _to_config(parse_values(text, name), name)


def _to_config(values: dict[str, Any], name: str) -> TopdownConfig:
    model = values.get("model")
    if not isinstance(model, dict):
        raise InputError(f"{name}: expected a config of MMPose with a model in it, got {shown(model)}")
    _check_network(model, name)
    head = model["head"]
    test = model.get("test_cfg")
    test = test if isinstance(test, dict) else {}
    _expect(name, "model.test_cfg.output_keypoint_indices", test.get("output_keypoint_indices"), None)
    codec = _to_codec(head.get("decoder"), name)
    dataset = _dataset(values, name)
    padding, use_udp = _to_crop(dataset["pipeline"], name)
    n_keypoints = head.get("out_channels")
    if not isinstance(n_keypoints, int) or not 1 <= n_keypoints <= 1024:
        raise InputError(f"{name}: expected a number as model.head.out_channels, got {shown(n_keypoints)}")
    return TopdownConfig(
        codec,
        use_udp,
        padding,
        n_keypoints,
        test.get("flip_test") is True,
        test.get("shift_heatmap") is True,
        str(_kind(dataset) or ""),
    )


def _check_network(model: dict[str, Any], name: str) -> None:
    """Check that the network is the one that ``pose2d/hrnet.py`` builds."""
    for part in ("backbone", "head"):
        if not isinstance(model.get(part), dict):
            raise InputError(f"{name}: expected model.{part} as dict(...), got {shown(model.get(part))}")
    backbone, head = model["backbone"], model["head"]
    _expect(name, "model.type", _kind(model), "TopdownPoseEstimator")
    _expect(name, "model.backbone.type", _kind(backbone), "HRNet")
    _expect(name, "model.neck", model.get("neck"), None)
    extra = backbone.get("extra")
    for stage, layout in _W32.items():
        given = extra.get(stage) if isinstance(extra, dict) else None
        given = given if isinstance(given, dict) else {}
        got = (
            given.get("num_modules"),
            given.get("block"),
            *(_tuple(given.get(k)) for k in ("num_blocks", "num_channels")),
        )
        _expect(name, f"model.backbone.extra.{stage}, modules, block, blocks and channels,", got, layout)
    _expect(name, "model.head.type", _kind(head), "HeatmapHead")
    for option in ("deconv_out_channels", "conv_out_channels"):
        default = (256, 256, 256) if option.startswith("deconv") else None
        _expect(name, f"model.head.{option}", _tuple(head.get(option, default)) or None, None)
    final = head.get("final_layer", {"kernel_size": 1})
    _expect(
        name, "model.head.final_layer.kernel_size", final.get("kernel_size", 1) if isinstance(final, dict) else final, 1
    )
    colours = model.get("data_preprocessor", {})
    colours = colours if isinstance(colours, dict) else {}
    _expect(name, "model.data_preprocessor.mean", _tuple(colours.get("mean", _RGB_MEAN)), _RGB_MEAN)
    _expect(name, "model.data_preprocessor.std", _tuple(colours.get("std", _RGB_STD)), _RGB_STD)
    _expect(name, "model.data_preprocessor.bgr_to_rgb", colours.get("bgr_to_rgb", True), True)


def _to_codec(given: Any, name: str) -> Codec:
    if not isinstance(given, dict):
        raise InputError(f"{name}: expected model.head.decoder as dict(...), got {shown(given)}")
    kind = _kind(given)
    if kind not in CODEC_KINDS:
        raise InputError(
            f"{name}: expected a codec of {', '.join(CODEC_KINDS)}, got {shown(kind)}; others are not decoded here"
        )
    _expect(name, "codec.heatmap_type", given.get("heatmap_type", "gaussian"), "gaussian")
    options = {k: given[k] for k in ("sigma", "unbiased", "blur_kernel_size") if k in given}
    sizes = {k: _tuple(given.get(k)) for k in ("input_size", "heatmap_size")}
    try:
        codec = Codec(kind=kind, **sizes, **options)
    except TypeError as error:
        raise InputError(f"{name}: expected numbers in the codec, got {shown(given)}") from error
    if any(a != 4 * b for a, b in zip(codec.input_size, codec.heatmap_size, strict=True)):
        raise InputError(
            f"{name}: expected heatmaps of a quarter of the input, got {codec.heatmap_size} of {codec.input_size}"
        )
    return codec


def _dataset(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the data that inference goes through, with its pipeline."""
    loader = values.get("test_dataloader", values.get("val_dataloader"))
    dataset = loader.get("dataset") if isinstance(loader, dict) else None
    pipeline = dataset.get("pipeline") if isinstance(dataset, dict) else None
    if not isinstance(dataset, dict) or not isinstance(pipeline, list):
        raise InputError(f"{name}: expected test_dataloader.dataset.pipeline as a list, got {shown(pipeline)}")
    return dataset


def _to_crop(pipeline: list[Any], name: str) -> tuple[float, bool]:
    """Return a pipeline's padding and ``use_udp``, MMPose's defaults where it is silent."""
    padding, use_udp = 1.25, False
    for step in pipeline:
        kind = _kind(step) if isinstance(step, dict) else None
        if kind == "GetBBoxCenterScale":
            padding = step.get("padding", padding)
        elif kind == "TopdownAffine":
            use_udp = step.get("use_udp", use_udp)
    if not is_number(padding) or not 0.1 <= padding <= 10 or not isinstance(use_udp, bool):
        raise InputError(
            f"{name}: expected a padding of 0.1 to 10 and use_udp, got {shown(padding)} and {shown(use_udp)}"
        )
    return float(padding), use_udp


def _kind(part: dict[str, Any]) -> Any:
    """Return ``type`` without MMPose's scope before it."""
    kind = part.get("type")
    return kind.rsplit(".", 1)[-1] if isinstance(kind, str) else kind


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _expect(name: str, what: str, got: Any, wanted: Any) -> None:
    if got != wanted:
        raise InputError(
            f"{name}: expected {what} {wanted}, got {shown(got)}; only HRNet-W32 with a heatmap head is run here"
        )
