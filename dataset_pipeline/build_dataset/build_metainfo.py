"""Write MMPose's dataset file of horse68; see ``--help``.

python dataset_pipeline/build_dataset/build_metainfo.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.script import run_script

if __name__ == "__main__":
    run_script("metainfo")
