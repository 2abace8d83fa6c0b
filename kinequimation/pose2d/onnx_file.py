"""ONNX files that can be run, and that training can start from again.

Written with parameter names kept and batch norms unfolded (ONNX Runtime folds them when it loads the file), so that the
weights in the file are the weights of the PyTorch module. What inference must know beside the graph (keypoint names,
calibration, figures) stands in the file's ``metadata_props`` as JSON.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kinequimation.errors import InputError
from kinequimation.io.atomic import replacing

OPSET = 17
PREFIX = "net."
"""In front of every parameter's name in the file: the network is the attribute ``net`` of the module exported."""


def write_onnx(
    module: nn.Module,
    example: torch.Tensor,
    input_name: str,
    output_names: list[str],
    path: Path,
    metadata: dict[str, Any],
) -> None:
    """Export a module whose attribute ``net`` holds all parameters; the batch is dynamic.

    Args:
        module: maps ``example`` to a tensor for each of ``output_names``.
        example: an input; its first axis is the batch.
        input_name: the input's name in the file.
        output_names: the outputs' names in the file.
        path: where to write; replaced whole or left as it was.
        metadata: JSON values, stored under their keys.
    """
    import onnx

    module = module.eval()
    with torch.no_grad(), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "model.onnx"
        warnings.simplefilter("ignore")  # the exporter warns that it is the older of two; the newer folds batch norms
        torch.onnx.export(
            module,
            (example,),
            str(raw),
            input_names=[input_name],
            output_names=output_names,
            dynamic_axes={name: {0: "batch"} for name in (input_name, *output_names)},
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
        model = onnx.load(str(raw))
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def load_onnx(net: nn.Module, path: Path | str) -> None:
    """Load the weights of a file of ``write_onnx`` into a network of the same layout.

    Raises:
        InputError: the file is no ONNX model, or its parameters are not this network's.
    """
    import onnx
    from onnx import numpy_helper

    if not Path(path).is_file():
        raise InputError(f"{path}: expected a network's file, found none")
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf's and onnx's errors share no public base
        raise InputError(f"{path}: expected an ONNX model, got something unreadable ({error})") from error
    theirs = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if t.name.startswith(PREFIX)}
    state = net.state_dict()
    for name, value in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        array = theirs.get(PREFIX + name)
        if array is None or array.shape != tuple(value.shape):
            got = "nothing" if array is None else str(list(array.shape))
            raise InputError(
                f"{path}: expected parameter {name} of shape {list(value.shape)}, got {got}; "
                "start from a file that this version's training wrote"
            )
        state[name] = torch.from_numpy(array.copy())
    net.load_state_dict(state)
