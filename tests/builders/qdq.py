"""Random QDQ networks of one operator each, by the operator's name: `ONE["Conv"](Drawn(seed))`.

x ─> Q ─> DQ ─> operator ─> Q ─> y        constants: DQ
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from lowtide.check.as_used import floats_apart
from lowtide.ir.graph import Array

Draw = Callable[["Drawn"], None]
ONE: dict[str, Draw] = {}


def one(*kinds: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The function below draws networks of these operators."""

    def register(drawn: Callable[..., None]) -> Callable[..., None]:
        for kind in kinds:
            ONE[kind] = lambda net, kind=kind: drawn(net, kind)
        return drawn

    return register


class Drawn:
    """A network in the making, of activations of one 8-bit type, and a range of inputs."""

    def __init__(self, seed: int, kind: str = "uint8") -> None:
        self.rng = np.random.default_rng(seed)
        self.kind = np.dtype(kind)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.feeds: dict[str, Array] = {}

    def int(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def pick(self, *of: Any) -> Any:
        return of[int(self.rng.integers(len(of)))]

    def name(self, stem: str) -> str:
        return f"{stem}{len(self.nodes) + len(self.constants) + len(self.inputs)}"

    def constant(self, array: Array | np.generic) -> str:
        held = numpy_helper.from_array(np.asarray(array), self.name("c"))
        self.constants.append(held)
        return held.name

    def node(self, type_: str, *inputs: str, **attributes: Any) -> str:
        made = self.name(type_.lower())
        self.nodes.append(helper.make_node(type_, inputs, [made], name=f"n_{made}", **attributes))
        return made

    def ends(self) -> tuple[np.float32, Array]:
        """A scale and a zero point, mostly in the middle."""
        limits = np.iinfo(self.kind)
        wide = self.pick(10, 10, 127)
        zero = (limits.min + limits.max + 1) // 2 + self.int(-wide, wide)
        power = self.rng.uniform(-7, 0)
        exact = round(power) if self.int(0, 2) == 0 else power
        return np.float32(2.0**exact), np.array(zero, self.kind)

    def input(self, shape: tuple[int, ...], ends: tuple[np.float32, Array] | None = None) -> str:
        """An input of the whole range, as DequantizeLinear hands it on."""
        scale, zero = ends or self.ends()
        name = self.name("x")
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        limits = np.iinfo(self.kind)
        numbers = self.rng.integers(limits.min - 5, limits.max + 6, shape)
        self.feeds[name] = ((numbers - int(zero)) * scale).astype(np.float32)
        return self.again(name, (scale, zero))

    def again(self, real: str, ends: tuple[np.float32, Array]) -> str:
        """QuantizeLinear and DequantizeLinear."""
        parts = [self.constant(one) for one in ends]
        whole = self.node("QuantizeLinear", real, *parts)
        return self.node("DequantizeLinear", whole, *parts)

    def weights(self, shape: tuple[int, ...], axis: int | None = None) -> tuple[str, Array]:
        """Weights of one scale or one a place along an axis, and their scales.

        Where there is no axis they are an operand like others, of their type.
        """
        held, several = np.dtype(self.pick("int8", "int8", "uint8")), self.pick(True, False)
        if axis is None or self.kind == np.int8:
            held = self.kind
        if axis is None:
            axis, several = 0, False
        limits, count = np.iinfo(held), shape[axis] if several else 1
        numbers = self.rng.integers(limits.min, limits.max + 1, shape).astype(held)
        scales = (2.0 ** self.rng.uniform(-9, -4, count)).astype(np.float32)
        zero = 0 if held == np.int8 else self.int(0, 255)
        shown = scales if several else scales.reshape(())
        given = {"axis": axis} if several else {}
        zeros = np.full(shown.shape, zero, held)
        parts = [self.constant(part) for part in (numbers, shown, zeros)]
        return self.node("DequantizeLinear", *parts, **given), scales

    def bias(self, steps: Array, channels: int, shape: tuple[int, ...] | None = None) -> str:
        """int32 numbers in the steps of the sums, or real ones."""
        numbers = self.rng.integers(-3000, 3000, shape or channels).astype(np.int32)
        steps = np.asarray(steps, np.float32).reshape(-1)
        if self.pick(True, False, False):
            return self.constant((numbers * steps * np.float32(1.01)).astype(np.float32))
        if steps.size == 1:
            return self.node("DequantizeLinear", self.constant(numbers), self.constant(steps[0]))
        return self.node("DequantizeLinear", self.constant(numbers), self.constant(steps), axis=0)

    def far(self, step: float, made: np.float32, channels: int) -> tuple[Array, Array]:
        """Scales of weights so small that int32 biases near both ends stand for 8-bit numbers, or
        for more; and these biases."""
        from_end = 10 ** self.rng.uniform(0, 7, channels)
        numbers = (2.0**31 - 1 - from_end).astype(np.int64) * self.rng.choice([-1, 1], channels)
        ends = self.rng.uniform(1, 600, channels)
        numbers[:: self.int(2, 9)] //= 2**20
        scales = ends * float(made) / step / (2.0**31 if self.int(0, 1) else abs(numbers))
        return scales.astype(np.float32), numbers.astype(np.int32)

    def scale_of(self, name: str) -> np.float32:
        """The scale that a tensor was made real with."""
        node = next(n for n in self.nodes if n.output[0] == name)
        held = next(c for c in self.constants if c.name == node.input[1])
        return np.float32(numpy_helper.to_array(held))

    def end(self, real: str, near: float = 1.0, clamp: bool = True) -> None:
        """The result as 8-bit numbers, of a scale that they fill."""
        if clamp and self.pick(True, False, False):
            real = self.node("Relu", real)
        _, zero = self.ends()
        limits = np.iinfo(self.kind)
        relu = self.nodes[-1].op_type == "Relu"
        if relu and self.pick(True, True, False):
            zero = np.array(limits.min, self.kind)
        scale = np.float32(near * 2.0 ** self.rng.uniform(-1, 1))
        self.hand_out(self.again(real, (scale, zero)))

    def hand_out(self, name: str, kind: int = TensorProto.FLOAT) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, kind, None))

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "drawn", self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@one("Conv")
def conv(net: Drawn, kind: str) -> None:
    group = net.pick(1, 1, 1, 2, 4)
    inside, outside = net.int(1, 5), net.int(1, 4) * group
    rank = net.pick(2, 2, 2, 1)
    kernel = [net.pick(1, 2, 3, 3) for _ in range(rank)]
    size = [net.int(3, 9) for _ in range(rank)]
    if net.pick(True, False, False):  # depthwise
        group, inside = net.int(1, 6), 1
        outside = group * net.pick(1, 1, 2)
    x = net.input((net.pick(1, 1, 2), inside * group, *size))
    w, scales = net.weights((outside, inside, *kernel), 0)
    inputs, step = [x, w], net.scale_of(x)
    if net.pick(True, True, False):
        inputs.append(net.bias(step * scales, outside))
    given: dict[str, Any] = {"group": group, "kernel_shape": kernel}
    given["pads"] = [net.int(0, k - 1) for k in (*kernel, *kernel)]
    given["strides"] = [net.int(1, 2) for _ in range(rank)]
    given["dilations"] = [net.pick(1, 1, 2) if (k - 1) * 2 < n else 1
                          for k, n in zip(kernel, size, strict=True)]  # fmt: skip
    terms = inside * np.prod(kernel)
    net.end(net.node("Conv", *inputs, **given), step * scales.max() * 64 * terms**0.5)


