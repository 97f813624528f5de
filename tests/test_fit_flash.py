"""fit --flash: one budget for each memory, and exact weights wherever they fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lowtide.cli import app
from lowtide.errors import BudgetError, UsageError
from lowtide.fit_flash import FittedSmall, Task, fit_flash
from lowtide.weights.store import recall
from lowtide.write import OWN

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "examples/resnet8_cifar10.onnx"
PICTURES = ROOT / "examples/pictures"
SCALING = ("--mean", "125.307,122.961,113.8575", "--std", "62.985,62.0925,66.708")
QUICK = Task(target="none")


@pytest.fixture(scope="module")
def small() -> FittedSmall:
    return fit_flash(MODEL, "48KiB", Task(budget="48KiB"))


def test_weights_and_code_keep_to_the_flash(small: FittedSmall) -> None:
    assert small.compressed is not None
    assert small.fitted.checks is not None
    assert small.fitted.checks.faults == 0
    facts = small.facts()
    assert facts["code_bytes"] > 0
    assert facts["flash_bytes"] == facts["weight_bytes"] + facts["code_bytes"] <= 48 * 1024
    assert facts["flash_bytes"] > 0.9 * 48 * 1024  # what there is is used
    assert facts["arena_bytes"] <= 48 * 1024
    assert facts["dense"]["weight_bytes"] > 300_000
    assert facts["dense"]["macs"] == 12_501_632


def test_flash_is_what_compress_counts(small: FittedSmall) -> None:
    """But for small constants, which are not worth the code that unpacks them."""
    assert small.compressed is not None
    own, counted = small.fitted.plan.profile.weight_bytes, small.compressed.bytes
    assert abs(own - counted) < 64 * len(small.compressed.rows)


def test_the_file_beside_the_program_is_what_it_was_made_of(
    small: FittedSmall, tmp_path: Path
) -> None:
    import onnx

    from lowtide import verify
    from lowtide.write import write_folder

    write_folder(tmp_path / "out", small.files)
    assert set(small.files) <= OWN
    assert len(recall(onnx.load(tmp_path / "out/compressed.onnx"))) == 10
    assert verify(tmp_path / "out", tmp_path / "out/compressed.onnx").checks is not None


@pytest.mark.parametrize("flash", ["1MiB", 310_824])
def test_weights_that_fit_stay_exact(flash: str | int) -> None:
    found = fit_flash(MODEL, flash, QUICK)
    assert found.compressed is None
    assert found.fitted.plan.profile.weight_bytes == found.dense.profile.weight_bytes
    assert "compressed.onnx" not in found.files
    assert found.facts()["compressed"] is None


def test_the_form_is_the_one_that_the_ram_allows() -> None:
    """ResNet-8's factors run in the least multiply-adds without a budget for the RAM."""
    from dataclasses import replace

    task = replace(QUICK, families=("generated",))
    free = fit_flash(MODEL, "24KiB", task)
    assert free.compressed is not None
    needed = free.fitted.arena_bytes
    met = fit_flash(MODEL, "24KiB", replace(task, budget=needed))
    assert met.compressed is not None
    assert met.compressed.macs == free.compressed.macs
    macs = sum(row.macs for row in free.compressed.executed("materialised").rows)
    assert macs > free.compressed.macs


def test_what_cannot_be_met_is_said() -> None:
    with pytest.raises(BudgetError, match="weights take"):
        fit_flash(MODEL, 3000, QUICK)
    with pytest.raises(BudgetError, match="the budget is 20000"):
        fit_flash(MODEL, "48KiB", Task(budget=20_000, target="none"))


def test_command(tmp_path: Path) -> None:
    labels, out = tmp_path / "labels.txt", tmp_path / "out"
    labels.write_text("3\n6\n7\n8\n9\n")  # cat frog horse ship truck
    words = ["fit", str(MODEL), "--flash", "64KiB", "--budget", "48KiB", "--target", "none",
             "--calibrate", str(PICTURES), *SCALING, "--classes", str(labels)]  # fmt: skip
    run = CliRunner().invoke(app, [*words, "-o", str(out), "--json"])
    assert run.exit_code == 0, run.output
    facts = json.loads(run.stdout.splitlines()[-1])
    assert facts["weight_bytes"] <= 64 * 1024
    assert facts["accuracy_dense"] == facts["accuracy"] == 1.0
    assert facts["compressed"]["calibration_pictures"] == 5
    assert (out / "compressed.onnx").exists()
    run = CliRunner().invoke(app, words)
    assert "multiply-adds" in run.stdout
    assert "100.00 % -> 100.00 % of 5 pictures" in run.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--calibrate", "examples"], "are for --flash"),
        (["--flash", "48KiB", "--target", "onnx"], "--flash is for"),
        (["--flash", "48KiB", "--classes", "x"], "--classes needs the pictures"),
        (["--flash", "much"], "no size"),
    ],
)
def test_mistakes_are_named(words: list[str], said: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = CliRunner().invoke(app, ["fit", str(MODEL), *words, "-o", str(out)])
    assert isinstance(run.exception, UsageError)
    assert said in str(run.exception)
    assert not out.exists()
