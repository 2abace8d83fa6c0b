"""What is found in pictures, and whether identities hold where horses pass each other.

    python benchmarks/detect.py [--set DIR] [--without FOLDER ...] [--crossings]

``--set`` is a folder with COCO annotations (boxes): horses found, overlaps, boxes that are no annotated horse.
Pictures without a horse: ten of scikit-image's, and those of each folder of ``--without``. ``--crossings`` renders
pairs of horses that pass and counts exchanged identities.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from kinequimation.dataset.coco import read_coco
from kinequimation.detect import HorseFinder
from kinequimation.metrics import box_iou
from kinequimation.runtime import no_progress
from kinequimation.video import IMAGE_SUFFIXES

EMPTY = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle", "clock", "grass", "gravel", "brick", "camera")


def found_in(folder: Path, finder: HorseFinder) -> None:
    """Print how many annotated horses are found, and how well."""
    best, extra = [], 0
    for image in read_coco(folder / "annotations.json"):
        pixels = np.asarray(Image.open(image.path).convert("RGB"))
        boxes = np.array([d.bbox_xywh for d in finder.detect(pixels)]).reshape(-1, 4)
        overlap = box_iou(np.stack([h.bbox_xywh for h in image.horses]), boxes)
        best += overlap.max(1, initial=0.0).tolist()
        extra += int((overlap.max(0, initial=0.0) < 0.3).sum()) if len(boxes) else 0
    share = np.array(best)
    print(
        f"{folder}: found {(share >= 0.3).sum()} of {len(share)} horses (overlap 0.3), {(share >= 0.5).sum()} at 0.5,"
    )
    print(f"  mean overlap {share.mean():.3f}, least {share.min():.2f}; {extra} boxes on nothing annotated")


def empty(folders: list[Path], finder: HorseFinder) -> None:
    """Print the boxes on pictures that show no horse."""
    from skimage import data

    n_false = 0
    for name in EMPTY:
        picture = getattr(data, name)()
        picture = np.asarray(picture[0] if isinstance(picture, tuple) else picture)
        rgb = np.stack([picture] * 3, -1) if picture.ndim == 2 else picture[..., :3]
        n_false += (n := len(finder.detect(np.ascontiguousarray(rgb, np.uint8))))
        if n:
            print(f"  {name}: {n}")
    print(f"scikit-image, {len(EMPTY)} pictures: {n_false} false boxes")
    for folder in folders:
        files = sorted(f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
        counts = {f.name: len(finder.detect(np.asarray(Image.open(f).convert("RGB")))) for f in files}
        false = [name for name, n in counts.items() if n]
        print(f"{folder}: {len(false)} of {len(files)} pictures have a box: {', '.join(false) or '-'}")


def crossings(finder: HorseFinder) -> None:
    """Print exchanged identities where two rendered horses pass."""
    from crossings import Crossing, FilmedCrossing

    from kinequimation.pipeline.observe import observe_horses

    for crossing in (
        Crossing(1),
        Crossing(2, ("walk", "trot")),
        Crossing(3, ("walk", "walk"), seconds=6.0),
        Crossing(4, ("trot", "walk"), same_way=True),
        Crossing(5, ("canter_left", "trot"), seconds=3.0),
    ):
        film = FilmedCrossing(crossing)
        horses = observe_horses(film, finder, no_progress)
        switches = sum(film.count_switches(horse.bbox_xywh) for horse in horses)
        frames = ", ".join(str(int(horse.found.sum())) for horse in horses)
        way = "overtakes" if crossing.same_way else "meets"
        print(f"{crossing.gaits[0]} {way} {crossing.gaits[1]}, {len(film.image)} frames: {len(horses)} horses", end="")
        print(f" seen in {frames} frames, {switches} exchanged")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, metavar="DIR", dest="folder", help="labelled photos of horses")
    parser.add_argument(
        "--without", type=Path, nargs="*", default=[], metavar="FOLDER", help="pictures without a horse"
    )
    parser.add_argument("--crossings", action="store_true", help="render horses that pass each other")
    args = parser.parse_args()
    finder = HorseFinder(device="cpu")
    if args.folder:
        found_in(args.folder, finder)
    empty(args.without, finder)
    if args.crossings:
        crossings(finder)


if __name__ == "__main__":
    main()
