"""fit of QDQ networks: the emitted C makes onnxruntime's integers, on 20 inputs each.

Trained networks, resident and streamed, with the floats of the file and with bytes at their ends.
The smallest in CI, all of them with `-m slow`, which prints the table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest

import lowtide
from lowtide.check.drawn import DRAWN, Drawn, draw
from lowtide.check.exact.quanta import spans_of
from lowtide.ir.graph import Array
from more_inputs import on_more

MODELS = Path(__file__).parents[3] / "shared" / "models" / "qdq"
INPUTS = 20
WAYS = [("resident", "file"), ("resident", "8bit"), ("streamed", "file"), ("streamed", "8bit")]


def networks() -> list[Any]:
    """The smallest one in one way, and the others."""
    files = sorted(MODELS.glob("*.onnx"), key=lambda file: file.stat().st_size)
    ways = [(file.stem, *way) for file in files for way in WAYS]
    quick = ("resnet20_cifar10_qdq", "streamed", "8bit")
    return [way if way == quick else pytest.param(*way, marks=pytest.mark.slow) for way in ways]


@pytest.mark.skipif(not MODELS.exists(), reason="../shared is not there")
@pytest.mark.parametrize(("name", "image", "ends"), networks())
def test_a_network_is_onnxruntimes_to_the_bit(
    name: str, image: Literal["resident", "streamed"], ends: Literal["file", "8bit"]
) -> None:
    file = MODELS / f"{name}.onnx"
    fitted = lowtide.fit(file, options=lowtide.Options(image=image, io_type=ends))
    checks = fitted.checks
    assert checks is not None
    port = fitted.memory.inputs[0]
    span = spans_of(onnx.load(file))[port.name]
    more: dict[str, dict[str, Array]] = {}
    for seed in range(DRAWN, INPUTS):  # reals that stand between two numbers, too
        more[f"seed {seed}"] = draw({port.name: Drawn(port.shape, "float32", span)}, seed)
    found = on_more(fitted, file, more)
    total = checks.difference | found
    spent = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in fitted.seconds.items())
    print(f"\n{name:<24} {image:<8} {ends:<4} arena {fitted.arena_bytes:>8}: "
          f"{checks.difference.compared + found.compared} values, {total.unequal} unequal, "
          f"{total.steps} steps off; {spent}")  # fmt: skip
    assert checks.faults == 0
    assert len(checks.samples) == DRAWN
    np.testing.assert_array_equal((total.unequal, total.steps), (0, 0))
