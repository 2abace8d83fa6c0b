"""BVH (Biovision Hierarchy): bones and rotations as text, for MotionBuilder, Maya, Unity, Blender and the like.

No standard exists; the common reading is that of https://research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/BVH.html.
What this writer makes of it:

- centimetres (``scale`` 100 units a metre) and degrees;
- Y up, the horse faces +Z and its left is +X, as in our glTF: world (x, y, z) becomes (x, z, −y). Blender's importer
  (forward −Z, up Y, scale 0.01) brings it back to the world's axes;
- ``ROOT root`` with position and rotation, then the 80 deforming bones with rotations only; channels in the order Z, X,
  Y, so a joint's matrix is Rz · Rx · Ry; a leaf's End Site is its bone's tail;
- BVH has one frame time for the whole clip: a motion with uneven times is resampled to its ``fps``.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_axis_angle, quat_multiply, quat_slerp, quat_to_matrix
from kinequimation.io.atomic import replacing
from kinequimation.io.gltf import gltf_from_world_quat, gltf_from_world_xyz
from kinequimation.motion import Motion

if TYPE_CHECKING:
    from jaxtyping import Float

UNITS_PER_METRE = 100.0
_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Zrotation", "Xrotation", "Yrotation")
_PART = 256
"""Frames that are written at once."""
_MAX_BYTES = 512 << 20
_MAX_JOINTS = 10_000


class Bvh(NamedTuple):
    """What stands in a BVH file, in its own units and axes.

    Attributes:
        names: joints, every parent before its children.
        parents: index of each joint's parent, −1 for the root.
        offsets: [J, 3] from the parent joint to this one.
        channels: names of each joint's channels, in the order of the file.
        frame_time: seconds.
        quats: [T, J, 4] w, x, y, z; each joint's rotation relative to its parent.
        root: [T, 3] position of the root joint.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "joints 3"]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    quats: Float[np.ndarray, "frames joints 4"]
    root: Float[np.ndarray, "frames 3"]


