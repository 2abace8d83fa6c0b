"""Unit quaternions (w, x, y, z), rotation vectors and matrices over any number of leading axes.

``quat_multiply(a, b)`` rotates by ``b`` first, then by ``a``, like the product of their matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

_TINY = 1e-12


def _entries(array: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the entries along the last axis; several times faster than np.moveaxis on few vectors."""
    array = np.asarray(array)
    return tuple(array[..., i] for i in range(array.shape[-1]))


def _joined(*entries: np.ndarray) -> np.ndarray:
    """Return entries of one shape along a new last axis; several times faster than np.stack on few vectors."""
    first = np.asarray(entries[0])
    out = np.empty((*first.shape, len(entries)), first.dtype)
    for i, entry in enumerate(entries):
        out[..., i] = entry
    return out


def cross(a: Float[np.ndarray, "*n 3"], b: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Return the cross product; several times faster than np.cross on few vectors."""
    (ax, ay, az), (bx, by, bz) = _entries(a), _entries(b)
    return _joined(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


def quat_identity(*shape: int) -> Float[np.ndarray, "*shape 4"]:
    """Return identity quaternions."""
    quat = np.zeros((*shape, 4))
    quat[..., 0] = 1.0
    return quat


def quat_normalize(quat_wxyz: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Scale to unit length."""
    return quat_wxyz / np.maximum(np.linalg.norm(quat_wxyz, axis=-1, keepdims=True), _TINY)


def quat_multiply(a_wxyz: Float[np.ndarray, "*n 4"], b_wxyz: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Compose two rotations: ``b`` first, then ``a``."""
    aw, ax, ay, az = _entries(a_wxyz)
    bw, bx, by, bz = _entries(b_wxyz)
    return _joined(
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def quat_inverse(quat_wxyz: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Return the opposite rotation of unit quaternions."""
    return np.asarray(quat_wxyz) * np.array([1.0, -1.0, -1.0, -1.0])


def quat_rotate(quat_wxyz: Float[np.ndarray, "*n 4"], xyz: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Rotate vectors."""
    w, x, y, z = _entries(quat_wxyz)
    a, b, c = _entries(xyz)
    # v + w t + q × t with t = 2 q × v, written out: np.cross is many times slower on few vectors
    tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    return _joined(a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx)


def quat_from_rotvec(rotvec_rad: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 4"]:
    """Return the rotation about ``rotvec`` by its length in radians."""
    angle = np.linalg.norm(rotvec_rad, axis=-1, keepdims=True)
    # sin(x/2)/x, by its series where x is small
    half_sinc = np.where(angle < 1e-6, 0.5 - angle**2 / 48.0, np.sin(angle / 2) / np.maximum(angle, _TINY))
    return np.concatenate([np.cos(angle / 2), half_sinc * rotvec_rad], axis=-1)


def quat_from_axis_angle(
    axis: Float[np.ndarray, "*n 3"] | tuple[float, float, float], angle_rad: Float[np.ndarray, "*n"] | float
) -> Float[np.ndarray, "*n 4"]:
    """Return rotations about unit ``axis`` (broadcast) by ``angle_rad``."""
    return quat_from_rotvec(np.asarray(angle_rad)[..., None] * np.asarray(axis, float))


def quat_to_rotvec(quat_wxyz: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 3"]:
    """Return the rotation vector, at most π long."""
    quat = np.where(quat_wxyz[..., :1] < 0, -quat_wxyz, quat_wxyz)
    sine = np.linalg.norm(quat[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, quat[..., :1])
    return quat[..., 1:] * np.where(sine < 1e-9, 2.0, angle / np.maximum(sine, _TINY))


def quat_to_matrix(quat_wxyz: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 3 3"]:
    """Return rotation matrices."""
    w, x, y, z = _entries(quat_wxyz)
    rows = _joined(
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return rows.reshape(*rows.shape[:-1], 3, 3)


def quat_from_matrix(matrix: Float[np.ndarray, "*n 3 3"]) -> Float[np.ndarray, "*n 4"]:
    """Return unit quaternions of rotation matrices (Shepperd's method, w ≥ 0)."""
    m = np.asarray(matrix)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    candidates = np.stack(
        [
            np.stack(
                [
                    1 + m00 + m11 + m22,
                    m[..., 2, 1] - m[..., 1, 2],
                    m[..., 0, 2] - m[..., 2, 0],
                    m[..., 1, 0] - m[..., 0, 1],
                ],
                -1,
            ),
            np.stack(
                [
                    m[..., 2, 1] - m[..., 1, 2],
                    1 + m00 - m11 - m22,
                    m[..., 0, 1] + m[..., 1, 0],
                    m[..., 0, 2] + m[..., 2, 0],
                ],
                -1,
            ),
            np.stack(
                [
                    m[..., 0, 2] - m[..., 2, 0],
                    m[..., 0, 1] + m[..., 1, 0],
                    1 - m00 + m11 - m22,
                    m[..., 1, 2] + m[..., 2, 1],
                ],
                -1,
            ),
            np.stack(
                [
                    m[..., 1, 0] - m[..., 0, 1],
                    m[..., 0, 2] + m[..., 2, 0],
                    m[..., 1, 2] + m[..., 2, 1],
                    1 - m00 - m11 + m22,
                ],
                -1,
            ),
        ],
        -2,
    )
    best = np.argmax(np.stack([m00 + m11 + m22, m00, m11, m22], -1), -1)
    quat = quat_normalize(np.take_along_axis(candidates, best[..., None, None], -2)[..., 0, :])
    return np.where(quat[..., :1] < 0, -quat, quat)


def quat_between(from_xyz: Float[np.ndarray, "*n 3"], to_xyz: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 4"]:
    """Return the shortest rotation that turns one direction into another.

    Opposite directions turn by π about an axis perpendicular to both.
    """
    a = from_xyz / np.maximum(np.linalg.norm(from_xyz, axis=-1, keepdims=True), _TINY)
    b = to_xyz / np.maximum(np.linalg.norm(to_xyz, axis=-1, keepdims=True), _TINY)
    a, b = np.broadcast_arrays(a, b)
    w = 1.0 + np.sum(a * b, -1, keepdims=True)
    quat = np.concatenate([w, np.cross(a, b)], -1)
    away = np.where(np.abs(a[..., :1]) < 0.7, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    half_turn = np.concatenate([np.zeros_like(w), np.cross(a, away)], -1)
    return quat_normalize(np.where(w < 1e-8, half_turn, quat))


def quat_slerp(
    a_wxyz: Float[np.ndarray, "*n 4"], b_wxyz: Float[np.ndarray, "*n 4"], t: Float[np.ndarray, "*n"] | float
) -> Float[np.ndarray, "*n 4"]:
    """Interpolate along the shorter arc; ``t`` 0 gives ``a``, 1 gives ``b``."""
    step = quat_to_rotvec(quat_multiply(quat_inverse(a_wxyz), b_wxyz))
    return quat_multiply(a_wxyz, quat_from_rotvec(np.asarray(t)[..., None] * step))


def quat_continuous(quat_wxyz: Float[np.ndarray, "frames *n 4"]) -> Float[np.ndarray, "frames *n 4"]:
    """Flip signs so that neighbouring frames lie in the same hemisphere."""
    dots = np.sum(quat_wxyz[1:] * quat_wxyz[:-1], axis=-1)
    signs = np.concatenate([np.ones((1, *dots.shape[1:])), np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)])
    return quat_wxyz * signs[..., None]
