"""Limbs that reach: joint angles that put the toe and the hoof where they must be, near wished-for angles.

All four limbs are solved together. A limb is a chain of six links: shoulder blade (or pelvis), upper arm (thigh),
forearm (gaskin), cannon, pastern, hoof. Its joints turn about X (flexion); the first two and the hoof also turn a
little about Y and Z, so that the toe can be hit exactly when the trunk rolls or turns.

Of all the poses that reach, the one is taken that lies nearest to the wished-for angles, in units of each joint's
*slack*: minimise Σ((θ − θ₀)/slack)² subject to toe and hoof where they must be, by Gauss–Newton on the constraint.
Stifle and hock share a slack, because the reciprocal apparatus couples them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinequimation import skeleton
from kinequimation.geometry.rotation import cross, quat_from_matrix
from kinequimation.motion.limits import JOINT_LIMITS, LIMB_JOINTS, rest_angle_deg

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.body.horse import Body

_J = skeleton.JOINT_INDEX
_FORE = ("DEF-shoulder", "DEF-upper_arm", "DEF-forearm", "DEF-forefoot", "DEF-f_toe", "DEF-f_hoof")
_HIND = ("DEF-pelvis", "DEF-thigh", "DEF-lower_leg", "DEF-hind_foot", "DEF-r_toe", "DEF-r_hoof")
CHAIN: np.ndarray = np.array(
    [[_J[f"{b}.{limb[0]}"] for b in (_FORE if limb[1] == "F" else _HIND)] for limb in skeleton.LIMBS]
)
"""[4, 6] the joints of each limb, in the order of ``skeleton.LIMBS``."""
BASE: np.ndarray = np.array([_J["DEF-spine.006"], _J["DEF-spine.006"], _J["DEF-spine.001"], _J["DEF-spine.001"]])
"""[4] the joint of the trunk that carries each limb."""

# the twelve ways in which a limb turns: the link, and the axis
_LINK = np.array([0, 1, 2, 3, 4, 5, 0, 0, 1, 1, 5, 5])
_AXIS = np.array([0, 0, 0, 0, 0, 0, 1, 2, 1, 2, 1, 2])
_OFF_AXIS_SLACK_DEG = np.array([[5.0, 3.0, 4.0, 4.0, 2.0, 2.0]] * 2 + [[0.0, 0.0, 8.0, 5.0, 2.0, 2.0]] * 2)
_LIMIT_PASSES = 3
_RECIPROCAL = 0.8
"""Share of the slack of stifle and hock that they only have together."""
_MAX_STEP_RAD = 0.5
_TOLERANCE_M = 5e-5
_MIN_ITERATIONS = 3
_HOOF_GIVE_RAD = np.radians(0.4)
"""Slack of a standing hoof's rotation: nothing where joints are free, but limits may tilt it, not move its toe."""
_EXTENDED_DEG = {
    "elbow": 156.0, "carpus": 181.0, "fore_fetlock": 198.0,
    "stifle": 156.0, "hock": 165.0, "hind_fetlock": 198.0,
}  # fmt: skip
"""Flexor-side angles of a limb that is as long as a horse makes it at the ends of its stance (sources, E3)."""


