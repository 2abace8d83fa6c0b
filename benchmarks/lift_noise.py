"""How the errors that the lifter is trained on compare with those of the 2D network on drawn clips.

    kinequimation dataset recordings --count 200 --out recordings.npz
    python benchmarks/lift_noise.py recordings.npz

Errors over the horse's box: quantiles of all points, of hooves, and of the medians of whole clips; confidences; and how
long errors last, as the correlation of a point's error (less its mean over the clip) with that of 1, 3, 9 and 27 frames
later. *network*: the recordings as they are. *borrowed*: other clips with their errors. *imagined*: ``NoiseConfig``,
without what it leaves out on purpose.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

from kinequimation import skeleton
from kinequimation.lift import borrowed, data
from kinequimation.lift.noise import NO_NOISE, NoiseConfig
from kinequimation.lift.project import box_px
from kinequimation.lift.recordings import read_recordings

N_CLIPS, POOL_SEED, N_POOL = 300, 991, 60
LAGS = (1, 3, 9, 27)
_HOOVES = [skeleton.KEYPOINT_INDEX[name] for name in skeleton.GROUPS["hoof"]]
_SMALL = 0.1


def describe(name: str, clips: data.FilmedClips) -> None:
    """Print the quantiles of one kind of clips."""
    box = box_px(clips.xyz_cam + clips.root_xyz_cam[:, :, None], clips.K_true)
    known = (clips.confidence > 0) & clips.visible
    offset = np.where(known[..., None], (clips.uv_px - clips.uv_true_px) / box[..., None, None], np.nan)
    error = np.linalg.norm(offset, axis=-1)
    rows = {
        "points  25 50 75 90 97 %": np.nanpercentile(error, (25, 50, 75, 90, 97)),
        "hooves  25 50 75 90 97 %": np.nanpercentile(error[:, :, _HOOVES], (25, 50, 75, 90, 97)),
        "clips    5 25 50 75 95 %": np.nanpercentile(np.nanmedian(error, axis=(1, 2)), (5, 25, 50, 75, 95)),
        "confidence 5 25 50 75 95": np.percentile(clips.confidence[known], (5, 25, 50, 75, 95)),
    }
    offset = offset - np.nanmean(offset, axis=1, keepdims=True)
    lasting = []
    for lag in LAGS:
        a, b = offset[:, :-lag].ravel(), offset[:, lag:].ravel()
        usable = np.isfinite(a) & np.isfinite(b) & (np.abs(a) < _SMALL) & (np.abs(b) < _SMALL)
        lasting.append(np.corrcoef(a[usable], b[usable])[0, 1])
    rows["lasts 1 3 9 27 frames"] = np.array(lasting)
    for label, values in rows.items():
        print(f"{name:10}{label:26}" + "".join(f"{v:8.3f}" for v in values))


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    args = parser.parse_args()
    warnings.filterwarnings("ignore", "Mean of empty slice|All-NaN slice")
    recordings = read_recordings(args.recordings)
    length = recordings.uv_px.shape[1]
    pool = data.make_pool(POOL_SEED, N_POOL)
    data.ERROR_FACTOR = borrowed.ERROR_FACTOR = (1.0, 1.0)
    describe("network", data.recorded_clips(recordings, 5, 0, N_CLIPS, length, NO_NOISE))
    errors = borrowed.errors_of(recordings)
    describe("borrowed", data.film_clips(pool, 5, 0, N_CLIPS, length, NO_NOISE, errors=errors))
    noise = NoiseConfig(p_clean=0.0, p_block=(0, 0), p_limb=0, p_frame=0, missing=0)
    describe("imagined", data.film_clips(pool, 5, 0, N_CLIPS, length, noise))


if __name__ == "__main__":
    main()
