"""Errors of the shipped lifter on generated clips that its training has not seen.

python benchmarks/lift.py [--weights FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kinequimation.lift import Lifter
from kinequimation.lift.data import make_pool
from kinequimation.lift.evaluate import evaluate
from kinequimation.lift.noise import NO_NOISE, NoiseConfig

POOL_SEED, FILM_SEED, N_POOL = 424_242, 5, 80


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="default: what ships")
    lifter = Lifter(parser.parse_args().weights, device="cpu")
    pool = make_pool(POOL_SEED, N_POOL)
    print(f"{'input':12}{'frames':>7}{'MPJPE':>8}{'PA':>7}{'legs':>7}{'yaw':>7}{'up':>7}{'depth':>8}{'F1':>7}")
    for label, noise in (("true 2D", NO_NOISE), ("noisy 2D", NoiseConfig())):
        for n_frames, n_clips in ((1, 400), (81, 80)):
            s = evaluate(lifter, pool, FILM_SEED, n_clips, n_frames, noise, True)
            row = f"{label:12}{n_frames:7d}{s.mpjpe:8.2f}{s.pa_mpjpe:7.2f}{s.distal_mpjpe:7.2f}"
            print(row + f"{s.yaw_deg:7.2f}{s.up_deg:7.2f}{s.root_depth:8.2f}{s.contact_f1:7.3f}")


if __name__ == "__main__":
    main()
