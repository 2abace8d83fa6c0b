"""Errors of the lifter on the clips of ``clips3d``, and on single frames of them.

    python benchmarks/lift.py [--weights FILE] [--cache DIR] [--no-drawn] [--quick]

Lengths are per cent of withers height (1 % is 16 mm on a horse of 1.60 m). "true 2D" is every keypoint inside the image
at its true pixel; "network 2D" is what the keypoint network and the cleaning over time make of the drawn clip. K is the
camera's own, or the default that users have (f = √(w² + h²)). With a wrong K the true camera axes are themselves not
those of the picture, so errors before alignment hold that too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from clips3d import CACHE, Clip3D, Seen2D, network_2d, test_clips

from kinequimation import skeleton
from kinequimation.lift import Lifter
from kinequimation.lift.evaluate import (
    GROUP_POINTS,
    LEAST_POINTS,
    LiftErrors,
    LiftScores,
    LiftTruth,
    compare,
    summarize,
)
from kinequimation.pose2d.estimator import load_estimator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kinequimation.lift.infer import Lifted

SINGLE_EVERY_S = 0.25
"""Single frames are taken this far apart."""
_SACRUM = skeleton.KEYPOINT_INDEX[skeleton.SACRUM]


def truth_of(clip: Clip3D) -> LiftTruth:
    """Return what a lifter should make of a clip."""
    xyz = clip.xyz_cam / clip.height_m
    return LiftTruth(
        xyz_cam=xyz - xyz[:, [_SACRUM]],
        root_xyz_cam=xyz[:, _SACRUM],
        up_cam=clip.T_cam_world[:, :3, 2],
        contact=clip.motion.contact,
        use=(clip.inside.sum(-1) >= LEAST_POINTS) & (xyz[:, _SACRUM, 2] > 0.5),
        fps=clip.motion.fps,
    )


def _single(lifter: Lifter, clip: Clip3D, seen: Seen2D, K: np.ndarray, truth: LiftTruth) -> list[LiftErrors]:
    """Lift frames of a clip each for itself."""
    rows = []
    for t in range(0, len(clip.motion), max(1, round(SINGLE_EVERY_S * clip.motion.fps))):
        part = slice(t, t + 1)
        if truth.use[t]:
            lifted: Lifted = lifter.lift(seen.uv_px[part], seen.confidence[part], K, np.zeros(1))
            one = LiftTruth(
                truth.xyz_cam[part],
                truth.root_xyz_cam[part],
                truth.up_cam[part],
                truth.contact[part],
                truth.use[part],
                truth.fps,
            )
            rows.append(compare(lifted, one))
    return rows


def measure(lifter: Lifter, clips: Sequence[tuple[Clip3D, Seen2D]], known_K: bool, single: bool) -> LiftScores:
    """Lift clips, or single frames of them, and return the scores."""
    rows: list[LiftErrors] = []
    for clip, seen in clips:
        K, truth = clip.told_K(known_K), truth_of(clip)
        if single:
            rows += _single(lifter, clip, seen, K, truth)
        else:
            rows.append(compare(lifter.lift(seen.uv_px, seen.confidence, K, clip.motion.t_s), truth))
    return summarize(rows)


def _print_head(title: str) -> None:
    print(f"\n{title}")
    names = ("MPJPE", "N-MPJPE", "PA", "hoofPA", "vel/s", "yaw", ">90°", "up", "depth", "F1")
    print(f"{'':40}{'frames':>7}" + "".join(f"{n:>8}" for n in names) + "  PA by part: " + ", ".join(GROUP_POINTS))


def _print_row(label: str, s: LiftScores) -> None:
    row = f"{label:40}{s.n_frames:7d}{s.mpjpe:8.2f}{s.n_mpjpe:8.2f}{s.pa_mpjpe:8.2f}{s.pa_groups['hooves']:8.2f}"
    row += f"{s.velocity:8.1f}{s.yaw_deg:8.2f}{100 * s.facing_wrong:7.2f}%{s.up_deg:8.2f}{s.root_depth:8.2f}"
    print(row + f"{s.contact_f1:8.3f}    " + " ".join(f"{v:5.2f}" for v in s.pa_groups.values()))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="the lifter; default: what ships")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of what the 2D network found")
    parser.add_argument("--no-drawn", action="store_true", help="true 2D only")
    parser.add_argument("--quick", action="store_true", help="a fifth of the clips")
    args = parser.parse_args()
    lifter = Lifter(args.weights, device="cpu", n_threads=1)
    clips = test_clips(every=5 if args.quick else 1)
    true = [(clip, Seen2D(*clip.seen_truly())) for clip in clips]
    drawn: list[tuple[Clip3D, Seen2D]] = []
    if not args.no_drawn:
        estimator = load_estimator(device="cpu")
        drawn = [(clip, network_2d(clip, estimator, args.cache)) for clip in clips if clip.drawn]
    for known_K in (True, False):
        _print_head(f"K {'of the camera' if known_K else 'the default'}; per cent of withers height, degrees")
        for source, rows in (("true 2D", true), ("network 2D", drawn)):
            for group in ("known", "unseen gait", "rare move"):
                chosen = [(clip, seen) for clip, seen in rows if clip.group == group]
                for single in (False, True):
                    if chosen:
                        target = "  *" if known_K and group == "known" else ""
                        label = f"{source}, {'frames' if single else 'clips'}, {group}{target}"
                        _print_row(label, measure(lifter, chosen, known_K, single))
    print(
        "\n* the lines that the targets are for (clips: PA 2.5, MPJPE 5, hooves' PA 5, yaw 8 with true 2D, PA 4.5 and"
    )
    print("  yaw 12 with network 2D; single frames: PA 5 and 7).")
    _print_head("true 2D, clips, K of the camera, by what the horse does")
    for kind in dict.fromkeys(clip.kind for clip in clips):
        _print_row(kind, measure(lifter, [(clip, seen) for clip, seen in true if clip.kind == kind], True, False))
    _print_head("the same by how the camera moves, what training knows")
    for camera in ("still", "pan", "track", "zoom"):
        chosen = [(clip, seen) for clip, seen in true if clip.camera == camera and clip.group == "known"]
        if chosen:
            _print_row(camera, measure(lifter, chosen, True, False))


if __name__ == "__main__":
    main()
