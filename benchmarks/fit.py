"""What lifting and fitting make of the clips of ``clips3d``, beside the lifter alone and a simpler way from its points.

    python benchmarks/fit.py [--quick] [--weights FILE] [--cache DIR] [--no-drawn] [--default-k] [--clips]

The rows: *truth* is the clip itself, a check of the measures. *lifter* is its raw points; it has no world, so it is
given the true camera's place and rotation and keeps its own root. *IK* poses a body of constant bones (the one of our
fit) to the lifter's points, frame by frame, in the same borrowed world; *IK + One-Euro* then filters its root and its
rotations (``one_euro``). *fit* is ours: nothing of the true camera is known to it but K (with --default-k not even
that). All are told the withers height. Per cent and mm are of a horse of 1.60 m.

Columns: PA, hoof: mean error after each frame's best similarity transform, of all keypoints and of hooves; MPJPE:
relative to the sacrum, in camera axes; yaw: median; path: mean error of the sacrum's path, in cm and as a share of the
way, placed as well as it can be by a turn about the vertical and a shift; first: mean distance when only the first
frame is laid on the truth; way: length of the way over the true one (medians over clips that go 2 m or more); heading:
how much its error changes over the clip; bones: mean coefficient of variation of bone lengths; drift, d90: how far toes
get from where they first stood, over the true stances, median and 90 %; F1: of hoof contacts; under: depth of the skin
under the ground, mean over frames; deep, worst: the deepest of the median and of the worst clip (the lifter has no
skin: its toes); jitter: third difference over the true one, median of the clips; in: share of the clips within 0.7 to
1.3; limits: frames with a joint more than 0.5° outside its limits; 2D: error of the projection to the true keypoints,
per cent of the horse's box, pixels, and over the 2D network's own.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from clips3d import CACHE, Clip3D, Seen2D, network_2d, test_clips, to_cam
from one_euro import one_euro, one_euro_quat

from kinequimation import metrics, skeleton
from kinequimation.body import Body, Shape
from kinequimation.body.horse import load_template
from kinequimation.fit import Observation, fit
from kinequimation.fit.pose import CHUNK, solve_pose
from kinequimation.geometry.camera import project_cam
from kinequimation.geometry.rotation import quat_from_matrix, quat_multiply, quat_rotate, quat_to_rotvec
from kinequimation.lift import Lifter
from kinequimation.lift.evaluate import GROUP_POINTS, LEAST_POINTS, yaw_error_deg
from kinequimation.motion import JOINT_LIMITS, Motion
from kinequimation.pose2d.estimator import load_estimator

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.lift.infer import Lifted

_K = skeleton.KEYPOINT_INDEX
_SACRUM, _CHEST = _K[skeleton.SACRUM], _K["DEF-spine.006"]
_TOES = [_K[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
_BONES = np.array(
    [
        (int(p) - 1, j)
        for j, p in enumerate(skeleton.JOINT_PARENTS[1 : 1 + skeleton.NUM_JOINTS68])
        if p > 0 and np.linalg.norm(skeleton.REST_HEAD_XYZ[p] - skeleton.REST_HEAD_XYZ[j + 1]) > 0.02
    ]
)
"""[B, 2] keypoints at both ends of each bone longer than 2 cm."""
LIMIT_TOLERANCE_DEG = 0.5
LEAST_WAY_M = 2.0
"""Way from which shares of it are given, at 1.60 m."""


@dataclass(frozen=True)
class Answer:
    """What a method says of a clip.

    Attributes:
        xyz_world: [T, 103, 3] metres.
        T_cam_world: [T, 4, 4].
        contact: [T, 4] probabilities.
        motion: the pose, of methods that have one.
    """

    xyz_world: Float[np.ndarray, "frames 103 3"]
    T_cam_world: Float[np.ndarray, "frames 4 4"]
    contact: Float[np.ndarray, "frames 4"]
    motion: Motion | None = None


def answer_of(motion: Motion, T_cam_world: np.ndarray) -> Answer:
    """Return a motion as an answer."""
    xyz = Body(motion.shape).keypoints(motion.root_xyz_world, motion.quat_wxyz)
    return Answer(xyz, T_cam_world, motion.contact, motion)


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


@dataclass(frozen=True)
class Scores:
    """Figures of one method on one clip; see the module's text. Lengths for a horse of 1.60 m; NaN where there is none.

    Attributes:
        pa, hoof, mpjpe: per cent of withers height.
        yaw: degrees.
        path_cm, path, first, way, heading: of the path; shares of the way, degrees.
        bones: coefficient of variation, per cent.
        drifts_mm: of each true stance.
        hits, false, missed: contacts, counts over frames and hooves.
        under_mm, deepest_mm: of the skin under the ground.
        jitter: over the true one.
        limits: share of frames.
        box, px: mean error of the projection, per cent of the box, and pixels.
        over_2d: over the 2D network's own error; NaN with true 2D.
    """

    pa: float
    hoof: float
    mpjpe: float
    yaw: float
    path_cm: float
    path: float
    first: float
    way: float
    heading: float
    bones: float
    drifts_mm: np.ndarray
    hits: int
    false: int
    missed: int
    under_mm: float
    deepest_mm: float
    jitter: float
    limits: float
    box: float
    px: float
    over_2d: float


def score(clip: Clip3D, seen: Seen2D, K: np.ndarray, answer: Answer, true_2d: bool) -> Scores:
    """Measure one method on one clip."""
    use = (clip.inside.sum(1) >= LEAST_POINTS) & (clip.xyz_cam[:, _SACRUM, 2] > 0.5 * clip.height_m)
    unit = 1.60 / clip.height_m
    cam = to_cam(answer.T_cam_world, answer.xyz_world)
    relative, true = ((xyz - xyz[:, [_SACRUM]])[use] for xyz in (cam, clip.xyz_cam))
    pa = np.linalg.norm(metrics.procrustes(relative, true) - true, axis=-1)
    percent = 100 / clip.height_m

    sacrum, true_sacrum = answer.xyz_world[:, _SACRUM], clip.xyz_world[:, _SACRUM]
    forward, true_forward = (xyz[:, _CHEST] - xyz[:, _SACRUM] for xyz in (answer.xyz_world, clip.xyz_world))
    turn = metrics.heading_rad(true_forward[:1])[0] - metrics.heading_rad(forward[:1])[0]
    placed = metrics.turn_about_vertical(sacrum - sacrum[0], turn) + true_sacrum[0]
    path = metrics.path_error(sacrum, true_sacrum)
    way = metrics.path_length(true_sacrum)
    far = way * unit >= LEAST_WAY_M

    found, standing = answer.contact > 0.5, clip.motion.contact > 0.5
    lowest = _lowest_m(answer) * unit
    under, deepest = metrics.penetration_mm(lowest[:, None])
    limits = np.nan
    if answer.motion is not None:
        rotvec = quat_to_rotvec(answer.motion.quat_wxyz)[:, 1:]
        low, high = JOINT_LIMITS[1:, 0], JOINT_LIMITS[1:, 1]
        limits = metrics.share_outside(rotvec, low, high, np.radians(LIMIT_TOLERANCE_DEG))

    error_px = np.linalg.norm(project_cam(K, cam) - clip.uv_px, axis=-1)
    of_2d = np.linalg.norm(seen.uv_px - clip.uv_px, axis=-1)
    at = clip.inside & use[:, None] & np.isfinite(error_px) & (seen.confidence > 0)
    return Scores(
        pa=percent * float(pa.mean()),
        hoof=percent * float(pa[:, GROUP_POINTS["hooves"]].mean()),
        mpjpe=percent * metrics.mpjpe(relative, true),
        yaw=float(np.median(yaw_error_deg(relative, true, clip.T_cam_world[use, :3, 2]))),
        path_cm=100 * unit * path,
        path=path / way if far else np.nan,
        first=float(np.linalg.norm(placed - true_sacrum, axis=-1).mean()) / way if far else np.nan,
        way=float(np.linalg.norm((sacrum[-1] - sacrum[0])[:2]) / np.linalg.norm((true_sacrum[-1] - true_sacrum[0])[:2]))
        if far
        else np.nan,
        heading=metrics.heading_drift_deg(forward, true_forward),
        bones=100 * float(metrics.bone_length_spread(answer.xyz_world, _BONES).mean()),
        drifts_mm=unit * metrics.stance_drift_mm(answer.xyz_world[:, _TOES], clip.motion.contact),
        hits=int((found & standing)[use].sum()),
        false=int((found & ~standing)[use].sum()),
        missed=int((~found & standing)[use].sum()),
        under_mm=under,
        deepest_mm=deepest,
        jitter=metrics.jitter(answer.xyz_world, clip.motion.fps) / metrics.jitter(clip.xyz_world, clip.motion.fps),
        limits=limits,
        box=100 * float((error_px / clip.box_px[:, None])[at].mean()),
        px=float(error_px[at].mean()),
        over_2d=np.nan if true_2d else float(error_px[at].mean() / of_2d[at].mean()),
    )


def _lowest_m(answer: Answer) -> Float[np.ndarray, " frames"]:
    """Return the height of the skin's lowest point in each frame; of the toes where there is no skin."""
    if answer.motion is None:
        return answer.xyz_world[:, _TOES, 2].min(1)
    motion, skin = answer.motion, load_template().is_skin
    body, rows = Body(motion.shape), []
    for start in range(0, len(motion), 60):
        part = slice(start, start + 60)
        vertices = body.meshes(motion.root_xyz_world[part], motion.quat_wxyz[part])
        rows.append(vertices[:, skin, 2].min(1))
    return np.concatenate(rows)


