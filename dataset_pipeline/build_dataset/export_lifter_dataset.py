"""Make sequences for training a lifter of rendered frames; see ``--help``.

python dataset_pipeline/build_dataset/export_lifter_dataset.py --root RENDERS --out lifter.npz
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.script import run_script

if __name__ == "__main__":
    run_script("lifter")
