"""The parametric horse: a sound mesh, exact heights, and parameters that do what their names say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import BREEDS, MATERIALS, Body, Shape, breed_shape, sample_shape
from kinequimation.body.horse import load_template
from kinequimation.body.shape import RANGES
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


def skin_faces(body: Body) -> np.ndarray:
    return body.faces[load_template().is_skin[body.faces].all(1)]


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)


def areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def winding(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return how often a closed surface winds around each point: 1 inside, 0 outside (van Oosterom and Strackee)."""
    total = np.zeros(len(points))
    for i, p in enumerate(points):
        a, b, c = (vertices[faces[:, k]] - p for k in range(3))
        la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
        top = np.einsum("fi,fi->f", a, np.cross(b, c))
        ab, bc, ca = (np.einsum("fi,fi->f", u, v) for u, v in ((a, b), (b, c), (c, a)))
        total[i] = 2 * np.arctan2(top, la * lb * lc + ab * lc + bc * la + ca * lb).sum() / (4 * np.pi)
    return total


def test_the_mesh_is_watertight_and_faces_outwards(body: Body) -> None:
    template = load_template()
    assert 8_000 <= template.is_skin.sum() <= 9_000 and len(body.rest_vertices) <= 12_000 and len(body.faces) < 23_000
    assert (template.is_skin[body.faces].all(1) | ~template.is_skin[body.faces].any(1)).all()
    for faces in (body.faces, skin_faces(body)):
        directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        assert len(np.unique(directed, axis=0)) == len(directed), "an edge is used twice in the same direction"
        assert {tuple(e) for e in directed} == {tuple(e) for e in directed[:, ::-1]}, "an edge has one face only"
    # a horse of 1.60 m weighs about 550 kg, and weighs about what water does
    assert 0.4 < volume(body.rest_vertices, skin_faces(body)) < 0.7


def test_hair_grows_in_closed_locks_from_root_to_tip() -> None:
    template = load_template()
    hair = ~template.is_skin
    assert (template.hair_along[template.is_skin] == 0).all() and (template.lock_id[template.is_skin] == 0).all()
    assert template.hair_along[hair].min() == 0 and template.hair_along[hair].max() == 1
    locks = np.unique(template.lock_id[hair])
    assert len(locks) > 150 and locks.min() > 0 and locks.max() < 1
    for name in ("mane", "tail", "feather"):
        faces = template.faces[(template.face_material == MATERIALS.index(name)) & hair[template.faces].all(1)]
        lock = template.lock_id[faces]
        assert (lock == lock[:, :1]).all(), "a face joins two locks"
        for one in np.unique(lock)[:10]:
            assert volume(template.vertices, faces[lock[:, 0] == one]) > 1e-6, "a lock is inside out"


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_hair_that_a_shape_lacks_has_no_area_in_any_pose_and_lies_under_the_skin(side: float) -> None:
    body = Body(Shape(mane_side=side, feather=0.0, forelock=0.0))
    template = load_template()
    pose = random_pose(np.random.default_rng(3), 2)
    hair = body.faces[~template.is_skin[body.faces].any(1)]
    mane = np.isin(body.face_material[~template.is_skin[body.faces].any(1)], [MATERIALS.index("mane")])
    feather = body.face_material[~template.is_skin[body.faces].any(1)] == MATERIALS.index("feather")
    rest = areas(body.rest_vertices, hair)
    posed = areas(body.vertices(np.zeros((2, 3)), pose)[1], hair)
    gone = rest < 1e-12
    assert gone[feather].all() and 0.45 < gone[mane].mean() < 0.65
    assert posed[gone].max() < 1e-9 and posed[~gone].min() > 0
    assert np.sign(body.rest_vertices[hair[mane & ~gone]][..., 0].mean()) == side
    roots = np.unique(hair[gone])
    roots = roots[template.hair_along[roots] == 0][::9]
    np.testing.assert_allclose(winding(body.rest_vertices[roots], body.rest_vertices, skin_faces(body)), 1, atol=1e-6)
    assert np.isfinite(template.vertices).all() and areas(template.vertices, template.faces).min() > 1e-9


def test_every_part_has_its_material(body: Body) -> None:
    assert MATERIALS == ("coat", "mane", "tail", "hoof", "muzzle", "eye", "feather")
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


