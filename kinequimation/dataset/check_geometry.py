"""What must hold in one label by itself: matrices, projections, and left and right by the shape of the body.

Each function returns what is wrong as lines for a reader; none where all is well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.dataset.frame_label import Bones, FrameLabel
from kinequimation.geometry.rotation import quat_to_matrix

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

REPROJECTION_TOLERANCE_PX = 0.05
"""How far a label's pixel may be from where its 3D point projects. Blender computes in 32 bits and labels keep four
decimals of a pixel, which together is some 0.001; a frame's or a camera's mistake is whole pixels."""
_EDGE_TOLERANCE_PX = REPROJECTION_TOLERANCE_PX
_LENGTH_TOLERANCE = 1e-4
"""Of the trunk's length: for points that are the same by definition, but went through 32 bits far from the origin."""
_ANGLE_TOLERANCE_RAD = 2e-3
_JOINT_TOLERANCE = 0.06
"""Of the trunk's length: how far a bone may start from where its parent ends, if they touch at rest. A rig may stretch
there; a leg of the other side is 0.2 away."""

_TOUCHING = [
    (child, skeleton.PARENT[child])
    for i, child in enumerate(skeleton.JOINTS)
    if i > 0
    and skeleton.PARENT[child] != skeleton.ROOT
    and np.linalg.norm(skeleton.REST_HEAD_XYZ[i] - skeleton.REST_TAIL_XYZ[skeleton.JOINT_PARENTS[i]]) < 1e-3
]
_TRUNK_PAIRS = {
    "shoulders": (("shoulder", "head"), ("upper_arm", "head"), ("breast", "head")),
    "hips": (("pelvis", "tail"), ("thigh", "head")),
}
_HEAD_PAIRS = (("ear", "head"), ("ear.{}.001", "tail"), ("eye", "head"), ("nose", "head"))
_LANDMARK_ANCHORS = {
    "eye": ("eye", "head"),
    "ear_tip": ("ear.{}.001", "tail"),
    "point_of_shoulder": ("upper_arm", "head"),
    "elbow": ("forearm", "head"),
    "carpus": ("forefoot", "head"),
    "fore_fetlock": ("f_toe", "head"),
    "fore_toe": ("f_hoof", "tail"),
    "point_of_hip": ("pelvis", "tail"),
    "stifle": ("lower_leg", "head"),
    "hock": ("hind_foot", "head"),
    "hind_fetlock": ("r_toe", "head"),
    "hind_toe": ("r_hoof", "tail"),
}
"""The end of a bone that lies nearest under each sided landmark."""


@np.errstate(all="ignore")  # a label may hold numbers of any size
def label_faults(label: FrameLabel) -> list[str]:
    """Return what is wrong within a label: its camera, its matrices, its pixels, and its left and right."""
    faults = camera_faults(label)
    if faults:  # with another camera, everything else would be wrong as well
        return faults
    sides = side_faults(label)
    return matrix_faults(label) + sides + projection_faults(label, sides_are_wrong=bool(sides)) + joint_faults(label)


def trunk_length_m(bones: Bones) -> float:
    """Return the distance from the sacrum to the base of the neck: about the withers height, in any pose."""
    at = bones.names.index
    return float(np.linalg.norm(bones.head[at("DEF-neck.001")] - bones.head[at(skeleton.SACRUM)]))


