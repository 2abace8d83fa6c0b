"""File formats: what is written means the same when a reader of the format puts it together again."""

from __future__ import annotations

import argparse
import dataclasses
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinequimation import skeleton
from kinequimation.body import MATERIALS, Body, breed_shape
from kinequimation.cli import horse as horse_command
from kinequimation.errors import InputError, OutputError
from kinequimation.geometry.rotation import quat_from_rotvec, quat_multiply, quat_rotate
from kinequimation.io.atomic import replacing
from kinequimation.io.bvh import read_bvh, write_bvh
from kinequimation.io.gltf import write_glb
from kinequimation.motion import Motion, read_motion

SHAPE = breed_shape("icelandic", 1.41)
COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@pytest.fixture(scope="module")
def body() -> Body:
    return Body(SHAPE)


@pytest.fixture(scope="module")
def motion() -> Motion:
    """Every joint but one swings by its own sinusoids, quaternion signs at random; the root walks in a curve."""
    rng = np.random.default_rng(5)
    n = 21
    t_s = 3.0 + np.arange(n) / 30.0
    size, phase = rng.normal(0, 0.5, (2, skeleton.NUM_JOINTS, 3))
    rotvec = size * np.sin(6 * t_s[:, None, None] + 5 * phase)
    rotvec[:, skeleton.JOINT_INDEX["DEF-jaw"]] = 0.0
    quat = quat_from_rotvec(rotvec) * rng.choice([-1.0, 1.0], (n, skeleton.NUM_JOINTS, 1))
    root = np.stack([np.sin(t_s), -1.4 * t_s, 0.05 * np.cos(9 * t_s)], -1)
    return Motion(root, quat, np.zeros((n, 4)), t_s, 30.0, np.ones(n), SHAPE, "swing")