@pytest.mark.parametrize("breed", BREEDS)
def test_nothing_of_the_withers_stands_above_the_withers(breed: str) -> None:
    body = Body(breed_shape(breed, 1.5))
    top = landmark(body, "withers")
    skin = body.rest_vertices[load_template().is_skin]
    near = (np.abs(skin[:, 1] - top[1]) < 0.1) & (np.abs(skin[:, 0]) < 0.1)
    assert abs(skin[near, 2].max() - 1.5) < 1e-3


def test_left_mirrors_right(body: Body) -> None:
    np.testing.assert_allclose(body.rest_xyz[skeleton.MIRROR_JOINTS] * [-1, 1, 1], body.rest_xyz, atol=2e-3)
    points = body.keypoints(ORIGIN, REST)[0][skeleton.NUM_JOINTS68 :]
    twins = skeleton.MIRROR_KEYPOINTS[skeleton.NUM_JOINTS68 :] - skeleton.NUM_JOINTS68
    hair = skeleton.LANDMARKS.index("tail_end")
    mirrored = points[twins] * [-1, 1, 1]
    assert np.abs(np.delete(mirrored - points, hair, 0)).max() < 1e-3
    assert abs(points[hair, 0]) < 0.02
    # the skin is its own mirror image, vertex by vertex
    skin = load_template().vertices[load_template().is_skin]
    np.testing.assert_array_equal(np.unique(skin * [-1, 1, 1] + 0.0, axis=0), np.unique(skin + 0.0, axis=0))


def test_it_faces_minus_y_with_its_left_on_plus_x(body: Body) -> None:
    assert landmark(body, "nose")[1] < landmark(body, "withers")[1] < landmark(body, "tail_base")[1]
    assert landmark(body, "eye.L")[0] > 0.02 and landmark(body, "hock.L")[0] > 0.02


def _measures(shape: Shape) -> dict[str, float]:
    """Return, for each parameter, a length (metres) or other figure that it must make larger."""
    body, template = Body(shape), load_template()
    v, skin = body.rest_vertices, load_template().is_skin

    def apart(a: str, b: str) -> float:
        return float(np.linalg.norm(landmark(body, a) - landmark(body, b)))

    def bone(a: str, b: str) -> float:
        return float(np.linalg.norm(body.rest_xyz[skeleton.JOINT_INDEX[a]] - body.rest_xyz[skeleton.JOINT_INDEX[b]]))

    def girth(name: str, axis: int = 0) -> float:
        return float(np.ptp(v[skin & (body.weights[:, skeleton.JOINT_INDEX[name]] > 0.45), axis]))

    def made_of(name: str) -> np.ndarray:
        faces = body.faces[body.face_material == MATERIALS.index(name)]
        return faces[~skin[faces].any(1)] if name in ("mane", "tail", "feather") else faces

    knee = skin & (np.abs(template.vertices[:, 2] - 0.475) < 0.02) & (template.vertices[:, 0] > 0)
    knee &= template.vertices[:, 1] < -0.4
    mane = v[np.unique(made_of("mane"))]
    tips = np.unique(made_of("tail"))
    tips = v[tips[template.hair_along[tips] == 1.0]]
    neck = skin & (body.weights[:, [skeleton.JOINT_INDEX[f"DEF-neck.00{i}"] for i in (1, 2, 3)]].sum(1) > 0.6)
    ear = body.rest_xyz[skeleton.JOINT_INDEX["DEF-ear.L"]]
    nape = np.stack([landmark(body, "neck_base"), landmark(body, "eye.L")])[:, 1:]
    across = np.array([(nape[1] - nape[0])[1], -(nape[1] - nape[0])[0]])
    from_poll = (v - landmark(body, "poll")) / apart("poll", "nose")
    axis = (landmark(body, "nose") - landmark(body, "poll")) / apart("poll", "nose")
    face = skin & (np.abs(from_poll @ axis - 0.62) < 0.04) & (body.weights[:, skeleton.JOINT_INDEX["DEF-head"]] > 0.9)
    cheek = skin & (np.abs(from_poll @ axis - 0.35) < 0.05) & (np.abs(from_poll[:, 0]) < 0.16)
    cheek &= body.weights[:, skeleton.JOINT_INDEX["DEF-head"]] + body.weights[:, skeleton.JOINT_INDEX["DEF-jaw"]] > 0.9
    up = np.array([0.0, axis[2], -axis[1]])
    barrel = skin & (body.weights[:, skeleton.JOINT_INDEX["DEF-spine.003"]] > 0.4)
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
        "muscle": girth("DEF-upper_arm.L.001"),
        "hoof_size": girth("DEF-f_hoof.L"),
        "tail_length": apart("tail_base", "tail_end"),
        "mane_length": float(-mane[:, 2].min()),
        "forearm_length": bone("DEF-forearm.L", "DEF-forefoot.L"),
        "gaskin_length": bone("DEF-lower_leg.L", "DEF-hind_foot.L"),
        "pastern_length": bone("DEF-f_toe.L", "DEF-f_hoof.L"),
        "joint_size": float(np.ptp(v[knee, 1])),
        "hindquarters": girth("DEF-thigh.L.001"),
        "chest_width": float(landmark(body, "point_of_shoulder.L")[0]),
        "croup_height": float(landmark(body, "croup")[2]),
        "croup_slope_deg": float(landmark(body, "croup")[2] - landmark(body, "tail_base")[2]),
        "withers": float(landmark(body, "withers")[2] - landmark(body, "back")[2]),
        "back_dip": float(landmark(body, "withers")[2] - landmark(body, "back")[2]),
        "belly": float(-v[barrel, 2].min()),
        "neck_crest": float(((v[neck, 1:] - nape[0]) @ across).max()),
        "neck_carriage_deg": float(landmark(body, "poll")[2]),
        "head_dish": float(-(from_poll[face] @ up).max()),
        "muzzle_size": float(np.ptp(v[np.unique(made_of("muzzle")), 0])),
        "jowl": float(-(from_poll[cheek] @ up).min()),
        "eye_size": float(np.ptp(v[np.unique(made_of("eye")), 2])),
        "ear_length": float(np.linalg.norm(landmark(body, "ear_tip.L") - ear)),
        "mane_side": float(mane[:, 0].mean()),
        "mane_thickness": volume(v, made_of("mane")),
        "mane_roached": float(mane[:, 2].min()),
        "forelock": volume(v, made_of("mane")),
        "tail_thickness": volume(v, made_of("tail")),
        "tail_bang": float(-np.std(np.linalg.norm(tips - landmark(body, "tail_base"), axis=1))),
        "feather": volume(v, made_of("feather")),
    }  # fmt: skip