def write_bvh(
    path: str | PathLike[str], motion: Motion, body: Body | None = None, scale: float = UNITS_PER_METRE
) -> None:
    """Write a motion as BVH.

    Args:
        path: the ``.bvh`` to write.
        motion: what the horse does.
        body: the horse; ``Body(motion.shape)`` if it is not given.
        scale: units a metre; 100 writes centimetres.

    Raises:
        InputError: the scale is not a number above 0.
        OutputError: the file cannot be written.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale: expected a number above 0, got {scale}")
    body = body or Body(motion.shape)
    lines, order = _hierarchy(body, scale)
    steps = _Steps(motion)
    template = " ".join(["%.6f"] * (3 + 3 * len(order))) + "\n"
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as f:
        f.write("\n".join(lines) + "\n")
        f.write(f"MOTION\nFrames: {len(steps)}\nFrame Time: {1.0 / motion.fps:.9f}\n")
        before: np.ndarray | None = None
        for start in range(0, len(steps), _PART):
            root_xyz_world, quat_wxyz = steps.part(start, start + _PART)
            before = angles = _zxy_from_quat(np.roll(gltf_from_world_quat(quat_wxyz[:, order]), 1, axis=-1), before)
            root = scale * gltf_from_world_xyz(root_xyz_world)
            rows = np.concatenate([root, np.degrees(angles).reshape(len(angles), -1)], axis=1)
            rows = np.round(rows, 6) + 0.0  # adding 0 turns −0 into 0
            f.writelines(template % tuple(row) for row in rows.tolist())


def _hierarchy(body: Body, scale: float) -> tuple[list[str], list[int]]:
    """Return the lines of the hierarchy and the joints in the order in which they stand there."""
    lines, order = ["HIERARCHY"], []

    def triple(xyz_world: np.ndarray) -> str:
        return " ".join(f"{v:.6f}" for v in np.round(scale * gltf_from_world_xyz(xyz_world), 6) + 0.0)

    def add(j: int, depth: int) -> None:
        order.append(j)
        parent, tab = skeleton.JOINT_PARENTS[j], "\t" * depth
        offset = body.rest_xyz[j] - (body.rest_xyz[parent] if parent >= 0 else 0.0)
        channels = _ROTATIONS if parent >= 0 else _POSITIONS + _ROTATIONS
        lines.extend([f"{tab}{'JOINT' if parent >= 0 else 'ROOT'} {skeleton.JOINTS[j]}", f"{tab}{{"])
        lines.append(f"{tab}\tOFFSET {triple(offset)}")
        lines.append(f"{tab}\tCHANNELS {len(channels)} {' '.join(channels)}")
        children = np.flatnonzero(j == skeleton.JOINT_PARENTS).tolist()
        for child in children:
            add(child, depth + 1)
        if not children:
            tail = triple(body.rest_tail_xyz[j] - body.rest_xyz[j])
            lines.extend([f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {tail}", f"{tab}\t}}"])
        lines.append(f"{tab}}}")

    add(0, 0)
    return lines, order


class _Steps:
    """A motion at steps of 1 / fps, read part by part."""

    def __init__(self, motion: Motion) -> None:
        self._motion = motion
        t_s = motion.t_s - motion.t_s[0]
        wanted_s = np.arange(round(float(t_s[-1]) * motion.fps) + 1) / motion.fps
        self._n = len(wanted_s)
        self._even = self._n == len(t_s) and bool(np.abs(wanted_s - t_s).max() < 0.01 / motion.fps)
        self._t_s, self._wanted_s = t_s, wanted_s

    def __len__(self) -> int:
        return self._n

    def part(self, start: int, stop: int) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 81 4"]]:
        """Return root and rotations of the steps from ``start`` to before ``stop``."""
        root, quat = self._motion.root_xyz_world, self._motion.quat_wxyz
        if self._even:
            return root[start:stop], quat[start:stop]
        t_s, wanted_s = self._t_s, self._wanted_s[start:stop]
        before = np.clip(np.searchsorted(t_s, wanted_s, side="right") - 1, 0, max(len(t_s) - 2, 0))
        after = np.minimum(before + 1, len(t_s) - 1)
        share = np.clip((wanted_s - t_s[before]) / np.maximum(t_s[after] - t_s[before], 1e-12), 0.0, 1.0)[:, None]
        return root[before] + share * (root[after] - root[before]), quat_slerp(quat[before], quat[after], share)


def _zxy_from_quat(
    quat_wxyz: Float[np.ndarray, "frames joints 4"], before: Float[np.ndarray, "n joints 3"] | None
) -> Float[np.ndarray, "frames joints 3"]:
    """Return z, x, y in radians with R = Rz · Rx · Ry, free of jumps of 2π from frame to frame, also from ``before``.

    From R[2, 1] = sin x, R[2, 0] = −cos x sin y, R[2, 2] = cos x cos y, R[0, 1] = −sin z cos x, R[1, 1] = cos z cos x.
    Where cos x = 0, z and y turn about one axis: y is then 0.
    """
    R = quat_to_matrix(quat_wxyz)
    x = np.arcsin(np.clip(R[..., 2, 1], -1.0, 1.0))
    locked = np.abs(R[..., 2, 1]) > 1.0 - 1e-12
    z = np.where(locked, np.arctan2(R[..., 1, 0], R[..., 0, 0]), np.arctan2(-R[..., 0, 1], R[..., 1, 1]))
    y = np.where(locked, 0.0, np.arctan2(-R[..., 2, 0], R[..., 2, 2]))
    angles = np.stack([z, x, y], axis=-1)
    if before is None:
        return np.unwrap(angles, axis=0)
    return np.unwrap(np.concatenate([before[-1:], angles]), axis=0)[1:]


def read_bvh(path: str | PathLike[str]) -> Bvh:
    """Read a BVH file: any hierarchy with one root, any order of channels.

    Positions are read for the root; other joints' position channels are passed over.

    Raises:
        InputError: the file is not BVH, or is larger than 512 MB.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: expected a BVH file of at most {_MAX_BYTES >> 20} MB; cut it into parts")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a BVH text file, got something unreadable ({error})") from error
    try:
        sections = re.split(r"^\s*MOTION\s*$", text, maxsplit=1, flags=re.MULTILINE)
        if len(sections) != 2:
            raise ValueError("no MOTION section")
        names, parents, offsets, channels = _parse_hierarchy(sections[0].split())
        frame_time, rows = _parse_motion(sections[1], sum(len(c) for c in channels))
    except ValueError as error:
        raise InputError(f"{path}: expected a BVH file, got {error}") from error
    root = np.zeros((len(rows), 3))
    quats = np.zeros((len(rows), len(names), 4))
    quats[..., 0] = 1.0
    column = 0
    for j, joint_channels in enumerate(channels):
        for channel in joint_channels:
            axis = "XYZ".index(channel[0])
            if channel.endswith("rotation"):
                turn = quat_from_axis_angle(np.eye(3)[axis], np.radians(rows[:, column]))
                quats[:, j] = quat_multiply(quats[:, j], turn)
            elif j == 0:
                root[:, axis] = rows[:, column]
            column += 1
    return Bvh(tuple(names), tuple(parents), np.array(offsets), tuple(channels), frame_time, quats, root)


