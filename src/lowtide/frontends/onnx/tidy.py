"""A network for onnxruntime, where that does not take the file as it is."""

from __future__ import annotations

from pathlib import Path

import onnx

from lowtide.frontends.onnx.load import strip
from lowtide.frontends.onnx.nodes import name_nodes
from lowtide.frontends.onnx.tensors import MOST_ELEMENTS, settle_tensors
from lowtide.room import Room


def tidied(source: Path | bytes) -> bytes:
    """The same nodes and numbers, without what says nothing of them.

        two nodes 'conv'; a tensor's noted shape; a constant's, as an input  ->  conv, conv_1; -; -

    The importer does not heed those either; onnxruntime refuses them where they contradict.
    """
    model = onnx.ModelProto.FromString(source if isinstance(source, bytes) else source.read_bytes())
    if isinstance(source, Path):
        settle_tensors(model, source.parent, Room(MOST_ELEMENTS))
    strip(model)
    name_nodes(model.graph.node)
    constants = {tensor.name for tensor in model.graph.initializer}
    for k in reversed(range(len(model.graph.input))):
        if model.graph.input[k].name in constants:
            del model.graph.input[k]
    known = onnx.helper.find_min_ir_version_for(list(model.opset_import), ignore_unknown=True)
    model.ir_version = max(4, known)
    return bytes(model.SerializeToString())
