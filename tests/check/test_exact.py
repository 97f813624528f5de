"""The float64 evaluation: its own operators, what it holds, and what it does with every network."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference.op_run import OpRun

from lowtide.check.difference import distance, scales
from lowtide.check.exact.blocks import largest_of
from lowtide.check.exact.evaluate import NotEvaluated, evaluate
from lowtide.check.exact.operators import OPERATORS
from lowtide.check.exact.quanta import quanta
from lowtide.check.exact.widen import in_range
from lowtide.check.expected import errors
from lowtide.check.numbers import Reference, Sample
from lowtide.check.truth import expect
from lowtide.errors import UnreadableModel
from networks import random_network

Array = np.ndarray[Any, Any]


def network(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array], shape: Sequence[int], **of: int
) -> onnx.ModelProto:
    """x -> nodes -> y"""
    held = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", of.get("out", TensorProto.FLOAT), None)
    graph = helper.make_graph(nodes, "n", [x], [y], held)
    opset = helper.make_opsetid("", of.get("opset", 17))
    return helper.make_model(graph, opset_imports=[opset], ir_version=10)


def windowed(seed: int) -> onnx.ModelProto:
    """A random convolution or pool over 1 to 3 axes."""
    dice, rng = random.Random(seed), np.random.default_rng(seed)
    rank, groups = dice.choice([1, 2, 2, 3]), dice.choice([1, 1, 2, 3])
    kind = dice.choice(["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
    channels, filters = groups * dice.randint(1, 3), groups * dice.randint(1, 3)
    kernel = [dice.randint(1, 4) for _ in range(rank)]
    how: dict[str, Any] = {"strides": [dice.randint(1, 3) for _ in range(rank)]}
    if dice.random() < 0.3:
        how["auto_pad"] = dice.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
        # Where windows skip inputs, SAME would cut; there onnxruntime has an average of its own.
        how["strides"] = [min(pair) for pair in zip(how["strides"], kernel, strict=True)]
    else:
        how["pads"] = [dice.randint(0, 2) for _ in range(2 * rank)]
        how["dilations"] = [dice.choice([1, 1, 2]) for _ in range(rank)]
    constants: dict[str, Array] = {}
    if kind.endswith("Pool"):
        how |= {"kernel_shape": kernel, "ceil_mode": dice.choice([0, 1])}
        if kind == "AveragePool":
            how["count_include_pad"] = dice.choice([0, 1])
    else:
        how["group"] = groups
        ends = (filters, channels // groups) if kind == "Conv" else (channels, filters // groups)
        constants["w"] = rng.standard_normal((*ends, *kernel)).astype(np.float32)
        if dice.random() < 0.5:
            constants["b"] = rng.standard_normal(filters).astype(np.float32)
        if kind == "ConvTranspose" and dice.random() < 0.3:
            how["output_padding"] = [dice.randint(0, s - 1) for s in how["strides"]]
    node = helper.make_node(kind, ["x", *constants], ["y"], **how)
    shape = (dice.choice([1, 2]), channels, *(dice.randint(8, 12) for _ in range(rank)))
    return network([node], constants, shape, opset=22)


def given(model: onnx.ModelProto, seed: int = 0) -> dict[str, Array]:
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    return {"x": np.random.default_rng(seed).standard_normal(shape, np.float32)}


def expected(model: onnx.ModelProto, inputs: Mapping[str, Array] | None = None) -> Sample:
    """What is expected of one set of inputs."""
    inputs = inputs or given(model)
    (made,) = expect(model, "n", {"given": inputs})
    return made


def test_windows_are_onnxruntimes() -> None:
    """Convolutions and pools of the evaluator, written here, on 300 random layers."""
    compared = 0
    for seed in range(300):
        model = windowed(seed)
        x = given(model, seed)
        try:
            (theirs,) = Reference(model.SerializeToString(), "n").run(x).outputs
        except UnreadableModel:  # a window that begins behind the image, say
            continue
        (ours,) = evaluate(model, x)
        assert ours.dtype == np.float64
        assert distance(ours, theirs) <= 1e-5 * max(largest_of(theirs), 1.0), seed
        compared += 1
    assert compared > 200


def test_few_random_networks_fall_back() -> None:
    """Evaluated, no farther from onnxruntime than rounding; what falls back names a node."""
    evaluated, notes = 0, []
    for seed in range(150):
        drawn = random_network(seed)
        made = expected(drawn.model, drawn.inputs)
        if made.expected.kind == "float64":
            evaluated += 1
            own = errors([made.expected], scales([made]))
            assert own is not None
            assert max(own) < 1e-4
        else:
            notes.append(made.expected.note)
    assert evaluated > 120
    assert all("node '" in note or "quantised" in note for note in notes), notes


def test_an_operator_that_the_evaluator_lacks_is_named() -> None:
    node = helper.make_node("NoSuch", ["x"], ["y"], name="odd")
    with pytest.raises(NotEvaluated, match=r"node 'odd' \(NoSuch\)"):
        evaluate(network([node], {}, [1, 3]), {"x": np.zeros((1, 3), np.float32)})


def test_a_wrong_evaluation_falls_back_and_names_the_first_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second of three nodes is computed wrongly: a thousandth too much is not believed."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="first"),
        helper.make_node("Elu", ["a"], ["b"], name="second"),
        helper.make_node("Neg", ["b"], ["y"], name="third"),
    ]
    model = network(nodes, {}, [1, 3, 4, 4])
    assert expected(model).expected.kind == "float64"

    class Elu(OpRun):  # type: ignore[misc]
        def _run(self, x: Array, alpha: float) -> tuple[Array]:
            return (x * 1.002,)

    monkeypatch.setattr("lowtide.check.exact.evaluate.OPERATORS", (*OPERATORS, Elu))
    made = expected(model).expected
    assert (made.kind, made.maker) == ("float32", "onnxruntime")
    assert "node 'second' (Elu), by 2e-03" in made.note


def test_another_decision_in_float64_is_no_truth() -> None:
    """x * 0.1 * 10 > x holds for every x in float64 (0.1 is a little more), seldom in float32."""
    nodes = [
        helper.make_node("Mul", ["x", "tenth"], ["a"]),
        helper.make_node("Mul", ["a", "ten"], ["b"]),
        helper.make_node("Sub", ["b", "x"], ["c"], name="rounds"),
        helper.make_node("Greater", ["c", "zero"], ["d"], name="decides"),
        helper.make_node("Cast", ["d"], ["y"], to=TensorProto.FLOAT),
    ]
    constants = {"tenth": np.float32(0.1), "ten": np.float32(10), "zero": np.float32(0)}
    model = network(nodes, constants, [1, 300])
    made = expected(model, {"x": np.abs(given(model)["x"])}).expected
    assert made.kind == "float32"
    assert "node 'decides' (Greater)" in made.note


@pytest.mark.parametrize("level", [-7.0, -14.0])
def test_a_quiet_sigmoid_is_known_better_than_onnxruntime_knows_it(level: float) -> None:
    """Scores of 1e-3 and 1e-6, which it has to 1e-7: rounding, and no doubt about the evaluator."""
    model = network(
        [
            helper.make_node("Add", ["x", "level"], ["a"]),
            helper.make_node("Sigmoid", ["a"], ["y"]),
        ],
        {"level": np.float32(level)},
        [1, 1000],
    )
    inputs = given(model)
    made = expected(model, inputs)
    assert made.expected.kind == "float64"
    own = errors([made.expected], scales([made]))
    assert own is not None
    assert own[0] > (1e-6 if level == -7 else 1e-3)
    z = np.float64(inputs["x"]) + level
    assert distance(made.outputs[0], 1 / (1 + np.exp(-z))) < 1e-15


def test_a_tensor_has_float32s_range() -> None:
    """exp(100) is infinite in the network, and its reciprocal 0, though not in float64."""
    model = network(
        [helper.make_node("Exp", ["x"], ["a"]), helper.make_node("Reciprocal", ["a"], ["y"])],
        {},
        [3],
    )
    (y,) = evaluate(model, {"x": np.array([0, 100, -100], np.float32)})
    assert y.tolist()[:2] == [1.0, 0.0]
    assert np.isinf(y[2])
    assert in_range(np.array([1e39, -1e39, 1e-46, np.nan, 2.0])).tolist()[:3] == [
        np.inf, -np.inf, 0.0
    ]  # fmt: skip


def test_functions_of_onnx_are_written_out_in_float64() -> None:
    """MeanVarianceNormalization has constants of float32 in its body."""
    node = helper.make_node("MeanVarianceNormalization", ["x"], ["y"], axes=[0, 2, 3])
    model = network([node], {}, [1, 2, 5, 5])
    x = given(model)["x"].astype(np.float64)
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    (y,) = evaluate(model, given(model))
    assert distance(y, (x - mean) / (np.sqrt(var) + 1e-9)) < 1e-8


def test_nodes_in_any_order_and_graphs_inside_nodes() -> None:
    """If reads a tensor of the graph around it, and is written before what makes that."""
    then = helper.make_graph(
        [
            helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.float32(0.1))),
            helper.make_node("Mul", ["a", "c"], ["t"]),
        ],
        "then",
        [],
        [helper.make_tensor_value_info("t", TensorProto.FLOAT, None)],
    )
    nodes = [
        helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=then),
        helper.make_node("Relu", ["x"], ["a"]),
    ]
    model = network(nodes, {"yes": np.bool_(True)}, [4])
    (y,) = evaluate(model, {"x": np.arange(4, dtype=np.float32)})
    assert y.tolist() == [float(np.float32(0.1)) * k for k in range(4)]


def quantised(activation: bool) -> onnx.ModelProto:
    """x (perhaps in 8 bits) times a matrix in 8 bits -> y (perhaps in 8 bits, quantum 0.25)."""
    scale = {"ws": np.float32(0.01), "s": np.float32(0.25), "z": np.int8(0)}
    nodes = [
        helper.make_node("DequantizeLinear", ["wq", "ws"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["m" if activation else "y"]),
    ]
    if activation:
        nodes += [
            helper.make_node("QuantizeLinear", ["m", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
            helper.make_node("Reshape", ["d", "shape"], ["y"]),
        ]
        scale["shape"] = np.array([4, 1], np.int64)
    weights = np.random.default_rng(0).integers(-127, 128, (8, 4)).astype(np.int8)
    return network(nodes, {"wq": weights, **scale}, [1, 8], opset=13)


def test_quantised_activations_are_judged_by_integers_and_weights_by_float64() -> None:
    assert quanta(quantised(True)) == [0.25]
    assert quanta(quantised(False)) is None
    integers, floats = expected(quantised(True)).expected, expected(quantised(False)).expected
    assert (integers.kind, integers.quanta) == ("quantised", (0.25,))
    assert 0.25 < integers.gaps[0] < 0.2501
    assert integers.note == (
        "its activations are quantised; 'y' may be one step off, since the reference computes "
        "floats in MatMul"
    )
    assert floats.kind == "float64"


def test_both_names_of_onnxs_domain() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], domain="ai.onnx")
    model = network([node], {}, [3])
    model.opset_import[0].domain = "ai.onnx"
    (y,) = evaluate(model, {"x": np.array([-1, 2, 3], np.float32)})
    assert y.tolist() == [0, 2, 3]


def test_weights_beside_the_file_and_functions_of_its_own(tmp_path: Path) -> None:
    """double(x) = x + x, of weights that lie in a file next to it."""
    model = network(
        [
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("double", ["a"], ["y"], domain="own"),
        ],
        {"w": np.arange(1200, dtype=np.float32).reshape(3, 400)},
        [1, 3],
    )
    own = helper.make_opsetid("", 17)
    body = [helper.make_node("Add", ["p", "p"], ["q"])]
    model.functions.append(helper.make_function("own", "double", ["p"], ["q"], body, [own]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    path = tmp_path / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w.bin")
    assert (tmp_path / "w.bin").exists()
    x = np.ones((1, 3), np.float32)
    (made,) = expect(path, "net", {"given": {"x": x}})
    assert made.expected.kind == "float64"
    assert (
        made.outputs[0].tolist()
        == (2.0 * x.astype(float) @ np.arange(1200).reshape(3, 400)).tolist()
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_largest_of_a_channel_over_any_axes(rank: int) -> None:
    """The package's own GlobalMaxPool is right for images of two axes alone."""
    shape = (2, 3, *range(4, 4 + rank))
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, s)
        for name, s in (("x", shape), ("y", (2, 3, *(1 for _ in range(rank)))))
    )
    graph = helper.make_graph([helper.make_node("GlobalMaxPool", ["x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    (found,) = evaluate(model, {"x": values})
    np.testing.assert_array_equal(found.ravel(), values.reshape(6, -1).max(axis=1))
