"""What is no .tflite network that is understood: one line that names it, exit code 4, no files."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from commands import Command
from lowtide.clock import Clock, quiet
from lowtide.errors import ModelError, UnreadableModel
from lowtide.pipeline.read import read
from tflite_file import TfliteFile
from tflite_mutations import spoiled
from tflite_operators import FLOATS_ONLY, ONE, Random

pytest.importorskip("tflite_micro")


def dense(
    x: str = "int8", w: str = "int8", zero: int = 0, x_scale: float = 0.5, scale: float = 0.1,
    y_scale: float = 0.5,
) -> TfliteFile:  # fmt: skip
    """A dense layer of 3 inputs and 2 outputs: tensors 0, 1, 2 and 3."""
    file = TfliteFile()
    ends = (x_scale, 0) if x == "int8" else None
    file.tensor((1, 3), x, ends)
    file.constant(np.ones((2, 3)), w, (scale, zero))
    file.constant(np.ones(2), "int32", (0.05, 0))
    file.tensor((1, 2), x, (y_scale, 0) if x == "int8" else None)
    file.operator("FULLY_CONNECTED", [0, 1, 2], [3], "FullyConnectedOptions")
    return file


def custom() -> bytes:
    file = dense()
    file.codes[0].builtinCode = file.codes[0].deprecatedBuiltinCode = 32
    file.codes[0].customCode = b"TFLite_Detection"
    return file.bytes([0], [3])


def unknown() -> bytes:
    file = dense()
    file.codes[0].builtinCode = file.known.BuiltinOperator.UNIQUE
    file.codes[0].deprecatedBuiltinCode = file.codes[0].builtinCode
    return file.bytes([0], [3])


def sparse() -> bytes:
    file = dense()
    file.tensors[1].sparsity = file.known.SparsityParametersT()
    return file.bytes([0], [3])


def two_graphs() -> bytes:
    return dense().bytes([0], [3], graphs=2)


def outside() -> bytes:
    file = dense()
    file.operators[0].inputs = [0, 1, 77]
    return file.bytes([0], [3])


def early() -> bytes:
    file = dense()
    file.operators[0].inputs = [3, 1, 2]
    return file.bytes([0], [3])


def short() -> bytes:
    file = dense()
    file.tensors[1].shape = [2, 4]
    return file.bytes([0], [3])


def overflowing() -> bytes:
    """A bias from which a sum goes on beyond 32 bits."""
    file = dense()
    file.buffers[file.tensors[2].buffer].data = np.frombuffer(
        np.array([2**31 - 2, 1], np.int32).tobytes(), np.uint8
    )
    return file.bytes([0], [3])


EXAMPLE = Path(__file__).parents[2] / "examples" / "resnet8_cifar10.onnx"

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "custom": (
        custom,
        "CUSTOM TFLite_Detection 'CUSTOM TFLite_Detection_0': no such operator in lowtide",
    ),
    "unknown": (unknown, "UNIQUE 'UNIQUE_0': no such operator in lowtide"),
    "hybrid": (lambda: dense(x="float32").bytes([0], [3]), "a hybrid layer: "),
    "zero point": (lambda: dense(zero=3).bytes([0], [3]), "int8 weights 't1' with zero point 3"),
    "no scale": (lambda: dense(scale=0.0).bytes([0], [3]), "'t1' has a scale of 0"),
    "negative": (lambda: dense(x_scale=-1.0).bytes([0], [3]), "'t0' has a scale of -1"),
    "infinite": (lambda: dense(scale=np.inf).bytes([0], [3]), "'t1' has a scale of inf"),
    "factor": (lambda: dense(y_scale=1e-35).bytes([0], [3]), "a factor of 5e+33 between scales"),
    "sums": (overflowing, "sums that may need more than 32 bits"),
    "sparse": (sparse, "tensor 1 't1' is stored sparse"),
    "subgraphs": (two_graphs, "2 subgraphs; one is supported"),
    "outside": (outside, "tensor 77 of 4"),
    "early": (early, "input 't3' is made nowhere before it is read"),
    "short": (short, "tensor 1 't1' has 6 bytes, its shape asks for 8"),
    "empty": (lambda: b"", "not a .tflite file, or one cut short"),
    "half": (lambda: dense().bytes([0], [3])[:200], "damaged, or cut short"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_by_name_and_number(what: str, tmp_path: Path, command: Command) -> None:
    make, told = REFUSED[what]
    file = tmp_path / "net.tflite"
    file.write_bytes(make())
    said = command("fit", file, "-o", tmp_path / "out")
    assert said.code == 4
    assert told in said.last
    assert str(file) in said.last
    assert not (tmp_path / "out").exists()


def test_what_a_misnamed_file_seems_to_be(tmp_path: Path, command: Command) -> None:
    for name, content, told in (
        ("half.onnx", dense().bytes([0], [3])[:200], "it begins as a .tflite file does"),
        ("net.tflite", EXAMPLE.read_bytes(), "it begins as an ONNX file does"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        said = command("fit", file, "-o", tmp_path / "out")
        assert (said.code, told in said.last) == (4, True), said.last


def test_a_shape_is_for_onnx_alone(tmp_path: Path, command: Command) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(dense().bytes([0], [3]))
    said = command("profile", file, "--shape", "t0=2x3")
    assert (said.code, "says all shapes itself" in said.last) == (2, True)


@pytest.mark.parametrize("files", [200, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_spoiled_file_is_read_or_refused(files: int, tmp_path: Path) -> None:
    """Bytes of real structure changed: a Graph, or a ModelError of one line that names the file."""
    file, told, damaged = tmp_path / "net.tflite", list[str](), set[str]()
    sound = [ONE[kind](Random(seed)) for kind in ONE for seed in (1, 2) if kind not in FLOATS_ONLY]
    for seed in range(files):
        dice = random.Random(seed)
        file.write_bytes(spoiled(dice.choice(sound), dice))
        try:
            read(file, Clock(quiet), max_elements=2**20)
        except ModelError as error:
            told.append(str(error))
            if isinstance(error, UnreadableModel):
                damaged.add(str(error))
    assert files / 10 < len(told) < files
    assert not [text for text in told if "\n" in text or str(file) not in text]
    assert not [text for text in damaged if "attribute '" in text or "argument" in text]
    assert not [text for text in told if "onnx" in text]
