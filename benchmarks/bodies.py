"""Random bodies in random poses: is every mesh sound, and every label inside its contract?

    python benchmarks/bodies.py [--count 10000] [--frames 500] [--seed 0] [--processes 2] [--again INDEX]

Two thirds of the bodies are drawn by ``sample_shape``; a quarter has some parameters at the ends of their ranges, the
rest has all of them there. Each stands in one frame of ``sample_motion`` or of a random move. A mesh is sound if it is
finite, no edge is torn, the skin is not shrivelled, no part of the body is inside out or has lost its volume, hardly
any of the skin faces away from where its bones carry it, and all of it is where a horse has something. The labels of a
body are its keypoints, rotations, contacts and height; rendered frames add image, mask, parts, depth, box and
visibility, which are also held against each other. Prints the worst of each measure with the indices that make them
again (``--again``), and exits 1 if one is outside its limit. The limits are judgement: at what a picture shows a horse.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from parts import TAIL, Part, body_parts, is_hair, make_part

from kinequimation import skeleton
from kinequimation.body import Body, Shape, sample_shape
from kinequimation.body.horse import load_template
from kinequimation.body.shape import DEFAULT_WITHERS_HEIGHT_M, RANGES
from kinequimation.geometry.rotation import quat_to_matrix
from kinequimation.motion import Motion, sample_motion
from kinequimation.motion.moves import sample_move
from kinequimation.synth.labels import PARTS

LIMITS: dict[str, float] = {
    "withers off the height, mm": 0.5,
    "hooves at rest off the ground, mm": 1.0,
    "skin edge torn to, % of height": 15.0,
    "skin shrunk to a tenth, %": 1.0,
    "hair edge torn to, % of height": 12.0,
    "hair out of nothing, cm²": 2.0,
    "part swollen, times rest": 1.6,
    "part shrunken, rest over it": 3.0,
    "part inside out at rest": 0,
    "skin facing wrongly, %": 4.0,
    "rest skin facing wrongly, %": 3.0,
    "length of the box, heights": 4.5,
    "rest box over the withers, heights": 2.0,
    "quaternion off a unit, 1e-6": 1.0,
    "contact outside 0..1": 0.0,
    "keypoint outside the mesh's box, % of height": 5.0,
}
"""What is measured of each body, and the largest value that passes."""
SHARES = (0.66, 0.25)
"""Of the bodies: drawn as training draws them; some parameters at the ends of their ranges. The rest: all of them."""
MOVE_SHARE = 0.3
TORN = 3.0
"""How many times its length at rest an edge has when it counts as torn."""
FRAME_PX = 96


@dataclass(frozen=True)
class Mesh:
    """What stays the same of all bodies.

    Attributes:
        parts: the trunk with the upper limbs, and the other parts.
        skin_edges, hair_edges: [n, 2] pairs of vertices.
        skin, hair: [f, 3] faces.
        normals: [f, 3] their directions on the template.
    """

    parts: dict[str, Part]
    skin_edges: np.ndarray
    hair_edges: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    normals: np.ndarray


def _edges(faces: np.ndarray) -> np.ndarray:
    return np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)


def _crossed(xyz: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (xyz[faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


@lru_cache(maxsize=1)
def mesh() -> Mesh:
    """Return what all bodies share."""
    body, hair = Body(), is_hair()
    skin = body.faces[~hair]
    normals = _crossed(load_template().vertices, skin)
    by_name = {n: p.vertices[p.faces] for n, p in body_parts().items() if n != TAIL}
    # upper limbs are patches on the trunk: what one gains by a bend the other loses
    core = [n for n in by_name if n == "trunk" or n.endswith(("upper arm", "thigh"))]
    parts = {"core": make_part("core", np.concatenate([by_name.pop(n) for n in core]))}
    parts |= {name: make_part(name, faces) for name, faces in by_name.items()}
    return Mesh(parts, _edges(skin), _edges(body.faces[hair]), skin, body.faces[hair], normals)


def draw(seed: int, index: int) -> tuple[Shape, Body, Motion]:
    """Return the body and the pose of an index."""
    rng = np.random.default_rng([seed, index])
    kind, shape = rng.random(), sample_shape(rng)
    if kind > SHARES[0]:
        names = [f.name for f in dataclasses.fields(Shape)]
        n = len(names) if kind > sum(SHARES) else int(rng.integers(1, 5))
        at_ends = rng.choice(names, n, replace=False)
        shape = dataclasses.replace(shape, **{str(k): RANGES[str(k)][rng.integers(2)] for k in at_ends})
    body = Body(shape)
    make = sample_move if rng.random() < MOVE_SHARE else sample_motion
    return shape, body, make(rng, body, 1, 30.0)


def measure(task: tuple[int, int]) -> dict[str, float]:
    """Return the measures of ``LIMITS`` of a body, by seed and index, or the error because of which there is none."""
    try:
        shape, body, motion = draw(*task)
    except Exception as error:
        return {f"{type(error).__name__}: {error}": np.inf}
    fixed, height, rest = mesh(), shape.withers_height_m, body.rest_vertices
    xyz = body.vertices(motion.root_xyz_world, motion.quat_wxyz)[0]
    keypoints = body.keypoints(motion.root_xyz_world, motion.quat_wxyz)[0]
    found = {}
    if not all(np.isfinite(a).all() for a in (rest, xyz, keypoints)):
        return {"not finite": np.inf}
    withers = rest[body.landmark_vertices[skeleton.LANDMARKS.index("withers")], 2]
    found["withers off the height, mm"] = 1000 * abs(float(withers) - height)
    found["hooves at rest off the ground, mm"] = 1000 * abs(float(rest[fixed.skin, 2].min()))
    for what, edges in (("skin", fixed.skin_edges), ("hair", fixed.hair_edges)):
        length, still = (np.linalg.norm(p[edges[:, 0]] - p[edges[:, 1]], axis=1) for p in (xyz, rest))
        torn = (length > TORN * still) & (still > 0.002 * height)
        found[f"{what} edge torn to, % of height"] = 100 * float(length[torn].max(initial=0.0) / height)
        if what == "skin":
            shrunk = (length < 0.1 * still) & (still > 0.004 * height)
            found["skin shrunk to a tenth, %"] = 100 * float(still[shrunk].sum() / still.sum())
    as_large = 0.5e4 * (DEFAULT_WITHERS_HEIGHT_M / height) ** 2  # cm² of a horse of the usual height
    grown, still = (as_large * np.linalg.norm(_crossed(p, fixed.hair), axis=1) for p in (xyz, rest))
    found["hair out of nothing, cm²"] = float(grown[still < 0.005].sum())
    volumes = {n: (p.pose(xyz).volume_m3, p.pose(rest).volume_m3) for n, p in fixed.parts.items()}
    found["part inside out at rest"] = float(sum(v <= 0 for _, v in volumes.values()))
    ratio = np.array([max(now, 1e-9) / max(v, 1e-9) for now, v in volumes.values()])
    found["part swollen, times rest"], found["part shrunken, rest over it"] = float(ratio.max()), float(1 / ratio.min())
    _, rotation = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    carried = (body.weights @ quat_to_matrix(rotation[0]).reshape(-1, 9)).reshape(-1, 3, 3)[fixed.skin].mean(1)
    now, before = _crossed(xyz, fixed.skin), _crossed(rest, fixed.skin)
    wrong = np.einsum("fi,fij,fj->f", now, carried, before) < 0
    area = np.linalg.norm(before, axis=1)
    found["skin facing wrongly, %"] = 100 * float(area[wrong].sum() / area.sum())
    wrong = np.einsum("fi,fi->f", before, fixed.normals) < 0
    found["rest skin facing wrongly, %"] = 100 * float(area[wrong].sum() / area.sum())
    found["length of the box, heights"] = float(np.ptp(xyz, axis=0).max() / height)
    found["rest box over the withers, heights"] = float(rest[:, 2].max() / height)
    norm = np.linalg.norm(motion.quat_wxyz, axis=-1)
    found["quaternion off a unit, 1e-6"] = 1e6 * float(np.abs(norm - 1).max())
    found["contact outside 0..1"] = float(max(-motion.contact.min(), motion.contact.max() - 1, 0.0))
    outside = np.maximum(xyz.min(0) - keypoints, keypoints - xyz.max(0)).max(initial=0.0)
    found["keypoint outside the mesh's box, % of height"] = 100 * float(outside / height)
    return found


def frame_faults(task: tuple[int, int]) -> list[str]:
    """Return what is wrong with a rendered frame's labels, by seed and index."""
    from kinequimation import synth

    seed, index = task
    frame = synth.sample(seed, index, FRAME_PX)
    n, size = skeleton.NUM_KEYPOINTS, FRAME_PX
    arrays = {
        "image": (frame.image, (size, size, 3), np.uint8),
        "mask": (frame.mask, (size, size), np.bool_),
        "parts": (frame.parts, (size, size), np.uint8),
        "depth": (frame.depth, (size, size), np.float32),
        "uv_px": (frame.uv_px, (n, 2), np.floating),
        "visibility": (frame.visibility, (n,), np.uint8),
        "bbox_xywh": (frame.bbox_xywh, (4,), np.floating),
        "xyz_cam": (frame.xyz_cam, (n, 3), np.floating),
        "K": (frame.K, (3, 3), np.floating),
        "T_cam_world": (frame.T_cam_world, (4, 4), np.floating),
    }
    faults = [
        f"{name} is {a.dtype} {a.shape}"
        for name, (a, shape, kind) in arrays.items()
        if a.shape != shape or not np.issubdtype(a.dtype, kind)
    ]
    if faults:
        return faults

    def check(holds: bool | np.bool_, what: str) -> None:
        if not holds:
            faults.append(what)

    z = frame.xyz_cam[:, 2]
    check(np.isfinite(frame.xyz_cam).all(), "xyz_cam is not finite")
    check((np.isfinite(frame.uv_px).all(1) == (z > 1e-6)).all(), "uv_px is not NaN just behind the camera")
    projected = frame.xyz_cam @ frame.K.T
    front = z > 1e-3
    away = np.abs(projected[front, :2] / projected[front, 2:] - frame.uv_px[front]).max(initial=0.0)
    check(away < 1e-3, f"uv_px is {away:.3g} px from K xyz_cam")
    check(np.isin(frame.visibility, (0, 1, 2)).all(), "visibility is not 0, 1 or 2")
    inside = front & ((frame.uv_px >= -0.5) & (frame.uv_px < size - 0.5)).all(1)
    check((inside == (frame.visibility > 0)).all(), "visibility is not 0 just out of the frame")
    check(np.isin(frame.parts, range(len(PARTS))).all(), "parts holds a number that is no part")
    check((frame.depth > 0).all() and not np.isnan(frame.depth).any(), "depth is not above 0")
    check(np.isfinite(frame.depth[frame.mask]).all(), "depth of the horse is not finite")
    disagree = ((frame.parts > 0) != frame.mask).sum()
    check(disagree <= 0.03 * max(frame.mask.sum(), 100), f"mask and parts disagree in {disagree} pixels")
    x, y, w, h = frame.bbox_xywh
    check(np.isfinite(frame.bbox_xywh).all() and w >= 0 and h >= 0, f"box {frame.bbox_xywh}")
    check(x >= -0.5 - 1e-6 and y >= -0.5 - 1e-6 and max(x + w, y + h) <= size - 0.5 + 1e-6, "box leaves the image")
    row, column = np.nonzero(frame.mask)
    if len(row):
        beyond = max(x - column.min(), y - row.min(), column.max() - x - w, row.max() - y - h)
        check(beyond <= 1.0, f"mask leaves the box by {beyond:.1f} px")
    for k in np.flatnonzero(frame.visibility == 2)[::7]:
        u, v = np.clip(np.round(frame.uv_px[k]).astype(int), 0, size - 1)
        near = frame.depth[max(v - 2, 0) : v + 3, max(u - 2, 0) : u + 3].min()
        check(near <= z[k] * 1.02 + 0.02, f"{skeleton.KEYPOINTS[k]} is seen {near - z[k]:.2f} m before any surface")
    T = frame.T_cam_world
    check(
        np.allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-6) and np.linalg.det(T[:3, :3]) > 0, "T turns wrongly"
    )
    check(np.array_equal(T[3], [0, 0, 0, 1]), "T_cam_world's last row")
    check(frame.K[0, 0] > 0 and frame.K[2, 2] == 1, "K")
    check(all(side in ("L", "R", "") for side in frame.near_sides), f"near sides {frame.near_sides}")
    check(np.isnan(frame.phase) or 0 <= frame.phase <= 1, f"phase {frame.phase}")
    check(frame.contact is None or frame.contact.shape == (4,), "contact")
    try:
        json.dumps(frame.record, allow_nan=False)
    except (TypeError, ValueError) as error:
        faults.append(f"record: {error}")
    if index % 25 == 0:
        again = synth.sample(seed, index, FRAME_PX)
        check(
            np.array_equal(frame.image, again.image) and np.array_equal(frame.uv_px, again.uv_px, True), "not the same"
        )
    return faults


