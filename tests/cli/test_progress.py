"""Progress where nobody watches: lines ever further apart, with what is left where it is known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lowtide.cli import progress
from lowtide.cli.progress import StageLine
from lowtide.clock import Part


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_FIRST_S", 0.2)
    monkeypatch.delenv("LOWTIDE_PROGRESS", raising=False)


def run(on: StageLine, seconds: float) -> None:
    """Forty stages, then one that lasts."""
    with on as stages:
        for number in range(40):
            stages(f"placing rows, {number}")
        stages("checking net.c")
        time.sleep(seconds)


def test_one_line_when_it_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all stages the one that runs then."""
    run(StageLine(Path("a.onnx")), 0.5)
    said = capsys.readouterr().err
    assert said == "lowtide: a.onnx: checking net.c; 0 s so far\n"


def test_waits_double_up_to_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line after 10, 30, 70 s, then each minute, with what is left when it is said."""
    monkeypatch.setattr(progress, "_FIRST_S", 10.0)
    monkeypatch.setattr("lowtide.cli.progress.time.monotonic", lambda: now)
    now = 0.0
    line = StageLine()
    line(Part("plan", 1, 3))
    now = 50.0
    line(Part("plan", 2, 3))
    now = 0.0

    def wait(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return now > 200

    monkeypatch.setattr(line.ended, "wait", wait)
    line._say_now_and_then()
    told = [
        text.removeprefix("lowtide: plan 2 of 3") for text in capsys.readouterr().err.split("\n")
    ]
    assert told == [
        ", about 2 min left; 10 s so far", ", about 2 min left; 30 s so far",
        ", about 80 s left; 70 s so far", ", about 20 s left; 2 min so far",
        "; 3 min so far", "",
    ]  # fmt: skip


def test_no_line_when_it_is_soon_done_or_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """And none after the command has ended."""
    run(StageLine(), 0.0)
    run(StageLine(quiet=True), 0.4)
    assert capsys.readouterr().err == ""


def test_a_line_for_each_stage_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LOWTIDE_PROGRESS=1: for logs."""
    monkeypatch.setenv("LOWTIDE_PROGRESS", "1")
    run(StageLine(), 0.0)
    run(StageLine(quiet=True), 0.0)
    assert len(capsys.readouterr().err.splitlines()) == 41


def test_time_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten layers of 30 s each, begun at the third: after one of them 7 are left."""
    monkeypatch.setenv("LOWTIDE_PROGRESS", "1")
    now = iter([0.0, 100.0, 130.0])
    monkeypatch.setattr("lowtide.cli.progress.time.monotonic", lambda: next(now))
    with StageLine() as stages:
        stages(Part("fitting layer", 3, 10))
        stages(Part("fitting layer", 4, 10, ": conv1"))
    assert capsys.readouterr().err.splitlines() == [
        "lowtide: fitting layer 3 of 10",
        "lowtide: fitting layer 4 of 10: conv1, about 4 min left",
    ]
