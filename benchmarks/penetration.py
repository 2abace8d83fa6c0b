"""How deep parts of the horse run into each other and into the ground while it moves.

    python benchmarks/penetration.py [--clips walk trot ...] [--breeds ...] [--phases 16] [--all-speeds] [--processes 2]

Every gait and move of ``kinequimation.motion``, on several breeds, at evenly spaced moments of a stride or of the whole
move: how far the skin of one part (head, neck, trunk, each limb's four) lies under the skin of another that is not its
neighbour, and how far the lowest skin and the lowest hair lie under the ground. Neighbours share a joint, or touch
while the mean body stands (the elbow and the chest); how deep the latter run into each other has a column of its own.
Hair runs through hair and skin at will; how far it reaches under the ground (a Shire's feather does where the fetlock
sinks) is told, no more. Checks itself first on solids pushed into each other by a known depth. Exits 1 if a part runs
deeper than 20 mm into another, or the skin deeper than 3 mm into the ground.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small: threads only wait for each other
import numpy as np
from parts import PARTS, TAIL, Volume, body_parts, is_hair, joined, touching

from kinequimation import skeleton
from kinequimation.body import BREEDS, Body, breed_shape
from kinequimation.geometry.rotation import quat_identity
from kinequimation.motion import GAIT_NAMES, Motion, make_motion
from kinequimation.motion.moves import MOVE_NAMES, make_move
from kinequimation.motion.pace import speed_range_mps
from kinequimation.motion.table import table_of

MAX_DEPTH_M, MAX_GROUND_M = 0.020, 0.003
REST = "rest"
DEFAULT_BREEDS = ("warmblood", "arabian", "shire", "shetland", "foal_0m")
"""Those that differ most."""


@dataclass(frozen=True)
class Found:
    """The worst of one clip of one breed.

    Attributes:
        clip, breed: what was measured.
        depth_m: how deep one part lies in another.
        parts: which in which.
        touching_m: how deep parts that touch at rest lie in each other.
        frame, n_frames: where in the clip.
        skin_m, hair_m: how far the lowest skin and hair lie under the ground; negative above it.
        ground_frame: where in the clip that is.
    """

    clip: str
    breed: str
    depth_m: float
    parts: tuple[str, str]
    touching_m: float
    frame: int
    n_frames: int
    skin_m: float
    hair_m: float
    ground_frame: int

    @property
    def fails(self) -> bool:
        """Whether it is worse than allowed."""
        return self.depth_m > MAX_DEPTH_M or self.skin_m > MAX_GROUND_M


def deepest(volumes: dict[str, Volume], beside: bool = False, beyond_m: float = 0.0) -> tuple[float, tuple[str, str]]:
    """Return the greatest depth (metres) of a point of one part in another, and which in which.

    Args:
        volumes: the posed parts.
        beside: look at the parts that touch at rest instead of those that are no neighbours.
        beyond_m: depths up to this do not matter; it is returned, with no names, if there is none beyond.
    """
    worst, who = beyond_m, ("", "")
    for pair in combinations((n for n in volumes if n != TAIL), 2):
        if pair in joined() or (pair in touching()) != beside:
            continue
        (low_a, high_a), (low_b, high_b) = volumes[pair[0]].box, volumes[pair[1]].box
        low, high = np.maximum(low_a, low_b), np.minimum(high_a, high_b)
        if (low >= high).any():
            continue
        for a, b in (pair, pair[::-1]):
            points = volumes[a].samples
            points = points[((points >= low) & (points <= high)).all(1)]
            allowed = frozenset(p for p in PARTS if p == a or (a, p) in joined() or (a, p) in touching())
            depth = volumes[b].deepest(points, worst, allowed)
            if depth > worst:
                worst, who = depth, (a, b)
    return worst, who


def _motion(clip: str, speed: str, body: Body) -> Motion:
    if clip == REST:
        one = np.ones(1)
        quat = quat_identity(1, skeleton.NUM_JOINTS)
        return Motion(np.zeros((1, 3)), quat, np.ones((1, 4)), np.zeros(1), 1.0, one, body.shape, REST)
    if clip in MOVE_NAMES:
        return make_move(clip, body)
    speed_mps = None
    if speed != "usual":
        slow, _, fast = speed_range_mps(table_of(clip)[0], body)
        speed_mps = slow if speed == "slow" else fast
    return make_motion(clip, body, speed_mps=speed_mps)


def measure(task: tuple[str, str, str, int]) -> Found:
    """Return the worst of a clip at a speed (slow, usual, fast), of a breed, looked at in so many moments."""
    clip, speed, breed, n_moments = task
    body = Body(breed_shape(breed))
    motion = _motion(clip, speed, body)
    frames = np.unique(np.linspace(0, len(motion), n_moments, endpoint=False).astype(int))
    parts, hair = body_parts(), np.unique(body.faces[is_hair()])
    bare = np.setdiff1d(np.arange(len(body.rest_vertices)), hair)
    depth, who, at, beside, skin_m, hair_m, ground_at = 0.0, ("", ""), 0, 0.0, -np.inf, -np.inf, 0
    for i in frames:
        xyz = body.vertices(motion.root_xyz_world[i : i + 1], motion.quat_wxyz[i : i + 1])[0]
        below = -float(xyz[bare, 2].min())
        if below > skin_m:
            skin_m, ground_at = below, int(i)
        hair_m = max(hair_m, -float(xyz[hair, 2].min(initial=np.inf)))
        volumes = {name: part.pose(xyz) for name, part in parts.items()}
        beside, _ = deepest(volumes, beside=True, beyond_m=beside)
        found, pair = deepest(volumes, beyond_m=depth)
        if found > depth:
            depth, who, at = found, pair, int(i)
    label = clip if speed == "usual" else f"{clip} ({speed})"
    return Found(label, breed, depth, who, beside, at, len(motion), skin_m, hair_m, ground_at)


def _solid(radius: tuple[float, float, float], centre: tuple[float, float, float], n: int = 32) -> Volume:
    """Return an ellipsoid of n rings."""
    polar, turn = np.linspace(0, np.pi, n + 1)[1:-1], np.linspace(0, 2 * np.pi, 2 * n, endpoint=False)
    p, t = np.meshgrid(polar, turn, indexing="ij")
    ring = np.stack([np.sin(p) * np.cos(t), np.sin(p) * np.sin(t), np.cos(p)], -1).reshape(-1, 3)
    xyz = np.concatenate([ring, [[0, 0, 1.0], [0, 0, -1.0]]]) * radius + centre
    at = np.arange(len(ring)).reshape(n - 1, 2 * n)
    a, b = at[:-1], at[1:]
    c, d = np.roll(a, -1, 1), np.roll(b, -1, 1)
    faces = [np.stack([a, b, c], -1), np.stack([c, b, d], -1)]
    top, bottom = np.full(2 * n, len(ring)), np.full(2 * n, len(ring) + 1)
    faces += [np.stack([top, at[0], np.roll(at[0], -1)], -1), np.stack([at[-1], bottom, np.roll(at[-1], -1)], -1)]
    triangles = np.concatenate([f.reshape(-1, 3) for f in faces])
    return Volume(xyz, triangles, len(triangles))


def check_itself() -> None:
    """Measure solids and limbs that were pushed into each other by a known depth.

    Raises:
        SystemExit: a depth comes out wrong.
    """
    for depth_m in (-0.01, 0.004, 0.02, 0.07):
        a = _solid((0.1, 0.1, 0.1), (0.0, 0.0, 0.0))
        b = _solid((0.08, 0.15, 0.1), (0.18 - depth_m, 0.0, 0.0))
        found = a.deepest(b.samples)
        if abs(found - max(depth_m, 0.0)) > 0.0015:
            sys.exit(f"self-check: solids {1000 * depth_m:.0f} mm deep in each other measured {1000 * found:.1f} mm")
    body = Body()
    parts = body_parts()
    volumes = {name: part.pose(body.rest_vertices) for name, part in parts.items()}
    # none of the left cannon is further to the right than a point as deep as asked under the right one's innermost
    innermost = volumes["RF cannon"].samples[volumes["RF cannon"].samples[:, 0].argmax()]
    first = volumes["LF cannon"].samples[volumes["LF cannon"].samples[:, 0].argmin()]
    for depth_m in (0.006, 0.012):
        moved = parts["LF cannon"].pose(body.rest_vertices + innermost - [depth_m, 0.0, 0.0] - first)
        found, who = deepest({"LF cannon": moved, "RF cannon": volumes["RF cannon"]})
        if not -0.003 <= found - depth_m <= 1e-6:
            sys.exit(
                f"self-check: cannons {1000 * depth_m:.0f} mm deep in each other measured {1000 * found:.1f} mm, {who}"
            )


def main() -> int:
    """Print the table; return 1 if anything runs too deep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    clips = (REST, *GAIT_NAMES, *MOVE_NAMES)
    parser.add_argument("--clips", nargs="+", choices=clips, default=clips, metavar="CLIP")
    parser.add_argument("--breeds", nargs="+", choices=tuple(BREEDS), default=DEFAULT_BREEDS, metavar="BREED")
    parser.add_argument("--phases", type=int, default=16, help="moments of a stride; a move gets twice as many")
    parser.add_argument("--all-speeds", action="store_true", help="gaits at their slowest and fastest too")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    check_itself()
    for what, pairs in (("share a joint", joined()), ("touch at rest", touching())):
        print(f"{what}:", ", ".join(sorted(" + ".join(pair) for pair in pairs if pair[0] < pair[1])))
    tasks = []
    for clip in args.clips:
        still = clip == REST or clip in MOVE_NAMES or clip == "idle"
        for speed in ("slow", "usual", "fast") if args.all_speeds and not still else ("usual",):
            tasks += [(clip, speed, b, args.phases * (2 if clip in MOVE_NAMES else 1)) for b in args.breeds]
    start = time.perf_counter()
    if args.processes > 1:
        with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
            found = list(pool.map(measure, tasks))
    else:
        found = [measure(task) for task in tasks]
    found.sort(key=lambda f: (-f.depth_m, -f.skin_m))
    head = f"{'clip':22}{'breed':14}{'depth mm':>9}  {'which in which':30}{'frame':>9}"
    print(head + f"{'touching':>9}{'skin mm':>9}{'hair mm':>9}")
    for f in found:
        who = f"{f.parts[0]} in {f.parts[1]}" if f.depth_m else "-"
        row = f"{f.clip:22}{f.breed:14}{1000 * f.depth_m:9.1f}  {who:30}{f'{f.frame}/{f.n_frames}':>9}"
        row += f"{1000 * f.touching_m:9.1f}{1000 * f.skin_m:9.1f}{1000 * f.hair_m:9.1f}"
        ground = f" (ground: frame {f.ground_frame})" if f.skin_m > MAX_GROUND_M else ""
        print(row + (" !!" if f.fails else "") + ground)
    n_deep, n_ground = (
        sum(v > most for v in values)
        for values, most in (([f.depth_m for f in found], MAX_DEPTH_M), ([f.skin_m for f in found], MAX_GROUND_M))
    )
    print(f"{len(found)} clips in {time.perf_counter() - start:.0f} s: ", end="")
    print(f"{n_deep} run deeper than 20 mm into a part, {n_ground} deeper than 3 mm into the ground; at most ", end="")
    print(f"{1000 * max(f.touching_m for f in found):.0f} mm between parts that touch at rest, ", end="")
    print(f"{1000 * max(0.0, *(f.hair_m for f in found)):.0f} mm of hair under the ground")
    return 1 if n_deep or n_ground else 0


if __name__ == "__main__":
    sys.exit(main())
