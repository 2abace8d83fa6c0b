"""Labels of a rendered scene: where each keypoint is, and whether it can be seen."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import load_template
from kinequimation.synth.scene import HORSE_ID

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from kinequimation.synth.renderer import Buffers
    from kinequimation.synth.scene import HorseInScene, Scene

OUT, HIDDEN, SEEN = 0, 1, 2
"""COCO's visibility."""


def _segment_of(joint: str) -> str:
    """Return the body segment of a joint: the halves of one limb bone are one segment, and so is the trunk."""
    if joint.startswith(("DEF-spine", "DEF-chest")) and joint != skeleton.SACRUM:
        return "trunk"
    if joint.startswith(("DEF-skull", "DEF-head")):
        return "DEF-head"
    if joint.startswith("DEF-mane"):
        return _segment_of(skeleton.PARENT[joint] or skeleton.ROOT)
    return joint.removesuffix(".001") if not joint.startswith(("DEF-neck", "DEF-tail")) else joint


@lru_cache(maxsize=1)
def neighbouring_segments() -> np.ndarray:
    """Return [68, 256] bool: is a pixel of that joint's skin (its index in ``JOINTS``) next to a horse68 joint?

    True for the joint's own segment and those of its parent and children.
    """
    segment = [_segment_of(j) for j in skeleton.JOINTS]
    touching = {s: {s} for s in segment}
    for j, joint in enumerate(skeleton.JOINTS):
        p = skeleton.PARENT[joint]
        if p is not None:
            parent = segment[skeleton.JOINT_INDEX[p]]
            touching[segment[j]].add(parent)
            touching[parent].add(segment[j])
    table = np.zeros((skeleton.NUM_JOINTS68, 256), bool)
    for k in range(skeleton.NUM_JOINTS68):
        own = touching[segment[k + 1]]
        table[k, : len(segment)] = [s in own for s in segment]
    return table


@lru_cache(maxsize=1)
def skin_distance() -> np.ndarray:
    """Return [68] how far under the template's skin each joint lies, in withers heights."""
    template = load_template()
    withers = template.vertices[template.landmark_vertices[skeleton.LANDMARKS.index("withers")], 2]
    joints = skeleton.REST_HEAD_XYZ[1 : 1 + skeleton.NUM_JOINTS68]
    return np.array([np.linalg.norm(template.vertices - j, axis=1).min() for j in joints]) / withers


_IS_SIDED_JOINT = np.isin(np.arange(skeleton.NUM_JOINTS68), skeleton.SIDED_KEYPOINTS)


def visibility(
    buffers: Buffers, uv_px: Float[np.ndarray, "103 2"], z_cam: Float[np.ndarray, " 103"], withers_m: float
) -> UInt8[np.ndarray, " 103"]:
    """Return 0 out of the frame, 1 hidden, 2 seen, for each keypoint.

    A landmark is seen where the first surface lies within 1 % of withers height of it, or behind it (a point of the
    outline, just missed by the pixel's centre), in the pixel that it falls on or one beside it. A joint is seen where
    the first surface belongs to its own or a neighbouring segment; one that has a twin on the other side must also
    lie no deeper under that surface than its own side of the body allows.

    Args:
        buffers: the rendering.
        uv_px: keypoints in camera pixels.
        z_cam: their depths, metres.
        withers_m: the horse's withers height, metres.
    """
    height, width = buffers.object_id.shape
    scale = buffers.scale
    inside = np.all(np.isfinite(uv_px), -1) & (z_cam > 0)
    uv = np.where(inside[:, None], uv_px, -10.0)
    inside &= (uv[:, 0] >= -0.5) & (uv[:, 0] < width / scale - 0.5)
    inside &= (uv[:, 1] >= -0.5) & (uv[:, 1] < height / scale - 0.5)
    column, row = (np.round((uv[:, i] + 0.5) * scale - 0.5).astype(int) for i in (0, 1))
    steps = np.arange(-1, 2)
    rows = np.clip(row[:, None, None] + steps[:, None], 0, height - 1)
    columns = np.clip(column[:, None, None] + steps[None, :], 0, width - 1)
    gap = z_cam[:, None, None] - buffers.z_cam[rows, columns]  # how far behind the first surface, [103, 3, 3]
    n = skeleton.NUM_JOINTS68
    seen = np.empty(len(uv_px), bool)
    seen[n:] = (gap[n:] <= 0.01 * withers_m).any((1, 2))
    object_id = buffers.object_id[rows[:n], columns[:n]]
    near = neighbouring_segments()[np.arange(n)[:, None, None], buffers.segment[rows[:n], columns[:n]]]
    near &= object_id == HORSE_ID
    deepest = (2.0 * skin_distance() + 0.015) * withers_m
    near &= ~_IS_SIDED_JOINT[:, None, None] | (gap[:n] <= deepest[:, None, None])
    seen[:n] = near[:, 1, 1]
    return np.where(inside, np.where(seen, SEEN, HIDDEN), OUT).astype(np.uint8)


@lru_cache(maxsize=1)
def _weights32() -> np.ndarray:
    return load_template().weights.astype(np.float32)


def horse_box(scene: Scene, horse: HorseInScene) -> Float[np.ndarray, " 4"]:
    """Return the tight box of a horse (x, y, width, height; pixels), hidden parts too, clipped to the image.

    The box covers whole pixels: one that fills the image is (−0.5, −0.5, width, height).
    """
    camera = scene.camera
    rest = np.c_[horse.rest_vertices, np.ones(len(horse.rest_vertices))].astype(np.float32)
    weights, rows = _weights32(), horse.bone_rows.astype(np.float32)
    xyz = np.stack([((weights @ rows[:, axis]) * rest).sum(-1) for axis in range(3)], -1)
    uv = camera.project(xyz)
    uv = uv[np.isfinite(uv).all(-1)]
    if not len(uv):
        return np.zeros(4)
    top = np.array([camera.width, camera.height]) - 0.5
    low, high = np.clip(uv.min(0), -0.5, top), np.clip(uv.max(0), -0.5, top)
    return np.concatenate([low, high - low])
