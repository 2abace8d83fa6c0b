"""Changes of form that no stretch of a bone makes: each a displacement of the template's points per unit of one
parameter, in the rest pose, before the bones are stretched. All amounts are judgement, from pictures of breeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton

if TYPE_CHECKING:
    from jaxtyping import Float

_POLL = np.array([0.0, -1.315, 1.895])
_HEAD_AXIS = np.array([0.0, -0.5740, -0.8189])
_HEAD_UP = np.array([0.0, -0.8189, 0.5740])
_NECK_ORIGIN = np.array([0.0, -0.60, 1.33])
_NECK_AXIS = np.array([0.0, -0.8376, 0.5462])
_NECK_UP = np.array([0.0, 0.5462, 0.8376])
_EYE = np.array([0.085, -1.4555, 1.731])
_TEMPLATE_WITHERS_M = 1.64

NEUTRAL: dict[str, float] = {
    "hindquarters": 1.0,
    "withers": 1.0,
    "back_dip": 0.0,
    "belly": 0.0,
    "neck_crest": 0.0,
    "head_dish": 0.0,
    "muzzle_size": 1.0,
    "jowl": 1.0,
    "eye_size": 1.0,
    "joint_size": 1.0,
    "croup_slope_deg": 0.0,
}
"""The parameters made here, and their values at the template."""


def _rise(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return a smooth step from 0 at ``low`` to 1 at ``high`` (which may be the smaller of the two)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _hump(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.exp(-(((x - centre) / width) ** 2))


def _share(weights: np.ndarray, *stems: str) -> np.ndarray:
    columns = [j for j, name in enumerate(skeleton.JOINTS) if name.startswith(tuple(f"DEF-{s}" for s in stems))]
    return weights[:, columns].sum(1)


def displacements(
    xyz: Float[np.ndarray, "n 3"], weights: Float[np.ndarray, "n 81"]
) -> Float[np.ndarray, "parameters n 3"]:
    """Return the displacement of points of the template per unit of each parameter of ``NEUTRAL``, in its order.

    Args:
        xyz: points of the template, metres.
        weights: the skin weights by which they follow the body.
    """
    x, y, z = xyz.T
    side = np.sign(x)
    out = {name: np.zeros_like(xyz) for name in NEUTRAL}
    head = _share(weights, "head", "jaw", "ear", "skull")
    neck = _share(weights, "neck", "mane") + _share(weights, "spine.006") * _rise(y, -0.50, -0.62)
    trunk = _share(weights, "spine", "pelvis", "thigh", "shoulder", "upper_arm")
    limb = _share(weights, "forearm", "forefoot", "f_toe", "lower_leg", "hind_foot", "r_toe")

    rear = _rise(y, 0.30, 0.52) * _rise(z, 0.74, 1.02) * _rise(z, 1.62, 1.40) * _rise(y, 0.98, 0.92)
    centre = np.clip(0.19 * _rise(z, 1.20, 0.95), 0, 0.19)  # below the stifle each leg thickens about itself
    out["hindquarters"][:, 0] = rear * (x - side * centre)
    out["hindquarters"][:, 1] = rear * 0.35 * (y - 0.62) * _rise(z, 0.80, 1.10)

    ridge = _hump(y, -0.40, 0.17) * _rise(z, 1.46, 1.62)
    out["withers"][:, 2] = 0.040 * ridge
    back = _hump(y, 0.06, 0.22) * _rise(z, 1.15, 1.50) * trunk
    out["back_dip"][:, 2] = -_TEMPLATE_WITHERS_M * back

    under = _rise(z, 1.30, 0.95) * _rise(y, -0.40, -0.05) * _rise(y, 0.50, 0.30) * _share(weights, "spine")
    out["belly"][:, 2] = -0.065 * under * _rise(y, -0.5, 0.25)
    bulge = _hump(z, 1.12, 0.20) * _rise(y, -0.35, 0.05) * _rise(y, 0.45, 0.25) * _share(weights, "spine")
    out["belly"][:, 0] = 0.10 * bulge * x

    n = xyz - _NECK_ORIGIN
    along, above = n @ _NECK_AXIS, n @ _NECK_UP
    arch = _rise(along, 0.10, 0.45) * _rise(along, 0.98, 0.70) * neck * (1 - head)
    out["neck_crest"] += (0.048 * arch * _rise(above, -0.02, 0.16))[:, None] * _NECK_UP
    out["neck_crest"][:, 0] += 0.30 * arch * _hump(above, 0.12, 0.07) * x

    h = xyz - _POLL
    s, v = h @ _HEAD_AXIS, h @ _HEAD_UP
    face = head * _rise(v, -0.06, 0.02) * (1 - _share(weights, "ear"))
    profile = 0.012 * _hump(s, 0.17, 0.07) - 0.021 * _hump(s, 0.40, 0.10) + 0.007 * _hump(s, 0.58, 0.05)
    out["head_dish"] += (face * profile)[:, None] * _HEAD_UP

    muzzle = head * _rise(s, 0.34, 0.58)
    out["muzzle_size"] += (muzzle * (v + 0.040))[:, None] * _HEAD_UP
    out["muzzle_size"][:, 0] += muzzle * x
    cheek = head * _rise(s, 0.06, 0.18) * _rise(s, 0.44, 0.28) * _rise(v, -0.05, -0.14)
    out["jowl"] += (cheek * (v + 0.05))[:, None] * _HEAD_UP
    out["jowl"][:, 0] += 0.7 * cheek * x

    eye = _EYE * [1.0, 1, 1]
    from_eye = xyz - np.stack([side * eye[0], np.full_like(y, eye[1]), np.full_like(z, eye[2])], -1)
    near_eye = head * _rise(np.linalg.norm(from_eye, axis=1), 0.055, 0.026)
    out["eye_size"] += near_eye[:, None] * from_eye

    fore = y < 0.1
    mid_x = np.where(fore, 0.164, 0.193) * side
    knee = np.where(fore, _hump(z, 0.475, 0.060), _hump(z, 0.615, 0.080))
    knee_y = np.where(fore, -0.541, 0.762)
    fetlock = np.where(fore, _hump(z, 0.215, 0.040), _hump(z, 0.200, 0.040))
    fetlock_y = np.where(fore, -0.515, 0.690)
    out["joint_size"][:, 0] = limb * (knee + fetlock) * (x - mid_x)
    out["joint_size"][:, 1] = limb * (knee * (y - knee_y) + fetlock * (y - fetlock_y))

    fall = _rise(y, 0.42, 0.62) * _rise(z, 1.02, 1.42)
    out["croup_slope_deg"][:, 2] = -np.tan(np.deg2rad(1.0)) * fall * (y - 0.48)
    return np.stack([out[name] for name in NEUTRAL])
