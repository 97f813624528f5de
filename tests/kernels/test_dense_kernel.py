"""The kernel of dense layers, alone, on arrays of exactly the size it may touch, against numpy.

y[3] = b + x[5] w[5, 3]        whole numbers, so results must be equal; AddressSanitizer sees
                               every element that is read or written too far
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lowtide.backends import emit
from lowtide.check.compile import WARNINGS, find_compiler
from lowtide.kernels.choose import FOLDER
from programs import judge_plan, plan_model

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
MAIN = """\
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
typedef float __attribute__((may_alias)) f32;
#include "vectors.h"
#include "dense.c"

static float *floats(size_t count)
{
    float *p = malloc(sizeof(float) * count);
    if (!p || fread(p, sizeof(float), count, stdin) != count)
        exit(2);
    return p;
}

int main(void)
{
    int size[2];
    while (fread(size, sizeof size, 1, stdin) == 1) {
        const size_t n = (size_t)size[0], co = (size_t)size[1];
        float *x = floats(n), *w = floats(n * co), *y = floats(co);
        dense(x, size[0], w, size[1], y);
        fwrite(y, sizeof(float), co, stdout);
        free(x);
        free(w);
        free(y);
    }
    return 0;
}
"""


@pytest.mark.parametrize("lanes", [None, 1, 4, 8, 16])
def test_dense_equals_numpy_and_stays_inside(lanes: int | None, tmp_path: Path) -> None:
    """Inputs and outputs on both sides of four rows at a time and of every vector."""
    compiler = find_compiler()
    assert compiler is not None, "these tests need a C compiler"
    (tmp_path / "main.c").write_text(MAIN)
    flags = ["-march=native"] if lanes is None else [f"-DLANES={lanes}", "-Wno-psabi"]
    command = [*compiler, *WARNINGS, *SANITIZE, *flags, "-I", str(FOLDER), "main.c", "-o", "main"]
    subprocess.run([*command, "-lm"], cwd=tmp_path, check=True)
    dice, data, expected = np.random.default_rng(5), b"", []
    for n in (1, 3, 4, 5, 8, 11, 64):
        for co in (1, 3, 4, 7, 8, 15, 16, 17, 40):
            sizes = ((n,), (n, co), (co,))
            x, w, y = (dice.integers(-4, 5, size).astype("<f4") for size in sizes)
            data += np.array([n, co], "<i4").tobytes() + b"".join(a.tobytes() for a in (x, w, y))
            expected.append(y + x @ w)
    done = subprocess.run(["./main"], cwd=tmp_path, input=data, capture_output=True, check=True)
    np.testing.assert_array_equal(np.frombuffer(done.stdout, "<f4"), np.concatenate(expected))


@pytest.mark.parametrize("transposed", [0, 1])
def test_dense_layers_are_made_by_it(transposed: int) -> None:
    """x[1, 12] -> Gemm -> Relu -> y[1, 20], whichever way the file's weights lie."""
    shape = (20, 12) if transposed else (12, 20)
    dice = np.random.default_rng(1)
    constants = [
        numpy_helper.from_array(dice.standard_normal(size).astype(np.float32), name)
        for name, size in (("w", shape), ("b", (20,)))
    ]
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=transposed),
        helper.make_node("Relu", ["h"], ["y"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
        for name, size in (("x", 12), ("y", 20))
    ]
    graph = helper.make_graph(nodes, "dense", ports[:1], ports[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    plan = plan_model(model)
    assert b"dense(" in emit(plan)["net.c"]
    judge_plan(model, plan)
