"""Rotations by the axioms of a group, cameras by cases worked out by hand, alignment by recovery."""

from __future__ import annotations

import numpy as np
import pytest

from kinequimation.geometry import camera as cam
from kinequimation.geometry import rotation as rot
from kinequimation.geometry.align import similarity_transform

N = 200


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def random_quat(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rot.quat_normalize(rng.normal(size=(*shape, 4)))


def assert_same_rotation(a: np.ndarray, b: np.ndarray, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.abs(np.sum(a * b, -1)), 1.0, atol=atol)


def test_rotations_form_a_group(rng: np.random.Generator) -> None:
    a, b, c = random_quat(rng, 3, N)
    identity = rot.quat_identity(N)
    np.testing.assert_allclose(rot.quat_multiply(a, identity), a)
    np.testing.assert_allclose(rot.quat_multiply(identity, a), a)
    np.testing.assert_allclose(rot.quat_multiply(a, rot.quat_inverse(a)), identity, atol=1e-12)
    left = rot.quat_multiply(rot.quat_multiply(a, b), c)
    np.testing.assert_allclose(left, rot.quat_multiply(a, rot.quat_multiply(b, c)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(left, axis=-1), 1.0)


def test_quaternions_act_as_their_matrices_do(rng: np.random.Generator) -> None:
    a, b = random_quat(rng, 2, N)
    xyz = rng.normal(size=(N, 3))
    R = rot.quat_to_matrix(a)
    np.testing.assert_allclose(rot.quat_rotate(a, xyz), np.einsum("nij,nj->ni", R, xyz), atol=1e-12)
    np.testing.assert_allclose(rot.quat_to_matrix(rot.quat_multiply(a, b)), R @ rot.quat_to_matrix(b), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(R), 1.0)
    assert_same_rotation(rot.quat_from_matrix(R), a)


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    quat = rot.quat_from_axis_angle((0.0, 0.0, 1.0), np.pi / 2)
    np.testing.assert_allclose(rot.quat_rotate(quat, np.array([1.0, 0.0, 0.0])), [0.0, 1.0, 0.0], atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-7, 1e-3, 1.0, np.pi - 1e-6, np.pi])
def test_rotation_vectors_come_back_at_every_size(rng: np.random.Generator, size: float) -> None:
    axis = rng.normal(size=(N, 3))
    rotvec = size * axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    quat = rot.quat_from_rotvec(rotvec)
    np.testing.assert_allclose(np.linalg.norm(quat, axis=-1), 1.0, atol=1e-12)
    back = rot.quat_to_rotvec(quat)
    np.testing.assert_allclose(np.linalg.norm(back, axis=-1), size, atol=1e-9)
    assert_same_rotation(rot.quat_from_rotvec(back), quat)


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
def test_half_turns_survive_the_matrix(axis: tuple[float, float, float]) -> None:
    quat = rot.quat_from_axis_angle(axis, np.pi)
    assert_same_rotation(rot.quat_from_matrix(rot.quat_to_matrix(quat)), quat)


def test_between_turns_one_direction_into_the_other_also_when_they_are_opposite(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(2, N, 3))
    b[0], b[1] = -2 * a[0], 3 * a[1]
    turned = rot.quat_rotate(rot.quat_between(a, b), a)
    np.testing.assert_allclose(
        turned / np.linalg.norm(turned, axis=-1, keepdims=True),
        b / np.linalg.norm(b, axis=-1, keepdims=True),
        atol=1e-6,
    )


def test_slerp_goes_at_constant_speed_along_the_shorter_arc(rng: np.random.Generator) -> None:
    a, b = random_quat(rng, 2, N)
    assert_same_rotation(rot.quat_slerp(a, b, 0.0), a)
    assert_same_rotation(rot.quat_slerp(a, b, 1.0), b)
    third = rot.quat_slerp(a, -b, 1 / 3)
    whole = np.linalg.norm(rot.quat_to_rotvec(rot.quat_multiply(rot.quat_inverse(a), b)), axis=-1)
    part = np.linalg.norm(rot.quat_to_rotvec(rot.quat_multiply(rot.quat_inverse(a), third)), axis=-1)
    np.testing.assert_allclose(part, whole / 3, atol=1e-9)


def test_continuous_flips_signs_only(rng: np.random.Generator) -> None:
    t = np.linspace(0, 20, 100)[:, None]
    quat = rot.quat_from_rotvec(t * np.array([0.3, -0.2, 0.5]))[:, None] * rng.choice([-1.0, 1.0], size=(100, 2, 1))
    smooth = rot.quat_continuous(quat)
    assert (np.sum(smooth[1:] * smooth[:-1], -1) > 0).all()
    np.testing.assert_allclose(np.abs(smooth), np.abs(quat))


def test_the_optical_axis_meets_the_centre_of_the_image_and_the_field_of_view_its_edge() -> None:
    K = cam.intrinsics(640, 480, np.deg2rad(60))
    np.testing.assert_allclose(cam.project_cam(K, np.array([0.0, 0.0, 5.0])), [319.5, 239.5])
    # the image reaches from -0.5 to 639.5 where pixel centres have whole coordinates
    np.testing.assert_allclose(cam.project_cam(K, np.array([np.tan(np.deg2rad(30)), 0.0, 1.0])), [639.5, 239.5])


def test_points_behind_the_camera_are_not_projected() -> None:
    K = cam.default_intrinsics(100, 100)
    uv = cam.project_cam(K, np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_array_equal(np.isnan(uv).all(-1), [False, True, True])


def test_a_camera_looks_at_its_target_with_up_upwards_and_right_to_the_right() -> None:
    # the camera stands where a horse at the origin faces to (-Y), so the horse's left (+X) is on the image's right
    position = np.array([0.0, -5.0, 1.0])
    camera = cam.Camera(cam.intrinsics(200, 100, 1.0), cam.look_at(position, np.array([0.0, 0.0, 1.0])), 200, 100)
    np.testing.assert_allclose(camera.position_world, position)
    centre, left_of_horse, above = camera.project(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 2.0]]))
    np.testing.assert_allclose(centre, [99.5, 49.5])
    assert left_of_horse[0] > centre[0] and abs(left_of_horse[1] - centre[1]) < 1e-9
    assert above[1] < centre[1] and abs(above[0] - centre[0]) < 1e-9