def test_every_parameter_has_a_range_and_a_measure() -> None:
    names = [f.name for f in dataclasses.fields(Shape)]
    assert set(names) == set(RANGES) == {*_measures(Shape()), "withers_height_m"} and len(names) >= 16


@pytest.mark.parametrize("parameter", [name for name in RANGES if name != "withers_height_m"])
def test_a_larger_parameter_makes_its_part_larger(parameter: str) -> None:
    low, high = RANGES[parameter]
    values = [low, 0.6 * low + 0.4 * high, high] if low <= 0 else [max(low, 0.85), 1.0, min(high, 1.15)]
    small, mean, large = (_measures(dataclasses.replace(Shape(), **{parameter: float(v)})) for v in values)
    assert small[parameter] < mean[parameter] < large[parameter]


RATIOS = {
    # body length, head, neck, third metacarpal, over withers height: mid-values of sources, F3 and F4
    "arabian": (1.01, 0.39, 0.58, 0.165),
    "thoroughbred": (1.045, 0.39, 0.60, 0.168),
    "quarter_horse": (1.075, 0.38, 0.55, 0.155),
    "warmblood": (1.035, 0.39, 0.60, 0.163),
    "andalusian": (1.00, 0.40, 0.58, 0.160),
    "friesian": (1.015, 0.40, 0.60, 0.158),
    "clydesdale": (1.025, 0.41, 0.58, 0.155),
    "shire": (1.05, 0.42, 0.58, 0.150),
    "icelandic": (1.075, 0.41, 0.50, 0.150),
    "shetland": (1.125, 0.43, 0.48, 0.135),
    "standardbred": (1.055, 0.40, 0.56, 0.162),
    "haflinger": (1.05, 0.41, 0.52, 0.152),
    "foal_0m": (0.80, 0.435, 0.45, 0.23),
}


