"""Train the lifter; the same as ``kinequimation train lift``: see ``--help``.

python model_pipeline/training/train_lifter.py
python model_pipeline/training/train_lifter.py --data dataset_pipeline/data/lifter_sequences.npz
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", "lift", *sys.argv[1:]]))
