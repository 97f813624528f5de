"""What a missed budget suggests, run as it is printed, succeeds: commands drawn at random."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from lowtide.check.compile import find_compiler
from lowtide.cli.app import app
from lowtide.errors import BudgetError

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")


def network(rng: np.random.Generator) -> onnx.ModelProto:
    """image -> Conv, Relu and perhaps a pool, one to three times -> mean -> Gemm."""
    nodes, held, x, channels = [], [], "image", 3
    for k in range(rng.integers(1, 4)):
        made = int(rng.integers(4, 20))
        shape = (made, channels, 3, 3)
        held.append(_constant(rng, f"w{k}", shape))
        step = int(rng.integers(1, 3))
        nodes += [
            helper.make_node(
                "Conv", [x, f"w{k}"], [f"c{k}"], f"conv{k}", pads=[1] * 4, strides=[step] * 2
            ),
            helper.make_node("Relu", [f"c{k}"], [f"r{k}"], f"relu{k}"),
        ]
        x, channels = f"r{k}", made
        if rng.integers(2):
            pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
            nodes.append(helper.make_node("MaxPool", [x], [f"p{k}"], f"pool{k}", **pool))
            x = f"p{k}"
    held.append(_constant(rng, "last", (10, channels)))
    nodes += [
        helper.make_node("GlobalAveragePool", [x], ["mean"], "mean"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", "last"], ["scores"], "last", transB=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 24, 24])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(nodes, "drawn", [image], [scores], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _constant(rng: np.random.Generator, name: str, shape: Sequence[int]) -> onnx.TensorProto:
    values = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    return numpy_helper.from_array(values.astype(np.float32), name)


def drawn(rng: np.random.Generator, with_flash: bool) -> list[str]:
    """A command without budgets."""
    words = ["fit", "net.onnx", "-o", "out"]
    target = str(rng.choice(["c99", "none"] if with_flash else ["c99", "none", "onnx"]))
    words += [] if target == "c99" else ["--target", target]
    if target != "onnx":
        words += rng.choice(
            [
                "",
                "--image streamed",
                "--result streamed",
                "--keep-input",
                "--objective latency",
                "--objective balanced",
                "--schedule layerwise",
                "--max-overhead 0.3",
                "--image streamed --objective latency",
            ]
        ).split()
    if with_flash:
        weights = str(rng.choice(["both", "both", "plain", "generated"]))
        words += ["--flash", str(round(10 ** rng.uniform(3, 4.4))), "--calibrate", "pictures.npy"]
        words += [] if weights == "both" else ["--weights", weights]
    return words


def run(words: Sequence[str]) -> tuple[dict[str, Any], BaseException | None]:
    done = CliRunner().invoke(app, [*words, "--json"])
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines and not done.exception else {}, done.exception


def ram(facts: dict[str, Any]) -> int:
    """What counts: of a plan, the arena alone."""
    return int(facts.get("ram_bytes") or facts.get("peak_bytes") or facts["arena_bytes"])


def faults(words: list[str], rng: np.random.Generator) -> Iterator[str]:
    """What is wrong with budgets of a command, and with what they suggest."""
    facts, error = run(words)
    if isinstance(error, BudgetError):  # the flash
        yield from wrong_suggestions(words, error)
        return
    if error is not None:
        yield f"{shlex.join(words)}: {error!r}"
        return
    printed = ram(facts)
    again, error = run([*words, "--budget", str(printed)])
    if error is not None or ram(again) > printed:
        yield f"{shlex.join(words)} --budget {printed}, as printed: {error!r} {again}"
    for budget in (printed - 1, round(printed * rng.uniform(0.2, 1))):
        asked = [*words, "--budget", str(budget)]
        met, error = run(asked)
        if isinstance(error, BudgetError):
            yield from wrong_suggestions(asked, error)
        elif error is not None or ram(met) > budget:
            yield f"{shlex.join(asked)}: {error!r} {met and ram(met)}"
        elif run([*words, "--budget", str(ram(met))])[1] is not None:
            yield f"{shlex.join(asked)}: took {ram(met)}, which is no budget"


def wrong_suggestions(words: Sequence[str], error: BudgetError) -> Iterator[str]:
    for one in error.facts().get("suggestions", ()):
        name, *given = shlex.split(one["command"])
        if any(part in given for part in ("None", "")) or name != "lowtide":
            yield f"{shlex.join(words)} suggests {one['command']}"
        if bool(one.get("needs")) != asks_for_more(given, words):
            yield f"{shlex.join(words)} suggests {one}, which takes more, or is said to"
        facts, wrong = run(given)
        if wrong is not None or ram(facts) > one["ram_bytes"]:
            yield f"{shlex.join(words)} suggests {one}: {wrong!r} {facts and ram(facts)}"


def asks_for_more(given: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether a command has a larger limit than another."""
    limits = [
        [int(words[words.index(name) + 1]) if name in words else 0 for words in (given, asked)]
        for name in ("--budget", "--flash")
    ]
    return any(suggested > limit for suggested, limit in limits)


def sweep(seed: int, with_flash: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    rng = np.random.default_rng(seed)
    onnx.save(network(rng), "net.onnx")
    np.save("pictures.npy", rng.integers(0, 256, (40, 3, 24, 24), np.uint8))
    assert list(faults(drawn(rng, with_flash), rng)) == []


@needs_compiler
def test_budgets_as_they_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep(1, False, tmp_path, monkeypatch)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("with_flash", [False, True])
def test_many_of_them(
    seed: int, with_flash: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(seed, with_flash, tmp_path, monkeypatch)
