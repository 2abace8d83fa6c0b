"""Train a pose network, or fine-tune it; the same as ``kinequimation train pose2d``: see ``--help``.

python model_pipeline/training/train_pose.py --network hrnet_w32
torchrun --nproc-per-node 4 model_pipeline/training/train_pose.py --network hrnet_w32
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", "pose2d", *sys.argv[1:]]))
