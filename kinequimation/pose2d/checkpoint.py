"""Weights from files of others: ``.pth`` of MMPose and of this project, and safetensors, read without running them.

A ``.pth`` is a pickle, and a pickle may call any function. Here it is read by torch's restricted unpickler, which makes
tensors and plain values and refuses the rest. MMEngine's checkpoints hold a few objects besides (the history of the
logged losses, and numpy numbers in it); for these, empty stand-ins are named, which take what they are given and do
nothing with it. A stand-in for ``getattr`` is among them: it is no attribute that comes back, but another empty object.
"""

from __future__ import annotations

import json
import math
import pickle
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing
from kinequimation.text import one_line

if TYPE_CHECKING:
    from kinequimation.pose2d.hrnet import HRNetW32

MAX_FILE_BYTES = 4 << 30
"""Largest file that is read: an HRNet-W48 with its optimiser has 0.8 GB."""
MAX_HEADER_BYTES = 16 << 20
"""Largest header of a safetensors file; W32's has 0.2 MB."""

_STAND_INS: tuple[tuple[str, str], ...] = (
    ("mmengine.logging.history_buffer", "HistoryBuffer"),
    ("mmengine.config.config", "ConfigDict"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("builtins", "getattr"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
)
"""Module and name of what MMEngine's checkpoints hold besides tensors and plain values."""
_SAFETENSORS_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
_CALL = re.compile(r"(?:GLOBAL|unrecognized function|(?:create new object|only build).* got) (\S{1,80})")
"""What torch says of a pickle that wants to call or make something that is not allowed."""
_PREFIXES = ("module.", "model.")
"""What wrappers (data parallel, averaging) put before every name."""
_OLD_HEAD, _HEAD = "keypoint_head.", "head."
"""The head's name before MMPose 1.0, and since."""
_PREPROCESSOR = "data_preprocessor."


class _Inert:
    """Takes anything and does nothing."""

    def __new__(cls, *args: object, **kwargs: object) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


_SAFE_GLOBALS = [type(name, (_Inert,), {"__module__": module}) for module, name in _STAND_INS]


@dataclass(frozen=True)
class Weights:
    """A network's weights by name.

    Attributes:
        path: the file that they came from, for messages.
        tensors: by name, as MMPose writes them, without the prefixes of wrappers.
        meta: plain values that lay beside them: ``cfg``, MMPose's config as text; ``dataset_meta``; others.
    """

    path: Path
    tensors: dict[str, torch.Tensor]
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def n_keypoints(self) -> int:
        """Return the number of heatmaps.

        Raises:
            InputError: there is no heatmap head.
        """
        head = self.tensors.get("head.final_layer.weight")
        if head is None or head.ndim != 4:
            raise InputError(
                f"{self.path}: expected a network with head.final_layer.weight, got {_sample(self.tensors)}; "
                "give a pose checkpoint of MMPose or of this project, not a backbone's"
            )
        return head.shape[0]


def read_weights(path: str | Path) -> Weights:
    """Read weights; nothing that the file says is run.

    Known are MMEngine's checkpoints, a training run's ``checkpoint.pt`` of this project (its averaged weights), bare
    dictionaries of tensors, and safetensors.

    Raises:
        InputError: the file is missing, too large, unreadable, wants to run code, or holds no tensors.
    """
    path = Path(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
    tensors, meta = _split(content)
    if not tensors:
        raise InputError(f"{path}: expected a checkpoint with weights by name, got none; give another file")
    return Weights(path, _renamed(tensors), meta)


def load_weights(net: nn.Module, weights: Weights) -> None:
    """Put weights into a network, all of them.

    Raises:
        InputError: names or shapes differ.
    """
    wanted = net.state_dict()
    _check(weights, weights.tensors, wanted, wanted.keys() | weights.tensors.keys())
    net.load_state_dict(weights.tensors)


def load_backbone(net: HRNetW32, weights: Weights) -> None:
    """Put weights into the backbone alone: those of a pose network, or of a classifier that it was before.

    A classifier's own layers, and the coarse branches that it keeps to the end, are left out.

    Raises:
        InputError: a weight of the backbone is missing or has another shape.
    """
    prefix = "backbone."
    has_prefix = any(name.startswith(prefix) for name in weights.tensors)
    theirs = {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.tensors.items()
        if not has_prefix or name.startswith(prefix)
    }
    wanted = net.backbone.state_dict()
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}  # files of before 2018 have none
    _check(weights, theirs, wanted, wanted.keys() - (counters - theirs.keys()))
    net.backbone.load_state_dict({name: theirs.get(name, wanted[name]) for name in wanted})


def write_weights(path: Path, net: nn.Module, meta: Mapping[str, Any]) -> None:
    """Write a network's weights as MMPose reads them: ``state_dict`` and ``meta``.

    Args:
        path: where.
        net: the network.
        meta: plain values (numbers, texts, lists, dictionaries).

    Raises:
        OutputError: the file cannot be written.
    """
    state = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    with replacing(path) as temporary:
        torch.save({"meta": dict(meta), "state_dict": state}, temporary)


def _size_of(path: Path) -> int:
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: expected a checkpoint, found nothing; check the path") from error
    if not path.is_file() or n_bytes > MAX_FILE_BYTES:
        raise InputError(f"{path}: expected a checkpoint of at most {MAX_FILE_BYTES >> 30} GB; give another file")
    return n_bytes


def read_pickle(path: Path) -> object:
    """Read what ``torch.save`` wrote: tensors and plain values; nothing that the file says is run.

    Raises:
        InputError: the file is missing, too large, unreadable, or wants to run code.
    """
    _size_of(path)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                n_bytes = sum(entry.file_size for entry in archive.infolist())
            if n_bytes > MAX_FILE_BYTES:
                raise InputError(
                    f"{path}: expected a checkpoint of at most {MAX_FILE_BYTES >> 30} GB unpacked, got more"
                )
        with torch.serialization.safe_globals(_SAFE_GLOBALS):  # pyright: ignore[reportArgumentType]
            return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:  # a broken file makes torch and zipfile raise nearly anything
        called = _CALL.search(str(error))
        if isinstance(error, pickle.UnpicklingError) and called is not None:
            wanted = one_line(called[1])
            raise InputError(
                f"{path}: refused, because it holds more than weights and plain values (it wants {wanted}); "
                "whoever made it can save its state_dict alone"
            ) from error
        raise InputError(f"{path}: expected a checkpoint, got something unreadable ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """Return what torch says is wrong, without its advice to trust the file."""
    text = one_line(str(error)).rsplit("WeightsUnpickler error: ", 1)[-1]
    return re.split(r"\. | Check the documentation", text)[0][:160]


def _read_safetensors(path: Path) -> dict[str, object]:
    """Read the format of https://huggingface.co/docs/safetensors: length, a JSON header, and the tensors' bytes."""
    n_bytes = _size_of(path)
    try:
        with path.open("rb") as f:
            (n_header,) = struct.unpack("<Q", f.read(8))
            if n_header > min(MAX_HEADER_BYTES, n_bytes - 8):
                raise ValueError("its header is longer than the file")
            header = json.loads(f.read(n_header))
            data = f.read()
        meta = header.pop("__metadata__", {})
        tensors: dict[str, object] = {}
        for name, entry in header.items():
            start, end = (int(i) for i in entry["data_offsets"])
            shape = tuple(int(n) for n in entry["shape"])
            dtype = entry["dtype"]
            width = 2 if dtype == "BF16" else np.dtype(_SAFETENSORS_TYPES[dtype]).itemsize
            if min((*shape, start), default=0) < 0 or end > len(data) or end - start != width * math.prod(shape):
                raise ValueError(f"the bytes of {name} do not fit its shape")
            if dtype == "BF16":
                bits = np.frombuffer(data, "<u2", math.prod(shape), start).astype(np.int32) << 16
                array = bits.view(np.float32).reshape(shape)
            else:
                array = np.frombuffer(data, _SAFETENSORS_TYPES[dtype], math.prod(shape), start).reshape(shape).copy()
            tensors[name] = torch.from_numpy(array)
        return {"state_dict": tensors, "meta": meta}
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: expected a safetensors file, got something unreadable ({_reason(error)})") from error


def _split(content: object) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the weights and what lies beside them."""
    if not isinstance(content, Mapping):
        return {}, {}
    meta = content.get("meta")
    if isinstance(content.get("ema"), Mapping) and isinstance(content.get("net"), Mapping):
        state = content["ema"]  # a run of this project; the averaged weights are the better ones
    else:
        state = next((content[k] for k in ("state_dict", "model") if isinstance(content.get(k), Mapping)), content)
    tensors = {k: v for k, v in state.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}
    return tensors, dict(meta) if isinstance(meta, Mapping) else {}


def _renamed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return {
        _HEAD + name.removeprefix(_OLD_HEAD) if name.startswith(_OLD_HEAD) else name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(_PREPROCESSOR)
    }


def _check(
    weights: Weights, theirs: Mapping[str, torch.Tensor], ours: Mapping[str, torch.Tensor], names: Iterable[str]
) -> None:
    names = set(names)
    missing, unknown = sorted(names & ours.keys() - theirs.keys()), sorted(names - ours.keys())
    for what, which in (("no", missing), ("an unknown", unknown)):
        if which:
            more = f" and {len(which) - 1} more" if len(which) > 1 else ""
            raise InputError(
                f"{weights.path}: expected the weights of an HRNet-W32 with a heatmap head, got {what} "
                f"{one_line(which[0])}{more}; give a checkpoint of this network"
            )
    for name in sorted(names):
        if theirs[name].shape != ours[name].shape or theirs[name].is_floating_point() != ours[name].is_floating_point():
            raise InputError(
                f"{weights.path}: expected {name} of shape {list(ours[name].shape)}, got {list(theirs[name].shape)}; "
                "the network has another width or other keypoints"
            )


def _sample(tensors: Mapping[str, torch.Tensor]) -> str:
    return f"{len(tensors)} weights such as {one_line(next(iter(tensors)))[:60]}" if tensors else "none"
