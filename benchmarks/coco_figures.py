"""OKS-AP and AR here and by pycocotools, of the same results.

    python benchmarks/coco_figures.py --pycocotools PYTHON                    # of a set made up here
    python benchmarks/coco_figures.py --pycocotools PYTHON --set LABELS.json --results RESULTS.json

PYTHON is an interpreter that has pycocotools, such as MMPose's. RESULTS are COCO results, for instance the
``coco_results.json`` of ``kinequimation predict --coco LABELS.json``. Legs whose side the annotator could not tell
(``lr_uncertain``) are scored the better way here, of which pycocotools knows nothing; ``--as-labelled`` leaves that
out. The made-up set has 60 images, horses missed and found twice, and errors from 1 % to 10 % of the box.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("AP", "AP50", "AP75", "AR")
_COCO = """
import contextlib, io, json, sys
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

labels, results, sigmas = sys.argv[1:]
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO(labels)
    run = COCOeval(truth, truth.loadRes(results), "keypoints")
    run.params.kpt_oks_sigmas = np.array(json.loads(sigmas))
    run.evaluate(), run.accumulate(), run.summarize()
print(json.dumps([run.stats[i] for i in (0, 1, 2, 5)]))
"""


def make_set(folder: Path) -> tuple[Path, Path]:
    """Write labels and results of made-up horses."""
    from kinequimation import skeleton

    rng = np.random.default_rng(3)
    names = list(skeleton.LANDMARKS)
    n = len(names)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for i in range(1, 61):
        images.append({"id": i, "file_name": f"{i}.png", "width": 640, "height": 480})
        for _ in range(rng.integers(1, 4)):
            w, h = rng.uniform(80, 300, 2)
            x, y = rng.uniform(0, 300, 2)
            points = np.stack([x + rng.random(n) * w, y + rng.random(n) * h], 1)
            visibility = rng.integers(0, 3, n)
            visibility[0] = 2
            common = {"image_id": i, "category_id": 1, "bbox": [x, y, w, h]}
            keypoints = np.column_stack([points, visibility]).ravel().tolist()
            extent = {"area": w * h * rng.uniform(0.4, 0.8), "iscrowd": 0, "num_keypoints": int((visibility > 0).sum())}
            annotations.append({"id": len(annotations) + 1, **common, **extent, "keypoints": keypoints})
            for _ in range(rng.integers(0, 3)):
                off = rng.normal(size=(n, 2)) * max(w, h) * rng.choice([0.01, 0.03, 0.06, 0.1])
                keypoints = np.column_stack([points + off, np.ones(n)]).ravel().tolist()
                results.append({**common, "keypoints": keypoints, "score": float(rng.random())})
    record = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "horse", "keypoints": names}],
    }
    labels, found = folder / "labels.json", folder / "results.json"
    labels.write_text(json.dumps(record), encoding="utf-8")
    found.write_text(json.dumps(results), encoding="utf-8")
    return labels, found


def main() -> int:
    """Print both, and by how much they differ at most."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pycocotools", required=True, metavar="PYTHON", help="an interpreter that has pycocotools")
    parser.add_argument("--set", type=Path, metavar="LABELS", help="COCO keypoint file")
    parser.add_argument("--results", type=Path, help="COCO results of it")
    parser.add_argument("--as-labelled", action="store_true", help="do not try uncertain legs the other way round")
    args = parser.parse_args()
    if (args.set is None) != (args.results is None):
        parser.error("--set and --results go together")
    with tempfile.TemporaryDirectory() as folder:
        labels, results = (args.set, args.results) if args.set else make_set(Path(folder))
        return compare(args.pycocotools, labels, results, args.as_labelled)


def compare(python: str, labels: Path, results: Path, as_labelled: bool) -> int:
    """Score the results twice."""
    from dataclasses import replace

    from kinequimation import skeleton
    from kinequimation.dataset.coco import read_coco_set, slots_of_names
    from kinequimation.dataset.predictions import match_horses, read_predictions
    from kinequimation.dataset.score import oks_sigmas, score

    labelled = read_coco_set(labels)
    found = read_predictions(results, labelled)
    images = labelled.images
    if as_labelled:
        images = [replace(i, horses=tuple(replace(h, lr_uncertain=()) for h in i.horses)) for i in images]
    sigmas = oks_sigmas(labelled.scheme)
    oks = score(images, match_horses(images, found).uv_px, found=found, sigmas=sigmas).oks
    ours = [oks.ap, oks.ap50, oks.ap75, oks.ar]
    names = next(iter(labelled.names.values()))
    if any(n not in skeleton.KEYPOINT_INDEX and n not in skeleton.AP10K for n in names):
        sys.exit(f"{labels}: expected points of our names or AP-10K's, got {names}")
    of_names = json.dumps(sigmas[slots_of_names(names)].tolist())
    command = [python, "-c", _COCO, str(labels), str(results), of_names]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"{'':14}" + "".join(f"{name:>12}" for name in NAMES))
    for who, values in (("here", ours), ("pycocotools", theirs)):
        print(f"{who:14}" + "".join(f"{v:12.8f}" for v in values))
    print(f"largest difference {np.abs(np.subtract(ours, theirs)).max():.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
