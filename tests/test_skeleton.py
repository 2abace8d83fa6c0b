"""The tables that everything else indexes with."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation import skeleton


def test_there_are_68_joints_35_landmarks_and_12_mane_bones() -> None:
    assert len(skeleton.HORSE68) == skeleton.NUM_JOINTS68 == 68
    assert len(skeleton.LANDMARKS) == 35
    assert len(skeleton.MANE_BONES) == 12
    assert skeleton.NUM_KEYPOINTS == 103
    assert skeleton.NUM_JOINTS == 81
    assert len(set(skeleton.KEYPOINTS)) == 103
    assert len(set(skeleton.JOINTS)) == 81


def test_horse68_is_alphabetical_and_starts_and_ends_where_files_written_elsewhere_expect_it() -> None:
    assert list(skeleton.HORSE68) == sorted(skeleton.HORSE68)
    assert all(name.startswith("DEF-") and "mane" not in name for name in skeleton.HORSE68)
    assert skeleton.KEYPOINT_INDEX["nose"] == 68


def test_a_keypoint_of_horse68_is_the_joint_one_further_on() -> None:
    for name in skeleton.HORSE68:
        assert skeleton.JOINT_INDEX[name] == skeleton.KEYPOINT_INDEX[name] + 1


@pytest.mark.parametrize("mirror", [skeleton.MIRROR_KEYPOINTS, skeleton.MIRROR_JOINTS])
def test_mirroring_twice_changes_nothing(mirror: np.ndarray) -> None:
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))


def test_mirrored_names_differ_in_their_side_only() -> None:
    for name, other in skeleton.MIRROR.items():
        if name == other:
            assert ".L" not in name and ".R" not in name
        else:
            assert name.replace(".L", ".?").replace(".R", ".?") == other.replace(".L", ".?").replace(".R", ".?")


def test_the_rest_pose_is_its_own_mirror_image() -> None:
    for xyz in (skeleton.REST_HEAD_XYZ, skeleton.REST_TAIL_XYZ):
        np.testing.assert_allclose(xyz[skeleton.MIRROR_JOINTS] * [-1, 1, 1], xyz, atol=2e-3)
    left = [j for j, name in enumerate(skeleton.JOINTS) if ".L" in name]
    assert (skeleton.REST_HEAD_XYZ[left, 0] > -1e-6).all()


def test_parents_lead_to_the_root_and_come_before_their_children() -> None:
    assert skeleton.JOINT_PARENTS[0] == -1
    assert (skeleton.JOINT_PARENTS[1:] >= 0).all()
    place = np.argsort(skeleton.TOPOLOGICAL_ORDER)
    for joint in range(1, skeleton.NUM_JOINTS):
        assert place[skeleton.JOINT_PARENTS[joint]] < place[joint]


def test_parents_of_mirrored_joints_are_mirrored() -> None:
    for joint in range(1, skeleton.NUM_JOINTS):
        parent, mirrored = skeleton.JOINT_PARENTS[joint], skeleton.MIRROR_JOINTS[joint]
        assert skeleton.JOINT_PARENTS[mirrored] == skeleton.MIRROR_JOINTS[parent]


def test_edges_join_known_points_and_are_symmetric() -> None:
    edges = {frozenset(edge) for edge in skeleton.EDGES}
    assert len(edges) == len(skeleton.EDGES)
    for edge in skeleton.EDGES:
        assert edge[0] != edge[1]
        assert all(name in skeleton.KEYPOINT_INDEX for name in edge)
        assert frozenset(skeleton.MIRROR[name] for name in edge) in edges


def test_groups_partition_the_keypoints() -> None:
    names = [name for group in skeleton.GROUPS.values() for name in group]
    assert sorted(names) == sorted(skeleton.KEYPOINTS)


def test_coincident_points_coincide_and_cannot_be_swapped() -> None:
    for group in skeleton.COINCIDENT:
        heads = skeleton.REST_HEAD_XYZ[[skeleton.JOINT_INDEX[name] for name in group]]
        np.testing.assert_allclose(heads, heads[:1].repeat(len(heads), 0), atol=1e-3)
        assert not {skeleton.KEYPOINT_INDEX[name] for name in group} & set(skeleton.SIDED_KEYPOINTS.tolist())


def test_limbs_run_from_trunk_to_hoof() -> None:
    for limb in skeleton.LIMBS:
        chain = [skeleton.JOINT_INDEX[name] for name in skeleton.limb_joints(limb)]
        assert skeleton.JOINTS[chain[-1]].endswith(f"hoof.{limb[0]}")
        assert (np.diff(skeleton.REST_HEAD_XYZ[chain[2:], 2]) < 0).all()
        assert skeleton.limb_toe(limb) in skeleton.LANDMARKS


@pytest.mark.parametrize("scheme, count", [(skeleton.AP10K, 17), (skeleton.HORSE10, 22)])
def test_public_schemes_map_to_distinct_points(scheme: dict[str, str], count: int) -> None:
    assert len(scheme) == len(set(scheme.values())) == count
    assert all(name in skeleton.KEYPOINT_INDEX for name in scheme.values())


def test_horse10_seen_from_the_other_side_is_mirrored() -> None:
    left, right = skeleton.horse10_names("L"), skeleton.horse10_names("R")
    assert left["Nearknee"] == "carpus.L" and right["Nearknee"] == "carpus.R"
    assert {skeleton.MIRROR[name] for name in left.values()} == set(right.values())


def test_what_is_called_alike_is_a_point_and_its_mirror_image() -> None:
    together: dict[str, set[str]] = {}
    for name in skeleton.KEYPOINTS:
        together.setdefault(skeleton.unsided(name), set()).add(name)
    assert all({name, skeleton.MIRROR[name]} == names for names in together.values() for name in names)
