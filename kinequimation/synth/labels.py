"""Labels of a rendered scene: what can be seen of each keypoint, what part each pixel is, which leg is nearer."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from kinequimation import skeleton
from kinequimation.body.horse import MATERIALS, load_template
from kinequimation.synth.scene import HORSE_ID

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float32, UInt8

    from kinequimation.synth.renderer import Buffers
    from kinequimation.synth.scene import HorseInScene, Scene

SKY_M = 5e3
"""Depth from which on a pixel shows the sky, metres; the renderer writes 10,000."""

PARTS: tuple[str, ...] = (
    "background", "head", "neck", "trunk", "tail", "mane",
    *(f"{part}.{side}" for pair in ("fore", "hind") for side in "LR" for part in (f"{pair}_upper", f"{pair}_lower",
                                                                              f"{pair}_hoof")),
)  # fmt: skip
"""Names of the values of a part segmentation: 0 is what is not the horse's own.

The trunk has shoulder blade and pelvis; a leg's upper part is arm and forearm, thigh and gaskin; its lower part goes
from carpus or hock to the hoof, with its feathering; the mane has the forelock.
"""
LIMB_CLASSES: tuple[str, ...] = ("not the horse", "horse, no limb", *skeleton.LIMBS)
"""Names of the values of a limb segmentation; in a picture of which nobody knows, every value is ``UNKNOWN_LIMB``."""
UNKNOWN_LIMB = 255
LIMB_OF_PART: UInt8[np.ndarray, " parts"] = np.array(
    [
        0
        if part == "background"
        else LIMB_CLASSES.index(part[-1] + part[0].upper())
        if part[-2:] in (".L", ".R")
        else 1
        for part in PARTS
    ],
    np.uint8,
)
"""[len(PARTS)] the limb class of each part: LF for ``fore_upper.L``."""
_LIMB_BONES = {
    "upper": ("upper_arm", "forearm", "thigh", "lower_leg"),
    "lower": ("forefoot", "f_toe", "hind_foot", "r_toe"),
    "hoof": ("f_hoof", "r_hoof"),
}
_UNDECIDED_SHARE = 0.02
"""Legs whose mean distances from the camera differ by less than this share of withers height: judgement."""


def _part_of(joint: str) -> str:
    bone, _, _ = joint.removeprefix("DEF-").partition(".")
    if bone.startswith("mane"):
        return "mane"
    if bone.startswith(("neck", "tail")):
        return bone
    if bone in ("head", "skull", "jaw", "nose", "eye", "ear"):
        return "head"
    for part, bones in _LIMB_BONES.items():
        if bone in bones:
            pair = "fore" if bones.index(bone) < len(bones) // 2 else "hind"
            return f"{pair}_{part}.{joint.split('.')[1]}"
    return "trunk"


@lru_cache(maxsize=1)
def _part_table() -> UInt8[np.ndarray, "256 256"]:
    """Return the part of a pixel by its joint (the segment buffer) and its material."""
    by_joint = np.array([PARTS.index(_part_of(joint)) for joint in skeleton.JOINTS], np.uint8)
    table = np.zeros((256, 256), np.uint8)
    table[: len(by_joint)] = by_joint[:, None]
    for m, material in enumerate(MATERIALS):
        if material in ("mane", "forelock"):
            table[: len(by_joint), m] = PARTS.index("mane")
        elif material == "tail":
            table[: len(by_joint), m] = PARTS.index("tail")
        elif material == "hoof":
            hoof = [PARTS[k].replace("_lower", "_hoof").replace("_upper", "_hoof") for k in by_joint]
            table[: len(by_joint), m] = [PARTS.index(h) for h in hoof]
    return table


def _blocks(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Return [H, scale, W, scale]: the rendered pixels of each pixel of the camera."""
    height, width = pixels.shape
    return pixels.reshape(height // scale, scale, width // scale, scale)


def horse_share(buffers: Buffers, object_id: int = HORSE_ID) -> Float32[np.ndarray, "h w"]:
    """Return the share of each of the camera's pixels that a horse's own surface covers, 0..1."""
    own = (buffers.object_id == object_id).astype(np.float32)
    return own if buffers.scale == 1 else _blocks(own, buffers.scale).mean((1, 3))


def part_segmentation(buffers: Buffers, mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Return the part of the horse at each pixel, an index into ``PARTS``; 0 outside ``mask``."""
    parts = _part_table()[buffers.segment, buffers.material]
    parts = np.where(buffers.object_id == HORSE_ID, parts, np.uint8(0))
    if buffers.scale > 1:
        parts = _blocks(parts, buffers.scale).max((1, 3))
    return np.where(mask, parts, np.uint8(0))


def object_ids(buffers: Buffers, mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Return the number of the thing at each pixel; the horse's own where ``mask`` is set, and only there."""
    ids = buffers.object_id[buffers.scale // 2 :: buffers.scale, buffers.scale // 2 :: buffers.scale]
    return np.where(mask, np.uint8(HORSE_ID), np.where(ids == HORSE_ID, np.uint8(0), ids))


def depth(buffers: Buffers) -> Float32[np.ndarray, "h w"]:
    """Return the depth of the nearest surface in each pixel along the camera's axis, metres; infinite for the sky."""
    z = np.where((buffers.z_cam > 0) & (buffers.z_cam < SKY_M), buffers.z_cam, np.float32(np.inf))
    return z if buffers.scale == 1 else _blocks(z, buffers.scale).min((1, 3))


def near_sides(xyz_cam: Float[np.ndarray, "103 3"], withers_m: float) -> tuple[str, str]:
    """Return which fore leg and which hind leg is nearer to the camera: "L", "R", or "" where that cannot be told.

    Compared are the mean distances of the limbs' joints from the camera, elbow or stifle to hoof; two that differ by
    less than 2 % of withers height are not told apart.

    Args:
        xyz_cam: keypoints in camera axes, metres.
        withers_m: the horse's withers height, metres.
    """
    distance = [
        np.linalg.norm(xyz_cam[[skeleton.KEYPOINT_INDEX[j] for j in skeleton.limb_joints(limb)[2:]]], axis=1).mean()
        for limb in skeleton.LIMBS
    ]
    sides = []
    for left, right in (distance[:2], distance[2:]):
        gap = right - left
        sides.append("" if abs(gap) < _UNDECIDED_SHARE * withers_m else "L" if gap > 0 else "R")
    return sides[0], sides[1]


@lru_cache(maxsize=1)
def _sparse_weights() -> csr_array:
    """Return the skin weights, [V, 81], of which few are not 0."""
    return csr_array(load_template().weights.astype(np.float32))


_TIP_SHARE = 1 / 3


@lru_cache(maxsize=1)
def _tips() -> tuple[np.ndarray, csr_array]:
    """Return the vertices at the tips of locks, [n], and what averages over each one's neighbours, [n, V]."""
    template = load_template()
    is_tip = template.hair_along > 0.999
    pairs = np.concatenate([template.faces[:, [i, j]] for i in range(3) for j in range(3) if i != j])
    pairs = np.unique(pairs[is_tip[pairs[:, 0]] & ~is_tip[pairs[:, 1]]], axis=0)
    tips, row, count = np.unique(pairs[:, 0], return_inverse=True, return_counts=True)
    shape = (len(tips), len(template.vertices))
    return tips, csr_array(((1 / count[row]).astype(np.float32), (row, pairs[:, 1])), shape=shape)


def horse_box(scene: Scene, horse: HorseInScene) -> Float[np.ndarray, " 4"]:
    """Return the tight box of a horse (x, y, width, height; pixels), hidden parts too, clipped to the image.

    The box covers whole pixels: one that fills the image is (−0.5, −0.5, width, height). Locks of hair end in a point
    that is too thin to see: the last third of a lock's last piece does not count.
    """
    camera = scene.camera
    # joints' maps from the rest body to homogeneous pixels, blended for each vertex
    bones = np.concatenate([horse.bone_rows, np.broadcast_to([[[0.0, 0, 0, 1]]], (len(horse.bone_rows), 1, 4))], 1)
    maps = (camera.K @ camera.T_cam_world[:3] @ bones).reshape(-1, 12).astype(np.float32)
    maps = (_sparse_weights() @ maps).reshape(-1, 3, 4)
    uvw = np.einsum("vab,vb->va", maps[..., :3], horse.rest_vertices.astype(np.float32)) + maps[..., 3]
    in_front = uvw[:, 2] > 1e-6
    uv = uvw[:, :2] / np.where(in_front, uvw[:, 2], 1.0)[:, None]
    tips, neighbours = _tips()
    uv[tips] += (neighbours @ uv - uv[tips]) * np.float32(_TIP_SHARE)
    uv = uv[in_front]
    if not len(uv):
        return np.zeros(4)
    top = np.array([camera.width, camera.height]) - 0.5
    low, high = np.clip(uv.min(0), -0.5, top), np.clip(uv.max(0), -0.5, top)
    return np.concatenate([low, high - low])
