"""Every gait measured back from the posed mesh, against the published footfalls and joint limits.

    python benchmarks/gaits.py [--gaits trot,walk] [--breeds shire,arabian] [--rows 40]

For each gait, breed and speed (slow, usual, fast): the largest difference of a limb's contact phase and of its duty
factor from the table, how far a toe drifts over a whole stance, how deep the skin goes into the ground, and by how
much a limb joint leaves its limits. Worst rows first. Exit code 1 if a bound is broken. The numbers to compare with are
written out here a second time (docs/sources.md, E1 and E3), not taken from the code that makes the gaits.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from kinequimation import skeleton
from kinequimation.body import BREEDS, Body, breed_shape
from kinequimation.body.horse import load_template
from kinequimation.motion import Motion, joint_angles, make_motion

TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
REFERENCE_HEIGHT_M = 1.60
STILL_M_S, LOW_M = 0.2, 0.002
"""A toe stands where it is slower than this and this near to its lowest."""
FRAMES_A_STRIDE = 240
SHORTEST_SWING = 0.1

# gait: slow, usual and fast speed at 1.60 m; then anchors, each the speed at which the numbers hold, the contact phase
# of LF, RF, LH, RH and the duty factor of fore and hind. Between anchors the numbers go straight.
E1: dict[str, tuple[tuple[float, float, float], list[tuple[float, tuple[float, ...], tuple[float, float]]]]] = {
    "walk": (
        (0.5, 1.5, 2.0),
        [(0.8, (0.22, 0.72, 0.0, 0.5), (0.69, 0.68)), (1.5, (0.23, 0.73, 0.0, 0.5), (0.63, 0.62))],
    ),
    "trot": (
        (2.6, 3.6, 14.2),
        [
            (2.8, (0.52, 0.02, 0.0, 0.5), (0.44, 0.40)),
            (3.6, (0.53, 0.03, 0.0, 0.5), (0.40, 0.36)),
            (4.2, (0.53, 0.03, 0.0, 0.5), (0.40, 0.36)),
            (5.25, (0.54, 0.04, 0.0, 0.5), (0.35, 0.32)),
            (11.5, (0.52, 0.02, 0.0, 0.5), (0.25, 0.24)),
        ],
    ),
    "jog": ((1.6, 2.1, 2.6), [(2.1, (0.5, 0.0, 0.0, 0.5), (0.52, 0.50))]),
    "piaffe": ((0.0, 0.15, 0.3), [(0.15, (0.48, 0.98, 0.0, 0.5), (0.52, 0.58))]),
    "passage": ((1.3, 1.6, 1.9), [(1.6, (0.52, 0.02, 0.0, 0.5), (0.44, 0.42))]),
    "pace": (
        (4.0, 7.0, 14.0),
        [(7.0, (0.08, 0.58, 0.0, 0.5), (0.33, 0.36)), (11.5, (0.10, 0.60, 0.0, 0.5), (0.26, 0.28))],
    ),
    "tolt": (
        (2.9, 3.8, 8.0),
        [(3.8, (0.25, 0.75, 0.0, 0.5), (0.42, 0.46)), (6.35, (0.21, 0.71, 0.0, 0.5), (0.36, 0.40))],
    ),
    "fox_trot": ((2.2, 2.9, 3.6), [(2.9, (0.40, 0.90, 0.0, 0.5), (0.52, 0.55))]),
    "canter_right": (
        (2.8, 4.4, 7.5),
        [
            (3.1, (0.30, 0.55, 0.0, 0.25), (0.43, 0.46)),
            (4.4, (0.27, 0.52, 0.0, 0.24), (0.37, 0.39)),
            (4.9, (0.27, 0.52, 0.0, 0.24), (0.37, 0.39)),
            (6.4, (0.27, 0.52, 0.0, 0.22), (0.31, 0.32)),
        ],
    ),
    "gallop_right": (
        (9.0, 13.0, 17.0),
        [
            (9.0, (0.41, 0.615, 0.0, 0.19), (0.265, 0.287)),
            (13.0, (0.425, 0.645, 0.0, 0.195), (0.22, 0.25)),
            (17.0, (0.44, 0.673, 0.0, 0.20), (0.184, 0.224)),
        ],
    ),
}
# stride frequency in Hz that belongs to slow, usual and fast: limits between which it must lie at 1.60 m
E1_FREQUENCY_HZ = {
    "walk": ((0.55, 0.80), (0.80, 1.00), (0.80, 1.00)), "trot": ((1.25, 1.32), (1.28, 1.55), (2.0, 2.5)),
    "jog": ((1.1, 1.3),) * 3, "piaffe": ((0.90, 1.05),) * 3, "passage": ((0.88, 1.0),) * 3,
    "pace": ((1.6, 2.2), (1.6, 2.2), (2.0, 2.5)), "tolt": ((1.6, 2.0), (1.6, 2.0), (2.0, 2.4)),
    "fox_trot": ((1.2, 1.5),) * 3, "canter_right": ((1.55, 1.68), (1.60, 1.75), (1.70, 1.90)),
    "gallop_right": ((2.0, 2.02), (2.19, 2.21), (2.37, 2.39)),
}  # fmt: skip
E3_LIMITS_DEG = {
    "shoulder": (80, 145), "elbow": (55, 160), "carpus": (35, 190), "fore_fetlock": (95, 255), "hip": (60, 140),
    "stifle": (60, 165), "hock": (50, 170), "hind_fetlock": (90, 250),
}  # fmt: skip
BOUNDS = {"phase": 0.02, "duty": 0.03, "drift_mm": 5.0, "depth_mm": 3.0, "beyond_deg": 0.1}


@dataclass(frozen=True)
class Row:
    """What one gait of one breed at one speed measures."""

    gait: str
    breed: str
    speed: str
    phase: float
    duty: float
    drift_mm: float
    depth_mm: float
    beyond_deg: float
    joint: str
    frequency_hz: float  # as of a horse of 1.60 m

    @property
    def badness(self) -> float:
        """The largest measure as a multiple of its bound."""
        return max(
            self.phase / BOUNDS["phase"], self.duty / BOUNDS["duty"], self.drift_mm / BOUNDS["drift_mm"],
            self.depth_mm / BOUNDS["depth_mm"], self.beyond_deg / BOUNDS["beyond_deg"],
        )  # fmt: skip


def expected(gait: str, speed_mps: float) -> tuple[np.ndarray, np.ndarray]:
    """Return contact phases and duty factors of the four limbs at a speed of a horse of 1.60 m."""
    _, anchors = E1[gait.replace("_left", "_right")]
    v = [a[0] for a in anchors]
    phase = np.array([np.interp(speed_mps, v, [a[1][i] for a in anchors]) for i in range(4)])
    duty = np.array([np.interp(speed_mps, v, [a[2][i // 2] for a in anchors]) for i in range(4)])
    return (phase[[1, 0, 3, 2]] if gait.endswith("_left") else phase), duty


def stances(body: Body, motion: Motion) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the toes [T, 4, 3] and, for each limb, the times of landing and of lifting, seconds.

    A toe that slows down passes ``STILL_M_S`` between two frames: the time is interpolated.
    """
    xyz = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)[:, TOES]
    speed = np.linalg.norm(np.diff(xyz, axis=0), axis=-1) * motion.fps
    middle = 0.5 * (motion.t_s[1:] + motion.t_s[:-1])
    events = []
    for i in range(4):
        still = (speed[:, i] < STILL_M_S) & (xyz[1:, i, 2] < xyz[:, i, 2].min() + LOW_M)
        # a limb that gives way by a millimetre while it stands has not lifted
        edges = np.flatnonzero(np.diff(still.astype(int))) + 1
        for gap in np.split(np.arange(len(still)), edges)[1:-1]:
            if not still[gap[0]] and len(gap) < SHORTEST_SWING * FRAMES_A_STRIDE:
                still[gap] = True
        on = np.flatnonzero(~still[:-1] & still[1:])
        off = np.flatnonzero(still[:-1] & ~still[1:])
        events.append((middle[on] + 0.5 / motion.fps, middle[off] + 0.5 / motion.fps))
    return xyz, events


