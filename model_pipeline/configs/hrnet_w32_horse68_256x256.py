"""HRNet-W32 for the 68 joints of a horse, trained by MMPose 1.3.2 on what dataset_pipeline built.

From the repository's root, in the environment of requirements-wsl.txt:

    kinequimation weights pull hrnet_w32_imagenet
    mim train mmpose model_pipeline/configs/hrnet_w32_horse68_256x256.py

    # without the pretrained backbone
    mim train mmpose model_pipeline/configs/hrnet_w32_horse68_256x256.py --cfg-options model.backbone.init_cfg=None
    # a first try on a CPU
    mim train mmpose model_pipeline/configs/hrnet_w32_horse68_256x256.py --cfg-options model.backbone.init_cfg=None \
        train_cfg.max_epochs=1 train_dataloader.batch_size=2 train_dataloader.num_workers=0 \
        train_dataloader.persistent_workers=False

The last two epochs and the best one (coco/AP on the validation part) lie in outputs/checkpoints, the best one also as
outputs/checkpoints/hrnet_w32_horse68_best.pth. Paths are written out and nothing is called on them: mmengine takes a
config that does so for another kind and stops.
"""

import sys

sys.path.insert(0, r"{{ fileDirname }}")  # mmengine puts this file's folder here; horse68_hooks lies in it

custom_imports = dict(imports=["horse68_hooks"], allow_failed_imports=False)
default_scope = "mmpose"
work_dir = "outputs/checkpoints"

# The recipe of MMPose's HRNet for animals (td-hm_hrnet-w32_8xb64-210e_ap10k-256x256), shorter, with UDP (Huang et
# al. 2020, arXiv:1911.07524) in place of the biased coordinates, colours distorted, and turned by less: horses stand
# upright.
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type="Adam", lr=5e-4))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type="MultiStepLR", begin=0, end=100, milestones=[75, 92], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=512)

codec = dict(type="UDPHeatmap", input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type="HRNet",
        in_channels=3,
        extra=dict(
            stage1=dict(num_modules=1, num_branches=1, block="BOTTLENECK", num_blocks=(4,), num_channels=(64,)),
            stage2=dict(num_modules=1, num_branches=2, block="BASIC", num_blocks=(4, 4), num_channels=(32, 64)),
            stage3=dict(num_modules=4, num_branches=3, block="BASIC", num_blocks=(4, 4, 4), num_channels=(32, 64, 128)),
            stage4=dict(
                num_modules=3, num_branches=4, block="BASIC", num_blocks=(4, 4, 4, 4), num_channels=(32, 64, 128, 256)
            ),
        ),
        init_cfg=dict(type="Pretrained", checkpoint="outputs/checkpoints/hrnet_w32-36af842e.pth"),
    ),
    head=dict(
        type="HeatmapHead",
        in_channels=32,
        out_channels=68,
        deconv_out_channels=None,
        loss=dict(type="KeypointMSELoss", use_target_weight=True),
        decoder=codec,
    ),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=False),  # UDP's heatmaps mirror onto themselves
)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale", padding=1.25),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody", prob=0.2),
    dict(type="RandomBBoxTransform", scale_factor=(0.6, 1.5), rotate_factor=35.0),
    dict(type="TopdownAffine", input_size=(256, 256), use_udp=True),
    dict(type="PhotometricDistortion"),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale", padding=1.25),
    dict(type="TopdownAffine", input_size=(256, 256), use_udp=True),
    dict(type="PackPoseInputs"),
]
metainfo = dict(from_file="model_pipeline/configs/_base_/horse68.py")

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="CocoDataset",
        data_mode="topdown",
        metainfo=metainfo,
        data_root="dataset_pipeline/data",
        ann_file="coco/coco_synth_68_train.json",
        data_prefix=dict(img="renders/"),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="CocoDataset",
        data_mode="topdown",
        metainfo=metainfo,
        data_root="dataset_pipeline/data",
        ann_file="coco/coco_synth_68_val.json",
        data_prefix=dict(img="renders/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="CocoDataset",
        data_mode="topdown",
        metainfo=metainfo,
        data_root="dataset_pipeline/data",
        ann_file="coco/coco_synth_68_test.json",
        data_prefix=dict(img="renders/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = dict(type="CocoMetric", ann_file="dataset_pipeline/data/coco/coco_synth_68_val.json")
test_evaluator = dict(type="CocoMetric", ann_file="dataset_pipeline/data/coco/coco_synth_68_test.json")

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=10),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2, save_best="coco/AP", rule="greater"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
)
custom_hooks = [
    dict(type="SyncBuffersHook"),
    dict(type="PretrainedFileHook"),
    dict(type="BestCheckpointNameHook", name="hrnet_w32_horse68_best.pth"),
]
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
visualizer = dict(type="PoseLocalVisualizer", vis_backends=[dict(type="LocalVisBackend")], name="visualizer")
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True, num_digits=6)
log_level = "INFO"
load_from = None
resume = False