def _parse_hierarchy(
    words: list[str],
) -> tuple[list[str], list[int], list[list[float]], list[tuple[str, ...]]]:
    """Parse the words before ``MOTION`` with a stack of open joints; raise ValueError where they make no sense."""
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    open_joints: list[int | None] = []  # None is an End Site
    i = 0

    def take(n: int) -> list[str]:
        nonlocal i
        if i + n > len(words):
            raise ValueError("a hierarchy that breaks off")
        i += n
        return words[i - n : i]

    if take(1) != ["HIERARCHY"]:
        raise ValueError("a file that does not begin with HIERARCHY")
    while i < len(words):
        (word,) = take(1)
        if word in ("ROOT", "JOINT"):
            if (word == "ROOT") != (not names) or (open_joints and open_joints[-1] is None):
                raise ValueError("a hierarchy with a joint out of place")
            if len(names) >= _MAX_JOINTS:
                raise ValueError(f"more than {_MAX_JOINTS} joints")
            if names and not open_joints:
                raise ValueError("a joint outside of the root")
            parents.append(next((j for j in reversed(open_joints) if j is not None), -1))
            name, brace = take(2)
            names.append(name)
            offsets.append([0.0, 0.0, 0.0])
            channels.append(())
            open_joints.append(len(names) - 1)
        elif word == "End":
            _, brace = take(2)
            open_joints.append(None)
        else:
            brace = "{"
            if not open_joints:
                raise ValueError(f"an unexpected word {word[:20]!r}")
            joint = open_joints[-1]
            if word == "}":
                open_joints.pop()
            elif word == "OFFSET":
                values = [float(v) for v in take(3)]
                if not np.isfinite(values).all():
                    raise ValueError("an OFFSET that is not finite")
                if joint is not None:
                    offsets[joint] = values
            elif word == "CHANNELS" and joint is not None:
                n = int(take(1)[0])
                listed = take(n) if 0 <= n <= 6 else [str(n)]
                if not set(listed) <= set(_POSITIONS + _ROTATIONS):
                    raise ValueError(f"unknown channels of {names[joint][:40]!r}")
                channels[joint] = tuple(listed)
            else:
                raise ValueError(f"an unexpected word {word[:20]!r}")
        if brace != "{":
            raise ValueError("a joint without its opening brace")
    if open_joints or not names:
        raise ValueError("a hierarchy that breaks off")
    return names, parents, offsets, channels


def _parse_motion(text: str, n_columns: int) -> tuple[float, np.ndarray]:
    """Parse what follows ``MOTION``: frame time and the rows [T, columns]."""
    lines = text.strip().splitlines()
    if len(lines) < 3 or not lines[0].startswith("Frames:") or not lines[1].startswith("Frame Time:"):
        raise ValueError("a MOTION section without Frames:, Frame Time: and rows of numbers")
    n_frames, frame_time = int(lines[0].split(":")[1]), float(lines[1].split(":")[1])
    if not (np.isfinite(frame_time) and frame_time > 0):
        raise ValueError(f"a frame time of {frame_time}")
    values = np.array(" ".join(lines[2:]).split(), float)
    if len(values) != n_frames * n_columns or n_frames < 1:
        raise ValueError(f"{len(values)} numbers where {n_frames} frames of {n_columns} channels were promised")
    if not np.isfinite(values).all():
        raise ValueError("numbers that are not finite")
    return frame_time, values.reshape(n_frames, n_columns)
