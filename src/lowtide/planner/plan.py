"""A plan: the network, when each row is computed, and where each row lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from lowtide.errors import UsageError
from lowtide.ir.index import IntArray
from lowtide.ir.original import Original
from lowtide.kernels.choose import choose, scratch
from lowtide.kernels.cpus import find_cpu
from lowtide.kernels.kernel import Use
from lowtide.layout.lay_out import Layout
from lowtide.layout.ports import Carried, Port, carried, input_ports, output_ports
from lowtide.packages import ecosystem
from lowtide.placers.problem import Placement, Problem
from lowtide.planner.costs import Profile, Whole
from lowtide.planner.in_use import Cells, InUse, in_use
from lowtide.quoting import for_terminal, is_network_name
from lowtide.rows.liveness import Life, Lives, live_bytes
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import Task
from lowtide.sizes import show_bytes

Overlap = Literal["none", "row", "group", "pixel"]
OVERLAPS: tuple[Overlap, ...] = ("none", "row", "group", "pixel")

Objective = Literal["memory", "balanced", "latency"]


@dataclass(frozen=True)
class Options:
    """What is asked of a plan. Each field is the command line's option of that name.

    schedule       "stream": operators in turns, row by row, where that needs less; "layerwise"
    order          "least": the order of operators with the least peak; "given": the file's
    overlap        what may share bytes: whole tensors ("none"), rows, what kernels make ("group")
                   or pixels; layer by layer only
    place          "exact" (CP-SAT, may prove the least) or "greedy"
    align          storages begin at multiples of so many bytes
    element_bytes  plan as if elements had so many bytes (None: as they are); nothing is emitted
    io_layout      memory order of images that the caller hands over: nhwc or nchw
    io_type        "8bit": inputs and outputs are the numbers that a quantised network makes of its
                   reals; "file": they are as the file has them
    fuse_pools     compute an operator inside the pool that reads it (None: unless overlap "none")
    tile           pixels and channels that an accelerator makes in a step
    keep_input     the network's inputs are not overwritten
    image, result  "streamed": handed over row by row; "resident": they lie in the arena; an image
                   may be "endless": a call takes a few new rows
    push           of an endless image: so many times the least number of new rows
    window         and so many of its last rows for operators over all of time (0: refused)
    time_axis      and the axis of the file along which rows come (None: the outermost in memory)
    max_overhead   multiply-adds that may be done twice, as a share of the network's (0.05: 5 %)
    objective      "memory", or more of it for fewer reads of weights: "balanced", "latency"
    name           what the program's files and functions are called: net.c, net_run()
    pixels         what pixels become before they are handed in, in words
    cpu            the processor that the C is for (None: it finds out when it is compiled)
    cc             the command, with flags, that code, stack and flash are measured with (None:
                   that of `cpu`, or else this machine's)
    state          outputs that become inputs of the next call: ("h_out:h_in",)
    package        the build that takes the folder: cmake, .. (None: none)
    """

    schedule: Literal["layerwise", "stream"] = "stream"
    order: Literal["given", "least"] = "least"
    overlap: Overlap = "group"
    place: Literal["greedy", "exact"] = "exact"
    align: int = 16
    element_bytes: int | None = None
    io_layout: Literal["nhwc", "nchw"] = "nhwc"
    fuse_pools: bool | None = None
    tile: tuple[int, int] | None = None
    keep_input: bool = False
    image: Literal["resident", "streamed", "endless"] = "resident"
    result: Literal["resident", "streamed"] = "resident"
    max_overhead: float = 0.0
    objective: Objective = "memory"
    name: str = "net"
    io_type: Literal["file", "8bit"] = "file"
    cpu: str | None = None
    pixels: str = ""
    cc: str | None = None
    state: tuple[str, ...] = ()
    package: str | None = None
    push: int = 1
    window: int = 0
    time_axis: int | None = None

    @property
    def compiler(self) -> tuple[str, ...] | None:
        """What compiles for the processor that the C is for, if one was named."""
        return None if self.cpu is None else tuple(find_cpu(self.cpu).command.split())

    def __post_init__(self) -> None:
        if self.cpu is not None:
            find_cpu(self.cpu)
        if self.package is not None:
            ecosystem(self.package)
        if not is_network_name(self.name):
            raise UsageError(
                f"--name {for_terminal(self.name)}: up to 40 small letters, digits and _, a letter "
                "first, no word of C: the names of files and functions begin with it"
            )


@dataclass(frozen=True)
class Source:
    """The file a plan was made from, and the one that it stands for if it is an approximation.

    `path` is what it was named by, for errors alone: results are the same wherever it lies.
    `contract` names the numbers that it computes (`check/contract.py`).
    """

    file: str
    sha256: str
    original: Original | None = None
    path: str = ""
    contract: str = ""

    @property
    def named(self) -> str:
        """The file as people know it."""
        return self.file + self._stands_for

    @property
    def where(self) -> str:
        """The file as an error names it."""
        return (self.path or self.file) + self._stands_for

    @property
    def _stands_for(self) -> str:
        original = self.original
        return f" ({original.file}, {original.way})" if original and original.file else ""


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
