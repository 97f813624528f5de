"""A .tflite network by its nests in numpy's whole numbers, beside the runtimes that define it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tflite

from lowtide.ir.graph import Graph

Array = np.ndarray[Any, np.dtype[Any]]
LAST = (0, 2, 3, 1)


def random_inputs(graph: Graph, seed: int) -> dict[str, Array]:
    """Numbers over the whole range of each input's type; reals around 0."""
    rng, made = np.random.default_rng(seed), {}
    for name in graph.inputs:
        tensor = graph.tensors[name]
        if tensor.dtype.name.startswith("float"):
            made[name] = rng.normal(0, 2, tensor.shape).astype(np.float32)
        else:
            ends = np.iinfo(tensor.dtype.name)
            numbers = rng.integers(max(ends.min, -(2**20)), min(ends.max, 2**20) + 1, tensor.shape)
            made[name] = numbers.astype(tensor.dtype.name)
    return made


def by_tflm(content: bytes, graph: Graph, inputs: Mapping[str, Array]) -> list[Array]:
    """All tensors of the file, by their numbers, as TFLite Micro computes them."""
    from tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    room = 2**20 + 10 * len(content)
    run = runtime.Interpreter.from_bytes(content, arena_size=room, intrepreter_config=keep)
    for k, name in enumerate(graph.inputs):
        run.set_input(inputs[name], k)
    run.invoke()
    count = tflite.Model.GetRootAs(content, 0).Subgraphs(0).TensorsLength()
    return [run.GetTensor(k, 0)["tensor_data"] for k in range(count)]


def made_of(graph: Graph, held: Mapping[str, Array], name: str) -> Array | None:
    """A tensor of the file in the file's order of axes; None where the Graph has none."""
    if name in held:
        return held[name]
    first = held.get(f"{name}_chw")
    return None if first is None else first.transpose(LAST)


def by_litert(content: bytes, graph: Graph, inputs: Mapping[str, Array]) -> list[Array | None]:
    """The same by LiteRT's reference kernels; None for what they do not keep."""
    from ai_edge_litert import interpreter

    run = interpreter.Interpreter(
        model_content=content,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    run.allocate_tensors()
    for held, name in zip(run.get_input_details(), graph.inputs, strict=True):
        run.set_tensor(held["index"], inputs[name])
    run.invoke()
    count = tflite.Model.GetRootAs(content, 0).Subgraphs(0).TensorsLength()
    made: list[Array | None] = []
    for k in range(count):
        try:
            made.append(run.get_tensor(k))
        except ValueError:
            made.append(None)
    return made
