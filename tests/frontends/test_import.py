"""Any file gives a checked model, or one line that says what is wrong with it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from lowtide.clock import Clock, quiet
from lowtide.errors import ModelError, UnreadableModel, UnsupportedModel
from lowtide.frontends.onnx.load import load
from lowtide.pipeline.read import read

SHARED = Path(__file__).parents[3] / "shared"
NETWORKS = sorted((SHARED / "models" / "onnx").glob("*.onnx"))

# A folded batch norm rounds every weight once more, and the sums run over hundreds of terms in
# dozens of layers: 1.1e-6 was measured on the worst of the shared networks.
TOLERANCE = 1e-5


def parsed(text: str, opset: int = 17) -> onnx.ModelProto:
    """A network in ONNX's text form, without the header."""
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {text}')


def small() -> onnx.ModelProto:
    """x [1,2,4,4] -> Conv -> Relu -> y"""
    model = parsed("g (float[1,2,4,4] x) => (float[1,3,2,2] y) { a = Conv(x, w) y = Relu(a) }")
    weights = np.random.default_rng(0).standard_normal((3, 2, 3, 3), np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    return model


def write(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def run(proto: onnx.ModelProto) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs on seeded random inputs, a dynamic batch taken as 1."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    feeds = {
        value.name: rng.random([d if isinstance(d, int) else 1 for d in value.shape], np.float32)
        for value in session.get_inputs()
    }
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def same_network(before: onnx.ModelProto, model: ir.Model) -> None:
    after = ir.to_proto(model)
    onnx.checker.check_model(after, full_check=True)
    expected, got = run(before), run(after)
    assert list(expected) == list(got)
    for name, array in expected.items():
        assert got[name].shape == array.shape
        assert np.abs(got[name] - array).max() <= TOLERANCE * np.abs(array).max()
    for node in model.graph:
        assert node.name
        assert node.op_type != "Constant"
        assert all(value.shape is not None and value.shape.is_static() for value in node.outputs)


def refused(source: Any, *words: str, error: type[ModelError] = ModelError) -> str:
    """The one line `load` refuses the source with."""
    with pytest.raises(error) as caught:
        load(source)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 600
    for word in words:
        assert word in line, line
    return line


# --- what is taken in ---------------------------------------------------------------------------


@pytest.mark.skipif(not NETWORKS, reason="the shared networks are not here")
@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_trained_networks_give_the_same_numbers(path: Path) -> None:
    same_network(onnx.load(path), load(path))


@pytest.mark.parametrize("opset", range(7, 26))
def test_every_opset(opset: int) -> None:
    model = small()
    model.opset_import[0].version = opset
    same_network(model, load(model))


def test_a_model_in_memory_is_left_as_it_is(tmp_path: Path) -> None:
    model = small()
    before = model.SerializeToString(deterministic=True)
    load(model)
    assert model.SerializeToString(deterministic=True) == before
    same_network(model, load(str(write(tmp_path, model))))


@pytest.mark.parametrize("batch", ["N", "", None, -1])
def test_a_dynamic_batch_becomes_one(batch: str | int | None) -> None:
    """[N,2,4,4] -> [1,2,4,4], whatever the file notes on values after the input."""
    model = small()
    for value in (model.graph.input[0], model.graph.output[0]):
        dim = value.type.tensor_type.shape.dim[0]
        dim.Clear()
        if isinstance(batch, str):
            dim.dim_param = batch
        elif batch is not None:
            dim.dim_value = batch
    loaded = load(model)
    assert loaded.graph.inputs[0].shape == (1, 2, 4, 4)
    assert loaded.graph.outputs[0].shape == (1, 3, 2, 2)


def test_a_static_batch_is_kept() -> None:
    model = small()
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 5
    assert load(model).graph.outputs[0].shape == (5, 3, 2, 2)


def test_weights_listed_as_inputs_are_constants() -> None:
    """IR version 3 lists every initializer as an input."""
    model = small()
    model.ir_version = 3
    model.opset_import[0].version = 8
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (3, 2, 3, 3)))
    assert [value.name for value in load(model).graph.inputs] == ["x"]


def test_a_weight_may_be_an_output_as_well() -> None:
    model = small()
    model.graph.output.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (3, 2, 3, 3)))
    loaded = load(model)
    assert [value.name for value in loaded.graph.outputs] == ["y", "w"]
    same_network(model, loaded)


@pytest.mark.parametrize("declared", [[1, 3, 3, 3], [1, 3, 2], [2, 3, 2, 2], [1, 3, 0, 2]])
def test_what_is_made_counts_not_what_is_declared(declared: list[int]) -> None:
    """A file edited by hand says of its output, and of values inside, what is not so."""
    model = small()
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, declared))
    inside = helper.make_tensor_value_info(model.graph.node[0].output[0], TensorProto.FLOAT, [7])
    model.graph.value_info.append(inside)
    assert load(model).graph.outputs[0].shape == (1, 3, 2, 2)


