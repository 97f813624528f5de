"""Firmware is built with many warnings, some of them errors: what ships has none, nor its example.

The flags are those of a firmware team. net.c is C99, and compiles as C++ (whose pedants refuse what
C99 has and C++17 has not); net.h and main.c are both.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import lowtide
from lowtide.backends import emit
from lowtide.check.compile import write_sources
from lowtide.planner.options import Options
from test_golden import joined, packed, residual

_BOTH = (
    "-Wall -Wextra -Werror -pedantic -Wconversion -Wsign-conversion -Wshadow -Wdouble-promotion "
    "-Wcast-align -Wcast-qual -Wundef -Wvla -fstrict-aliasing -Wstrict-aliasing"
)
BOTH = _BOTH.split()
C99 = ["-std=c99", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wold-style-definition"]
BEYOND = ["-Wno-pedantic", "-Wno-missing-field-initializers"]
ARM = {
    "m0plus": "-mcpu=cortex-m0plus",
    "m4": "-mcpu=cortex-m4",
    "m4f": "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard",
    "m55": "-mcpu=cortex-m55 -mfloat-abi=hard",
}
COMPILERS = {
    **{name: [name] for name in ("gcc", "clang", "g++", "clang++")},
    "gcc, AVX-512": ["gcc", "-march=skylake-avx512"],
    **{f"arm, {n}": ["arm-none-eabi-gcc", "-mthumb", *f.split()] for n, f in ARM.items()},
}
GREEDY = Options(place="greedy")
SHARED = Path(__file__).parents[3] / "shared/models"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small networks in one folder, dense, packed, row by row, of 8 bits, with an example each."""
    folder = tmp_path_factory.mktemp("sources")
    eight = Path(__file__).parents[2] / "examples/resnet8_cifar10_int8.tflite"
    for k, model in enumerate([residual(), joined(), packed(), residual(), eight]):
        rows = "streamed" if k == 3 else "resident"
        options = replace(GREEDY, name=f"net{k}", image=rows, result=rows)  # type: ignore[arg-type]
        _write(model, options, folder)
    return folder


def _write(model: onnx.ModelProto | Path, options: Options, folder: Path) -> None:
    write_sources(emit(lowtide.profile(model, options=options)), folder)
    (folder / "main.c").rename(folder / f"{options.name}_main.c")


def _commands(compiler: str, files: Sequence[Path]) -> Iterator[list[str]]:
    command = COMPILERS[compiler]
    if "++" not in compiler:
        yield [*command, *C99, *BOTH, "-O2", "-c", *(f.name for f in files)]
        return
    command = [*command, "-x", "c++", "-std=c++17", *BOTH]
    mains = [file.name for file in files if file.name.endswith("_main.c")]
    beyond = [*BEYOND, "-Wno-c99-extensions", "-Wno-c++20-designator"][
        : None if "cl" in compiler else 2
    ]
    yield [*command, "-O2", "-c", *mains]
    yield [*command, *beyond, "-O2", "-c", *(f.name for f in files if f.name not in mains)]


def _check(compiler: str, folder: Path) -> None:
    if not shutil.which(COMPILERS[compiler][0]):
        pytest.skip(f"no {COMPILERS[compiler][0]} here")
    for command in _commands(compiler, sorted(folder.glob("*.c"))):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_warning_of_firmware_flags(compiler: str, sources: Path) -> None:
    _check(compiler, sources)


@pytest.mark.slow
def test_no_warning_of_networks_as_they_are(tmp_path: Path) -> None:
    """mnist_cntk, MLPerf's ResNet-8, face_slim row by row, and a ResNet-8 with packed weights."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not there: it has the networks")
    from lowtide.weights.network import read
    from lowtide.weights.stand_in import in_bits

    filled = onnx.load(SHARED / "structure/mlperf_resnet8.onnx", load_external_data=False)
    for held in filled.graph.initializer:
        if held.data_location == onnx.TensorProto.EXTERNAL:
            values = np.random.default_rng(len(held.name)).normal(0, 0.1, tuple(held.dims))
            held.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), held.name))
    example = Path(__file__).parents[2] / "examples/resnet8_cifar10.onnx"
    _write(SHARED / "onnx/mnist_cntk.onnx", replace(GREEDY, name="mnist"), tmp_path)
    _write(filled, replace(GREEDY, name="filled"), tmp_path)
    _write(in_bits(read(example), 4), replace(GREEDY, name="small"), tmp_path)
    face = replace(GREEDY, name="face", image="streamed")
    _write(SHARED / "onnx/face_slim_320.onnx", face, tmp_path)
    for compiler in COMPILERS:
        _check(compiler, tmp_path)


def test_debuggers_stop_at_every_operator(sources: Path) -> None:
    """As net.h says: break op3_conv, at -O2 with -g, inlined or not."""
    if not shutil.which("gdb") or not shutil.which("gcc"):
        pytest.skip("no gdb, no gcc")
    for name in ("net0", "net3"):
        files = [f"{name}_main.c", f"{name}.c"]
        subprocess.run(["gcc", "-O2", "-g", *files, "-o", name, "-lm"], cwd=sources, check=True)
        text = (sources / f"{name}.c").read_text()
        operators = [
            line.split("(")[0].split()[-1] for line in text.splitlines() if "void op" in line
        ]
        assert operators
        words = [word for one in operators for word in ("-ex", f"tbreak {one}")]
        words += ["-ex", "run", *["-ex", "continue"] * len(operators)]
        done = subprocess.run(["gdb", "-batch", *words, name], cwd=sources, capture_output=True)
        said = done.stdout.decode()
        if "ptrace" in said + done.stderr.decode():
            pytest.skip("no process may be traced here")
        assert [one for one in operators if f"{one} (" not in said] == []
