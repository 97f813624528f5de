"""Every rewrite gives the same network: same names, same shapes, same numbers, fewer nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper

from lowtide.errors import UnsupportedModel
from lowtide.frontends.onnx.simplify.passes import (
    dense_as_conv,
    drop_dead,
    drop_identities,
    fold_affine,
    fold_batchnorm,
    fold_constants,
    fold_pad,
    infer_shapes,
    simplify,
)
from lowtide.room import MADE, Room

Array = np.ndarray[Any, np.dtype[Any]]
Rewrite = Callable[[ir.Model], ir.Model]

# Folding rounds each weight once more and sums the same terms: a few ulps (6e-8) of the largest.
TOLERANCE = 2e-6


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32)


def network(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int],
    constants: dict[str, Array] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
) -> onnx.ModelProto:
    """A network with the float input "x" of this shape."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    ys = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    weights = [onnx.numpy_helper.from_array(a, name) for name, a in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "test", [x], ys, weights)
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def run(proto: onnx.ModelProto, x: Array) -> dict[str, Array]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


def rewritten(proto: onnx.ModelProto, *rewrites: Rewrite) -> list[str]:
    """Run the rewrites, compare before with after in onnxruntime; the operators left, in order."""
    model = infer_shapes(ir.from_proto(proto))
    for rewrite in rewrites:
        assert rewrite(model) is model
    infer_shapes(drop_dead(model))
    after = ir.to_proto(model)
    onnx.checker.check_model(after, full_check=True)
    x = random(*(d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim))
    expected, got = run(proto, x), run(after, x)
    assert list(expected) == list(got)
    for name, array in expected.items():
        assert (got[name].shape, got[name].dtype) == (array.shape, array.dtype)
        scale = np.abs(array[np.isfinite(array)]).max()
        np.testing.assert_allclose(got[name], array, rtol=0, atol=TOLERANCE * scale)
    return [node.op_type for node in model.graph]


def node(op_type: str, inputs: str, output: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node reading space-separated names; "_" leaves an input out."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(
        op_type, names, output.split(), name=f"{op_type}_{output}", **attributes
    )


# --- linear operators to fold into: (node making "a", input shape, constants) -------------------

LINEAR: dict[str, tuple[onnx.NodeProto, tuple[int, ...], dict[str, Array]]] = {
    "conv": (node("Conv", "x w", "a"), (1, 4, 5, 6), {"w": random(6, 4, 3, 3)}),
    "conv with bias": (
        node("Conv", "x w b", "a"), (1, 4, 5, 6), {"w": random(6, 4, 3, 3), "b": random(6)},
    ),
    "grouped": (node("Conv", "x w", "a", group=2), (1, 4, 5, 6), {"w": random(6, 2, 3, 3)}),
    "depthwise": (node("Conv", "x w", "a", group=6), (1, 6, 5, 6), {"w": random(6, 1, 3, 3)}),
    "conv 1d": (node("Conv", "x w", "a"), (1, 4, 9), {"w": random(6, 4, 3)}),
    "transposed": (
        node("ConvTranspose", "x w b", "a", strides=[2, 2]),
        (1, 4, 5, 6), {"w": random(4, 6, 2, 2), "b": random(6)},
    ),
    "transposed, grouped": (
        node("ConvTranspose", "x w", "a", group=2), (1, 4, 5, 6), {"w": random(4, 3, 2, 2)},
    ),
    "gemm": (node("Gemm", "x w b", "a"), (3, 4), {"w": random(4, 6), "b": random(6)}),
    "gemm, all attributes": (
        node("Gemm", "x w b", "a", alpha=0.5, beta=2.0, transA=1, transB=1),
        (4, 3), {"w": random(6, 4), "b": random(1, 6)},
    ),
    "gemm, scalar bias": (node("Gemm", "x w b", "a"), (3, 4), {"w": random(4, 6), "b": random()}),
    "matmul": (node("MatMul", "x w", "a"), (3, 4), {"w": random(4, 6)}),
}  # fmt: skip

