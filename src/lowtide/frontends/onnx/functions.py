"""Put the bodies of model-local functions where they are called."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from lowtide.errors import UnreadableModel, UnsupportedModel

# Functions that call functions twice grow exponentially; no real network is near this.
MOST_NODES = 100_000
MOST_CALLS = 100
"""Functions that are open at one time, each called by the one before it."""

Key = tuple[str, str]


def inline_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without functions of its own.

        block(x) = Relu(Conv(x))
        x ──> block ──> block ──> y      ->      x ──> Conv ──> Relu ──> Conv ──> Relu ──> y

    Raises UnreadableModel where functions call each other in a circle.
    """
    if not model.functions:
        return model
    _check_growth(model)
    inlined = InlinePass()(ir.serde.deserialize_model(model)).model
    inlined.functions.clear()
    return ir.serde.serialize_model(inlined)


def _check_growth(model: onnx.ModelProto) -> None:
    bodies = {(f.domain, f.name): f.node for f in model.functions}
    sizes: dict[Key, int] = {}
    open_calls: list[Key] = []

    def size(nodes: Iterable[onnx.NodeProto]) -> int:
        return sum(of((n.domain, n.op_type)) for n in nodes)

    def of(key: Key) -> int:
        if key not in bodies:
            return 1
        if key in open_calls:
            raise UnreadableModel(f"function '{key[1]}' calls itself", hint="export it unrolled")
        if len(open_calls) == MOST_CALLS:
            raise UnsupportedModel(
                f"functions call functions more than {MOST_CALLS} deep", hint="export them inlined"
            )
        if key not in sizes:
            open_calls.append(key)
            sizes[key] = size(bodies[key])
            open_calls.pop()
        return sizes[key]

    if size(model.graph.node) > MOST_NODES:
        raise UnsupportedModel(f"more than {MOST_NODES} nodes once its functions are written out")
