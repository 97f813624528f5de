"""Corners of the operators that ONNX has no node case for: right, or refused with the reason.

Found by comparing thousands of random nodes with onnxruntime.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest

from lowtide.errors import UnsupportedModel
from programs import GREEDY, STREAM, judge_model

# (opset, network); onnxruntime is the reference.
CORNERS: dict[str, tuple[int, str]] = {
    "heads_that_four_axes_have_already": (
        23,
        "(float[1,2,3,4] q, float[1,2,5,4] k, float[1,2,5,4] v) => (float[y0,y1,y2,y3] y)"
        "{ y = Attention <q_num_heads: int = 2, kv_num_heads: int = 2> (q, k, v) }",
    ),
    "bounds_at_run_time": (
        13,
        "(float[1,2,5] x, float[3,2,1] w, float low) => (float[y0,y1,y2] y)"
        ' { a = Conv (x, w) high = Abs (low) b = Clip (a, low, high) y = Clip (b, "", low) }',
    ),
    "parts_of_nothing_in_concat": (
        13,
        "(float[1,4,8] x) => (float[y0,y1,y2] y) <int64[3] p = {3, 0, 1}, int64[0] none = {},"
        " int64[3] times = {1, 0, 1}> { a, e, b = Split <axis: int = 1> (x, p)"
        " f = Gather <axis: int = 1> (x, none) g = Relu (f) h = Tile (x, times)"
        " y = Concat <axis: int = 1> (b, e, g, a, h) }",
    ),
    "a_slice_of_nothing_as_old_opsets_write_it": (
        9,
        "(float[1,4,8] x) => (float[y0,y1,y2] y) { e = Slice <axes: ints = [2], starts: ints = [8],"
        " ends: ints = [9]> (x) f = Exp (e) y = Concat <axis: int = 2> (x, f) }",
    ),
    "nothing_turned_round_padded_and_summed": (
        13,
        "(float[1,4,8] x) => (float[y0,y1,y2] y) <int64[1] zero = {0}, int64[1] axis = {2},"
        " int64[1] back = {-1}, int64[1] far = {-99}, int64[6] p = {0, 0, 1, 0, 0, 1}>"
        "{ e = Slice (x, zero, zero, axis) r = Slice (e, back, far, axis, back) f = Pad (r, p)"
        " s = ReduceSum (r, axis) a = Concat <axis: int = 2> (x, f, r) y = Add (a, s) }",
    ),
    "products_over_nothing": (
        13,
        "(float[1,2,3] x) => (float[y0,y1,y2] y) <int64[1] zero = {0}, int64[1] axis = {2},"
        " float[0,3] w = {}> { e = Slice (x, zero, zero, axis) m = MatMul (e, w) y = Add (x, m) }",
    ),
    "training_outputs_that_nothing_reads": (
        13,
        "(float[1,3,8] x) => (float[y0,y1,y2] y) <bool no = {0}>"
        '{ a, mask = Dropout (x, "", no) y, at = MaxPool <kernel_shape: ints = [2]> (a) }',
    ),
    "statistics_between_empty_names": (
        17,
        "(float[1,3,8] x, float[8] s) => (float[y0,y1,y2] y, float[a,b,c] i)"
        '{ y, "", i = LayerNormalization (x, s) }',
    ),
    "what_is_infinite_is_cut_where_a_bound_is_left_out": (
        13,
        "(float[1,2,6] x) => (float[y0,y1,y2] y) <float high = {0.5}>"
        '{ a = Relu (x) b = Log (a) y = Clip (b, "", high) }',
    ),
    "softmax_of_a_constant_as_it_was": (
        11,
        "(float[1,2,3] x) => (float[y0,y1,y2] y) <float[1,2,3] k = {1, -1, 2, 0.5, 3, -2}>"
        "{ a = Softmax (k) b = LogSoftmax (k) c = Hardmax (k) y = Sum (x, a, b, c) }",
    ),
    "normalisation_of_a_constant_does_not_train": (
        9,
        "(float[1,2,3] x) => (float[y0,y1,y2] y) <float[1,2,3] k = {1, -1, 2, 0.5, 3, -2},"
        " float[2] s = {2, 3}, float[2] b = {1, 0}, float[2] m = {0.5, -0.5}, float[2] v = {4, 1}>"
        "{ a = BatchNormalization (k, s, b, m, v) y = Add (x, a) }",
    ),
    "windows_over_a_constant": (
        12,
        "(float[1,1,5] x, float[1,1,2] w) => (float[y0,y1,y2] y)"
        " <float[1,1,5] k = {1, -1, 2, 0.5, 3}>"
        '{ a = MaxPool <kernel_shape: ints = [2], auto_pad = "SAME_LOWER"> (k)'
        " b = AveragePool <kernel_shape: ints = [2], strides: ints = [2], pads: ints = [1,1],"
        " ceil_mode: int = 1, count_include_pad: int = 1> (k) c = GlobalMaxPool (b)"
        " y = Sum (x, a, c) }",
    ),
    "steps_of_a_constant": (
        14,
        "(float[2,1,1,2] x, float[1,8,1] w, float[1,8,2] r) => (float[y0,y1,y2,y3] y)"
        " <float[2,1,1] k = {1, -0.5}>"
        "{ a = LSTM <hidden_size: int = 2> (k, w, r) y = Add (x, a) }",
    ),
    "clip_above_alone_behind_a_convolution": (
        13,
        "(float[1,2,5,5] x, float[3,2,3,3] w) => (float[y0,y1,y2,y3] y) <float high = {0.5}>"
        '{ a = Conv (x, w) y = Clip (a, "", high) }',
    ),
    "clips_of_every_form_one_on_the_other": (
        11,
        "(float[1,2,5] x) => (float[y0,y1,y2] y) <float high = {0.9}, float low = {-0.5}>"
        '{ a = Neg (x) b = Clip (a, "", high) c = Clip (b, low, "") d = Clip (c, "", "")'
        " e = Clip (d) f = Exp (e) y = Clip (f, low, high) }",
    ),
    "default_activations_by_name": (
        14,
        "(float[3,1,4] x, float[2,20,4] w, float[2,20,5] r) => (float[y0,y1,y2,y3] y, float[a,b,c]"
        ' h) { y, h = LSTM <direction = "bidirectional", hidden_size: int = 5, activations: strings'
        ' = ["Sigmoid", "Tanh", "tanh", "sigmoid", "Tanh", "Tanh"]> (x, w, r) }',
    ),
    "default_activations_of_a_backward_gru": (
        7,
        "(float[3,1,4] x, float[1,15,4] w, float[1,15,5] r) => (float[a,b,c] h)"
        ' { "", h = GRU <direction = "reverse", hidden_size: int = 5, activations: strings ='
        ' ["Sigmoid", "Tanh"]> (x, w, r) }',
    ),
    "an_rnn_of_relus_and_of_both": (
        14,
        "(float[3,1,4] x, float[2,5,4] w, float[2,5,5] r) => (float[y0,y1,y2,y3] y, float[a,b,c] h)"
        ' { y, h = RNN <direction = "bidirectional", hidden_size: int = 5, activations: strings ='
        ' ["Relu", "Tanh"]> (x, w, r) }',
    ),
    "last_window_starts_in_the_padding": (
        17,
        "(float[1,2,7] x) => (float[y0,y1,y2] y) { y = MaxPool <kernel_shape: ints = [2],"
        " strides: ints = [2], pads: ints = [1,1], ceil_mode: int = 1> (x) }",
    ),
    "one_of_two_axes_has_such_a_window": (
        19,
        "(float[1,2,7,6] x) => (float[y0,y1,y2,y3] y) { y = AveragePool <kernel_shape: ints = [2,3]"
        ", strides: ints = [2,2], pads: ints = [1,0,1,0], ceil_mode: int = 1,"
        " count_include_pad: int = 1> (x) }",
    ),
    "windows_of_ceil_mode_apart": (
        12,
        "(float[1,2,8,9,6] x) => (float[y0,y1,y2,y3,y4] y) { y = MaxPool <kernel_shape: ints ="
        " [1,2,1], strides: ints = [3,3,4], ceil_mode: int = 1> (x) }",
    ),
    "ceil_mode_behind_ceil_mode": (
        18,
        "(float[1,2,11] x) => (float[y0,y1,y2] y) { a = LpPool <kernel_shape: ints = [2],"
        " strides: ints = [2], pads: ints = [1,1], ceil_mode: int = 1> (x)"
        " y = MaxPool <kernel_shape: ints = [2], strides: ints = [2], pads: ints = [1,1],"
        " ceil_mode: int = 1> (a) }",
    ),
    "same_with_ceil_mode": (
        12,
        "(float[1,2,7,4] x) => (float[y0,y1,y2,y3] y) { y = MaxPool <kernel_shape: ints = [3,2],"
        ' strides: ints = [2,2], auto_pad = "SAME_LOWER", ceil_mode: int = 1> (x) }',
    ),
    "transposed_same_with_output_padding": (
        11,
        "(float[1,2,3] x, float[2,2,3] w) => (float[y0,y1,y2] y) { y = ConvTranspose"
        ' <strides: ints = [2], output_padding: ints = [1], auto_pad = "SAME_UPPER"> (x, w) }',
    ),
    "transposed_same_in_groups_with_dilations": (
        11,
        "(float[1,4,5,6] x, float[4,2,3,2] w) => (float[y0,y1,y2,y3] y) { y = ConvTranspose"
        ' <group: int = 2, strides: ints = [1,3], dilations: ints = [2,1], auto_pad = "SAME_LOWER">'
        " (x, w) }",
    ),
    "transposed_same_and_then_valid": (
        13,
        "(float[1,2,4,3,3] x, float[2,2,3,2,3] w) => (float[y0,y1,y2,y3,y4] y) { a = ConvTranspose"
        ' <strides: ints = [2,1,2], auto_pad = "SAME_UPPER"> (x, w)'
        ' y = ConvTranspose <auto_pad = "VALID"> (a, w) }',
    ),
    "axes_below_0_before_their_time": (
        9,
        "(float[2,1,3,1] x) => (float[y0,y1,y2] y) { a = Relu (x)"
        " y = Squeeze <axes: ints = [-3]> (a) }",
    ),
    "interpolation_of_what_is_computed_where_it_is_read": (
        13,
        "(float[1,3,1,4] x, float[2,3,1,1] w) => (float[y0,y1,y2,y3] y)"
        " <float[4] s = {1, 1, 1, 0.6}> { a = Conv (x, w)"
        ' y = Resize <mode = "linear"> (a, , s) }',
    ),
    "transposed_output_shape_cuts_more_in_front": (
        11,
        "(float[1,2,3,4] x, float[2,1,3,4] w) => (float[1,1,6,7] y)"
        "{ y = ConvTranspose <strides: ints = [2,2], output_shape: ints = [6,7]> (x, w) }",
    ),
    "transposed_output_shape_overrules_valid": (
        11,
        "(float[2,2,3] x, float[2,2,3] w) => (float[2,2,6] y)"
        '{ y = ConvTranspose <strides: ints = [2], output_shape: ints = [6], auto_pad = "VALID">'
        " (x, w) }",
    ),
    "wrap_after_a_negative_pad": (
        19,
        "(float[6,3] x) => (float[y0,y1] y) <int64[4] p = {-1, 0, 5, 0}>"
        '{ y = Pad <mode = "wrap"> (x, p) }',
    ),
    "reflect_after_a_negative_pad": (
        13,
        "(float[6,3] x) => (float[y0,y1] y) <int64[4] p = {-1, 1, 4, -1}>"
        '{ y = Pad <mode = "reflect"> (x, p) }',
    ),
    "pool_window_larger_than_the_image": (
        17,
        "(float[1,2,2,3] x) => (float[y0,y1,y2,y3] y)"
        "{ y = MaxPool <kernel_shape: ints = [3,2], strides: ints = [2,1], ceil_mode: int = 1>"
        " (x) }",
    ),
    "mean_with_dilation_and_counted_padding": (
        19,
        "(float[2,3,9] x) => (float[y0,y1,y2] y)"
        "{ y = AveragePool <kernel_shape: ints = [3], dilations: ints = [2], pads: ints = [2,1],"
        " count_include_pad: int = 1, ceil_mode: int = 1, strides: ints = [3]> (x) }",
    ),
    "convolution_of_volumes_in_groups": (
        11,
        "(float[2,4,3,4,5] x, float[6,2,2,3,2] w) => (float[y0,y1,y2,y3,y4] y)"
        "{ y = Conv <group: int = 2, pads: ints = [1,0,2,0,1,1], dilations: ints = [1,1,2]>"
        " (x, w) }",
    ),
    "softmax_of_large_numbers": (
        13,
        "(float[2,3,5] x) => (float[2,3,5] y) <float k = {1000}>"
        "{ z = Mul (x, k) y = Softmax <axis: int = 1> (z) }",
    ),
    "softmax_over_all_axes_behind": (
        11,
        "(float[2,3,5] x) => (float[2,3,5] y) { y = Softmax <axis: int = 1> (x) }",
    ),
    "nearest_meets_a_half_in_float32": (
        18,
        "(float[1,1,7,5] x) => (float[1,1,y2,y3] y) <float[4] s = {1, 1, 0.6, 0.8}>"
        '{ y = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric",'
        ' nearest_mode = "round_prefer_ceil"> (x, , s) }',
    ),
    "parts_of_a_split_are_outputs": (
        13,
        "(float[4,6] x) => (float[y0,y1] c, float[z0,z1] a, float[w0,w1] y)"
        "<int64[3] p = {1, 3, 2}>"
        "{ a, b, c = Split <axis: int = 1> (x, p) y = Concat <axis: int = 1> (c, b) }",
    ),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corner_is_as_onnxruntime_has_it(name: str) -> None:
    opset, text = CORNERS[name]
    header = f'<ir_version: 8, opset_import: ["" : {opset}]> g'
    judge_model(onnx.parser.parse_model(f"{header} {text}"))


# Where ONNX and onnxruntime do not agree, or where there is nothing to compute.
CLASHES: dict[str, tuple[int, str, str]] = {
    "reflect_further_than_the_image": (
        13,
        "(float[6,3] x) => (float[y0,y1] y) <int64[4] p = {0, 3, 0, 0}>"
        '{ y = Pad <mode = "reflect"> (x, p) }',
        "Pad (opset 13) 'Pad_0': pads of axis 1 reflect more than there is",
    ),
    "pool_same_with_dilations": (
        19,
        "(float[1,2,7] x) => (float[y0,y1,y2] y) { y = MaxPool <kernel_shape: ints = [2],"
        ' dilations: ints = [2], auto_pad = "SAME_UPPER"> (x) }',
        "MaxPool (opset 19) 'MaxPool_0': auto_pad with dilations is not supported",
    ),
    "a_pool_over_a_constant_that_nobody_defines": (
        12,
        "(float[1,1,4] x) => (float[y0,y1,y2] y) <float[1,1,8] k = {1, 2, 3, 4, 5, 6, 7, 8}>"
        '{ a = MaxPool <kernel_shape: ints = [1], strides: ints = [2], auto_pad = "SAME_UPPER"> (k)'
        " y = Add (x, a) }",
        "MaxPool (opset 12) 'MaxPool_0'",
    ),
    "pool_same_with_windows_apart": (
        22,
        "(float[1,1,7,4] x) => (float[y0,y1,y2,y3] y)"
        "{ y = AveragePool <kernel_shape: ints = [4,1],"
        ' strides: ints = [3,2], auto_pad = "SAME_UPPER"> (x) }',
        "AveragePool (opset 22) 'AveragePool_0': auto_pad that would have to cut is not supported",
    ),
    "pool_window_on_nothing": (
        19,
        "(float[1,2,2] x) => (float[y0,y1,y2] y) { y = MaxPool <kernel_shape: ints = [2],"
        " dilations: ints = [3], pads: ints = [1,1]> (x) }",
        "MaxPool (opset 19) 'MaxPool_0': a window lies in the padding as a whole",
    ),
    "scale_between_two_sizes": (
        13,
        "(float[1,3,3] x) => (float[y0,y1,y2] y) <float[3] s = {1, 1, 2.3333333}>"
        '{ y = Resize <mode = "nearest"> (x, , s) }',
        "Resize (opset 13) 'Resize_0': scale 2.333333 makes 6 or 7 of 3, as it is rounded",
    ),
}


@pytest.mark.parametrize("name", CLASHES)
def test_corner_without_one_answer_is_refused(name: str) -> None:
    opset, text, reason = CLASHES[name]
    header = f'<ir_version: 8, opset_import: ["" : {opset}]> g'
    with pytest.raises(UnsupportedModel) as caught:
        judge_model(onnx.parser.parse_model(f"{header} {text}"))
    assert reason in str(caught.value)


HANDS_ON = {
    "Max": "y = Max (a, b)",
    "Max of constants": "y = Max (k, a, b)",
    "Min": "y = Min (a, b)",
    "Relu": "y = Relu (a)",
    "Clip": "y = Clip (a, k, six)",
    "Clip, above": "y = Clip (a, , six)",
    "HardSigmoid": "y = HardSigmoid (a)",
    "HardSwish": "y = HardSwish (a)",
    "LeakyRelu": "y = LeakyRelu (a)",
    "ThresholdedRelu": "y = ThresholdedRelu (a)",
    "Shrink": "y = Shrink (a)",
    "MaxPool": "y = MaxPool <kernel_shape: ints = [2]> (a)",
    "GlobalMaxPool": "p = GlobalMaxPool (a) y = Add (p, b)",
}


@pytest.mark.parametrize("name", HANDS_ON)
def test_what_is_no_number_goes_where_it_goes_in_onnxruntime(name: str) -> None:
    """Extremes of two values hand NaN on, from either side; a pool passes over it."""
    text = (
        '<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,6] a, float[1,2,6] b)'
        f" => (float[y0,y1,y2] y) <float k = {{0.5}}, float six = {{6}}> {{ {HANDS_ON[name]} }}"
    )
    a, b = np.random.default_rng(0).standard_normal((2, 1, 2, 6), np.float32)
    a[0, :, 1] = b[0, :, 3] = np.nan
    model = onnx.parser.parse_model(text)
    read = {name for node in model.graph.node for name in node.input}
    given = [value for value in model.graph.input if value.name in read]
    del model.graph.input[:]
    model.graph.input.extend(given)
    judge_model(model, {value.name: {"a": a, "b": b}[value.name] for value in given})


LONG_SUMS = {
    "global average": "(float[1,2,224,224] x) => (float[1,2,1,1] y) { y = GlobalAveragePool (x) }",
    "average of all": "(float[1,2,200,200] x) => (float[1,2,1,1] y)"
    "{ y = AveragePool <kernel_shape: ints = [200,200]> (x) }",
    "softmax": "(float[1,50000] x) => (float[1,50000] y) { y = Softmax (x) }",
    "softmax, no divisors": "(float[1,50021] x) => (float[1,50021] y) { y = Softmax (x) }",
    "logsoftmax": "(float[2,60000] x) => (float[2,60000] y) { y = LogSoftmax (x) }",
    "layer normalisation": "(float[1,90000] x, float[90000] s) => (float[1,90000] y)"
    "{ y = LayerNormalization <axis: int = 1> (x, s) }",
    "instance normalisation": "(float[1,2,256,256] x, float[2] s, float[2] b)"
    " => (float[1,2,256,256] y) { y = InstanceNormalization (x, s, b) }",
    "mean": "(float[1,100000] x) => (float[1] y) { y = ReduceMean <axes: ints = [1],"
    " keepdims: int = 0> (x) }",
    "norm": "(float[100000] x) => (float[1] y) { y = ReduceL2 <axes: ints = [0]> (x) }",
    "three axes": "(float[2,60,60,60] x) => (float[2,1,1,1] y)"
    "{ y = ReduceMean <axes: ints = [1,2,3]> (x) }",
}


@pytest.mark.parametrize("name", LONG_SUMS)
def test_long_sums_are_added_in_rows(name: str) -> None:
    """Of numbers of one sign, one accumulator is off by more than 1e-5 after some 40,000."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g {LONG_SUMS[name]}')
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.input
    }
    random = np.random.default_rng(0)
    inputs = {k: random.uniform(0, 1, s).astype(np.float32) for k, s in shapes.items()}
    judge_model(model, inputs)


ROW_BY_ROW = {
    "pool": "p = MaxPool <kernel_shape: ints = [2,2]> (x) y = Sub (p, k)",
    "convolution": "p = Conv (x, w) y = Mul (p, k)",
    "depthwise": "p = Conv <group: int = 4> (x, d) y = Div (p, k)",
}


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_a_constant_of_a_number_a_row_after_a_kernel(name: str) -> None:
    """Found by random networks: the row that a kernel has made is known when it is finished."""
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,6,5] x) => (float[1,4,5,4] y)'
        f" <float[1,1,5,1] k = {{1, 2, 3, 4, 5}}> {{ {ROW_BY_ROW[name]} }}"
    )
    random = np.random.default_rng(0)
    for name_, shape in (("w", (4, 4, 2, 2)), ("d", (4, 1, 2, 2))):
        array = random.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name_))
    for options in (GREEDY, STREAM):
        judge_model(model, options=options)
