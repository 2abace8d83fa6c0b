"""``kinequimation evaluate``: score keypoints on labelled photos."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinequimation import skeleton
from kinequimation.cli.evaluate_source import (
    DETECTED,
    FROM_FILE,
    GIVEN,
    Source,
    add_source,
    against,
    labels_of,
    read_source,
)
from kinequimation.cli.progress import ProgressBar
from kinequimation.text import counted

if TYPE_CHECKING:
    from kinequimation.dataset.coco import LabelledImage
    from kinequimation.dataset.score import Score

BASELINE = "no network"
MAX_TILES = 12
_EPILOG = """what is scored:
  PCK          share of the labelled points within 0.05, 0.1, 0.2 of the longer side of the horse's box
  left/right   pairs that are the wrong way round, of those that the labels tell apart
  OKS          COCO's average precision and recall over points seen and hidden; with detected boxes false horses count
  confidence   against the share of points within 0.05: expected calibration error, and the share right of each tenth
  no network   the mean pose of the set's other horses, stretched to the given box: what a figure must beat
Points that the labels or the network do not have are left out.

examples:
  kinequimation evaluate --set photos/ --picture scores.png --json scores.json
  kinequimation evaluate --set ap10k-val.json --images ap10k/data --weights mine.onnx --against shipped
  kinequimation evaluate --set coco_synth_68_test.json --images renders/ --weights hrnet_w32_horse68_best.pth
  kinequimation evaluate --set photos/ --predictions results.json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score the keypoints on labelled photos",
        description="Score keypoints on labelled photos: a network's, or those of a file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source(parser)
    parser.add_argument("--boxes", choices=("both", "given", "detected"), default="both", help="default: both")
    parser.add_argument(
        "--against",
        metavar="FILE",
        help="also score this network or these predictions, and print by how much they differ; 'shipped' is ours",
    )
    parser.add_argument("--per-keypoint", action="store_true", help="also a row for each keypoint and each pair")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the scores here")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="also draw the scores here")
    parser.add_argument("--worst", type=Path, metavar="PNG", help="also draw the worst horses here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score, print, and write what was asked for."""
    from kinequimation.cli.evaluate_report import difference_report, differences, report
    from kinequimation.dataset.coco import read_coco_set
    from kinequimation.dataset.predictions import MIN_IOU
    from kinequimation.dataset.score import mean_pose_baseline, oks_sigmas, score, worst_first
    from kinequimation.dataset.score_rows import THRESHOLDS
    from kinequimation.io.atomic import replacing
    from kinequimation.viz.errors2d import horse_names, worst_sheet

    labelled = read_coco_set(labels_of(args.folder), args.images)
    images = labelled.images
    n_horses = sum(len(image.horses) for image in images)
    boxes = (GIVEN, DETECTED) if args.boxes == "both" else (f"{args.boxes} boxes",)
    with ProgressBar() as progress:
        source = read_source(args, labelled, boxes, progress)
        other = read_source(against(args), labelled, boxes, progress) if args.against is not None else None
    print(f"{args.folder}: {counted(len(images), 'image')}, {counted(n_horses, 'horse')}; {source.name}")
    slots = [k for k in source.slots if other is None or k in other.slots]
    left_out = sorted({int(k) for i in images for h in i.horses for k in np.flatnonzero(h.visibility)} - set(slots))
    if left_out:
        names = [skeleton.KEYPOINTS[k] for k in left_out]
        some = f"{', '.join(names[:6])}{' ...' if len(names) > 6 else ''}"
        print(f"left out, as they are labelled but not predicted: {counted(len(names), 'keypoint')} ({some})")
    sigmas = oks_sigmas(labelled.scheme)
    scores = {BASELINE: score(images, mean_pose_baseline(images), slots=slots, sigmas=sigmas)}
    scores |= _scores(source, images, slots, sigmas)
    print("\n" + report(scores, args.per_keypoint))
    found = source.horses.get(DETECTED, source.horses.get(FROM_FILE))
    n_empty = sum(len(of_image) == 0 for of_image in source.found.get(FROM_FILE, ()))
    if n_empty:
        print(f"\nnothing is predicted in {counted(n_empty, 'image')}: horses there count as missed")
    if found is not None:
        print(
            f"\nfound {int(found.found.sum())} of {n_horses} horses (overlap {MIN_IOU} or more; median overlap "
            f"{np.median(found.iou):.2f}); {found.n_unmatched} detections on no labelled horse"
        )
    compared = {}
    if other is not None:
        compared = differences(scores, _scores(other, images, slots, sigmas))
        print("\n" + difference_report(compared, other.name))
    if GIVEN in scores and DETECTED in scores:
        d = scores[DETECTED].seen.less(scores[GIVEN].seen, 0)
        print(f"detected less given boxes: {d.value:+.1%} ({d.low:+.3f} to {d.high:+.3f}) of PCK@{THRESHOLDS[0]}, seen")
    main = next(iter(source.horses))
    order = worst_first(scores[main])
    names = horse_names(images)
    if order:
        print("\nworst horses, PCK@0.1: " + ", ".join(f"{names[h]} {share:.2f}" for h, share in order[:5]))
    if args.json:
        record = {
            "set": str(args.folder),
            "predictions": source.name,
            "weights_sha256": source.weights_sha256,
            "horses": n_horses,
            "detected_horses": None if found is None else int(found.found.sum()),
            "false_boxes": None if found is None else found.n_unmatched,
            "left_out": [skeleton.KEYPOINTS[k] for k in left_out],
            "scores": {name: s.to_dict() for name, s in scores.items()},
            "against": None if other is None else other.name,
            "differences": {n: {f: vars(d) for f, d in of.items()} for n, of in compared.items()},
            "horse_pck@0.1": {names[h]: share for h, share in order},
        }
        with replacing(args.json) as temporary:
            temporary.write_text(json.dumps(_without_nan(record), indent=1), encoding="utf-8")
    if args.picture:
        from kinequimation.viz.evaluation import evaluation_picture

        title = f"{args.folder.name}: {counted(len(images), 'image')}, {counted(n_horses, 'horse')}, {source.name}"
        picture = evaluation_picture(scores, main, BASELINE, title, images, source.horses[main].uv_px)
        with replacing(args.picture) as temporary:
            picture.save(temporary, format="PNG")
    if args.worst:
        sheet = worst_sheet(images, source.horses[main].uv_px, order[:MAX_TILES])
        with replacing(args.worst) as temporary:
            sheet.save(temporary, format="PNG")
    return 0


def _scores(
    source: Source, images: Sequence[LabelledImage], slots: Sequence[int], sigmas: np.ndarray
) -> dict[str, Score]:
    from kinequimation.dataset.score import score

    return {
        name: score(images, of.uv_px, of.confidence, found=source.found.get(name), slots=slots, sigmas=sigmas)
        for name, of in source.horses.items()
    }


def _without_nan(value: Any) -> Any:
    """Return the record with null for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
