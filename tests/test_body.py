"""The parametric horse: a sound mesh, exact heights, and parameters that do what their names say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import BREEDS, MATERIALS, Body, Shape, breed_shape, sample_shape
from kinequimation.errors import InputError
from kinequimation.geometry.rotation import quat_from_rotvec, quat_identity, quat_multiply, quat_rotate

REST = quat_identity(1, skeleton.NUM_JOINTS)
ORIGIN = np.zeros((1, 3))


@pytest.fixture(scope="module")
def body() -> Body:
    return Body()


def random_pose(rng: np.random.Generator, n_frames: int, size_rad: float = 0.4) -> np.ndarray:
    return quat_from_rotvec(rng.normal(scale=size_rad, size=(n_frames, skeleton.NUM_JOINTS, 3)))


def landmark(body: Body, name: str) -> np.ndarray:
    return body.rest_vertices[body.landmark_vertices[skeleton.LANDMARKS.index(name)]]


def volume(body: Body) -> float:
    a, b, c = (body.rest_vertices[body.faces[:, i]] for i in range(3))
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)


def test_the_mesh_is_watertight_and_faces_outwards(body: Body) -> None:
    assert 6_000 <= len(body.rest_vertices) <= 12_000
    directed = np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed), "an edge is used twice in the same direction"
    assert {tuple(e) for e in directed} == {tuple(e) for e in directed[:, ::-1]}, "an edge has one face only"
    assert 0.3 < volume(body) < 0.9  # a horse of 1.60 m weighs about 550 kg, and weighs about what water does


def test_every_part_has_its_material(body: Body) -> None:
    assert set(np.unique(body.face_material)) == set(range(len(MATERIALS)))
    height = body.rest_vertices[body.faces].mean(1)[:, 2]
    assert height[body.face_material == MATERIALS.index("hoof")].max() < 0.2
    assert height[body.face_material == MATERIALS.index("eye")].min() > 1.2


def test_skin_weights_sum_to_one_over_at_most_four_bones(body: Body) -> None:
    np.testing.assert_allclose(body.weights.sum(1), 1.0)
    assert body.weights.min() >= 0
    assert (body.weights > 0).sum(1).max() <= 4


@pytest.mark.parametrize("breed", BREEDS)
def test_withers_height_is_exact_and_all_four_hooves_stand_on_the_ground(breed: str) -> None:
    body = Body(breed_shape(breed))
    assert abs(landmark(body, "withers")[2] - BREEDS[breed].withers_height_m) < 1e-3
    assert body.rest_vertices[:, 2].min() == pytest.approx(0.0, abs=1e-9)
    for limb in skeleton.LIMBS:
        hoof = body.weights[:, skeleton.JOINT_INDEX[skeleton.limb_joints(limb)[-1]]] > 0.5
        assert body.rest_vertices[hoof, 2].min() < 5e-3
        assert landmark(body, skeleton.limb_toe(limb))[2] < 0.02


def test_left_mirrors_right(body: Body) -> None:
    np.testing.assert_allclose(body.rest_xyz[skeleton.MIRROR_JOINTS] * [-1, 1, 1], body.rest_xyz, atol=2e-3)
    points = body.keypoints(ORIGIN, REST)[0]
    mirrored = points[skeleton.MIRROR_KEYPOINTS] * [-1, 1, 1]
    # landmarks are vertices of a mesh whose triangles are not mirrored: an edge is about 3 cm
    paired = np.arange(skeleton.NUM_KEYPOINTS) != skeleton.MIRROR_KEYPOINTS
    assert np.linalg.norm(mirrored - points, axis=-1)[paired].max() < 0.04
    assert np.abs(points[~paired, 0]).max() < 0.05


def test_it_faces_minus_y_with_its_left_on_plus_x(body: Body) -> None:
    assert landmark(body, "nose")[1] < landmark(body, "withers")[1] < landmark(body, "tail_base")[1]
    assert landmark(body, "eye.L")[0] > 0.02 and landmark(body, "hock.L")[0] > 0.02


def _measures(shape: Shape) -> dict[str, float]:
    body = Body(shape)

    def apart(a: str, b: str) -> float:
        return float(np.linalg.norm(landmark(body, a) - landmark(body, b)))

    def girth(bone: str) -> float:
        skin = body.rest_vertices[body.weights.argmax(1) == skeleton.JOINT_INDEX[bone]]
        return float(np.ptp(skin[:, 0]))

    return {
        "leg_length": landmark(body, "elbow.L")[2],
        "cannon_length": landmark(body, "carpus.L")[2],
        "barrel_depth": landmark(body, "withers")[2] - landmark(body, "girth")[2],
        "barrel_width": girth("DEF-spine.003"),
        "back_length": apart("withers", "croup"),
        "neck_length": apart("withers", "poll"),
        "neck_girth": girth("DEF-neck.002"),
        "head_length": apart("poll", "nose"),
        "limb_girth": girth("DEF-forefoot.L"),
        "muscle": girth("DEF-thigh.L"),
        "hoof_size": girth("DEF-f_hoof.L"),
        "tail_length": apart("tail_base", "tail_end"),
    }


PARAMETERS = [f.name for f in dataclasses.fields(Shape) if f.name not in ("withers_height_m", "mane_length")]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_larger_parameter_makes_its_part_larger(parameter: str) -> None:
    small, mean, large = (_measures(dataclasses.replace(Shape(), **{parameter: v})) for v in (0.85, 1.0, 1.15))
    assert small[parameter] < mean[parameter] < large[parameter]


def test_height_scales_everything_alike() -> None:
    small, large = Body(Shape(withers_height_m=1.0)), Body(Shape(withers_height_m=2.0))
    np.testing.assert_allclose(large.rest_vertices, 2 * small.rest_vertices)
    np.testing.assert_allclose(large.rest_xyz, 2 * small.rest_xyz)


def test_random_shapes_are_sound_horses() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        shape = sample_shape(rng)
        body = Body(shape)
        assert np.isfinite(body.rest_vertices).all()
        assert landmark(body, "withers")[2] == pytest.approx(shape.withers_height_m)
        assert 0.03 < volume(body) / shape.withers_height_m**3 < 0.25
        assert Shape.from_vector(shape.to_vector()) == shape


def test_the_identity_pose_is_the_rest_body(body: Body) -> None:
    np.testing.assert_allclose(body.vertices(ORIGIN, REST)[0], body.rest_vertices, atol=1e-9)
    np.testing.assert_allclose(body.joints(ORIGIN, REST)[0][0], body.rest_xyz, atol=1e-12)


def test_turning_and_moving_the_root_turns_and_moves_the_skin(body: Body) -> None:
    rng = np.random.default_rng(1)
    pose = random_pose(rng, 2)
    turn, offset = quat_from_rotvec(rng.normal(size=(2, 1, 3))), rng.normal(size=(2, 3))
    moved = pose.copy()
    moved[:, :1] = quat_multiply(turn, pose[:, :1])
    still = np.zeros((2, 3))
    expected = quat_rotate(turn, body.keypoints(still, pose)) + offset[:, None]
    np.testing.assert_allclose(body.keypoints(offset, moved), expected, atol=1e-9)


def test_bones_keep_their_length_and_keypoints_are_points_of_the_posed_body(body: Body) -> None:
    rng = np.random.default_rng(2)
    pose, root = random_pose(rng, 3), rng.normal(size=(3, 3))
    xyz, _ = body.joints(root, pose)
    parents = skeleton.JOINT_PARENTS[1:]
    lengths = np.linalg.norm(xyz[:, 1:] - xyz[:, parents], axis=-1)
    rest = np.linalg.norm(body.rest_xyz[1:] - body.rest_xyz[parents], axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(rest, lengths.shape), atol=1e-9)
    keypoints = body.keypoints(root, pose)
    np.testing.assert_allclose(keypoints[:, :68], xyz[:, 1:69])
    np.testing.assert_allclose(keypoints[:, 68:], body.vertices(root, pose)[:, body.landmark_vertices], atol=1e-9)


@pytest.mark.parametrize("value", [0.0, -1.0, 3.0, float("nan"), float("inf")])
def test_shapes_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="leg_length: expected"):
        Shape(leg_length=value)


def test_unknown_breeds_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="arabian"):
        breed_shape("unicorn")
