"""Sheets of all there is: each can be asked for by name, and shows what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinequimation.body import BREEDS
from kinequimation.cli.horse import SHEET_NAMES
from kinequimation.cli.main import main
from kinequimation.errors import MissingDependencyError
from kinequimation.synth.renderer import renderer
from kinequimation.synth.sheets import SHEETS


def test_the_command_names_every_sheet():
    assert tuple(SHEETS) == SHEET_NAMES


@pytest.mark.parametrize("name", ["horses.png", "breeds.jpg", "breeds"])
def test_a_sheet_that_is_not_known_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["horse", "--sheet", str(tmp_path / name)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "breeds.png, coats.png, gaits.png, crops.png" in lines[0]
    assert not list(tmp_path.iterdir())


def test_every_breed_stands_on_its_sheet(tmp_path: Path):
    try:
        renderer()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    assert main(["horse", "--sheet", str(tmp_path / "breeds.png")]) == 0
    sheet = np.asarray(Image.open(tmp_path / "breeds.png").convert("RGB")).astype(float)
    # three tiles a row; where a tile shows a horse it is uneven, while ground and wall are plain
    rows, columns = -(-len(BREEDS) // 3), 3
    height, width = sheet.shape[0] / rows, sheet.shape[1] / columns
    for i in range(len(BREEDS)):
        top, left = int(i // columns * height), int(i % columns * width)
        tile = sheet[top : top + int(height), left : left + int(width)]
        wall = tile[30:60, 10:60]
        trunk = tile[int(0.5 * height) : int(0.8 * height), int(0.15 * width) : int(0.5 * width)]
        assert trunk.std((0, 1)).min() > 15 > 3 * wall.std((0, 1)).max(), list(BREEDS)[i]
