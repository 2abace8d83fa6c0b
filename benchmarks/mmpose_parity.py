"""One checkpoint of HRNet-W32 in MMPose and here: heatmaps, crops and keypoints compared, both ways.

    python benchmarks/mmpose_parity.py --mmpose MMPOSE_PYTHON \
        --checkpoint outputs/checkpoints/hrnet_w32_horse68_best.pth \
        --set dataset_pipeline/data/coco/coco_synth_68.json --images dataset_pipeline/data/renders

from the repository's root. ``--checkpoint`` is one that MMPose made; without it that direction is left out. The other
direction makes a network here, of random weights whose heatmaps reach some units, and lets MMPose load it; it is read
by three codecs, with and without the flip test. Heatmaps are compared on the same crops, MMPose's; keypoints from image
and box, each side cutting its own crop.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from kinequimation.pose2d.checkpoint import write_weights
from kinequimation.pose2d.crop import MARGIN
from kinequimation.pose2d.hrnet import HRNetW32
from kinequimation.pose2d.hrnet_infer import HRNetEstimator

CONFIG = Path("model_pipeline/configs/hrnet_w32_horse68_256x256.py")
MSRA = {
    'type="UDPHeatmap"': 'type="MSRAHeatmap"',
    "use_udp=True": "use_udp=False",
    "shift_heatmap=False": "shift_heatmap=True",
}
"""What makes the config one of the older convention."""
DARK = {**MSRA, "sigma=2)": "sigma=2, unbiased=True)"}


def main() -> None:
    """Compare and print one line for each network, codec and test."""
    parser = argparse.ArgumentParser(description="MMPose's HRNet-W32 and ours on the same images.")
    parser.add_argument("--mmpose", required=True, help="the Python that has MMPose 1.3.2")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint that MMPose made")
    parser.add_argument("--set", type=Path, required=True, help="COCO file with boxes")
    parser.add_argument("--images", type=Path, required=True, help="folder of its images")
    parser.add_argument("--count", type=int, default=20, help="images")
    args = parser.parse_args()
    torch.set_num_threads(1)
    images, boxes = pick(args.set, args.images, args.count)
    print(f"{len(images)} images of {args.set}")
    print("network            codec  flip   max |heatmap|   heatmaps differ   crops differ    keypoints differ, px")
    with tempfile.TemporaryDirectory() as folder:
        if args.checkpoint is not None:
            for flip in (False, True):
                compare(args.mmpose, "made by MMPose", "UDP", args.checkpoint, CONFIG, flip, images, boxes, folder)
        ours = Path(folder) / "ours.pth"
        write_weights(ours, random_network(), {})
        for codec, change in (("UDP", {}), ("MSRA", MSRA), ("DARK", DARK)):
            config = changed_config(Path(folder) / f"{codec.lower()}.py", change)
            for flip in (False, True):
                compare(args.mmpose, "made here", codec, ours, config, flip, images, boxes, folder)


def pick(coco: Path, folder: Path, count: int) -> tuple[list[Path], np.ndarray]:
    """Return image paths and boxes, spread evenly over the file."""
    content = json.loads(coco.read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in content["images"]}
    chosen = content["annotations"][:: max(len(content["annotations"]) // count, 1)][:count]
    return [folder / names[a["image_id"]] for a in chosen], np.array([a["bbox"] for a in chosen], dtype=float)


def random_network(seed: int = 1) -> HRNetW32:
    """Return a network whose random weights give lively heatmaps."""
    torch.manual_seed(seed)
    net = HRNetW32()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)  # pyright: ignore[reportArgumentType]
            nn.init.uniform_(module.running_var, 0.8, 1.2)  # pyright: ignore[reportArgumentType]
            nn.init.uniform_(module.weight, 0.2, 0.4)
            nn.init.normal_(module.bias, std=0.1)
    return net


def changed_config(path: Path, change: dict[str, str]) -> Path:
    """Write a copy of our config with some texts replaced, beside a copy of its hooks."""
    text = CONFIG.read_text(encoding="utf-8")
    for old, new in change.items():
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    hooks = CONFIG.with_name("horse68_hooks.py")
    path.with_name(hooks.name).write_text(hooks.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def compare(
    python: str,
    name: str,
    codec: str,
    checkpoint: Path,
    config: Path,
    flip: bool,
    images: list[Path],
    boxes: np.ndarray,
    folder: str,
) -> None:
    """Run both and print how far apart they are."""
    out = Path(folder) / "mmpose.npz"
    job = {
        "config": str(config),
        "checkpoint": str(checkpoint),
        "flip_test": flip,
        "images": [str(path) for path in images],
        "bboxes_xywh": boxes.tolist(),
        "out": str(out),
    }
    job_path = Path(folder) / "job.json"
    job_path.write_text(json.dumps(job), encoding="utf-8")
    done = subprocess.run([python, "benchmarks/mmpose_run.py", str(job_path)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"MMPose failed:\n{done.stderr[-2000:]}")
    with np.load(out) as theirs:
        estimator = HRNetEstimator(checkpoint, config, "cpu", flip_test=flip)
        pictures = [np.asarray(Image.open(path).convert("RGB")) for path in images]
        crops = np.stack([estimator.crop(p, b) for p, b in zip(pictures, boxes, strict=True)])
        maps = np.concatenate([estimator.heatmaps(c[None]) for c in np.ascontiguousarray(theirs["crops"])])
        uv_px, _ = estimator.estimate(pictures, boxes)
        known = is_peak(theirs, boxes)
        distance = np.linalg.norm(uv_px[:, : known.shape[1]] - theirs["keypoints"], axis=2)[known]
        levels = np.abs(crops.astype(int) - theirs["crops"].astype(int))
        print(
            f"{name:18s} {codec:6s} {'yes' if flip else 'no':5s} {np.abs(theirs['heatmaps']).max():12.4f}"
            f"   {np.abs(maps - theirs['heatmaps']).max():14.2e}"
            f"   {(levels > 0).mean():7.3%} by {levels.max()}"
            f"   median {np.median(distance):.5f}, 99 % {np.quantile(distance, 0.99):.4f}, max {distance.max():.4f}"
            f" of {known.sum()} peaks of {known.size}"
        )


def is_peak(theirs: Mapping[str, np.ndarray], boxes: np.ndarray) -> np.ndarray:
    """Return [N, K] whether MMPose's keypoint lies within 3 cells of its heatmap's highest cell.

    Elsewhere the heatmap is flat or nowhere above 0, and MMPose's step below a cell leads anywhere, thousands of pixels
    away at times; such points stay on their highest cell here.
    """
    maps = theirs["heatmaps"]
    index = maps.reshape(*maps.shape[:2], -1).argmax(2)
    cell_px = MARGIN * boxes[:, 2:].max(1)[:, None, None] / maps.shape[-1]
    corner = (boxes[:, :2] + boxes[:, 2:] / 2)[:, None] - cell_px * maps.shape[-1] / 2
    highest = corner + cell_px * np.stack([index % maps.shape[-1], index // maps.shape[-1]], 2)
    near = np.abs(theirs["keypoints"] - highest).max(2) <= 3 * cell_px[..., 0]
    return near & (theirs["scores"] > 0)


if __name__ == "__main__":
    main()
