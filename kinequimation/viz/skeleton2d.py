"""Draw a horse's keypoints on a frame: left limbs warm, right limbs cool, the midline white."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

HIDDEN_BELOW = 0.5
"""Points with less confidence are drawn hollow: fewer than half of such points lie where they are drawn."""
DROPPED_BELOW = 0.05
_LEFT_FORE, _LEFT_HIND, _RIGHT_FORE, _RIGHT_HIND = (255, 84, 48), (255, 184, 46), (54, 132, 255), (38, 214, 214)
_MIDLINE = (255, 255, 255)
_OUTLINE = (16, 18, 22)
_SUPERSAMPLE = 2


def colour_of(name: str) -> tuple[int, int, int]:
    """Return the colour of a bone or landmark: warm on the horse's left, cool on its right, white between."""
    if skeleton.MIRROR[name] == name:
        return _MIDLINE
    is_hind = any(part in name for part in ("thigh", "lower_leg", "hind", "r_toe", "r_hoof", "pelvis"))
    is_hind |= any(part in name for part in ("hock", "stifle", "point_of_hip"))
    if ".L" in name:
        return _LEFT_HIND if is_hind else _LEFT_FORE
    return _RIGHT_HIND if is_hind else _RIGHT_FORE


def _edges(pairs: Iterable[tuple[str, str]]) -> list[tuple[int, int, tuple[int, int, int]]]:
    return [(skeleton.KEYPOINT_INDEX[a], skeleton.KEYPOINT_INDEX[b], colour_of(b)) for a, b in pairs]


_SIDED_CHAINS = (
    "poll ear_tip.*",
    "poll eye.*",
    "neck_base point_of_shoulder.*",
    "withers point_of_shoulder.* elbow.* carpus.* fore_fetlock.* fore_toe.*",
    "croup point_of_hip.* stifle.* hock.* hind_fetlock.* hind_toe.*",
)
_CHAINS = (
    "nose poll",
    "poll withers back croup tail_base tail_end",
    *(chain.replace("*", side) for side in "LR" for chain in _SIDED_CHAINS),
)
_JOINT_EDGES = _edges(skeleton.EDGES)
_POINTS = sorted({i for a, b, _ in _JOINT_EDGES for i in (a, b)})
_POINT_COLOURS = [colour_of(name) for name in skeleton.KEYPOINTS]


def draw_skeleton(
    image_rgb: UInt8[np.ndarray, "h w 3"], uv_px: Float[np.ndarray, "103 2"], confidence: Float[np.ndarray, " 103"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Return a copy of the image with the skeleton on it.

    Lines are as wide as the horse is large, and as opaque as their less certain end. They run from joint to joint, and
    landmarks on the skin beside the joints are left out; where most joints are not given, as in keypoints that people
    or other programs marked, every point is drawn, and lines run from each landmark to the next one that is given too.

    Args:
        image_rgb: the frame.
        uv_px: keypoints, pixels of this image; NaN for missing ones.
        confidence: of each keypoint, in [0, 1].
    """
    shown = np.isfinite(uv_px).all(-1) & (np.nan_to_num(confidence) >= DROPPED_BELOW)
    height, width = image_rgb.shape[:2]
    given = np.isfinite(uv_px).all(-1) & (np.nan_to_num(confidence) > 0)
    has_joints = given[: skeleton.NUM_JOINTS68].mean() >= 0.5
    drawn = _POINTS if has_joints else range(len(shown))
    drawn = [i for i in drawn if shown[i]]
    if not drawn:
        return image_rgb.copy()
    points = uv_px[drawn]
    size = float(np.percentile(np.ptp(points, axis=0), 100)) if len(points) > 1 else 100.0
    line = float(np.clip(size / 110, 1.2, 8.0))
    margin = 3 * line
    lo = np.clip(np.floor(points.min(0) - margin), 0, [width, height]).astype(int)
    hi = np.clip(np.ceil(points.max(0) + margin), 0, [width, height]).astype(int)
    if np.any(hi <= lo):
        return image_rgb.copy()
    edges = [*_JOINT_EDGES, *([] if has_joints else _landmark_edges(given))]
    edges = [edge for edge in edges if shown[edge[0]] and shown[edge[1]]]
    layer = _draw_layer((hi - lo) * _SUPERSAMPLE, (uv_px - lo + 0.5) * _SUPERSAMPLE, confidence, drawn, edges, line)
    image = Image.fromarray(image_rgb)
    layer = layer.reduce(_SUPERSAMPLE)
    image.paste(layer.convert("RGB"), (int(lo[0]), int(lo[1])), layer.getchannel("A"))
    return np.asarray(image)


def _landmark_edges(given: Bool[np.ndarray, " 103"]) -> list[tuple[int, int, tuple[int, int, int]]]:
    chains = ([name for name in chain.split() if given[skeleton.KEYPOINT_INDEX[name]]] for chain in _CHAINS)
    return _edges(pair for chain in chains for pair in pairwise(chain))


def _draw_layer(
    size: np.ndarray,
    uv: np.ndarray,
    confidence: np.ndarray,
    points: Sequence[int],
    edges: Sequence[tuple[int, int, tuple[int, int, int]]],
    line: float,
) -> Image.Image:
    """Draw on a transparent layer, larger by ``_SUPERSAMPLE``; the base colour is dark so that edges blend to it."""
    layer = Image.new("RGBA", (int(size[0]), int(size[1])), (*_OUTLINE, 0))
    draw = ImageDraw.Draw(layer)
    width = line * _SUPERSAMPLE
    for a, b, colour in sorted(edges, key=lambda e: min(confidence[e[0]], confidence[e[1]])):
        alpha = int(60 + 195 * float(min(confidence[a], confidence[b], 1.0)))
        ends = [tuple(uv[a]), tuple(uv[b])]
        draw.line(ends, fill=(*_OUTLINE, alpha), width=round(width * 1.7))
        draw.line(ends, fill=(*colour, alpha), width=max(1, round(width)))
    for i in points:
        alpha = int(90 + 165 * float(min(confidence[i], 1.0)))
        hollow = confidence[i] < HIDDEN_BELOW
        radius = width * 1.25
        box = [*(uv[i] - radius), *(uv[i] + radius)]
        colour = (*_POINT_COLOURS[i], alpha)
        if hollow:
            draw.ellipse(box, fill=(*_OUTLINE, alpha // 3), outline=colour, width=max(1, round(width * 0.5)))
        else:
            draw.ellipse(box, fill=colour, outline=(*_OUTLINE, alpha), width=max(1, round(width * 0.3)))
    return layer