def test_look_at_is_rigid_from_anywhere_and_rolls_about_its_axis(rng: np.random.Generator) -> None:
    for position, target in [*rng.normal(size=(20, 2, 3)), np.array([[0.0, 0.0, 3.0], [0.0, 0.0, 0.0]])]:
        T = cam.look_at(position, target, roll_rad=0.4)
        np.testing.assert_allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(T[:3, :3]) == pytest.approx(1.0)
        in_camera = T[:3, :3] @ target + T[:3, 3]
        np.testing.assert_allclose(in_camera, [0, 0, float(np.linalg.norm(target - position))], atol=1e-9)


@pytest.mark.parametrize("with_scale", [True, False])
def test_alignment_recovers_a_similarity(rng: np.random.Generator, with_scale: bool) -> None:
    source = rng.normal(size=(30, 3))
    R = rot.quat_to_matrix(random_quat(rng))
    scale, offset = (2.5 if with_scale else 1.0), np.array([1.0, -2.0, 3.0])
    target = scale * source @ R.T + offset
    target[0] += 100.0  # an outlier of weight 0
    weights = np.ones(30)
    weights[0] = 0.0
    got_scale, got_R, got_offset = similarity_transform(source, target, weights, with_scale)
    assert got_scale == pytest.approx(scale)
    np.testing.assert_allclose(got_R, R, atol=1e-9)
    np.testing.assert_allclose(got_offset, offset, atol=1e-9)


def test_alignment_never_reflects_also_for_flat_points(rng: np.random.Generator) -> None:
    source = rng.normal(size=(30, 3))
    assert np.linalg.det(similarity_transform(source, source * [-1, 1, 1])[1]) == pytest.approx(1.0)
    flat = source * [1, 1, 0]
    R = rot.quat_to_matrix(random_quat(rng))
    scale, got, _ = similarity_transform(flat, flat @ R.T)
    assert scale == pytest.approx(1.0)
    np.testing.assert_allclose(got, R, atol=1e-9)
