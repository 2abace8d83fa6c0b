"""What a labelled set is compared with: a network that looks at its photos, or predictions from a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kinequimation.errors import InputError
from kinequimation.runtime import DEVICES, Progress

if TYPE_CHECKING:
    from kinequimation.dataset.coco import CocoSet
    from kinequimation.dataset.predictions import FoundHorses, OfLabelledHorses

GIVEN, DETECTED, FROM_FILE = "given boxes", "detected boxes", "predictions"
SHIPPED = "shipped"


@dataclass(frozen=True)
class Source:
    """Predictions of a labelled set.

    Attributes:
        name: what made them.
        weights_sha256: of the network; None for a file.
        slots: keypoints that are predicted anywhere.
        horses: the one prediction of each labelled horse, by where its box came from.
        found: all predictions of each image, by where their boxes came from; not for given boxes, of which there is
            one a labelled horse.
    """

    name: str
    weights_sha256: str | None
    slots: tuple[int, ...]
    horses: dict[str, OfLabelledHorses]
    found: dict[str, list[FoundHorses]]


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is scored and on which photos."""
    parser.add_argument(
        "--set",
        required=True,
        type=Path,
        metavar="DIR",
        dest="folder",
        help="labelled photos: a folder with annotations.json, or a COCO keypoint file with points named as horse68,"
        " our landmarks, AP-10K or Horse-10",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the images lie, if not beside the .json file")
    parser.add_argument(
        "--weights",
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="network: .onnx, or .pth from MMPose or from here; default: ours",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="MMPose's config of a .pth; read as data, not run")
    parser.add_argument("--flip-test", action="store_true", help="also look at the mirrored image; half as fast")
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="score this instead of a network: keypoints.json, a folder of them, or COCO results",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: auto")


def labels_of(folder: Path) -> Path:
    """Return the label file of ``--set``: the file itself, or ``annotations.json`` in the folder."""
    return folder if folder.suffix == ".json" else folder / "annotations.json"


def read_source(args: argparse.Namespace, labelled: CocoSet, boxes: Sequence[str], progress: Progress) -> Source:
    """Read or make the predictions that the options of ``add_source`` ask for.

    Args:
        args: the options.
        labelled: the set.
        boxes: ``GIVEN``, ``DETECTED`` or both, for a network.
        progress: called with photos done and in all.

    Raises:
        InputError: a file is not what it should be, or two sources were asked for.
    """
    from kinequimation.dataset.predictions import in_labelled_boxes, known_slots, match_horses, read_predictions
    from kinequimation.pose2d.estimator import load_estimator
    from kinequimation.pose2d.evaluate import predict_detected, predict_given

    images = labelled.images
    if args.predictions is not None:
        if args.weights is not None or args.config is not None:
            raise InputError("--predictions: expected without --weights and --config, got both; score one at a time")
        found = read_predictions(args.predictions, labelled)
        horses = match_horses(images, found)
        return Source(str(args.predictions), None, known_slots(found), {FROM_FILE: horses}, {FROM_FILE: found})
    estimator = load_estimator(args.weights, args.config, args.device, args.flip_test)
    horses_of, found_of, slots = {}, {}, ()
    if GIVEN in boxes:
        found = predict_given(images, estimator, progress)
        horses_of[GIVEN], slots = in_labelled_boxes(found), known_slots(found)
    if DETECTED in boxes:
        from kinequimation.detect import HorseFinder

        # the network that ships confirms the boxes, whichever is scored: two networks see the same ones
        found = predict_detected(images, estimator, HorseFinder(device=args.device).detect, progress)
        horses_of[DETECTED], found_of[DETECTED] = match_horses(images, found), found
        slots = slots or known_slots(found)
    name = f"network {estimator.weights_sha256[:12]} on {estimator.device}{', flip test' if args.flip_test else ''}"
    return Source(name, estimator.weights_sha256, slots, horses_of, found_of)


def against(args: argparse.Namespace) -> argparse.Namespace:
    """Return the options of the source that ``--against`` names: a network, predictions, or ``shipped``."""
    from kinequimation.pose2d.estimator import CHECKPOINTS

    other = argparse.Namespace(**vars(args))
    path = None if args.against == SHIPPED else Path(args.against)
    is_file_of_predictions = path is not None and (path.is_dir() or path.suffix.lower() == ".json")
    other.predictions, other.weights = (path, None) if is_file_of_predictions else (None, path)
    other.config = args.config if path is not None and path.suffix.lower() in CHECKPOINTS else None
    return other
