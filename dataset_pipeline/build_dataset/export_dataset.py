"""Make COCO keypoint files, a table and shards of rendered frames; see ``--help``.

python dataset_pipeline/build_dataset/export_dataset.py --root RENDERS --out OUT
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.main import main

arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
sys.exit(main(["dataset", "build", *arguments]))
