"""Which pixels a layer waits for: those that change its result, which onnxruntime is asked.

one pixel of x changed --> the pixels of y that change need it; a layer reads up to the last one
"""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from lowtide.backends.fifo import build
from lowtide.backends.fifo.machine import Machine
from lowtide.clock import Clock, quiet
from lowtide.ir.graph import Array
from lowtide.pipeline.read import read

HEAD = (
    '<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,4,6] x) => (float[{out}] y) <{weights}>'
)
ONES = "float[2,2,3,3] k = {{{}}}".format(", ".join(str(1 + n % 5) for n in range(36)))
CEIL = "kernel_shape = [3,3], strides = [2,2], ceil_mode = 1"
LONGER = {"ceil", "between"}
"""They also wait for padding, which comes after pixels, and for pixels of weight 0."""

NETWORKS = {
    "window": ("1,2,4,6", ONES, "y = Conv<pads = [1,1,1,1]>(x, k)"),
    "strides": ("1,2,2,3", ONES, "y = Conv<pads = [1,1,1,1], strides = [2,2]>(x, k)"),
    "spread": ("1,2,4,6", ONES, "y = Conv<pads = [2,2,2,2], dilations = [2,2]>(x, k)"),
    "transposed": (
        "1,2,8,12", ONES,
        "y = ConvTranspose<strides = [2,2], pads = [1,1,0,0]>(x, k)",
    ),
    "halved": ("1,2,2,3", "", "y = AveragePool<kernel_shape = [2,2], strides = [2,2]>(x)"),
    "ceil": ("1,2,2,3", "", f"y = AveragePool<{CEIL}>(x)"),
    "enlarged": ("1,2,8,12", "float[4] s = {1,1,2,2}", 'y = Resize<mode = "nearest">(x, , s)'),
    "between": ("1,2,8,12", "float[4] s = {1,1,2,2}", 'y = Resize<mode = "linear">(x, , s)'),
    "padded": ("1,2,7,7", "int64[8] p = {0,0,1,0,0,0,2,1}", "y = Pad(x, p)"),
    "part": (
        "1,2,2,6", "int64[1] a = {1}, int64[1] b = {3}, int64[1] c = {2}",
        "t = Slice(x, a, b, c) y = Neg(t)",
    ),
    "deep": ("1,8,2,3", "", "t = SpaceToDepth<blocksize = 2>(x) y = Neg(t)"),
    "pooled": ("1,2,1,1", "", "y = GlobalMaxPool(x)"),
    "dense": (
        "1,1", "float[48,1] w = {{{}}}".format(", ".join("1" for _ in range(48))),
        "t = Flatten(x) y = MatMul(t, w)",
    ),
    "flat": ("1,2,6", "", "y = ReduceMax<axes = [2], keepdims = 0>(x)"),
    "squeezed": ("1,2,4,6", "", "m = GlobalAveragePool(x) y = Mul(x, m)"),
    "beside": ("1,2,4,12", "", "t = Neg(x) y = Concat<axis = 3>(t, x)"),
    "below": ("1,2,8,6", "", "t = Neg(x) y = Concat<axis = 2>(t, x)"),
    "wide": ("1,4,4,6", "", "t = Neg(x) y = Concat<axis = 1>(t, x)"),
}  # fmt: skip


def needed(machine: Machine, process: int, firing: int) -> int:
    """The pixels of the image that must have come before a firing."""
    if machine.processes[process].kind == "input":
        return firing + 1
    counts = [0]
    for number in machine.inputs[process]:
        edge = machine.edges[number]
        read_so_far = int(np.searchsorted(edge.reads, firing, side="right"))
        if read_so_far:
            writes = machine.processes[edge.producer].writes
            counts.append(needed(machine, edge.producer, int(writes[read_so_far - 1])))
    return max(counts)


def pixels(values: Array) -> Array:
    """[pixels, channels], in the order in which they come."""
    return values.reshape(*values.shape[:2], -1).transpose(0, 2, 1).reshape(-1, values.shape[1])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_layer_waits_for_the_last_pixel_that_changes_its_result(name: str) -> None:
    out, weights, text = NETWORKS[name]
    model = onnx.parser.parse_model(f"{HEAD.format(out=out, weights=weights)} {{ {text} }}")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = np.random.default_rng(0).normal(size=(1, 2, 4, 6)).astype(np.float32)
    before = pixels(session.run(None, {"x": image})[0])
    last = np.zeros(len(before), np.int64)
    for pixel in range(24):
        changed = image.copy()
        changed[0, :, pixel // 6, pixel % 6] += 100
        after = pixels(session.run(None, {"x": changed})[0])
        last[(after != before).any(axis=1)] = pixel + 1
    machine = build(read(model, Clock(quiet))[1])
    sink = next(k for k, one in enumerate(machine.processes) if one.kind == "output")
    found = [needed(machine, sink, firing) for firing in range(machine.processes[sink].firings)]
    least = np.maximum.accumulate(last).tolist()
    assert found == least or (name in LONGER and all(map(int.__ge__, found, least)))
