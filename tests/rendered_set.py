"""A small rendered dataset without Blender, for tests: the true geometry of ``Body``, ``Motion`` and ``Camera``.

``write_rendered_set(folder)`` leaves what ``dataset render`` leaves: images, masks and labels of every action, frame
and camera, drawn by a z-buffer in numpy. Every bone matrix is what Blender's would be: local Y along the bone.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.dataset.frame_label import CV_FROM_BLENDER, VARIANTS, Bones, FrameLabel, FramePlace, Landmarks
from kinequimation.dataset.labels import write_label
from kinequimation.dataset.visibility import LABELLED_HORSE_ID, in_frame, visibility
from kinequimation.geometry.camera import Camera, intrinsics, look_at
from kinequimation.geometry.rotation import (
    quat_between,
    quat_from_axis_angle,
    quat_from_matrix,
    quat_multiply,
    quat_to_matrix,
)
from kinequimation.motion import Motion, make_motion

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, UInt8

ACTIONS: tuple[str, ...] = ("walk", "trot", "canter_left")
ROLL_RAD = 0.1
"""Blender's roll of the bones: of the left ones, the right ones turned the other way, none in the middle."""
_COLOURS = np.array(
    [[139, 94, 60], [40, 30, 24], [40, 30, 24], [30, 28, 26], [90, 70, 66], [20, 20, 20], [60, 45, 36]], np.float64
)
_BACKGROUND = {"flat": (200, 205, 210), "materials": (150, 176, 140)}


@dataclass(frozen=True)
class Surfaces:
    """What the first surface in each pixel is; see ``dataset.visibility.FirstSurfaces``."""

    object_id: UInt8[np.ndarray, "h w"]
    segment: UInt8[np.ndarray, "h w"]
    z_cam: Float[np.ndarray, "h w"]
    face: np.ndarray
    scale: int = 1


@functools.lru_cache(maxsize=4)
def motion_of(action: str, fps: float = 30.0) -> Motion:
    """Return the movement of an action of the set."""
    return make_motion(action, body(), fps=fps)


@functools.lru_cache(maxsize=1)
def body() -> Body:
    """Return the horse of the set."""
    return Body()


def camera_of(number: int, n_cameras: int, target_xyz: Float[np.ndarray, " 3"], width: int, height: int) -> Camera:
    """Return a camera of a ring around the horse, which looks at it: no two at one height or of one focal length."""
    angle = 2 * np.pi * (number + 0.3) / n_cameras
    place = target_xyz + np.array([5.0 * np.cos(angle), 5.0 * np.sin(angle), 0.3 + 0.5 * (number % 3)])
    K = intrinsics(width, height, np.radians(38 + 3 * (number % 4)))
    K[:2, 2] += (1.25, -0.75)  # no camera of a random scene has its principal point in the middle
    return Camera(K, look_at(place, target_xyz), width, height)


def rest_rotations(horse: Body) -> Float64[np.ndarray, "81 3 3"]:
    """Return the axes of each joint's bone at rest as Blender has them: Y along the bone, turned about it by its roll.

    The rotation without roll is the shortest that takes Y to the bone's direction, which is Blender's definition.
    """
    along = horse.rest_tail_xyz - horse.rest_xyz
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    shortest = quat_between(np.broadcast_to([0.0, 1.0, 0.0], along.shape), along)
    return quat_to_matrix(quat_multiply(quat_from_axis_angle(along, _rolls()), shortest))


def _rolls() -> np.ndarray:
    sides = [0.0 if skeleton.MIRROR.get(j, j) == j else ROLL_RAD if ".L" in j else -ROLL_RAD for j in skeleton.JOINTS]
    return np.array(sides)


