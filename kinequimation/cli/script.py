"""The scripts of ``dataset_pipeline``: steps of ``kinequimation dataset`` under names of their own."""

from __future__ import annotations

import sys
from typing import NoReturn

from kinequimation.cli.main import main
from kinequimation.dataset.blender_process import arguments_of_script


def run_script(step: str) -> NoReturn:
    """Run a step with the arguments that the script was given, by Python or by Blender, and end the process."""
    sys.exit(main(["dataset", step, *arguments_of_script(sys.argv)]))
