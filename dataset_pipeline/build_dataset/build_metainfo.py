"""Write MMPose's dataset file of horse68; see ``--help``.

python dataset_pipeline/build_dataset/build_metainfo.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.cli.main import main

arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
sys.exit(main(["dataset", "metainfo", *arguments]))
