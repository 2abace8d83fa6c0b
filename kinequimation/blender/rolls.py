"""Which way the bones of Rigify's horse are rolled, and how that follows a bone that lies another way.

A bone's axes at rest are Blender's: y from head to tail, z as below, x completes them. A roll in radians says little
where a bone points along −y, as the whole back does (Blender measures it from a frame that turns over there), so the
z axis itself is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import cross, quat_between, quat_rotate

if TYPE_CHECKING:
    from jaxtyping import Float

_Z_AXES: dict[str, tuple[float, float, float]] = {
    "breast.L": (0.0000, 0.4675, -0.8840),
    "chest": (0.0000, 0.9999, -0.0144),
    "ear.L": (0.0838, -0.8634, -0.4976),
    "ear.L.001": (0.0833, -0.8635, -0.4974),
    "eye.L": (-0.0734, -0.0685, 0.9949),
    "f_hoof.L": (-0.0008, -0.8158, 0.5783),
    "f_toe.L": (0.0000, -0.9140, 0.4056),
    "forearm.L": (0.0003, -0.9998, 0.0175),
    "forearm.L.001": (0.0003, -0.9998, 0.0175),
    "forefoot.L": (0.0002, -0.9962, -0.0875),
    "forefoot.L.001": (0.0002, -0.9962, -0.0875),
    "head": (0.0000, 0.2106, -0.9776),
    "hind_foot.L": (-0.0040, 0.9840, -0.1780),
    "hind_foot.L.001": (-0.0040, 0.9840, -0.1780),
    "jaw": (0.0000, 0.6953, -0.7187),
    "jaw.001": (0.0000, 0.8618, -0.5073),
    "lower_leg.L": (-0.0049, 0.8998, 0.4363),
    "lower_leg.L.001": (-0.0049, 0.8998, 0.4363),
    "neck.001": (0.0000, -0.7598, -0.6501),
    "neck.002": (0.0000, -0.7570, -0.6534),
    "neck.003": (0.0000, -0.4622, -0.8868),
    "neck.004": (0.0000, -0.1198, -0.9928),
    "nose.L": (-0.1063, -0.0587, 0.9926),
    "pelvis.L": (-0.6709, -0.5706, -0.4736),
    "r_hoof.L": (-0.0033, 0.9263, -0.3767),
    "r_toe.L": (-0.0028, 0.8639, -0.5036),
    "shoulder.L": (0.0342, 0.8966, -0.4415),
    "skull": (0.0000, 0.8113, -0.5846),
    "skull.L": (0.0001, 0.9132, -0.4076),
    "spine.001": (0.0000, 0.0000, 1.0000),
    "spine.002": (0.0000, 0.3448, -0.9387),
    "spine.003": (0.0000, 0.2243, -0.9745),
    "spine.004": (0.0000, 0.0590, -0.9983),
    "spine.005": (0.0000, -0.0383, -0.9993),
    "spine.006": (0.0000, -0.2514, -0.9679),
    "tail.001": (0.0000, 0.0992, 0.9951),
    "tail.002": (0.0000, 0.6808, 0.7325),
    "tail.003": (0.0000, 0.5469, 0.8372),
    "tail.004": (0.0000, 0.2459, 0.9693),
    "tail.005": (0.0000, -0.0350, 0.9994),
    "thigh.L": (-0.0040, 0.9843, -0.1767),
    "thigh.L.001": (-0.0040, 0.9843, -0.1767),
    "upper_arm.L": (0.0000, -0.8966, -0.4428),
    "upper_arm.L.001": (0.0000, -0.8966, -0.4428),
    "mane_base.01": (0.0000, -0.9934, -0.1149),
    "mane_base.02": (0.0000, -0.9722, 0.2340),
    "mane_base.03": (0.0000, -0.8970, 0.4421),
    "mane_base.04": (0.0000, -0.8338, 0.5520),
    "mane_base.05": (0.0000, -0.8193, 0.5734),
    "mane_base.06": (0.0000, -0.5465, -0.8375),
    "mane_top.01": (0.0000, -0.9934, -0.1149),
    "mane_top.02": (0.0000, -0.9720, 0.2348),
    "mane_top.03": (0.0000, -0.8967, 0.4425),
    "mane_top.04": (0.0000, -0.8338, 0.5520),
    "mane_top.05": (0.0000, -0.8199, 0.5726),
    "mane_top.06": (0.0000, -0.5473, -0.8369),
}  # fmt: skip
"""z axes of the bones on the left and in the middle, read off the rig that Blender 4.5.15's Rigify generates from its
horse metarig. Those on the right are mirror images, to 0.1 degrees."""


def _template_z(bone: str) -> tuple[float, float, float]:
    name = bone.removeprefix("DEF-")
    if name in _Z_AXES:
        return _Z_AXES[name]
    x, y, z = _Z_AXES[skeleton.MIRROR[bone].removeprefix("DEF-")]
    return -x, y, z


_TEMPLATE_Z = np.array([(0.0, 0.0, 1.0), *(_template_z(b) for b in skeleton.BONES)])
_TEMPLATE_Y = skeleton.REST_TAIL_XYZ - skeleton.REST_HEAD_XYZ


def rest_z_axes(
    rest_xyz: Float[np.ndarray, "81 3"], rest_tail_xyz: Float[np.ndarray, "81 3"]
) -> Float[np.ndarray, "81 3"]:
    """Return the z axis of each bone at rest, in the order of ``skeleton.JOINTS``.

    A bone that lies another way than the template's is rolled as if it had been turned there the shortest way.

    Args:
        rest_xyz, rest_tail_xyz: of a ``Body``, metres, world.
    """
    along = rest_tail_xyz - rest_xyz
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    z = quat_rotate(quat_between(_TEMPLATE_Y, along), _TEMPLATE_Z)
    x = cross(along, z)
    z = cross(x, along)
    return z / np.linalg.norm(z, axis=1, keepdims=True)
