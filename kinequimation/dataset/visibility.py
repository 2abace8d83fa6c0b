"""What can be seen of each keypoint: one rule for every renderer. Needs numpy only, so that it runs inside Blender."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kinequimation import skeleton
from kinequimation.body.horse import load_template

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, UInt8

OUT, HIDDEN, SEEN = 0, 1, 2
"""COCO's visibility."""

LABELLED_HORSE_ID = 1
"""What an id buffer holds where the labelled horse is seen."""

NO_SEGMENT = 255
"""What stands for a joint's index where there is no horse's skin."""


class FirstSurfaces(Protocol):
    """What a rendering tells of the first surface in each pixel; row 0 is the top of the image.

    Attributes:
        object_id: [H, W] 1 for the labelled horse.
        segment: [H, W] the joint with the largest skin weight there, an index into ``skeleton.JOINTS``; ``NO_SEGMENT``
            for none.
        z_cam: [H, W] depth along the camera's axis, metres.
        scale: rendered pixels per camera pixel.
    """

    @property
    def object_id(self) -> UInt8[np.ndarray, "h w"]: ...
    @property
    def segment(self) -> UInt8[np.ndarray, "h w"]: ...
    @property
    def z_cam(self) -> Float[np.ndarray, "h w"]: ...
    @property
    def scale(self) -> int: ...


def _segment_of(joint: str) -> str:
    """Return the body segment of a joint.

    The halves of one limb bone are one segment, so is the trunk, and so are sacrum and pelvis, which hardly move
    against each other: the skin over the hip follows either.
    """
    if joint == skeleton.SACRUM or joint.startswith("DEF-pelvis"):
        return "croup"
    if joint.startswith(("DEF-spine", "DEF-chest")):
        return "trunk"
    if joint.startswith(("DEF-skull", "DEF-head")):
        return "DEF-head"
    if joint.startswith("DEF-mane"):
        return _segment_of(skeleton.PARENT[joint] or skeleton.ROOT)
    return joint.removesuffix(".001") if not joint.startswith(("DEF-neck", "DEF-tail")) else joint


@lru_cache(maxsize=1)
def neighbouring_segments() -> np.ndarray:
    """Return [80, 256] bool: is a pixel of that joint's skin (its index in ``JOINTS``) next to a deforming bone?

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
    table = np.zeros((len(skeleton.BONES), 256), bool)
    for k in range(len(skeleton.BONES)):
        own = touching[segment[k + 1]]
        table[k, : len(segment)] = [s in own for s in segment]
    return table


@lru_cache(maxsize=1)
def skin_distance() -> np.ndarray:
    """Return [80] how far under the template's skin each bone's head lies, in withers heights."""
    template = load_template()
    withers = template.vertices[template.landmark_vertices[skeleton.LANDMARKS.index("withers")], 2]
    joints = skeleton.REST_HEAD_XYZ[1:]
    skin = template.vertices[template.is_skin]
    return np.array([np.linalg.norm(skin - j, axis=1).min() for j in joints]) / withers


_IS_SIDED = np.isin(np.arange(len(skeleton.BONES)), skeleton.SIDED_KEYPOINTS) & (
    np.arange(len(skeleton.BONES)) < skeleton.NUM_JOINTS68
)


def visibility(
    surfaces: FirstSurfaces,
    uv_px: Float[np.ndarray, "n 2"],
    z_cam: Float[np.ndarray, " n"],
    withers_m: float,
    n_bones: int = skeleton.NUM_JOINTS68,
) -> UInt8[np.ndarray, " n"]:
    """Return 0 out of the frame, 1 hidden, 2 seen, for each keypoint.

    A point on the skin is seen where the first surface lies within 1 % of withers height of it, or behind it (a point
    of the outline, just missed by the pixel's centre), in the pixel that it falls on or one beside it. A bone's head is
    seen where the first surface belongs to its own or a neighbouring segment; one that has a twin on the other side
    must also lie no deeper under that surface than its own side of the body allows.

    Args:
        surfaces: the rendering.
        uv_px: in camera pixels: heads of the first ``n_bones`` of ``skeleton.BONES``, then points on the skin.
        z_cam: their depths, metres.
        withers_m: the horse's withers height, metres.
        n_bones: how many of the points are bones' heads: 68, or 80 with the mane.
    """
    height, width = surfaces.object_id.shape
    scale = surfaces.scale
    inside = in_frame(uv_px, z_cam, width / scale, height / scale)
    uv = np.where(inside[:, None], uv_px, 0.0)
    column, row = (np.round((uv[:, i] + 0.5) * scale - 0.5).astype(int) for i in (0, 1))
    steps = np.arange(-1, 2)
    rows = np.clip(row[:, None, None] + steps[:, None], 0, height - 1)
    columns = np.clip(column[:, None, None] + steps[None, :], 0, width - 1)
    gap = z_cam[:, None, None] - surfaces.z_cam[rows, columns]  # how far behind the first surface, [n, 3, 3]
    seen = np.empty(len(uv_px), bool)
    seen[n_bones:] = (gap[n_bones:] <= 0.01 * withers_m).any((1, 2))
    at = rows[:n_bones, 1, 0], columns[:n_bones, 0, 1]
    near = neighbouring_segments()[np.arange(n_bones), surfaces.segment[at]] & (
        surfaces.object_id[at] == LABELLED_HORSE_ID
    )
    deepest = (2.0 * skin_distance()[:n_bones] + 0.015) * withers_m
    seen[:n_bones] = near & (~_IS_SIDED[:n_bones] | (gap[:n_bones, 1, 1] <= deepest))
    return np.where(inside, np.where(seen, SEEN, HIDDEN), OUT).astype(np.uint8)


def in_frame(
    uv_px: Float[np.ndarray, "n 2"], z_cam: Float[np.ndarray, " n"], width: float, height: float
) -> Bool[np.ndarray, " n"]:
    """Return which points fall on a pixel of an image, whose pixels reach half a pixel around their centres."""
    with np.errstate(invalid="ignore"):
        return (z_cam > 0) & np.all((uv_px >= -0.5) & (uv_px < np.array([width, height]) - 0.5), -1)