@one("FarBias")
def far_bias(net: Drawn, kind: str) -> None:
    """As quantisers write channels that have next to no weights: sums may leave 32 bits."""
    inside, outside, image = net.int(1, 90), net.int(1, 9), net.int(0, 2)
    x = net.input((1, inside, *((3, 4) if image else ())))
    made = np.float32(net.scale_of(x) * net.rng.uniform(0.5, 4))
    shape = (outside, inside)
    if image:
        shape = (inside, 1, 2, 3) if image == 2 else (*shape, 1, 1)
    outside = shape[0]
    scales, numbers = net.far(net.scale_of(x), made, outside)
    w = net.rng.integers(-128, 128, shape) // net.pick(1, 9, 60)
    held = [(w.astype(np.int8), scales, np.zeros(outside, np.int8)),
            (numbers, net.scale_of(x) * scales)]  # fmt: skip
    parts = [net.node("DequantizeLinear", *map(net.constant, one), axis=0) for one in held]
    end = made, net.ends()[1]
    given = {"group": inside if image == 2 else 1} if image else {"transB": 1}
    net.hand_out(net.again(net.node("Conv" if image else "Gemm", x, *parts, **given), end))


@one("ConvTranspose")
def conv_transpose(net: Drawn, kind: str) -> None:
    inside, outside = net.int(1, 5), net.int(1, 5)
    x = net.input((1, inside, net.int(2, 6), net.int(2, 6)))
    w, scales = net.weights((inside, outside, 3, 2), 1)
    step = net.scale_of(x)
    inputs = [x, w, net.bias(step * scales, outside)]
    made = net.node("ConvTranspose", *inputs, strides=[net.int(1, 2), net.int(1, 3)])
    net.end(made, step * scales.max() * 64 * inside**0.5)


