"""Chips in an exploration: of each point, whether each of them holds it, and what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

import lowtide
from lowtide.errors import UsageError
from lowtide.explorer.chips import chips_of, for_all
from lowtide.explorer.explore import explore
from lowtide.explorer.front import Point, front, point
from lowtide.pipeline.on_chip import Limits, OnChip
from lowtide.planner.options import Options
from test_cli import lowtide as command
from test_explore import counted
from test_several import network

TWO = ("stm32l476", "rp2040")
WIDE = (Options(schedule="layerwise", overlap="none"),)


def test_the_same_as_fit_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One chip has too little RAM, and another processor; what is kept serves for each of them."""
    model, out = network(70), tmp_path / "out"
    planned = counted(monkeypatch)
    found = explore(model, WIDE, chips=chips_of([*TWO, TWO[0]]), folder=out)
    held = lowtide.profile(model, options=WIDE[0], chip=TWO).chips
    assert found.points[0].chips == held
    assert [one.fits for one in held] == [False, True]
    head, row = str(found).splitlines()[2:4]
    assert head.split()[-3:] == [*TWO, "recipe"]
    assert f"{held[0].short}    fits  layer by layer" in row
    assert held[0].short in found._repr_html_()
    assert found.facts()["points"][0]["chips"] == [one.facts() for one in held]
    assert explore(model, WIDE, folder=out).points[0].chips == ()
    assert explore(model, WIDE, chips=chips_of("rp2040"), folder=out).points[0].chips == held[1:]
    assert len(planned) == 1, "and for each chip"


def test_what_fits_is_on_the_front() -> None:
    """Also where it costs more: what does not fit does not beat it."""

    def made(arena: int, flash: int) -> Point:
        limits = Limits.of(None, "stm32l476")
        assert limits.chip
        own = OnChip(limits.chip, limits, 1024 * arena, 1024 * flash, True, True)
        return Point(WIDE[0], 1024 * arena, 1, 0.0, 1, None, 0.0, chips=(own,))

    lean, fitting, dear = made(50, 1100), made(60, 1000), made(70, 1020)
    assert front([lean, fitting, dear]) == (fitting, lean)
    assert front([replace(one, chips=()) for one in (lean, fitting)]) == (replace(lean, chips=()),)
    assert point(fitting.facts()) == fitting


def test_the_processor_of_all() -> None:
    """Points are planned for it if the chips have one in common."""
    for names, cpu in ((("stm32l476", "nrf52840"), "cortex-m4f"), (TWO, None), ((), None)):
        assert for_all(Options(), chips_of(names)).cpu == cpu
    assert for_all(Options(cpu="cortex-m3"), chips_of(TWO)).cpu == "cortex-m3"
    with pytest.raises(UsageError, match="no such chip"):
        chips_of("banana")


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network(), path)
    chips = [word for name in TWO for word in ("--chip", name)]
    asked = ("explore", path, "--max-overhead", 0, *chips, "-o", tmp_path / "out")
    facts = json.loads(command(*asked, "--json").stdout)
    assert [[one["name"] for one in p["chips"]] for p in facts["points"]] == [[*TWO]] * len(
        facts["points"]
    )
    again = command(*asked)
    assert "6 of 6 found before" in again.stderr
    assert again.stdout.count("fits    fits") == len(facts["points"])
