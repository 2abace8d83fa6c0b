"""Figures of what a method makes of one test clip: places, paths, hooves, bones, smoothness, projection.

For a horse of 1.60 m; per cent of withers height, of the way, or of the horse's box. The columns of a table:

    PA, hoof   error after each frame's best similarity transform: all keypoints, hooves; mean of the clips
    MPJPE      error relative to the sacrum, in camera axes; mean of the clips
    yaw        error of the direction it faces, degrees; median
    path       error of the sacrum's path, in cm and of the way, placed as well as can be by a turn about the vertical
               and a shift; median
    first      the same when the first frame alone is laid on the truth
    way        from its first to its last place, over the truth; median of the clips that go 2 m or more
    heading    by how much the heading's error differs between any two frames, degrees; median
    turn       between the first half second and the last
    bones      coefficient of variation of bone lengths
    drift, d90 how far toes get from where they first stood, over the true stances, mm: median, 90 %
    F1         of hoof contacts
    under      depth of the skin under the ground, mm, mean over frames (of raw points the toes, there is no skin)
    deep, worst  deepest frame of a clip: the median clip's, and the worst's
    jitter     third difference over the true one: median of the clips
    in         clips in which that is 0.7 to 1.3
    all        mean third difference of all clips over their true mean
    limits     frames with a joint more than 0.5° outside its limits
    2D         error of the projection to the true keypoints: of the box, in pixels, and over the 2D network's own
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from clips3d import Clip3D, Seen2D, to_cam

from kinequimation import metrics, skeleton
from kinequimation.body import Body
from kinequimation.body.horse import load_template
from kinequimation.geometry.camera import project_cam
from kinequimation.geometry.rotation import quat_to_rotvec
from kinequimation.lift.evaluate import GROUP_POINTS, LEAST_POINTS, yaw_error_deg
from kinequimation.motion import JOINT_LIMITS

if TYPE_CHECKING:
    from jaxtyping import Float

    from kinequimation.motion import Motion

_K = skeleton.KEYPOINT_INDEX
SACRUM, _CHEST = _K[skeleton.SACRUM], _K["DEF-spine.006"]
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
ENDS_S = 0.5
"""Length of the beginning and of the end whose headings are compared."""
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


@dataclass(frozen=True)
class Scores:
    """Figures of one method on one clip; see the module's text. Lengths for a horse of 1.60 m; NaN where there is none.

    Attributes:
        pa, hoof, mpjpe: per cent of withers height.
        yaw: degrees.
        path_cm, path, first, way, heading, turn: of the path; shares of the way, degrees.
        bones: coefficient of variation, per cent.
        drifts_mm: of each true stance.
        hits, false, missed: contacts, counts over frames and hooves.
        under_mm, deepest_mm: of the skin under the ground.
        jitter, true_jitter: 10 m/s³.
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
    turn: float
    bones: float
    drifts_mm: np.ndarray
    hits: int
    false: int
    missed: int
    under_mm: float
    deepest_mm: float
    jitter: float
    true_jitter: float
    limits: float
    box: float
    px: float
    over_2d: float


def score(clip: Clip3D, seen: Seen2D, K: np.ndarray, answer: Answer, true_2d: bool) -> Scores:
    """Measure one method on one clip."""
    use = (clip.inside.sum(1) >= LEAST_POINTS) & (clip.xyz_cam[:, SACRUM, 2] > 0.5 * clip.height_m)
    unit = 1.60 / clip.height_m
    cam = to_cam(answer.T_cam_world, answer.xyz_world)
    relative, true = ((xyz - xyz[:, [SACRUM]])[use] for xyz in (cam, clip.xyz_cam))
    pa = np.linalg.norm(metrics.procrustes(relative, true) - true, axis=-1)
    percent = 100 / clip.height_m

    sacrum, true_sacrum = answer.xyz_world[:, SACRUM], clip.xyz_world[:, SACRUM]
    forward, true_forward = (xyz[:, _CHEST] - xyz[:, SACRUM] for xyz in (answer.xyz_world, clip.xyz_world))
    turn = metrics.heading_rad(true_forward[:1])[0] - metrics.heading_rad(forward[:1])[0]
    off, ends = metrics.heading_rad(forward) - metrics.heading_rad(true_forward), round(ENDS_S * clip.motion.fps)
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
        turn=float(np.degrees(abs(off[-ends:].mean() - off[:ends].mean()))),
        bones=100 * float(metrics.bone_length_spread(answer.xyz_world, _BONES).mean()),
        drifts_mm=unit * metrics.stance_drift_mm(answer.xyz_world[:, _TOES], clip.motion.contact),
        hits=int((found & standing)[use].sum()),
        false=int((found & ~standing)[use].sum()),
        missed=int((~found & standing)[use].sum()),
        under_mm=under,
        deepest_mm=deepest,
        jitter=unit * metrics.jitter(answer.xyz_world, clip.motion.fps),
        true_jitter=unit * metrics.jitter(clip.xyz_world, clip.motion.fps),
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
    "turn": lambda r: f"{_median(s.turn for s in r):.1f}",
    "bones": lambda r: f"{_mean(s.bones for s in r):.2f}%",
    "drift": lambda r: f"{_quantile(r, 50):.1f}",
    "d90": lambda r: f"{_quantile(r, 90):.0f}",
    "F1": lambda r: f"{2 * sum(s.hits for s in r) / max(sum(2 * s.hits + s.false + s.missed for s in r), 1):.3f}",
    "under": lambda r: f"{_mean(s.under_mm for s in r):.1f}",
    "deep": lambda r: f"{_median(s.deepest_mm for s in r):.0f}",
    "worst": lambda r: f"{max(s.deepest_mm for s in r):.0f}",
    "jitter": lambda r: f"{_median(s.jitter / s.true_jitter for s in r):.2f}",
    "in": lambda r: f"{100 * np.mean([0.7 <= s.jitter / s.true_jitter <= 1.3 for s in r]):.0f}%",
    "all": lambda r: f"{_mean(s.jitter for s in r) / _mean(s.true_jitter for s in r):.2f}",
    "limits": lambda r: f"{100 * _mean(s.limits for s in r):.2f}%",
    "2D box": lambda r: f"{_mean(s.box for s in r):.2f}%",
    "2D px": lambda r: f"{_mean(s.px for s in r):.1f}",
    "/2D": lambda r: f"{_mean(s.over_2d for s in r):.2f}",
}


def _quantile(rows: list[Scores], percent: float) -> float:
    drifts = np.concatenate([s.drifts_mm for s in rows])
    return float(np.percentile(drifts, percent)) if len(drifts) else np.nan


def print_table(title: str, rows: dict[str, list[Scores]]) -> None:
    """Print a line for each label; nothing without any score."""
    if not any(rows.values()):
        return
    print(f"\n{title}")
    print(f"{'':24}{'clips':>6}" + "".join(f"{name:>8}" for name in _COLUMNS))
    for label, scores in rows.items():
        if scores:
            cells = (f"{column(scores).replace('nan%', '-').replace('nan', '-'):>8}" for column in _COLUMNS.values())
            print(f"{label:24}{len(scores):6d}" + "".join(cells), flush=True)
