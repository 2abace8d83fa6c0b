"""Find 2D keypoints in an image or a video with a trained network; see ``--help``.

python model_pipeline/evaluation/inference.py --config model_pipeline/configs/hrnet_w32_horse68_256x256.py \\
    --checkpoint outputs/checkpoints/hrnet_w32_horse68_best.pth --image data/images/test_horse.png \\
    --out outputs/predictions/
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["predict", *sys.argv[1:]]))