BATCHNORM = {"s": random(6), "t": random(6, seed=1), "m": random(6, seed=2), "v": random(6) ** 2}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("opset", [7, 11, 17])
def test_batchnorm_folds(name: str, opset: int) -> None:
    """x -> linear -> BatchNormalization -> y   ->   x -> linear -> y, named y as before."""
    linear, shape, constants = LINEAR[name]
    normal = node("BatchNormalization", "a s t m v", epsilon=1e-3)
    proto = network([linear, normal], shape, constants | BATCHNORM, opset=opset)
    kept = "Gemm" if linear.op_type == "MatMul" else linear.op_type
    assert rewritten(proto, fold_batchnorm) == [kept]


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize(
    "step",
    ["Mul a k", "Mul k a", "Add a k", "Add k a", "Sub a k", "Sub k a", "Div a k", "Mul a one"],
)
def test_affine_folds(name: str, step: str) -> None:
    """x -> linear -> op with k [6,1,1] -> y   ->   x -> linear -> y"""
    linear, shape, constants = LINEAR[name]
    spatial = {"Conv": len(shape) - 2, "ConvTranspose": 2}.get(linear.op_type, 0)
    constants = constants | {"k": random(6, *(1,) * spatial) + 3, "one": random()}
    op_type, operands = step.split(" ", 1)
    proto = network([linear, node(op_type, operands)], shape, constants)
    kept = "Gemm" if linear.op_type == "MatMul" else linear.op_type
    assert rewritten(proto, fold_affine) == [kept]


def test_affine_folds_into_a_batchnorm_on_its_own() -> None:
    """x -> BatchNormalization -> Mul -> Add -> y   ->   x -> BatchNormalization -> y"""
    nodes = [
        node("BatchNormalization", "x s t m v", "a"), node("Mul", "a k", "b"), node("Add", "b k"),
    ]  # fmt: skip
    proto = network(nodes, (1, 6, 3, 3), BATCHNORM | {"k": random(6, 1, 1, seed=7)})
    assert rewritten(proto, fold_affine) == ["BatchNormalization"]


CONV, CONV_SHAPE, CONV_CONSTANTS = LINEAR["conv"]


@pytest.mark.parametrize(
    ("why", "step", "shape"),
    [
        ("one per column, not per channel", "Add a k", (4,)),
        ("one per row", "Mul a k", (3, 1)),
        ("enlarges the batch", "Add a k", (2, 6, 1, 1)),
        ("enlarges the rank", "Add a k", (1, 1, 6, 1, 1)),
        ("divides by the tensor", "Div k a", (6, 1, 1)),
        ("one per element", "Mul a k", (1, 6, 3, 4)),
        ("divides by zero", "Div a zero", ()),
        ("overflows float32", "Mul a huge", ()),
    ],
)
def test_affine_stays_where_it_is_not_per_channel(
    why: str, step: str, shape: tuple[int, ...]
) -> None:
    op_type, operands = step.split(" ", 1)
    extra = {"k": random(*shape), "zero": np.float32(0), "huge": np.float32(3e38)}
    constants = CONV_CONSTANTS | {name: np.asarray(a, np.float32) for name, a in extra.items()}
    model = infer_shapes(
        ir.from_proto(network([CONV, node(op_type, operands)], CONV_SHAPE, constants))
    )
    assert [n.op_type for n in fold_affine(model).graph] == ["Conv", op_type], why


def test_a_bias_per_row_of_a_square_gemm_is_not_per_channel() -> None:
    """C [4,1] is one number per row; there happen to be as many columns."""
    nodes = [node("Gemm", "x w c", "a"), node("Mul", "a k")]
    constants = {"w": random(5, 4), "c": random(4, 1), "k": random(4)}
    assert rewritten(network(nodes, (4, 5), constants), fold_affine) == ["Gemm", "Mul"]


