"""A plan: the network, when each row is computed, and where each row lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.kernels.choose import choose, scratch
from lowtide.kernels.kernel import Use
from lowtide.layout.lay_out import Layout
from lowtide.layout.ports import Carried, Port, carried, input_ports, output_ports
from lowtide.placers.problem import Placement, Problem
from lowtide.planner.costs import Profile, Whole
from lowtide.planner.in_use import Cells, InUse, in_use
from lowtide.planner.options import Options, Source
from lowtide.quoting import for_terminal
from lowtide.rows.liveness import Life, Lives, live_bytes
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import Task
from lowtide.sizes import show_bytes


@dataclass(frozen=True, repr=False)
class Plan:
    """What was decided for a network, and what it costs. Sizes are bytes.

    `arena_bytes` is the memory of all activations, `facts()` has every figure by the names of
    --json, `profile` what each operator costs, `inputs` and `outputs` what the caller hands over.
    `schedule` says when each row is computed, `addresses` where it lies, `lives` from when to
    when. `problem` is what the placer of whole storages solved; None where each row was placed by
    itself.
    """

    source: Source
    options: Options
    layout: Layout
    tasks: tuple[Task, ...]
    schedule: Schedule
    lives: Lives
    problem: Problem | None
    placement: Placement
    addresses: Mapping[str, IntArray]
    """The first byte of each row of each storage, from the start of the arena."""
    profile: Profile
    whole: Whole
    """What `profile` has its peaks from, except for its lower bound."""
    shared: bool = False
    """Whether it takes turns with others in their arena (`planner/together.py`)."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.short}>"

    @property
    def short(self) -> str:
        """The figures that matter, in a line."""
        own = self.profile
        return (
            f"{for_terminal(self.source.file)}: {show_bytes(self.arena_bytes)} of arena"
            f" ({show_bytes(own.layerwise_bytes)} in whole tensors),"
            f" {show_bytes(own.weight_bytes)} of weights, {own.macs / 1e6:.2f} M multiply-adds"
        )

    @property
    def arena_bytes(self) -> int:
        """The size of the arena."""
        return self.placement.arena_bytes

    @cached_property
    def uses(self) -> tuple[Use | None, ...]:
        """For each task the kernel that makes its rows, as it is used; None: its nest's loops."""
        return tuple(choose(task, self.layout) for task in self.tasks)

    @cached_property
    def scratch_bytes(self) -> int:
        """The largest buffer that an operator keeps on the stack; what holds a tile is the
        accelerator's own."""
        if self.options.tile:
            return 0
        layout = self.layout
        return max(
            (
                scratch(task, use, layout)
                * layout.storages[layout.places[task.output].storage].dtype.bytes
                for task, use in zip(self.tasks, self.uses, strict=True)
            ),
            default=0,
        )

    @cached_property
    def offset(self) -> Mapping[str, int]:
        """Where row 0 of each storage begins, bytes from the start of the arena."""
        return {name: int(rows[0]) for name, rows in self.addresses.items()}

    @cached_property
    def inputs(self) -> tuple[Port, ...]:
        """The network's inputs as the caller sees them."""
        return input_ports(self.layout, self.options.image == "streamed")

    @cached_property
    def outputs(self) -> tuple[Port, ...]:
        """The network's outputs as the caller sees them."""
        return output_ports(self.layout, self.options.result == "streamed")

    @cached_property
    def states(self) -> tuple[Carried, ...]:
        """What is carried from call to call."""
        return carried(self.layout)

    @cached_property
    def kept_inputs(self) -> tuple[Port, ...]:
        """The inputs in the arena that are as they were after a run."""
        end = self.schedule.ticks + 1
        return tuple(
            port
            for port in self.inputs
            if not port.streamed
            and (self.options.keep_input or (self.shared and self._lives_to(end, port)))
        )

    def _lives_to(self, end: int, port: Port) -> bool:
        return int(self.lives[self.layout.places[port.tensor].storage].stop.min()) == end

    @cached_property
    def in_use(self) -> tuple[InUse, ...]:
        """What of the arena is in use while each task works, from its first step to its last."""
        windows: dict[int, tuple[int, int]] = {}
        for run, tick in self.schedule.timed():
            first, _ = windows.get(run.task, (tick, tick))
            windows[run.task] = first, tick + run.moments - 1
        cells = [self._cells(name, life) for name, life in self.lives.items()]
        asked = [windows.get(k, (0, 0)) for k in range(len(self.tasks))]
        return tuple(in_use(cells, asked, self.arena_bytes))

    def _cells(self, name: str, life: Life) -> Cells:
        rows, count = self.addresses[name], len(life.start)
        each = count // len(rows)
        at = rows.repeat(each) + life.cell_bytes * (np.arange(count, dtype=np.int64) % each)
        return Cells(life.cell_bytes, at, life.start, life.stop)

    def straight(self, storage: str) -> bool:
        """Whether the rows of a storage lie one after the other, without a gap."""
        row = self.layout.storages[storage].row_bytes
        return bool((np.diff(self.addresses[storage]) == row).all())

    @property
    def mac_overhead(self) -> float:
        """Multiply-adds beyond the network's own, as a share of these (0.05: 5 %)."""
        done = sum(task.nest.macs for task in self.tasks)
        return round(max(done / max(self.profile.macs, 1) - 1, 0.0), 6)

    @property
    def streamed(self) -> bool:
        """Whether operators take turns row by row, with an address for each row."""
        return self.problem is None

    @property
    def fullest(self) -> Task:
        """The task that runs when the most bytes live."""
        live = live_bytes(self.lives, self.schedule.ticks)
        most = int(live[1:-1].argmax()) + 1 if len(live) > 2 else 0
        runs = [run for run, tick in self.schedule.timed() if tick <= most]
        return self.tasks[runs[-1].task if runs else 0]

    def facts(self) -> dict[str, Any]:
        """The figures of the plan, by the names of `--json`; the same in each run."""
        original = self.source.original
        return {
            **(original.facts() if original else {}),
            "cpu": self.options.cpu,
            "contract": self.source.contract,
            "arena_bytes": self.arena_bytes,
            "lower_bound_bytes": self.profile.lower_bound_bytes,
            "schedule_proven": self.schedule.proven,
            "schedule_bound_bytes": self.schedule.bound,
            "placement_proven": self.placement.proven,
            "placement_bound_bytes": self.placement.bound,
            "layerwise_bytes": self.profile.layerwise_bytes,
            "ping_pong_bytes": self.profile.ping_pong_bytes,
            "no_reuse_bytes": self.profile.no_reuse_bytes,
            "macs": self.profile.macs,
            "mac_overhead": self.mac_overhead,
            "weight_bytes": self.profile.weight_bytes,
            "scratch_bytes": self.scratch_bytes,
            "carried_bytes": sum(one.bytes for one in self.states),
            **(pushes.facts() if (pushes := self.layout.graph.pushes) else {}),
        }

    def moved(self, storage: str, offset: int) -> Plan:
        """The same plan with a storage at another offset, unchecked: for tests of the judge."""
        rows = self.addresses[storage]
        return replace(self, addresses={**self.addresses, storage: rows - rows[0] + offset})


def straight_rows(layout: Layout, problem: Problem, placement: Placement) -> dict[str, IntArray]:
    """The first byte of each row, by storage, where each storage lies in one piece."""
    found = {}
    for block, offset in zip(problem.blocks, placement.offsets, strict=True):
        storage = layout.storages[block.name]
        row = storage.row_bytes
        found[block.name] = offset + row * np.arange(storage.rows, dtype=np.int64)
    return found