def label_of(
    action: str,
    frame: int,
    camera: int,
    *,
    n_cameras: int = 3,
    width: int = 96,
    height: int = 80,
    variants: Sequence[str] = VARIANTS,
    with_landmarks: bool = True,
    clip: str | None = None,
    of: tuple[Body, Motion] | None = None,
    is_drawn: bool = True,
) -> tuple[FrameLabel, Surfaces]:
    """Return the label of one frame seen by one camera, and what it was drawn from.

    Args:
        action, frame, camera, variants, clip: as in the label.
        n_cameras, width, height, with_landmarks: as in ``write_rendered_set``.
        of: the horse and its movement; those of the set by default.
        is_drawn: whether surfaces are looked for, which takes long; else nothing is seen.
    """
    horse, motion = of or (body(), motion_of(action))
    moment = slice(frame % len(motion), frame % len(motion) + 1)
    root_xyz, quat = motion.root_xyz_world[moment], motion.quat_wxyz[moment]
    xyz, turn = (value[0] for value in horse.joints(root_xyz, quat))
    points = horse.keypoints(root_xyz, quat)[0, skeleton.NUM_JOINTS68 :]
    vertices = horse.vertices(root_xyz, quat)[0]
    middle = np.array([*(vertices.min(0)[:2] + vertices.max(0)[:2]) / 2, 0.5 * horse.shape.withers_height_m])
    seen_by = camera_of(camera, n_cameras, middle, width, height)
    surfaces = first_surfaces(horse, vertices, seen_by) if is_drawn else no_surfaces(seen_by)

    turns, rest = quat_to_matrix(turn), rest_rotations(horse)
    tail = xyz + np.einsum("jab,jb->ja", turns, horse.rest_tail_xyz - horse.rest_xyz)
    world = _rigid(turns @ rest, xyz)
    local = _rigid(np.swapaxes(rest, 1, 2) @ quat_to_matrix(quat[0]) @ rest, np.zeros((len(rest), 3)))
    heads, tails, z = xyz[1:], tail[1:], seen_by.to_cam(xyz[1:])[:, 2]
    uv, uv_tail = seen_by.project(heads), seen_by.project(tails)
    uv_points, z_points = seen_by.project(points), seen_by.to_cam(points)[:, 2]
    seen = visibility(
        surfaces,
        np.concatenate([uv, uv_points]),
        np.concatenate([z, z_points]),
        horse.shape.withers_height_m,
        n_bones=len(skeleton.BONES),
    )
    bones = Bones(
        names=skeleton.BONES,
        parents=tuple(p if (p := skeleton.PARENT[b]) and p != skeleton.ROOT else "" for b in skeleton.BONES),
        head=heads,
        tail=tails,
        uv=uv,
        uv_tail=uv_tail,
        in_frame=in_frame(uv, z, width, height),
        in_frame_tail=in_frame(uv_tail, seen_by.to_cam(tails)[:, 2], width, height),
        visibility=seen[: len(skeleton.BONES)],
        depth=z,
        roll=_rolls()[1:],
        quaternion=quat_from_matrix(world[1:, :3, :3]),
        matrix_world=world[1:],
        matrix_rel_root=np.linalg.inv(world[0]) @ world[1:],
        matrix_basis=local[1:],
    )
    landmarks = Landmarks(
        names=skeleton.LANDMARKS,
        xyz=points,
        uv=uv_points,
        in_frame=in_frame(uv_points, z_points, width, height),
        visibility=seen[len(skeleton.BONES) :],
        depth=z_points,
    )
    top = np.array([width, height]) - 0.5
    outline = seen_by.project(vertices)
    low, high = np.clip(outline.min(0), -0.5, top), np.clip(outline.max(0), -0.5, top)
    label = FrameLabel(
        action=action,
        clip=clip or action,
        frame=frame,
        camera=camera,
        fps=float(motion.fps),
        variants=tuple(variants),
        width=width,
        height=height,
        K=seen_by.K,
        camera_matrix_world=np.linalg.inv(seen_by.T_cam_world) @ CV_FROM_BLENDER,
        armature="rig",
        root_matrix=world[0],
        bbox_xywh=np.concatenate([low, high - low]),
        area_px=int((surfaces.object_id == LABELLED_HORSE_ID).sum()),
        bones=bones,
        landmarks=landmarks if with_landmarks else Landmarks(),
        scene={"gait": action, "withers_height_m": horse.shape.withers_height_m},
    )
    return label, surfaces


def write_rendered_set(
    root: Path,
    actions: Sequence[str] = ACTIONS,
    n_frames: int = 3,
    n_cameras: int = 2,
    width: int = 96,
    height: int = 80,
    variants: Sequence[str] = VARIANTS,
    with_landmarks: bool = True,
    step: int = 1,
) -> list[FramePlace]:
    """Write a dataset's folder; return the places of its labels.

    Args:
        root: the folder.
        actions: names of motions; each is one clip.
        n_frames: of each action, ``step`` apart.
        n_cameras: around the horse.
        width, height: of the images, pixels.
        variants: images of each label.
        with_landmarks: whether the mesh says where the points on the skin are.
        step: from frame to frame.
    """
    places = []
    for action in actions:
        for frame in range(0, n_frames * step, step):
            for camera in range(n_cameras):
                label, surfaces = label_of(
                    action,
                    frame,
                    camera,
                    n_cameras=n_cameras,
                    width=width,
                    height=height,
                    variants=variants,
                    with_landmarks=with_landmarks,
                )
                places.append(write_frame(root, label, surfaces))
    return places


