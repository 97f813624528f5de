"""One operator of a .tflite file as a file: what its kernel asks for while it runs is seen there.

    file     t0 ─> A ─> t1 ─> B ─> t2          alone(file, B)     0 .. t1 ─> B ─> t2

Tensors that are not the operator's become single bytes; all of its own lie at 0, one over the
other: the file is prepared, and never run.
"""

from __future__ import annotations

import flatbuffers
import tflite

from lowtide.backends.tflite.outline import Outline
from lowtide.backends.tflite.rewrite import ONLINE, field_of, list_of, put, root_of, with_plan

_SUBGRAPH = ("tensors", "inputs", "outputs", "operators")


def alone(content: bytes, file: Outline, number: int) -> bytes:
    """The first subgraph with one of its operators, planned; all else as it was."""
    model = tflite.Model.GetRootAs(content, 0)
    graph, node = model.Subgraphs(0), file.nodes[number]
    build = flatbuffers.Builder(len(content) + 4096)
    end = put(build, content)
    one = _byte(build)
    own = {*node.inputs, *node.outputs}
    tensors = list_of(
        build,
        [
            end - graph.Tensors(k)._tab.Pos if k in own or not held.bytes else one
            for k, held in enumerate(file.tensors)
        ],
    )
    operators = list_of(build, [end - graph.Operators(number)._tab.Pos])
    ends = [field_of(graph._tab, _SUBGRAPH.index(name)) for name in ("inputs", "outputs")]
    build.StartObject(len(_SUBGRAPH))
    for k, at in enumerate((tensors, *(end - at if at else 0 for at in ends), operators)):
        build.PrependUOffsetTRelativeSlot(k, at, 0)
    subgraph = list_of(build, [build.EndObject()])
    cut = root_of(build, model, end, {2: subgraph})
    return with_plan(cut, [0 if held.bytes else ONLINE for held in file.tensors], (0,))


def _byte(build: flatbuffers.Builder) -> int:
    """A tensor of one int8."""
    build.StartVector(4, 1, 4)
    build.PrependInt32(1)
    shape = build.EndVector()
    build.StartObject(2)
    build.PrependUOffsetTRelativeSlot(0, shape, 0)
    build.PrependInt8Slot(1, tflite.TensorType.INT8, 0)
    return int(build.EndObject())
