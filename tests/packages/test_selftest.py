"""NAME_selftest.c: PASS where the program computes what it did, FAIL where anything is another.

constants ─> net_run() or rows in, rows out ─> compared with what is expected
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

import lowtide
from endless_networks import drawn
from lowtide.check.compile import WARNINGS, find_compiler, write_sources
from lowtide.planner.options import Options
from networks import random_network
from test_cli import small_network
from tflite_operators import ONE, Random

CALLER = """\
#include "net_selftest.h"
#include <stdio.h>
int main(void)
{
    const struct lowtide_selftest found = net_selftest();
    printf("%s %d %ld %ld\\n", found.output ? found.output : "-", found.sample, found.element,
           found.wrong);
    return found.wrong != 0;
}
"""
QUIET = (*WARNINGS, "-Wconversion", "-Wshadow", "-Wdouble-promotion")
PASS = "- 0 0 0"
DAMAGED = "- 0 0 1"


def conv() -> bytes:
    return ONE["CONV_2D"](Random(3, "int8"))


CASES: Mapping[str, tuple[object, Mapping[str, str]]] = {
    "floats": (small_network, {}),
    "rows": (small_network, {"image": "streamed", "result": "streamed"}),
    "rows of 8 bits": (conv, {"image": "streamed"}),
    "rows made": (conv, {"result": "streamed"}),
    "rows of several ends": (lambda: random_network(5).model, {"image": "streamed"}),
    "endless": (lambda: drawn(20, 64, images=True), {"image": "endless"}),
    "plain": (small_network, {"cpu": "portable"}),
}


def packed(case: str, folder: Path) -> dict[str, bytes]:
    make, options = CASES[case]
    made = make()  # type: ignore[operator]
    if isinstance(made, bytes):
        (folder / "net.tflite").write_bytes(made)
        made = folder / "net.tflite"
    asked = Options(place="greedy", package="cmake", **options)  # type: ignore[arg-type]
    return dict(lowtide.fit(made, options=asked).files)


def says(files: Mapping[str, bytes], folder: Path) -> str:
    """What the self-test finds, compiled with every warning an error."""
    compiler = find_compiler() or pytest.skip("no C compiler")
    write_sources(files, folder)
    (folder / "caller.c").write_text(CALLER)
    command = [*compiler, *QUIET, "-O0", "-I."]
    for how in (["-c", "net.c"], ["caller.c", "net_selftest.c", "net.o", "-lm", "-o", "test"]):
        if files.keys() != {"net_selftest.c"} or "-c" not in how:
            done = subprocess.run([*command, *how], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    ran = subprocess.run([folder / "test"], capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) == (ran.stdout.strip() == PASS)
    return ran.stdout.strip()


def near(number: re.Match[str]) -> str:
    """The nearest other number of its type."""
    if number[0].endswith("f"):
        return f"{np.nextafter(np.float32(number[0][:-1]), np.float32(9))}f"
    return str(int(number[0]) + (1 if int(number[0]) < 0 else -1))


@pytest.mark.parametrize("case", CASES)
def test_a_program_passes_and_a_wrong_number_fails(case: str, tmp_path: Path) -> None:
    """Of what is given and of what is expected, the last bit of a number; what it takes is said."""
    files = packed(case, tmp_path)
    assert says(files, tmp_path) == PASS
    text = files["net_selftest.c"].decode()
    arrays = [*re.finditer(r"^static const \w+ \w+\[SAMPLES\]\[(\d+)\] = \{\n\{\n", text, re.M)]
    assert len(arrays) >= 2
    for found in (arrays[0], arrays[-1]):
        wrong = text[: found.end()] + re.sub(r"[-\w.]+(?=,)", near, text[found.end() :], count=1)
        assert says({"net_selftest.c": wrong.encode()}, tmp_path) == DAMAGED
    said = re.search(r"(\d+) bytes of flash", files["net_selftest.h"].decode())
    assert said is not None
    assert 0 < int(said[1]) <= max(4096, 4 * sum(int(found[1]) for found in arrays))


def test_a_wrong_weight_is_said_by_output_and_element(tmp_path: Path) -> None:
    files = packed("floats", tmp_path)
    weights = files["net_weights.c"].decode()
    wrong = re.sub(r"(\d)\.(\d)", lambda found: f"{found[1]}{found[2]}.5", weights)
    said = says({**files, "net_weights.c": wrong.encode()}, tmp_path)
    output, _, element, count = said.split()
    assert output == lowtide.profile(small_network()).outputs[0].identifier
    assert int(element) >= 0
    assert int(count) > 0


def test_samples_are_all_there_where_they_are_small(tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    (shape,) = {port.shape for port in lowtide.profile(tmp_path / "net.onnx").inputs}
    drawn = np.random.default_rng(0)
    inputs = {f"s{k}": drawn.standard_normal(shape, np.float32) for k in range(2)}
    name = lowtide.profile(tmp_path / "net.onnx").inputs[0].name
    fitted = lowtide.fit(
        tmp_path / "net.onnx",
        options=Options(place="greedy", package="cmake"),
        samples={key: {name: value} for key, value in inputs.items()},
    )
    text = fitted.files["net_selftest.c"].decode()
    samples = re.search(r"SAMPLES = (\d+)", text)
    assert samples is not None
    assert fitted.package is not None
    one = sum(port.bytes for port in (*fitted.plan.inputs, *fitted.plan.outputs))
    assert int(samples[1]) == max(1, min(3, 4096 // one))
    assert fitted.package.selftest_bytes == int(samples[1]) * one
    assert says(fitted.files, tmp_path) == PASS
