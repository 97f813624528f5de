"""fit --flash: one budget for each memory, and exact weights wherever they fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from typer.testing import CliRunner

from lowtide import verify
from lowtide.cli.app import app
from lowtide.errors import BudgetError, UsageError
from lowtide.files import OWN, write_folder
from lowtide.pipeline.fit_flash import FittedSmall, Request, fit_flash
from lowtide.pipeline.store_small import _ways
from lowtide.weights.batch import session
from lowtide.weights.store import recall

WEIGHTS = 4 * (16 * 27 + 16 + 32 * 144 + 32 + 10 * 32 + 10)
QUICK = Request(target="none")


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    """image [1,3,16,16] -> Conv 3x3 to 16 -> Conv 3x3 to 32, stride 2 -> mean -> Gemm to 10."""
    rng, kind = np.random.default_rng(0), onnx.TensorProto.FLOAT
    shapes = {"a": (16, 3, 3, 3), "ab": (16,), "b": (32, 16, 3, 3), "bb": (32,),
              "c": (10, 32), "cb": (10,)}  # fmt: skip
    held = [
        numpy_helper.from_array(
            (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32), name
        )
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["image", "a", "ab"], ["x"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["x"], ["y"], "relu"),
        helper.make_node(
            "Conv", ["y", "b", "bb"], ["z"], "second", pads=[1, 1, 1, 1], strides=[2, 2]
        ),
        helper.make_node("GlobalAveragePool", ["z"], ["m"], "mean"),
        helper.make_node("Flatten", ["m"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "c", "cb"], ["scores"], "last", transB=1),
    ]
    image = helper.make_tensor_value_info("image", kind, [1, 3, 16, 16])
    scores = helper.make_tensor_value_info("scores", kind, [1, 10])
    graph = helper.make_graph(nodes, "tiny", [image], [scores], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def small(network: onnx.ModelProto) -> FittedSmall:
    return fit_flash(network, "8KiB", Request(budget="16KiB"))


def test_weights_and_code_keep_to_the_flash(small: FittedSmall) -> None:
    assert small.compressed is not None
    assert small.checks is not None
    assert small.checks.faults == 0
    facts = small.facts()
    assert facts["code_bytes"] > 0
    assert facts["flash_bytes"] == facts["weight_bytes"] + facts["code_bytes"] <= 8 * 1024
    assert facts["flash_bytes"] > 0.9 * 8 * 1024  # what there is is used
    assert facts["arena_bytes"] <= 16 * 1024
    assert facts["dense"]["weight_bytes"] == WEIGHTS
    assert facts["dense"]["macs"] == 256 * 432 + 64 * 4608 + 320
    text = str(small)
    assert f"{facts['flash_bytes']:,} B of 8,192 B of flash" in text  # in KiB they would look equal
    assert "on noise for want of pictures; " in text


def test_flash_is_what_compress_counts(small: FittedSmall) -> None:
    """But for small constants, which are not worth the code that unpacks them."""
    assert small.compressed is not None
    own, counted = small.plan.profile.weight_bytes, small.compressed.bytes
    assert abs(own - counted) < 64 * len(small.compressed.rows)


def test_the_file_beside_the_program_is_what_it_was_made_of(
    small: FittedSmall, tmp_path: Path
) -> None:
    write_folder(tmp_path / "out", small.files)
    assert set(small.files) <= OWN
    assert len(recall(onnx.load(tmp_path / "out/compressed.onnx"))) == 3
    assert verify(tmp_path / "out", tmp_path / "out/compressed.onnx").checks is not None


@pytest.mark.parametrize("flash", ["1MiB", WEIGHTS])
def test_weights_that_fit_stay_exact(flash: str | int, network: onnx.ModelProto) -> None:
    found = fit_flash(network, flash, QUICK)
    assert found.compressed is None
    assert found.plan.profile.weight_bytes == found.dense.profile.weight_bytes
    assert "compressed.onnx" not in found.files
    assert found.facts()["compressed"] is None


def test_forms_are_tried_in_the_order_of_their_work(small: FittedSmall) -> None:
    """Each way of running the layers once, the fewest multiply-adds first; all give the same."""
    assert small.compressed is not None
    ways = list(_ways(small.compressed))
    assert ways[0] is small.compressed
    assert [way.macs for way in ways] == sorted(way.macs for way in ways)
    forms = [tuple(row.form for row in way.rows) for way in ways]
    assert len(set(forms)) == len(forms)
    x = np.random.default_rng(2).standard_normal((1, 3, 16, 16), dtype=np.float32)
    first, *others = (session(way.model).run(None, {"image": x})[0] for way in ways)
    assert all(np.abs(y - first).max() <= 1e-5 * np.abs(first).max() for y in others)


def test_what_cannot_be_met_is_said(network: onnx.ModelProto) -> None:
    with pytest.raises(BudgetError, match="weights take"):
        fit_flash(network, 500, QUICK)
    with pytest.raises(BudgetError, match="the budget is 5000"):
        fit_flash(network, "4KiB", replace(QUICK, budget=5000))


def test_command(network: onnx.ModelProto, tmp_path: Path) -> None:
    model, data, out = tmp_path / "net.onnx", tmp_path / "data.npz", tmp_path / "out"
    onnx.save(network, model)
    values = np.random.default_rng(1).integers(0, 256, (40, 3, 16, 16), np.uint8)
    (scores,) = session(network).run(None, {"image": (values[:1].astype(np.float32) - 128) / 64})
    np.savez(data, values=values, labels=np.full(40, scores.argmax()))
    words = ["fit", str(model), "--flash", "6KiB", "--budget", "16KiB", "--target", "none",
             "--calibrate", str(data), "--mean", "128", "--std", "64"]  # fmt: skip
    run = CliRunner().invoke(app, [*words, "-o", str(out), "--json"])
    assert run.exit_code == 0, run.output
    facts = json.loads(run.stdout.splitlines()[-1])
    assert facts["weight_bytes"] <= 6 * 1024
    assert 0 < facts["accuracy"] <= 1
    assert facts["test_pictures"] == facts["compressed"]["calibration_pictures"] == 40
    assert (out / "compressed.onnx").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--calibrate", "examples"], "for --int8 and --flash"),
        (["--flash", "48KiB", "--target", "onnx"], "--flash is for"),
        (["--flash", "48KiB", "--classes", __file__], "--classes needs the pictures"),
        (["--flash", "much"], "no size"),
    ],
)
def test_mistakes_are_named(
    words: list[str], said: str, network: onnx.ModelProto, tmp_path: Path
) -> None:
    out, model = tmp_path / "out", tmp_path / "net.onnx"
    onnx.save(network, model)
    run = CliRunner().invoke(app, ["fit", str(model), *words, "-o", str(out)])
    assert isinstance(run.exception, UsageError)
    assert said in str(run.exception)
    assert not out.exists()
