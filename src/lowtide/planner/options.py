"""What is asked of a plan, and the file that it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lowtide.errors import UsageError
from lowtide.ir.original import Original
from lowtide.kernels.cpus import find_cpu
from lowtide.packages import ecosystem
from lowtide.quoting import for_terminal, refused_name

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
        if self.package is not None and self.name in ecosystem(self.package).taken:
            raise UsageError(
                f"--name {self.name}: a build of {self.package} has a target called so; "
                f"{self.name}_net would do"
            )
        if why := refused_name(self.name):
            raise UsageError(f"--name {for_terminal(self.name)}: {why}")


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
