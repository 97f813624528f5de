"""The C that is emitted: clean under every compiler here, self-contained, and safe to run again."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

from lowtide.backends import emit
from lowtide.check.compile import WARNINGS, build, find_compiler, run, write_sources
from lowtide.check.main_around import Io
from lowtide.check.trial import pack
from lowtide.ir.find_codes import find_codes
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.quoting import identifier
from networks import random_network
from programs import QUICK, Judged, judge_model, plan_model

SEEDS = (0, 2, 3, 5, 14)
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
LARGE = 1 << 20


@cache
def plan_of(seed: int) -> Plan:
    return plan_model(random_network(seed).model, Options(schedule="layerwise", place="greedy"))


def written(files: Mapping[str, bytes], folder: Path) -> Path:
    write_sources(files, folder)
    return folder


def compiled(compiler: str, folder: Path, *flags: str) -> None:
    """Compiles to object files; every warning is an error."""
    command = [compiler, *WARNINGS, "-I.", *flags, "-c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_warning_at_any_level(compiler: str, seed: int, tmp_path: Path) -> None:
    written(emit(plan_of(seed)), tmp_path)
    for level in ("-O0", "-Os", "-O2", "-O3"):
        compiled(compiler, tmp_path, level, "net.c", "checks/reference.c")
    judged = ["checks/net.c", "checks/reference.c"]
    compiled(compiler, tmp_path, "-O1", "-DLOWTIDE_CHECKED", *judged)
    compiled(compiler, tmp_path, "-O1", "-std=c11", "-Wshadow", "net.c", "checks/reference.c")
    header = tmp_path / "header.c"
    twice = '#include "net.h"\n#include "checks/net_check.h"\n' * 2
    header.write_text(f"{twice}int x = NET_ARENA_BYTES;\n")
    compiled(compiler, tmp_path, "header.c")


def judged_ports(plan: Plan) -> tuple[Io, Io]:
    memory = memory_map(plan)
    one, two = (
        Io(tuple(p.identifier for p in ports), tuple(p.elements for p in ports))
        for ports in (memory.inputs, memory.outputs)
    )
    return one, two


@pytest.mark.parametrize("source", ["net.c", "reference.c"])
@pytest.mark.parametrize("seed", SEEDS)
def test_sanitizers_and_several_runs_in_a_row(seed: int, source: str, tmp_path: Path) -> None:
    """The arena is as the run before left it; what comes out must not depend on that."""
    plan, network = plan_of(seed), random_network(seed)
    compiler = find_compiler()
    assert compiler is not None
    flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    inputs, outputs = judged_ports(plan)
    program = build(
        emit(plan), source, inputs, outputs, tmp_path, compiler, flags, checked=seed % 2 == 0
    )
    memory = memory_map(plan)
    given = pack(memory.inputs, network.inputs)
    other = pack(memory.inputs, {k: np.float32(2) - v for k, v in network.inputs.items()})
    verdict = run(program, given + other + given + given)
    assert verdict.faults == 0
    size = len(verdict.outputs) // 4
    first, second, third, fourth = (verdict.outputs[i * size : (i + 1) * size] for i in range(4))
    assert first == third == fourth
    assert first != second


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_called_but_the_mathematics(seed: int, tmp_path: Path) -> None:
    """No malloc, no stdio: of the libraries only functions of math.h, and those of string.h that
    compilers make of loops."""
    written(emit(plan_of(seed)), tmp_path)
    includes = set(re.findall(r"#include\s*(\S+)", (tmp_path / "net.c").read_text()))
    assert includes <= {'"net.h"', '"net_weights.c"', "<math.h>", "<stddef.h>", "<stdint.h>"}
    compiled(COMPILERS[0], tmp_path, "-O2", "net.c")
    listed = subprocess.run(
        ["nm", "-u", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    needed = {line.split()[-1] for line in listed.stdout.splitlines()}
    mathematics = set(re.findall(r"\b[a-z0-9]+f\b", (tmp_path / "net.c").read_text()))
    assert needed <= mathematics | {"memset", "memcpy", "memmove", "_GLOBAL_OFFSET_TABLE_"}


@pytest.mark.skipif("gcc" not in COMPILERS, reason="gcc tells who calls whom")
@pytest.mark.parametrize("seed", SEEDS)
def test_no_recursion(seed: int, tmp_path: Path) -> None:
    written(emit(plan_of(seed)), tmp_path)
    compiled("gcc", tmp_path, "-O0", "-fcallgraph-info", "net.c")
    edges = re.findall(
        r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', (tmp_path / "net.ci").read_text()
    )
    assert len(edges) >= len(plan_of(seed).tasks)
    calls: dict[str, set[str]] = {}
    for source, target in edges:
        assert target != "__indirect_call"
        calls.setdefault(source, set()).add(target)
    TopologicalSorter(calls).prepare()  # raises CycleError where a function reaches itself


@cache
def large() -> Judged:
    """A network with 1.06 MB of weights in its only convolution."""
    rng = np.random.default_rng(1)
    w = rng.integers(-900, 901, (520, 512, 1, 1)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, c, 3, 2))
        for name, c in (("x", 512), ("y", 520))
    )
    graph = helper.make_graph([node], "large", [x], [y], [numpy_helper.from_array(w, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    inputs = {"x": rng.integers(-3, 4, (1, 512, 3, 2)).astype(np.float32)}
    return judge_model(model, inputs, ways=QUICK)


def test_many_weights_go_to_a_file() -> None:
    held = large()
    assert held.checks.max_abs_diff == 0.0
    assert len(held.files["net_weights.bin"]) >= 520 * 512 * 4 > LARGE
    assert len(held.files["net.c"]) < 20_000
    small = emit(plan_of(0))
    assert "net_weights.bin" not in small
    assert b"incbin" not in small["net.c"]


_MAIN = """\
#include "net.h"
#include <stdio.h>
int main(void)
{
#ifdef NET_WEIGHTS_MAPPED
    static float weights[520 * 512];
    FILE *file = fopen("moved.bin", "rb");
    if (!file || fread(weights, 1, sizeof weights, file) != sizeof weights)
        return 2;
    net_set_weights(weights);
#endif
    if (fread(net_input_x(), sizeof(float), NET_INPUT_X_ELEMENTS, stdin) != NET_INPUT_X_ELEMENTS)
        return 3;
    net_run();
    fwrite(net_output_y(), sizeof(float), NET_OUTPUT_Y_ELEMENTS, stdout);
    return 0;
}
"""


def run_large(folder: Path, flags: Sequence[str]) -> np.ndarray:
    """Builds main.c and net.c with `flags` in `folder` and runs the large network."""
    held = large()
    command = [COMPILERS[0], *WARNINGS, "-O1", *flags, "main.c", "net.c", "-lm", "-o", "large"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]
    data = pack(held.memory.inputs, held.sample.inputs)
    done_bytes = subprocess.run(
        [str(folder / "large")], cwd=folder, input=data, capture_output=True, check=True
    )
    return np.frombuffer(done_bytes.stdout, "<f4").reshape(3, 2, 520).transpose(2, 0, 1)[None]


@pytest.mark.parametrize("flag", ["-DNET_WEIGHTS_MAPPED", '-DNET_WEIGHTS_FILE="moved.bin"'])
def test_weights_from_the_caller_or_from_another_file(flag: str, tmp_path: Path) -> None:
    held = large()
    written(held.files, tmp_path)
    (tmp_path / "net_weights.bin").rename(tmp_path / "moved.bin")
    (tmp_path / "main.c").write_text(_MAIN)
    np.testing.assert_array_equal(run_large(tmp_path, [flag]), held.sample.outputs[0])


def test_weights_are_found_from_another_folder(tmp_path: Path) -> None:
    """As net.h says: -I"$OUT", for the assembler reads net_weights.bin too."""
    held = large()
    out = tmp_path / "out"
    out.mkdir()
    written(held.files, out)
    command = [COMPILERS[0], *WARNINGS, "-c", "out/net.c"]
    done = subprocess.run([*command, "-I", "out"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    said = (out / "net.h").read_text()
    assert all(x in said for x in ('-I"$OUT"', "NET_WEIGHTS_FILE", "NET_WEIGHTS_MAPPED"))
    assert "net_weights.bin" not in emit(plan_of(0))["net.h"].decode()


ODD = ("int", "a-b", "a.b", "1x", "größe", "*/ #error", "/* \\", "while", "NET_RUN", "??/", "Int")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_odd_names_are_safe(compiler: str, tmp_path: Path) -> None:
    """Names of tensors, nodes, constants and the graph, as inputs and as outputs."""
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, 2, 4, 3)) for n in ODD]
    nodes, outputs, constants = [], [], []
    for k, name in enumerate(ODD):
        w = numpy_helper.from_array(np.full((2, 2, 1, 1), k + 1, np.float32), f"{name} w")
        constants.append(w)
        inner, made = f"{name} {k}", f"{name} \n{k}"
        nodes.append(helper.make_node("Conv", [name, w.name], [inner], name=f"{name}\n*/"))
        nodes.append(helper.make_node("Sigmoid", [inner], [made], name=name))
        outputs.append(helper.make_tensor_value_info(made, TensorProto.FLOAT, (1, 2, 4, 3)))
    graph = helper.make_graph(nodes, "evil */ \\\n#error", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    held = judge_model(model, ways=QUICK[:2])
    ports = (*held.memory.inputs, *held.memory.outputs)
    assert [p.name for p in held.memory.inputs] == list(ODD)
    assert all(re.fullmatch(r"[a-z_][a-z0-9_]*", p.identifier) for p in ports)
    for side in (held.memory.inputs, held.memory.outputs):
        assert len({p.identifier for p in side}) == len(ODD)
    written(held.files, tmp_path)
    compiled(compiler, tmp_path, "-trigraphs" if compiler == "gcc" else "-O0", "net.c")
    assert all(line.isascii() for line in held.files["net.c"].decode().splitlines())


def test_names_that_leave_nothing() -> None:
    taken: set[str] = set()
    names = ["", "/", "tensor", "*", "tensor_2"]
    found = [identifier(name, taken) for name in names]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[a-z_][a-z0-9_]*", name) for name in found)


def test_constants_that_are_no_numbers() -> None:
    """NaN and both infinities as weights give the C that compiles and onnxruntime's results."""
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[1,1,3,3] x) => (float[1,4,2,2] y)'
        "{ y = Conv(x, w, b) }"
    )
    weights = np.ones((4, 1, 2, 2), np.float32)
    bias = np.array([0.5, np.nan, np.inf, -np.inf], np.float32)
    for name, array in (("w", weights), ("b", bias)):
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    judged = judge_model(model)
    y = judged.outputs[0][0, :, 0, 0]
    assert np.isfinite(y[0])
    assert np.isnan(y[1])
    assert y[2] == np.inf
    assert y[3] == -np.inf


