"""Random networks that take turns in one arena: floats, rows handed over, packed, 8 bits.

    python tests/builders/turns.py 8 18      18 programs of 8 networks, each of which follows each

Some of what they are given, or make, is kept from turn to turn.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

import qdq_graphs
from batches import Case, make_case
from graph_cases import CASES
from lowtide.backends import alignment, emit, emit_together
from lowtide.check.expected import Expected
from lowtide.check.judge import judge_placement
from lowtide.check.numbers import Sample
from lowtide.check.together import Guest, Turns, judge_shared, judge_turns
from lowtide.clock import Clock, quiet
from lowtide.errors import CheckError
from lowtide.files.several import one_folder
from lowtide.pipeline.read import read
from lowtide.planner.make_plan import make_plan
from lowtide.planner.memory_map import memory_map
from lowtide.planner.plan import Plan
from lowtide.planner.together import Kept, Shared, share
from lowtide.weights.network import read as read_network
from lowtide.weights.runner import Runner
from lowtide.weights.store import store
from networks import random_network, random_options
from programs import STREAM, plan_model
from weight_layers import conv, factors

assert qdq_graphs

QUICK = ((True, ("-O0", "-ffp-contract=off")), (False, ("-O1", "-ffp-contract=fast")))
QUICKLY = replace(STREAM, place="greedy")
ROWS = replace(STREAM, image="streamed", result="streamed")


def _float(seed: int, _: Path) -> Case:
    network = random_network(seed)
    return make_case(f"float {seed}", network, plan_model(network.model, random_options(seed)))


def _rows(seed: int, _: Path) -> Case:
    network = random_network(seed)
    options = random.Random(seed).choice((ROWS, STREAM, replace(ROWS, result="resident")))
    return make_case(f"rows {seed}", network, plan_model(network.model, options))


def _packed(seed: int, _: Path) -> Case:
    """A layer whose weights are codes of few bits, and their factors."""
    dice = random.Random(seed)
    model, x = conv(dice, 4)
    network = read_network(model)
    (found,) = network.layers
    made = factors(dice, found.filters)
    (expected,) = Runner(network).outputs({"x": x}, {found.weight: made.values})
    stored = store(network, {found.name: made}, {}, dice.choice(("factored", "materialised")))
    source, graph = read(stored, Clock(quiet))
    plan = make_plan(source, graph, dice.choice((STREAM, ROWS)), Clock(quiet))
    return Case(f"packed {seed}", network, plan, Sample("given", {"x": x}, Expected((expected,))))  # type: ignore[arg-type]


KINDS = (_float, CASES["tflite"], _rows, _packed, CASES["tflite"], _float, _rows, CASES["qdq"])


def cases(first: int, count: int, folder: Path) -> list[Case]:
    """So many networks, of each kind in turn."""
    return [KINDS[seed % len(KINDS)](seed, folder) for seed in range(first, first + count)]


def chain(first: str, second: str, channels: int = 2) -> list[onnx.ModelProto]:
    """Two networks: what the first makes is as the second reads it."""
    head = '<ir_version: 8, opset_import: ["" : 17]>\n'
    texts = (
        f"first (float[1,2,6,5] x) => (float[1,2,6,5] y) {{ z = {first}(x)\n y = Neg(z) }}",
        f"second (float[1,{channels},6,5] x) => (float[1,{channels},6,5] y)"
        f" {{ z = {second}(x)\n y = Add(z, x) }}",
    )
    return [onnx.parser.parse_model(head + text) for text in texts]


def drawn_kept(plans: Sequence[Plan], dice: random.Random) -> Iterator[Kept]:
    """Half of the networks keep something that lies in the arena, some of them two things."""
    for plan in plans:
        seen = set[str]()
        ports = [("input", one) for one in plan.inputs if not one.streamed]
        ports += [("output", one) for one in plan.outputs if not one.streamed]
        for way, port in dice.sample(ports, min(len(ports), dice.choice((0, 0, 1, 2)))):
            storage = plan.layout.places[port.tensor].storage
            if storage in seen:
                continue
            seen.add(storage)
            yield Kept(plan.options.name, way, port.name, storage)  # type: ignore[arg-type]


def named(plan: Plan, number: int) -> Plan:
    return replace(plan, options=replace(plan.options, name=f"n{number}"))


def judged(held: Sequence[Case], dice: random.Random) -> tuple[Shared, Turns]:
    """Networks in one arena, some of what they have kept; raises CheckError."""
    plans = [named(case.plan, k) for k, case in enumerate(held)]
    shared, placed = share(
        plans, [(one,) for one in drawn_kept(plans, dice)], max(map(alignment, plans))
    )
    memories = [memory_map(plan) for plan in placed]
    for memory in memories:
        judge_placement(memory)
    judge_shared(shared, memories)
    files = one_folder(
        {plan.options.name: emit(plan) for plan in placed}, emit_together(placed, shared)
    )
    guests = [Guest(m, [case.sample]) for m, case in zip(memories, held, strict=True)]
    turns = judge_turns(files, shared, guests, ways=QUICK)
    assert turns is not None, "these tests need a C compiler"
    return shared, turns


def main(together: int, programs: int) -> None:
    pairs = kept = reads = faults = 0
    for number in range(programs):
        dice = random.Random(f"turns {number}")
        with TemporaryDirectory() as folder:
            held = cases(number * together, together, Path(folder))
        try:
            shared, turns = judged(held, dice)
        except CheckError as error:
            faults += 1
            print([case.name for case in held], error)
            continue
        pairs += together * (together - 1) // 2
        kept, reads = kept + len(shared.kept), reads + turns.reads
        print(f"{pairs} pairs, {kept} kept, {reads} reads checked, {faults} faults", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
