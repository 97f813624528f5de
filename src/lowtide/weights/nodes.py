"""The nodes and constants of a layer's generated weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lowtide.ir.codes import MOST_BITS, Array, Codes
from lowtide.weights.account import Form, form
from lowtide.weights.format import Generated
from lowtide.weights.network import Layer

_ONE, _HALF = "low_one", "low_half"


class Emitter:
    """Collects constants; names are short, they are stored as well: `3.B` of layer 3, `3.Bs`."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.tensors: list[TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []
        self.shared: set[str] = set()

    def layer(
        self,
        number: int,
        node: onnx.NodeProto,
        layer: Layer,
        made: Generated,
        execution: Form | None,
    ) -> list[onnx.NodeProto]:
        """The nodes in the place of one layer's node."""
        self.nodes = []
        if form(layer, made, execution) == "factored":
            (self._chain if layer.op == "Conv" else self._products)(number, node, layer, made)
        else:
            self._whole(number, node, layer, made)
        return self.nodes

    def _add(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def _constant(self, name: str, array: Array) -> str:
        self.tensors.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def _shape(self, *dims: int) -> str:
        name = "low_" + "x".join(map(str, dims))
        if name not in self.shared:
            self.shared.add(name)
            self._constant(name, np.array(dims, np.int64))
        return name

    def _factor(self, name: str, codes: Codes, shape: Sequence[int]) -> str:
        """A factor as float32 of a shape whose first axis holds the vectors, or parts of them."""
        per = shape[0] // codes.vectors
        scales = np.repeat(codes.scales, per)
        narrow = _kind(codes.bits, self.opset)
        wider = codes.bits > 1 and (
            codes.bits == MOST_BITS or _kind(codes.bits + 1, self.opset) != narrow
        )
        if codes.centred and wider:
            return self._shifted(name, codes, scales, shape, narrow)
        steps = codes.codes.reshape(shape).astype(np.int8)
        if codes.centred:  # the next wider code is stored as wide: c + 1/2 = (2c + 1) / 2
            steps, scales = 2 * steps + 1, scales / 2
            narrow = _kind(2 if codes.bits == 1 else codes.bits + 1, self.opset)
        self._codes(name, steps, narrow)
        self._constant(f"{name}s", scales.astype(np.float32))
        return self._add("DequantizeLinear", [name, f"{name}s"], f"{name}f", axis=0)

    def _shifted(
        self, name: str, codes: Codes, scales: Array, shape: Sequence[int], kind: int
    ) -> str:
        """Centred codes as they are: dequantised by 1, then + 1/2, then scaled."""
        self._codes(name, codes.codes.reshape(shape).astype(np.int8), kind)
        for constant, value in ((_ONE, 1.0), (_HALF, 0.5)):
            if constant not in self.shared:
                self.shared.add(constant)
                self._constant(constant, np.array(value, np.float32))
        dims = [shape[0], *[1] * (len(shape) - 1)]
        self._constant(f"{name}s", scales.astype(np.float32).reshape(dims))
        whole = self._add("DequantizeLinear", [name, _ONE], f"{name}h")
        middle = self._add("Add", [whole, _HALF], f"{name}m")
        return self._add("Mul", [middle, f"{name}s"], f"{name}f")

    def _codes(self, name: str, steps: Array, kind: int) -> None:
        if kind == TensorProto.INT8:
            self._constant(name, steps)
            return
        bits = 2 if kind == TensorProto.INT2 else 4
        per = 8 // bits
        flat = np.zeros(-(-steps.size // per) * per, np.uint8)
        flat[: steps.size] = steps.reshape(-1).view(np.uint8) & ((1 << bits) - 1)
        shifts = bits * np.arange(per, dtype=np.uint8)
        packed = np.bitwise_or.reduce(flat.reshape(-1, per) << shifts, axis=1)
        self.tensors.append(
            helper.make_tensor(name, kind, steps.shape, packed.tobytes(), raw=True)
        )  # fmt: skip

    def _chain(self, number: int, node: onnx.NodeProto, layer: Layer, made: Generated) -> None:
        """Conv 1x1 (U), Conv over the area (B; one group for each kernel), Conv 1x1 (V)."""
        f, x, count = made.filters, node.input[0], made.kernels
        window = {k: v for k, v in layer.attributes.items() if k not in ("group", "kernel_shape")}
        end, bias = node.output[0], list(node.input[2:3])
        middle = end if made.across is None else f"{number}.k"
        ones = (1,) * len(f.area)
        if made.inside is not None:
            u = (count * made.rank, f.inputs, *ones)
            x = self._add("Conv", [x, self._factor(f"{number}.U", made.inside, u)], f"{number}.u",
                          group=f.groups)  # fmt: skip
            shape, groups = (count, made.rank, *f.area), count
        else:
            shape, groups = (count, f.inputs, *f.area), f.groups
        basis = self._factor(f"{number}.B", made.basis, shape)
        last = bias if made.across is None else []
        self._add("Conv", [x, basis, *last], middle, group=groups, **window)
        if made.across is not None:
            v = self._factor(f"{number}.V", made.across, (f.outputs, count, *ones))
            self._add("Conv", [middle, v, *bias], end)

    def _products(self, number: int, node: onnx.NodeProto, layer: Layer, made: Generated) -> None:
        """Two dense layers, one after the other."""
        assert made.across is not None
        f = made.filters
        basis = self._factor(f"{number}.B", made.basis, (made.kernels, f.inputs))
        across = self._factor(f"{number}.V", made.across, (f.outputs, made.kernels))
        middle = self._add("Gemm", [node.input[0], basis], f"{number}.k", transB=1)
        self._add("Gemm", [middle, across, *node.input[2:3]], node.output[0], transB=1)

    def _whole(self, number: int, node: onnx.NodeProto, layer: Layer, made: Generated) -> None:
        """The dense weights, computed from the factors; the layer's node as it was."""
        f, plain = made.filters, len(made.factors) == 1
        shape = f.shape if plain else (made.kernels, f.inputs * f.taps)
        if made.inside is not None:
            u = self._factor(f"{number}.U", made.inside, (made.kernels * made.rank, f.inputs))
            u = self._add("Reshape", [u, self._shape(made.kernels, made.rank, f.inputs)],
                          f"{number}.ur")  # fmt: skip
            u = self._add("Transpose", [u], f"{number}.ut", perm=[0, 2, 1])
            b = self._factor(f"{number}.B", made.basis, (made.kernels, made.rank, f.taps))
            w = self._add("MatMul", [u, b], f"{number}.w")
            w = self._add("Reshape", [w, self._shape(*shape)], f"{number}.wr")
        else:
            w = self._factor(f"{number}.B", made.basis, shape)
        if made.across is not None:
            v = self._factor(f"{number}.V", made.across, (f.outputs, made.kernels))
            w = self._add("MatMul", [v, w], f"{number}.v")
        if not plain and f.area:
            w = self._add("Reshape", [w, self._shape(*f.shape)], f"{number}.W")
        if layer.transposed:
            self._product(number, node, layer, w)
            return
        same = onnx.NodeProto()
        same.CopyFrom(node)
        same.input[1] = w
        self.nodes.append(same)

    def _product(self, number: int, node: onnx.NodeProto, layer: Layer, w: str) -> None:
        """A dense layer with its weights by rows, whose scales rows have: turned round, as the
        file had them, constants would be no codes, and stay float32 in C."""
        x, end, wide = node.input[0], node.output[0], len(layer.shape) != 2
        middle = f"{number}.y" if wide else end
        if wide:
            x = self._add("Reshape", [x, self._shape(-1, layer.filters.inputs)], f"{number}.x")
        self._add("Gemm", [x, w, *node.input[2:3]], middle, name=node.name, transB=1)
        if wide:
            self._add("Reshape", [middle, self._shape(-1, *layer.shape[1:])], end)


def _kind(bits: int, opset: int) -> int:
    """The narrowest type of an opset's DequantizeLinear that holds codes of so many bits."""
    if bits <= 2 and opset >= 25:
        return int(TensorProto.INT2)
    if bits <= 4 and opset >= 21:
        return int(TensorProto.INT4)
    return int(TensorProto.INT8)
