"""Sequences of rendered frames as training data of a lifter: ours, and MMPose's by its config."""

import math
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rendered_set import label_of

from kinequimation import skeleton
from kinequimation.body import Body, sample_shape
from kinequimation.cli.main import main
from kinequimation.dataset.labels import write_label
from kinequimation.dataset.lifter_sequences import SequenceFile, write_sequences
from kinequimation.dataset.rendered_frames import find_frames
from kinequimation.errors import InputError
from kinequimation.lift.data import to_batch
from kinequimation.lift.noise import NO_NOISE
from kinequimation.lift.sequences import longest_clip, sequence_clips, standing
from kinequimation.metrics import f1_score
from kinequimation.motion import make_motion

CONFIGS = Path(__file__).parents[1] / "model_pipeline" / "configs"
FRAMES, CAMERAS = 6, 2


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    for action in ("walk", "trot", "canter_left"):
        for frame in range(FRAMES):
            for camera in range(CAMERAS):
                label, _ = label_of(action, frame, camera, variants=("flat",), is_drawn=False)
                path = folder / "labels" / action / "labels" / f"f{frame:05d}_c{camera:02d}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_label(path, label)
    write_sequences(folder / "sequences.npz", find_frames([folder / "labels"]))
    return SequenceFile(folder / "sequences.npz")


def test_clips_of_own_cameras_are_what_the_file_holds_or_its_mirror_image(file):
    clips = sequence_clips(file, np.random.default_rng(3), 12, 4, NO_NOISE, own_camera=1.0, true_intrinsics=True)
    sacrum, mirror = skeleton.KEYPOINT_INDEX[skeleton.SACRUM], skeleton.MIRROR_KEYPOINTS
    width = int(file[0].image_size[0, 0])
    seen = np.zeros((2, FRAMES), int)
    for i in range(12):
        found = []
        for number in np.flatnonzero(file.part == "train"):
            sequence = file[int(number)]
            xyz_cam = (sequence.xyz_cam - sequence.xyz_cam[:, [sacrum]]) / sequence.unit_m
            flipped_uv = sequence.uv_px[:, mirror] * [-1, 1] + [width - 1, 0]
            for flip, uv, xyz in (
                (0, sequence.uv_px, xyz_cam),
                (1, flipped_uv, xyz_cam[:, mirror] * [-1, 1, 1]),
            ):
                for start in range(len(sequence) - 3):
                    rows = slice(start, start + 4)
                    near = np.abs(clips.uv_px[i] - uv[rows])[clips.visible[i]].max() < 0.01
                    if near and np.abs(clips.xyz_cam[i] - xyz[rows]).max() < 1e-4:
                        found.append((flip, start))
        assert len(found) == 1
        seen[found[0]] += 1
    assert clips.visible.mean() > 0.9
    assert seen.sum(1).min() > 0  # both as they are and mirrored
    assert (seen.sum(0) > 0).sum() > 1


def test_random_cameras_film_the_same_horse_and_know_where_up_is(file):
    clips = sequence_clips(file, np.random.default_rng(4), 6, 4, NO_NOISE, own_camera=0.0, true_intrinsics=True)
    xyz = clips.xyz_cam + clips.root_xyz_cam[:, :, None]
    projected = np.einsum("ntab,ntkb->ntka", clips.K_true, xyz / xyz[..., 2:])[..., :2]
    assert np.abs(projected - clips.uv_true_px)[clips.visible].max() < 0.05
    a, b = (skeleton.KEYPOINT_INDEX[n] for n in ("DEF-forearm.L", "DEF-forearm.L.001"))
    train = file[int(np.flatnonzero(file.part == "train")[0])]
    length = np.linalg.norm(train.xyz_world[0, a] - train.xyz_world[0, b]) / train.unit_m
    assert np.linalg.norm(clips.xyz_cam[:, :, a] - clips.xyz_cam[:, :, b], axis=-1) == pytest.approx(length, abs=1e-4)
    height = np.einsum("btkc,btc->btk", clips.xyz_cam, clips.up_cam)
    withers, toes = (
        height[:, :, [skeleton.KEYPOINT_INDEX[n] for n in names]]
        for names in (("withers",), [skeleton.limb_toe(limb) for limb in skeleton.LIMBS])
    )
    assert (withers[..., 0] - toes.min(-1)) == pytest.approx(1.0, abs=0.12)  # withers heights; suspension and bob
    batch = to_batch(clips)
    assert all(np.isfinite(getattr(batch, name)).all() for name in batch.__dataclass_fields__)


