"""MMPose's half of mmpose_lift.py: what MMPose's own lifting says about 2D. It runs in MMPose's environment alone.

python benchmarks/mmpose_lift_run.py JOB.json, from the repository's root. The job has ``config``, ``checkpoint``,
``input``, an npz with ``uv_px`` [T, 68, 2] of one clip and ``image_size`` [2], and ``out``: an npz with ``xyz``
[T, 68, 3], lifted frame by frame from windows that MMPose cuts.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.apis import extract_pose_sequence, inference_pose_lifter_model, init_model
from mmpose.structures import PoseDataSample


def main() -> None:
    """Run one job."""
    torch.set_num_threads(1)
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    model = init_model(job["config"], job["checkpoint"], device="cpu")
    with np.load(job["input"]) as data:
        uv_px, image_size = data["uv_px"], data["image_size"]
    frames = [[_as_found(points)] for points in uv_px]
    xyz = []
    for t in range(len(frames)):
        window = extract_pose_sequence(
            frames, frame_idx=t, causal=False, seq_len=model.cfg.test_dataloader.dataset.seq_len
        )
        (result,) = inference_pose_lifter_model(model, window, with_track_id=True, image_size=image_size)
        xyz.append(np.asarray(result.pred_instances.keypoints).reshape(-1, 3))
    np.savez(job["out"], xyz=np.stack(xyz))


def _as_found(points: np.ndarray) -> PoseDataSample:
    """Return points as MMPose's 2D networks give them."""
    sample = PoseDataSample()
    box = np.concatenate([points.min(0), points.max(0)])[None]
    sample.pred_instances = InstanceData(keypoints=points[None].astype(np.float32), bboxes=box)
    sample.gt_instances = InstanceData()
    sample.track_id = 0
    return sample


if __name__ == "__main__":
    main()
