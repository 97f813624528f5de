"""Writes .tflite files, with the object API of the schema in the tflite-micro wheel.

file = TfliteFile()
x = file.tensor((1, 8), "int8", (0.5, 3))
y = file.tensor((1, 8), "int8", (1 / 256, -128))
file.operator("SOFTMAX", [x], [y], "SoftmaxOptions", beta=1.0)
content = file.bytes([x], [y])
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Ends = tuple[Any, Any]


def schema() -> Any:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated

    return schema_py_generated


class TfliteFile:
    """A file in the making: tensors and operators by number."""

    def __init__(self) -> None:
        self.known = schema()
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.codes: list[Any] = []
        self.buffers = [self.known.BufferT()]

    def tensor(
        self, shape: tuple[int, ...], kind: str, quant: Ends | None = None,
        data: Array | None = None, axis: int = 0,
    ) -> int:  # fmt: skip
        """A tensor of one scale and zero point, or of lists of them; a constant if it has data."""
        made = self.known.TensorT()
        made.name = f"t{len(self.tensors)}".encode()
        made.shape, made.type = list(shape), getattr(self.known.TensorType, kind.upper())
        if data is not None:
            held = self.known.BufferT()
            held.data = np.frombuffer(np.ascontiguousarray(data, kind).tobytes(), np.uint8)
            self.buffers.append(held)
            made.buffer = len(self.buffers) - 1
        if quant is not None and kind != "float32":
            made.quantization = self.known.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(quant[0]).astype(np.float32)
            made.quantization.zeroPoint = np.atleast_1d(quant[1]).astype(np.int64)
            made.quantization.quantizedDimension = axis
        self.tensors.append(made)
        return len(self.tensors) - 1

    def constant(self, data: Array, kind: str, quant: Ends | None = None, axis: int = 0) -> int:
        """A constant tensor."""
        return self.tensor(data.shape, kind, quant, data, axis)

    def operator(
        self, kind: str, inputs: list[int], outputs: list[int], options: str = "", **values: Any
    ) -> None:
        """An operator; `options` is the name of its options' table, `values` what it holds."""
        code, made = self.known.OperatorCodeT(), self.known.OperatorT()
        code.builtinCode = getattr(self.known.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        self.codes.append(code)
        made.opcodeIndex, made.inputs, made.outputs = len(self.codes) - 1, inputs, outputs
        if options:
            made.builtinOptionsType = getattr(self.known.BuiltinOptions, options)
            made.builtinOptions = getattr(self.known, f"{options}T")()
            for name, value in values.items():
                assert hasattr(made.builtinOptions, name), name
                setattr(made.builtinOptions, name, value)
        self.operators.append(made)

    def bytes(self, inputs: list[int], outputs: list[int], graphs: int = 1) -> bytes:
        """The file; with the same graph several times if asked."""
        graph, model = self.known.SubGraphT(), self.known.ModelT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = inputs, outputs
        model.version, model.subgraphs = 3, [graph] * graphs
        model.operatorCodes, model.buffers = self.codes, self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