def test_constants_that_are_no_numbers_warn_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    """Whether they are low-bit codes is asked of all constants."""
    array = np.ones((16, 16), np.float32)
    array[3, 5] = np.inf
    array[9, 1] = np.nan
    assert find_codes(array) is None
    assert find_codes(array[3:]) is None
    assert not recwarn.list


@pytest.mark.parametrize(
    ("align", "arena"), [(4, 64), (12, 64), (64, 64), (192, 64), (4096, 4096), (640, 128)]
)
def test_the_arena_is_aligned_as_its_storages_are(align: int, arena: int) -> None:
    """Offsets that are multiples of 4096 mean nothing in an arena that begins anywhere."""
    plan = plan_model(
        random_network(0).model, Options(schedule="layerwise", place="greedy", align=align)
    )
    files = {name: text.decode() for name, text in emit(plan).items()}
    assert f"#define NET_ARENA_ALIGN {arena}\n" in files["net.h"]
    for source in ("net.c", "checks/reference.c"):
        assert "ALIGNED(NET_ARENA_ALIGN) unsigned char net_arena[NET_ARENA_BYTES];" in files[source]


def test_a_compiler_without_gnu_c_aligns_the_arena_or_says_so(tmp_path: Path) -> None:
    """gcc, unrecognised: C11 can, C99 alone cannot, a user may know how."""
    files = emit(plan_of(0))
    written({**files, "net.c": files["net.c"].replace(b"__GNUC__", b"__OTHER__")}, tmp_path)
    other = ["gcc", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "net.c"]
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc")
    for flags, word in ((["-std=c11"], ""), (["-std=c99"], "ALIGNED"), (["-DALIGNED(n)="], "")):
        done = subprocess.run(
            [*other, *flags], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) is bool(word), done.stderr
        assert word in done.stderr


@pytest.mark.parametrize("function", ["Sigmoid", "HardSwish"])
def test_a_long_chain_of_functions_is_cut(function: str) -> None:
    """Neither 300 in one expression nor one that doubles with each of 30."""
    count = 300 if function == "Sigmoid" else 30
    nodes = [helper.make_node(function, [f"a{i}"], [f"a{i + 1}"]) for i in range(count)]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3])
        for name in ("a0", f"a{count}")
    )
    graph = helper.make_graph(nodes, "chain", [x], [y])
    judged = judge_model(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    )
    assert 1 < len(judged.plan.tasks) < 20