def write_frame(root: Path, label: FrameLabel, surfaces: Surfaces) -> FramePlace:
    """Write the images, the mask and the label of one frame."""
    place = FramePlace(root, label.action, label.frame, label.camera)
    pictures = {place.image(v): picture(surfaces, v, label.camera) for v in label.variants}
    pictures[place.mask] = np.where(surfaces.object_id == LABELLED_HORSE_ID, 255, 0).astype(np.uint8)
    for path, pixels in pictures.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    write_label(place.label, label)
    return place


def picture(surfaces: Surfaces, variant: str, camera: int) -> UInt8[np.ndarray, "h w 3"]:
    """Draw the horse in its colours, in the variant ``materials`` darker with depth, before a plain background."""
    face = np.maximum(surfaces.face, 0)
    colour = _COLOURS[body().face_material[face]]
    is_horse = surfaces.face >= 0
    if variant == "materials":
        z = np.where(is_horse, surfaces.z_cam, surfaces.z_cam[is_horse].mean() if is_horse.any() else 1.0)
        near, far = (z[is_horse].min(), z[is_horse].max()) if is_horse.any() else (0.0, 1.0)
        colour = colour * (1.35 - 0.7 * (z - near) / max(far - near, 1e-6))[..., None]
    background = np.array(_BACKGROUND[variant]) - 3.0 * (camera % 8)
    return np.clip(np.where(is_horse[..., None], colour, background), 0, 255).astype(np.uint8)


def no_surfaces(camera: Camera) -> Surfaces:
    """Return what is seen of nothing."""
    empty = np.zeros((camera.height, camera.width), np.uint8)
    return Surfaces(empty, empty, np.full(empty.shape, np.inf), np.full(empty.shape, -1))


def first_surfaces(horse: Body, vertices: Float[np.ndarray, "v 3"], camera: Camera) -> Surfaces:
    """Return the first surface at the centre of each pixel, by a z-buffer over the triangles."""
    height, width = camera.height, camera.width
    uv, z = camera.project(vertices), camera.to_cam(vertices)[:, 2]
    corner, depth = uv[horse.faces], z[horse.faces]
    inside = np.isfinite(corner.sum((1, 2)))
    low = np.where(inside[:, None], np.ceil(np.where(inside[:, None, None], corner, 0.0).min(1)), 0).astype(int)
    high = np.where(inside[:, None], np.floor(np.where(inside[:, None, None], corner, -1.0).max(1)), -1).astype(int)
    low, high = np.maximum(low, 0), np.minimum(high, [width - 1, height - 1])
    size = (high - low + 1).max(1)
    size[(high < low).any(1)] = 0
    pixels, depths, faces = [], [], []
    for side in 2 ** np.arange(int(np.ceil(np.log2(max(size.max(), 1)))) + 1):
        chosen = np.flatnonzero((size > side // 2) & (size <= side))
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
        for part in np.array_split(chosen, max(1, len(chosen) * side**2 // 2_000_000)):
            at = low[part, None] + grid  # [n, side², 2]
            a, b, c = (corner[part, None, i] for i in range(3))
            area = _cross(b - a, c - a)
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.stack([_cross(c - b, at - b), _cross(a - c, at - c), _cross(b - a, at - a)], -1)
                share = share / area[..., None]
                inverse = (share / depth[part, None]).sum(-1)
            hit = (share >= -1e-9).all(-1) & (at <= high[part, None]).all(-1) & (inverse > 0)
            row, _ = np.nonzero(hit)
            pixels.append(at[hit][:, 1] * width + at[hit][:, 0])
            depths.append(1.0 / inverse[hit])
            faces.append(part[row])
    pixel, distance, face = (np.concatenate(parts) for parts in (pixels, depths, faces))
    order = np.lexsort((distance, pixel))
    pixel, first = np.unique(pixel[order], return_index=True)
    nearest = order[first]
    z_cam = np.full(height * width, np.inf)
    which = np.full(height * width, -1)
    z_cam[pixel], which[pixel] = distance[nearest], face[nearest]
    which = which.reshape(height, width)
    joint = horse.weights.argmax(1)[horse.faces[np.maximum(which, 0), 0]]
    return Surfaces(
        object_id=np.where(which >= 0, LABELLED_HORSE_ID, 0).astype(np.uint8),
        segment=np.where(which >= 0, joint, 255).astype(np.uint8),
        z_cam=z_cam.reshape(height, width),
        face=which,
    )


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _rigid(rotation: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    matrix = np.broadcast_to(np.eye(4), (len(xyz), 4, 4)).copy()
    matrix[:, :3, :3], matrix[:, :3, 3] = rotation, xyz
    return matrix
