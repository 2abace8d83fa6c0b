"""``kinequimation evaluate``: score the keypoint network on a folder of labelled photos."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation.errors import InputError
from kinequimation.runtime import DEVICES

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from PIL.Image import Image

    from kinequimation.dataset.coco import LabelledHorse, LabelledImage
    from kinequimation.dataset.score import Row, Score

MIN_IOU = 0.3
"""A detection that overlaps a horse's box less than this has not found that horse."""
TILE_PX = 320
MAX_TILES = 12


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score the keypoints on labelled photos",
        description="Score the keypoint network on a folder with annotations.json (COCO keypoints) and its images.",
    )
    parser.add_argument(
        "--set", required=True, type=Path, metavar="DIR", dest="folder", help="the labelled photos; or the .json file"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the images lie, if not beside the .json file")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another keypoint network (.onnx)")
    parser.add_argument("--boxes", choices=("both", "given", "detected"), default="both", help="default: both")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the scores here")
    parser.add_argument("--worst", type=Path, metavar="PNG", help="also draw the worst horses here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score, print, and write what was asked for."""
    from kinequimation.dataset.coco import read_coco
    from kinequimation.dataset.score import mean_pose_baseline, score
    from kinequimation.io.atomic import replacing
    from kinequimation.pose2d import PoseEstimator

    labels = args.folder if args.folder.suffix == ".json" else args.folder / "annotations.json"
    images = read_coco(labels, args.images)
    n_horses = sum(len(image.horses) for image in images)
    estimator = PoseEstimator(args.weights, device=args.device)
    print(
        f"{args.folder}: {len(images)} images, {n_horses} horses; network {estimator.weights_sha256[:12]} on ", end=""
    )
    print(f"{estimator.device}\n")
    scores = {"no network": score(images, mean_pose_baseline(images))}
    found = None
    drawn = None
    if args.boxes != "detected":
        drawn = np.concatenate([_estimate(estimator, i, np.stack([h.bbox_xywh for h in i.horses])) for i in images])
        scores["given boxes"] = score(images, drawn)
    if args.boxes != "given":
        from kinequimation.detect import HorseDetector

        boxes = detected_boxes(images, HorseDetector(device=args.device))
        found = int(np.isfinite(np.concatenate(boxes)).all(1).sum())
        detected = np.concatenate([_estimate(estimator, i, b) for i, b in zip(images, boxes, strict=True)])
        scores["detected boxes"] = score(images, detected)
        drawn = detected if drawn is None else drawn
    print(report(scores))
    if found is not None:
        print(f"\ndetector: found {found} of {n_horses} horses (overlap {MIN_IOU} or more)")
    shown = scores["given boxes" if args.boxes != "detected" else "detected boxes"]
    order = worst_first(shown)
    names = [f"{image.path.name} #{i}" for image in images for i in range(len(image.horses))]
    print("\nworst horses, PCK@0.1: " + ", ".join(f"{names[h]} {share:.2f}" for h, share in order[:5]))
    if args.json:
        record = {
            "set": str(args.folder),
            "weights_sha256": estimator.weights_sha256,
            "horses": n_horses,
            "detected_horses": found,
            "scores": {name: s.to_dict() for name, s in scores.items()},
            "horse_pck@0.1": {names[h]: share for h, share in order},
        }
        with replacing(args.json) as temporary:
            temporary.write_text(json.dumps(_without_nan(record), indent=1), encoding="utf-8")
    if args.worst and drawn is not None:
        sheet = contact_sheet(images, drawn, order[:MAX_TILES])
        with replacing(args.worst) as temporary:
            sheet.save(temporary, format="PNG")
    return 0


def _read_image(image: LabelledImage) -> UInt8[np.ndarray, "h w 3"]:
    """Read an image as its pixels lie in the file, which is what COCO's coordinates mean (no EXIF turn)."""
    from PIL import Image

    from kinequimation.video import IMAGE_FORMATS

    try:
        with Image.open(image.path, formats=IMAGE_FORMATS) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{image.path}: expected an image, got something unreadable ({error})") from error
    if pixels.shape[:2] != (image.height, image.width):
        got = f"{pixels.shape[1]}×{pixels.shape[0]}"
        raise InputError(f"{image.path}: expected {image.width}×{image.height} as annotated, got {got}")
    return pixels


def _estimate(estimator: Any, image: LabelledImage, boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 103 2"]:
    """Return keypoints in each box; NaN for a box that is NaN."""
    from kinequimation.skeleton import NUM_KEYPOINTS

    uv_px = np.full((len(boxes), NUM_KEYPOINTS, 2), np.nan)
    known = np.isfinite(boxes).all(1)
    if known.any():
        pixels = _read_image(image)
        uv_px[known], _ = estimator.estimate([pixels] * int(known.sum()), boxes[known])
    return uv_px


def detected_boxes(images: Sequence[LabelledImage], detector: Any) -> list[Float[np.ndarray, "n 4"]]:
    """Return, for each image, the detection that overlaps each labelled horse most; NaN where none does enough.

    A detection is given to one horse only, the best overlaps first.
    """
    from kinequimation.metrics import box_iou

    boxes = []
    for image in images:
        detections = np.array([d.bbox_xywh for d in detector.detect(_read_image(image))], float).reshape(-1, 4)
        overlap = box_iou(np.stack([h.bbox_xywh for h in image.horses]), detections)
        best = np.full((len(image.horses), 4), np.nan)
        while overlap.size and overlap.max() >= MIN_IOU:
            h, d = np.unravel_index(overlap.argmax(), overlap.shape)
            best[h] = detections[d]
            overlap[h], overlap[:, d] = -1, -1
        boxes.append(best)
    return boxes


def report(scores: dict[str, Score]) -> str:
    """Return the tables that are printed."""
    from kinequimation.dataset.score import THRESHOLDS

    head = "".join(f"{f'PCK@{t}':<32}" for t in THRESHOLDS)
    lines = [f"{'':<18}{head}(95 % interval over images)"]
    for name, s in scores.items():
        lines += ["", name, *(_line(row) for row in (s.seen, s.hidden))]
        lines += [_line(row) for row in s.groups if row.count]
        if s.n_pairs:
            swapped = f"{s.n_swapped}/{s.n_pairs} ({s.n_swapped / s.n_pairs:.1%}) swapped"
            merged = f"{s.n_merged}/{s.n_pairs} ({s.n_merged / s.n_pairs:.1%}) both on one side"
            lines.append(f"  left/right pairs {swapped}, {merged}")
    return "\n".join(lines)


def _line(row: Row) -> str:
    cells = []
    for i, (low, high) in enumerate(row.intervals):
        cells.append(
            f"{row.hits[i]:>4}/{row.count:<4} {row.share(i):6.1%} ({low:.2f} to {high:.2f})" if row.count else "-"
        )
    return f"  {row.name:<16}" + "".join(f"{cell:<32}" for cell in cells).rstrip()


def worst_first(scored: Score) -> list[tuple[int, float]]:
    """Return each horse's number and its PCK@0.1 over seen points, the lowest first."""
    counts = (~np.isnan(scored.errors)).sum(1)
    shares = (scored.errors <= 0.1).sum(1) / np.maximum(counts, 1)
    return [(int(h), float(shares[h])) for h in np.argsort(shares, kind="stable") if counts[h]]


def contact_sheet(
    images: Sequence[LabelledImage], uv_px: Float[np.ndarray, "n 103 2"], order: Sequence[tuple[int, float]]
) -> Image:
    """Draw horses with their labels (rings), predictions (discs), and a line from each label to its prediction.

    The horse's left is blue, its right orange, the middle yellow.
    """
    from PIL import Image

    horses = [(image, horse) for image in images for horse in image.horses]
    columns = min(4, max(1, len(order)))
    rows = -(-max(1, len(order)) // columns)
    sheet = Image.new("RGB", (columns * TILE_PX, rows * TILE_PX), "black")
    for place, (h, share) in enumerate(order):
        image, horse = horses[h]
        tile = _tile(_read_image(image), horse, uv_px[h], f"{image.path.name}  PCK@0.1 {share:.2f}")
        sheet.paste(tile, (place % columns * TILE_PX, place // columns * TILE_PX))
    return sheet


def _tile(pixels: UInt8[np.ndarray, "h w 3"], horse: LabelledHorse, uv_px: Float[np.ndarray, "103 2"], title: str):
    from PIL import Image, ImageDraw

    from kinequimation.geometry.crop import apply_transform, crop_transform, warp
    from kinequimation.skeleton import KEYPOINTS

    x, y, w, h = horse.bbox_xywh
    to_tile = crop_transform(x + w / 2, y + h / 2, 1.25 * max(w, h), TILE_PX)
    tile = Image.fromarray(warp(pixels, to_tile, TILE_PX))
    draw = ImageDraw.Draw(tile)
    truths, predictions = apply_transform(to_tile, horse.uv_px), apply_transform(to_tile, uv_px)
    for name, truth, seen, predicted in zip(KEYPOINTS, truths, horse.visibility, predictions, strict=True):
        if not seen:
            continue
        colour = {"L": "#4aa8ff", "R": "#ff8c1a"}.get(name[-1] if name[-2:-1] == "." else "", "#ffe14d")
        u, v = truth
        draw.ellipse((u - 4, v - 4, u + 4, v + 4), outline=colour)
        if np.isfinite(predicted).all():
            p, q = predicted
            draw.line((u, v, p, q), fill=colour)
            draw.ellipse((p - 2, q - 2, p + 2, q + 2), fill=colour)
    draw.rectangle((0, 0, TILE_PX, 13), fill="black")
    draw.text((3, 1), title, fill="white")
    return tile


def _without_nan(value: Any) -> Any:
    """Return the record with null for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
