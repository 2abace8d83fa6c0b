"""Smaller ONNX files: weights stored in 16 or 8 bits and turned back to 32 when the file is opened.

ONNX Runtime works such conversions out once, when it loads a file, so that nothing is slower; the weights keep their
names. In 8 bits every output channel has a scale of its own (Krishnamoorthi 2018, arXiv:1806.08342, section 3.1.2).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kinequimation.io.atomic import replacing

if TYPE_CHECKING:
    import onnx

LEAST_SIZE = 512
"""Smaller tensors stay as they are: they are no weight to carry, and biases and batch norms among them need 32 bits."""


def store_compactly(model: onnx.ModelProto, bits: Literal[8, 16]) -> None:
    """Replace the large 32-bit weights of a model, in place.

    Args:
        model: any model; tensors of ``LEAST_SIZE`` numbers and more with two axes or more are replaced.
        bits: 16 rounds to half precision (1e-3 of a weight); 8 to 255 levels a channel.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    stored, before = [], []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < LEAST_SIZE or array.ndim < 2:
            stored.append(tensor)
            continue
        name, full = tensor.name, f"{tensor.name}:full"
        if bits == 16:
            stored.append(numpy_helper.from_array(array.astype(np.float16), name))
            before.append(helper.make_node("Cast", [name], [full], to=TensorProto.FLOAT))
        else:
            scale = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True) / 127
            scale = np.maximum(scale, 1e-12).astype(np.float32)
            stored.append(numpy_helper.from_array(np.rint(array / scale).astype(np.int8), name))
            stored.append(numpy_helper.from_array(scale, f"{name}:scale"))
            before.append(helper.make_node("Cast", [name], [f"{name}:levels"], to=TensorProto.FLOAT))
            before.append(helper.make_node("Mul", [f"{name}:levels", f"{name}:scale"], [full]))
        for node in graph.node:
            for i, used in enumerate(node.input):
                if used == name:
                    node.input[i] = full
    nodes = [*before, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(stored)
    graph.node.extend(nodes)


def compact_file(path: Path, bits: Literal[8, 16]) -> None:
    """Store the weights of an ONNX file compactly; the file is replaced whole or left as it was.

    Raises:
        OutputError: the file cannot be written.
    """
    import onnx

    model = onnx.load(str(path))
    store_compactly(model, bits)
    onnx.checker.check_model(model)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
