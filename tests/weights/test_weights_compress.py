"""compress: a network within a number of bytes, on the shipped ResNet-8 and its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from lowtide.cli.app import app
from lowtide.errors import BudgetError, UnsupportedModel
from lowtide.frontends.onnx.load import load
from lowtide.weights.batch import session
from lowtide.weights.compress import compress
from lowtide.weights.compressed import Compressed
from lowtide.weights.knapsack import choose
from lowtide.weights.network import read
from lowtide.weights.store import recall

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "examples/resnet8_cifar10.onnx"
PICTURES = ROOT / "examples/pictures"
SCALING = ("--mean", "125.307,122.961,113.8575", "--std", "62.985,62.0925,66.708")


@pytest.fixture(scope="module")
def small() -> Compressed:
    return compress(MODEL, "32KiB")


def test_it_keeps_to_the_bytes_and_stays_near(small: Compressed) -> None:
    assert 30 * 1024 < small.bytes <= 32 * 1024
    assert small.factor > 9
    assert small.loss < 0.5
    assert sum(row.bytes for row in small.rows) + small.network.kept_bytes == small.bytes


def test_the_file_is_small_standard_and_says_what_it_holds(
    small: Compressed, tmp_path: Path
) -> None:
    path = tmp_path / "small.onnx"
    onnx.save(small.model, path)
    assert path.stat().st_size < 1.7 * small.bytes
    onnx.checker.check_model(onnx.load(path), full_check=True)
    layers = recall(onnx.load(path))
    assert {name: made.bytes for name, made in layers.items()} == {
        row.name: row.bytes for row in small.rows
    }
    load(path)


def test_the_file_gives_what_was_measured(small: Compressed) -> None:
    x = np.random.default_rng(1).standard_normal((3, 3, 32, 32), dtype=np.float32)
    (found,) = session(small.model).run(None, {small.network.inputs[0]: x})
    changed = small.settled.changed(small.network.layers)
    from lowtide.weights.runner import Runner

    (expected,) = Runner(small.network).outputs({small.network.inputs[0]: x}, changed)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_less_than_the_least_is_refused() -> None:
    with pytest.raises(BudgetError, match="at least"):
        compress(MODEL, 2000)


def test_a_network_without_layers_is_refused() -> None:
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node], "g", [value("x", kind, [1, 4])], [value("y", kind, [1, 4])]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    with pytest.raises(UnsupportedModel, match="nothing to compress"):
        read(model)


def test_choice_is_the_best_there_is() -> None:
    """Against all combinations."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        costs = [sorted(rng.integers(1, 30, 4).tolist()) for _ in range(3)]
        losses = [rng.random(4).tolist() for _ in range(3)]
        budget = int(rng.integers(3, 90))
        grid = np.array(np.meshgrid(*[range(4)] * 3)).reshape(3, -1).T
        fitting = [g for g in grid if sum(c[i] for c, i in zip(costs, g, strict=True)) <= budget]
        found = choose(costs, losses, budget)
        if not fitting:
            assert found is None
            continue
        assert found is not None
        assert sum(c[i] for c, i in zip(costs, found, strict=True)) <= budget

        def total(picks: list[int], losses: list[list[float]] = losses) -> float:
            return sum(v[i] for v, i in zip(losses, picks, strict=True))

        assert total(found) <= min(map(total, fitting)) + 1e-12


def test_command(tmp_path: Path) -> None:
    labels, out = tmp_path / "labels.txt", tmp_path / "out.onnx"
    labels.write_text("3\n6\n7\n8\n9\n")  # cat frog horse ship truck
    run = CliRunner().invoke(
        app,
        ["compress", str(MODEL), "--flash", "40KiB", "--calibrate", str(PICTURES), *SCALING,
         "--labels", str(labels), "-o", str(out), "--json"],
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    facts = json.loads(run.stdout.splitlines()[-1])
    assert facts["bytes"] <= 40 * 1024
    assert facts["file_bytes"] == out.stat().st_size
    assert facts["accuracy_dense"] == facts["accuracy"] == 1.0
    assert len(facts["layers"]) == 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--flash", "nonsense"], "no size"),
        (["--flash", "40KiB", "--labels", __file__], "--classes needs the pictures"),
        (["--flash", "40KiB", "--calibrate", "nowhere"], "no such file"),
        (["--flash", "40KiB", "--calibrate", "tests"], "no pictures"),
        (["--flash", "40KiB", "--calibrate", "README.md"], "pictures are"),
    ],
)
def test_mistakes_are_named(words: list[str], said: str, tmp_path: Path) -> None:
    out = tmp_path / "o.onnx"
    words = [str(ROOT / w) if (ROOT / w).exists() else w for w in words]
    run = CliRunner().invoke(app, ["compress", str(MODEL), *words, "-o", str(out)])
    assert run.exit_code
    assert said in str(run.exception)
    assert not out.exists()
