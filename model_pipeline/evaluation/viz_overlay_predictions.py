"""Draw predictions against the labels of a dataset; see ``--help``.

python model_pipeline/evaluation/viz_overlay_predictions.py --set LABELS.json --images DIR --checkpoint FILE.pth
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["overlay", *sys.argv[1:]]))