@one("Gemm")
def gemm(net: Drawn, kind: str) -> None:
    rows, inside, outside = net.pick(1, 1, 3), net.int(1, 40), net.int(1, 9)
    across = net.pick(0, 1)
    x = net.input((rows, inside))
    shape = (outside, inside) if across else (inside, outside)
    w, scales = net.weights(shape, 0 if across else 1)
    inputs, step = [x, w], net.scale_of(x)
    if net.pick(True, True, False):
        inputs.append(net.bias(step * scales, outside))
    made = net.node("Gemm", *inputs, transB=across)
    net.end(made, step * scales.max() * 64 * inside**0.5, clamp=False)


@one("MatMul", "MatMulAdd")
def matmul(net: Drawn, kind: str) -> None:
    inside, outside = net.int(1, 40), net.int(1, 9)
    lead = net.pick((), (2,), (1, 3)) if kind == "MatMul" else ()
    x = net.input((*lead, net.int(1, 5), inside))
    if net.pick(True, False):
        w, scales = net.weights((inside, outside), 1)
    else:
        w, scales = net.weights((outside, inside), 0)
        w = net.node("Transpose", w, perm=[1, 0])
    near = net.scale_of(x) * scales.max() * 64 * inside**0.5
    made = net.node("MatMul", x, w)
    if kind == "MatMulAdd":
        bias = net.constant((net.rng.normal(0, near, outside)).astype(np.float32))
        made = net.node("Add", *net.pick((made, bias), (bias, made)))
    net.end(made, near, clamp=False)


@one("MatMulOfTwo")
def matmul_of_two(net: Drawn, kind: str) -> None:
    inside, lead = net.int(1, 20), net.pick((), (2,), (1, 3))
    a = net.input((*lead, net.int(1, 5), inside))
    b = net.input((*lead, inside, net.int(1, 5)))
    near = net.scale_of(a) * net.scale_of(b) * 64 * inside**0.5
    net.end(net.node("MatMul", a, b), near, clamp=False)


@one("Add", "Mul")
def elementwise(net: Drawn, kind: str) -> None:
    shape = (1, net.int(1, 4), net.int(1, 5), net.int(1, 5))
    other = net.pick(shape, shape, (1, shape[1], 1, 1), shape[2:], (1,))
    a = net.input(shape)
    if net.pick(True, True, False):
        b = net.input(other)
    else:
        b, _ = net.weights(other)
    held = [a, b] if net.pick(True, False) else [b, a]
    sizes = [net.scale_of(n) if n.startswith("deq") else 1.0 for n in held]
    near = max(sizes) if kind == "Add" else sizes[0] * sizes[1] * 64
    net.end(net.node(kind, *held), near, clamp=False)


