"""Why memory is fullest where it is, in two sentences.

Memory is fullest at conv2 (Conv+Relu): 41,600 bytes. 16,384 hold conv0, which waits for add1; ..
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from lowtide.planner.costs import label
from lowtide.quoting import for_terminal
from lowtide.report.short_names import what_differs
from lowtide.report.sides import Side
from lowtide.rows.task import Task

_TOLD = 4

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


def names(side: Side) -> dict[str, str]:
    """What people know each operator by, by what it makes: where names are alike is left out."""
    known = {task.output: task.operator.name for task in side.tasks}
    own = [task for task in side.tasks if not task.port]
    short = what_differs([known[task.output] for task in own], [label(task) for task in own])
    known |= {task.output: name for task, name in zip(own, short, strict=True)}
    return {output: for_terminal(name) for output, name in known.items()}


def owners(side: Side, known: Mapping[str, str]) -> dict[str, str]:
    """What people know each storage by: the operator that makes it; where several do, or none,
    by its own name."""
    made: dict[str, dict[str, None]] = {name: {} for name in side.lives}
    for task in side.tasks:
        if not task.port:
            user = f"a copy for {known[_user(side, task).output]}" if _copies(task) else ""
            made[made_by(side, task)][user or known[task.output]] = None
    found = {name: for_terminal(name) for name in side.lives}
    for name, makers in made.items():
        one = [maker for maker in makers if not maker.startswith("a copy for ")] or [*makers]
        found |= {name: one[0]} if len(one) == 1 else {}
    for tensor, name in side.layout.scratch.items():
        found[name] = f"working memory of {known[tensor]}"
    for state in side.layout.graph.states:
        name = side.layout.places[state.input].storage
        reader = next((one for one in side.tasks if name in read_by(side, one)), None)
        if not state.shown and reader:
            found[name] = f"earlier rows for {known[_user(side, reader).output]}"
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
    moment, known = int(side.live.argmax()), names(side)
    owner, kind = owners(side, known), kinds(side)
    running = [run for run, tick in side.schedule.timed() if tick <= moment]
    task = side.tasks[running[-1].task] if running else None
    later = [side.tasks[run.task] for run in side.schedule.runs[len(running) :]]
    held = {
        name: int(np.count_nonzero((life.start <= moment) & (moment <= life.stop)))
        * life.cell_bytes
        for name, life in side.lives.items()
    }
    most = sorted(((size, name) for name, size in held.items() if size), reverse=True)
    parts = []
    for size, name in most[:_TOLD]:
        if kind[name] in ("scratch", "earlier"):
            parts.append(f"{size:,} are {owner[name]}")
            continue
        waited = next((one for one in later if name in read_by(side, one)), None)
        if task is not None and made_by(side, task) == name:
            why = "it makes"
        elif task is not None and name in read_by(side, task):
            why = "it reads"
        elif waited is not None:
            why = f"waits for {known[_user(side, waited).output]}"
        else:
            why = "is kept for the next call" if kind[name] == "state" else "is an output"
        parts.append(f"{size:,} hold {owner[name]}, which {why}")
    rest = sum(size for size, _ in most[_TOLD:])
    if rest:
        parts.append(f"{rest:,} hold {len(most) - _TOLD} more")
    when = "when the outputs are taken"
    if moment <= side.schedule.ticks:
        when = "when the inputs are handed in" if task is None else _when(side, task, known)
    return f"Memory is fullest {when}: {int(side.live[moment]):,} bytes. {'; '.join(parts)}."


def _when(side: Side, task: Task, known: Mapping[str, str]) -> str:
    name = known[_user(side, task).output]
    if _copies(task):
        return f"while what {name} reads is copied"
    if task.port:
        return f"while a row of {name} is handed over"
    return f"at {name} ({for_terminal(label(task))})"
