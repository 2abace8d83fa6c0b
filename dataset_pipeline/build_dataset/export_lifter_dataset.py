"""Make sequences for training a lifter of rendered frames; see ``--help``.

python dataset_pipeline/build_dataset/export_lifter_dataset.py --root RENDERS --out lifter.npz
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.main import main

arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
sys.exit(main(["dataset", "lifter", *arguments]))