def test_unsorted_nodes_are_sorted() -> None:
    model = small()
    model.graph.node.reverse()
    assert [node.op_type for node in load(model).graph] == ["Conv", "Relu"]


def test_functions_are_inlined() -> None:
    """block(x) = Relu(Neg(x));  block -> block   ->   Neg -> Relu -> Neg -> Relu"""
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
        g (float[1,4] x) => (float[1,4] y) { a = mine.block(x) y = mine.block(a) }
        <domain: "mine", opset_import: ["" : 17]> block (x) => (y) { n = Neg(x) y = Relu(n) }"""
    )
    loaded = load(model)
    assert [node.op_type for node in loaded.graph] == ["Neg", "Relu", "Neg", "Relu"]
    same_network(model, loaded)


def test_names_of_nodes_become_unique_and_notes_are_dropped() -> None:
    model = small()
    model.ir_version = 99
    model.metadata_props.add(key="a", value="b")
    for node in model.graph.node:
        node.name = "same"
    assert len({node.name for node in load(model).graph}) == 2


def external(folder: Path, location: str = "w.bin", **entries: int) -> onnx.ModelProto:
    """`small` with its 216 bytes of weights in a file of 300 bytes, 50 bytes in."""
    model = small()
    tensor = model.graph.initializer[0]
    (folder / "w.bin").write_bytes(bytes(50) + tensor.raw_data + bytes(34))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": 50, "length": 216, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return model


def test_external_data(tmp_path: Path) -> None:
    same_network(small(), load(write(tmp_path, external(tmp_path))))


def test_a_constant_output_and_an_input_passed_on_keep_their_names() -> None:
    model = parsed(
        """g (float[2] x) => (float[2] y, float[2] z, float[2] k)
        { y = Identity(x) z = Relu(x) k = Constant<value = float[2] {1, 2}>() }"""
    )
    loaded = load(model)
    assert [value.name for value in loaded.graph.outputs] == ["y", "z", "k"]
    assert list(run(ir.to_proto(loaded))["k"]) == [1, 2]


# --- files that are no models -------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "none.onnx", "no such file", error=UnreadableModel)


def test_directory(tmp_path: Path) -> None:
    refused(tmp_path, str(tmp_path), "not a file", error=UnreadableModel)


CONTENTS = {
    "empty": b"",
    "zeros": bytes(100),
    "text": b"hello, world\n" * 50,
    "random": random.Random(0).randbytes(5000),
    "no graph": b"\x08\x08",
    "zip": b"PK\3\4",
}


@pytest.mark.parametrize("name", CONTENTS)
def test_content_that_is_no_model(tmp_path: Path, name: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(CONTENTS[name])
    refused(path, "net.onnx", error=UnreadableModel)


def test_truncated_anywhere(tmp_path: Path) -> None:
    content = small().SerializeToString()
    path = tmp_path / "net.onnx"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        refused(path, "net.onnx")


def test_flipped_bytes_never_escape(tmp_path: Path) -> None:
    """Every byte of the file, spoiled in turn: a model or one line, nothing else."""
    content = small().SerializeToString()
    path = tmp_path / "net.onnx"
    for index in range(len(content)):
        spoiled = bytearray(content)
        spoiled[index] ^= 1 << index % 8
        path.write_bytes(spoiled)
        try:
            load(path)
        except ModelError as error:
            assert "\n" not in str(error)  # noqa: PT017


# --- weights beside the file --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"location": "none.bin"}, "missing: 'none.bin'"),
        ({"location": ""}, "names no file"),
        ({"location": "/etc/hostname"}, "outside"),
        ({"location": "../w.bin"}, "outside"),
        ({"location": "a/../../w.bin"}, "outside"),
        ({"location": "..\\w.bin"}, "outside"),
        ({"location": "link"}, "outside"),
        ({"offset": 100}, "is short"),
        ({"offset": -1}, "has offset '-1'"),
        ({"offset": "1e3"}, "has offset"),
        ({"length": 100}, "is 100 bytes but its dims ask for 216"),
    ],
)
def test_external_data_that_cannot_be_used(
    tmp_path: Path, entries: dict[str, Any], words: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    model = external(folder, **entries)
    shutil.copy(folder / "w.bin", tmp_path)
    (folder / "link").symlink_to(tmp_path / "w.bin")
    refused(write(folder, model), "net.onnx", "'w'", words, error=UnreadableModel)


def test_external_data_without_a_folder(tmp_path: Path) -> None:
    refused(external(tmp_path), "load the model by its path")


# --- graphs that do not hold together -----------------------------------------------------------


def no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def old_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 6


def new_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 26


def two_opsets(model: onnx.ModelProto) -> None:
    model.opset_import.add(domain="ai.onnx", version=13)


def foreign_domain(model: onnx.ModelProto) -> None:
    model.graph.node[1].domain = "com.microsoft"


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type = "Rleu"


def operator_of_a_later_opset(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type = "Gelu"


def unknown_attribute(model: onnx.ModelProto) -> None:
    model.graph.node[1].attribute.append(helper.make_attribute("alpha", 0.1))


def too_many_inputs(model: onnx.ModelProto) -> None:
    model.graph.node[1].input.append("x")


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def undefined_input(model: onnx.ModelProto) -> None:
    model.graph.node[1].input[0] = "nowhere"


def undefined_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "nowhere"


def made_twice(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = "a"
    model.graph.output[0].name = "a"


def constant_twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def input_twice(model: onnx.ModelProto) -> None:
    model.graph.input.append(model.graph.input[0])


def no_nodes(model: onnx.ModelProto) -> None:
    del model.graph.node[:]


def no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def short_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = bytes(100)


def no_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].ClearField("raw_data")


def huge_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 10**12


def negative_dims(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -3


def untyped_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_type = 0


def sparse_weights(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def weights_of_another_rank(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [54]


def sequence_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = 1


def optional_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.optional_type.elem_type.tensor_type.elem_type = 1


def sparse_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.sparse_tensor_type.elem_type = 1


def shapeless_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.ClearField("shape")


def dynamic_height(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"


def zero_height(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 0


def huge_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 10**12


def name_that_is_no_text(model: onnx.ModelProto) -> None:
    spoiled = model.SerializeToString().replace(b"Relu", b"Re\xffu")
    model.ParseFromString(spoiled)


# what is done to `small`, the error, and words of its message
SPOILED: list[tuple[Callable[[onnx.ModelProto], None], type[ModelError], str]] = [
    (no_opset, UnreadableModel, "no opset version"),
    (old_opset, UnsupportedModel, "opset 6"),
    (new_opset, UnsupportedModel, "onnx.version_converter"),
    (two_opsets, UnreadableModel, "or several"),
    (
        foreign_domain,
        UnsupportedModel,
        "Relu 'Relu_1': not an ONNX operator but one of domain 'com.",
    ),
    (unknown_operator, UnsupportedModel, "Rleu 'Rleu_1': no such operator in ONNX"),
    (operator_of_a_later_opset, UnreadableModel, "Gelu"),
    (unknown_attribute, UnreadableModel, "alpha"),
    (too_many_inputs, UnreadableModel, "Relu 'Relu_1'"),
    (cycle, UnreadableModel, "cycle"),
    (undefined_input, UnreadableModel, "Relu 'Relu_1': input 'nowhere' is defined nowhere"),
    (undefined_output, UnreadableModel, "output 'nowhere' is defined nowhere"),
    (made_twice, UnreadableModel, "'a' is defined 2 times"),
    (constant_twice, UnreadableModel, "constant 'w' appears twice"),
    (input_twice, UnreadableModel, "input 'x' appears twice"),
    (no_nodes, UnreadableModel, "no nodes"),
    (no_outputs, UnreadableModel, "no outputs"),
    (short_weights, UnreadableModel, "'w' of dims [3, 2, 3, 3] needs 216 bytes but holds 100"),
    (no_weights, UnreadableModel, "needs 54 numbers but holds 0"),
    (huge_weights, UnsupportedModel, "'w' has 18000000000000 elements"),
    (negative_dims, UnreadableModel, "dims [-3"),
    (untyped_weights, UnreadableModel, "no known type"),
    (sparse_weights, UnsupportedModel, "sparse"),
    (weights_of_another_rank, UnreadableModel, "Conv"),
    (sequence_input, UnsupportedModel, "input 'x' is not a tensor but sequence"),
    (optional_output, UnsupportedModel, "output 'y' is not a tensor but optional"),
    (sparse_input, UnsupportedModel, "input 'x' is not a tensor but sparse tensor"),
    (shapeless_input, UnsupportedModel, "input 'x' has no shape"),
    (
        dynamic_height,
        UnsupportedModel,
        "input 'x' has dim 2 = 'height'; give the shape with --shape x=1x",
    ),
    (zero_height, UnsupportedModel, "input 'x' has dim 2 = 0"),
    (huge_input, UnsupportedModel, "more than 2147483648 elements"),
    (name_that_is_no_text, UnreadableModel, "not text"),
]


@pytest.mark.parametrize(
    ("spoil", "error", "words"), SPOILED, ids=lambda v: getattr(v, "__name__", "")
)
def test_spoiled_networks_are_refused_in_one_line(
    tmp_path: Path, spoil: Callable[[onnx.ModelProto], None], error: type[ModelError], words: str
) -> None:  # fmt: skip
    model = small()
    spoil(model)
    line = refused(write(tmp_path, model), words, error=error)
    assert line.startswith(str(tmp_path / "net.onnx"))


BODIES: dict[str, tuple[str, str]] = {
    "control flow": (
        """c = Constant<value = bool {1}>()
        y = If(c) <then_branch = t () => (float[4] p) { p = Relu(x) },
                   else_branch = e () => (float[4] q) { q = Neg(x) }>""",
        "If 'If_1': control flow",
    ),
    "sequence": (
        "s = SequenceConstruct(x) i = Constant<value_int = 0>() y = SequenceAt(s, i)",
        "SequenceConstruct 'SequenceConstruct_0': 's' is not a tensor",
    ),
    "sparse": (
        "c = SparseTensor(x) y = Relu(c)",
        "SparseTensor 'SparseTensor_0': no such operator in ONNX",
    ),
    "depends on values": (
        "n = NonZero(x) f = Cast<to = 1>(n) y = ReduceSum<keepdims = 0>(f)",
        "NonZero 'NonZero_0': the shape of 'n' depends on the input's values",
    ),
    "a terabyte of zeros": (
        """s = Constant<value_ints = [1000000, 1000000]>() c = ConstantOfShape(s)
        m = ReduceMax<keepdims = 0>(c) y = Add(x, m)""",
        "ConstantOfShape 'ConstantOfShape_1': tensor 'c' has 1000000000000 elements",
    ),
    "a terabyte of activations": (
        "s = Constant<value_ints = [1000000, 1000000, 4]>() e = Expand(x, s) y = ReduceMax(e)",
        "'e' has 4000000000000 elements",
    ),
    "wrong target": (
        "s = Constant<value_ints = [5]>() y = Reshape(x, s)",
        "Reshape 'Reshape_1': makes 5 elements of 4",
    ),
    "shapes that do not broadcast": (
        "c = Constant<value = float[3] {1, 2, 3}>() y = Add(x, c)",
        "Add",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_operators_that_cannot_be_planned_are_named(name: str) -> None:
    body, words = BODIES[name]
    refused(parsed("g (float[4] x) => (float[4] y) { " + body + " }"), words)


def test_all_that_cannot_be_planned_is_named_at_once() -> None:
    """With counts and nodes; what is only behind such a node is not held against the file."""
    body = """
        k = Constant<value_ints = [2]>() a, i = TopK(x, k) b, j = TopK(a, k) c = Det(m)
        n = NonZero(x) s = Cast<to = 1>(n) t = Relu(s) y = Add(a, b) z = Sum(y, c)"""
    text = "g (float[4] x, float[2,2] m) => (float[2] z, float[?,?] t) { " + body + " }"
    refused(
        parsed(text),
        "no such operator in lowtide: TopK (2 nodes: 'TopK_1', 'TopK_2'), Det ('Det_3')",
    )
    refused(parsed(text), "the shape of 'n' depends on the input's values: NonZero ('NonZero_4')")
    plain = parsed(text.replace("t) {", "t) {").replace("n = NonZero(x)", "n = Neg(x)"))
    with pytest.raises(UnsupportedModel) as error:
        read(plain, Clock(quiet))
    assert "TopK (opset 17) (2 nodes: " in str(error.value)
    assert "Det (opset 17) ('Det_3')" in str(error.value)
    assert "Relu" not in str(error.value)


def functions(*bodies: str) -> onnx.ModelProto:
    header = '<ir_version: 8, opset_import: ["" : 17, "m" : 1]>'
    graph = "g (float[4] x) => (float[4] y) { y = m.f0(x) }"
    texts = [
        f'<domain: "m", opset_import: ["" : 17, "m" : 1]> f{i} (x) => (y) {{ {body} }}'
        for i, body in enumerate(bodies)
    ]
    return parser.parse_model("\n".join([header, graph, *texts]))


def test_functions_that_call_each_other_in_a_circle() -> None:
    refused(functions("y = m.f1(x)", "y = m.f0(x)"), "function 'f0' calls itself")


def test_functions_that_grow_exponentially() -> None:
    """Forty functions that each call the next one twice: 2^40 nodes."""
    bodies = [f"a = m.f{i + 1}(x) y = m.f{i + 1}(a)" for i in range(40)]
    refused(functions(*bodies, "y = Relu(x)"), "nodes once its functions are written out")
