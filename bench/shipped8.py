"""Makes the 8-bit networks in examples/: python -m bench.shipped8 [--shared ../shared]

`lowtide quantise` makes resnet8_cifar10_int8.onnx of the float32 one; resnet8_cifar10_int8.tflite
has its numbers: the same weights, biases and scales, activations as int8, 128 less. What TFLite
rounds in another way may differ by a step.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from bench.weights.data import Array, read

ROOT = Path(__file__).parents[1]
FLOATS = ROOT / "examples/resnet8_cifar10.onnx"
MADE = FLOATS.with_name("resnet8_cifar10_int8.onnx")
SCALED = ("--mean", "125.307,122.961,113.8575", "--std", "62.985,62.0925,66.708")
PICTURES = 384
"""Of the training pictures, for calibration."""


class Twin:
    """A .tflite file in the making, of a QDQ network's nodes."""

    def __init__(self, model: onnx.ModelProto) -> None:
        sys.path.append(str(ROOT / "tests/builders"))
        from tflite_file import TfliteFile

        self.file: Any = TfliteFile()
        self.graph = model.graph
        self.held = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.maker = {name: node for node in model.graph.node for name in node.output}
        self.readers = {node.input[0]: node for node in model.graph.node}
        self.known: dict[str, int] = {}
        """Tensors by the names that they have as 8-bit numbers in the QDQ network."""

    def bytes(self) -> bytes:
        """The file."""
        (image,) = self.graph.input
        first = self.tensor(image.name, (1, 32, 32, 3))
        for node in self.graph.node:
            if node.op_type in ("Conv", "Gemm"):
                self.conv(node)
            elif node.op_type == "Add":
                self.operator("ADD", node, "AddOptions", fusedActivationFunction=0)
            elif node.op_type == "GlobalAveragePool":
                axes = self.file.constant(np.array([1, 2]), "int32")
                self.operator("MEAN", node, "ReducerOptions", more=[axes], keepDims=True)
            elif node.op_type == "Flatten":
                self.known[self.whole(node.output[0])] = self.known[self.read(node.input[0])]
        scores = self.known[self.read(self.graph.output[0].name)]
        made = self.like(scores, (1, 10))
        shape = self.file.constant(np.array([1, 10]), "int32")
        self.file.operator("RESHAPE", [scores, shape], [made], "ReshapeOptions", newShape=[1, 10])
        return self.file.bytes([first], [made])

    def read(self, real: str) -> str:
        """The 8-bit numbers that a real tensor is made of."""
        return self.maker[real].input[0]

    def whole(self, real: str) -> str:
        """The 8-bit numbers that are made of a real tensor."""
        return self.readers[real].output[0]

    def tensor(self, real: str, shape: tuple[int, ...]) -> int:
        """The int8 tensor of a real one that is quantised."""
        scale, zero = (self.held[name] for name in self.readers[real].input[1:])
        made = self.file.tensor(shape, "int8", (scale, int(zero) - 128))
        self.known[self.whole(real)] = made
        return int(made)

    def like(self, other: int, shape: tuple[int, ...]) -> int:
        """A tensor of the same scale and another shape."""
        held = self.file.tensors[other].quantization
        return int(self.file.tensor(shape, "int8", (held.scale, held.zeroPoint)))

    def operator(
        self, kind: str, node: Any, options: str, more: tuple[int, ...] | list[int] = (),
        **values: Any,
    ) -> None:  # fmt: skip
        """An operator of 8-bit numbers that keeps or loses rows and columns."""
        reads = [self.known[self.read(name)] for name in node.input]
        shape = tuple(self.file.tensors[reads[0]].shape)
        made = self.tensor(node.output[0], (1, 1, 1, shape[3]) if kind == "MEAN" else shape)
        self.file.operator(kind, [*reads, *more], [made], options, **values)

    def conv(self, node: Any) -> None:
        """A convolution; a dense layer is one of 1 x 1, which has a scale for each channel."""
        given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        x = self.known[self.read(node.input[0])]
        w, scales = (self.held[name] for name in self.maker[node.input[1]].input[:2])
        w = w.reshape(*w.shape, 1, 1) if node.op_type == "Gemm" else w
        bias, steps = (self.held[name] for name in self.maker[node.input[2]].input[:2])
        (top, left, *_), (step, _) = given.get("pads", [0] * 4), given.get("strides", [1, 1])
        _, height, width, channels = self.file.tensors[x].shape
        same = step == 1 and w.shape[2] > 1
        if top and not same:  # TFLite's SAME has the larger part behind
            pads = self.file.constant(np.array([[0, 0], [top, 0], [left, 0], [0, 0]]), "int32")
            framed = self.like(x, (1, height + top, width + left, channels))
            self.file.operator("PAD", [x, pads], [framed], "PadOptions")
            x = framed
        zeros = np.zeros(len(w), np.int64)
        weights = self.file.constant(w.transpose(0, 2, 3, 1), "int8", (scales, zeros))
        biases = self.file.constant(bias, "int32", (steps, zeros))
        made = self.tensor(node.output[0], (1, height // step, width // step, len(w)))
        self.file.operator(
            "CONV_2D", [x, weights, biases], [made], "Conv2DOptions",
            padding=0 if same else 1, strideW=step, strideH=step, dilationWFactor=1,
            dilationHFactor=1, fusedActivationFunction=0,
        )  # fmt: skip


def lowtide(*words: object) -> dict[str, Any]:
    """What a command says with --json."""
    command = [sys.executable, "-m", "lowtide", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def save(path: Path, part: tuple[Array, Array], most: int) -> Path:
    """Pictures and their classes for --calibrate or --test."""
    np.savez(path, values=part[0][:most], labels=part[1][:most])
    return path


def main() -> None:
    """Makes both files and prints the accuracy of the C that is made of each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    shared = parser.parse_args().shared
    with TemporaryDirectory() as named:
        folder = Path(named)
        calibration = save(folder / "calibration.npz", read(shared, "train"), PICTURES)
        test = save(folder / "test.npz", read(shared, "test"), 10_000)
        facts = lowtide(
            "quantise", FLOATS, "-o", MADE, "--calibrate", calibration, "--test", test, *SCALED
        )
        print({key: facts[key] for key in ("accuracy_dense", "accuracy", "file_bytes", "method")})
        twin = MADE.with_suffix(".tflite")
        twin.write_bytes(Twin(onnx.load(MADE)).bytes())
        for file, more in ((MADE, ("--io-type", "8bit")), (twin, ())):
            out = folder / file.name
            fitted = lowtide("fit", file, "-o", out, *more)
            tested = lowtide("verify", out, "--test", test, *SCALED)
            print(file.name, file.stat().st_size, "bytes;", fitted["arena_bytes"], "of arena")
            print(
                {key: tested[key] for key in tested if "accura" in key or "test" in key},
                fitted["reference"],
            )


if __name__ == "__main__":
    main()
