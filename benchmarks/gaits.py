"""Footfalls and hooves of the generated gaits, measured back from the posed mesh.

    python benchmarks/gaits.py

For each gait and breed, the largest difference of a limb's phase and duty factor from the table the gait is made from,
how far a toe drifts over a whole stance, and the lowest point of the skin.
"""

from __future__ import annotations

import numpy as np

from kinequimation import skeleton
from kinequimation.body import BREEDS, Body, breed_shape
from kinequimation.motion import make_motion
from kinequimation.motion.table import GAITS

TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
FPS = 200.0
STILL_M_S, LOW_M = 0.4, 0.006
"""A toe stands where it is slower than this and this near to its lowest."""


def measure(gait: str, breed: str) -> tuple[float, float, float, float]:
    """Return errors of phase and duty factor (shares of a stride), toe drift and lowest skin (metres)."""
    body = Body(breed_shape(breed))
    motion = make_motion(gait, body, seconds=3.0, fps=FPS)
    xyz = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)[:, TOES]
    speed = np.linalg.norm(np.gradient(xyz, axis=0), axis=-1) * FPS
    stands = (xyz[..., 2] < xyz[..., 2].min() + LOW_M) & (speed < STILL_M_S)
    landings = [np.flatnonzero(~stands[:-1, i] & stands[1:, i]) + 1 for i in range(4)]
    liftings = [np.flatnonzero(stands[:-1, i] & ~stands[1:, i]) + 1 for i in range(4)]
    table = GAITS[gait]
    stride = float(np.mean([np.diff(at).mean() for at in landings if len(at) > 1]))
    first = int(np.argmin(np.abs(np.array(table.contact_phase) % 1.0)))
    phase_error, duty_error, drift = 0.0, 0.0, 0.0
    for i in range(4):
        phase = (landings[i][0] - landings[first][0]) / stride
        phase_error = max(phase_error, abs((phase - table.contact_phase[i] + 0.5) % 1.0 - 0.5))
        lift = liftings[i][liftings[i] > landings[i][0]][0]
        duty_error = max(duty_error, abs((lift - landings[i][0]) / stride - table.duty[i // 2]))
        standing = motion.contact[:, i] > 0.5
        for frames in np.split(np.arange(len(motion)), np.flatnonzero(np.diff(standing)) + 1):
            if standing[frames[0]]:
                drift = max(drift, float(np.ptp(xyz[frames, i], axis=0).max()))
    lowest = body.vertices(motion.root_xyz_world[::4], motion.quat_wxyz[::4])[..., 2].min()
    return phase_error, duty_error, drift, float(lowest)


def main() -> None:
    """Print the table; the left canter is the mirror image of the right one."""
    print(f"{'gait':14}{'breed':14}{'phase':>8}{'duty':>8}{'drift mm':>10}{'lowest mm':>11}")
    for gait in ("walk", "trot", "canter_right"):
        for breed in BREEDS:
            phase, duty, drift, lowest = measure(gait, breed)
            print(f"{gait:14}{breed:14}{phase:8.3f}{duty:8.3f}{1000 * drift:10.2f}{1000 * lowest:11.2f}")


if __name__ == "__main__":
    main()
