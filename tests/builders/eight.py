"""8-bit networks made by hand, taken all the way: plan -> emit -> judge; equal to numpy's nests.

net = Eight(x=(1, 3, 8, 8));  y = net.conv("x", 8);  net.graph(y)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import frexp
from typing import Any

import numpy as np

import lowtide.ops.eight  # the entries
from lowtide.backends import emit
from lowtide.check.expected import Expected
from lowtide.check.judge import judge_placement, judge_program
from lowtide.check.numbers import Sample
from lowtide.check.trial import Way
from lowtide.clock import Clock
from lowtide.ir.dtype import F32, I8, DType
from lowtide.ir.graph import Array, Graph, Operator, Shape, Tensor
from lowtide.ir.quant import Quant
from lowtide.ir.view import Permute, Reshape, Slice
from lowtide.ops import Join, Views, meaning
from lowtide.ops.definition import definition
from lowtide.ops.evaluate import evaluate
from lowtide.planner.make_plan import make_plan, stream
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options, Source
from lowtide.planner.plan import Plan
from lowtide.rewrites.fuse import fuse
from programs import QUICK

assert lowtide.ops.eight


class Eight:
    """Operators one after the other, with seeded weights; results are named t0, t1, ..."""

    def __init__(self, seed: int = 0, dtype: DType = I8, **inputs: Shape) -> None:
        self.dice = np.random.default_rng(seed)
        self.dtype = dtype
        self.low, self.high = (-128, 127) if dtype == I8 else (0, 255)
        half = Quant((0.5,), (3,))
        self.tensors = {n: Tensor(n, shape, dtype, half) for n, shape in inputs.items()}
        self.inputs = tuple(inputs)
        self.constants: dict[str, Array] = {}
        self.operators: list[Operator] = []

    def image(self, n: int, h: int, w: int, c: int) -> str:
        """The input x with its channels last, as a .tflite has it, seen with channels first."""
        self.tensors["x"] = Tensor("x", (n, h, w, c), self.dtype, channels_last=True)
        return self.add("Transpose", ["x"], (n, c, h, w), perm=[0, 3, 1, 2])

    def add(
        self, kind: str, inputs: list[str], shape: Shape, dtype: DType | None = None, **given: Any
    ) -> str:
        """One operator; the name of its result."""
        name = f"t{len(self.operators)}"
        self.tensors[name] = Tensor(name, shape, dtype or self.dtype)
        self.operators.append(Operator(f"{kind} {name}", kind, tuple(inputs), (name,), given))
        return name

    def constant(self, values: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = values
        return name

    def factor(self, *reals: float) -> list[str]:
        """m and n of real factors, one or one a channel."""
        parts = [frexp(real) for real in reals]
        m = np.array([round(part * 2**31) for part, _ in parts], np.int32)
        return [self.constant(m), self.constant(np.array([n for _, n in parts], np.int8))]

    def factors(self, count: int, terms: int) -> list[str]:
        """Factors that bring sums of so many products of bytes back into a byte."""
        return self.factor(*(self.dice.uniform(0.5, 1, count) / (60 * terms**0.5)).tolist())

    def numbers(self, *shape: int) -> Array:
        return self.dice.integers(-127, 128, shape).astype(np.int8)

    def ends(self) -> dict[str, int]:
        zeros = self.dice.integers(self.low // 8, self.low // 8 + 10, 2).tolist()
        return {"x_zero": zeros[0], "y_zero": zeros[1], "low": self.low, "high": self.high}

    def conv(
        self, x: str, filters: int, kernel: int = 3, stride: int = 1, group: int = 1, pad: int = 1
    ) -> str:
        _, channels, height, width = self.tensors[x].shape
        inside = channels // group
        w = self.constant(self.numbers(filters, inside, kernel, kernel))
        b = self.constant(self.dice.integers(-9999, 9999, filters).astype(np.int32))
        sizes = [(n + 2 * pad - kernel) // stride + 1 for n in (height, width)]
        factors = self.factors(filters, inside * kernel**2)
        return self.add(
            "QConv", [x, w, b, *factors], (1, filters, *sizes), group=group,
            pads=[pad] * 4, strides=[stride] * 2, kernel_shape=[kernel] * 2, **self.ends(),
        )  # fmt: skip

    def sum(self, a: str, b: str) -> str:
        factors = self.factor(0.4 / 2**0, 0.45, 0.9 / 2**20)
        return self.add("QAdd", [a, b, *factors], self.tensors[a].shape, b_zero=1, **self.ends())

    def mean(self, x: str) -> str:
        """A global average pool."""
        n, c, h, w = self.tensors[x].shape
        return self.add(
            "QAveragePool", [x], (n, c, 1, 1), kernel_shape=[h, w], low=self.low, high=self.high
        )

    def pool(self, x: str, size: int = 2) -> str:
        n, c, h, w = self.tensors[x].shape
        return self.add(
            "QAveragePool", [x], (n, c, h // size, w // size), kernel_shape=[size] * 2,
            strides=[size] * 2, low=self.low, high=self.high,
        )  # fmt: skip

    def dense(self, x: str, units: int) -> str:
        n, inside = self.tensors[x].shape
        w = self.constant(self.numbers(units, inside))
        b = self.constant(self.dice.integers(-9999, 9999, units).astype(np.int32))
        factors = self.factors(units, inside)
        return self.add("QDense", [x, w, b, *factors], (n, units), **self.ends())

    def softmax(self, x: str) -> str:
        table = (np.exp(np.arange(-255, 1) * 0.05) * (2**31 - 1)).astype(np.int64)
        return self.add(
            "QSoftmax", [x], self.tensors[x].shape, exponentials=tuple(table.tolist()),
            y_zero=self.low, low=self.low, high=self.high,
        )  # fmt: skip

    def flat(self, x: str) -> str:
        """As a .tflite flattens: the pixels one after the other, channels last."""
        n, c, h, w = self.tensors[x].shape
        y = self.add("Transpose", [x], (n, h, w, c), perm=[0, 2, 3, 1])
        shape = self.constant(np.array([n, h * w * c], np.int64))
        return self.add("Reshape", [y, shape], (n, h * w * c))

    def quantised(self, x: str) -> str:
        """Whole numbers of floats."""
        given = [
            self.constant(np.array(0.03, np.float32)),
            self.constant(np.array(2, self.dtype.name)),
        ]
        return self.add("QuantizeLinear", [x, *given], self.tensors[x].shape)

    def real(self, x: str) -> str:
        """Floats of whole numbers."""
        given = [
            self.constant(np.array(0.02, np.float32)),
            self.constant(np.array(1, self.dtype.name)),
        ]
        return self.add("DequantizeLinear", [x, *given], self.tensors[x].shape, F32)

    def real_conv(self, x: str, filters: int) -> str:
        """A convolution of floats."""
        n, c, h, w = self.tensors[x].shape
        weights = self.constant(self.dice.normal(0, 0.3, (filters, c, 3, 3)).astype(np.float32))
        return self.add("Conv", [x, weights], (n, filters, h, w), F32, pads=[1] * 4)

    def joined(self, *parts: str) -> str:
        """Channels of several side by side."""
        n, _, h, w = self.tensors[parts[0]].shape
        channels = sum(self.tensors[part].shape[1] for part in parts)
        return self.add("Concat", [*parts], (n, channels, h, w), axis=1)

    def graph(self, *outputs: str) -> Graph:
        return Graph(
            "eight", self.inputs, outputs, tuple(self.operators), self.tensors, self.constants
        )

    def feed(self) -> dict[str, Array]:
        """Random inputs over the whole range."""
        return {name: self._fed(self.tensors[name]) for name in self.inputs}

    def _fed(self, tensor: Tensor) -> Array:
        kind = np.dtype(tensor.dtype.name)
        if kind.kind == "f":
            return self.dice.standard_normal(tensor.shape).astype(kind)
        range_ = np.iinfo(kind)
        return self.dice.integers(range_.min, range_.max, tensor.shape, kind, endpoint=True)


def evaluated(graph: Graph, inputs: Mapping[str, Array]) -> list[Array]:
    """The outputs of a network, operator by operator in numpy."""
    values: dict[str, Array] = {**graph.constants, **inputs}
    for op in graph.operators:
        held = meaning(op, graph)
        kinds = [np.dtype(graph.tensors[name].dtype.name) for name in op.outputs]
        if isinstance(held, Views):
            made = [_seen(values[op.inputs[0]], chain) for chain in held.chains]
        elif isinstance(held, Join):
            made = [np.concatenate([values[name] for name in op.inputs], held.axis)]
        else:
            found = definition(op, graph)
            assert found is not None
            result = evaluate(found.nest, [values.get(name) for name in found.operands], 1 << 62)
            assert result is not None
            made = [result]
        for name, kind, value in zip(op.outputs, kinds, made, strict=True):
            assert kind.kind == "f" or np.array_equal(value.astype(kind), value), op.name
            values[name] = value.astype(kind)
    return [values[name] for name in graph.outputs]


def _seen(x: Array, chain: tuple[Permute | Reshape | Slice, ...]) -> Array:
    for view in chain:
        if isinstance(view, Permute):
            x = x.transpose(view.order)
        elif isinstance(view, Reshape):
            x = x.reshape(view.to)
        else:
            spans = zip(view.starts, view.steps, view.to, strict=True)
            x = x[np.ix_(*(np.arange(n) * step + start for start, step, n in spans))]
    return x


def planned(graph: Graph, options: Options) -> Plan:
    """The plan, streamed if that is what the options say, though it may need more."""
    clock = Clock(lambda _: None)
    plan = make_plan(Source("eight", "0" * 64), fuse(graph), options, clock)
    wanted = options.schedule == "stream"
    return stream(plan, clock) if wanted and not plan.streamed else plan


def judged(
    graph: Graph,
    inputs: Mapping[str, Array],
    options: Options,
    ways: Sequence[Way] = QUICK,
) -> Plan:
    """Plans, emits, compiles and runs; raises CheckError unless all outputs are equal."""
    plan = planned(graph, options)
    memory = memory_map(plan)
    judge_placement(memory)
    expected = evaluated(graph, inputs)
    sample = Sample("numpy", dict(inputs), Expected(tuple(expected)))
    checks = judge_program(emit(plan), memory, [sample], ways=ways)
    assert checks is not None, "these tests need a C compiler"
    for made, wanted in zip(checks.results["numpy"], expected, strict=True):
        assert made.dtype == wanted.dtype
        assert wanted.dtype.kind == "f" or np.array_equal(made, wanted)
    return plan