@dataclass(frozen=True)
class Limbs:
    """The four limbs of one body.

    Attributes:
        offset: [4, 7, 3] from the carrying joint to the first link, from link to link, and from the last to the toe.
        longest: [4] from the shoulder joint, or the hip, to the coronet of the extended limb, metres.
    """

    offset: Float[np.ndarray, "4 7 3"]
    longest: Float[np.ndarray, " 4"]

    @classmethod
    def of(cls, body: Body, toes: Float[np.ndarray, "4 3"]) -> Limbs:
        """Read the chains off a body at rest.

        Args:
            body: the horse.
            toes: points of the hooves at rest that will be put in place.
        """
        heads = body.rest_xyz[np.concatenate([BASE[:, None], CHAIN], 1)]
        offset = np.diff(np.concatenate([heads, toes[:, None]], 1), axis=1)
        angle = np.zeros((1, 4, 12))
        for joint, extended in _EXTENDED_DEG.items():
            here, sense = LIMB_JOINTS[joint][1], LIMB_JOINTS[joint][3]
            rest = rest_angle_deg(joint, body.rest_xyz, body.rest_tail_xyz)
            for limb, side in enumerate(name[0] for name in skeleton.LIMBS):
                angle[0, limb, :6][CHAIN[limb] == _J[f"{here}.{side}"]] = np.radians(sense * (rest - extended))
        _, xyz, _, _ = _pose(offset, np.zeros((1, 4, 3)), np.broadcast_to(np.eye(3), (1, 4, 3, 3)), angle)
        return cls(offset, np.linalg.norm(xyz[0, :, 5] - xyz[0, :, 1], axis=-1))

    def overreach(
        self,
        base_xyz: Float[np.ndarray, "frames 4 3"],
        base_R: Float[np.ndarray, "frames 4 3 3"],
        wish_rad: Float[np.ndarray, "frames 4 6"],
        toe_xyz_world: Float[np.ndarray, "frames 4 3"],
        hoof_R: Float[np.ndarray, "frames 4 3 3"],
    ) -> Float[np.ndarray, "frames 4"]:
        """Return how much lower shoulder joint or hip must be for a limb to reach, metres; negative where it need not.

        The shoulder blade is taken to stand as wished. The arguments are those of ``reach``.
        """
        pivot, coronet = self._ends(base_xyz, base_R, wish_rad, toe_xyz_world, hoof_R)
        away = np.sum((pivot - coronet)[..., :2] ** 2, -1)
        return pivot[..., 2] - coronet[..., 2] - np.sqrt(np.maximum(self.longest**2 - away, 0.25 * self.longest**2))

    def within_reach(
        self,
        base_xyz: Float[np.ndarray, "frames 4 3"],
        base_R: Float[np.ndarray, "frames 4 3 3"],
        wish_rad: Float[np.ndarray, "frames 4 6"],
        toe_xyz_world: Float[np.ndarray, "frames 4 3"],
        hoof_R: Float[np.ndarray, "frames 4 3 3"],
        softness_m: float,
    ) -> Float[np.ndarray, "frames 4 3"]:
        """Return the toes drawn towards shoulder joint or hip as far as the limbs are too short for them.

        Args:
            base_xyz, base_R, wish_rad, toe_xyz_world, hoof_R: those of ``reach``.
            softness_m: distance before its full stretch at which a limb begins to draw.
        """
        pivot, coronet = self._ends(base_xyz, base_R, wish_rad, toe_xyz_world, hoof_R)
        limb = coronet - pivot
        far = np.linalg.norm(limb, axis=-1)
        excess = softness_m * np.logaddexp(0.0, (far - self.longest) / softness_m)
        return toe_xyz_world - limb * (excess / far)[..., None]

    def _ends(
        self, base_xyz: np.ndarray, base_R: np.ndarray, wish_rad: np.ndarray, toe: np.ndarray, hoof_R: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return shoulder joint or hip, the blade as wished, and coronet, [T, 4, 3]."""
        coronet = toe - np.einsum("tlab,lb->tla", hoof_R, self.offset[:, 6])
        c, s = np.cos(wish_rad[..., 0]), np.sin(wish_rad[..., 0])
        x, y, z = self.offset[:, 1].T
        to_pivot = self.offset[:, 0] + np.stack([x + 0 * c, c * y - s * z, s * y + c * z], -1)
        return base_xyz + (base_R @ to_pivot[..., None])[..., 0], coronet


def rest_toes(body: Body) -> Float[np.ndarray, "4 3"]:
    """Return the toe landmarks at rest, in the order of ``skeleton.LIMBS``."""
    return body.rest_vertices[body.landmark_vertices[_TOE_LANDMARKS]]


_TOE_LANDMARKS = np.array([skeleton.LANDMARKS.index(skeleton.limb_toe(limb)) for limb in skeleton.LIMBS])


def _link_matrices(angle: np.ndarray) -> np.ndarray:
    """Return the rotation of each link, Ry·Rz·Rx, from its twelve angles [..., 12]."""
    zero = np.zeros_like(angle[..., :3])
    x = angle[..., :6]
    y = np.concatenate([angle[..., 6:7], angle[..., 8:9], zero, angle[..., 10:11]], -1)
    z = np.concatenate([angle[..., 7:8], angle[..., 9:10], zero, angle[..., 11:12]], -1)
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    m = np.empty((*x.shape, 3, 3))
    m[..., 0, 0] = cy * cz
    m[..., 0, 1] = sy * sx - cy * sz * cx
    m[..., 0, 2] = sy * cx + cy * sz * sx
    m[..., 1, 0] = sz
    m[..., 1, 1] = cz * cx
    m[..., 1, 2] = -cz * sx
    m[..., 2, 0] = -sy * cz
    m[..., 2, 1] = cy * sx + sy * sz * cx
    m[..., 2, 2] = cy * cx - sy * sz * sx
    return m


def _pose(
    offset: np.ndarray, base_xyz: np.ndarray, base_R: np.ndarray, angle: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return link rotations, joint positions [..., 6, 3], the toe, and the world axes [..., 12, 3] of the angles."""
    local = _link_matrices(angle)
    R, xyz = base_R, base_xyz
    heads, axes_y, axes_x = [], [], []
    for i in range(6):
        xyz = xyz + np.einsum("tlab,lb->tla", R, offset[:, i])
        heads.append(xyz)
        axes_y.append(R[..., 1])
        R = R @ local[..., i, :, :]
        axes_x.append(R[..., 0])
    toe = xyz + np.einsum("tlab,lb->tla", R, offset[:, 6])
    # the axis of Rz in Ry·Rz·Rx is perpendicular to both others
    axes_z = cross(np.stack(axes_x, -2), np.stack(axes_y, -2))
    off_axis = [axes_y[0], axes_z[..., 0, :], axes_y[1], axes_z[..., 1, :], axes_y[5], axes_z[..., 5, :]]
    return R, np.stack(heads, -2), toe, np.stack([*axes_x, *off_axis], -2)


def _rotation_error(R: np.ndarray, R_target: np.ndarray) -> np.ndarray:
    """Return about the rotation vector, in the world, from one rotation to the other (exact where it is zero)."""
    E = R_target @ np.swapaxes(R, -1, -2)
    v = np.stack([E[..., 2, 1] - E[..., 1, 2], E[..., 0, 2] - E[..., 2, 0], E[..., 1, 0] - E[..., 0, 1]], -1) / 2
    cosine = (np.trace(E, axis1=-2, axis2=-1) - 1) / 2
    return v * (2.0 / np.maximum(1.0 + cosine, 0.3))[..., None]


def _limit_box() -> tuple[np.ndarray, np.ndarray]:
    """Return lowest and highest of the twelve angles of each limb [4, 12]."""
    box = np.moveaxis(JOINT_LIMITS[CHAIN[:, _LINK], :, _AXIS], -1, 0)
    # the box holds rotation vectors: a bit tighter for angles about three axes in turn
    tighter = np.where(_AXIS == 0, 1.0, 0.72)
    slack = np.where((_AXIS == 0) & (_LINK < 5) & (box[1] > box[0]), np.radians(2.3), 0.0)
    return box[0] * tighter + slack, box[1] * tighter - slack


_LOW, _HIGH = _limit_box()


def reach(
    limbs: Limbs,
    base_xyz: Float[np.ndarray, "frames 4 3"],
    base_R: Float[np.ndarray, "frames 4 3 3"],
    wish_rad: Float[np.ndarray, "frames 4 6"],
    slack_rad: Float[np.ndarray, "frames 4 6"],
    toe_xyz_world: Float[np.ndarray, "frames 4 3"],
    hoof_R: Float[np.ndarray, "frames 4 3 3"],
    hoof_slack_rad: Float[np.ndarray, "frames 4"],
    max_iterations: int = 16,
    tolerance_m: Float[np.ndarray, "frames 4"] | float = _TOLERANCE_M,
) -> Float[np.ndarray, "frames 4 6 4"]:
    """Find joint rotations that put toes and hooves where they must be.

    Args:
        limbs: the chains.
        base_xyz: position of the joint that carries each limb.
        base_R: its rotation from rest.
        wish_rad: wished-for turn of each link about X, relative to the link above.
        slack_rad: how willingly each link departs from the wish.
        toe_xyz_world: where the toes must be.
        hoof_R: rotation of the hooves from rest.
        hoof_slack_rad: how far a hoof may be from that rotation, as willingly as the links.
        max_iterations: of the solver; it stops earlier when all toes are in place.
        tolerance_m: how near to its place a toe must be for that.

    Returns:
        unit quaternions of the six links relative to their parents.
    """
    n = wish_rad.shape[:2]
    wish = np.concatenate([wish_rad, np.zeros((*n, 6))], -1)
    variance = np.concatenate([slack_rad**2, np.broadcast_to(np.radians(_OFF_AXIS_SLACK_DEG) ** 2, (*n, 6))], -1)
    wish = np.clip(wish, _LOW, _HIGH)
    angle = best = wish
    least = np.full(n, np.inf)  # joints that go in and out of their limits can swing for ever: keep the nearest
    give = np.full((*n, 6), 1e-9)
    give[..., 3:] = np.maximum(hoof_slack_rad, _HOOF_GIVE_RAD)[..., None] ** 2
    for i in range(max_iterations):
        R, heads, toe, axes = _pose(limbs.offset, base_xyz, base_R, angle)
        error = np.concatenate([toe_xyz_world - toe, _rotation_error(R, hoof_R)], -1)
        miss = np.abs(error[..., :3]).max(-1)
        better = miss <= np.maximum(least, _TOLERANCE_M)
        best, least = np.where(better[..., None], angle, best), np.where(better, miss, least)
        if i >= _MIN_ITERATIONS and (miss < tolerance_m).all():
            break
        arm = toe[..., None, :] - heads[..., _LINK, :]
        J = np.concatenate([cross(axes, arm), axes], -1)  # [..., 12, 6], transposed
        # in the end only hit the target: the way back to the wish, taken whole, can overshoot for ever
        near_wish = angle + min(1.0, 0.6 ** (i - 2)) * (wish - angle)
        solution = _nearest(J, error, angle, near_wish, variance, give)
        angle = np.clip(angle + np.clip(solution - angle, -_MAX_STEP_RAD, _MAX_STEP_RAD), _LOW, _HIGH)
    return quat_from_matrix(_link_matrices(best))


def _nearest(
    J: np.ndarray, error: np.ndarray, angle: np.ndarray, wish: np.ndarray, variance: np.ndarray, give: np.ndarray
) -> np.ndarray:
    """Return the angles nearest to the wish that remove the error, to first order, within the limits."""
    W = np.zeros((*variance.shape, 12))
    for _ in range(_LIMIT_PASSES):
        W[..., range(12), range(12)] = variance
        together = _RECIPROCAL * np.sqrt(variance[:, 2:, 2] * variance[:, 2:, 3])
        W[:, 2:, 2, 3] = W[:, 2:, 3, 2] = -together  # stifle flexes by +X, hock by −X
        WJ = W @ J
        A = np.swapaxes(J, -1, -2) @ WJ
        A[..., range(6), range(6)] += give
        b = error + np.einsum("tlij,tli->tlj", J, angle - wish)
        solution = wish + np.einsum("tlij,tlj->tli", WJ, np.linalg.solve(A, b[..., None])[..., 0])
        limited = np.clip(solution, _LOW, _HIGH)
        outside = np.abs(limited - solution) > 1e-4
        if not outside.any():
            break
        # a joint that meets its limit stays there and leaves the rest of the way to the others
        wish = np.where(outside, limited, wish)
        variance = np.where(outside, variance * 1e-3, variance)
    return solution
