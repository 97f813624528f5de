"""What each operator can be called with: ONNX's node cases of one node, with their arrays."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.defs import OpSchema

from lowtide.frontends.onnx.load import NEWEST_OPSET, OLDEST_OPSET
from lowtide.frontends.onnx.simplify.drop_identities import IDENTITIES
from lowtide.frontends.onnx.simplify.recurrent import RECURRENT
from lowtide.ir.graph import Array
from lowtide.ops import ENTRIES
from small_network import SmallNetwork

OPTIONAL = OpSchema.FormalParameterOption.Optional
VARIADIC = OpSchema.FormalParameterOption.Variadic

MOST_ELEMENTS = 4500
"""Of all tensors of a case together: hundreds are run."""


@dataclass(frozen=True)
class Example:
    """A node of ONNX's cases with the arrays that it is given; None where an input is left out."""

    node: NodeProto
    opset: int
    inputs: tuple[Array | None, ...]
    outputs: tuple[Array, ...]

    @property
    def elements(self) -> int:
        return sum(a.size for a in (*self.inputs, *self.outputs) if a is not None)


@cache
def examples() -> dict[str, tuple[Example, ...]]:
    """The small cases of one node, by operator; an input that none of them has is made up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX divides by zero here and there, on purpose
        cases = collect_testcases(None)
    found: dict[str, list[Example]] = defaultdict(list)
    for case in cases:
        if case.model is None or len(case.model.graph.node) != 1 or not case.data_sets:
            continue
        example = _example(case.model, *case.data_sets[0])
        if example is not None and example.elements <= MOST_ELEMENTS:
            found[example.node.op_type].append(example)
    return {type_: _with_all_inputs(tuple(held)) for type_, held in found.items()}


def _example(
    model: onnx.ModelProto, inputs: Sequence[Any], outputs: Sequence[Any]
) -> Example | None:
    node = model.graph.node[0]
    opsets = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if node.domain or not versions(node.op_type) or len(opsets) != 1:
        return None
    held, made = [_array(value) for value in inputs], [_array(value) for value in outputs]
    if any(array is None for array in (*held, *made)):
        return None
    by_name = dict(zip((v.name for v in model.graph.input), held, strict=True))
    given = tuple(by_name.get(name) for name in node.input)
    whole = tuple(array for array in made if array is not None)
    return Example(node, min(opsets[0], NEWEST_OPSET), given, whole)


def _array(value: Any) -> Array | None:
    """A tensor as an array; None for sequences and for types that numpy has not."""
    if isinstance(value, TensorProto):
        value = numpy_helper.to_array(value)
    if not isinstance(value, np.ndarray | np.generic):
        return None
    array = np.asarray(value)
    return array if array.dtype.kind in "fiub" and array.dtype.names is None else None


def _with_all_inputs(held: tuple[Example, ...]) -> tuple[Example, ...]:
    """The examples; for an optional input that none has, some with it, of a shape that fits."""
    schema = onnx.defs.get_schema(held[0].node.op_type, held[0].opset, "")
    made = list(held)
    for k, formal in enumerate(schema.inputs):
        shown = any(k < len(e.inputs) and e.inputs[k] is not None for e in held)
        if formal.option == OPTIONAL and not shown:
            for example in held[:3]:
                made += [e for e in [next(filter(_runs, _given(example, k)), None)] if e]
    return tuple(made)


def _given(example: Example, k: int) -> Iterator[Example]:
    """The example with a float input `k` of every shape of one number or one axis."""
    dims = {d for a in (*example.outputs, *example.inputs) if a is not None for d in a.shape}
    for shape in ((), *((d,) for d in sorted(dims, reverse=True))):
        array = np.linspace(-0.5, 0.5, max(prod(shape), 1), dtype=np.float32).reshape(shape)
        inputs = [*example.inputs, *[None] * (k + 1 - len(example.inputs))]
        names = [*example.node.input, *[""] * (k + 1 - len(example.node.input))]
        inputs[k], names[k] = array, "made_up"
        node = NodeProto.FromString(example.node.SerializeToString())
        del node.input[:]
        node.input.extend(names)
        yield replace(example, node=node, inputs=tuple(inputs))


def _runs(example: Example) -> bool:
    """Whether onnxruntime takes it, and the input that was made up changes something."""
    network, first = SmallNetwork(example.opset), example.inputs[0]
    assert first is not None
    names = [network.constant(a) if a is not None else "" for a in example.inputs[1:]]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in example.node.attribute}
    made = network.node(example.node.op_type, network.fed(first), *names, **attributes)
    results = _run(network.finish([made]), network.feeds)
    return results is not None and not np.array_equal(results[0], example.outputs[0])


def _run(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array] | None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return [np.asarray(y) for y in session.run(None, dict(feeds))]
    except Exception:  # onnxruntime raises its own types, none of them documented
        return None


@cache
def operators() -> tuple[str, ...]:
    """The operators that are understood and shown: entries, and what is dropped or written out."""
    latest = {s.name: s for s in onnx.defs.get_all_schemas() if s.domain == ""}
    known = {
        name
        for name, schema in latest.items()
        if name in {*ENTRIES, *IDENTITIES, *RECURRENT}
        or schema.has_function
        or schema.has_context_dependent_function
    }
    return tuple(sorted(known & set(examples())))


@cache
def versions(type_: str) -> tuple[int, ...]:
    """An opset for each version of an operator's schema that is taken: the first that has it."""
    since = sorted(
        s.since_version
        for s in onnx.defs.get_all_schemas_with_history()
        if (s.name, s.domain) == (type_, "")
        and s.since_version <= NEWEST_OPSET
        and not s.deprecated
    )
    newer = [v for v in since if v > OLDEST_OPSET]
    return tuple([OLDEST_OPSET] * (len(newer) < len(since)) + newer)
