"""What a .tflite network is expected to compute: what the runtime that defines it makes of it.

8 bits, signed                               ->  TFLite Micro
8 bits, unsigned; floats; what that refuses  ->  LiteRT's reference kernels
neither is installed                         ->  the definitions of the operators, in numpy
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lowtide.check.by_nests import by_nests
from lowtide.check.expected import Expected, Kind
from lowtide.check.numbers import Sample, lively_inputs
from lowtide.errors import UnreadableModel
from lowtide.frontends.tflite.load import load
from lowtide.ir.dtype import F32, I8, U8
from lowtide.ir.graph import Array, Graph
from lowtide.ir.nest import Nest

ANY_SIZE = 2**62
"""It was read before."""

Run = Callable[[Mapping[str, Array]], tuple[Array, ...]]
ALONE = "neither tflite-micro nor ai-edge-litert is installed: pip install 'lowtide[tflite]'"


@dataclass(frozen=True)
class Runtime:
    """A runtime with a network in it, and what it is called."""

    run_on: Run
    kind: Kind
    maker: str
    version: str
    note: str = ""

    def run(self, inputs: Mapping[str, Array]) -> Expected:
        """What the network makes of one set of inputs."""
        made = self.run_on(inputs)
        gaps = (0.0,) * len(made) if self.kind == "integers" else ()
        return Expected(made, self.kind, self.maker, self.version, gaps, self.note)


def make_tflite_samples(path: Path, given: Mapping[str, Mapping[str, Array]]) -> list[Sample]:
    """A seeded random sample over the whole range, and the given ones, with what is expected."""
    graph = load(path, ANY_SIZE)
    runtime = _runtime(path, graph)
    samples = [Sample(name, inputs, runtime.run(inputs)) for name, inputs in given.items()]
    return [_random(graph, runtime), *samples]


def _random(graph: Graph, runtime: Runtime) -> Sample:
    tensors, inputs = [graph.tensors[name] for name in graph.inputs], {}
    if all(tensor.dtype == F32 for tensor in tensors):
        return lively_inputs(runtime.run, {t.name: (t.shape, "float32") for t in tensors})
    rng = np.random.default_rng(0)
    for tensor in tensors:
        if tensor.dtype == F32:
            inputs[tensor.name] = rng.standard_normal(tensor.shape, np.float32)
            continue
        ends = np.iinfo(tensor.dtype.name)
        drawn = rng.integers(ends.min, ends.max + 1, tensor.shape, np.int64)
        inputs[tensor.name] = drawn.astype(tensor.dtype.name)
    return Sample("random", inputs, runtime.run(inputs))


def _runtime(path: Path, graph: Graph) -> Runtime:
    """The runtime that defines the network, or what comes nearest of what is installed."""
    kinds = {
        graph.tensors[name].dtype for name in (t for op in graph.operators for t in op.outputs)
    }
    kind: Kind = "integers" if kinds & {I8, U8} else "float32"
    if kind == "integers" and not _is_unsigned(graph):
        run = _tflm(path, graph)
        if run is not None:
            return Runtime(run, kind, "TFLite Micro", version("tflite-micro"))
    run = _litert(path, graph)
    if run is not None:
        return Runtime(run, kind, "LiteRT's reference kernels", version("ai-edge-litert"))
    return Runtime(lambda inputs: _own(graph, inputs), kind, "lowtide's definitions", "", ALONE)


def _is_unsigned(graph: Graph) -> bool:
    """Whether operators compute with uint8 from uint8."""
    return any(
        graph.tensors[op.output].dtype == U8
        and any(name in graph.tensors and graph.tensors[name].dtype == U8 for name in op.inputs)
        for op in graph.operators
        if isinstance(graph.meanings[op.output].meaning, Nest)
    )


def _own(graph: Graph, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
    held = by_nests(graph, inputs)
    return tuple(held[name] for name in graph.outputs)


def _tflm(path: Path, graph: Graph) -> Run | None:
    """None where it is not installed, or does not know an operator."""
    try:
        from tflite_micro import runtime
    except ImportError:
        return None
    content = path.read_bytes()
    try:
        held = runtime.Interpreter.from_bytes(content, arena_size=2**24 + 10 * len(content))
    except RuntimeError:
        return None

    def run(inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        for k, name in enumerate(graph.inputs):
            held.set_input(inputs[name], k)
        held.invoke()
        return tuple(np.asarray(held.get_output(k)) for k in range(len(graph.outputs)))

    return run


def _litert(path: Path, graph: Graph) -> Run | None:
    """None where it is not installed."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        return None
    kernels = interpreter.OpResolverType.BUILTIN_REF
    try:
        held: Any = interpreter.Interpreter(
            model_path=str(path), experimental_op_resolver_type=kernels, num_threads=1
        )
        held.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        told = str(error).strip().split("\n")[0][:200]
        raise UnreadableModel(
            f"LiteRT, the reference, cannot load it: {told}", file=str(path)
        ) from error

    def run(inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        for details, name in zip(held.get_input_details(), graph.inputs, strict=True):
            held.set_tensor(details["index"], inputs[name])
        held.invoke()
        return tuple(np.array(held.get_tensor(d["index"])) for d in held.get_output_details())

    return run
