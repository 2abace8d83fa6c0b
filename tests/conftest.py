"""Fixtures that several files use: Blender, where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinequimation.dataset.blender_process import blender_executable
from kinequimation.errors import MissingDependencyError


@pytest.fixture(scope="session")
def blender() -> Path:
    """The Python that has ``bpy``, or Blender's executable; ``python3 run.py blender`` installs the former."""
    try:
        return blender_executable()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def blender_python(blender: Path) -> Path:
    """The Python that has ``bpy``, for tests that run code of their own in it."""
    if blender.stem.lower().startswith("blender"):
        pytest.skip("needs a Python that has bpy")
    return blender
