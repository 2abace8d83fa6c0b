"""What lifting and fitting make of the clips of ``clips3d``, beside the lifter alone and a simpler way from its points.

    python benchmarks/fit.py [--quick] [--weights FILE] [--cache DIR] [--no-true] [--no-drawn] [--default-k] [--clips]
                             [--picture FILE]

The rows: *truth* is the clip itself, a check of the measures. *lifter* is its raw points; it has no world, so it is
given the true camera's place and rotation and keeps its own root. *IK* poses a body of constant bones (the one of our
fit) to the lifter's points, frame by frame, in the same borrowed world; *IK + One-Euro* then filters its root and its
rotations (``one_euro``). *fit* is ours: nothing of the true camera is known to it but K (with --default-k not even
that). All are told the withers height. The columns are explained in ``fit_scores``.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from clips3d import CACHE, Clip3D, Seen2D, network_2d, test_clips, to_cam
from fit_scores import SACRUM, Answer, Scores, answer_of, print_table, score
from one_euro import one_euro, one_euro_quat

from kinequimation import metrics, skeleton
from kinequimation.body import Body, Shape
from kinequimation.fit import Observation, fit
from kinequimation.fit.pose import CHUNK, solve_pose
from kinequimation.geometry.rotation import quat_from_matrix, quat_multiply, quat_rotate
from kinequimation.lift import Lifted, Lifter
from kinequimation.lift.evaluate import LEAST_POINTS
from kinequimation.pose2d.estimator import load_estimator
from kinequimation.viz.errors3d import draw_errors_3d


def _lifter_alone(clip: Clip3D, lifted: Lifted) -> Answer:
    R, t = clip.T_cam_world[:, :3, :3], clip.T_cam_world[:, :3, 3]
    cam = (lifted.xyz_cam + lifted.root_xyz_cam[:, None]) * clip.height_m
    return Answer(np.einsum("tba,tkb->tka", R, cam - t[:, None]), clip.T_cam_world, lifted.contact)


def _frame_by_frame(clip: Clip3D, lifted: Lifted, shape: Shape) -> tuple[Answer, Answer]:
    """Return the baseline: each frame's inverse kinematics alone; and the same after the One-Euro filter."""
    body, n = Body(shape), len(clip.motion)
    R, t = clip.T_cam_world[:, :3, :3], clip.T_cam_world[:, :3, 3]
    root, quat = np.zeros((n, 3)), np.zeros((n, skeleton.NUM_JOINTS, 4))
    for start in range(0, n, CHUNK):
        rows = slice(start, start + CHUNK)
        target = (lifted.xyz_cam[rows] + lifted.root_xyz_cam[rows, None]) * clip.height_m
        weight = (np.maximum(lifted.sigma[rows], 1e-3) * clip.height_m) ** -2.0
        pose = solve_pose(body, target.astype(float), weight.astype(float))
        root[rows], quat[rows] = pose.root_xyz, pose.quat_wxyz
    root = np.einsum("tba,tb->ta", R, root - t)
    quat[:, 0] = quat_multiply(quat_from_matrix(np.swapaxes(R, 1, 2)), quat[:, 0])
    fps = clip.motion.fps
    # the root lies on the ground under the horse, a metre from where it turns: filter the pelvis's place
    pelvis = body.rest_xyz[skeleton.JOINT_INDEX[skeleton.SACRUM]]
    contact = lifted.contact.clip(0, 1)
    alone = dataclasses.replace(clip.motion, root_xyz_world=root, quat_wxyz=quat, contact=contact, shape=shape)
    place = one_euro(root + quat_rotate(quat[:, 0], np.broadcast_to(pelvis, root.shape)), fps)
    quat = one_euro_quat(quat, fps)
    root = place - quat_rotate(quat[:, 0], np.broadcast_to(pelvis, root.shape))
    filtered = dataclasses.replace(alone, root_xyz_world=root, quat_wxyz=quat)
    return answer_of(alone, clip.T_cam_world), answer_of(filtered, clip.T_cam_world)


def observe(clip: Clip3D, seen: Seen2D, lifted: Lifted, K: np.ndarray) -> Observation:
    """Return what the fit reads."""
    return Observation(
        xyz_cam=lifted.xyz_cam,
        root_xyz_cam=lifted.root_xyz_cam,
        up_cam=lifted.up_cam,
        contact=lifted.contact,
        sigma=lifted.sigma,
        uv_px=np.where((seen.confidence > 0)[..., None], seen.uv_px, np.nan),
        confidence=seen.confidence,
        K=K,
        t_s=clip.motion.t_s,
        fps=clip.motion.fps,
        frame_confidence=np.where((seen.confidence > 0).sum(1) >= LEAST_POINTS, 1.0, 0.0),
        velocity_cam=lifted.velocity_cam,
    )