def pose(parents: Any, offsets: np.ndarray, quat: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward kinematics of any hierarchy whose parents stand before their children."""
    xyz, rotation = np.zeros((*quat.shape[:2], 3)), np.zeros(quat.shape)
    for j, p in enumerate(parents):
        xyz[:, j] = root if p < 0 else xyz[:, p] + quat_rotate(rotation[:, p], offsets[j])
        rotation[:, j] = quat[:, j] if p < 0 else quat_multiply(rotation[:, p], quat[:, j])
    return xyz, rotation


def world_from_y_up(xyz: np.ndarray) -> np.ndarray:
    return np.stack([xyz[..., 0], -xyz[..., 2], xyz[..., 1]], -1)


class Glb:
    """A GLB file, parsed from the specification and nothing else."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        json_length, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and json_length % 4 == 0
        self.json = json.loads(data[20 : 20 + json_length])
        bin_length, kind = struct.unpack_from("<I4s", data, 20 + json_length)
        assert kind == b"BIN\0" and bin_length == len(data) - 28 - json_length
        self.bin = data[28 + json_length :]
        assert self.json["buffers"] == [{"byteLength": bin_length}]

    def array(self, accessor: int) -> np.ndarray:
        a = self.json["accessors"][accessor]
        view = self.json["bufferViews"][a["bufferView"]]
        dtype, width = np.dtype(COMPONENTS[a["componentType"]]), WIDTHS[a["type"]]
        assert view["byteOffset"] % 4 == 0 and view["byteLength"] == a["count"] * width * dtype.itemsize
        values = np.frombuffer(self.bin, dtype, a["count"] * width, view["byteOffset"])
        return values.reshape(-1, width) if width > 1 else values

    def joints(self) -> tuple[list[int], list[int], np.ndarray]:
        """Return the skin's nodes, the parent of each among them, and their offsets at rest."""
        nodes, joints = self.json["nodes"], self.json["skins"][0]["joints"]
        parent = {child: j for j in joints for child in nodes[j].get("children", [])}
        return joints, [parent.get(j, -1) for j in joints], np.array([nodes[j]["translation"] for j in joints])


@pytest.fixture(scope="module")
def glb(motion: Motion, tmp_path_factory: pytest.TempPathFactory) -> Glb:
    path = tmp_path_factory.mktemp("glb") / "swing.glb"
    write_glb(path, motion)
    assert [p.name for p in path.parent.iterdir()] == ["swing.glb"]
    return Glb(path)


def animated(glb: Glb) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, root translations and w, x, y, z rotations of every joint, rest where no track stands."""
    (animation,) = glb.json["animations"]
    times = glb.array(animation["samplers"][0]["input"]).astype(float)
    quat = np.zeros((len(times), skeleton.NUM_JOINTS, 4))
    quat[..., 0] = 1.0
    root = np.zeros((len(times), 3))
    for channel in animation["channels"]:
        sampler, target = animation["samplers"][channel["sampler"]], channel["target"]
        assert sampler["interpolation"] == "LINEAR"
        values = glb.array(sampler["output"]).astype(float)
        if target["path"] == "rotation":
            assert np.all(np.sum(values[1:] * values[:-1], -1) > 0)
            quat[:, target["node"]] = np.roll(values, 1, -1)
        else:
            assert target == {"node": 0, "path": "translation"}
            root = values
    return times, root, quat


def test_glb_animation_poses_the_joints_as_the_motion_does(glb: Glb, motion: Motion, body: Body) -> None:
    joints, parents, offsets = glb.joints()
    assert [glb.json["nodes"][j]["name"] for j in joints] == list(skeleton.JOINTS)
    assert glb.json["animations"][0]["name"] == "swing"
    times, root, quat = animated(glb)
    np.testing.assert_allclose(times, motion.t_s - motion.t_s[0], atol=1e-5)
    order = skeleton.TOPOLOGICAL_ORDER
    place = np.argsort(order)
    xyz, rotation = pose(
        [-1 if parents[j] < 0 else place[parents[j]] for j in order], offsets[order], quat[:, order], root
    )
    expected, _ = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    np.testing.assert_allclose(world_from_y_up(xyz[:, place]), expected, atol=1e-4)

    # the skin as the specification poses it: sum of weight * joint matrix * inverse bind matrix * vertex
    attributes = glb.json["meshes"][0]["primitives"][0]["attributes"]
    bind = glb.array(glb.json["skins"][0]["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    rest, index = glb.array(attributes["POSITION"])[::50], glb.array(attributes["JOINTS_0"])[::50]
    local = rest[:, None] + bind[index][..., :3, 3]
    posed = xyz[-1, place][index] + quat_rotate(rotation[-1, place][index], local)
    skin = np.sum(glb.array(attributes["WEIGHTS_0"])[::50, :, None] * posed, axis=1)
    vertices = body.vertices(motion.root_xyz_world[-1:], motion.quat_wxyz[-1:])[0, ::50]
    np.testing.assert_allclose(world_from_y_up(skin), vertices, atol=1e-4)


def test_glb_skin_is_at_rest_where_the_joints_are(glb: Glb, body: Body) -> None:
    joints, parents, offsets = glb.joints()
    assert all("rotation" not in glb.json["nodes"][j] and "scale" not in glb.json["nodes"][j] for j in joints)
    rest = np.zeros_like(offsets)
    for j in skeleton.TOPOLOGICAL_ORDER:
        rest[j] = offsets[j] + (rest[parents[j]] if parents[j] >= 0 else 0.0)
    matrices = np.tile(np.eye(4), (len(joints), 1, 1))
    matrices[:, :3, 3] = rest
    bind = glb.array(glb.json["skins"][0]["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    np.testing.assert_allclose(matrices @ bind, np.tile(np.eye(4), (81, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(world_from_y_up(rest), body.rest_xyz, atol=1e-6)


def test_glb_mesh_is_the_body(glb: Glb, body: Body) -> None:
    mesh, document = glb.json["meshes"][0], glb.json
    roots = document["scenes"][0]["nodes"]
    assert sum("mesh" in document["nodes"][i] for i in roots) == 1  # a skinned mesh stands at the scene's root
    attributes = mesh["primitives"][0]["attributes"]
    assert all(p["attributes"] == attributes for p in mesh["primitives"])
    position, normal = glb.array(attributes["POSITION"]), glb.array(attributes["NORMAL"])
    np.testing.assert_allclose(world_from_y_up(position), body.rest_vertices, atol=1e-6)
    bounds = document["accessors"][attributes["POSITION"]]
    np.testing.assert_array_equal(
        np.array([bounds["min"], bounds["max"]], np.float32), [position.min(0), position.max(0)]
    )
    assert position[:, 1].min() == pytest.approx(0, abs=1e-6)  # Y is up
    landmark = dict(zip(skeleton.LANDMARKS, body.landmark_vertices, strict=True))
    assert position[landmark["nose"], 2] > position[landmark["tail_base"], 2] + 1  # it faces +Z
    assert position[landmark["fore_toe.L"], 0] > 0  # its left is +X
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    for part in ("withers", "croup", "back"):
        assert normal[landmark[part], 1] > 0.5  # the back's skin looks up
    faces = 0
    for primitive in mesh["primitives"]:
        name = document["materials"][primitive["material"]]["name"]
        indices = glb.array(primitive["indices"]).reshape(-1, 3)
        np.testing.assert_array_equal(indices, body.faces[body.face_material == MATERIALS.index(name)])
        faces += len(indices)
    assert faces == len(body.faces)


def test_glb_weights_are_the_bodys(glb: Glb, body: Body) -> None:
    attributes = glb.json["meshes"][0]["primitives"][0]["attributes"]
    index, weight = glb.array(attributes["JOINTS_0"]), glb.array(attributes["WEIGHTS_0"])
    dense = np.zeros(body.weights.shape)
    np.add.at(dense, (np.arange(len(index))[:, None], index), weight)
    np.testing.assert_allclose(dense, body.weights, atol=1e-6)
    assert np.abs(weight.sum(1, dtype=np.float64) - 1).max() < 1e-7


def test_glb_tracks_stand_only_for_joints_that_move(glb: Glb) -> None:
    moved = {c["target"]["node"] for c in glb.json["animations"][0]["channels"] if c["target"]["path"] == "rotation"}
    assert moved == set(range(skeleton.NUM_JOINTS)) - {skeleton.JOINT_INDEX["DEF-jaw"]}


def test_glb_in_place_keeps_height_only(motion: Motion, tmp_path: Path) -> None:
    write_glb(tmp_path / "here.glb", motion, in_place=True)
    _, root, _ = animated(Glb(tmp_path / "here.glb"))
    np.testing.assert_allclose(world_from_y_up(root), motion.root_xyz_world * [0, 0, 1], atol=1e-6)


def test_bvh_reads_back_as_the_motion(motion: Motion, body: Body, tmp_path: Path) -> None:
    write_bvh(tmp_path / "swing.bvh", motion)
    names, parents, offsets, channels, frame_time, quats, root = read_bvh(tmp_path / "swing.bvh")
    assert sorted(names) == sorted(skeleton.JOINTS) and [len(c) for c in channels] == [6] + [3] * 80
    assert frame_time == pytest.approx(1 / 30)
    xyz, _ = pose(parents, offsets, quats, root)
    expected, _ = body.joints(motion.root_xyz_world, motion.quat_wxyz)
    order = [skeleton.JOINT_INDEX[n] for n in names]
    np.testing.assert_allclose(world_from_y_up(xyz) / 100, expected[:, order], atol=1e-5)


def test_one_frame_is_a_clip(motion: Motion, tmp_path: Path) -> None:
    parts = {f.name: getattr(motion, f.name) for f in dataclasses.fields(motion)}
    parts |= {k: v[:1] for k, v in parts.items() if isinstance(v, np.ndarray)}
    photo = Motion(**parts)
    write_glb(tmp_path / "photo.glb", photo)
    write_bvh(tmp_path / "photo.bvh", photo)
    times, root, _ = animated(Glb(tmp_path / "photo.glb"))
    assert times.tolist() == [0.0]
    np.testing.assert_allclose(read_bvh(tmp_path / "photo.bvh").root / 100, root, atol=1e-6)


def test_bvh_survives_gimbal_lock(motion: Motion, tmp_path: Path) -> None:
    """In the file's axes the neck turns about Z by 0.3 and then about X by ±90 degrees."""
    rotvec = np.zeros((2, skeleton.NUM_JOINTS, 3))
    quat = quat_from_rotvec(rotvec)
    half_pi = np.array([[np.pi / 2, 0, 0], [-np.pi / 2, 0, 0]])
    neck = skeleton.JOINT_INDEX["DEF-neck.002"]
    quat[:, neck] = quat_multiply(quat_from_rotvec(np.array([0.0, -0.3, 0.0])), quat_from_rotvec(half_pi))
    still = Motion(np.zeros((2, 3)), quat, np.zeros((2, 4)), np.array([0, 0.1]), 10.0, np.ones(2), SHAPE)
    write_bvh(tmp_path / "lock.bvh", still)
    bvh = read_bvh(tmp_path / "lock.bvh")
    read = bvh.quats[:, bvh.names.index("DEF-neck.002")]
    expected = np.stack([quat[:, neck, 0], quat[:, neck, 1], quat[:, neck, 3], -quat[:, neck, 2]], -1)
    np.testing.assert_allclose(np.abs(np.sum(read * expected, -1)), 1, atol=1e-9)


def test_bvh_resamples_uneven_times(tmp_path: Path) -> None:
    """Steady speed and a steady turn come out steady, whenever the frames were taken."""
    t_s = np.array([0.0, 0.1, 0.15, 0.4, 0.5])
    rotvec = np.zeros((5, skeleton.NUM_JOINTS, 3))
    rotvec[:, 0, 2] = 2.0 * t_s
    root = np.outer(t_s, [1.0, -2.0, 0.5])
    uneven = Motion(root, quat_from_rotvec(rotvec), np.zeros((5, 4)), t_s, 20.0, np.ones(5), SHAPE)
    write_bvh(tmp_path / "uneven.bvh", uneven)
    bvh = read_bvh(tmp_path / "uneven.bvh")
    even_s = np.arange(11) / 20
    np.testing.assert_allclose(world_from_y_up(bvh.root) / 100, np.outer(even_s, [1.0, -2.0, 0.5]), atol=1e-7)
    np.testing.assert_allclose(2 * np.arctan2(bvh.quats[:, 0, 2], bvh.quats[:, 0, 0]), 2.0 * even_s, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HIERARCHY\nROOT a\n{\n",
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 nan\nCHANNELS 0\n}\nMOTION\nFrames: 1\nFrame Time: 0.1\n\n",
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Wrotation\n}\nMOTION\nFrames: 1\nFrame Time: 0.1\n1\n",
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n}\nMOTION\nFrames: 2\nFrame Time: 0.1\n1\n",
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n}\nMOTION\nFrames: 1\nFrame Time: 0\n1\n",
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n}\nROOT b\n{\n}\nMOTION\n",
        "HIERARCHY\n" + "ROOT a\n{\nJOINT b\n{\n" * 3,
    ],
)
def test_bad_bvh_gets_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.bvh").write_text(text)
    with pytest.raises(InputError) as caught:
        read_bvh(tmp_path / "bad.bvh")
    assert "bad.bvh" in str(caught.value) and "\n" not in str(caught.value)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("first")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half of the sec")
        raise RuntimeError("the block failed")
    assert path.read_text() == "first" and list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_gets_one_line(motion: Motion, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "x.glb", tmp_path):
        with pytest.raises(OutputError) as caught:
            write_glb(path, motion)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def run_horse(*options: str) -> int:
    parser = argparse.ArgumentParser()
    horse_command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["horse", *options])
    return args.run(args)