def measure(gait: str, breed: str, speed: str, body: Body) -> Row:
    """Make the gait, pose the mesh, and measure it."""
    speeds, _ = E1[gait.replace("_left", "_right")]
    at = speeds[("slow", "usual", "fast").index(speed)]
    froude = np.sqrt(body.shape.withers_height_m / REFERENCE_HEIGHT_M)
    one = make_motion(gait, body, speed_mps=at * froude, fps=FRAMES_A_STRIDE)
    stride_s = one.duration_s
    motion = make_motion(gait, body, seconds=2.6 * stride_s, speed_mps=at * froude, fps=FRAMES_A_STRIDE / stride_s)
    xyz, events = stances(body, motion)
    phases, duties = expected(gait, at)
    first = int(np.argmin(np.abs(phases)))
    stride = float(np.mean([np.diff(on).mean() for on, _ in events if len(on) > 1]))
    phase_error = duty_error = drift = 0.0
    for i, (on, off) in enumerate(events):
        phase = (on[0] - events[first][0][0]) / stride
        phase_error = max(phase_error, abs((phase - phases[i] + 0.5) % 1.0 - 0.5))
        stood = (off[off > on[0]][0] - on[0]) / stride
        duty_error = max(duty_error, abs(stood - duties[i]))
        standing = motion.contact[:, i] > 0.5
        for frames in np.split(np.arange(len(motion)), np.flatnonzero(np.diff(standing)) + 1):
            if standing[frames[0]]:
                drift = max(drift, float(np.ptp(xyz[frames, i], axis=0).max()))
    some = slice(0, FRAMES_A_STRIDE, 5)
    skin = load_template().is_skin  # feather and tail may brush the ground
    lowest = body.vertices(motion.root_xyz_world[some], motion.quat_wxyz[some])[:, skin, 2].min()
    beyond, joint = -np.inf, ""
    angles = joint_angles(body, motion)
    for name, (low, high) in E3_LIMITS_DEG.items():
        for side in "LR":
            angle = angles[f"{name}.{side}"]
            out = max(low - float(angle.min()), float(angle.max()) - high)
            if out > beyond:
                beyond, joint = out, f"{name}.{side}"
    return Row(
        gait, breed, speed, phase_error, duty_error, 1e3 * drift, -1e3 * float(lowest), beyond, joint,
        froude / stride,
    )  # fmt: skip


