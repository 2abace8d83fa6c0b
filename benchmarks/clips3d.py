"""The clips that lifting and fitting are measured on: generated horses, filmed by random cameras, true in everything.

Bodies, ways of going, speeds and cameras are drawn as in training, from a seed that training never used. Apart from
them stand a gait that training never shows, the disunited canter (the fore limbs lead with one leg, the hind limbs with
the other), and moves that are rare. ``python benchmarks/clips3d.py`` lists the clips.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kinequimation.body import Body, sample_shape
from kinequimation.geometry.camera import Camera, default_intrinsics, project_cam
from kinequimation.io.atomic import replacing
from kinequimation.lift.cameras import CameraPaths, sample_cameras
from kinequimation.motion import Motion, MotionShares, sample_motion
from kinequimation.motion.gaits import strides_motion
from kinequimation.motion.pace import frequency_hz, froude
from kinequimation.motion.style import sample_style
from kinequimation.motion.table import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float

    from kinequimation.pose2d.estimator import Estimator

SEED = 6_202_611
"""Of all test clips; training, validation and other benchmarks use others."""
SECONDS = 3.0
CameraMove = Literal["still", "pan", "track", "zoom"]
Group = Literal["known", "unseen gait", "rare move"]

COUNTS: dict[str, int] = {
    "walk": 7, "trot": 6, "canter_left": 3, "canter_right": 3, "gallop_left": 2, "gallop_right": 2, "tolt": 2,
    "pace": 2, "passage": 1, "jump": 3, "stand": 2, "graze": 2, "transition": 5,
}  # fmt: skip
"""How many clips of what are measured together: about what people film (judgement; ``MotionShares`` without its rare
moves, standing and grazing less often, as little happens in them)."""
DISUNITED = {"disunited_right": 2, "disunited_left": 2}
"""The gait never seen, named after the lead of the fore limbs."""
RARE = {"rear": 1, "buck": 1, "kick": 1, "lie": 1, "lie_down": 1, "get_up": 1}
"""Moves that training shows seldom."""
_SLOW = ("stand", "graze", "rear", "buck", "kick", "lie", "lie_down", "get_up", "passage")
"""What stays near enough to one place for a camera that does not turn."""
_MOVES: tuple[CameraMove, ...] = ("pan", "track", "pan", "zoom", "pan", "still")
"""Camera moves in turn: panning is the commonest (sources, C4). A still camera only where the horse stays in view."""
_STILL_SPEED_MPS = 2.2
"""Speed up to which a still camera is asked for."""
LEAST_IN_VIEW = 0.85
"""Share of all keypoints of all frames that the image must hold, and half of it in each frame."""
_TRIES, _BATCH = 12, 32
DRAWN = (0, 3, 5, 7, 10, 13, 16, 19, 21, 24, 26, 28, 34, 36, 39, 100, 102, 200, 203)
"""Clips that are drawn for the 2D network to look at: drawing is slow. Chosen so that every gait and every camera move
is among them."""
CACHE = Path(tempfile.gettempdir()) / "kinequimation-clips3d"
"""Folder of what the 2D network found, unless another is given."""


@dataclass(frozen=True)
class Clip3D:
    """A horse that moves and the camera that films it.

    Attributes:
        index: its number.
        kind: a gait, a move, ``transition``, ``disunited_left`` or ``disunited_right``.
        group: whether training knows what the horse does.
        camera: how the camera moves.
        motion: the truth, in the world, metres.
        K: [T, 3, 3] intrinsics, pixels; they change where the camera zooms.
        T_cam_world: [T, 4, 4] world metres to camera metres.
        size_px: width and height of the image.
    """

    index: int
    kind: str
    group: Group
    camera: CameraMove
    motion: Motion
    K: Float[np.ndarray, "frames 3 3"]
    T_cam_world: Float[np.ndarray, "frames 4 4"]
    size_px: tuple[int, int]

    @property
    def name(self) -> str:
        """Kind and number."""
        return f"{self.kind} {self.index}"

    @property
    def drawn(self) -> bool:
        """Whether the clip is one of those that the 2D network looks at."""
        return self.index in DRAWN

    @property
    def height_m(self) -> float:
        """The withers height: one camera cannot see it, so whoever measures tells it."""
        return self.motion.shape.withers_height_m

    @cached_property
    def xyz_world(self) -> Float[np.ndarray, "frames 103 3"]:
        """The keypoints in the world, metres."""
        return Body(self.motion.shape).keypoints(self.motion.root_xyz_world, self.motion.quat_wxyz)

    @cached_property
    def xyz_cam(self) -> Float[np.ndarray, "frames 103 3"]:
        """The keypoints in camera axes, metres."""
        return to_cam(self.T_cam_world, self.xyz_world)

    @cached_property
    def uv_px(self) -> Float[np.ndarray, "frames 103 2"]:
        """The keypoints in the image; NaN behind the camera."""
        return project_cam(self.K[:, None], self.xyz_cam)

    @cached_property
    def inside(self) -> Bool[np.ndarray, "frames 103"]:
        """Which keypoints lie inside the image."""
        with np.errstate(invalid="ignore"):
            return np.all((self.uv_px > -0.5) & (self.uv_px < np.array(self.size_px) - 0.5), axis=-1)

    @cached_property
    def box_px(self) -> Float[np.ndarray, " frames"]:
        """Longer side of the box of the keypoints inside the image, pixels; NaN without any."""
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # frames without any
            uv = np.where(self.inside[..., None], self.uv_px, np.nan)
            return (np.nanmax(uv, axis=1) - np.nanmin(uv, axis=1)).max(-1)

    def told_K(self, known: bool) -> Float[np.ndarray, "3 3"]:
        """Return the intrinsics that lifting and fitting are told.

        Args:
            known: the camera's own (in the middle of the clip, where it zooms); else the default that users have.
        """
        return self.K[len(self.K) // 2] if known else default_intrinsics(*self.size_px)

    def seen_truly(self) -> tuple[Float[np.ndarray, "frames 103 2"], Float[np.ndarray, "frames 103"]]:
        """Return what a perfect 2D network finds: pixels and confidences, 0 outside the image."""
        return np.where(self.inside[..., None], self.uv_px, 0.0), self.inside.astype(float)


def to_cam(
    T_cam_world: Float[np.ndarray, "frames 4 4"], xyz_world: Float[np.ndarray, "frames k 3"]
) -> Float[np.ndarray, "frames k 3"]:
    """Return points in the axes of a moving camera."""
    return np.einsum("tab,tkb->tka", T_cam_world[:, :3, :3], xyz_world) + T_cam_world[:, None, :3, 3]


def test_clips(
    groups: Sequence[Group] = ("known", "unseen gait", "rare move"), every: int = 1, fps: float | None = None
) -> list[Clip3D]:
    """Make the test clips, the same ones each time.

    Args:
        groups: which of them.
        every: take each ``every``-th of a group only, for a quick look.
        fps: of all of them; if None, each its own.
    """
    tables: dict[Group, dict[str, int]] = {"known": COUNTS, "unseen gait": DISUNITED, "rare move": RARE}
    clips: list[Clip3D] = []
    for number, (group, table) in enumerate(tables.items()):
        kinds = [kind for kind, count in table.items() for _ in range(count)]
        chosen = range(0, len(kinds), every) if group in groups else ()
        clips += [make_clip(kinds[i], group, 100 * number + i, fps) for i in chosen]
    return clips


def make_clip(kind: str, group: Group, index: int, fps: float | None = None) -> Clip3D:
    """Make one clip from ``SEED`` and its index: 30 and 60 frames a second in turn, so that each camera has both."""
    rng = np.random.default_rng((SEED, index))
    fps = fps or (30.0, 60.0)[(index + index // len(_MOVES)) % 2]
    body = Body(sample_shape(rng))
    motion = _motion(rng, kind, body, round(SECONDS * fps), fps)
    way = np.ptp(motion.root_xyz_world[:, :2], axis=0).max() / SECONDS
    move = _MOVES[index % len(_MOVES)]
    if move == "still" and not (kind in _SLOW or way < _STILL_SPEED_MPS):
        move = "pan"
    if kind in _SLOW:
        move = "still" if move in ("pan", "track") else move  # nothing to follow
    xyz_world = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)
    K, T, size = _camera(rng, xyz_world, body.shape.withers_height_m, move)
    return Clip3D(index, kind, group, move, motion, K, T, size)


def _motion(rng: np.random.Generator, kind: str, body: Body, n_frames: int, fps: float) -> Motion:
    if kind in DISUNITED:
        return disunited_canter(rng, body, n_frames, fps, kind.removeprefix("disunited_"))
    if kind == "transition":
        shares = MotionShares(kinds={"gait": 1.0}, rides=1.0)
    elif kind in ("jump", "stand", "graze", *RARE):
        shares = MotionShares(kinds={kind: 1.0})
    else:
        shares = MotionShares(kinds={"gait": 1.0}, gaits={kind: 1.0}, rides=0.0)
    return sample_motion(rng, body, n_frames, fps, shares)


def disunited_canter(rng: np.random.Generator, body: Body, n_frames: int, fps: float, fore_lead: str) -> Motion:
    """Make a canter whose fore limbs lead with one leg and whose hind limbs with the other.

    The canter with the hind limbs' lead, its fore limbs' footfalls exchanged, and what else goes with their order: how
    far forward each reaches is left to the legs' own phases. The training's motions have no such gait.

    Args:
        rng: draws speed and way of going, as in training.
        body: the horse.
        n_frames: frames to make.
        fps: frames per second.
        fore_lead: ``left`` or ``right``.
    """
    gait = "canter_left" if fore_lead == "right" else "canter_right"
    table, mirrored = table_of(gait)
    speed = float(rng.uniform(table.speeds_mps[0], table.speeds_mps[1])) * froude(body)
    row = table.at(speed / froude(body))
    lf, rf = row.contact_phase[:2]
    change = np.array([rf - lf, lf - rf, 0.0, 0.0])  # of the canter with the right lead
    if mirrored:
        change = change[[1, 0, 3, 2]]
    style = sample_style(rng, moving=True, head_free=False)
    limb_phase = np.array(style.limb_phase) + change
    style = dataclasses.replace(style, limb_phase=tuple(limb_phase.tolist()), turn_per_m=0.2 * style.turn_per_m)
    frequency = float(frequency_hz(table, row, body, speed))
    motion = strides_motion(gait, body, style, speed, frequency, np.arange(n_frames) / fps, fps, exact=False)
    return dataclasses.replace(motion, name="disunited", gait=np.full(n_frames, "disunited"))


def _camera(
    rng: np.random.Generator, xyz_world: np.ndarray, height_m: float, move: CameraMove
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Draw training's cameras until one moves as asked and holds the horse; return K, T_cam_world and the size.

    Where none does in all tries, the one that holds most of the horse is taken of those that move as asked.
    """
    xyz = (xyz_world / height_m).astype(np.float32)
    batch = np.broadcast_to(xyz, (_BATCH, *xyz.shape))
    best: tuple[float, CameraPaths, int] | None = None
    for _ in range(_TRIES):
        paths = sample_cameras(rng, batch)
        for i in np.flatnonzero(_moves(paths, xyz) == move):
            held = _held(paths, int(i), xyz)
            if best is None or held > best[0]:
                best = (held, paths, int(i))
        if best is not None and best[0] >= LEAST_IN_VIEW:
            break
    if best is None:
        raise RuntimeError(f"no camera of {_TRIES * _BATCH} moves like {move!r}")
    _, paths, i = best
    rotation, position = paths.rotation[i].astype(float), paths.position_world[i] * height_m
    T = np.tile(np.eye(4), (len(xyz), 1, 1))
    T[:, :3, :3] = rotation
    T[:, :3, 3] = -np.einsum("tab,tb->ta", rotation, position)
    width, height = (int(v) for v in paths.size_px[i])
    return paths.K[i].astype(float), T, (width, height)


