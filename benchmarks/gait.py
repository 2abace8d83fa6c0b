"""How well the gait is read: of the clips of ``clips3d`` through lifting and fitting, and of real clips.

    python benchmarks/gait.py [--quick] [--all-drawn] [--fps N] [--weights FILE] [--lifter FILE] [--no-true]
                              [--no-drawn] [--clips] [--motions DIR] [--real DIR]

*truth* reads the true motions: what the reading itself costs. *true 2D* and *network 2D* read what lifting and fitting
make of the true keypoints and of those that the 2D network found in drawn frames. A clip is right where the gait that
is named for the longest time is the true one; *time right* is the share of all frames whose gait is named rightly.
*rules* are the rules alone, by the strides of the clip. Duty factors and phases of landing are compared with those of
the true motion, hoof by hoof, at 60 frames a second where the gait is right. --all-drawn draws every known clip for
the 2D network, not only those that ``clips3d`` draws for all benchmarks; --fps 60 films all clips at that rate. --real
reads videos whose names begin with what the horse does (``walk_dressage.mp4``), from pixels on; --motions keeps the
fitted motions in a folder and takes them again.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clips3d import CACHE, Clip3D, Seen2D, network_2d, test_clips
from fit import observe

from kinequimation.body import Shape
from kinequimation.fit import fit
from kinequimation.gait import GaitReading, read_gait
from kinequimation.gait.bouts import gait_at
from kinequimation.gait.classifier import GaitClassifier
from kinequimation.gait.clips import labels_of
from kinequimation.gait.names import GAITS
from kinequimation.gait.signals import read_signals
from kinequimation.gait.strides import phase_distance
from kinequimation.lift import Lifter
from kinequimation.motion import Motion, read_motion, write_motion
from kinequimation.pipeline import AnimateOptions
from kinequimation.pipeline.animate import solve_motion
from kinequimation.pose2d.estimator import load_estimator

VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm")


@dataclass(frozen=True)
class Row:
    """A clip: what it is, what was read, and how right that is."""

    name: str
    fps: float
    truth: str
    reading: GaitReading
    time_right: float
    duty_error: float
    phase_error: float

    @property
    def right(self) -> bool:
        """Whether the gait named for the longest time is the true one."""
        return self.reading.main == self.truth

    @property
    def by_rules(self) -> str:
        """What the rules alone say of most strides; empty where there are none."""
        named = Counter(rule.gait for rule in self.reading.rules if rule.gait is not None)
        return named.most_common(1)[0][0] if named else ""


def compare(clip: Clip3D, motion: Motion, classifier: GaitClassifier) -> Row:
    """Read a motion, and compare it with what the clip truly is."""
    label = labels_of(clip.motion, read_signals(clip.motion))
    truth = GAITS[int(np.bincount(label).argmax())]
    reading, true = read_gait(motion, classifier), read_gait(clip.motion, classifier)
    named = [gait_at(reading.bouts, float(t)) for t in motion.t_s]
    time_right = float(np.mean([name == GAITS[i] for name, i in zip(named, label, strict=True)]))
    ours, theirs = (next((s for s in r.summaries if s.gait == truth), None) for r in (reading, true))
    duty = phase = float("nan")
    if ours is not None and theirs is not None and clip.kind != "transition":
        duty = float(np.nanmean(np.abs(np.subtract(ours.duty, theirs.duty))))
        phase = float(np.nanmean(phase_distance(np.array(ours.on_phase), np.array(theirs.on_phase))[[0, 1, 3]]))
    return Row(clip.name, clip.motion.fps, truth, reading, time_right, duty, phase)


def fitted(clip: Clip3D, seen: Seen2D, lifter: Lifter, keep: Path | None) -> Motion:
    """Return what lifting and fitting make of a clip's keypoints, or what they made before."""
    if keep is not None and keep.is_file():
        return read_motion(keep)
    K = clip.told_K(True)
    lifted = lifter.lift(seen.uv_px, seen.confidence, K, clip.motion.t_s)
    motion = fit(observe(clip, seen, lifted, K), Shape(clip.height_m)).motion
    if keep is not None:
        keep.parent.mkdir(parents=True, exist_ok=True)
        write_motion(keep, motion)
    return motion


