"""Other programs read the datasets that are built here: pycocotools, MMPose and webdataset.

Makes a dataset of true geometry (or takes a rendered one), builds it, and reads it with each of them, in the Pythons
that have them::

    .venv/bin/python benchmarks/coco_readers.py --pycocotools PYTHON --mmpose PYTHON --webdataset PYTHON [--root DIR]

- pycocotools: masks and boxes agree with ours; ground truth scored as prediction gives AP 1, for horse68 and the
  landmarks, all of it and each part.
- MMPose's CocoDataset with model_pipeline/configs/_base_/horse68.py: every horse is there, keypoints equal.
- webdataset: every frame of the shards is there once, keypoints equal.

Exits 1 where one of them disagrees. A reader without a Python is left out, and said to be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

_PYCOCOTOOLS = """
import contextlib, io, json, sys
import numpy as np
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocotools import mask as coco_mask

root, sigmas, *files = sys.argv[1:]
sigmas = json.loads(sigmas)
scores = {}
for path in files:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(path)
        annotations = truth.loadAnns(truth.getAnnIds())
        found = truth.loadRes([
            {"image_id": a["image_id"], "category_id": a["category_id"], "keypoints": a["keypoints"], "score": 1.0}
            for a in annotations
        ])
        scored = COCOeval(truth, found, "keypoints")
        scored.params.kpt_oks_sigmas = np.array(sigmas["landmarks" if "landmarks" in path else "68"])
        scored.evaluate(); scored.accumulate(); scored.summarize()
    worst_box = worst_area = different = 0
    for a in annotations:
        image = truth.loadImgs(a["image_id"])[0]
        mask = truth.annToMask(a)
        file = np.asarray(Image.open(f"{root}/{image['mask']}")) > 127
        different += int((mask.astype(bool) != file).sum())
        worst_area = max(worst_area, abs(float(coco_mask.area(a["segmentation"])) - a["area"]))
        x, y, w, h = coco_mask.toBbox(a["segmentation"])
        bx, by, bw, bh = a["bbox"]
        worst_box = max(worst_box, bx - x, by - y, x + w - bx - bw, y + h - by - bh)  # mask outside of the box
        assert bx >= 0 and by >= 0 and bx + bw <= image["width"] + 1e-6 and by + bh <= image["height"] + 1e-6, a["bbox"]
    category = truth.loadCats(1)[0]
    assert np.min(category["skeleton"]) >= 1 and np.max(category["skeleton"]) <= len(category["keypoints"])
    name = path.rsplit("/", 1)[-1]
    ap, ar = scored.stats[0], scored.stats[5]
    scores[name] = float(ap)
    print(f"  {name:<36} {len(annotations):6} horses  AP {ap:.3f}  AR {ar:.3f}  masks: {different} pixels differ, "
          f"reach {max(worst_box, 0):.2f} px out of the box")
    assert different == 0 and worst_area == 0
sys.exit(0 if all(s > 0.9999 for s in scores.values()) else 1)
"""

_MMPOSE = """
import contextlib, io, json, sys, warnings
warnings.filterwarnings("ignore")
import mmcv
import numpy as np
from mmpose.datasets.datasets import CocoDataset
from mmpose.utils import register_all_modules
register_all_modules()
root, *files = sys.argv[1:]
wrong = 0
for path in files:
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = CocoDataset(
            ann_file=path, data_root="", data_prefix=dict(img=root), test_mode=True, pipeline=[],
            metainfo=dict(from_file="model_pipeline/configs/_base_/horse68.py"),
        )
    data = json.load(open(path))
    annotations = {a["id"]: a for a in data["annotations"]}
    sample = dataset.get_data_info(0)
    ours = np.array(annotations[sample["id"]]["keypoints"], np.float32).reshape(-1, 3)
    worst = float(np.abs(sample["keypoints"][0] - ours[:, :2]).max())
    image = mmcv.imread(sample["img_path"])
    record = [i for i in data["images"] if i["id"] == sample["img_id"]][0]
    meta = dataset.metainfo
    names = data["categories"][0]["keypoints"]
    links = [[a - 1, b - 1] for a, b in data["categories"][0]["skeleton"]]
    good = (
        len(dataset) == len(annotations) and worst == 0 and image.shape[:2] == (record["height"], record["width"])
        and [meta["keypoint_id2name"][i] for i in range(68)] == names
        and [list(l) for l in meta["skeleton_links"]] == links
        and [meta["flip_indices"][i] for i in meta["flip_indices"]] == list(range(68))
    )
    wrong += not good
    print(f"  {path.rsplit('/', 1)[-1]:<36} {len(dataset):6} horses of {len(annotations)}  first sample's keypoints "
          f"differ by {worst:g} px  {'agrees' if good else 'DISAGREES'}")
