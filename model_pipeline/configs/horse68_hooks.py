"""Hooks of mmengine for our MMPose configs: the weights to start from must be there, the best ones get one name."""

import os
import shutil
from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class BestCheckpointNameHook(Hook):
    """Copy the best checkpoint so far to a fixed name in the work folder.

    ``CheckpointHook`` names it by its metric and epoch and removes it when a better one comes; commands want one name.

    Args:
        name: of the copy.
    """

    priority = "LOWEST"  # after CheckpointHook, which is VERY_LOW

    def __init__(self, name: str) -> None:
        self.name = name
        self._copied: str | None = None

    @master_only
    def after_val_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        """Copy, whole or not at all, if there is a new best one."""
        if "best_ckpt" not in runner.message_hub.runtime_info:
            return
        best = runner.message_hub.get_info("best_ckpt")
        if best == self._copied or not Path(best).is_file():
            return
        target = Path(runner.work_dir) / self.name
        temporary = target.with_name(f".{self.name}.part")
        shutil.copyfile(best, temporary)
        os.replace(temporary, target)
        self._copied = best
        runner.logger.info(f"The best checkpoint also lies at {target}.")


@HOOKS.register_module()
class PretrainedFileHook(Hook):
    """Say in one line what to do where the file of pretrained weights is missing, before mmengine stops at it."""

    def before_run(self, runner) -> None:
        """Look for the file that the backbone starts from."""
        start = runner.cfg.model.backbone.get("init_cfg") or {}
        path = start.get("checkpoint", "")
        if path and "://" not in path and not Path(path).is_file():
            raise SystemExit(
                f"{path} is missing: fetch it with 'kinequimation weights pull hrnet_w32_imagenet', "
                "or start from nothing with --cfg-options model.backbone.init_cfg=None"
            )