def print_rows(title: str, rows: list[Row], each: bool) -> None:
    """Print the figures of one source."""
    fast = [r for r in rows if r.fps >= 60 and r.right]
    told = [r for r in rows if r.by_rules]
    rules_right = sum(r.by_rules == r.truth for r in told)
    time_right = 100 * np.mean([r.time_right for r in rows])
    print(
        f"{title:12}{sum(r.right for r in rows):4d} of {len(rows)} right{time_right:7.1f} %"
        f" of time right; rules {rules_right} of {len(told)}; at 60 frames/s duty off by"
        f" {np.nanmean([r.duty_error for r in fast]):.3f}, phase by {np.nanmean([r.phase_error for r in fast]):.3f}"
    )
    for truth in dict.fromkeys(r.truth for r in rows):
        named = Counter(r.reading.main for r in rows if r.truth == truth)
        others = ", ".join(f"{gait} {count}" for gait, count in named.items() if gait != truth)
        print(f"    {truth:14}{named[truth]:3d} of {named.total():2d}" + (f"; else {others}" if others else ""))
    for r in rows if each else [r for r in rows if not r.right]:
        print(
            f"    {r.name:20} {r.fps:3.0f} f/s  {'' if r.right else 'WRONG '}{r.truth}: {r.reading.line};"
            f" time right {100 * r.time_right:.0f} %, duty {r.duty_error:.3f}, phase {r.phase_error:.3f}"
        )


def print_real(folder: Path, classifier: GaitClassifier) -> None:
    """Read every video of a folder from its pixels on."""
    for path in sorted(p for p in folder.iterdir() if p.suffix in VIDEOS):
        motion, _ = solve_motion(AnimateOptions(inputs=(str(path),), output=folder_for(path)))
        reading = read_gait(motion, classifier)
        expected = path.stem.split("_")[0]
        right = expected in {bout.gait.split("_")[0] for bout in reading.bouts}
        print(f"    {path.stem:20} {'' if right else 'WRONG '}{reading.line}; {reading.doubt}")


def folder_for(path: Path) -> Path:
    """Return a folder that work on a video may wait in."""
    return CACHE.parent / f"kinequimation-gait-{path.stem}"


def drawn(clip: Clip3D, everything: bool) -> bool:
    """Whether the 2D network is to look at a clip."""
    return clip.drawn or (everything and clip.group == "known")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the clips")
    parser.add_argument("--all-drawn", action="store_true", help="draw every known clip (8 s each on an idle core)")
    parser.add_argument("--fps", type=float, help="film all clips at this rate; default: each at its own")
    parser.add_argument("--weights", type=Path, help="the classifier; default: what ships")
    parser.add_argument("--lifter", type=Path, help="the lifter; default: what ships")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of what the 2D network found")
    parser.add_argument("--no-true", action="store_true", help="not through the true 2D")
    parser.add_argument("--no-drawn", action="store_true", help="not through the network's 2D")
    parser.add_argument("--clips", action="store_true", help="also print each clip's own line")
    parser.add_argument("--motions", type=Path, help="keep the fitted motions here, and take those that are there")
    parser.add_argument("--real", type=Path, help="also read the videos of this folder")
    args = parser.parse_args()
    classifier = GaitClassifier(args.weights)
    clips = test_clips(groups=("known", "rare move"), every=5 if args.quick else 1, fps=args.fps)
    print_rows("truth", [compare(c, c.motion, classifier) for c in clips], args.clips)
    sources: dict[str, list[tuple[Clip3D, Seen2D]]] = {}
    if not args.no_true:
        sources["true 2D"] = [(c, Seen2D(*c.seen_truly())) for c in clips]
    if not args.no_drawn:
        estimator = load_estimator(device="cpu")
        sources["network 2D"] = [(c, network_2d(c, estimator, args.cache)) for c in clips if drawn(c, args.all_drawn)]
    lifter = Lifter(args.lifter, device="cpu", n_threads=1)
    for source, seen in sources.items():
        rows = []
        for clip, points in seen:
            name = f"{source.replace(' ', '_')}_{clip.index}_{clip.motion.fps:g}.npz"
            motion = fitted(clip, points, lifter, None if args.motions is None else args.motions / name)
            rows.append(compare(clip, motion, classifier))
        print_rows(source, rows, args.clips)
    if args.real is not None:
        print_real(args.real, classifier)


if __name__ == "__main__":
    main()