@one("AddClamped", "MulClamped")
def clamped(net: Drawn, kind: str) -> None:
    """Elsewhere than at the least number, and of scales that often end half-way between two."""
    shape, step = (1, net.int(1, 4), net.int(1, 5), net.int(1, 5)), net.ends()[0]
    a, b = (
        net.input(shape, (np.float32(step * f), net.ends()[1])) for f in (1, net.pick(1, 2, 0.5))
    )
    made = net.node(kind[:3], a, b)
    near = np.float32(step * net.pick(1, 2, 4) * (1 if kind[:3] == "Add" else 64 * step))
    made = net.node("Clip", made, *(net.constant(np.float32(near * end)) for end in (-9, 40)))
    net.hand_out(net.again(made, (near, net.ends()[1])))


@one("GlobalAveragePool")
def global_average_pool(net: Drawn, kind: str) -> None:
    x = net.input((net.pick(1, 2), net.int(1, 6), net.int(1, 9), net.int(1, 9)))
    net.end(net.node(kind, x), net.scale_of(x) / 2, clamp=False)


@one("ReduceMean")
def reduce_mean(net: Drawn, kind: str) -> None:
    x = net.input((1, net.int(1, 6), net.int(1, 9), net.int(1, 9)))
    made = net.node(kind, x, axes=net.pick([2, 3], [1], [-1]), keepdims=net.pick(0, 1))
    net.end(made, net.scale_of(x) / 2, clamp=False)


@one("AveragePool")
def average_pool(net: Drawn, kind: str) -> None:
    x = net.input((1, net.int(1, 6), net.int(3, 9), net.int(3, 9)))
    given = {"kernel_shape": [net.int(1, 3), net.int(1, 3)], "strides": [1, net.int(1, 2)]}
    made = net.node(kind, x, pads=[0, 0, net.int(0, given["kernel_shape"][0] - 1), 0], **given)
    net.end(made, net.scale_of(x), clamp=False)


@one("Concat")
def concat(net: Drawn, kind: str) -> None:
    axis, shape = net.pick(1, 2, -1), [1, net.int(1, 4), net.int(1, 4), net.int(1, 4)]
    shared = net.ends() if net.pick(True, False) else None
    parts = []
    for _ in range(net.int(2, 4)):
        shape[axis] = net.int(1, 4)
        parts.append(net.input(tuple(shape), shared if net.pick(True, False) else None))
    made = net.node(kind, *parts, axis=axis)
    if shared and net.pick(True, False):
        net.hand_out(net.again(made, shared))
    else:
        net.end(made, net.scale_of(parts[0]), clamp=False)


@one("Sigmoid", "LeakyRelu")
def table(net: Drawn, kind: str) -> None:
    x = net.input((1, net.int(1, 6), net.int(1, 9), net.int(1, 9)))
    given = {"alpha": net.pick(0.01, 0.1, 0.25)} if kind == "LeakyRelu" else {}
    near = 1 / 200 if kind == "Sigmoid" else net.scale_of(x)
    net.end(net.node(kind, x, **given), near, clamp=False)


