"""What stands behind an operator up to where its result becomes 8-bit numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lowtide.errors import UnsupportedModel
from lowtide.frontends.onnx.eight.whole import EIGHT, Whole
from lowtide.ir.dtype import I32, dtype_of
from lowtide.ir.graph import Array, Graph, Operator

LEAST_SCALE, MOST_SCALE = 2.0**-40, 2.0**40
"""Products and quotients of three such scales are floats as well."""

VIEWS = ("Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
Passes = Callable[[Operator], bool]


@dataclass(frozen=True, eq=False)
class Ending:
    """The 8-bit numbers `made`, kept within low .. high, and what stands in `between`.

    Conv ──> Relu ──> QuantizeLinear ──> made
    """

    made: Whole
    low: int
    high: int
    between: tuple[Operator, ...]

    @property
    def views(self) -> tuple[Operator, ...]:
        """Those between that only see the result differently."""
        return tuple(op for op in self.between if op.type in VIEWS)

    @property
    def at_once(self) -> bool:
        """Whether nothing is left to do between the operator and the numbers of their type."""
        return not self.views and not self.clamped

    @property
    def clamped(self) -> bool:
        """Whether the numbers are kept within less than their type has."""
        limits = np.iinfo(self.made.dtype.name)
        return (self.low, self.high) != (limits.min, limits.max)

    @property
    def passed(self) -> tuple[str, ...]:
        """The tensors that are not made where the operator makes the numbers at once."""
        return (*(op.output for op in self.between), self.made.name)


def numbers_of(op: Operator, graph: Graph) -> Whole | None:
    """What a QuantizeLinear or DequantizeLinear says of its whole numbers.

    None where that is not done: 16 bits, blocks, scales that are computed, or next to nothing.
    Raises UnsupportedModel where a scale is no number above 0.
    """
    name = op.output if op.type == "QuantizeLinear" else op.inputs[0]
    given = [graph.constants.get(n) for n in op.inputs[1:] if n]
    held = graph.constants.get(name)
    dtype = graph.tensors[name].dtype if held is None else dtype_of(held.dtype)
    kinds = EIGHT if op.type == "QuantizeLinear" or held is None else (*EIGHT, I32)
    scale = given[0] if given else None
    if scale is not None and not (np.isfinite(scale) & (scale > 0)).all():
        raise UnsupportedModel(
            f"has a scale of {scale.min():g}", node=op.name, operator=op.type,
            hint="scales are finite, and above 0",
        )  # fmt: skip
    if scale is None or dtype not in kinds or op.attributes.get("block_size"):
        return None
    zero = given[1] if len(given) > 1 else np.zeros(scale.shape, np.int64)
    if zero is None or scale.ndim > 1 or scale.size != zero.size or scale.dtype != np.float32:
        return None
    single = scale.size == 1
    if not single and held is None:
        return None
    if not ((scale >= LEAST_SCALE) & (scale <= MOST_SCALE)).all():
        return None
    rank = len(graph.shape(name))
    axis = None if single else int(op.attributes.get("axis", 1)) % max(rank, 1)
    if axis is not None and (axis >= rank or graph.shape(name)[axis] != scale.size):
        return None
    return Whole(name, dtype, scale.reshape(-1), zero.reshape(-1).astype(np.int64), axis)


def ending(op: Operator, graph: Graph, passes: Passes | None = None) -> Ending | None:
    """What makes 8-bit numbers of an operator's result, through clamps or what `passes`.

    None where anything else reads the result or what is made of it on the way.
    """
    between: list[Operator] = []
    at = op
    while True:
        behind = sole_reader(at, graph)
        if behind is None or behind.inputs[0] != at.output:
            return None
        if behind.type == "QuantizeLinear":
            made = numbers_of(behind, graph)
            return None if made is None else _ended(made, between, graph, passes is None)
        if not (passes(behind) if passes else _passes(behind, graph)):
            return None
        between.append(behind)
        at = behind


def sole_reader(op: Operator, graph: Graph) -> Operator | None:
    """The one operator that reads an operator's one output, once; None where there are others."""
    readers = graph.readers[op.output]
    if len(op.outputs) > 1 or op.output in graph.outputs or len(readers) != 1:
        return None
    return readers[0] if readers[0].inputs.count(op.output) == 1 else None


def _passes(op: Operator, graph: Graph) -> bool:
    return op.type in VIEWS or clamp(op, graph.constants) is not None


def _ended(made: Whole, between: list[Operator], graph: Graph, clamps: bool) -> Ending:
    limits = np.iinfo(made.dtype.name)
    low, high = int(limits.min), int(limits.max)
    for op in between if clamps else ():
        if op.type in VIEWS:
            continue
        # To round and to clamp are both monotonous: what is rounded may be clamped as well.
        ends = clamp(op, graph.constants)
        assert ends is not None
        low, high = (
            end if real is None else int(np.clip(made.numbers(np.asarray(real)), low, high))
            for end, real in zip((low, high), ends, strict=True)
        )
    return Ending(made, low, high, tuple(between))


def clamp(op: Operator, constants: Mapping[str, Array]) -> tuple[float | None, float | None] | None:
    """What an operator keeps its input within; None of one that does anything else."""
    if op.type == "Relu":
        return 0.0, None
    if op.type != "Clip":
        return None
    ends: list[float | None] = []
    for k, name in enumerate(("min", "max"), 1):
        end = op.attributes.get(name)
        if len(op.inputs) > k and op.inputs[k]:
            held = constants.get(op.inputs[k])
            if held is None or held.size != 1:
                return None
            end = held.item()
        ends.append(None if end is None else float(end))
    low, high = ends
    return None if low is not None and high is not None and low > high else (low, high)