def _all(function, tasks: list[tuple[int, int]], processes: int) -> list:
    if processes <= 1:
        return [function(task) for task in tasks]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return list(pool.map(function, tasks, chunksize=max(1, min(50, len(tasks) // (4 * processes)))))


def main() -> int:
    """Print the worst of each measure; return 1 if one is outside its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="bodies")
    parser.add_argument("--frames", type=int, default=500, help="rendered frames")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--again", type=int, metavar="INDEX", help="say what the body of an index is and measures")
    args = parser.parse_args()
    if args.again is not None:
        shape, _, motion = draw(args.seed, args.again)
        print(shape, motion.name, *(f"{k}: {v:.4g}" for k, v in measure((args.seed, args.again)).items()), sep="\n")
        return 0
    began = time.perf_counter()
    found = _all(measure, [(args.seed, i) for i in range(args.count)], args.processes)
    failed, made = 0, np.flatnonzero([LIMITS.keys() <= f.keys() for f in found])
    print(f"{args.count} bodies and poses in {time.perf_counter() - began:.0f} s")
    print(f"{'measure':48}{'median':>9}{'99 %':>9}{'worst':>10}{'limit':>8}{'fail':>7}  worst at")
    for name, limit in LIMITS.items():
        values = np.array([found[i][name] for i in made])
        wrong = ~(values <= limit)
        failed += int(wrong.sum())
        middle, high = np.quantile(values, (0.5, 0.99), method="lower")
        row = f"{name:48}{middle:9.3f}{high:9.3f}{values.max():10.3f}{limit:8g}"
        print(row + f"{wrong.sum():7d}  {', '.join(map(str, made[np.argsort(-values, kind='stable')[:4]]))}")
    errors = [(i, name) for i, f in enumerate(found) for name in f if name not in LIMITS]
    print(f"{len(errors)} of them could not be made, or are not finite")
    for i, name in errors[:10]:
        print(f"body {i}: {name}")
    began = time.perf_counter()
    faults = _all(frame_faults, [(args.seed, i) for i in range(args.frames)], args.processes)
    print(
        f"{args.frames} frames in {time.perf_counter() - began:.0f} s: {sum(map(bool, faults))} with a label at fault"
    )
    for i, frame in enumerate(faults):
        for fault in frame:
            print(f"frame {i}: {fault}")
    return 1 if failed or errors or any(faults) else 0


if __name__ == "__main__":
    sys.exit(main())
