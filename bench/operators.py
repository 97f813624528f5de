"""docs/operators.md, from the entries and what ONNX's node cases make of them.

python -m bench.operators
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import onnx
import onnx.defs

from bench.tables import put

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests/builders"))  # the node cases are the examples

from lowtide.errors import ModelError  # noqa: E402
from lowtide.frontends.onnx.load import NEWEST_OPSET, OLDEST_OPSET  # noqa: E402
from lowtide.ir.nest import walk  # noqa: E402
from lowtide.ir.value import Load  # noqa: E402
from lowtide.kernels.choose import matching  # noqa: E402
from lowtide.layout.lay_out import Layout  # noqa: E402
from lowtide.ops import ENTRIES, Entry  # noqa: E402
from lowtide.ops.entry import ANY  # noqa: E402
from lowtide.planner.options import Options  # noqa: E402
from lowtide.report.operators import operators_facts  # noqa: E402
from lowtide.rows.task import Grain, Task, depends_on  # noqa: E402
from networks import random_network  # noqa: E402
from node_cases import collect  # noqa: E402
from programs import plan_model  # noqa: E402

DOCUMENT = ROOT / "docs" / "operators.md"

NETWORKS = 200

Seen = dict[str, set[str]]


def opsets(type_: str) -> str:
    """The opsets, of those that are read, that have an operator."""
    all_ = onnx.defs.get_all_schemas_with_history()
    since = min(s.since_version for s in all_ if s.name == type_ and s.domain == "")
    gone = [s.since_version for s in all_ if s.name == type_ and s.domain == "" and s.deprecated]
    last = min(gone) - 1 if gone else NEWEST_OPSET
    return f"{max(since, OLDEST_OPSET)}-{last}"


def way(task: Task, layout: Layout) -> str:
    """How a task goes through its rows.

    streamed      a row of the output needs some rows of the input
    accumulates   all rows are summed up as they come, each is read once
    barrier       all rows are read before the first is made, and then again
    """
    if task.row is None:
        total = len(task.nest.reductions)
        late = {p.read for p in walk(task.nest.finish) if isinstance(p, Load)}
        again = [r for r in late if task.operands[task.nest.reads[r].operand] in layout.places]
        if not total:
            return "one row"
        return "barrier" if again or total > 1 else "accumulates"
    needs_all = any(
        task.row not in depends_on(task.nest, k) for k in range(len(task.nest.reductions))
    )
    return "barrier" if needs_all else "streamed"


def examples() -> Iterator[onnx.ModelProto]:
    """ONNX's node cases, and random networks."""
    for run in collect().values():
        if run.family in ENTRIES:
            yield run.network()[0]
    for seed in range(NETWORKS):
        yield random_network(seed).model


def kernels_of(task: Task, layout: Layout) -> set[str]:
    """What computes a task in a plan layer by layer, and in one of whole rows."""
    whole_rows = replace(task, grain=Grain())
    return {use.kernel.name for one in (task, whole_rows) for use in matching(one, layout)}


def seen() -> tuple[Seen, Seen]:
    """How each operator goes through its rows, and the kernels that compute it, in the examples."""
    ways: Seen = defaultdict(set)
    kernels: Seen = defaultdict(set)
    for model in examples():
        try:
            plan = plan_model(model, Options(place="greedy", fuse_pools=False))
        except ModelError:
            continue
        for task in plan.tasks:
            ways[task.operator.type].add(way(task, plan.layout))
            kernels[task.operator.type] |= kernels_of(task, plan.layout)
    return ways, kernels


def rows(entry: Entry, ways: Seen) -> str:
    """How an operator goes through its rows, in a word or two."""
    if entry.pointwise:
        return "element-wise"
    return ", ".join(sorted(ways[entry.type] - {"one row"})) or "view"


def line(entry: Entry, ways: Seen, kernels: Seen) -> str:
    """One operator."""
    attributes = sorted({*entry.attributes, *entry.parameters})
    constants = [
        f"{name} (input {k})" for name, k in sorted(entry.parameters.items(), key=lambda p: p[1])
    ]
    types = "any" if entry.types == ANY else ", ".join(map(str, entry.types))
    if entry.makes:
        types += " -> " + ", ".join(map(str, entry.makes))
    cells = (
        entry.type, opsets(entry.type), ", ".join(attributes), ", ".join(constants), types,
        rows(entry, ways),
        ", ".join(sorted(kernels[entry.type])) or "loops",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


LISTS = {
    "dropped": "dropped_without_effect",
    "written": "written_out",
    "qdq": "qdq_operators",
    "qlinear": "qlinear_operators",
    "tflite": "tflite_operators",
}
"""Those of `lowtide operators` beside the table."""


def put_lists() -> None:
    """Writes them, as `lowtide operators` has them."""
    facts = operators_facts()
    for name, key in LISTS.items():
        put(DOCUMENT, name, ", ".join(facts[key]) + ".\n")


def main() -> None:
    """Writes the table."""
    ways, kernels = seen()
    head = ("operator", "opsets", "attributes", "constant inputs", "types", "rows", "kernel")
    lines = [
        line(e, ways, kernels)
        for e in sorted(ENTRIES.values(), key=lambda e: e.type)
        if onnx.defs.has(e.type, "")
    ]
    text = "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *lines, ""])
    put(DOCUMENT, "operators", text)
    put_lists()
    print(f"{len(lines)} operators in {DOCUMENT}")


if __name__ == "__main__":
    main()