def _mean(rows: Iterable[float]) -> float:
    values = np.array([v for v in rows if np.isfinite(v)])
    return float(values.mean()) if len(values) else np.nan


def _median(rows: Iterable[float]) -> float:
    values = np.array([v for v in rows if np.isfinite(v)])
    return float(np.median(values)) if len(values) else np.nan


_COLUMNS: dict[str, Callable[[list[Scores]], str]] = {
    "PA": lambda r: f"{_mean(s.pa for s in r):.2f}",
    "hoof": lambda r: f"{_mean(s.hoof for s in r):.2f}",
    "MPJPE": lambda r: f"{_mean(s.mpjpe for s in r):.2f}",
    "yaw": lambda r: f"{_median(s.yaw for s in r):.2f}",
    "path cm": lambda r: f"{_median(s.path_cm for s in r):.1f}",
    "path": lambda r: f"{100 * _median(s.path for s in r):.1f}%",
    "first": lambda r: f"{100 * _median(s.first for s in r):.1f}%",
    "way": lambda r: f"{_median(s.way for s in r):.3f}",
    "heading": lambda r: f"{_median(s.heading for s in r):.1f}",
    "bones": lambda r: f"{_mean(s.bones for s in r):.2f}%",
    "drift": lambda r: f"{_quantile(r, 50):.1f}",
    "d90": lambda r: f"{_quantile(r, 90):.0f}",
    "F1": lambda r: f"{2 * sum(s.hits for s in r) / max(sum(2 * s.hits + s.false + s.missed for s in r), 1):.3f}",
    "under": lambda r: f"{_mean(s.under_mm for s in r):.1f}",
    "deep": lambda r: f"{_median(s.deepest_mm for s in r):.0f}",
    "worst": lambda r: f"{max(s.deepest_mm for s in r):.0f}",
    "jitter": lambda r: f"{_median(s.jitter for s in r):.2f}",
    "in": lambda r: f"{100 * np.mean([0.7 <= s.jitter <= 1.3 for s in r]):.0f}%",
    "limits": lambda r: f"{100 * _mean(s.limits for s in r):.2f}%",
    "2D box": lambda r: f"{_mean(s.box for s in r):.2f}%",
    "2D px": lambda r: f"{_mean(s.px for s in r):.1f}",
    "/2D": lambda r: f"{_mean(s.over_2d for s in r):.2f}",
}


def _quantile(rows: list[Scores], percent: float) -> float:
    drifts = np.concatenate([s.drifts_mm for s in rows])
    return float(np.percentile(drifts, percent)) if len(drifts) else np.nan


def print_table(title: str, rows: dict[str, list[Scores]]) -> None:
    """Print a line for each label."""
    print(f"\n{title}")
    print(f"{'':24}{'clips':>6}" + "".join(f"{name:>8}" for name in _COLUMNS))
    for label, scores in rows.items():
        if scores:
            cells = (f"{column(scores).replace('nan%', '-').replace('nan', '-'):>8}" for column in _COLUMNS.values())
            print(f"{label:24}{len(scores):6d}" + "".join(cells), flush=True)


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
        for clip, seen in rows:
            K = clip.told_K(not args.default_k)
            found = answers(lifter, clip, seen, not args.default_k)
            told = {name: clip.K[:, None] if name == "truth" else K for name in found}
            scores.append((clip, {n: score(clip, seen, told[n], a, source == "true 2D") for n, a in found.items()}))
        _print_source(f"{source}, K {'the default' if args.default_k else 'of the camera'}", scores, args.clips)


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


if __name__ == "__main__":
    main()
