"""Draw the labels of rendered frames on their images, to look at; see ``--help``.

python dataset_pipeline/debug/viz_overlay_skeleton.py --root dataset_pipeline/data/renders --out outputs/overlays
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.script import run_script

if __name__ == "__main__":
    run_script("overlay")
