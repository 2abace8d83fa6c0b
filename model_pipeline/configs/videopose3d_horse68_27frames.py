"""VideoPose3D for the 68 joints of a horse: MMPose 1.3.2 lifts 27 frames of 2D to the 3D pose of the middle one.

From the repository's root, in the environment of requirements-wsl.txt, with the file of export_lifter_dataset.py:

    python dataset_pipeline/build_dataset/export_lifter_dataset.py --root dataset_pipeline/data/renders \
        --out dataset_pipeline/data/lifter_sequences.npz
    mim train mmpose model_pipeline/configs/videopose3d_horse68_27frames.py
    mim test mmpose model_pipeline/configs/videopose3d_horse68_27frames.py \
        --checkpoint outputs/videopose3d/videopose3d_horse68_best.pth

    # a first try on a CPU
    mim train mmpose model_pipeline/configs/videopose3d_horse68_27frames.py --cfg-options train_cfg.max_epochs=2 \
        train_dataloader.batch_size=32 train_dataloader.num_workers=0 train_dataloader.persistent_workers=False

MPJPE and P-MPJPE in the log are shares of the withers height: 0.05 is 5 %. The last two epochs and the best one lie in
outputs/videopose3d. A file elsewhere: --cfg-options data_root does not reach the datasets, give each its ann_file.
"""

import sys

sys.path.insert(0, r"{{ fileDirname }}")  # mmengine puts this file's folder here; the two modules lie in it

custom_imports = dict(imports=["horse68_hooks", "horse68_sequences"], allow_failed_imports=False)
default_scope = "mmpose"
work_dir = "outputs/videopose3d"

# The recipe of MMPose's video-pose-lift_tcn-27frm-supv_8xb128-160e_h36m (Pavllo et al. 2019, arXiv:1811.11742), half as
# long. New are what cuts the horse out of the picture, and the noise: Human3.6M has four cameras that stand still.
train_cfg = dict(by_epoch=True, max_epochs=80, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type="Adam", lr=1e-3))
param_scheduler = [dict(type="ExponentialLR", gamma=0.95, end=80, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=128)

codec = dict(type="VideoPoseLifting", num_keypoints=68, zero_center=True, root_index=49, remove_root=False)
model = dict(
    type="PoseLifter",
    backbone=dict(
        type="TCN",
        in_channels=136,  # 2 · 68
        stem_channels=1024,
        num_blocks=2,
        kernel_sizes=(3, 3, 3),  # 27 frames
        dropout=0.25,
        use_stride_conv=True,
    ),
    head=dict(
        type="TemporalRegressionHead", in_channels=1024, num_joints=68, loss=dict(type="MPJPELoss"), decoder=codec
    ),
)

meta_keys = ("id", "category_id", "target_img_path", "flip_indices", "target_root")
train_pipeline = [
    dict(type="CutOutHorse"),
    dict(
        type="RandomFlipAroundRoot",
        keypoints_flip_cfg=dict(center_mode="static", center_x=1.0),
        target_flip_cfg=dict(center_mode="static", center_x=0.0),
    ),
    dict(type="KeypointNoise"),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs", meta_keys=meta_keys),
]
val_pipeline = [
    dict(type="CutOutHorse"),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs", meta_keys=meta_keys),
]
metainfo = dict(from_file="model_pipeline/configs/_base_/horse68.py")

train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="HorseSequenceDataset",
        part="train",
        seq_len=27,
        fps=30.0,
        metainfo=metainfo,
        ann_file="dataset_pipeline/data/lifter_sequences.npz",
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="HorseSequenceDataset",
        part="val",
        seq_len=27,
        fps=30.0,
        metainfo=metainfo,
        ann_file="dataset_pipeline/data/lifter_sequences.npz",
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=128,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="HorseSequenceDataset",
        part="test",
        seq_len=27,
        fps=30.0,
        metainfo=metainfo,
        ann_file="dataset_pipeline/data/lifter_sequences.npz",
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = [dict(type="SimpleMPJPE", mode="mpjpe"), dict(type="SimpleMPJPE", mode="p-mpjpe")]
test_evaluator = [dict(type="SimpleMPJPE", mode="mpjpe"), dict(type="SimpleMPJPE", mode="p-mpjpe")]

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=10),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2, save_best="MPJPE", rule="less"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
)
custom_hooks = [
    dict(type="SyncBuffersHook"),
    dict(type="BestCheckpointNameHook", name="videopose3d_horse68_best.pth"),
]
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
visualizer = dict(type="Pose3dLocalVisualizer", vis_backends=[dict(type="LocalVisBackend")], name="visualizer")
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True, num_digits=6)
log_level = "INFO"
load_from = None
resume = False
