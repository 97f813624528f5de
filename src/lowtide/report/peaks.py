"""Why the most bytes live where they do, in a sentence.

At conv2 (Conv+Relu) 41,600 bytes live, the most: 16,384 of conv0, which wait for add1; ..
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowtide.planner.costs import label
from lowtide.quoting import for_terminal
from lowtide.report.sides import Side
from lowtide.rows.schedule import Run
from lowtide.rows.task import Task

_TOLD = 4


def read_by(side: Side, task: Task) -> set[str]:
    """The storages that a task reads."""
    places = side.layout.places
    return {places[name].storage for name in task.reads if name in places}


def made_by(side: Side, task: Task) -> str:
    """The storage that a task writes."""
    return side.layout.places[task.output].storage


def owners(side: Side) -> dict[str, str]:
    """What people know each storage by: the operator that makes it first, or the input's name."""
    made = {made_by(side, task): task.operator.name for task in side.tasks[::-1] if not task.port}
    return {name: made.get(name, name) for name in side.lives}


def peak_words(side: Side) -> str:
    """The sentence for the fullest moment of a side."""
    moment = int(side.live.argmax())
    running = [run for run, tick in side.schedule.timed() if tick <= moment]
    if not running:
        return f"The most bytes, {int(side.live.max()):,}, live before the first operator."
    task, later = side.tasks[running[-1].task], side.schedule.runs[len(running) :]
    held = {
        name: int(np.count_nonzero((life.start <= moment) & (moment <= life.stop)))
        * life.cell_bytes
        for name, life in side.lives.items()
    }
    most = sorted(((size, name) for name, size in held.items() if size), reverse=True)
    known = owners(side)
    parts = [
        f"{size:,} of {for_terminal(known[name])}, which {_why(side, name, task, later)}"
        for size, name in most[:_TOLD]
    ]
    rest = sum(size for size, _ in most[_TOLD:])
    if rest:
        parts.append(f"{rest:,} of {len(most) - _TOLD} more")
    return (
        f"At {for_terminal(task.operator.name)} ({for_terminal(label(task))}) "
        f"{int(side.live[moment]):,} bytes live, the most: {'; '.join(parts)}."
    )


def _why(side: Side, name: str, task: Task, later: Sequence[Run]) -> str:
    if made_by(side, task) == name:
        return "it makes"
    if name in read_by(side, task):
        return "it reads"
    readers = (side.tasks[run.task] for run in later)
    waited = next((one for one in readers if name in read_by(side, one)), None)
    return f"wait for {for_terminal(waited.operator.name)}" if waited else "are the result"
