"""One run in several processes, as ``torchrun`` starts them: each sees its part of a batch, and all take the same step.

Gradients are averaged before each step, and so are the running statistics of batch norms, so that every process holds
the same network at every step. The means within a batch norm are those of each process's own part of the batch, unless
the network was converted with ``synchronised``, which CUDA alone can do.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import distributed, nn

from kinequimation.errors import InputError, MissingDependencyError
from kinequimation.runtime import DEVICES, Device


@dataclass(frozen=True)
class Processes:
    """The processes of a run, and which of them this one is.

    Attributes:
        rank: this process, from 0; the first logs and saves.
        world: how many there are.
        device: what this one computes on.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this is the process that logs and saves."""
        return self.rank == 0

    def average_(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace tensors by their means over the processes."""
        if self.world == 1:
            return
        for group in _by_kind(tensors):
            flat = torch.cat([t.reshape(-1) for t in group])
            distributed.all_reduce(flat)
            flat /= self.world
            start = 0
            for tensor in group:
                tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
                start += tensor.numel()

    def means(self, values: Sequence[float]) -> list[float]:
        """Return the means of numbers over the processes."""
        if self.world == 1:
            return list(values)
        mean = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(mean)
        return (mean / self.world).tolist()

    def firsts(self, value: float) -> float:
        """Return the first process's value."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)

    def take_firsts_(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace tensors by the first process's."""
        if self.world > 1:
            for tensor in tensors:
                shared = tensor.detach().contiguous()  # kernels may lie in memory channels last
                distributed.broadcast(shared, 0)
                tensor.detach().copy_(shared)


def _by_kind(tensors: Iterable[torch.Tensor]) -> list[list[torch.Tensor]]:
    groups: dict[torch.dtype, list[torch.Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor)
    return list(groups.values())


def synchronised(module: nn.Module, processes: Processes) -> nn.Module:
    """Return a module whose batch norms see the whole batch, where that can be done: on CUDA."""
    if processes.world > 1 and processes.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    return module


def choose_device(device: Device, local_rank: int = 0) -> torch.device:
    """Return the device for a name; ``auto`` takes CUDA where there is one.

    Raises:
        InputError: it is no known name, or there are fewer graphics cards than processes.
        MissingDependencyError: CUDA was asked for by name, and this PyTorch has none.
    """
    if device not in DEVICES:
        raise InputError(f"device: expected one of {', '.join(DEVICES)}, got {device!r}")
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise MissingDependencyError("device cuda: this PyTorch finds none; install a CUDA build, or use --device cpu")
    if local_rank >= torch.cuda.device_count():
        raise InputError(
            f"expected at most {torch.cuda.device_count()} processes here, one a graphics card, got more; "
            "lower --nproc-per-node"
        )
    return torch.device("cuda", local_rank)


@contextmanager
def processes_of_run(device: Device) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started; without it there is this one alone.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``; process n of a machine takes its card n.

    Raises:
        InputError: there are fewer graphics cards than processes.
        MissingDependencyError: CUDA was asked for and is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes(device=choose_device(device))
        return
    mine = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if mine.type == "cuda":
        torch.cuda.set_device(mine)
    # An optimiser imports this module; once there is a group, its functions' default arguments keep that group and its
    # threads alive for good, and a thread that frees a tensor while the interpreter ends aborts the process.
    importlib.import_module("torch.distributed.nn.functional")
    distributed.init_process_group("nccl" if mine.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), world, mine)
    finally:
        distributed.destroy_process_group()