@pytest.mark.parametrize("breed", RATIOS)
def test_a_breed_has_its_proportions(breed: str) -> None:
    body = Body(breed_shape(breed, 1.0))
    point = {name: landmark(body, name) for name in skeleton.LANDMARKS}
    axis = point["nose"] - point["poll"]
    rigid = body.weights[:, [skeleton.JOINT_INDEX["DEF-head"], skeleton.JOINT_INDEX["DEF-jaw.001"]]].max(1) > 0.5
    head = ((body.rest_vertices[rigid] - point["poll"]) @ axis).max() / np.linalg.norm(axis)
    cannon = np.subtract(*body.rest_xyz[[skeleton.JOINT_INDEX[j] for j in ("DEF-forefoot.L", "DEF-f_toe.L")]])
    measured = (
        np.linalg.norm((point["point_of_shoulder.L"] - point["ischium"])[1:]),
        head,
        np.linalg.norm(point["withers"] - point["poll"]),
        np.linalg.norm(cannon),
    )
    np.testing.assert_allclose(measured, RATIOS[breed], rtol=0.03)
    foal = breed.startswith("foal")
    assert (1.02 if foal else 0.98) <= point["croup"][2] <= (1.04 if foal else 1.02)
    pony = breed == "shetland"  # short legs, deep body
    elbow, depth = point["elbow.L"][2], 1 - point["girth"][2]
    assert (0.63 < elbow < 0.78) if foal else (0.50 < elbow < 0.60)
    assert (0.32 <= depth <= 0.35) if foal else (0.42 <= depth <= (0.55 if pony else 0.50))


