"""Weights in an order of their own for some families of processors: which array a compiler sees."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from eight import Eight, planned
from lowtide.backends import emit
from lowtide.backends.c99 import weights
from lowtide.check.compile import find_compiler, write_sources
from lowtide.ir.graph import Array
from lowtide.kernels import families
from lowtide.kernels.families import by_family, most_bytes
from lowtide.kernels.packing import ByFamily, InPairs, Numbers
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.timing.boards import board
from tools import need_board

OWN = {"helium": 11, "dsp": 22, "dot": 33}
"""What the weights and the endings of a family begin with here."""


@dataclass(frozen=True)
class Marked(InPairs):
    """The usual order behind a number of its own."""

    mark: int = 0

    def pack(self, values: Array) -> Array:
        return np.concatenate([np.array([self.mark], np.int8), super().pack(values)])


def plan_of(wanted: tuple[str, ...] | None) -> Plan:
    """A convolution whose weights and endings each family reads in its own order."""
    net = Eight(1, x=(1, 4, 6, 6))
    plan = planned(net.graph(net.conv("x", 4)), Options(place="greedy"))
    (use,) = plan.uses
    assert use is not None
    layout = replace(plan.layout, families=wanted)
    pairs, ends = (p.others if isinstance(p, ByFamily) else p for p in use.packings)
    assert isinstance(pairs, InPairs)
    assert isinstance(ends, Numbers)
    marked = {
        name: Marked(pairs.constant, pairs.together, pairs.slides, mark)
        for name, mark in OWN.items()
    }
    ended = {name: replace(ends, numbers=(mark, *ends.numbers)) for name, mark in OWN.items()}
    packings = by_family(layout, pairs, **marked), by_family(layout, ends, **ended)
    plan = replace(plan, layout=layout)
    plan.__dict__["uses"] = (replace(use, packings=packings),)
    return plan


def first_numbers(command: Sequence[str], folder: Path) -> list[int]:
    """What w0 and w1 begin with for a compiler."""
    done = subprocess.run([*command, "-E", "net.c"], cwd=folder, capture_output=True, check=True)
    text = done.stdout.decode()
    return [int(one) for one in re.findall(r" w[01]\w*\[\d+\] = \{\s*(-?\d+)", text)]


def written(plan: Plan, folder: Path) -> dict[str, bytes]:
    made = emit(plan)
    write_sources(made, folder)
    return made


@pytest.mark.parametrize(
    ("name", "family"),
    [("m55", "helium"), ("m4", "dsp"), ("m33", "dsp"), ("m3", ""), ("riscv32", ""),
     ("aarch64", "dot"), ("aarch64-dot", "dot")],
)  # fmt: skip
def test_each_board_has_the_order_of_its_family(name: str, family: str, tmp_path: Path) -> None:
    need_board(name)
    plan, command = plan_of(None), [board(name).family.compiler.command, *board(name).flags]
    written(plan, tmp_path)
    found = first_numbers([*command, "-std=c99"], tmp_path)
    usual = first_numbers([*command, "-std=c99", *(f"-U{m}" for m in _MACROS)], tmp_path)
    assert found == ([OWN[family]] * 2 if family else usual)
    assert OWN[family or "dsp"] not in usual


_MACROS = ("__ARM_FEATURE_MVE", "__ARM_FEATURE_DSP", "__aarch64__")


def test_only_families_that_are_emitted_have_an_array(tmp_path: Path) -> None:
    compiler = find_compiler() or pytest.skip("no C compiler")
    plan = plan_of(("dsp",))
    made = written(plan, tmp_path)
    assert len(re.findall(r"const int8_t w0\w*\[", made["net_weights.c"].decode())) == 2
    assert b"#define FAMILY_HELIUM" not in made["net.c"]
    assert plan.profile.weight_bytes == plan_of(None).profile.weight_bytes
    named = first_numbers([*compiler, "-D__ARM_FEATURE_DSP"], tmp_path)
    assert named == [OWN["dsp"]] * 2 != first_numbers(compiler, tmp_path)


def test_weights_in_a_file_have_the_order_of_one_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a PC, whatever is compiled for, if its C runs anywhere; else the portable one."""
    compiler, turn = find_compiler() or pytest.skip("no C compiler"), count()
    monkeypatch.setattr(weights, "MOST_IN_C", 0)
    for anywhere in (False, True):
        mended = tuple(replace(one, anywhere=anywhere) for one in families.FAMILIES)
        monkeypatch.setattr(families, "FAMILIES", mended)
        folder = tmp_path / str(next(turn))
        folder.mkdir()
        made = written(plan_of(None), folder)
        assert (made["net_weights.bin"][0] == OWN["dot"]) is anywhere
        assert ("#define FAMILY_DOT" in made["net.c"].decode()) is anywhere
        subprocess.run([*compiler, "-fsyntax-only", "net.c"], cwd=folder, check=True)


def test_scratch_is_the_most_over_the_families_emitted() -> None:
    layout = plan_of(None).layout
    assert most_bytes(layout, 100, helium=300, dsp=200) == 300
    assert most_bytes(replace(layout, families=("dsp",)), 100, helium=300, dsp=200) == 200
    assert most_bytes(replace(layout, families=()), 100, helium=300) == 100
    pairs = InPairs("w", 1, False)
    assert by_family(replace(layout, families=()), pairs, dsp=pairs) == pairs
    assert by_family(layout, pairs, dsp=pairs) == ByFamily((("dsp", pairs),), pairs)


def test_scratch_begins_at_a_whole_word() -> None:
    """Whatever else may lie anywhere."""
    net = Eight(1, x=(1, 3, 5, 5), more=(1, 7, 3, 3))
    graph = net.graph(net.conv("x", 4), net.conv("more", 5))
    for overlap in ("none", "pixel"):
        options = Options(schedule="layerwise", place="greedy", align=1, overlap=overlap)  # type: ignore[arg-type]
        plan = planned(graph, options)
        kept = {plan.offset[name] % 4 for name in plan.layout.scratch.values()}
        assert kept == {0}
