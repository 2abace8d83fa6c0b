"""What may import what, beside the layers that lint-imports checks."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

import kinequimation

PACKAGE = Path(kinequimation.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

OWNERS: dict[str, tuple[str, ...]] = {
    "torch": ("gait/*.py", "detect/*.py", "pose2d/*.py", "lift/*.py", "cli/train.py"),
    "moderngl": ("synth/renderer.py",),
    "skimage": ("body/build_mesh.py",),
    "fast_simplification": ("body/build_mesh.py",),
    "matplotlib": (),
    "cv2": (),
    "bpy": ("blender/*.py",),
}
"""Heavy packages, and the only modules that may name them."""


@lru_cache
def imported_packages(path: Path) -> set[str]:
    """Return the top-level packages that a file imports anywhere in it, less those for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            typing_only |= {inner for statement in node.body for inner in ast.walk(statement)}
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def loaded_after(statement: str) -> set[str]:
    """Return the top-level packages in memory after a statement in a fresh Python."""
    code = f"{statement}\nimport sys, json; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", OWNERS)
def test_heavy_packages_stay_with_their_owners(package: str) -> None:
    for path in MODULES:
        relative = path.relative_to(PACKAGE)
        if package in imported_packages(path):
            assert any(relative.match(owner) for owner in OWNERS[package]), f"{relative} imports {package}"


def test_importing_the_library_loads_no_dependency() -> None:
    loaded = loaded_after("import kinequimation")
    assert not loaded & {"scipy", "onnxruntime", "av", "PIL", "torch", "moderngl", "matplotlib", "jaxtyping"}


def test_the_horse_needs_numpy_only() -> None:
    loaded = loaded_after("import kinequimation.body, kinequimation.motion")
    assert "numpy" in loaded
    assert not loaded & {"scipy", "onnxruntime", "av", "PIL", "torch", "moderngl", "matplotlib", "jaxtyping"}


def test_the_command_line_starts_without_networks_or_renderers() -> None:
    loaded = loaded_after("import kinequimation.cli.main")
    assert not loaded & {"onnxruntime", "torch", "moderngl", "matplotlib", "av", "scipy", "jaxtyping"}


def test_inference_loads_no_training_package() -> None:
    loaded = loaded_after("from kinequimation import detect, fit, lift, pipeline, pose2d, viz")
    assert "onnxruntime" not in loaded, "it is slow to load: open it when a model is opened"
    assert not loaded & {"torch", "onnx", "moderngl", "skimage", "matplotlib"}


def test_versions_agree() -> None:
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{kinequimation.__version__}"' in text


def test_the_networks_that_ship_take_25_megabytes_at_most() -> None:
    sizes = {path.name: path.stat().st_size for path in (PACKAGE / "weights").glob("*.onnx")}
    assert sum(sizes.values()) <= 25e6, sizes