def answers(lifter: Lifter, clip: Clip3D, seen: Seen2D, known_K: bool) -> dict[str, Answer]:
    """Return what each method makes of a clip."""
    K = clip.told_K(known_K)
    lifted = lifter.lift(seen.uv_px, seen.confidence, K, clip.motion.t_s)
    ours = fit(observe(clip, seen, lifted, K), Shape(clip.height_m))
    alone, filtered = _frame_by_frame(clip, lifted, ours.motion.shape)
    return {
        "truth": answer_of(clip.motion, clip.T_cam_world),
        "lifter": _lifter_alone(clip, lifted),
        "IK": alone,
        "IK + One-Euro": filtered,
        "fit": answer_of(ours.motion, ours.T_cam_world),
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the clips")
    parser.add_argument("--weights", type=Path, help="the lifter; default: what ships")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of what the 2D network found")
    parser.add_argument("--no-drawn", action="store_true", help="true 2D only")
    parser.add_argument("--no-true", action="store_true", help="network 2D only")
    parser.add_argument("--default-k", action="store_true", help="tell the default K that users have, not the true one")
    parser.add_argument("--clips", action="store_true", help="also print each clip's own line")
    parser.add_argument("--picture", type=Path, help="draw the fit's errors after alignment, of the last table")
    args = parser.parse_args()
    lifter = Lifter(args.weights, device="cpu", n_threads=1)
    clips = test_clips(every=5 if args.quick else 1)
    sources: dict[str, list[tuple[Clip3D, Seen2D]]] = {}
    if not args.no_true:
        sources["true 2D"] = [(c, Seen2D(*c.seen_truly())) for c in clips]
    if not args.no_drawn:
        estimator = load_estimator(device="cpu")
        sources["network 2D"] = [(c, network_2d(c, estimator, args.cache)) for c in clips if c.drawn]
    for source, rows in sources.items():
        scores: list[tuple[Clip3D, dict[str, Scores]]] = []
        ours: list[tuple[Clip3D, Answer]] = []
        for clip, seen in rows:
            K = clip.told_K(not args.default_k)
            found = answers(lifter, clip, seen, not args.default_k)
            ours.append((clip, found["fit"]))
            told = {name: clip.K[:, None] if name == "truth" else K for name in found}
            scores.append((clip, {n: score(clip, seen, told[n], a, source == "true 2D") for n, a in found.items()}))
        title = f"{source}, K {'the default' if args.default_k else 'of the camera'}"
        _print_source(title, scores, args.clips)
        if args.picture is not None:
            _draw(f"fit: {title}, after alignment", ours, args.picture)


def _print_source(title: str, scores: list[tuple[Clip3D, dict[str, Scores]]], each: bool) -> None:
    known = [(clip, row) for clip, row in scores if clip.group == "known"]
    methods = list(scores[0][1])
    print_table(f"{title}: what training knows", {m: [row[m] for _, row in known] for m in methods})
    for group in ("unseen gait", "rare move"):
        chosen = [row for clip, row in scores if clip.group == group]
        print_table(f"{title}: {group}", {m: [row[m] for row in chosen] for m in methods})
    kinds, cameras = (dict.fromkeys(getattr(clip, name) for clip, _ in known) for name in ("kind", "camera"))
    by_kind = {kind: [row["fit"] for clip, row in known if clip.kind == kind] for kind in kinds}
    print_table(f"{title}: fit, by what the horse does", by_kind)
    by_camera = {camera: [row["fit"] for clip, row in known if clip.camera == camera] for camera in cameras}
    print_table(f"{title}: fit, by how the camera moves", by_camera)
    if each:
        print_table(f"{title}: fit, each clip", {f"{c.name} {c.camera}": [row["fit"]] for c, row in scores})


def _draw(title: str, found: list[tuple[Clip3D, Answer]], path: Path) -> None:
    """Draw the errors of all clips that training knows, each horse brought to a height of 1 m."""
    xyz, truths, ups = [], [], []
    for clip, answer in found:
        if clip.group == "known":
            use = clip.inside.sum(1) >= LEAST_POINTS
            cam, true = to_cam(answer.T_cam_world, answer.xyz_world)[use], clip.xyz_cam[use]
            origin = true[:, [SACRUM]]
            xyz.append((metrics.procrustes(cam, true) - origin) / clip.height_m)
            truths.append((true - origin) / clip.height_m)
            ups.append(clip.T_cam_world[use, :3, 2])
    image = draw_errors_3d(np.concatenate(xyz), np.concatenate(truths), 1.0, up_xyz=np.concatenate(ups), title=title)
    image.save(path)


if __name__ == "__main__":
    main()
