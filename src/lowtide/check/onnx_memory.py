"""What an ONNX model keeps in memory, executed node by node as it is written, and its work.

Shares no code with the search that made the model: it reads the file's nodes and ONNX's own shape
inference, nothing else.

The rules. Every input of the network and every node's output is a tensor of its own, outputs of
Slice, Concat and Reshape too. While a node runs its inputs, its outputs and everything that is read
later (outputs of the network until the end; inputs from the beginning until they are last read)
live. Constants are not counted. A batch norm or an element-wise function whose only activation is
the output of the node that computes it, and which alone reads that, is fused: it runs with that
node, and the tensor between does not exist. lowtide's own importer fuses that much, and runtimes
compute such functions in place; behind nodes that only arrange elements anew nothing is fused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import onnx

from lowtide.errors import STATIC, UnsupportedModel

FUSED = frozenset(
    {
        "Abs", "Acos", "Acosh", "Add", "Asin", "Asinh", "Atan", "Atanh", "BatchNormalization",
        "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Erf", "Exp", "Floor", "Gelu",
        "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul",
        "Neg", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign",
        "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tan", "Tanh",
        "ThresholdedRelu", "Where",
    }
)  # fmt: skip
"""Of the binary ones those with a constant; a sum of two activations is a node of its own."""

MOVES = frozenset(
    {
        "Concat", "DepthToSpace", "Flatten", "Identity", "Reshape", "Slice", "SpaceToDepth",
        "Split", "Squeeze", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
"""Nodes that only arrange elements anew."""

LARGE = 1024
"""Elements of a constant whose values no shape depends on."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Measured:
    """Elements alive at the fullest node (`at`), multiply-adds, and how many nodes there are."""

    peak: int
    at: str
    macs: int
    nodes: int


def measure(model: onnx.ModelProto) -> Measured:
    """The peak and the work of a model whose shapes are static.

    Raises UnsupportedModel where ONNX cannot infer a shape.
    """
    graph = model.graph
    constants = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    constants |= {
        name: () for node in graph.node if node.op_type == "Constant" for name in node.output
    }
    shapes = _shapes(model) | constants
    groups = _groups(graph, constants)
    peak, at = _peak(graph, groups, shapes, constants)
    macs = sum(_macs(node, shapes) for node in graph.node)
    return Measured(peak, at, macs, len(graph.node))


def _shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    graph = onnx.shape_inference.infer_shapes(_bare(model), data_prop=True).graph
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if all(dim.HasField("dim_value") for dim in dims):
            found[value.name] = tuple(dim.dim_value for dim in dims)
    return found


def _bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with large constants as inputs of their shape: half a gigabyte less to copy."""
    large = [t for t in model.graph.initializer if prod(t.dims) > LARGE]
    small = [t for t in model.graph.initializer if prod(t.dims) <= LARGE]
    inputs = list(model.graph.input)
    known = {value.name for value in inputs}
    inputs += [
        onnx.helper.make_tensor_value_info(t.name, t.data_type, t.dims)
        for t in large
        if t.name not in known
    ]
    graph = onnx.helper.make_graph(
        model.graph.node, "bare", inputs, model.graph.output, initializer=small
    )
    bare = onnx.helper.make_model(graph, opset_imports=model.opset_import)
    bare.ir_version = model.ir_version
    return bare


def _groups(graph: onnx.GraphProto, constants: Mapping[str, Shape]) -> list[list[onnx.NodeProto]]:
    """The nodes in order, those that are fused in a list with the node they are fused onto."""
    readers: dict[str, int] = {value.name: 1 for value in graph.output}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    groups: list[list[onnx.NodeProto]] = []
    maker: dict[str, int] = {}
    for node in graph.node:
        if node.op_type == "Constant":
            continue
        active = [name for name in node.input if name and name not in constants]
        home = maker.get(active[0]) if len(active) == 1 and node.op_type in FUSED else None
        if home is not None and readers[active[0]] == 1 and len(groups[home][0].output) == 1:
            groups[home].append(node)
        else:
            home = len(groups)
            groups.append([node])
        if groups[home][0].op_type not in MOVES:
            maker |= dict.fromkeys(node.output, home)
    return groups


def _peak(
    graph: onnx.GraphProto,
    groups: list[list[onnx.NodeProto]],
    shapes: Mapping[str, Shape],
    constants: Mapping[str, Shape],
) -> tuple[int, str]:
    sizes, last, first = dict[str, int](), dict[str, int](), dict[str, int]()
    given = [value.name for value in graph.input if value.name not in constants]
    for name in given:
        first[name] = last[name] = -1
    for at, nodes in enumerate(groups):
        for name in nodes[-1].output:  # what is fused onto a node replaces its one output
            if name:
                first[name] = last[name] = at
        for name in (name for node in nodes for name in node.input):
            if name in first:
                last[name] = at
    for value in graph.output:
        last[value.name] = len(groups)
    for name in first:
        if name not in shapes:
            raise UnsupportedModel(f"ONNX infers no shape of '{name}'", hint=STATIC)
        sizes[name] = prod(shapes[name])
    change = [0] * (len(groups) + 3)
    for name, size in sizes.items():
        change[first[name] + 1] += size
        change[last[name] + 2] -= size
    live, most, at = 0, -1, 0
    for moment, more in enumerate(change):
        live += more
        if live > most:
            most, at = live, moment - 1
    return most, groups[at][0].name if 0 <= at < len(groups) else "the network's inputs"


def _macs(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Multiply-adds of a node, padding included."""
    if node.op_type == "Conv":
        return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":
        # Each output element as the reference loops make it: every tap, padding included.
        weights, group = shapes[node.input[1]], _number(node, "group", 1)
        return prod(shapes[node.output[0]]) * weights[0] // group * prod(weights[2:])
    if node.op_type == "Gemm":
        rows = shapes[node.input[0]]
        return prod(shapes[node.output[0]]) * rows[0 if _number(node, "transA", 0) else 1]
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    if node.op_type == "Einsum" and len(node.input) > 1:
        return _einsum(node, shapes)
    return 0


def _einsum(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """One for each combination of all letters; the axes of an ellipsis come from the output."""
    equation = next(a.s.decode() for a in node.attribute if a.name == "equation").replace(" ", "")
    terms = equation.partition("->")[0].split(",")
    extents: dict[str, int] = {}
    for term, name in zip(terms, node.input, strict=True):
        front, _, back = term.partition("...")
        shape = shapes[name]
        pairs = [*zip(front, shape, strict=False), *zip(back[::-1], shape[::-1], strict=False)]
        extents |= {letter: max(size, extents.get(letter, 1)) for letter, size in pairs}
    summed = set(extents) - set(equation.partition("->")[2])
    return prod(shapes[node.output[0]]) * prod(extents[letter] for letter in summed)


def _number(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((int(a.i) for a in node.attribute if a.name == name), default)
