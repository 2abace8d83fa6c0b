"""Cached frames: what is written is read, a cut-off run goes on, and nothing hostile gets through."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from kinequimation import skeleton, synth
from kinequimation.dataset.shards import read_shard, read_shards, shard_paths, write_shards
from kinequimation.errors import InputError
from kinequimation.synth.composite import cut_out_alpha, ground_shadow, random_background, recomposite
from kinequimation.synth.scene import OBJECT_ID, PERSON_ID, TACK_ID

N = skeleton.NUM_KEYPOINTS


def frame(index: int, size: int = 48) -> synth.Frame:
    """Return a made-up frame whose every value depends on its index: a disc before noise, seen from x = −6."""
    rng = np.random.default_rng(index)
    y, x = np.mgrid[:size, :size]
    mask = (x - size / 2) ** 2 + (y - size / 2) ** 2 < (size / 4) ** 2
    image = np.where(mask[..., None], np.array([200, 60, 30]), rng.integers(0, 256, 3)).astype(np.uint8)
    K = np.array([[60.0, 0, 23.5], [0, 60.0, 23.5], [0, 0, 1]])
    T = np.eye(4)
    T[:3, :3] = [[0, -1, 0], [0, 0, -1], [1, 0, 0]]
    T[:3, 3] = [0, 1.0, 6.0]
    world = rng.uniform([-0.3, -1.2, 0.0], [0.3, 1.2, 1.7], (N, 3))
    xyz_cam = world @ T[:3, :3].T + T[:3, 3]
    uv = xyz_cam[:, :2] / xyz_cam[:, 2:] * 60 + 23.5
    uv[3] = np.nan
    return synth.Frame(
        image=image, mask=mask, parts=np.where(mask, 3, 0).astype(np.uint8),
        object_id=mask.astype(np.uint8), depth=np.where(mask, 6.0, 9.0).astype(np.float32),
        uv_px=uv, visibility=rng.integers(0, 3, N).astype(np.uint8), bbox_xywh=rng.uniform(0, 40, 4), xyz_cam=xyz_cam,
        K=K, T_cam_world=T, near_sides=("L", ""), gait="trot", phase=float(rng.random()),
        contact=rng.random(4) < 0.5, record={"seed": 1, "index": index},
    )  # fmt: skip


def made(start: int, count: int):
    return (frame(i) for i in range(start, start + count))


def test_frames_come_back_as_they_were(tmp_path):
    paths = write_shards(tmp_path, made, 7, per_shard=3)
    assert [p.name for p in paths] == ["shard-000000.tar", "shard-000001.tar", "shard-000002.tar"]
    assert shard_paths(tmp_path) == paths
    back = list(read_shards(tmp_path))
    assert [b.index for b in back] == list(range(7))
    for b in back:
        f = frame(b.index)
        assert np.abs(b.image.astype(int) - f.image).mean() < 4  # JPEG
        assert np.array_equal(b.parts, f.parts) and np.array_equal(b.mask, f.mask)
        assert np.array_equal(b.alpha > 0, f.mask)
        assert np.allclose(b.uv_px, f.uv_px, atol=1e-3, equal_nan=True)
        assert np.allclose(b.xyz_cam, f.xyz_cam, atol=1e-5)
        for name in ("visibility", "contact", "K", "T_cam_world"):
            assert np.array_equal(getattr(b, name), getattr(f, name)), name
        assert np.allclose(b.bbox_xywh, f.bbox_xywh, atol=1e-3)
        assert (b.near_sides, b.gait, b.phase, b.record) == (f.near_sides, f.gait, f.phase, f.record)
    # readers that share the work see every frame once
    parts = [[b.index for b in read_shards(tmp_path, part, 2)] for part in range(2)]
    assert sorted(parts[0] + parts[1]) == list(range(7))
    crop = synth.training_crop(back[0], 1, 1, 32)  # pyright: ignore[reportArgumentType]
    assert crop.image.shape == (32, 32, 3)


def test_a_run_that_was_cut_off_leaves_whole_shards_and_goes_on(tmp_path):
    asked = []

    def breaks_down(start: int, count: int):
        for i in range(start, start + count):
            if i == 4:
                raise KeyboardInterrupt
            yield frame(i)

    def goes_on(start: int, count: int):
        asked.append((start, count))
        return made(start, count)

    with pytest.raises(KeyboardInterrupt):
        write_shards(tmp_path, breaks_down, 8, per_shard=3)
    assert [b.index for b in read_shards(tmp_path)] == [0, 1, 2]
    first = shard_paths(tmp_path)[0].read_bytes()
    write_shards(tmp_path, goes_on, 8, per_shard=3)
    assert asked == [(3, 3), (6, 2)] and shard_paths(tmp_path)[0].read_bytes() == first
    assert [b.index for b in read_shards(tmp_path)] == list(range(8))
    assert {p.name for p in tmp_path.iterdir()} == {"shards.json", *(f"shard-00000{i}.tar" for i in range(3))}
    write_shards(tmp_path, goes_on, 10, per_shard=3)  # more of the same: the short shard is written again
    assert asked[2:] == [(6, 3), (9, 1)]
    with pytest.raises(InputError, match="other frames"):
        write_shards(tmp_path, made, 8, per_shard=4)
    with pytest.raises(InputError, match="other frames"):
        write_shards(tmp_path, made, 8, per_shard=3, source={"seed": 2})
    with pytest.raises(InputError, match="expected 3 from index 9, got 2"):
        write_shards(tmp_path, lambda s, n: made(s, n - 1), 12, per_shard=3)


def shard(path: Path, members: dict[str, bytes], **info: object) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            for key, value in info.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))
    return path


def test_hostile_and_broken_shards_are_refused_in_one_line(tmp_path):
    good_path = write_shards(tmp_path / "good", made, 1)[0]
    with tarfile.open(good_path) as tar:
        good = {m.name: tar.extractfile(m).read() for m in tar}  # pyright: ignore[reportOptionalMemberAccess]
    labels = json.loads(good["000000000.json"])

    def with_labels(**changes: object) -> dict[str, bytes]:
        return good | {"000000000.json": json.dumps(labels | changes).encode()}

    bad = tmp_path / "bad.tar"
    cases = {
        "found '../evil.jpg'": {"../evil.jpg": b""},
        "found '/etc/passwd'": {"/etc/passwd": b"", **good},
        "is missing": {k: v for k, v in good.items() if "alpha" not in k},
        "expected JSON": good | {"000000000.json": b"{"},
        "a JSON object": good | {"000000000.json": b"[1]"},
        "uv_px: expected shape": with_labels(uv_px=[[1, 2]]),
        "visibility: expected numbers": with_labels(visibility=["x"] * N),
        "near_sides": with_labels(near_sides="LR"),
        "expected a JPEG picture": good | {"000000000.jpg": good["000000000.alpha.png"]},
        "expected a PNG picture": good | {"000000000.parts.png": b"\x89PNG\r\n\x1a\n"},
        "of the picture's size": good | {"000000000.alpha.png": good["000000000.shadow.png"]},
    }
    for message, members in cases.items():
        with pytest.raises(InputError, match=message) as error:
            list(read_shard(shard(bad, members)))
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="as files"):
        list(read_shard(shard(bad, {"000000000.jpg": b""}, type=tarfile.SYMTYPE, linkname="/etc/passwd")))
    whole = good_path.read_bytes()
    for data in (b"", b"no tar file", whole[:700], whole[: len(whole) // 2]):
        bad.write_bytes(data)
        with pytest.raises(InputError) as error:
            assert list(read_shard(bad))
            raise InputError("an empty shard")
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="found none"):
        shard_paths(tmp_path)
    with pytest.raises(InputError, match="part"):
        next(read_shards(tmp_path / "good", 2, 2))


def test_the_cut_out_has_rider_and_tack_and_no_bystander():
    f = frame(0)
    ids, depth = f.object_id.copy(), f.depth.copy()
    ids[:4], depth[:4] = PERSON_ID, 6.0
    ids[4:6], depth[4:6] = TACK_ID, 6.1
    ids[-4:], depth[-4:] = PERSON_ID, 30.0
    ids[-8:-4], depth[-8:-4] = OBJECT_ID, 6.0
    alpha = cut_out_alpha(ids, depth, f.xyz_cam)
    assert alpha[:6].all() and not alpha[-8:].any()
    assert np.array_equal(alpha[8:-8], f.mask[8:-8])


def test_recomposited_frames_keep_the_horse_and_change_the_rest():
    f = frame(1)
    alpha = f.mask.astype(np.uint8) * 255
    background = random_background(np.random.default_rng(2), 48)
    hard = recomposite(f.image, alpha, background, feather_px=0)
    assert np.array_equal(hard, np.where(f.mask[..., None], f.image, background))
    soft = recomposite(f.image, alpha, background, harmonise=0.0)
    y, x = np.mgrid[:48, :48] - 23.5
    inside, outside = np.hypot(x, y) < 9, np.hypot(x, y) > 15
    assert np.array_equal(soft[inside], f.image[inside]) and np.array_equal(soft[outside], background[outside])
    # in harmony with the background: its mean comes nearer
    dark = np.full_like(f.image, 40)
    lit = [recomposite(f.image, alpha, dark, harmonise=h)[inside].mean() for h in (0.0, 0.5)]
    assert abs(lit[1] - 40) < abs(lit[0] - 40)


def test_the_shadow_lies_under_the_hooves():
    f = frame(3)
    toes = [skeleton.KEYPOINT_INDEX[skeleton.limb_toe(limb)] for limb in skeleton.LIMBS]
    world = np.array([[0.2, -0.6, 0.0], [-0.2, -0.6, 0.0], [0.2, 0.6, 0.0], [-0.2, 0.6, 0.0]])
    T = np.diag([1.0, -1, -1, 1])  # looking straight down from 6 m
    T[2, 3] = 6.0
    xyz_cam = np.tile([0.0, 0.0, 4.4], (N, 1))
    xyz_cam[toes] = world @ T[:3, :3].T + T[:3, 3]
    shadow = ground_shadow(f.K, T, xyz_cam, 48)
    uv = xyz_cam[toes, :2] / xyz_cam[toes, 2:] * 60 + 23.5
    column, row = np.round((uv + 0.5) * 64 / 48 - 0.5).astype(int).T
    assert (shadow[row, column] < 140).all()
    assert min(shadow[[0, -1]].min(), shadow[:, [0, -1]].min()) > 250
    # seen from the side, nothing above the horizon is in the shade
    side = ground_shadow(
        f.K, f.T_cam_world, world.repeat(N, 0)[:N] @ f.T_cam_world[:3, :3].T + f.T_cam_world[:3, 3], 48
    )
    assert (side[:30] == 255).all() and (side[34:] < 255).any()


def test_manifest_and_folder_are_checked(tmp_path):
    with pytest.raises(InputError, match="from 1"):
        write_shards(tmp_path, made, 0)
    write_shards(tmp_path, made, 1)
    (tmp_path / "shards.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="expected format 1, got 99"):
        shard_paths(tmp_path)