def camera_faults(label: FrameLabel) -> list[str]:
    """Return what is wrong with K and the camera's place."""
    faults = []
    K, M = label.K, label.camera_matrix_world
    if not (
        K[0, 0] > 0
        and K[1, 1] > 0
        and np.allclose(K[2], [0, 0, 1], atol=1e-6)
        and abs(K[1, 0]) < 1e-6
        and abs(K[0, 1]) < 1e-3 * K[0, 0]
    ):
        faults.append("camera_intrinsics: K is not that of a camera without skew [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
    elif not 0.25 < K[0, 0] / K[1, 1] < 4:
        faults.append(f"camera_intrinsics: fx and fy are {K[0, 0]:g} and {K[1, 1]:g}, more than pixels differ in shape")
    R = M[:3, :3]
    if not (np.allclose(R.T @ R, np.eye(3), atol=1e-4) and np.linalg.det(R) > 0):
        faults.append("camera_extrinsics: matrix_world is not rigid (a rotation and a place)")
    elif not np.allclose(M[3], [0, 0, 0, 1], atol=1e-6):
        faults.append("camera_extrinsics: the last row of matrix_world is not 0, 0, 0, 1")
    if not (np.isfinite(label.fps) and label.fps > 0):
        faults.append(f"fps is {label.fps:g}, not above 0")
    return faults


def matrix_faults(label: FrameLabel) -> list[str]:
    """Return which bones' matrices, quaternions, heads and tails contradict each other.

    A bone's matrix may be scaled along its axes, as a rig that stretches does, but not sheared and not mirrored.
    """
    bones = label.bones
    allowed_m = _LENGTH_TOLERANCE * max(trunk_length_m(bones), float(np.abs(bones.head).max()) * 0.1, 1e-3)
    M, root = bones.matrix_world, label.root_matrix
    faults = []
    last_rows = np.stack([M, bones.matrix_rel_root, bones.matrix_basis])[:, :, 3]
    bad = np.any(np.abs(last_rows - [0, 0, 0, 1]) > 1e-6, axis=(0, 2))
    faults += _named(bad, bones.names, "the last row of a matrix is not 0, 0, 0, 1")
    known = np.isin(bones.parents, ["", *bones.names])
    faults += _named(~known, bones.names, "parent is none of the bones")
    R, rigid = _rotations(M)
    faults += _named(~rigid, bones.names, "matrix_world is no rotation, place and stretch: it is sheared or mirrored")
    off = np.linalg.norm(M[:, :3, 3] - bones.head, axis=-1)
    faults += _named(off > allowed_m, bones.names, "matrix_world is not at the head", off, "m")
    along = bones.tail - bones.head
    length = np.linalg.norm(along, axis=-1)
    faults += _named(length < 1e-6, bones.names, "head and tail are one point")
    angle = np.linalg.norm(along / np.maximum(length, 1e-6)[:, None] - R[:, :, 1], axis=-1)
    slack = _ANGLE_TOLERANCE_RAD + 2 * allowed_m / np.maximum(length, 1e-6)
    wrong = (angle > slack) & (length >= 1e-6) & rigid
    faults += _named(wrong, bones.names, "the tail does not lie along matrix_world's y axis")
    norm = np.linalg.norm(bones.quaternion, axis=-1)
    faults += _named(np.abs(norm - 1) > 1e-4, bones.names, "quaternion is not of length 1")
    turned = np.abs(quat_to_matrix(bones.quaternion / np.maximum(norm, 1e-9)[:, None]) - R).max((1, 2))
    wrong = (turned > _ANGLE_TOLERANCE_RAD) & rigid & (np.abs(norm - 1) <= 1e-4)
    faults += _named(wrong, bones.names, "quaternion is not matrix_world's rotation")
    if not (abs(np.linalg.det(root[:3, :3])) > 1e-12 and np.allclose(root[3], [0, 0, 0, 1], atol=1e-6)):
        return [*faults, "root_matrix cannot be inverted"]
    relative = np.linalg.inv(root) @ M
    size = 1 + np.abs(relative).max((1, 2))
    wrong = np.abs(relative - bones.matrix_rel_root).max((1, 2)) > 1e-4 * size
    return faults + _named(wrong, bones.names, "matrix_rel_root is not root_matrix⁻¹ · matrix_world")


def _rotations(matrices: Float[np.ndarray, "n 4 4"]) -> tuple[Float[np.ndarray, "n 3 3"], Bool[np.ndarray, " n"]]:
    """Return matrices without place and stretch, and which of them are rotations then."""
    stretch = np.linalg.norm(matrices[:, :3, :3], axis=1)  # of each axis
    R = matrices[:, :3, :3] / np.maximum(stretch, 1e-12)[:, None, :]
    is_rotation = np.all(stretch > 1e-9, axis=-1) & (np.linalg.det(R) > 0)
    is_rotation &= np.all(np.abs(np.swapaxes(R, 1, 2) @ R - np.eye(3)) < _ANGLE_TOLERANCE_RAD, axis=(1, 2))
    return R, is_rotation


def projection_faults(label: FrameLabel, *, sides_are_wrong: bool = False) -> list[str]:
    """Return which pixels, depths and in-frame marks are not those that the 3D points have in the camera.

    Args:
        label: the label.
        sides_are_wrong: left and right are exchanged in 3D, by the shape of the body.
    """
    bones, points = label.bones, label.landmarks
    faults = []
    heads = (bones.head, bones.uv, bones.in_frame)
    tails = (bones.tail, bones.uv_tail, bones.in_frame_tail)
    for what, names, (xyz, uv, inside) in (
        ("uv", bones.names, heads),
        ("uv_tail", bones.names, tails),
        ("uv", points.names, (points.xyz, points.uv, points.in_frame)),
    ):
        if names:
            faults += _uv_faults(label, what, names, xyz, uv, sides_are_wrong)
            faults += _frame_faults(label, what, names, uv, inside)
    for names, xyz, depth in ((bones.names, bones.head, bones.depth), (points.names, points.xyz, points.depth)):
        if names:
            z = label.as_camera.to_cam(xyz)[:, 2]
            off = np.abs(z - depth)
            faults += _named(off > 1e-3 + 1e-4 * np.abs(z), names, "depth is not that of the 3D point", off, "m")
    for names, inside, seen in (
        (bones.names, bones.in_frame, bones.visibility),
        (points.names, points.in_frame, points.visibility),
    ):
        faults += _named(inside != (seen > 0), names, "visibility and in_frame contradict each other")
    return faults


def _uv_faults(
    label: FrameLabel,
    what: str,
    names: Sequence[str],
    xyz: Float[np.ndarray, "n 3"],
    uv: Float[np.ndarray, "n 2"],
    sides_are_wrong: bool,
) -> list[str]:
    projected = label.as_camera.project(xyz)
    depth = label.as_camera.to_cam(xyz)[:, 2]
    missing = np.isnan(uv[:, 0])
    behind = np.isnan(projected[:, 0])
    faults = _named(missing & ~behind & (depth > 0.01), names, f"{what} is null, though the point is before the camera")
    faults += _named(behind & ~missing & (depth < -0.01), names, f"{what} is a number behind the camera")
    both = ~missing & ~behind
    off = np.where(both, np.linalg.norm(np.where(both[:, None], uv - projected, 0.0), axis=-1), 0.0)
    # near the camera's plane, rounding of the depth moves a pixel far
    allowed = REPROJECTION_TOLERANCE_PX + 1e-5 * np.nan_to_num(np.linalg.norm(projected, axis=-1))
    bad = off > allowed
    if not bad.any():
        return faults
    mirror = np.array([names.index(m) if (m := skeleton.MIRROR[n]) in names else i for i, n in enumerate(names)])
    sided = bad & (mirror != np.arange(len(names)))
    other = np.linalg.norm(np.nan_to_num(uv[mirror] - projected, nan=1e6), axis=-1)
    swapped = sided & (other <= allowed)
    if swapped.sum() >= 2 and np.array_equal(swapped[mirror], swapped):
        where = "in 3D, not in" if sides_are_wrong else "in"
        faults += _named(swapped, names, f"left and right are swapped {where} {what}")
        bad = bad & ~swapped
    if bad.sum() > 0.5 * both.sum():
        worst = int(np.argmax(off))
        return [
            *faults,
            f"{what} of {bad.sum()} of {both.sum()} points is not where they project ({names[worst]} by"
            f" {off[worst]:.1f} px): is the camera, or are the bones, those of another frame?",
        ]
    return faults + _named(bad, names, f"{what} is not where the 3D point projects", off, "px")


def _frame_faults(
    label: FrameLabel, what: str, names: Sequence[str], uv: Float[np.ndarray, "n 2"], inside: Bool[np.ndarray, " n"]
) -> list[str]:
    """Return the points whose ``in_frame`` is wrong, by more than the tolerance at the image's edge."""
    edge = np.array([label.width, label.height]) - 0.5
    known = np.isfinite(uv[:, 0])
    uv = np.where(known[:, None], uv, -1e9)
    margin = np.minimum(uv + 0.5, edge - uv).min(-1)  # positive inside
    wrong = np.where(inside, margin < -_EDGE_TOLERANCE_PX, margin > _EDGE_TOLERANCE_PX)
    return _named(wrong, names, f"in_frame contradicts {what}")


def side_faults(label: FrameLabel) -> list[str]:
    """Return which parts have left and right exchanged in 3D, by the shape of the body alone.

    Left is up × forward. In the trunk, forward is from the sacrum to the base of the neck and down is where the girdles
    and the breastbone lie; in the head, forward is along it and down is where the jaw lies. Those points are midpoints
    of both sides or in the median plane, so that an exchange does not move them. Only what is near the trunk is
    compared: hooves may cross. A leg is followed down by its joints (``joint_faults``), landmarks by their bones.
    """
    bones = label.bones
    size = trunk_length_m(bones)
    wrong = []
    trunk_left = _left(
        _end(bones, "DEF-neck.001", "head") - _end(bones, skeleton.SACRUM, "head"),
        _end(bones, "DEF-spine.004", "head"),
        [_end(bones, "DEF-chest", "tail"), _middle(bones, "upper_arm", "head"), _middle(bones, "breast", "head")],
    )
    for part, pairs in _TRUNK_PAIRS.items():
        across = [float((_sided(bones, b, e, "L") - _sided(bones, b, e, "R")) @ trunk_left) for b, e in pairs]
        if sum(across) < -0.02 * size:
            wrong.append(part)
    head_left = _left(
        _end(bones, "DEF-head", "tail") - _end(bones, "DEF-head", "head"),
        _end(bones, "DEF-head", "head"),
        [_end(bones, "DEF-jaw.001", "tail")],
    )
    across = [float((_sided(bones, b, e, "L") - _sided(bones, b, e, "R")) @ head_left) for b, e in _HEAD_PAIRS]
    if sum(across) < -0.02 * size:
        wrong.append("head")
    faults = [f"left and right are exchanged: {', '.join(wrong)} of the 3D skeleton"] if wrong else []
    return faults + _landmark_side_faults(label, size)


def _landmark_side_faults(label: FrameLabel, size_m: float) -> list[str]:
    names, xyz = label.landmarks.names, label.landmarks.xyz
    wrong = []
    for stem, (bone, end) in _LANDMARK_ANCHORS.items():
        if not {f"{stem}.L", f"{stem}.R"} <= set(names):
            continue
        point = {s: xyz[names.index(f"{stem}.{s}")] for s in "LR"}
        anchor = {s: _sided(label.bones, bone, end, s) for s in "LR"}
        own = sum(float(np.linalg.norm(point[s] - anchor[s])) for s in "LR")
        crossed = sum(float(np.linalg.norm(point[s] - anchor["RL"["LR".index(s)]])) for s in "LR")
        if own > 0.05 * size_m and crossed < 0.6 * own:
            wrong.append(stem)
    return [f"left and right are exchanged between landmarks and bones: {', '.join(wrong)}"] if wrong else []


def joint_faults(label: FrameLabel) -> list[str]:
    """Return which bones do not start where their parent ends, of those that touch at rest.

    Finds parts of limbs that belong to the other side, and bones out of their order.
    """
    bones = label.bones
    pairs = [(c, p) for c, p in _TOUCHING if c in bones.names and p in bones.names]
    at = bones.names.index
    children, parents = [at(c) for c, _ in pairs], [at(p) for _, p in pairs]
    gap = np.linalg.norm(bones.head[children] - bones.tail[parents], axis=-1)
    far = gap > _JOINT_TOLERANCE * trunk_length_m(bones)
    return _named(far, [c for c, _ in pairs], "the bone does not start where its parent ends", gap, "m")


def _named(
    bad: Bool[np.ndarray, " n"],
    names: Sequence[str],
    what: str,
    by: Float[np.ndarray, " n"] | None = None,
    unit: str = "",
) -> list[str]:
    """Return one line that names the worst of the points that are bad and how many more there are."""
    which = np.flatnonzero(bad)
    if not len(which):
        return []
    first = int(which[0] if by is None else which[np.argmax(by[which])])
    amount = "" if by is None else f" (by {by[first]:.3g} {unit})"
    more = f" and {len(which) - 1} more" if len(which) > 1 else ""
    return [f"{names[first]}{more}: {what}{amount}"]


def _left(
    forward: Float[np.ndarray, " 3"], dorsal: Float[np.ndarray, " 3"], ventral: list[np.ndarray]
) -> Float[np.ndarray, " 3"]:
    """Return the unit vector to the body's left; zero where the points do not say."""
    left = np.cross(dorsal - np.mean(ventral, axis=0), forward)
    length = float(np.linalg.norm(left))
    return left / length if length > 1e-9 else np.zeros(3)


def _end(bones: Bones, name: str, end: str) -> Float[np.ndarray, " 3"]:
    return getattr(bones, end)[bones.names.index(name)]


def _sided(bones: Bones, bone: str, end: str, side: str) -> Float[np.ndarray, " 3"]:
    name = bone.format(side) if "{}" in bone else f"{bone}.{side}"
    return _end(bones, f"DEF-{name}", end)


def _middle(bones: Bones, bone: str, end: str) -> Float[np.ndarray, " 3"]:
    return (_sided(bones, bone, end, "L") + _sided(bones, bone, end, "R")) / 2
