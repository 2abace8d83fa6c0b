"""What lifting and fitting make of true 2D keypoints of a generated horse, filmed by a tripod camera that pans.

    python benchmarks/fit.py [--seconds 4] [--fps 30]

Errors after the best similarity transform of each frame (PA), in per cent of withers height.
"""

from __future__ import annotations

import argparse

import numpy as np

from kinequimation import skeleton
from kinequimation.body import Body, breed_shape
from kinequimation.fit import Observation, fit
from kinequimation.geometry.align import similarity_transform
from kinequimation.geometry.camera import default_intrinsics, look_at, project_cam
from kinequimation.geometry.rotation import quat_rotate
from kinequimation.lift import Lifter
from kinequimation.motion import Motion, make_motion

WIDTH, HEIGHT, DISTANCE_M, EYE_HEIGHT_M = 640, 360, 7.0, 1.5
TOES = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]


def pa_error(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return [T, K] distances after aligning each frame."""
    errors = []
    for a, b in zip(found, true, strict=True):
        scale, R, t = similarity_transform(a, b)
        errors.append(np.linalg.norm(scale * a @ R.T + t - b, axis=-1))
    return np.array(errors)


def turned_deg(motion: Motion) -> float:
    """Return how far the horse's heading wanders over the clip."""
    forward = quat_rotate(motion.quat_wxyz[:, 0], np.array([0.0, -1.0, 0.0]))
    return float(np.degrees(np.ptp(np.unwrap(np.arctan2(forward[:, 0], -forward[:, 1])))))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--fps", type=float, default=30.0)
    args = parser.parse_args()
    lifter, shape = Lifter(device="cpu"), breed_shape("warmblood")
    body, K = Body(shape), default_intrinsics(WIDTH, HEIGHT)
    head = ("lifted PA", "hooves", "fitted PA", "hooves", "way m", "true m", "turned", "contacts right")
    print(f"{'gait':14}" + "".join(f"{h:>11}" for h in head[:-1]) + f"{head[-1]:>16}")
    for gait in ("walk", "trot", "canter_left"):
        motion = make_motion(gait, body, seconds=args.seconds, fps=args.fps)
        xyz = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)
        trunk = xyz[:, skeleton.KEYPOINT_INDEX["DEF-spine.004"]]
        eye = np.array(
            [0.5 * (trunk[0, 0] + trunk[-1, 0]) + DISTANCE_M, 0.5 * (trunk[0, 1] + trunk[-1, 1]), EYE_HEIGHT_M]
        )
        T = np.stack([look_at(eye, at * [1, 1, 0.75]) for at in trunk])
        cam = np.einsum("tab,tkb->tka", T[:, :3, :3], xyz) + T[:, None, :3, 3]
        uv_px, sure = project_cam(K, cam), np.ones(cam.shape[:2])
        lifted = lifter.lift(uv_px, sure, K, motion.t_s)
        observation = Observation(
            xyz_cam=lifted.xyz_cam,
            root_xyz_cam=lifted.root_xyz_cam,
            up_cam=lifted.up_cam,
            contact=lifted.contact,
            sigma=lifted.sigma,
            uv_px=uv_px,
            confidence=sure,
            K=K,
            t_s=motion.t_s,
            fps=args.fps,
            frame_confidence=np.ones(len(motion)),
        )
        found = fit(observation, shape).motion
        fitted = Body(found.shape).keypoints(found.root_xyz_world, found.quat_wxyz)
        unit = 100 / shape.withers_height_m
        true = (cam - cam[:, [SACRUM]]) * unit
        lift_error, fit_error = pa_error(lifted.xyz_cam, true), pa_error(fitted, true)
        way, true_way = (np.linalg.norm(np.ptp(m.root_xyz_world[[0, -1], :2], axis=0)) for m in (found, motion))
        right = np.mean((found.contact > 0.5) == (motion.contact > 0.5))
        row = (
            lift_error.mean(),
            lift_error[:, TOES].mean(),
            fit_error.mean(),
            fit_error[:, TOES].mean(),
            way,
            true_way,
        )
        print(f"{gait:14}" + "".join(f"{v:11.2f}" for v in row) + f"{turned_deg(found):10.1f}°{100 * right:15.1f}%")


if __name__ == "__main__":
    main()
