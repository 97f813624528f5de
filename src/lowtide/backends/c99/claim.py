"""What the judge does before a step of several rows.

A kernel takes the pixels of its rows in an order of its own, so none of them may be written where
another is still to be read:

    for all rows of the step    CLAIM(S2, y, ...)       every element that is to be written
    for all rows of the step    READ .. WRITE           finds no input that was claimed

Sums that grow lie where they are written: they must be there when the step begins.
"""

from __future__ import annotations

from contextlib import ExitStack

from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines
from lowtide.rows.task import Task


def emit_claim(number: int, task: Task, program: Program, lines: Lines) -> None:
    """Emits the judge's stamps of all that rows first to first + rows - 1 of a task will write."""
    assert task.row is not None
    place, row = program.plan.layout.places[task.output], task.row.name
    target = program.address(place, task.nest.axes).c
    lines.add(f"#ifdef LOWTIDE_CHECKED\nTASK({number}, first);")
    with ExitStack() as loops:
        if not task.accumulates:
            loops.enter_context(
                lines.block(f"for (int {row} = first; {row} < first + rows; {row}++)")
            )
        for v in task.inside:
            loops.enter_context(
                lines.block(f"for (int {v.name} = 0; {v.name} < {v.extent}; {v.name}++)")
            )
        claim = f"CLAIM({target});"
        lines.add(
            f"if (first > 0)\n    USE_ELEMENT({target});\nelse\n    {claim}"
            if task.accumulates
            else claim
        )
    lines.add("#endif")