@one("Relu", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Clip", "Abs")
def function(net: Drawn, kind: str) -> None:
    x = net.input((1, net.int(1, 6), net.int(1, 9), net.int(1, 9)))
    near = 1 / 100 if kind in ("Tanh", "HardSigmoid") else net.scale_of(x)
    held = [x]
    if kind == "Clip":
        held += [net.constant(np.float32(0)), net.constant(np.float32(net.int(1, 20) / 3))]
    net.end(net.node(kind, *held), near, clamp=False)


@one("MaxPool", "Reshape", "Transpose", "Resize", "Slice", "Pad", "Flatten", "Split", "Requantise")
def moved(net: Drawn, kind: str) -> None:
    shape = (1, net.int(1, 6), net.int(3, 9), net.int(3, 9))
    ends = net.ends()
    x = net.input(shape, ends)
    if kind == "MaxPool":
        made = net.node(kind, x, kernel_shape=[2, 3], pads=[0, net.int(0, 1), 0, 1])
    elif kind == "Reshape":
        made = net.node(kind, x, net.constant(np.array([1, -1, shape[3]])))
    elif kind == "Transpose":
        made = net.node(kind, x, perm=net.pick([0, 2, 3, 1], [0, 1, 3, 2], [0, 3, 1, 2]))
    elif kind == "Resize":
        scales = net.constant(np.array([1, 1, 2, net.int(1, 3)], np.float32))
        made = net.node(
            kind, x, "", scales, mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip
    elif kind == "Slice":
        parts = ([net.int(0, 1)], [shape[2]], [2], [net.int(1, 2)])
        made = net.node(kind, x, *(net.constant(np.array(part)) for part in parts))
    elif kind == "Pad":
        made = net.node(kind, x, net.constant(np.array([0, 0, 1, 0, 0, net.int(0, 2), 0, 1])))
    elif kind == "Flatten":
        made = net.node(kind, x, axis=net.int(0, 3))
    elif kind == "Split":
        parts = [net.name("part_a"), net.name("part_b")]
        size = net.constant(np.array([1, shape[2] - 1]))
        net.nodes.append(helper.make_node("Split", [x, size], parts, name="split", axis=2))
        net.hand_out(net.again(parts[0], ends))
        made = parts[1]
    else:
        made = x
    if net.pick(True, False):
        net.hand_out(net.again(made, ends))
    else:
        net.end(made, float(ends[0]), clamp=False)


@one("Softmax")
def softmax(net: Drawn, kind: str) -> None:
    x = net.input((1, net.int(1, 30)))
    net.end(net.node(kind, x, axis=-1), 1 / 256, clamp=False)


def fused(model: onnx.ModelProto, feeds: dict[str, Array], keep: str = "") -> list[Array]:
    """What onnxruntime makes of a network, with all its optimisations of what is 8 bits."""
    model, floats = floats_apart(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if keep:
        options.optimized_model_filepath = keep
    run = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(run.run(None, {**feeds, **floats}))


def with_numbers(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that hands out all its 8-bit numbers, by the names that they have inside."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    known = {info.name for info in model.graph.output}
    for node in model.graph.node:
        if node.op_type.startswith("Q") and node.output[0] not in known:
            shown.graph.output.append(helper.make_empty_tensor_value_info(node.output[0]))
    return shown


def without_ends(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that takes and hands out the 8-bit numbers that it makes of its reals."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    zeros = {c.name: c.data_type for c in model.graph.initializer}
    for value in (*cut.graph.input, *cut.graph.output):
        for node in model.graph.node:
            whole = {"QuantizeLinear": node.output[0], "DequantizeLinear": node.input[0]}
            if value.name in (node.input[0], node.output[0]) and node.op_type in whole:
                value.name = whole[node.op_type]
                value.type.tensor_type.elem_type = zeros[node.input[2]]
                cut.graph.node.remove(node)
                break
    return cut


def quantised(file: Path, format_: str, activations: str, folder: Path) -> onnx.ModelProto:
    """A network as onnxruntime's quantiser writes it, after two random inputs."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    source = onnx.load(file).graph.input[0]
    shape = [dim.dim_value or 1 for dim in source.type.tensor_type.shape.dim]
    dice = np.random.default_rng(0)

    class Reader:
        left = 2

        def get_next(self) -> dict[str, Array] | None:
            self.left -= 1
            fed = dice.standard_normal(shape, np.float32)
            return {source.name: fed} if self.left >= 0 else None

    made = folder / "quantised.onnx"
    quantize_static(
        str(file), str(made), Reader(), quant_format=QuantFormat[format_], per_channel=True,
        activation_type=QuantType[activations], weight_type=QuantType.QInt8,
    )  # fmt: skip
    return onnx.load(made)
