"""Bytes of the arena that NET.h says are free while an operator works are nobody's.

at each NET_AT(k)   those of the operator before are as they were left
                    those of k are overwritten with noise, and the results stay
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lowtide.check.compile import WARNINGS, find_compiler, write_sources
from lowtide.check.free import check_in_use
from lowtide.check.trial import pack
from lowtide.errors import CheckError
from lowtide.planner.memory_map import MemoryMap
from lowtide.planner.options import Options
from networks import random_network
from programs import STREAM, Judged, judge_model
from test_network_names import calls, packed, place, ports

LAYERS = Options(place="greedy", schedule="layerwise", name="face")
TURNS = replace(STREAM, name="face")
ROWS = replace(STREAM, image="streamed", result="streamed", name="face")

_LEND = """\
#include "face.h"
#include <stdio.h>
#include <string.h>
static void lend(int op);
#define FACE_AT(op) lend(op)
#include "face.c"

static const long in_use[FACE_OPERATORS] = FACE_IN_USE, free_of[FACE_OPERATORS][2] = FACE_FREE;
static int lent = FACE_OPERATORS;
static unsigned char noise[FACE_ARENA_BYTES];
static long lost, bytes;

static void lend(int op)
{
    if (lent < FACE_OPERATORS)
        lost += memcmp(face_arena + free_of[lent][0], noise, (size_t)free_of[lent][1]) != 0;
    lent = op;
    if (op == FACE_OPERATORS)
        return;
    for (long k = 0; k < free_of[op][1]; k++)
        noise[k] = (unsigned char)(k * 37 + op);
    memcpy(face_arena + free_of[op][0], noise, (size_t)free_of[op][1]);
    bytes += free_of[op][1];
    lost += in_use[op] + free_of[op][1] > FACE_ARENA_BYTES;
}
"""


def main_of(held: Judged) -> str:
    arrays = [
        f"static {port.c} {place(port, way, 'face')}[{port.elements}];"
        for port, way in ports(held.memory)
        if port.streamed
    ]
    body = [*arrays, "int main(void) {", *calls(held.memory)]
    return "\n".join([_LEND, *body, '    fprintf(stderr, "%ld %ld", lost, bytes);', "return 0; }"])


@pytest.mark.parametrize("options", [LAYERS, TURNS, ROWS], ids=["layers", "turns", "rows"])
@pytest.mark.parametrize("seed", [2, 5])
def test_noise_in_free_bytes_changes_nothing(seed: int, options: Options, tmp_path: Path) -> None:
    compiler = find_compiler() or pytest.skip("no C compiler")
    network = random_network(seed)
    held = judge_model(network.model, network.inputs, options=options)
    write_sources(held.files, tmp_path)
    (tmp_path / "main.c").write_text(main_of(held))
    command = [*compiler, *WARNINGS, "-O1", "-ffp-contract=fast", "-o", "all", "main.c", "-lm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ran = subprocess.run(
        [tmp_path / "all"], input=pack(held.memory.inputs, held.sample.inputs),
        capture_output=True, check=True,
    )  # fmt: skip
    lost, lent = map(int, ran.stderr.split())
    assert lost == 0
    assert lent > 0, "nothing was lent out"
    assert ran.stdout == b"".join(packed(held))


def moved(memory: MemoryMap, number: int, by: int) -> MemoryMap:
    ops = list(memory.operators)
    ops[number] = replace(ops[number], free_from=ops[number].free_from + by)
    return replace(memory, operators=tuple(ops))


def test_what_is_not_free_is_refused() -> None:
    network = random_network(5)
    memory = judge_model(network.model, network.inputs, options=LAYERS).memory
    check_in_use(memory, "plan.json")
    assert json.loads(memory.to_json())["operators"][0]["in_use_bytes"] > 0
    number = max(range(len(memory.operators)), key=lambda k: memory.operators[k].free_bytes)
    assert memory.operators[number].free_from > 0 or number
    for by in (-1, 1):
        with pytest.raises(CheckError, match="free"):
            check_in_use(moved(memory, number, by), "plan.json")
    ops = list(memory.operators)
    ops[number] = replace(ops[number], in_use_bytes=ops[number].in_use_bytes - 1)
    with pytest.raises(CheckError, match="bytes are in use"):
        check_in_use(replace(memory, operators=tuple(ops)), "plan.json")