def test_points_that_the_mesh_does_not_have_are_not_learned(file, tmp_path):
    torch = pytest.importorskip("torch")
    from kinequimation.lift.train import losses, total_loss

    with np.load(file.path) as data:
        arrays = dict(data)
    arrays["xyz_world"][:, skeleton.NUM_JOINTS68 :] = np.nan
    np.savez(tmp_path / "joints.npz", **arrays)
    clips = sequence_clips(SequenceFile(tmp_path / "joints.npz"), np.random.default_rng(5), 3, 4, NO_NOISE)
    joints, n = slice(0, skeleton.NUM_JOINTS68), skeleton.NUM_KEYPOINTS
    assert np.isnan(clips.xyz_cam[:, :, skeleton.NUM_JOINTS68 :]).all()
    assert np.isfinite(clips.xyz_cam[:, :, joints]).all()
    batch = to_batch(clips)
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 4, n, 3), (3, 4, n), (3, 4, 3), (3, 4, 3), (3, 4, 3), (3, 4, 4), (3, 4, 3))
    outputs = tuple(torch.randn(s, generator=generator).requires_grad_() for s in shapes)
    parts = losses(outputs, batch)
    total_loss({k: v for k, v in parts.items() if k != "bones"}).backward()  # of the prediction alone
    gradient = outputs[0].grad
    assert gradient is not None and torch.isfinite(gradient).all()
    assert gradient[:, :, joints].abs().max() > 0
    position = torch.autograd.grad(losses(outputs, batch)["position"], outputs[0])[0]
    assert position[:, :, skeleton.NUM_JOINTS68 :].abs().max() == 0


@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_hooves_that_stand_are_told_from_their_points(fps):
    for seed, gait in enumerate(("walk", "trot", "canter_left", "tolt")):
        body = Body(sample_shape(np.random.default_rng(seed)))
        motion = make_motion(gait, body, fps=fps)
        xyz = body.keypoints(motion.root_xyz_world, motion.quat_wxyz) * 1.6 / body.shape.withers_height_m
        assert f1_score(standing(xyz, fps), motion.contact > 0.5) > 0.9
        xyz[:, skeleton.NUM_JOINTS68 :] = np.nan  # a mesh without the toes' points
        assert f1_score(standing(xyz, fps), motion.contact > 0.5) > 0.85


def test_the_withers_height_of_a_horse_is_told_from_its_limbs_where_the_file_does_not_say_it(file):
    sequence = file[0]
    known = sequence.unit_m
    object.__setattr__(sequence, "withers_m", math.nan)
    assert sequence.unit_m == pytest.approx(known, rel=0.05)
    assert known == pytest.approx(1.6)


def test_what_cannot_be_cut_or_read_is_said_in_one_line(file, tmp_path, capsys):
    assert longest_clip(file) == FRAMES
    with pytest.raises(InputError, match=f"clips of 1 to {FRAMES} frames"):
        sequence_clips(file, np.random.default_rng(0), 2, FRAMES + 1)
    pytest.importorskip("torch")
    assert main(["train", "lift", "--data", str(tmp_path / "none.npz"), "--run-dir", str(tmp_path / "run")]) == 2
    assert "expected sequences made for a lifter" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_mmposes_config_fits_the_skeleton_and_itself():
    config = runpy.run_path(str(CONFIGS / "videopose3d_horse68_27frames.py"))
    codec, backbone, head = config["codec"], config["model"]["backbone"], config["model"]["head"]
    assert codec["num_keypoints"] == head["num_joints"] == skeleton.NUM_JOINTS68
    assert codec["root_index"] == skeleton.KEYPOINT_INDEX[skeleton.SACRUM]
    assert backbone["in_channels"] == 2 * skeleton.NUM_JOINTS68
    for part in ("train", "val", "test"):
        dataset = config[f"{part}_dataloader"]["dataset"]
        assert dataset["seq_len"] == math.prod(backbone["kernel_sizes"])  # one frame is left of a window
        assert dataset["part"] == part
        steps = [step["type"] for step in dataset["pipeline"]]
        assert ("KeypointNoise" in steps) == ("RandomFlipAroundRoot" in steps) == (part == "train")
        assert steps[0] == "CutOutHorse"  # the test's pipeline is what MMPose's inference runs
    assert all((CONFIGS / f"{name}.py").is_file() for name in config["custom_imports"]["imports"])


def test_what_the_config_takes_from_here_needs_numpy_alone():
    code = (CONFIGS / "horse68_sequences.py").read_text(encoding="utf-8")
    imports = [line for line in code.splitlines() if line.startswith("from kinequimation")]
    absent = "for n in ('torch', 'onnxruntime', 'scipy', 'PIL', 'av', 'onnx'): sys.modules[n] = None"
    program = "\n".join(["import sys", absent, *imports])
    assert len(imports) >= 3
    subprocess.run([sys.executable, "-c", program], cwd=CONFIGS.parents[1], check=True)
