"""Every horse in an image, and nothing else: detections that their keypoints and their looks confirm.

A small detector proposes boxes, some of them of things with a similar outline. Three questions decide:

1. Are the keypoints sure? On things that are no animal they are not.
2. Is it an animal, and a horse rather than another (``kind``)? Keypoints are nearly as sure on a cow or a dog.
3. Is it another horse than those found before? Two boxes of one horse have the same keypoints.

The boxes returned lie around the keypoints: a detector's box often cuts off head or hooves.

To plug in a detector of your own, give an object with the method of ``Detector``; its boxes are believed, and neither
asked about nor moved::

    class Mine:
        def detect(self, image_rgb):
            return [Detection(np.array([x, y, width, height]), score), ...]

``detect.given.GivenBoxes`` is one: it reads boxes from a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kinequimation.detect.infer import Detection, HorseDetector
from kinequimation.detect.kind import KindClassifier
from kinequimation.metrics import box_iou
from kinequimation.pose2d import PoseEstimator
from kinequimation.pose2d.crop import SURE, box_of_points

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

    from kinequimation.pose2d.estimator import Estimator
    from kinequimation.runtime import Device

LOOK_FROM = 0.2
"""A detector's score from which a box is looked at; it misses horses above that, and the questions do the rest."""
MAX_LOOKS = 12
"""Boxes of an image that are looked at, the best: each takes a run of the pose network."""
SURE_FROM = 0.32
"""Mean confidence of a box's keypoints from which they are taken for an animal's. Of 94 photos of things, buildings
and landscapes none has more than 0.31; of 22 horses the least sure has 0.38 and the next 0.41 (a guess between)."""
KIND_FROM = -3.75
"""Log odds of horse against another mammal from which a box is taken for a horse. Least on 27 horses -3.35; of 40
photos of other animals most are below -4 (see benchmarks/README.md). Chosen on those."""
MAMMAL_FROM = 0.3
"""Probability of a land mammal from which a box is taken for one: 0.4 and more on 27 horses; 0.2 on a bush above a
fence's rails, which has the keypoints of a horse's back and legs."""
SAME_FROM = 0.1
"""Two boxes show one horse where the typical distance of their keypoints is less than this share of the box: legs of
two horses side by side are farther apart. A guess."""
INSIDE = 0.8
"""A box that lies in a surer one by this share of its area, and half as sure keypoints or fewer, is part of it."""


class Detector(Protocol):
    """What finds horses in an image; any object with this method will do."""

    def detect(self, image_rgb: UInt8[np.ndarray, "h w 3"], /) -> list[Detection]:
        """Return the horses of an image, best first: boxes x, y, width, height in its pixels, scores in 0..1.

        (0, 0) is the centre of the top-left pixel. Called with the frames of a video one after the other.
        """
        ...


@dataclass(frozen=True)
class Look:
    """A box and the keypoints that were found in it; pixels of the image.

    Attributes:
        bbox_xywh: [4] the box looked at.
        score: the detector's.
        uv_px: [103, 2] NaN where missing.
        confidence: [103] 0 where missing.
    """

    bbox_xywh: Float[np.ndarray, " 4"]
    score: float
    uv_px: Float[np.ndarray, "103 2"]
    confidence: Float[np.ndarray, " 103"]

    @property
    def sure(self) -> float:
        """Mean confidence of the points that the network knows."""
        known = np.isfinite(self.uv_px).all(1)
        return float(self.confidence[known].mean()) if known.any() else 0.0

    @property
    def size(self) -> float:
        """Side of the square with the box's area, pixels."""
        return float(np.sqrt(self.bbox_xywh[2] * self.bbox_xywh[3]))

    @property
    def around(self) -> Float[np.ndarray, " 4"]:
        """The box around the sure keypoints; the box itself where too few are sure."""
        box = box_of_points(self.uv_px, self.confidence)
        return self.bbox_xywh if box is None else box


def look_at(
    image_rgb: UInt8[np.ndarray, "h w 3"],
    bboxes_xywh: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    estimator: Estimator,
) -> list[Look]:
    """Find the keypoints in each box of an image."""
    if len(bboxes_xywh) == 0:
        return []
    uv_px, confidence = estimator.estimate([image_rgb] * len(bboxes_xywh), np.asarray(bboxes_xywh, float))
    return [Look(*row) for row in zip(bboxes_xywh, (float(s) for s in scores), uv_px, confidence, strict=True)]


def look_closer(image_rgb: UInt8[np.ndarray, "h w 3"], detections: list[Detection], estimator: Estimator) -> list[Look]:
    """Find the keypoints in each detection, then once more in the box around what was found; the surer of the two."""
    if not detections:
        return []
    scores = np.array([d.score for d in detections])
    first = look_at(image_rgb, np.stack([d.bbox_xywh for d in detections]), scores, estimator)
    second = look_at(image_rgb, np.stack([look.around for look in first]), scores, estimator)
    # the box around the points is the better one unless the points say otherwise
    return [b if b.sure >= 0.9 * a.sure else a for a, b in zip(first, second, strict=True)]