sys.exit(1 if wrong else 0)
"""

_WEBDATASET = """
import json, sys
from pathlib import Path
import numpy as np
import webdataset
wrong = 0
for folder in sys.argv[1:]:
    urls = [str(p) for p in sorted(Path(folder).glob("shard-*.tar"))]
    keys, size = [], 0
    for sample in webdataset.WebDataset(urls, shardshuffle=False, empty_check=False).decode("rgb8"):
        keys.append(sample["__key__"])
        image = sample["jpg"] if "jpg" in sample else sample["png"]
        assert image.ndim == 3 and image.dtype == np.uint8 and sample["mask.png"].shape[:2] == image.shape[:2]
        assert np.array(sample["json"]["uv_px"], float).shape == (103, 2)
        size += image.nbytes
    manifest = json.loads((Path(folder) / "shards.json").read_text())
    good = keys == [f"{i:09d}" for i in range(manifest["source"]["frames"])]
    wrong += not good
    print(f"  {Path(folder).name:<36} {len(keys):6} frames in {len(urls)} shards  {'agrees' if good else 'DISAGREES'}")
sys.exit(1 if wrong else 0)
"""


def main() -> int:
    """Build, and let each reader read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, metavar="DIR", help="a rendered dataset; default: one of true geometry")
    for reader in ("pycocotools", "mmpose", "webdataset"):
        parser.add_argument(f"--{reader}", metavar="PYTHON", help=f"a Python that has {reader}")
    args = parser.parse_args()

    from rendered_set import write_rendered_set

    from kinequimation import skeleton
    from kinequimation.dataset.build import BuildOptions, build

    with tempfile.TemporaryDirectory() as folder:
        root = args.root.resolve() if args.root else Path(folder) / "renders"
        if args.root is None:
            write_rendered_set(root, ("walk", "trot", "canter_left", "rear", "jump"), n_frames=4, n_cameras=3, step=5)
        out = Path(folder) / "built"
        built = build([root], out, BuildOptions(with_landmarks=True, per_shard=7))
        print(f"{root}: " + ", ".join(f"{name} {part.images} images" for name, part in built.parts.items()))
        files = [str(f) for f in built.files if f.suffix == ".json"]
        sigmas = skeleton.OKS_SIGMAS.tolist()
        sigmas = json.dumps({"68": sigmas[: skeleton.NUM_JOINTS68], "landmarks": sigmas[skeleton.NUM_JOINTS68 :]})
        with_horses = [f for f in files if json.loads(Path(f).read_text())["annotations"]]
        runs = {
            "pycocotools": (_PYCOCOTOOLS, [str(root), sigmas, *with_horses]),
            "mmpose": (_MMPOSE, [str(root), *(f for f in with_horses if "landmarks" not in f)]),
            "webdataset": (_WEBDATASET, [str(p) for p in sorted((out / "shards").iterdir())]),
        }
        failed = []
        for reader, (script, arguments) in runs.items():
            python = getattr(args, reader)
            if python is None:
                print(f"{reader}: left out (no --{reader} PYTHON)")
                continue
            print(f"{reader}:", flush=True)
            if subprocess.run([python, "-c", script, *arguments], cwd=REPOSITORY, check=False).returncode:
                failed.append(reader)
        print("all agree" if not failed else f"DISAGREE: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
