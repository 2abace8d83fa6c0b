"""MMPose's half of mmpose_parity.py: what MMPose itself says about images. It runs in MMPose's environment alone.

python benchmarks/mmpose_run.py JOB.json, from the repository's root. The job has ``config``, ``checkpoint``,
``flip_test``, ``images`` (paths), ``bboxes_xywh`` and ``out``: an npz with keypoints [N, K, 2] in image pixels, scores
[N, K], heatmaps [N, K, h, w] and crops [N, H, W, 3] (RGB).
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import Compose
from mmpose.apis import inference_topdown, init_model


def main() -> None:
    """Run one job."""
    torch.set_num_threads(1)
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    options = {
        "model.backbone.init_cfg": None,
        "model.test_cfg.flip_test": job["flip_test"],
        "model.test_cfg.output_heatmaps": True,
    }
    model = init_model(job["config"], job["checkpoint"], device="cpu", cfg_options=options)
    pipeline = Compose(model.cfg.test_dataloader.dataset.pipeline)
    found = {"keypoints": [], "scores": [], "heatmaps": [], "crops": []}
    for path, bbox in zip(job["images"], job["bboxes_xywh"], strict=True):
        x, y, w, h = bbox
        corners = np.array([[x, y, x + w, y + h]], dtype=np.float32)
        (result,) = inference_topdown(model, path, corners, bbox_format="xyxy")
        found["keypoints"].append(result.pred_instances.keypoints[0])
        found["scores"].append(result.pred_instances.keypoint_scores[0])
        found["heatmaps"].append(result.pred_fields.heatmaps.numpy())
        cut = pipeline({"img_path": path, "bbox": corners, "bbox_score": np.ones(1, np.float32), **model.dataset_meta})
        found["crops"].append(cut["inputs"].numpy().transpose(1, 2, 0)[..., ::-1])
    np.savez(job["out"], **{name: np.stack(values) for name, values in found.items()})


if __name__ == "__main__":
    main()
