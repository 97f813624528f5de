"""Programs proven for every input by Frama-C's Eva, and a planted fault found (docs/proofs.md)."""

from __future__ import annotations

import shutil

import pytest
from bench.proofs import main_c, prove

from eight import Eight, planned
from lowtide.backends import emit
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options

PROVEN = shutil.which("frama-c") is not None


@pytest.mark.slow
@pytest.mark.skipif(not PROVEN, reason="there is no frama-c: apt install frama-c-base")
def test_a_convolution_is_proven_and_an_arena_too_short_is_found() -> None:
    net = Eight(x=(1, 1, 3, 3))
    plan = planned(net.graph(net.conv("x", 2)), Options(cpu="portable"))
    memory, files = memory_map(plan), emit(plan)
    assert prove(files, "net.c", main_c(memory)).alarms == 0
    size = f"NET_ARENA_BYTES {memory.arena_bytes}"
    assert size in files["net.h"].decode()
    short = files["net.h"].decode().replace(size, f"NET_ARENA_BYTES {memory.arena_bytes // 2}")
    spoiled = {**files, "net.h": short.encode()}
    assert prove(spoiled, "net.c", main_c(memory)).alarms > 0