def _moves(paths: CameraPaths, xyz: np.ndarray) -> np.ndarray:
    """Name how each camera of a batch moves.

    A camera tracks if it goes half of the horse's way or more, it zooms if its focal length changes by a fifth, it is
    still if it neither goes a quarter of a withers height nor turns by 8°, and pans if it turns in its place.
    """
    way = np.ptp(xyz[:, 0], axis=0).max()
    gone = np.ptp(paths.position_world, axis=1).max(-1)
    axis = paths.rotation[:, :, 2]
    turned = np.degrees(np.arccos(np.clip((axis * axis[:, [len(xyz) // 2]]).sum(-1), -1, 1))).max(1)
    zoom = np.ptp(np.log(paths.K[:, :, 0, 0]), axis=1)
    names = np.where(turned < 8.0, "still", "pan").astype(object)
    names[gone > 0.25] = ""  # orbits: neither in its place nor alongside
    names[zoom > np.log(1.2)] = "zoom"
    names[(gone > 0.5 * way) & (gone > 1.0) & (zoom <= np.log(1.2))] = "track"
    return names


def _held(paths: CameraPaths, i: int, xyz: np.ndarray) -> float:
    """Return the share of keypoints in the image, half of it lost where some frame holds less than half of that."""
    cam = (xyz - paths.position_world[i, :, None]) @ np.swapaxes(paths.rotation[i], -1, -2)
    uv = project_cam(paths.K[i][:, None], cam)
    with np.errstate(invalid="ignore"):
        inside = ((uv > -0.5) & (uv < paths.size_px[i] - 0.5)).all(-1).mean(-1)
    return float(inside.mean() if inside.min() > LEAST_IN_VIEW / 2 else 0.5 * inside.mean())


@dataclass(frozen=True)
class Seen2D:
    """What a 2D network found in the drawn frames of a clip.

    Attributes:
        uv_px: [T, 103, 2], 0 where missing.
        confidence: [T, 103], 0 where missing.
    """

    uv_px: Float[np.ndarray, "frames 103 2"]
    confidence: Float[np.ndarray, "frames 103"]


def network_2d(clip: Clip3D, estimator: Estimator, cache: Path) -> Seen2D:
    """Draw a clip and find its keypoints as ``animate`` does, or read what was found before.

    Args:
        clip: what to film.
        estimator: the keypoint network.
        cache: folder of the files; their names hold what the clip and the network are, so that nothing old is taken.
    """
    from kinequimation.pipeline.record import record
    from kinequimation.synth.mixture import Mixture
    from kinequimation.synth.sensor import MILD_SENSOR

    moved = hashlib.sha256(np.nan_to_num(clip.uv_px).round(1).tobytes()).hexdigest()[:12]
    path = cache / f"{clip.index}_{clip.kind}_{moved}_{estimator.weights_sha256[:12]}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as data:
            return Seen2D(data["uv_px"], data["confidence"])
    cameras = [Camera(K, T, *clip.size_px) for K, T in zip(clip.K, clip.T_cam_world, strict=True)]
    seed = int(np.random.default_rng((SEED, clip.index, 9)).integers(2**31))
    found = record(clip.motion, cameras, seed, estimator, Mixture.training().tack, MILD_SENSOR)
    known = (found.confidence > 0) & np.isfinite(found.uv_px).all(-1)
    seen = Seen2D(np.where(known[..., None], found.uv_px, 0.0), np.where(known, found.confidence, 0.0))
    cache.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, part.open("wb") as f:
        np.savez_compressed(f, uv_px=seen.uv_px, confidence=seen.confidence)
    return seen


def main() -> None:
    """List the clips."""
    print(f"{'clip':22}{'group':13}{'camera':8}{'fps':>4}{'frames':>7}{'height m':>9}{'m/s':>6}{'hfov':>6}{'view':>6}")
    for clip in test_clips():
        way = np.linalg.norm(np.diff(clip.motion.root_xyz_world[:, :2], axis=0), axis=-1).sum() / SECONDS
        hfov = 2 * np.degrees(np.arctan(clip.size_px[0] / 2 / clip.K[:, 0, 0].mean()))
        row = f"{clip.name:22}{clip.group:13}{clip.camera:8}{clip.motion.fps:4.0f}{len(clip.motion):7d}"
        print(row + f"{clip.height_m:9.2f}{way:6.1f}{hfov:6.0f}{100 * clip.inside.mean():5.0f}%")


if __name__ == "__main__":
    main()