def test_horse_command_writes_the_same_motion_in_every_format(tmp_path: Path) -> None:
    for suffix in ("npz", "bvh", "glb"):
        options = [
            "--gait",
            "walk",
            "--breed",
            "shetland",
            "--withers-height",
            "0.9",
            "--seconds",
            "0.5",
            "--fps",
            "20",
        ]
        assert run_horse(*options, "-o", str(tmp_path / f"pony.{suffix}")) == 0
    motion = read_motion(tmp_path / "pony.npz")
    assert motion.shape == breed_shape("shetland", 0.9)
    bvh = read_bvh(tmp_path / "pony.bvh")
    times, root, _ = animated(Glb(tmp_path / "pony.glb"))
    assert len(motion) == len(bvh.root) == len(times) and motion.fps == 20
    np.testing.assert_allclose(bvh.root / 100, root, atol=1e-5)
    assert root[-1, 2] > 0.2  # it walks the way it faces


@pytest.mark.parametrize(
    "options",
    [
        ("--fps", "nan"),
        ("--seconds", "-1"),
        ("--seconds", "1e9"),
        ("--speed", "inf"),
        ("--withers-height", "9"),
        ("--output", "x.obj"),
        ("--in-place", "--output", "x.bvh"),
        ("--rig", "rigify", "--output", "x.fbx"),
    ],
)
def test_horse_command_refuses_bad_options(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        run_horse(*options)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
