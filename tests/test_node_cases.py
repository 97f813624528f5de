"""ONNX's own node cases, through the generated C, against the outputs that ONNX publishes.

A case is taken up if every operator in it has an entry or goes away when the network is simplified;
new entries bring their cases along. A case runs with its operands as inputs of the network, but
those that carry shapes, axes, bounds and the like as constants. Where an operand can be a weight as
well as an activation, it runs a second time, as NAME-constants, with all but the first constant.

    with onnx 1.23        taken up   pass   refused (REFUSED says why)
    cases                      310    234        76
    runs of them               383    304        79
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

from lowtide.errors import ModelError
from lowtide.graph import Array
from lowtide.importers.onnx import NEWEST_OPSET
from lowtide.ops import ENTRIES
from programs import judge_model

MEASURED_WITH, FEWEST_PASSES = "1.23", 304

# Operators that no entry is needed for: they leave with constants, shapes and types.
GO_AWAY = frozenset({"Cast", "CastLike", "Constant", "ConstantOfShape", "Dropout", "Shape"})

# Operators with an operand that is a weight in most networks and an activation in some.
TAKE_WEIGHTS = frozenset(
    {"Add", "BatchNormalization", "Concat", "Conv", "ConvTranspose", "Div", "Gemm", "MatMul"}
    | {"Max", "Mean", "Min", "Mul", "Sub", "Sum"}
)

_INTEGERS = ("int8", "int16", "uint8", "uint16", "uint32", "uint64")
_LINEAR = (
    "upsample_scales_linear",
    "upsample_scales_linear_align_corners",
    "upsample_scales_linear_half_pixel_symmetric",
    "downsample_scales_linear",
    "downsample_scales_linear_align_corners",
    "downsample_scales_linear_antialias",
    "downsample_scales_linear_half_pixel_symmetric",
    "downsample_sizes_linear_antialias",
    "downsample_sizes_linear_pytorch_half_pixel",
    "tf_crop_and_resize",
    "tf_crop_and_resize_axes_2_3",
    "tf_crop_and_resize_axes_3_2",
    "tf_crop_and_resize_extrapolation_value",
)
_CUBIC = (
    "upsample_scales_cubic",
    "upsample_scales_cubic_A_n0p5_exclude_outside",
    "upsample_scales_cubic_align_corners",
    "upsample_scales_cubic_asymmetric",
    "upsample_sizes_cubic",
    "downsample_scales_cubic",
    "downsample_scales_cubic_A_n0p5_exclude_outside",
    "downsample_scales_cubic_align_corners",
    "downsample_scales_cubic_antialias",
    "downsample_sizes_cubic",
    "downsample_sizes_cubic_antialias",
)
_ROTARY = ("", "_3d_input", "_interleaved", "_no_position_ids", "_no_position_ids_interleaved")

# What is refused, and what the one line that says so contains.
REFUSED: dict[str, str] = {
    **{f"{op}_{t}": f"is {t}; float32" for op in ("add", "div", "mul", "sub") for t in _INTEGERS},
    "div_int32_trunc": "Div (opset 14) 'Div_0': input 0 is int32; float32",
    **{f"clip_default_int8_{x}": "is int8; float32" for x in ("inbounds", "max", "min")},
    "clip_default_int8_inbounds_expanded": "Identity (opset 13) 'Identity_0': input 0 is int8",
    "edge_pad": "Pad (opset 25) 'Pad_0': input 0 is int32; float32",
    "reflect_pad": "Pad (opset 25) 'Pad_0': input 0 is int32; float32",
    "wrap_pad": "Pad (opset 25) 'Pad_0': input 0 is int32; float32",
    "maxpool_2d_uint8": "MaxPool (opset 22) 'MaxPool_0': input 0 is uint8; float32",
    "maxpool_with_argmax_2d_precomputed_pads": "MaxPool (opset 22) 'MaxPool_0': output is int64",
    "maxpool_with_argmax_2d_precomputed_strides": "MaxPool (opset 22) 'MaxPool_0': output is int64",
    "identity_opt": "input 'opt_in' is not a tensor but optional",
    "identity_sequence": "input 'x' is not a tensor but sequence",
    **{f"resize_{name}": "Resize (opset 19) 'Resize_0': mode 'linear'" for name in _LINEAR},
    **{f"resize_{name}": "Resize (opset 19) 'Resize_0': mode 'cubic'" for name in _CUBIC},
    **{
        f"batchnorm_{name}_training_mode{how}": "BatchNormalization (opset 15)"
        " 'BatchNormalization_0': only inference"
        for name in ("epsilon", "example")
        for how in ("", "-constants")
    },
    **{
        f"training_dropout{name}": "Dropout (opset 22) 'Dropout_0': no entry"
        for name in ("", "_default", "_zero_ratio")
    },
    "causal_conv_with_state_kernel_size_one_expanded": "'present_state' has 0 elements",
    "causal_conv_with_state_kernel_size_one_expanded-constants": "'present_state' has 0 elements",
    "reshape_allowzero_reordered": "input 'data' has dim 0 = 0",
    "slice_start_out_of_bounds": "Slice 'Slice_0': 'y' has 0 elements",
    "split_zero_size_splits_opset13": "input 'input' has dim 0 = 0",
    "split_zero_size_splits_opset18": "input 'input' has dim 0 = 0",
    **{f"rotary_embedding{name}_expanded": "XNoRotate' has 0 elements" for name in _ROTARY},
}

# Its outputs are published with four digits, not all well rounded; onnxruntime gives the others.
FOUR_DIGITS = "averagepool_2d_ceil_last_window_starts_on_pad"


@dataclass(frozen=True)
class Run:
    """A case, and which of its inputs are constants."""

    name: str
    case: TestCase
    constants: frozenset[str]

    def network(self) -> tuple[onnx.ModelProto, dict[str, Array], list[Array]]:
        """The network, its inputs and the outputs they give."""
        assert self.case.data_sets is not None
        ((inputs, outputs),) = self.case.data_sets
        model, given = onnx.ModelProto(), _graph(self.case)
        model.CopyFrom(self.case.model)
        data = dict(zip((v.name for v in model.graph.input), inputs, strict=True))
        kept = [v for v in given.input if v.name not in self.constants]
        del model.graph.input[:]
        model.graph.input.extend(kept)
        model.graph.initializer.extend(
            numpy_helper.from_array(np.asarray(data[name]), name) for name in sorted(self.constants)
        )
        # Newer versions of these operators add element types; the outputs show that it is so.
        (opset,) = model.opset_import
        opset.version = min(opset.version, NEWEST_OPSET)
        return model, {v.name: data[v.name] for v in kept}, list(outputs)


def _graph(case: TestCase) -> onnx.GraphProto:
    assert case.model is not None
    return case.model.graph


def _is_float(value: onnx.ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT)


def _taken_up(graph: onnx.GraphProto) -> bool:
    """Whether all operators are known; cases without any entry must be about float32 at least."""
    types = {node.op_type for node in graph.node}
    if not graph.input or not types <= ENTRIES.keys() | GO_AWAY:
        return False
    return types <= ENTRIES.keys() or all(map(_is_float, (graph.input[0], *graph.output)))


def _runs(case: TestCase) -> Iterator[Run]:
    """The case as it stands, and with every weight a constant if it has any."""
    graph, name = _graph(case), case.name.removeprefix("test_")
    others = {value.name for value in graph.input[1:]}
    constants = {value.name for value in graph.input if not _is_float(value)}
    weights: set[str] = set()
    for node in graph.node:
        named = ENTRIES[node.op_type].parameters.values() if node.op_type in ENTRIES else ()
        constants |= {node.input[i] for i in named if i < len(node.input)}
        if node.op_type in TAKE_WEIGHTS:
            weights |= set(node.input)
    constants &= others
    yield Run(name, case, frozenset(constants))
    if weights & others - constants:
        yield Run(f"{name}-constants", case, frozenset(constants | weights & others))


def _collect() -> dict[str, Run]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX divides by zero here and there, on purpose
        cases = [case for case in collect_testcases(None) if _taken_up(_graph(case))]
    return {run.name: run for case in cases for run in _runs(case)}


RUNS = _collect()


@pytest.mark.parametrize("name", [name for name in RUNS if name not in REFUSED])
def test_outputs_are_those_of_the_case(name: str) -> None:
    model, inputs, outputs = RUNS[name].network()
    if name != FOUR_DIGITS:
        judge_model(model, inputs, outputs)
        return
    (found,) = judge_model(model, inputs).outputs
    np.testing.assert_allclose(found, outputs[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", [name for name in RUNS if name in REFUSED])
def test_refused_with_the_reason(name: str) -> None:
    model, inputs, outputs = RUNS[name].network()
    with pytest.raises(ModelError) as caught:
        judge_model(model, inputs, outputs)
    assert REFUSED[name] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not onnx.__version__.startswith(MEASURED_WITH), reason="other cases")
def test_nothing_is_refused_that_was_not() -> None:
    assert len([name for name in RUNS if name not in REFUSED]) >= FEWEST_PASSES
    assert [name for name in REFUSED if name not in RUNS] == []
