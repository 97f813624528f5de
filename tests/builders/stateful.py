"""Random networks with states, and many programs with states in one compiler run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import lowtide
from lowtide.backends import emit
from lowtide.check.compile import WARNINGS, find_compiler, run, write_sources
from lowtide.check.main_around import main_around
from lowtide.check.trial import io_of, kept_by, no_fault, pack, unpack
from lowtide.ir.graph import Array
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.plan import Plan
from lowtide.quoting import own

OPTIONS: tuple[dict[str, object], ...] = (
    {}, {"schedule": "layerwise"}, {"overlap": "none"}, {"overlap": "row"}, {"overlap": "pixel"},
    {"objective": "latency"}, {"objective": "balanced"}, {"order": "given"}, {"io_layout": "nchw"},
)  # fmt: skip


@dataclass(frozen=True)
class Stateful:
    """A network, the words of --state, and a sequence of inputs."""

    model: onnx.ModelProto
    words: tuple[str, ...]
    sets: tuple[dict[str, Array], ...]
    options: lowtide.Options

    @cached_property
    def plan(self) -> Plan:
        return lowtide.profile(self.model, options=self.options)

    @cached_property
    def memory(self) -> MemoryMap:
        return memory_map(self.plan)


def random_stateful(seed: int, steps: int = 6) -> Stateful:
    """Operators on vectors or images of one shape; any of them, or a view, may be a new state."""
    dice = np.random.default_rng(seed)
    shape = (1, 6) if dice.integers(2) else (1, int(dice.integers(1, 4)), 5, 4)
    count = int(dice.integers(1, 4))
    states = [f"s{k}" for k in range(count)]
    known, nodes, constants = ["x", *states], list[onnx.NodeProto](), list[onnx.TensorProto]()

    def add(kind: str, inputs: Sequence[str], **attributes: object) -> str:
        name = f"t{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        known.append(name)
        return name

    def held(*size: int) -> str:
        values = dice.normal(0, 0.4, size).astype(np.float32)
        constants.append(numpy_helper.from_array(values, f"w{len(constants)}"))
        return constants[-1].name

    for _ in range(int(dice.integers(2, 9))):
        kind = str(dice.choice(["Add", "Mul", "Sub", "Tanh", "Sigmoid", "Relu", "wide", "turned"]))
        a, b = (str(dice.choice(known)) for _ in range(2))
        if kind in ("Add", "Mul", "Sub"):
            add(kind, [a, b])
        elif kind == "wide" and len(shape) == 2:
            add("MatMul", [a, held(6, 6)])
        elif kind == "wide":
            add("Conv", [a, held(shape[1], shape[1], 3, 3)], pads=[1, 1, 1, 1])
        elif kind == "turned":
            order = [0, 1] if len(shape) == 2 else [0, 1, 3, 2]
            turned = add("Transpose", [a], perm=order if len(shape) == 4 else [1, 0])
            known.remove(turned)
            known.remove(back := add("Tanh", [turned]))
            add("Transpose", [back], perm=order if len(shape) == 4 else [1, 0])
        else:
            add(kind, [a])
    made = []
    for name in states:
        last = str(dice.choice(known))
        kind = "Identity" if dice.integers(3) == 0 else "Tanh"
        nodes.append(helper.make_node(kind, [last], [f"{name}_out"], f"{name}_out"))
        made.append(f"{name}_out")
    last = [known[-1], *states] if dice.integers(2) else [known[-1], made[0]]
    nodes.append(helper.make_node("Sum", last, ["y"], "y"))

    def value(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes, f"g{seed}", [*map(value, ["x", *states])], [*map(value, ["y", *made])], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    words = tuple(f"{name}_out:{name}" for name in states)
    sets = tuple({"x": dice.normal(0, 1, shape).astype(np.float32)} for _ in range(steps))
    others = OPTIONS[int(dice.integers(len(OPTIONS)))]
    return Stateful(model, words, sets, lowtide.Options(state=words, name=f"n{seed}", **others))  # type: ignore[arg-type]


_MAIN = """\
#include <stdlib.h>
{declared}
int main(int count, char **words)
{{
    switch (count > 1 ? atoi(words[1]) : -1) {{
{cases}
    }}
    return 2;
}}
"""


def run_all(cases: Sequence[Stateful], folder: Path) -> list[list[list[Array]]]:
    """What the judged programs of some networks make of their sequences; all compiled at once."""
    compiler, sources = find_compiler(), ["main.c"]
    assert compiler is not None
    for k, one in enumerate(cases):
        name, memory = one.options.name, one.memory
        files = emit(one.plan)
        write_sources({n: c for n, c in files.items() if "reference" not in n}, folder)
        ports = io_of(memory.inputs), io_of(memory.outputs)
        text = own(main_around(*ports, kept_by(memory)), name)
        head = f"#define main main{k}\n#define room room{k}\nint main{k}(void);\n"
        (folder / f"main{k}.c").write_text(head + text)
        sources += [f"main{k}.c", f"checks/{name}.c"]
    numbers = range(len(cases))
    declared = "\n".join(f"int main{k}(void);" for k in numbers)
    called = "\n".join(f"    case {k}: return main{k}();" for k in numbers)
    (folder / "main.c").write_text(_MAIN.format(declared=declared, cases=called))
    command = [*compiler, *WARNINGS, "-O0", "-ffp-contract=off", "-DLOWTIDE_CHECKED", "-I."]
    subprocess.run([*command, "-o", "all", *sources, "-lm"], cwd=folder, check=True)
    return [_made(folder / "all", k, one) for k, one in enumerate(cases)]


def _made(program: Path, number: int, one: Stateful) -> list[list[Array]]:
    memory = one.memory
    given = b"".join(pack(memory.inputs, inputs) for inputs in one.sets)
    verdict = run(program, given, words=[str(number)])
    no_fault(verdict, memory, one.options.name)
    size = len(verdict.outputs) // len(one.sets)
    parts = (verdict.outputs[k * size : (k + 1) * size] for k in range(len(one.sets)))
    return [unpack(part, memory.outputs) for part in parts]
