"""Who is who: identities over hand-made and rendered crossings, and boxes that come from a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.detect import Detection, HorseFinder
from kinequimation.detect.find import Look, distinct
from kinequimation.detect.given import GivenBoxes, load_detector
from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.pipeline.observe import observe_horses
from kinequimation.pipeline.tracker import Tracker, colour_distance, colours_of, one_a_horse
from kinequimation.runtime import no_progress

RNG = np.random.default_rng(3)
SHAPES = RNG.uniform(0, 1, (2, skeleton.NUM_KEYPOINTS, 2))
"""Two poses, as shares of the box."""
COLOURS = np.array([[150, 90, 60], [60, 60, 64]], np.uint8)


def look(horse: int, x: float, y: float = 40.0, sure: float = 0.9) -> Look:
    """Return a look at one of two horses of 100 by 80 pixels whose left edge is at x."""
    uv = SHAPES[horse] * [100, 80] + [x, y]
    return Look(np.array([x, y, 100.0, 80.0]), 0.9, uv, np.full(len(uv), sure))


def frame(places: dict[int, float]) -> np.ndarray:
    """Return a picture of coloured boxes at places, the last in front."""
    image = np.full((200, 700, 3), 190, np.uint8)
    for horse, x in places.items():
        image[40:120, max(0, int(x)) : max(0, int(x) + 100)] = COLOURS[horse]
    return image


@pytest.mark.parametrize("same_colour", [False, True])
def test_horses_that_pass_keep_their_tracks_though_one_is_hidden(same_colour: bool) -> None:
    """One goes right, one left and behind it; while they overlap by half only the front one is seen."""
    tracker = Tracker()
    numbers: dict[int, set[int]] = {0: set(), 1: set()}
    n_hidden = 0
    for t in range(100):
        left, right = 20 + 5.0 * t, 520 - 5.0 * t
        image = frame({0: left} if same_colour else {1: right, 0: left})
        if same_colour:
            image[40:120] = COLOURS[0]
        looks = [look(0, left)]
        if abs(left - right) > 50:
            looks.append(look(1, right))
        else:
            looks.append(look(0, left, sure=0.8))  # the box of the hidden one shows the front one
            n_hidden += 1
        for track, seen in tracker.update(image, t / 25, one_a_horse(looks)):
            numbers[0 if seen.bbox_xywh[0] == left else 1].add(track.number)
    assert n_hidden > 8
    assert numbers == {0: {0}, 1: {1}}


def test_a_horse_that_comes_back_is_known_by_its_colours() -> None:
    tracker = Tracker()
    for t in range(10):
        tracker.update(frame({0: 50, 1: 400}), t / 25, [look(0, 50), look(1, 400)])
    for t in range(10, 110):
        tracker.update(frame({1: 400}), t / 25, [look(1, 400)])
    # four seconds later, elsewhere and in another pose
    seen = tracker.update(frame({0: 250, 1: 400}), 110 / 25, [look(1, 400), look(0, 250)])
    assert {track.number: float(found.bbox_xywh[0]) for track, found in seen} == {0: 250.0, 1: 400.0}


def test_colours_tell_coats_apart_and_not_light() -> None:
    one, other = (colours_of(frame({horse: 50}), look(horse, 50)) for horse in (0, 1))
    brighter = colours_of((frame({0: 50}) * 1.05).astype(np.uint8), look(0, 50))
    assert np.sum(one**2) == pytest.approx(1.0)
    assert colour_distance(one, brighter) < 0.5 * colour_distance(one, other)
    nowhere = Look(np.array([900.0, 900, 10, 10]), 0.5, np.full((103, 2), 900.0), np.full(103, 0.9))
    assert not colours_of(frame({}), nowhere).any()


def test_two_boxes_of_one_horse_are_one_and_two_horses_side_by_side_are_two() -> None:
    a, again, beside = look(0, 50), look(0, 53, sure=0.7), look(1, 80)
    assert distinct([again, a, beside]) == [a, beside]


def test_boxes_come_from_a_file(tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text("frame, x, y, w, h\n0,10,20,30,40\n2,1,2,3,4\n2,5,6,7,8\n", encoding="utf-8")
    given = GivenBoxes.read(table)
    image = np.zeros((4, 4, 3), np.uint8)
    boxes = [[d.bbox_xywh.tolist() for d in given.detect(image)] for _ in range(4)]
    assert boxes == [[[10, 20, 30, 40]], [], [[1, 2, 3, 4], [5, 6, 7, 8]], []]
    (tmp_path / "b.json").write_text(json.dumps([{"frame": 0, "bbox": [9.5, 19.5, 30, 40], "score": 0.5}]))
    (half,) = GivenBoxes.read(tmp_path / "b.json", (0.5, 0.5)).detect(image)
    np.testing.assert_allclose(half.bbox_xywh, [4.5, 9.5, 15, 20])
    assert half.score == 0.5
    for text in (
        "",
        "frame,x,y\n1,2,3",
        "frame,x,y,w,h\n0,1,2,nan,4",
        "frame,x,y,w,h\n-1,1,2,3,4",
        '{"a": 1}',
        "[[",
        "[1]",
    ):
        table.write_text(text, encoding="utf-8")
        with pytest.raises(InputError):
            GivenBoxes.read(table)


def test_a_detector_of_ones_own_is_loaded_or_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\nfrom kinequimation.detect import Detection\n\n"
        "class Mine:\n    def detect(self, image_rgb):\n        return [Detection(np.array([1.0, 2, 3, 4]), 0.9)]\n"
        "class Blind:\n    pass\nclass Broken:\n    def __init__(self):\n        raise RuntimeError('no camera')\n",
        encoding="utf-8",
    )
    (found,) = load_detector(f"{file}:Mine").detect(np.zeros((9, 9, 3), np.uint8))
    assert isinstance(found, Detection) and found.score == 0.9
    for name, says in {"Blind": "method", "Broken": "no camera", "None_": "None_", "": "file.py:Class"}.items():
        with pytest.raises(InputError, match=says):
            load_detector(f"{file}:{name}")


def test_two_rendered_horses_of_one_colour_pass_and_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the networks that ship, on the hardest of the benchmark's crossings, at half its frame rate."""
    pytest.importorskip("moderngl")
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    from crossings import Crossing, FilmedCrossing  # type: ignore[import-not-found]

    try:
        film = FilmedCrossing(Crossing(5, ("canter_left", "trot"), seconds=3.0, fps=12.5))
        finder = HorseFinder(device="cpu")
    except (MissingDependencyError, InputError) as error:
        pytest.skip(str(error))
    horses = observe_horses(film, finder, no_progress)
    assert len(horses) == 2
    assert [film.count_switches(horse.bbox_xywh) for horse in horses] == [0, 0]
    assert all(horse.found.mean() > 0.5 for horse in horses)
