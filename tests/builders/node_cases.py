"""ONNX's own node cases as networks: what is an activation, what a constant, what comes out.

A case runs with its operands as inputs of the network, but those that carry shapes, axes, bounds
and whatever else is not float32 as constants. Where an operand can be a weight as well as an
activation, it runs a second time, as NAME-constants, with all but the first constant.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

from batches import Case, judge_batch
from lowtide.check.expected import Expected
from lowtide.check.numbers import Reference, Sample
from lowtide.errors import CheckError, ModelError
from lowtide.frontends.onnx.load import NEWEST_OPSET
from lowtide.ir.graph import Array
from lowtide.ops import ENTRIES
from network_builder import Network
from programs import plan_model

# Operators with an operand that is a weight in most networks and an activation in some.
TAKE_WEIGHTS = frozenset(
    {"Add", "BatchNormalization", "Concat", "Conv", "ConvTranspose", "Div", "Gemm", "GRU", "LSTM"}
    | {"MatMul", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum"}
)

A_BATCH = 40

# Operators that are about weights: all but the first operand are constants.
ON_WEIGHTS = frozenset({"DequantizeLinear", "QuantizeLinear"})

# Its outputs are published with four digits, not all well rounded; onnxruntime gives the others.
FOUR_DIGITS = "test_averagepool_2d_ceil_last_window_starts_on_pad"


@dataclass(frozen=True)
class Run:
    """A case, and which of its inputs are constants."""

    name: str
    case: TestCase
    constants: frozenset[str]

    @property
    def family(self) -> str:
        """The operator that the case is about, or the operators of one that has none."""
        return ", ".join(dict.fromkeys(node.op_type for node in graph_of(self.case).node))

    def network(self) -> tuple[onnx.ModelProto, dict[str, Array], list[Array]]:
        """The network, its inputs and the outputs they give."""
        assert self.case.data_sets is not None
        ((inputs, outputs),) = self.case.data_sets
        model, given = onnx.ModelProto(), graph_of(self.case)
        model.CopyFrom(self.case.model)
        data = dict(zip((v.name for v in model.graph.input), inputs, strict=True))
        kept = [v for v in given.input if v.name not in self.constants]
        del model.graph.input[:]
        model.graph.input.extend(kept)
        for value in given.input:
            if value.name in self.constants:
                model.graph.initializer.append(_constant(data[value.name], value))
        # Newer versions of these operators add element types; the outputs show that it is so.
        for opset in model.opset_import:
            if opset.domain == "":
                opset.version = min(opset.version, NEWEST_OPSET)
        return model, {v.name: data[v.name] for v in kept}, [_array(held) for held in outputs]


def _array(held: Array | TensorProto) -> Array:
    return numpy_helper.to_array(held) if isinstance(held, TensorProto) else np.asarray(held)


def _constant(held: Array | TensorProto, value: onnx.ValueInfoProto) -> TensorProto:
    if isinstance(held, TensorProto):
        tensor = TensorProto()
        tensor.CopyFrom(held)
        tensor.name = value.name
        return tensor
    return numpy_helper.from_array(np.asarray(held), value.name)


def graph_of(case: TestCase) -> onnx.GraphProto:
    """The network of a case."""
    assert case.model is not None
    return case.model.graph


def is_float(value: onnx.ValueInfoProto) -> bool:
    """Whether a value is a float32 tensor."""
    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT)


def _is_tensor(value: onnx.ValueInfoProto) -> bool:
    return bool(value.type.WhichOneof("value") == "tensor_type")


def _is_empty(value: onnx.ValueInfoProto) -> bool:
    """Whether it has no elements: of such an operand only the type is of use."""
    dims = value.type.tensor_type.shape.dim
    return any(d.HasField("dim_value") and d.dim_value == 0 for d in dims)


def _runs(case: TestCase) -> Iterator[Run]:
    """The case as it stands, and with every weight a constant if it has any."""
    graph, name = graph_of(case), case.name.removeprefix("test_")
    constants = {v.name for v in graph.input if _is_tensor(v) and not is_float(v)}
    constants |= {v.name for v in graph.input if _is_tensor(v) and _is_empty(v)}
    others = {value.name for value in graph.input[1:]}
    weights: set[str] = set()
    for node in graph.node:
        named = ENTRIES[node.op_type].parameters.values() if node.op_type in ENTRIES else ()
        constants |= {node.input[i] for i in named if i < len(node.input)} & others
        if node.op_type in ON_WEIGHTS:
            constants |= set(node.input) & others
        if node.op_type in TAKE_WEIGHTS:
            weights |= set(node.input) & others
    yield Run(name, case, frozenset(constants))
    if weights - constants:
        yield Run(f"{name}-constants", case, frozenset(constants | weights))


def collect() -> dict[str, Run]:
    """The runs of all cases whose outputs are float32 tensors, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX divides by zero here and there, on purpose
        cases = [case for case in collect_testcases(None) if all(map(is_float, _outputs(case)))]
    return {run.name: run for case in cases for run in _runs(case)}


def _outputs(case: TestCase) -> list[onnx.ValueInfoProto]:
    return list(graph_of(case).output)


@dataclass(frozen=True)
class Outcome:
    """What became of a run: "passed", "refused" or "failed", and why."""

    name: str
    family: str
    verdict: str
    why: str = ""


def outcomes(runs: Sequence[Run]) -> list[Outcome]:
    """Takes runs through the generated C, at both levels of the judge, in batches."""
    found: dict[str, Outcome] = {}
    cases: dict[str, Case] = {}
    for run in runs:
        try:
            cases[run.name] = _case(run)
        except ModelError as error:
            why = str(error).removesuffix(f"; {error.hint or error.way_out}")
            found[run.name] = Outcome(run.name, run.family, "refused", why)
    names = list(cases)
    for first in range(0, len(names), A_BATCH):
        batch = [cases[name] for name in names[first : first + A_BATCH]]
        for name, faults in _judged(batch).items():
            family = next(run.family for run in runs if run.name == name)
            verdict = "failed" if faults else "passed"
            found[name] = Outcome(name, family, verdict, "; ".join(faults))
    return [found[run.name] for run in runs]


def _case(run: Run) -> Case:
    """The run planned; raises ModelError."""
    model, inputs, outputs = run.network()
    plan = plan_model(model)
    if run.case.name == FOUR_DIGITS:
        outputs = list(Reference(model.SerializeToString(), run.name).run(inputs).outputs)
    sample = Sample("given", inputs, Expected(tuple(outputs)))
    return Case(run.name, Network(model, inputs, whole=False), plan, sample)


def _judged(batch: Sequence[Case]) -> dict[str, tuple[str, ...]]:
    """The faults of each case; one by one where a program of the batch does not compile."""
    try:
        with TemporaryDirectory(prefix="lowtide-") as folder:
            return {one.case.name: one.faults for one in judge_batch(batch, Path(folder))}
    except CheckError as error:
        if len(batch) == 1:
            return {batch[0].name: (str(error),)}
        return {name: faults for case in batch for name, faults in _judged([case]).items()}
