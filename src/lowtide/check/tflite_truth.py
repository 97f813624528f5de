"""What a .tflite file is expected to compute: what the runtime that defines it makes of it.

int8            ->  tflite-micro: integers, equal
uint8           ->  LiteRT's reference kernels: integers, equal
floats          ->  LiteRT's reference kernels, within 1e-5
neither there   ->  the program itself, and what was not compared is said
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from lowtide.check.drawn import DRAWN, Drawn, draw_sets
from lowtide.check.expected import Expected, Kind
from lowtide.check.fed import Carry
from lowtide.check.floats import Floats, floats_before, parts_of, quantum, said
from lowtide.check.in_child import LARGE, in_child
from lowtide.check.numbers import Sample
from lowtide.check.runtimes import LITERT, TFLM, Made, installed, run
from lowtide.errors import UsageError, extra
from lowtide.frontends.tflite.load import load
from lowtide.ir.dtype import F32, I8, U8
from lowtide.ir.graph import Array, Graph, Tensor
from lowtide.ops.definition import definition

ANY_SIZE = 1 << 62
"""It was read before."""


def drawn_for_tflite(model: Path, count: int = DRAWN) -> dict[str, dict[str, Array]]:
    """Seeded random sets of inputs."""
    return draw_sets(inputs_of(load(model, ANY_SIZE)), count)


def reals_of_tflite(model: Path) -> set[str]:
    """The names of the inputs that are floats."""
    graph = load(model, ANY_SIZE)
    return {name for name in graph.inputs if graph.tensors[name].dtype == F32}


def expect_tflite(
    model: Path, given: Mapping[str, Mapping[str, Array]], carry: Carry | None = None
) -> list[Sample]:
    """Sets of inputs by name, each with what is expected; states are carried on."""
    return _expected(model, load(model, ANY_SIZE), given, carry or {})


def inputs_of(graph: Graph) -> dict[str, Drawn]:
    """What there is to draw."""
    held = {name: graph.tensors[name] for name in graph.inputs}
    return {n: Drawn(t.shape, t.dtype.name, _span(graph, n)) for n, t in held.items()}


def _span(graph: Graph, name: str) -> tuple[float, float] | None:
    """The reals that a float input can have where it is quantised before anything is computed."""
    for op in graph.readers[name]:
        tensor = graph.tensors[op.output]
        quant = tensor.quant
        if quant is not None and tensor.dtype != F32:
            ends = np.iinfo(tensor.dtype.name)
            zero, scale = quant.zeros[0], quant.scales[0]
            return (ends.min - zero) * scale, (ends.max - zero) * scale
        if len(graph.readers[name]) == 1 and definition(op, graph) is None:
            return _span(graph, op.output)
    return None


def _expected(
    model: Path, graph: Graph, given: Mapping[str, Mapping[str, Array]], carry: Carry
) -> list[Sample]:
    sets = {name: _as_taken(graph, inputs, name) for name, inputs in given.items()}
    outputs = [graph.tensors[name] for name in graph.outputs]
    runtime, made, note = _run(model.read_bytes(), runtime_of(graph), list(sets.values()), carry)
    floats = floats_before(parts_of(graph), graph.outputs)
    if made:
        note = "; ".join([*filter(None, [note]), *said(graph.outputs, floats)])
    else:
        made = [()] * len(sets)
    found = []
    for (name, inputs), result in zip(sets.items(), made, strict=True):
        held = tuple(as_stored(y, t) for y, t in zip(result, outputs, strict=bool(result)))
        kind, gaps = rule(graph, graph.outputs, floats, held) if held else ("program", ())
        maker, version = (runtime, installed(runtime) or "") if held else ("reference.c", "")
        found.append(Sample(name, inputs, Expected(held, kind, maker, version, gaps, note)))
    return found


def runtime_of(graph: Graph) -> str:
    """The runtime that defines a network: its activations are mostly int8, or they are not."""
    types = Counter(tensor.dtype for tensor in graph.tensors.values())
    return TFLM if types[I8] and types[I8] >= types[U8] else LITERT


def _run(
    content: bytes, runtime: str, sets: Sequence[Mapping[str, Array]], carry: Carry
) -> tuple[str, Made, str]:
    """A runtime's name with what it made, or the other's; or nothing, and why."""
    if installed(runtime) is None:
        why = f"not compared with {runtime}, which is not installed; {extra('tflite')}"
        return runtime, [], why
    for one in (runtime, *({TFLM, LITERT} - {runtime})):
        with suppress(RuntimeError, ValueError, ImportError):
            made = in_child(LARGE + 1, run, one, content, sets, carry)
            return one, made, "" if one == runtime else f"{runtime} cannot run it"
    return runtime, [], f"not compared with {runtime}, which cannot run it"


def rule(
    graph: Graph, names: Sequence[str], floats: Sequence[Floats], outputs: Sequence[Array]
) -> tuple[Kind, tuple[float, ...]]:
    """Equal, unless floats are computed before: then 1e-5, or one step where they are rounded."""
    if any(f.near for f in floats) and all(t.dtype == F32 for t in graph.tensors.values()):
        return "float32", ()
    ends = zip(floats, outputs, names, strict=True)
    return "integers", tuple(f.gap(y, quantum(graph, name)) for f, y, name in ends)


def _as_taken(graph: Graph, inputs: Mapping[str, Array], sample: str) -> dict[str, Array]:
    """Inputs in the file's order and types; raises UsageError where these do not hold them."""
    taken = {}
    for name in graph.inputs:
        tensor = graph.tensors[name]
        if name not in inputs or inputs[name].shape != tensor.shape:
            raise UsageError(f"sample '{sample}' has no input '{name}' of shape {tensor.shape}")
        taken[name] = inputs[name].astype(tensor.dtype.name)
        if tensor.dtype != F32 and not np.array_equal(taken[name], inputs[name]):
            raise UsageError(f"sample '{sample}': '{name}' takes {tensor.dtype} numbers")
    return taken


def as_stored(made: Array, tensor: Tensor) -> Array:
    """An output as the program hands it out; some files declare shapes of other runs."""
    return made.reshape(tensor.shape).astype(tensor.stored.name)
