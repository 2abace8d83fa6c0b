"""Joining windows of a clip: each is turned and moved to agree with what is there, and cross-faded into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.fit.pose import Pose
from kinequimation.fit.window import Placed
from kinequimation.geometry.rotation import (
    quat_from_axis_angle,
    quat_from_matrix,
    quat_identity,
    quat_multiply,
    quat_normalize,
    quat_rotate,
    quat_to_matrix,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

_FORWARD = np.array([0.0, -1.0, 0.0])


class Joined:
    """A clip that grows window by window.

    Args:
        n_horses: how many horses.
        n_frames: frames of the whole clip.

    Attributes:
        horses: what is known of each; rows beyond the last window are not meant.
    """

    def __init__(self, n_horses: int, n_frames: int) -> None:
        self.horses = [
            Placed(
                Pose(np.zeros((n_frames, 3)), quat_identity(n_frames, skeleton.NUM_JOINTS)),
                np.zeros((n_frames, len(skeleton.LIMBS))),
                np.tile(np.eye(4), (n_frames, 1, 1)),
                np.zeros(n_frames, bool),
            )
            for _ in range(n_horses)
        ]
        self._there = [False] * n_horses
        self._end = 0

    def add(self, start: int, stop: int, window: Sequence[Placed | None]) -> None:
        """Join the next window.

        Args:
            start: its first frame, at most where the last one ended.
            stop: the frame after its last.
            window: each horse in it; one that is not there stays as it last was.
        """
        known = [(h, w) for h, w, there in zip(self.horses, window, self._there, strict=True) if there and w]
        if known:
            self._agree(start, known, [w for w in window if w is not None])
        for i, (horse, new) in enumerate(zip(self.horses, window, strict=True)):
            if new is not None:
                self._write(horse, new, start, self._end if self._there[i] else 0)
                if not self._there[i]:
                    _stay(horse, start, slice(0, start))
                self._there[i] = True
            elif self._there[i]:
                _stay(horse, self._end - 1, slice(self._end, stop))
        self._end = stop

    def _agree(self, start: int, known: list[tuple[Placed, Placed]], all_new: list[Placed]) -> None:
        """Turn and move the window so that its horses are where they are in the frames that are there already."""
        n = self._end - start
        weight = np.sin(np.pi * (np.arange(n) + 0.5) / n)
        turns = np.zeros(2)
        for old, new in known:
            w = weight * np.where(old.seen[start : self._end] & new.seen[:n], 1.0, 1e-3)
            a = _flat_forward(old.pose.quat_wxyz[start : self._end, 0])
            b = _flat_forward(new.pose.quat_wxyz[:n, 0])
            turns += [(w * (b[:, 0] * a[:, 1] - b[:, 1] * a[:, 0])).sum(), (w * (a * b).sum(1)).sum()]
        turn = quat_from_axis_angle((0.0, 0.0, 1.0), float(np.arctan2(turns[0], turns[1])))
        R = quat_to_matrix(turn)
        move, total = np.zeros(3), 0.0
        for old, new in known:
            w = weight * np.where(old.seen[start : self._end] & new.seen[:n], 1.0, 1e-3)
            apart = old.pose.root_xyz[start : self._end] - quat_rotate(turn, new.pose.root_xyz[:n])
            move += (w[:, None] * apart).sum(0)
            total += w.sum()
        move = move / total * [1, 1, 0]
        for new in all_new:
            new.pose.root_xyz = quat_rotate(turn, new.pose.root_xyz) + move
            new.pose.quat_wxyz[:, 0] = quat_multiply(turn, new.pose.quat_wxyz[:, 0])
            T = new.T_cam_world
            T[:, :3, :3] = T[:, :3, :3] @ R.T
            T[:, :3, 3] -= T[:, :3, :3] @ move

    @staticmethod
    def _write(horse: Placed, new: Placed, start: int, end: int) -> None:
        """Write a horse's rows, cross-faded over the middle half of those that are there already."""
        n, both = len(new.seen), max(end - start, 0)
        fade = np.ones(n)
        x = ((np.arange(both) + 0.5) / max(both, 1) * 2 - 0.5).clip(0, 1)
        fade[:both] = x * x * (3 - 2 * x)
        rows = slice(start, start + n)
        there = np.arange(n) < both  # poses that were not seen are not mixed, only kept
        fade = np.where(there & new.seen & ~horse.seen[rows], 1.0, np.where(there & ~new.seen, 0.0, fade))
        horse.pose.root_xyz[rows] = _mix(horse.pose.root_xyz[rows], new.pose.root_xyz, fade)
        old = horse.pose.quat_wxyz[rows]
        # one sign for all of the window, which is continuous in itself
        here = max(both - 1, 0) if both else 0
        sign = np.where((old[here] * new.pose.quat_wxyz[here]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
        horse.pose.quat_wxyz[rows] = quat_normalize(_mix(old, sign * new.pose.quat_wxyz, fade))
        horse.contact[rows] = _mix(horse.contact[rows], new.contact, fade)
        horse.seen[rows] = np.where(fade < 0.5, horse.seen[rows], new.seen)
        _mix_cameras(horse.T_cam_world[rows], new.T_cam_world, fade)


def _flat_forward(quat_wxyz: np.ndarray) -> Float[np.ndarray, "frames 2"]:
    return quat_rotate(quat_wxyz, _FORWARD)[:, :2]


def _mix(old: np.ndarray, new: np.ndarray, share: np.ndarray) -> np.ndarray:
    w = share.reshape(-1, *[1] * (new.ndim - 1))
    return old * (1 - w) + new * w


def _mix_cameras(old: np.ndarray, new: np.ndarray, share: np.ndarray) -> None:
    """Cross-fade where cameras stand and how they are turned, into ``old``."""
    quat, quat_new = (quat_from_matrix(T[:, :3, :3]) for T in (old, new))
    sign = np.where((quat * quat_new).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    quat = quat_normalize(_mix(quat, sign * quat_new, share))
    position, position_new = (-np.einsum("tji,tj->ti", T[:, :3, :3], T[:, :3, 3]) for T in (old, new))
    position = _mix(position, position_new, share)
    old[:, :3, :3] = quat_to_matrix(quat)
    old[:, :3, 3] = -quat_rotate(quat, position)


def _stay(horse: Placed, row: int, rows: slice) -> None:
    """Fill rows without a horse with the pose of another row."""
    horse.pose.root_xyz[rows] = horse.pose.root_xyz[row]
    horse.pose.quat_wxyz[rows] = horse.pose.quat_wxyz[row]
    horse.T_cam_world[rows] = horse.T_cam_world[row]
