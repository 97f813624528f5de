"""Functions of whole numbers: C and numpy have the same number for each argument, edges too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from lowtide.backends.c99.text import function_source
from lowtide.check.compile import find_compiler
from lowtide.ir.dtype import F32, I32
from lowtide.ir.whole import LEAST, MOST, WHOLE

ANY, SMALL, FACTOR, SHIFT = (LEAST, MOST), (-(2**15), 2**15), (2**30, MOST), (-31, 31)
RANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "add": (SMALL, SMALL), "sub": (SMALL, SMALL), "mul": (SMALL, SMALL),
    "select": ((-1, 1), ANY, ANY),
    "rescale": (ANY, FACTOR, SHIFT),
    "rescale_once": (ANY, FACTOR, (-31, 0)),
    "mean": ((-(2**30), 2**30), (1, 2**20)),
    "halved": (ANY, (0, 31)),
    "reciprocal": ((2**19, MOST),),
    "share": ((0, MOST), FACTOR, (2**19, MOST)),
    "inverse_root": ((0, MOST),), "inverse_root_shift": ((0, MOST),),
    "scale": (SMALL, (1, 2**20)),
}  # fmt: skip
COUNT = 4000

MAIN = """
#include <math.h>
#include <stdint.h>
#include <stdio.h>
{source}
int main(void)
{{
    int32_t at[5], count = 0;
    for (; fread(at, sizeof at, 1, stdin) == 1; count++) {{
        const int32_t made = {call};
        fwrite(&made, sizeof made, 1, stdout);
    }}
    return count == 0;
}}
"""


def arguments(name: str) -> np.ndarray:
    """Numbers over the whole range, near its ends, of every size; one factor in four below 0."""
    rng, columns = np.random.default_rng(0), []
    ranges = RANGES.get(name, (ANY, ANY))
    for low, high in (*ranges, *[(0, 0)] * (5 - len(ranges))):
        wide = rng.integers(low, high + 1, COUNT)
        sized = np.clip(rng.integers(1, 2**31, COUNT) >> rng.integers(0, 31, COUNT), low, high)
        near = np.clip(rng.choice((low, low + 1, high - 1, high, 0, 1, -1), COUNT), low, high)
        column = np.choose(rng.integers(0, 3, COUNT), (wide, sized, near))
        columns.append(np.where(rng.random(COUNT) < 0.25, -column, column)
                       if (low, high) == FACTOR and name == "rescale" else column)  # fmt: skip
    return np.stack(columns, 1).astype(np.int32)


@pytest.mark.parametrize("name", WHOLE)
def test_c_and_numpy_agree(name: str, tmp_path: Path) -> None:
    function, compiler = WHOLE[name], find_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    parts = [f"at[{k}]" for k in range(function.arity)]
    if function.others:  # a factor
        parts = [f"at[{k}] / 1048576.0f" if function.others.get(k) == F32 else p
                 for k, p in enumerate(parts)]  # fmt: skip
    if function.infix:
        source, call = "", function.c.replace("a", "at[0]").replace("b", "at[1]")
    else:
        source = function_source(name, I32)
        call = f"{source.split('(')[0].split()[-1]}({', '.join(parts)})"
    (tmp_path / "f.c").write_text(MAIN.format(source=source, call=call))
    flags = ["-std=c99", "-O1", "-Wall", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover"]
    subprocess.run([*compiler, *flags, "f.c", "-o", "f", "-lm"], cwd=tmp_path, check=True)
    given = arguments(name)
    run = subprocess.run([tmp_path / "f"], input=given.tobytes(), check=True, capture_output=True)
    made = np.frombuffer(run.stdout, np.int32)
    columns = [given[:, k].astype(np.int64) for k in range(function.arity)]
    held = [
        c.astype(np.float32) / 2**20 if k in function.others else c for k, c in enumerate(columns)
    ]
    expected = np.asarray(function.numpy(*held)).astype(np.int64)
    wrong = np.flatnonzero(made != expected)
    assert not wrong.size, (given[wrong[0]], made[wrong[0]], expected[wrong[0]])
