"""Write the names and edges of a rig's deforming bones, in a Python that has bpy or in Blender; see ``--help``.

python dataset_pipeline/blender_export/export_skeleton_meta.py --blend assets/horse.blend --out assets
blender --background --python dataset_pipeline/blender_export/export_skeleton_meta.py -- --blend assets/horse.blend
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.blender.commands import run_script

if __name__ == "__main__":
    run_script("skeleton-meta")
