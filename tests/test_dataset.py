"""Label files in every dialect, hostile ones, and the scoring of whole sets."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinequimation import skeleton
from kinequimation.dataset.coco import LabelledHorse, LabelledImage, read_coco
from kinequimation.dataset.score import mean_pose_baseline, score
from kinequimation.errors import InputError

NAMES = ["nose", "carpus.L", "carpus.R", "DEF-hind_foot.L"]


def coco(names: list[str] = NAMES, **annotation: Any) -> dict[str, Any]:
    """Return a set of one image and one horse whose i-th point lies at (10 i, 5 i)."""
    keypoints = [v for i in range(len(names)) for v in (10.0 * i, 5.0 * i, 2)]
    return {
        "images": [{"id": 7, "file_name": "a/b.jpg", "width": 200, "height": 100, "source": "web: b.jpg"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [0, 0, 100, 50], "keypoints": keypoints, **annotation}
        ],
        "categories": [{"id": 1, "name": "horse", "keypoints": names}],
    }


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_points_land_in_their_slots(tmp_path: Path) -> None:
    data = coco(facing="L", lr_uncertain=["fore", "tentacle"])
    data["annotations"][0]["keypoints"][5] = 1
    data["annotations"][0]["keypoints"][8] = 0
    (image,) = read_coco(write(tmp_path / "set.json", data))
    (horse,) = image.horses
    assert image.path == tmp_path / "a" / "b.jpg" and image.source == "web"
    assert horse.facing == "L" and horse.lr_uncertain == ("fore",)
    slots = [skeleton.KEYPOINT_INDEX[n] for n in NAMES]
    np.testing.assert_array_equal(horse.visibility[slots], [2, 1, 0, 2])
    np.testing.assert_allclose(horse.uv_px[slots], [[0, 0], [10, 5], [np.nan, np.nan], [30, 15]])
    assert horse.visibility.sum() == 5


def test_ap10k_keeps_horses_and_its_order(tmp_path: Path) -> None:
    data = coco(list(skeleton.AP10K))
    data["categories"].append({"id": 2, "name": "zebra", "keypoints": list(skeleton.AP10K)})
    data["annotations"].append({**data["annotations"][0], "category_id": 2})
    (image,) = read_coco(write(tmp_path / "set.json", data))
    (horse,) = image.horses
    for i, landmark in enumerate(skeleton.AP10K.values()):
        np.testing.assert_allclose(horse.uv_px[skeleton.KEYPOINT_INDEX[landmark]], [10 * i, 5 * i])


@pytest.mark.parametrize("nose_x, near", [(0.0, "L"), (500.0, "R")])
def test_horse10_near_side_follows_the_side_it_faces(tmp_path: Path, nose_x: float, near: str) -> None:
    names = list(skeleton.HORSE10)
    data = coco(names)
    for name in ("Nose", "Eye"):
        data["annotations"][0]["keypoints"][3 * names.index(name)] = nose_x
    (image,) = read_coco(write(tmp_path / "set.json", data))
    at = image.horses[0].uv_px[skeleton.KEYPOINT_INDEX[f"carpus.{near}"]]
    np.testing.assert_allclose(at, [10 * names.index("Nearknee"), 5 * names.index("Nearknee")])


def _broken() -> dict[str, Any]:
    cases: dict[str, Any] = {"a list": [], "null": None, "no fields": {}}

    def case(name: str, **changes: Any) -> dict[str, Any]:
        data = cases[name] = copy.deepcopy(coco(**changes))
        return data

    case("short keypoints")["annotations"][0]["keypoints"].pop()
    case("NaN")["annotations"][0]["keypoints"][0] = float("nan")
    case("huge")["annotations"][0]["keypoints"][0] = 10**400
    case("visibility 3")["annotations"][0]["keypoints"][2] = 3
    case("text in numbers")["annotations"][0]["keypoints"][0] = "ten"
    case("empty box", bbox=[0, 0, 0, 5])
    case("box of three", bbox=[0, 0, 5])
    case("endless box", bbox=[0, 0, float("inf"), 5])
    case("outside", image_id=99)
    case("unhashable id", image_id=[])
    case("up the tree")["images"][0]["file_name"] = "../../etc/passwd"
    case("absolute")["images"][0]["file_name"] = "/etc/passwd"
    case("a drive")["images"][0]["file_name"] = "C:\\secret.jpg"
    case("no size")["images"][0]["width"] = 0
    case("unknown names", names=["wing", "beak"])
    case("twice the same", names=["nose", "nose"])
    case("no labels")["annotations"] = []
    return cases


@pytest.mark.parametrize("data", _broken().values(), ids=_broken().keys())
def test_broken_label_files_get_one_clear_line(tmp_path: Path, data: Any) -> None:
    with pytest.raises(InputError) as error:
        read_coco(write(tmp_path / "set.json", data))
    assert "set.json" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[" * 100_000])
def test_files_that_are_no_json_get_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.json").write_bytes(content)
    with pytest.raises(InputError, match=r"set\.json"):
        read_coco(tmp_path / "set.json")
    with pytest.raises(InputError, match=r"nothing\.json"):
        read_coco(tmp_path / "nothing.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ["images", "annotations", "categories", "file_name", "width", "bbox", "keypoints", "category_id", "image_id"]


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from(FIELDS), value=JSON)
def test_any_value_in_any_field_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, field: str, value: Any
) -> None:
    data = coco()
    for record in (data, *data["images"], *data["annotations"], *data["categories"]):
        if field in record:
            record[field] = value
    path = tmp_path_factory.getbasetemp() / "any.json"
    with contextlib.suppress(InputError):
        assert read_coco(write(path, data))


def horse_at(uv: np.ndarray, **fields: Any) -> LabelledHorse:
    return LabelledHorse(np.array([0.0, 0, 100, 100]), uv, np.full(skeleton.NUM_KEYPOINTS, 2, np.uint8), **fields)


def one_image(horse: LabelledHorse, source: str) -> LabelledImage:
    return LabelledImage(Path(f"{source}.png"), 100, 100, source, (horse,))


def test_the_truth_scores_everything_and_a_missed_horse_nothing() -> None:
    uv = np.random.default_rng(0).uniform(0, 100, (skeleton.NUM_KEYPOINTS, 2))
    images = [one_image(horse_at(uv), "a"), one_image(horse_at(uv), "b")]
    scored = score(images, np.stack([uv, np.full_like(uv, np.nan)]))
    assert scored.seen.count == 2 * skeleton.NUM_KEYPOINTS
    assert scored.seen.hits == (103, 103, 103)
    assert scored.seen.intervals[0] == (0.0, 1.0)
    assert scored.pairs.swapped == 0 and scored.hidden.count == 0
    *regions, toes = scored.groups
    assert sum(row.count for row in regions) == scored.seen.count and toes.count == 8


def test_uncertain_legs_take_the_better_assignment_and_certain_ones_do_not() -> None:
    uv = np.random.default_rng(0).uniform(0, 100, (skeleton.NUM_KEYPOINTS, 2))
    fore = [
        i for i, n in enumerate(skeleton.KEYPOINTS) if n.startswith(("carpus", "fore_fetlock", "fore_toe", "elbow"))
    ]
    predicted = uv.copy()
    predicted[fore] = uv[skeleton.MIRROR_KEYPOINTS[fore]]
    certain = score([one_image(horse_at(uv), "a")], predicted[None])
    uncertain = score([one_image(horse_at(uv, lr_uncertain=("fore",)), "a")], predicted[None])
    assert certain.pairs.swapped == 4 and certain.seen.hits[0] < 103
    assert uncertain.pairs.swapped == 0
    # the point of the shoulder belongs to the fore legs too, and was predicted on its own side
    assert uncertain.seen.hits[0] == 101


def test_the_baseline_turns_and_stretches_the_mean_of_the_other_sources() -> None:
    rng = np.random.default_rng(0)
    pose = rng.uniform(0, 1, (skeleton.NUM_KEYPOINTS, 2))
    turned = np.stack([1 - pose[:, 0], pose[:, 1]], -1)[skeleton.MIRROR_KEYPOINTS]
    box = np.array([30.0, 40.0, 200.0, 80.0])
    visibility = np.full(skeleton.NUM_KEYPOINTS, 2, np.uint8)
    right = LabelledHorse(box, box[:2] + turned * box[2:], visibility, facing="R")
    left = LabelledHorse(np.array([0.0, 0, 1, 1]), pose, visibility, facing="L")
    other = LabelledHorse(np.array([0.0, 0, 1, 1]), pose + 0.1, visibility, facing="L")
    images = [one_image(right, "a"), one_image(left, "b"), one_image(other, "b")]
    predictions = mean_pose_baseline(images)
    expected = box[:2] + (turned + np.array([-0.05, 0.05])) * box[2:]  # the mean of b's two horses, turned to the right
    np.testing.assert_allclose(predictions[0], expected)
    np.testing.assert_allclose(predictions[1], pose, atol=1e-12)
