"""``python -m kinequimation.blender COMMAND ...``: the commands that run inside Blender.

Python is one that has ``bpy``, or Blender itself: ``blender --background --python kinequimation/blender/__main__.py --
COMMAND ...``. Blender keeps the arguments before ``--`` for itself.
"""

import sys
from pathlib import Path

if str(Path(__file__).resolve().parents[2]) not in sys.path:  # Blender's own Python does not know this package
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kinequimation.blender.commands import run_and_exit
from kinequimation.dataset.blender_process import arguments_of_script

if __name__ == "__main__":
    run_and_exit(arguments_of_script(sys.argv) or ["--help"])
