"""What bench() counted on an emulated board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lowtide.check.difference import Difference
from lowtide.pipeline.markup import section, table
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import for_terminal
from lowtide.sizes import show_bytes
from lowtide.timing.board_build import Sizes
from lowtide.timing.board_text import board_text
from lowtide.timing.board_where import Where


@dataclass(frozen=True)
class OperatorCount:
    """Instructions of one operator in one run; of none: those of the driver between them."""

    name: str
    type: str
    macs: int
    calls: int
    instructions: int

    @property
    def instructions_per_mac(self) -> float | None:
        return self.instructions / self.macs if self.macs else None


@dataclass(frozen=True, repr=False)
class BoardCount:
    """A program on a board: its instructions, its stack and its sizes.

    `difference` is that of its outputs from those of this PC's build; `cpu` is the board's, by the
    name that `fit --cpu` has for it.
    """

    memory: MemoryMap
    board: str
    core: str
    machine: str
    built: str
    operators: tuple[OperatorCount, ...]
    where: Where
    stack_bytes: int
    sizes: Sizes
    difference: Difference
    cpu: str

    def __str__(self) -> str:
        return board_text(self)

    def __repr__(self) -> str:
        counts = f"{self.instructions:,} instructions a run, {show_bytes(self.ram_bytes)} of RAM"
        return f"<BoardCount {for_terminal(self.memory.file)} on {self.board}: {counts}>"

    def _repr_html_(self) -> str:
        rows = ((o.name, o.type, f"{o.macs:,}", f"{o.instructions:,}") for o in self.operators)
        head = ("operator", "type", "multiply-adds", "instructions")
        return section(f"{self.memory.file} on {self.board}", table(rows, head, left=2))

    @property
    def macs(self) -> int:
        """Multiply-adds of the network; what a plan does twice is not counted twice."""
        held = self.memory.facts.get("macs")
        return held if isinstance(held, int) else sum(o.macs for o in self.memory.operators)

    @property
    def instructions(self) -> int:
        """Of everything between the call of the network and its return."""
        return sum(one.instructions for one in self.operators)

    @property
    def instructions_per_mac(self) -> float | None:
        return self.instructions / self.macs if self.macs else None

    @property
    def ram_bytes(self) -> int:
        return self.memory.arena_bytes + self.stack_bytes + self.sizes.state

    def facts(self) -> Mapping[str, Any]:
        """Everything `bench --board --json` prints."""
        return {
            "file": self.memory.file,
            "sha256": self.memory.sha256,
            "board": self.board,
            "core": self.core,
            "cpu": self.cpu,
            "made_for": self.memory.made_for,
            "machine": self.machine,
            "built_with": self.built,
            "macs": self.macs,
            "instructions": self.instructions,
            "instructions_per_mac": self.instructions_per_mac,
            "arena_bytes": self.memory.arena_bytes,
            "stack_bytes": self.stack_bytes,
            "state_bytes": self.sizes.state,
            "ram_bytes": self.ram_bytes,
            "flash_bytes": self.sizes.flash,
            "flash": {k: v for k, v in asdict(self.sizes).items() if k != "state"},
            "compared_values": self.difference.compared,
            "unequal": self.difference.unequal,
            "max_rel_diff": self.difference.max_rel,
            "kinds": self.where.kinds,
            "functions": self.where.functions,
            "operators": [
                {
                    **asdict(one),
                    "instructions_per_mac": one.instructions_per_mac,
                    "share": one.instructions / self.instructions if self.instructions else None,
                }
                for one in self.operators
            ],
        }
