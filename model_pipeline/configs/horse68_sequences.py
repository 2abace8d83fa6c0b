"""What MMPose needs to train a lifter on the file of ``export_lifter_dataset.py``: a dataset and two transforms.

A window of frames goes in, the 3D pose of its middle frame is learned. ``CutOutHorse`` takes the camera out of both:
the horse is cut out of each frame of the window and scaled to one size, and the pose is turned to how the horse looks
from where it stands (a horse at the edge of a wide picture is seen from another side than the camera's axes say). It
stands in the pipeline of the test too, and MMPose's own inference runs that on what a 2D network found.
"""

import copy
import sys
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, TRANSFORMS

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.dataset.lifter_sequences import SequenceFile
from kinequimation.errors import KinEquiMationError
from kinequimation.lift.normalize import rays, rotation_to_axis

_JOINTS = 68
_METAINFO_KEYS = ("upper_body_ids", "lower_body_ids", "flip_pairs", "dataset_keypoint_weights", "flip_indices")
_LEAST_SEEN = 34
"""Joints that must lie in the picture for a frame to be learned: half of them, a guess."""


@DATASETS.register_module()
class HorseSequenceDataset(BaseDataset):
    """Windows of the sequences of one part of a file, one for each frame that holds the horse.

    Beyond the ends of a sequence its first and last frame are repeated. Lengths are in withers heights, which is all
    that one camera can tell; in axes of the camera, x right, y down, z forward.

    Args:
        part: ``train``, ``val`` or ``test``.
        seq_len: frames of a window, odd.
        fps: frames a second of a window: of quicker sequences every second, third, ... frame is taken.
        kwargs: of mmengine's ``BaseDataset``; ``ann_file`` is the ``.npz``.
    """

    def __init__(self, part: str, seq_len: int = 27, fps: float = 30.0, **kwargs) -> None:
        self.part, self.seq_len, self.fps = part, seq_len, fps
        super().__init__(**kwargs)

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        return parse_pose_metainfo(copy.deepcopy(metainfo))

    def load_data_list(self) -> list[dict]:
        """List the windows: number of the sequence and of the middle frame."""
        try:
            self._file = SequenceFile(Path(self.ann_file))
            numbers = np.flatnonzero(self._file.part == self.part)
            kept = [(int(i), np.flatnonzero((_visible(self._file[i]) > 0).sum(1) >= _LEAST_SEEN)) for i in numbers]
        except KinEquiMationError as error:
            hint = "; dataset_pipeline/build_dataset/export_lifter_dataset.py makes it (docs/lifting.md)"
            raise SystemExit(f"{error}{'' if Path(self.ann_file).exists() else hint}") from error
        windows = [{"sequence": i, "middle": int(t)} for i, frames in kept for t in frames]
        if not windows:
            raise SystemExit(f"{self.ann_file}: expected frames with a horse in the part {self.part}, found none")
        return windows

    def get_data_info(self, idx: int) -> dict:
        """Return one window in the words of MMPose's pipelines for lifting."""
        window = super().get_data_info(idx)
        sequence, middle = self._file[window["sequence"]], window["middle"]
        step = max(1, round(sequence.fps / self.fps))
        reach = self.seq_len // 2
        rows = np.clip(middle + step * np.arange(-reach, reach + 1), 0, len(sequence) - 1)
        unit_m = sequence.unit_m
        return {
            "keypoints": sequence.uv_px[rows, :_JOINTS],
            "keypoints_visible": _visible(sequence)[rows],
            "lifting_target": sequence.xyz_cam[[middle], :_JOINTS] / np.float32(unit_m),
            "lifting_target_visible": np.ones((1, _JOINTS), np.float32),
            "K": sequence.K[middle],
            "target_img_path": f"{sequence.clip}/c{sequence.camera:02d}/f{sequence.frame[middle]:05d}",
            "id": idx,
            "category_id": 1,
            **{key: copy.deepcopy(self._metainfo[key]) for key in _METAINFO_KEYS},
        }


def _visible(sequence) -> np.ndarray:
    return (sequence.visibility[:, :_JOINTS] > 0).astype(np.float32)


@TRANSFORMS.register_module()
class CutOutHorse(BaseTransform):
    """Move the horse of each frame to the middle of a picture of 2 × 2 that it about fills, and turn the pose with it.

    The middle of a frame is the mean of its joints; the scale is one for the window, twice the spread of its joints
    about it (the square root of the mean square). ``VideoPoseLifting`` then takes the picture to −1 … 1. Where ``K`` is
    known, which it is in training, the pose is turned about the camera by the smallest rotation that takes the ray to
    the horse onto the axis; what is predicted stands in these axes.
    """

    def transform(self, results: dict) -> dict:
        """Return the window, cut out."""
        uv = np.asarray(results["keypoints"], np.float32)
        is_known = np.isfinite(uv).all(-1)
        share = is_known / np.maximum(is_known.sum(1, keepdims=True), 1)
        centre = np.einsum("tk,tkc->tc", share, np.where(is_known[..., None], uv, 0.0))
        offset = np.where(is_known[..., None], uv - centre[:, None], 0.0)  # behind the camera: in the middle
        spread = np.sqrt((offset**2).sum(-1).sum() / max(is_known.sum(), 1))
        results["keypoints"] = (1 + offset / max(2 * spread, 1e-6)).astype(np.float32)
        results["camera_param"] = {"w": 2.0, "h": 2.0}
        if "K" in results:
            middle = centre[[len(centre) // 2]].astype(float)
            turn = rotation_to_axis(rays(middle, results["K"])[0])
            results["lifting_target"] = (results["lifting_target"] @ turn.T).astype(np.float32)
        return results


@TRANSFORMS.register_module()
class KeypointNoise(BaseTransform):
    """Move the joints of a window as a 2D network would: some err all along, all jitter.

    The size is drawn for each window; two thirds of its variance last for the window, as errors of networks do. The
    range is a judgement, from a perfect 2D to one whose joints lie 3 % of the horse's box off.

    Args:
        smallest, largest: standard deviation, shares of the picture that ``CutOutHorse`` makes.
    """

    def __init__(self, smallest: float = 0.002, largest: float = 0.03) -> None:
        self.range = np.log([smallest, largest])

    def transform(self, results: dict) -> dict:
        """Return the window with errors."""
        uv = results["keypoints"]
        side = results["camera_param"]["w"]
        level = side * np.exp(np.random.uniform(*self.range))
        lasting = np.random.standard_normal((1, *uv.shape[1:]))
        jitter = np.random.standard_normal(uv.shape)
        results["keypoints"] = (uv + level * (0.8 * lasting + 0.6 * jitter)).astype(np.float32)
        return results