def test_the_angles_and_girths_of_the_legs_are_a_horse_s(body: Body) -> None:
    """Sources, F2 and F5: circumference of the cannon 0.13 of the height, hooves at 48–57° to the ground."""
    body = Body(breed_shape("warmblood", 1.0))
    v, faces = body.rest_vertices, skin_faces(body)
    cannon = body.weights[:, [skeleton.JOINT_INDEX[f"DEF-forefoot.L{s}"] for s in ("", ".001")]].sum(1) > 0.5
    height = np.mean([body.rest_xyz[skeleton.JOINT_INDEX[j], 2] for j in ("DEF-forefoot.L", "DEF-f_toe.L")])
    edges = faces[cannon[faces].all(1)][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    a, b = v[edges[:, 0]], v[edges[:, 1]]
    crossing = (a[:, 2] - height) * (b[:, 2] - height) < 0
    t = ((height - a[:, 2]) / (b[:, 2] - a[:, 2]))[crossing, None]
    ring = (a[crossing] * (1 - t) + b[crossing] * t)[:, :2]
    wide, deep = np.ptp(ring, axis=0)
    assert deep > 1.3 * wide, "cannon and tendons are flat from side to side"
    turn = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    support = (ring @ [np.cos(turn), np.sin(turn)]).max(0)  # Cauchy: the circumference is the support's integral
    assert 0.125 < support.mean() * 2 * np.pi < 0.14
    for limb, hoof in (("LF", "DEF-f_hoof.L"), ("LH", "DEF-r_hoof.L")):
        horn = np.unique(faces[(body.face_material[: len(faces)] == MATERIALS.index("hoof"))])
        horn = horn[body.weights[horn, skeleton.JOINT_INDEX[hoof]] > 0.99]
        toe = landmark(body, skeleton.limb_toe(limb))
        edge = v[horn][np.abs(v[horn][:, 0] - toe[0]) < 0.008]
        wall = edge[edge[:, 2] > 0.03]
        top = wall[np.argmin(wall[:, 1])]
        assert 46 < np.degrees(np.arctan2(top[2] - toe[2], top[1] - toe[1])) < 59


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
        assert 0.04 < volume(body.rest_vertices, skin_faces(body)) / shape.withers_height_m**3 < 0.25
        assert Shape.from_vector(shape.to_vector()) == shape


def test_shapes_are_drawn_alike_from_one_seed_and_a_twelfth_of_them_are_foals() -> None:
    shapes = [sample_shape(np.random.default_rng(seed)) for seed in range(600)]
    assert shapes[:20] == [sample_shape(np.random.default_rng(seed)) for seed in range(20)]
    foals = np.mean([s.joint_size * s.cannon_length > 1.16 for s in shapes])
    assert 0.03 < foals < 0.14
    sides = np.array([s.mane_side for s in shapes])
    assert (sides == -1).mean() > 0.3 and (sides == 1).mean() > 0.2 and (np.abs(sides) < 1).mean() > 0.05
    assert np.mean([s.feather > 0.3 for s in shapes]) > 0.1 and np.mean([s.mane_roached == 1 for s in shapes]) > 0.02


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


def _bent(**degrees: float) -> np.ndarray:
    """Return a pose with bones of both sides turned about the axis from side to side (positive: front end down)."""
    pose = REST.copy()
    for bone, angle in degrees.items():
        for side in (".L", ".R") if not bone.startswith(("neck", "head", "spine")) else ("",):
            name = f"DEF-{bone}{side}" if side else f"DEF-{bone.replace('_', '.')}"
            pose[0, skeleton.JOINT_INDEX[name]] = quat_from_rotvec(np.array([np.deg2rad(angle), 0, 0]))
    return pose


EXTREMES = {
    "jump": (
        _bent(shoulder=-15, upper_arm=20, forearm=-75, forefoot=90, f_toe=45, thigh=-45, lower_leg=70, hind_foot=-70),
        ("DEF-forearm.L", "DEF-forefoot.L", "DEF-lower_leg.L", "DEF-hind_foot.L", "DEF-f_toe.L"),
    ),
    "grazing": (
        _bent(spine_006=10, neck_001=18, neck_002=18, neck_003=15, neck_004=12, head=-25),
        ("DEF-neck.001", "DEF-neck.002", "DEF-neck.003", "DEF-neck.004"),
    ),
    "head up": (
        _bent(neck_001=-14, neck_002=-14, neck_003=-10, head=35),
        ("DEF-neck.001", "DEF-neck.002", "DEF-neck.003", "DEF-neck.004"),
    ),
}


@pytest.mark.parametrize("pose", EXTREMES)
def test_the_skin_does_not_collapse_where_joints_bend_far(body: Body, pose: str) -> None:
    quat, joints = EXTREMES[pose]
    posed, faces = body.vertices(ORIGIN, quat)[0], skin_faces(body)
    xyz = body.joints(ORIGIN, quat)[0][0]
    assert 0.91 < volume(posed, faces) / volume(body.rest_vertices, faces) < 1.05
    skin = np.flatnonzero(load_template().is_skin)
    for joint in joints:
        j = skeleton.JOINT_INDEX[joint]
        p = skeleton.JOINT_PARENTS[j]
        # not the folds, which also hang on the trunk and which the joint passes by
        chain = [j, p, skeleton.JOINT_PARENTS[p], *np.flatnonzero(j == skeleton.JOINT_PARENTS)]
        shared = (body.weights[skin][:, [j, p]].min(1) > 0.15) & (body.weights[skin][:, chain].sum(1) > 0.9)
        shared = skin[shared]
        assert len(shared) > 10
        before = np.linalg.norm(body.rest_vertices[shared] - body.rest_xyz[j], axis=1)
        after = np.linalg.norm(posed[shared] - xyz[j], axis=1)
        assert np.sqrt((after**2).mean() / (before**2).mean()) > 0.82, joint
        assert np.percentile(after / before, 5) > 0.5, joint


def test_ears_turn_without_moving_the_head(body: Body) -> None:
    pose = REST.copy()
    pose[0, skeleton.JOINT_INDEX["DEF-ear.L"]] = quat_from_rotvec(np.array([0.3, 0.2, 1.2]))
    moved = np.linalg.norm(body.vertices(ORIGIN, pose)[0] - body.rest_vertices, axis=1)
    root = body.rest_xyz[skeleton.JOINT_INDEX["DEF-ear.L"]]
    away = np.linalg.norm(body.rest_vertices - root, axis=1)
    skin = load_template().is_skin
    assert moved[skin & (away > 0.25)].max() < 1e-3
    assert moved[body.landmark_vertices[skeleton.LANDMARKS.index("ear_tip.L")]] > 0.04
    for name in ("eye.L", "poll", "nose", "ear_tip.R"):
        assert moved[body.landmark_vertices[skeleton.LANDMARKS.index(name)]] < 4e-3


def test_many_frames_at_once_are_the_same_meshes(body: Body) -> None:
    rng = np.random.default_rng(4)
    pose, root = random_pose(rng, 3), rng.normal(size=(3, 3))
    many = body.meshes(root, pose)
    assert many.dtype == np.float32
    np.testing.assert_allclose(many, body.vertices(root, pose), atol=5e-6)


@pytest.mark.parametrize("value", [0.0, -1.0, 3.0, float("nan"), float("inf")])
def test_shapes_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="leg_length: expected"):
        Shape(leg_length=value)


def test_unknown_breeds_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="arabian"):
        breed_shape("unicorn")


def test_a_foal_is_a_newborn_foal() -> None:
    assert breed_shape("foal") == BREEDS["foal_0m"]
