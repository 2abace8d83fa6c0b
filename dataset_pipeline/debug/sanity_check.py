"""Find what is wrong with renders, and with a dataset made of them; see ``--help``.

python dataset_pipeline/debug/sanity_check.py --root dataset_pipeline/data/renders --dataset dataset_pipeline/data/coco
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.script import run_script

if __name__ == "__main__":
    run_script("check")