@pytest.mark.parametrize("rewrite", [fold_batchnorm, fold_affine])
@pytest.mark.parametrize("reason", ["second reader", "graph output", "weights fed in"])
def test_a_value_others_see_stays(rewrite: Rewrite, reason: str) -> None:
    """x -> Conv -> a -> op -> y, with `a` read elsewhere too, or itself an output."""
    nodes = [CONV, node("BatchNormalization", "a s t m v", "b"), node("Relu", "b")]
    if rewrite is fold_affine:
        nodes[1] = node("Mul", "a k", "b")
    outputs = ["y", "a"] if reason == "graph output" else ["y"]
    if reason == "second reader":
        nodes.append(node("Relu", "a", "z"))
        outputs.append("z")
    if reason == "weights fed in":
        nodes[0] = node("Relu", "x", "a")
    constants = CONV_CONSTANTS | BATCHNORM | {"k": random(6, 1, 1)}
    shape = (1, 6, 3, 3) if reason == "weights fed in" else CONV_SHAPE
    before = [n.op_type for n in nodes]
    assert rewritten(network(nodes, shape, constants, outputs), rewrite) == before


def test_weights_shared_by_two_convolutions_are_folded_apart() -> None:
    """Conv w -> Add k and Conv w -> Relu: the second keeps the w it had."""
    nodes = [CONV, node("Mul", "a k"), node("Conv", "x w", "z")]
    constants = CONV_CONSTANTS | {"k": random(6, 1, 1)}
    assert rewritten(network(nodes, CONV_SHAPE, constants, ("y", "z")), fold_affine) == ["Conv"] * 2


def test_weights_that_are_shared_are_once_what_they_are_folded_to() -> None:
    """As the steps of an LSTM, and a head of several images, do; another factor is apart."""
    nodes = [CONV, node("Mul", "a k"), node("Conv", "x w", "b"), node("Mul", "b k", "z")]
    nodes += [node("Conv", "x w", "c"), node("Mul", "c m", "u")]
    constants = CONV_CONSTANTS | {"k": random(6, 1, 1), "m": random(6, 1, 1, seed=1)}
    proto = network(nodes, CONV_SHAPE, constants, ("y", "z", "u"))
    assert rewritten(proto, fold_affine) == ["Conv"] * 3
    first, second, other = fold_affine(infer_shapes(ir.from_proto(proto))).graph
    assert first.inputs[1] is second.inputs[1] is not other.inputs[1]


@pytest.mark.parametrize(
    ("opset", "attributes", "outputs"),
    [(17, {"training_mode": 1}, "y rm rv"), (7, {"spatial": 0}, "y")],
)
def test_batchnorm_that_is_no_fixed_factor_stays(
    opset: int, attributes: dict[str, int], outputs: str
) -> None:
    normal = node("BatchNormalization", "a s t m v", outputs, **attributes)
    constants = dict(CONV_CONSTANTS)
    shape = (6, 3, 4) if "spatial" in attributes else (6,)
    constants |= {name: random(*shape) ** 2 for name in "stmv"}
    model = infer_shapes(ir.from_proto(network([CONV, normal], CONV_SHAPE, constants, opset=opset)))
    assert [n.op_type for n in fold_batchnorm(model).graph] == ["Conv", "BatchNormalization"]


# --- padding ------------------------------------------------------------------------------------


def pad(
    opset: int, pads: list[int], value: float, name: str = "p"
) -> tuple[onnx.NodeProto, dict[str, Array]]:
    """A Pad as its opset writes it: attributes before 11, inputs since."""
    if opset < 11:
        return node("Pad", "x", name, pads=pads, value=value), {}
    fill = np.array(value, np.float32)
    return node("Pad", "x pads fill", name), {"pads": np.array(pads), "fill": fill}


