"""Find what is wrong with renders, and with a dataset made of them; see ``--help``.

python dataset_pipeline/debug/sanity_check.py --root dataset_pipeline/data/renders --dataset dataset_pipeline/data/coco
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.blender.commands import arguments_of_script
from kinequimation.cli.main import main

if __name__ == "__main__":  # the check starts processes, which read this file again
    sys.exit(main(["dataset", "check", *arguments_of_script(sys.argv)]))
