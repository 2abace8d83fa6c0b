"""Write the rigged horse with its gaits and moves as a .blend, in a Python that has bpy or in Blender; see ``--help``.

python dataset_pipeline/blender_export/build_assets.py --out assets/horse.blend --breed arabian --coat tobiano
blender --background --python dataset_pipeline/blender_export/build_assets.py -- --coat tobiano
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.blender.commands import run_script

if __name__ == "__main__":
    run_script("assets")