def main() -> int:
    """Print the table; return 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*E1, "canter_left", "gallop_left"]
    parser.add_argument("--gaits", default=",".join(names))
    parser.add_argument("--breeds", default=",".join(BREEDS))
    parser.add_argument("--rows", type=int, default=40, help="rows to print; default: the 40 worst")
    args = parser.parse_args()
    rows = []
    for breed in args.breeds.split(","):
        body = Body(breed_shape(breed))
        for gait in args.gaits.split(","):
            rows += [measure(gait, breed, speed, body) for speed in ("slow", "usual", "fast")]
    rows.sort(key=lambda r: -r.badness)
    print(
        f"{'gait':13}{'breed':15}{'speed':7}{'phase':>7}{'duty':>7}{'drift mm':>10}{'depth mm':>10}"
        f"{'beyond °':>10} {'joint':16}{'Hz at 1.60 m':>12}  E1"
    )
    for r in rows[: args.rows]:
        low, high = E1_FREQUENCY_HZ[r.gait.replace("_left", "_right")][("slow", "usual", "fast").index(r.speed)]
        print(
            f"{r.gait:13}{r.breed:15}{r.speed:7}{r.phase:7.3f}{r.duty:7.3f}{r.drift_mm:10.2f}{r.depth_mm:10.2f}"
            f"{r.beyond_deg:10.1f} {r.joint:16}{r.frequency_hz:12.2f}  {low}-{high}"
        )
    broken = [r for r in rows if r.badness > 1.0]
    print(f"{len(rows)} rows, {len(broken)} break a bound: {BOUNDS}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
