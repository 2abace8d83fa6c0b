"""Render a rigged horse with labels, in a Python that has bpy or in Blender; see ``--help``.

python dataset_pipeline/blender_export/render_dataset.py --out DIR --actions Walk,Trot --cameras 12
blender --background --python dataset_pipeline/blender_export/render_dataset.py -- --out DIR --actions Walk,Trot
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.blender.commands import run_script

if __name__ == "__main__":
    run_script("render")
