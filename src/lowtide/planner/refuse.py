"""Options that do not go together, or not with this network: refused before anything is planned."""

from __future__ import annotations

from itertools import compress, product

from lowtide.errors import UnsupportedModel, UsageError
from lowtide.ir.dtype import STRING
from lowtide.ir.graph import Graph
from lowtide.layout.lay_out import Layout
from lowtide.planner.options import Options
from lowtide.sizes import no_share

MOST_OVERHEAD = 1000.0
"""Work a thousand times over is no plan that anybody asks for."""

MOST_BYTES = 16
"""Of an element: complex numbers in double precision."""

MOST_ALIGN = 4096
"""No loader promises to align a program's memory to more."""


def check_options(options: Options) -> None:
    """Raises UsageError for options that do not go together."""
    if options.tile and options.overlap in ("none", "row"):
        raise UsageError(f"--tile is for --overlap group or pixel, not {options.overlap}")
    if not 0 <= options.max_overhead <= MOST_OVERHEAD:
        raise no_share("--max-overhead", options.max_overhead)
    if options.max_overhead and options.image == "streamed" and options.io_layout != "nhwc":
        # in planes the columns of a band are not one piece of a row
        raise UsageError("--max-overhead with --image streamed needs --io-layout nhwc")
    _check_turns(options)
    if options.image == "streamed" and options.keep_input:
        raise UsageError("--keep-input is for --image resident: rows that are handed in pass by")
    if options.element_bytes is not None and not 1 <= options.element_bytes <= MOST_BYTES:
        raise UsageError(f"--element-bytes {options.element_bytes}: a size from 1 to {MOST_BYTES}")
    if options.align > MOST_ALIGN:
        raise UsageError(f"--align {options.align}: at most {MOST_ALIGN}, the size of a page")


def check_states(graph: Graph, options: Options) -> None:
    """Raises UsageError for options that do not go with states yet."""
    endless = graph.pushes is not None
    asked = {
        "--image streamed": endless and options.image == "streamed",
        "--result streamed": endless and options.result == "streamed",
        "--max-overhead": options.max_overhead > 0,
        "--keep-input": endless and options.keep_input,
    }
    for name in compress(asked, asked.values()):
        if graph.states:
            kept = "--image endless" if endless else "--state"
            raise UsageError(f"{name} does not go with {kept} yet: leave one of them out")


def check_align(options: Options, layout: Layout) -> None:
    size = max((s.dtype.bytes for s in layout.storages.values()), default=1)
    if options.align < 1 or (options.element_bytes is None and options.align % size):
        raise UsageError(f"--align {options.align}: a multiple of {size}, an element's size")


def _check_turns(options: Options) -> None:
    """Raises UsageError where operators are to take turns, and another option rules that out."""
    asked = {
        "--image streamed": options.image == "streamed",
        "--result streamed": options.result == "streamed",
        f"--max-overhead {options.max_overhead:g}": options.max_overhead > 0,
        f"--objective {options.objective}": options.objective != "memory",
    }
    against = {
        "--schedule layerwise": options.schedule == "layerwise",
        "--overlap none": options.overlap == "none",
        "--tile": options.tile is not None,
    }
    for one, other in product(compress(asked, asked.values()), compress(against, against.values())):
        raise UsageError(
            f"{one} lets operators take turns, {other} does not: leave one of them out"
        )


def check_types(graph: Graph) -> None:
    """Raises UnsupportedModel for elements that C does not know yet."""
    for name, tensor in graph.tensors.items():
        if tensor.dtype == STRING:
            raise UnsupportedModel(f"'{name}' is string; float32 is needed")