def same_horse(a: Look, b: Look) -> bool:
    """Return whether two looks show one horse: typically, points sure in both lie at the same places."""
    both = (a.confidence >= SURE) & (b.confidence >= SURE) & np.isfinite(a.uv_px + b.uv_px).all(1)
    if both.sum() < 8:
        return bool(box_iou(a.around, b.around)[0, 0] > 0.5)
    apart = np.linalg.norm(a.uv_px[both] - b.uv_px[both], axis=1)
    return bool(np.median(apart) < SAME_FROM * max(a.around[2:].max(), b.around[2:].max()))


def _part_of(a: Look, b: Look) -> bool:
    """Return whether ``a`` shows a part of ``b``, or ``b`` again."""
    if same_horse(a, b):
        return True
    (ax, ay, aw, ah), (bx, by, bw, bh) = a.around, b.around
    shared = max(0.0, min(ax + aw, bx + bw) - max(ax, bx)) * max(0.0, min(ay + ah, by + bh) - max(ay, by))
    return bool(shared > INSIDE * aw * ah and a.sure * a.size < 0.5 * b.sure * b.size)


def distinct(looks: list[Look]) -> list[Look]:
    """Return one look for each horse, the surest and largest first."""
    kept: list[Look] = []
    for look in sorted(looks, key=lambda a: -a.sure * a.size):
        if not any(_part_of(look, other) for other in kept):
            kept.append(look)
    return kept


class HorseFinder:
    """Finds the horses of an image and their keypoints; also a ``Detector``.

    Args:
        detector: proposes boxes; the one that ships by default.
        estimator: finds the keypoints that confirm a box; the one that ships by default.
        kind: tells horses from other animals; the one that ships by default.
        device: where the networks that ship run.
        believes: whether the detector's boxes are taken as they are; by default those of all but ``HorseDetector``.

    Attributes:
        detector: what proposes boxes.
        estimator: what finds keypoints.
        kind: what tells horses from other animals; None where the detector is believed.
        believes: whether the detector's boxes are taken as they are.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        estimator: Estimator | None = None,
        kind: KindClassifier | None = None,
        device: Device = "auto",
        believes: bool | None = None,
    ) -> None:
        self.detector: Detector = detector or HorseDetector(device=device, threshold=LOOK_FROM)
        self.estimator: Estimator = estimator or PoseEstimator(device=device)
        self.believes = not isinstance(self.detector, HorseDetector) if believes is None else believes
        self.kind = kind if kind is not None or self.believes else KindClassifier(device=device)

    def find(self, image_rgb: UInt8[np.ndarray, "h w 3"]) -> list[Look]:
        """Return a look at every horse, the surest and largest first.

        Raises:
            InputError: the image is not 8-bit RGB.
        """
        found = self.detector.detect(image_rgb)[:MAX_LOOKS]
        if self.believes:
            boxes = np.array([d.bbox_xywh for d in found], float).reshape(-1, 4)
            looks = look_at(image_rgb, boxes, np.array([d.score for d in found]), self.estimator)
            return sorted(looks, key=lambda look: -look.sure * look.size)
        looks = [look for look in look_closer(image_rgb, found, self.estimator) if look.sure >= SURE_FROM]
        looks = distinct(looks)
        return [look for look, horse in zip(looks, self.are_horses(image_rgb, looks), strict=True) if horse]

    def are_horses(self, image_rgb: UInt8[np.ndarray, "h w 3"], looks: list[Look]) -> Bool[np.ndarray, " n"]:
        """Return for each look whether it shows a horse rather than another animal."""
        if self.kind is None or not looks:
            return np.ones(len(looks), bool)
        odds, mammal = self.kind.ask(image_rgb, np.stack([look.around for look in looks]))
        return (odds >= KIND_FROM) & (mammal >= MAMMAL_FROM)

    def detect(self, image_rgb: UInt8[np.ndarray, "h w 3"], /) -> list[Detection]:
        """Return every horse as a box and a score, best first.

        Raises:
            InputError: the image is not 8-bit RGB.
        """
        return sorted(self.numbered(image_rgb), key=lambda d: -d.score)

    def numbered(self, image_rgb: UInt8[np.ndarray, "h w 3"]) -> list[Detection]:
        """Return every horse as a box and a score, in the order in which horses are numbered: that of ``find``.

        The score counts the detector's and the keypoints' opinions as independent: 1 − (1 − a)(1 − b). A judgement.

        Raises:
            InputError: the image is not 8-bit RGB.
        """
        looks = self.find(image_rgb)
        if self.believes:
            return [Detection(look.bbox_xywh, look.score) for look in looks]
        height, width = image_rgb.shape[:2]
        found = []
        for look in looks:
            x, y, w, h = look.around
            lo, hi = np.clip([x, y], 0, [width, height]), np.clip([x + w, y + h], 0, [width, height])
            score = 1 - (1 - look.score) * (1 - look.sure)
            found.append(Detection(np.concatenate([lo, np.maximum(hi - lo, 1.0)]), score))
        return found


def find_horses(
    image_rgb: UInt8[np.ndarray, "h w 3"], finder: HorseFinder | None = None, device: Device = "auto"
) -> list[Detection]:
    """Find every horse in an image, with the networks that ship.

    Args:
        image_rgb: 8 bits.
        finder: to be given where there are many images: loading the networks takes longer than an image.
        device: where to run, if no finder is given.

    Returns:
        boxes around each horse, and scores, best first.

    Raises:
        InputError: the image is not 8-bit RGB.
    """
    return (finder or HorseFinder(device=device)).detect(image_rgb)