READERS = {
    "Conv": (node("Conv", "p w", pads=[0, 1, 1, 0], strides=[2, 1]), 0.0),
    "Conv VALID": (node("Conv", "p w", auto_pad="VALID"), 0.0),
    "MaxPool": (node("MaxPool", "p", kernel_shape=[3, 4], pads=[0, 1, 0, 0]), -np.inf),
    "AveragePool": (node("AveragePool", "p", kernel_shape=[3, 4]), 0.0),
    "AveragePool counting": (
        node("AveragePool", "p", kernel_shape=[3, 4], pads=[1, 0, 1, 0], count_include_pad=1), 0.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("opset", [7, 11, 13, 19])
def test_pad_folds(reader: str, opset: int) -> None:
    """x -> Pad -> window -> y   ->   x -> window with pads -> y"""
    window, fill = READERS[reader]
    padding, constants = pad(opset, [0, 0, 1, 2, 0, 0, 0, 1], fill)
    proto = network(
        [padding, window], (1, 4, 7, 8), constants | {"w": random(2, 4, 3, 3)}, opset=opset
    )
    assert rewritten(proto, fold_pad) == [window.op_type]


def test_pad_with_axes_folds() -> None:
    """Since opset 18 `axes` says which axes the pads are for; negative ones count from the end."""
    padding = node("Pad", "x pads _ axes", "p")
    constants = {"pads": np.array([1, 2, 0, 1]), "axes": np.array([-1, 2]), "w": random(2, 4, 3, 3)}
    proto = network([padding, node("Conv", "p w")], (1, 4, 7, 8), constants, opset=18)
    assert rewritten(proto, fold_pad) == ["Conv"]


@pytest.mark.parametrize(
    ("why", "pads", "fill", "window"),
    [
        ("not what Conv pads with", [0, 0, 1, 1, 0, 0, 1, 1], 1.0, node("Conv", "p w")),
        ("channels", [0, 1, 1, 1, 0, 0, 1, 1], 0.0, node("Conv", "p w5")),
        ("crops", [0, 0, -1, 1, 0, 0, 1, 1], 0.0, node("Conv", "p w")),
        ("SAME pads by size", [0, 0, 1, 1, 0, 0, 1, 1], 0.0,
         node("Conv", "p w", auto_pad="SAME_UPPER")),
        ("zero can win", [0, 0, 1, 1, 0, 0, 1, 1], 0.0, node("MaxPool", "p", kernel_shape=[3, 3])),
        ("as wide as the window", [0, 0, 2, 2, 0, 0, 2, 2], -np.inf,
         node("MaxPool", "p", kernel_shape=[2, 2])),
        ("own pads not counted", [0, 0, 1, 1, 0, 0, 1, 1], 0.0,
         node("AveragePool", "p", kernel_shape=[3, 3], pads=[1, 1, 1, 1])),
        ("no window", [0, 0, 1, 1, 0, 0, 1, 1], 0.0, node("Relu", "p")),
    ],
)  # fmt: skip
def test_pad_stays(why: str, pads: list[int], fill: float, window: onnx.NodeProto) -> None:
    padding, constants = pad(13, pads, fill)
    constants |= {"w": random(2, 4, 3, 3), "w5": random(2, 5, 3, 3)}
    proto = network([padding, window], (1, 4, 7, 8), constants, opset=13)
    assert rewritten(proto, fold_pad) == ["Pad", window.op_type], why


# --- dense layers over images -------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("flatten", ["Flatten", "Reshape"])
@pytest.mark.parametrize("dense", [LINEAR["gemm"], LINEAR["matmul"]], ids=["Gemm", "MatMul"])
def test_dense_layer_over_an_image_becomes_a_convolution(
    batch: int, flatten: str, dense: tuple[onnx.NodeProto, Any, Any]
) -> None:
    """[1,3,4,5] -> Flatten -> Gemm [60,7] -> [1,7]   ->   Conv [7,3,4,5] -> Reshape [1,7]"""
    flat = node("Flatten", "x", "f") if flatten == "Flatten" else node("Reshape", "x shape", "f")
    layer = node("Gemm", "f w b") if dense[0].op_type == "Gemm" else node("MatMul", "f w")
    constants = {"w": random(60, 7), "b": random(7), "shape": np.array([batch, -1])}
    proto = network([flat, layer], (batch, 3, 4, 5), constants)
    assert rewritten(proto, dense_as_conv) == ["Conv", "Reshape"]


def test_dense_layer_with_every_gemm_attribute() -> None:
    nodes = [node("Flatten", "x", "f"), node("Gemm", "f w b", alpha=0.5, beta=3.0, transB=1)]
    proto = network(nodes, (1, 3, 4, 5), {"w": random(7, 60), "b": random(1, 1)})
    assert rewritten(proto, dense_as_conv) == ["Conv", "Reshape"]


@pytest.mark.parametrize("reason", ["one pixel", "second reader", "flattens the batch too"])
def test_dense_layer_stays(reason: str) -> None:
    shape = (1, 60, 1, 1) if reason == "one pixel" else (2, 3, 4, 5)
    nodes = [node("Flatten", "x", "f"), node("MatMul", "f w")]
    constants = {"w": random(60, 7)}
    if reason == "second reader":
        nodes.append(node("Relu", "f", "z"))
    if reason == "flattens the batch too":
        nodes[0] = node("Reshape", "x shape", "f")
        constants = {"w": random(120, 7), "shape": np.array([1, 120])}
    outputs = ("y", "z") if reason == "second reader" else ("y",)
    before = [n.op_type for n in nodes]
    assert rewritten(network(nodes, shape, constants, outputs), dense_as_conv) == before


# --- nothing done -------------------------------------------------------------------------------

NOTHING: dict[str, tuple[onnx.NodeProto, dict[str, Array], int]] = {
    "Identity": (node("Identity", "x", "a"), {}, 17),
    "Dropout 7": (node("Dropout", "x", "a", ratio=0.5), {}, 7),
    "Dropout 13": (node("Dropout", "x ratio", "a"), {"ratio": np.array(0.5, np.float32)}, 13),
    "Cast": (node("Cast", "x", "a", to=TensorProto.FLOAT), {}, 17),
    "Pad 7": (node("Pad", "x", "a", pads=[0] * 8), {}, 7),
    "Pad 13": (node("Pad", "x p", "a", mode="reflect"), {"p": np.zeros(8, np.int64)}, 13),
    "Concat": (node("Concat", "x", "a", axis=1), {}, 17),
    "Sum": (node("Sum", "x", "a"), {}, 17),
    "Max": (node("Max", "x", "a"), {}, 17),
    "Reshape": (node("Reshape", "x s", "a"), {"s": np.array([0, -1, 4, 5])}, 17),
    "Transpose": (node("Transpose", "x", "a", perm=[0, 1, 2, 3]), {}, 17),
    "Transpose of ones": (node("Transpose", "x", "a", perm=[1, 0, 2, 3]), {}, 17),
    "Slice 9": (node("Slice", "x", "a", starts=[0], ends=[9], axes=[2]), {}, 9),
    "Slice 13": (node("Slice", "x b e", "a"), {"b": np.array([0]), "e": np.array([9])}, 13),
    "Expand": (node("Expand", "x s", "a"), {"s": np.array([4, 1])}, 17),
    "Tile": (node("Tile", "x s", "a"), {"s": np.array([1, 1, 1, 1])}, 17),
    "Split 11": (node("Split", "x", "a", axis=1, split=[1]), {}, 11),
    "AveragePool of one": (node("AveragePool", "x", "a", kernel_shape=[1, 1]), {}, 17),
    "MaxPool of one": (node("MaxPool", "x", "a", kernel_shape=[1, 1], strides=[1, 1]), {}, 17),
}


@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.parametrize("place", ["first", "last", "alone"])
def test_operators_that_do_nothing_go(name: str, place: str) -> None:
    """x -> nothing -> Relu -> y; x -> Relu -> nothing -> y; alone, x and y keep their names."""
    idle, constants, opset = NOTHING[name]
    idle = onnx.NodeProto.FromString(idle.SerializeToString())
    nodes = [idle, node("Relu", "a")]
    if place != "first":
        idle.output[0] = "y"
        nodes = [idle]
    if place == "last":
        idle.input[0] = "a"
        nodes = [node("Relu", "x", "a"), idle]
    left = rewritten(network(nodes, (1, 1, 4, 5), constants, opset=opset), drop_identities)
    assert left == (["Identity"] if place == "alone" else ["Relu"])


@pytest.mark.parametrize(
    ("idle", "constants"),
    [
        (node("Slice", "x b e a s"),
         {n: np.array([v]) for n, v in {"b": -1, "e": -9, "a": 3, "s": -1}.items()}),
        (node("Transpose", "x", perm=[0, 1, 3, 2]), {}),
        (node("Cast", "x", "h", to=TensorProto.FLOAT16), {}),
        (node("Concat", "x x", axis=1), {}),
        (node("Sum", "x x"), {}),
        (node("MaxPool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), {}),
    ],
    ids=["reversed", "square, turned", "other type", "twice", "sum", "pool"],
)  # fmt: skip
def test_operators_that_do_something_stay(
    idle: onnx.NodeProto, constants: dict[str, Array]
) -> None:
    nodes = [idle]
    if idle.op_type == "Cast":
        nodes.append(node("Cast", "h", to=TensorProto.FLOAT))
    before = [n.op_type for n in nodes]
    assert rewritten(network(nodes, (1, 1, 5, 5), constants), drop_identities) == before


def test_two_outputs_of_one_value_keep_their_names() -> None:
    nodes = [node("Relu", "x", "a"), node("Identity", "a"), node("Identity", "a", "z")]
    assert rewritten(network(nodes, (3,), outputs=("y", "z")), drop_identities) == [
        "Relu", "Identity",
    ]  # fmt: skip


def test_dropout_whose_mask_is_read_stays() -> None:
    nodes = [node("Dropout", "x", "a m"), node("Where", "m a a")]
    assert rewritten(network(nodes, (3,), opset=13), drop_identities) == ["Dropout", "Where"]


# --- constants ----------------------------------------------------------------------------------

C = random(1, 4, 6)
OLD = [
    node("Slice", "c", "s", starts=[1], ends=[3], axes=[1]),
    node("Squeeze", "s", "q", axes=[0]),
    node("Pad", "q", "p", pads=[0, 1, 1, 0], mode="constant", value=2.0),
    node("Unsqueeze", "p", "u", axes=[0, 3]),
    node("Clip", "u", "l", min=-0.5, max=1.5),
    node("ReduceMean", "l", "r", axes=[2], keepdims=1),
    node("Split", "r", "t1 t2", axis=1, split=[1, 2]),
]
NEW = [
    node("Slice", "c one three one", "s"),
    node("Squeeze", "s zero", "q"),
    node("Pad", "q pads two", "p"),
    node("Unsqueeze", "p axes", "u"),
    node("Clip", "u low high", "l"),
    node("ReduceMean", "l by", "r", keepdims=1),
    node("Split", "r parts", "t1 t2", axis=1),
]
PARAMETERS: dict[str, Array] = {
    "one": np.array([1]), "three": np.array([3]), "zero": np.array([0]), "by": np.array([2]),
    "pads": np.array([0, 1, 1, 0]), "two": np.array(2, np.float32), "axes": np.array([0, 3]),
    "low": np.array(-0.5, np.float32), "high": np.array(1.5, np.float32), "parts": np.array([1, 2]),
}  # fmt: skip


@pytest.mark.parametrize(("opset", "nodes"), [(7, OLD), (9, OLD), (18, NEW), (21, NEW), (25, NEW)])
def test_constants_fold_alike_in_old_and_new_opsets(
    opset: int, nodes: list[onnx.NodeProto]
) -> None:
    """c -> Slice -> Squeeze -> Pad -> ... -> Split, then Add x: only the Add is left."""
    tail = [node("Transpose", "t2", "v", perm=[1, 0, 2, 3]), node("Add", "x v")]
    proto = network([*nodes, *tail], (1, 1, 2, 3), {"c": C} | PARAMETERS, opset=opset)
    assert rewritten(proto, fold_constants) == ["Add"]


def test_shapes_of_static_tensors_are_constants() -> None:
    """x -> Shape -> Gather -> Unsqueeze -> Concat -> Reshape: only the Reshape is left."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "g"),
        node("Unsqueeze", "g axes", "u"),
        node("Concat", "u rest", "c", axis=0),
        node("Reshape", "x c"),
    ]
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1, 2])}
    assert rewritten(network(nodes, (2, 3, 4), constants, opset=13), fold_constants) == ["Reshape"]


def test_part_of_a_shape_and_size() -> None:
    """Shape 15 has `start` and `end`, which count from the end where negative."""
    nodes = [
        node("Shape", "x", "s", start=-2, end=9), node("Size", "x", "n"), node("Mul", "s n", "p"),
        node("Cast", "p", "f", to=TensorProto.FLOAT), node("Mul", "x f"),
    ]  # fmt: skip
    assert rewritten(network(nodes, (5, 3, 2)), fold_constants) == ["Mul"]


def test_random_numbers_are_not_constants() -> None:
    nodes = [node("RandomNormal", "", "r", shape=[3]), node("Add", "x r")]
    nodes[0].ClearField("input")
    model = infer_shapes(ir.from_proto(network(nodes, (3,))))
    assert [n.op_type for n in fold_constants(model).graph] == ["RandomNormal", "Add"]


HUGE: dict[str, tuple[onnx.NodeProto, dict[str, Array]]] = {
    "ConstantOfShape": (node("ConstantOfShape", "s", "h"), {"s": np.array([10**6, 10**6])}),
    "Expand": (node("Expand", "c s", "h"), {"s": np.array([10**6, 10**6]), "c": random(1)}),
    "Tile": (node("Tile", "c s", "h"), {"s": np.array([10**12]), "c": random(1)}),
    "Range": (
        node("Range", "a b c", "h"),
        {"a": np.array(0), "b": np.array(10**12), "c": np.array(1)},
    ),
    "Resize": (
        node("Resize", "c _ s", "h"),
        {"s": np.array([1e6, 1e6], np.float32), "c": random(1, 1)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_a_few_bytes_do_not_become_a_terabyte(name: str) -> None:
    """Sizes are inferred before anything is computed: the node is refused by its name."""
    large, constants = HUGE[name]
    nodes = [large, node("Shape", "h", "n"), node("Cast", "n", "f", to=TensorProto.FLOAT)]
    model = ir.from_proto(network([*nodes, node("Add", "x f")], (1,), constants))
    with pytest.raises(UnsupportedModel, match=f"{name}.*--max-elements"):
        fold_constants(model)


def test_many_large_results_count_together() -> None:
    """Three results of 100 elements where 250 may be made: the last one is refused."""
    nodes = [node("ConstantOfShape", "s", name) for name in "abc"] + [node("Sum", "x a b c")]
    model = network(nodes, (100,), {"s": np.array([100])})
    with pytest.raises(UnsupportedModel, match=r"than what it is made from.* 250, an eighth"):
        fold_constants(ir.from_proto(model), Room(250 * MADE))
    assert len(list(fold_constants(ir.from_proto(model), Room(300 * MADE)).graph)) == 1


# --- together -----------------------------------------------------------------------------------


def test_simplify_reaches_the_end_of_a_chain() -> None:
    """Each rewrite makes room for the next: a padded, normalised, flattened classifier.

    Pad -> Conv -> Identity -> BatchNormalization -> Add -> Dropout -> Relu
        -> Shape, Gather, Concat: Reshape -> MatMul -> Add
                                  ->
    Conv -> Relu -> Conv -> Reshape
    """
    padding, constants = pad(13, [0, 0, 1, 1, 0, 0, 1, 1], 0.0)
    nodes = [
        padding,
        node("Conv", "p w", "a0"),
        node("Identity", "a0", "a"),
        node("BatchNormalization", "a s t m v", "n"),
        node("Add", "n k", "b"),
        node("Dropout", "b", "d"),
        node("Relu", "d", "e"),
        node("Shape", "e", "shape"),
        node("Gather", "shape first", "g"),
        node("Concat", "g minus", "target", axis=0),
        node("Reshape", "e target", "f"),
        node("MatMul", "f dense", "o"),
        node("Add", "o shift"),
    ]
    constants |= BATCHNORM | {"w": random(6, 4, 3, 3), "k": random(6, 1, 1), "shift": random(3)}
    constants |= {"first": np.array([0]), "minus": np.array([-1]), "dense": random(120, 3)}
    proto = network(nodes, (1, 4, 4, 5), constants, opset=13)
    assert rewritten(proto, simplify) == ["Conv", "Relu", "Conv", "Reshape"]


def test_dead_nodes_and_constants_go_but_inputs_stay() -> None:
    nodes = [node("Relu", "x"), node("Add", "x k", "dead")]
    model = drop_dead(ir.from_proto(network(nodes, (3,), {"k": random(3)})))
    assert [n.op_type for n in model.graph] == ["Relu"]
    assert not model.graph.initializers
    assert [v.name for v in model.graph.inputs] == ["x"]
