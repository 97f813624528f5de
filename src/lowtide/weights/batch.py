"""Let a network of batch 1 take any number of pictures, where that changes nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from lowtide.ir.codes import Array
from lowtide.runtime import onnxruntime


def session(proto: onnx.ModelProto | bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """onnxruntime on a model, silent."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    content = proto if isinstance(proto, bytes) else proto.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def free_batch(proto: onnx.ModelProto, inputs: Sequence[str]) -> tuple[onnx.ModelProto, bool]:
    """The model with a free first dimension if two pictures at once give what each gives alone.

        x [1,3,8,8] -> Reshape [1,-1]      ->      x [N,3,8,8] -> Reshape [0,-1]

    Otherwise the model as it is, and False.
    """
    freed = onnx.ModelProto()
    freed.CopyFrom(proto)
    del freed.graph.value_info[:]
    _free_reshapes(freed)
    for value in (*freed.graph.input, *freed.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name in inputs or value in freed.graph.output:
            if not dims or dims[0].dim_value != 1:
                return proto, False
            dims[0].dim_param = "N"
    return (freed, True) if _same(proto, freed) else (proto, False)


def _free_reshapes(model: onnx.ModelProto) -> None:
    tensors = {t.name: t for t in model.graph.initializer}
    for number, node in enumerate(model.graph.node):
        if node.op_type != "Reshape" or node.input[1] not in tensors:
            continue
        target = numpy_helper.to_array(tensors[node.input[1]]).copy()
        if target.size and target[0] == 1:
            target[0] = 0
            name = f"{node.input[1]}_{number}_any"
            model.graph.initializer.append(numpy_helper.from_array(target, name))
            node.input[1] = name


def _same(one: onnx.ModelProto, many: onnx.ModelProto) -> bool:
    rng = np.random.default_rng(0)
    feeds: dict[str, Array] = {}
    held = {t.name for t in one.graph.initializer}
    for value in one.graph.input:
        if value.name in held:
            continue
        dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        feeds[value.name] = rng.standard_normal([2, *dims[1:]]).astype(kind)
    try:
        together = session(many).run(None, feeds)
        alone = session(one)
        for i in range(2):
            each = alone.run(None, {name: x[i : i + 1] for name, x in feeds.items()})
            for a, b in zip(each, together, strict=True):
                if a.shape != b[i : i + 1].shape or not np.allclose(
                    a, b[i : i + 1], rtol=1e-4, atol=1e-5
                ):
                    return False
    except Exception:  # onnxruntime raises its own; any refusal means: one at a time
        return False
    return True
