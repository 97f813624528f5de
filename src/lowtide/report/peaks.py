"""Why memory is fullest where it is, in two sentences.

Memory is fullest at conv2 (Conv+Relu): 41,600 bytes. 16,384 hold conv0, which waits for add1; ..
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lowtide.planner.costs import label
from lowtide.quoting import for_terminal
from lowtide.report.sides import Side
from lowtide.rows.schedule import Run
from lowtide.rows.task import Task

_TOLD = 4
_KEPT = ("state", "earlier")

Kind = Literal["tensor", "scratch", "state", "earlier"]


def read_by(side: Side, task: Task) -> set[str]:
    """The storages that a task reads."""
    places = side.layout.places
    return {places[name].storage for name in task.reads if name in places}


def made_by(side: Side, task: Task) -> str:
    """The storage that a task writes."""
    return side.layout.places[task.output].storage


def kinds(side: Side) -> dict[str, Kind]:
    """What each storage is for: tensors, what a kernel works with, what the next call reads (of
    endless input: earlier rows)."""
    found: dict[str, Kind] = dict.fromkeys(side.lives, "tensor")
    found |= dict.fromkeys(side.layout.scratch.values(), "scratch")
    for state in side.layout.graph.states:
        found[side.layout.places[state.output].storage] = "state"
        found[side.layout.places[state.input].storage] = "state" if state.shown else "earlier"
    return {name: found[name] for name in side.lives}


def owners(side: Side) -> dict[str, str]:
    """What people know each storage by: the operator that makes it first, or the input's name."""
    found = {name: name for name in side.lives}
    for copies in (True, False):  # what a copy begins is known by who goes on
        for task in side.tasks[::-1]:
            if not task.port and _copies(task) == copies:
                own = f"a copy for {_user(side, task).operator.name}" if copies else None
                found[made_by(side, task)] = own or task.operator.name
    makers = {task.output: task.operator.name for task in side.tasks}
    for tensor, name in side.layout.scratch.items():
        found[name] = f"working memory of {makers[tensor]}"
    for state in side.layout.graph.states:
        name = side.layout.places[state.input].storage
        reader = next((one for one in side.tasks if name in read_by(side, one)), None)
        if not state.shown and reader:
            found[name] = f"earlier rows for {_user(side, reader).operator.name}"
    return {name: found[name] for name in side.lives}


def _copies(task: Task) -> bool:
    return label(task) == "Copy"


def _user(side: Side, task: Task) -> Task:
    """A task, or who reads what it copies."""
    seen = list[str]()
    while _copies(task) and task.output not in seen:
        seen.append(task.output)
        copy = made_by(side, task)
        readers = (one for one in side.tasks if copy in read_by(side, one))
        task = next(readers, task)
    return task


def peak_words(side: Side) -> str:
    """The sentences for the fullest moment of a side."""
    moment = int(side.live.argmax())
    running = [run for run, tick in side.schedule.timed() if tick <= moment]
    task = side.tasks[running[-1].task] if running else None
    later = side.schedule.runs[len(running) :]
    held = {
        name: int(np.count_nonzero((life.start <= moment) & (moment <= life.stop)))
        * life.cell_bytes
        for name, life in side.lives.items()
    }
    most = sorted(((size, name) for name, size in held.items() if size), reverse=True)
    known = owners(side)
    parts = [
        f"{size:,} {_what(side, name, for_terminal(known[name]), task, later)}"
        for size, name in most[:_TOLD]
    ]
    rest = sum(size for size, _ in most[_TOLD:])
    if rest:
        parts.append(f"{rest:,} hold {len(most) - _TOLD} more")
    where = f"{int(side.live[moment]):,} bytes. {'; '.join(parts)}."
    return f"Memory is fullest {_when(side, task, moment > side.schedule.ticks)}: {where}"


def _when(side: Side, task: Task | None, at_the_end: bool) -> str:
    if at_the_end:
        return "when the outputs are taken"
    if task is None:
        return "when the inputs are handed in"
    name = for_terminal(_user(side, task).operator.name)
    if _copies(task):
        return f"while what {name} reads is copied"
    return f"while a row of {name} is handed over" if task.port else f"at {name} ({_type(task)})"


def _type(task: Task) -> str:
    return for_terminal(label(task))


def _what(side: Side, name: str, owner: str, task: Task | None, later: Sequence[Run]) -> str:
    """hold conv0, which waits for add1"""
    if kinds(side)[name] in ("scratch", "earlier"):
        return f"are {owner}"
    return f"hold {owner}, which {_why(side, name, task, later)}"


def _why(side: Side, name: str, task: Task | None, later: Sequence[Run]) -> str:
    if task is not None and made_by(side, task) == name:
        return "it makes"
    if task is not None and name in read_by(side, task):
        return "it reads"
    readers = (side.tasks[run.task] for run in later)
    waited = next((one for one in readers if name in read_by(side, one)), None)
    if waited is not None:
        return f"waits for {for_terminal(_user(side, waited).operator.name)}"
    return "is kept for the next call" if kinds(side)[name] in _KEPT else "is an output"
