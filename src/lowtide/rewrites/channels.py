"""Channel groups: what is between two convolutions made group after group, for nothing twice.

    expand -> depthwise -> project    expand.0 -> depthwise.0 -> project.0 --+ sums so far
                             becomes  expand.1 -> depthwise.1 -> project.1 <-+ go on from there

Of the widest tensors only a group of channels lives at one time; what lives instead are the sums
of the last convolution, over the whole map. Of floats it has one pixel's kernel, so that its
definition adds channel after channel: the order of the additions is unchanged, and results are the
same to the bit. With a larger kernel they would not be, so such a convolution is not cut. Whole
numbers may be added in any order.
"""

from __future__ import annotations

from dataclasses import replace

from lowtide.ir.dtype import F32, DType
from lowtide.ir.graph import Operator
from lowtide.ir.nest import Nest
from lowtide.ops import ENTRIES, meaning
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Span, whole, with_span
from lowtide.rewrites.bands import extra_macs, needed, share
from lowtide.rewrites.stretch import Regions, Stretch, Writer, crossing_of

CHANNELS = 1
"""The axis of an image (NCHW) that is cut."""


def in_groups(reach: Reach, first: int, end: int, count: int) -> Stretch | None:
    """Operators first to end - 1 in `count` groups of channels; None if that cannot be."""
    graph, last = reach.graph, reach.graph.operators[end - 1]
    if not _is_cut(reach, first, end):
        return None
    wide = last.inputs[0]
    channels = graph.shape(wide)[CHANNELS]
    if channels < count:
        return None
    writer, found, sums = Writer(reach, first), list[Regions](), ""
    for k in range(count):
        span = share(channels, k, count)
        wanted = {wide: with_span(whole(graph.shape(wide)), CHANNELS, span)}
        found.append(needed(reach, graph.operators[first : end - 1], wanted))
        made = writer.part(k, graph.operators[first : end - 1], found[-1])
        if made is None:
            return None
        sums = _project(writer, last, made[wide], span, sums, k, k == count - 1)
    return writer.stretch(end, extra_macs(graph, first, end - 1, found))


def _is_cut(reach: Reach, first: int, end: int) -> bool:
    """Whether a stretch ends with a convolution that adds channels of a tensor it alone reads."""
    graph, last = reach.graph, reach.graph.operators[end - 1]
    if not ENTRIES[last.type].goes_on or last.inlined or last.attributes.get("group", 1) != 1:
        return False
    made = {op.output for op in graph.operators[first : end - 1]}
    weights = graph.constants.get(last.inputs[1])
    if weights is None or weights.ndim != 4:
        return False
    if weights.shape[2:] != (1, 1) and _arithmetic(reach, last) == F32:
        return False
    bias = last.inputs[2:]
    return (
        last.inputs[0] in made
        and crossing_of(graph, first, end) == last.outputs
        and all(name in graph.constants for name in bias if name)
    )


def _arithmetic(reach: Reach, op: Operator) -> DType:
    """What an operator computes in."""
    held = meaning(op, reach.graph)
    assert isinstance(held, Nest)
    return held.arithmetic


def _project(
    writer: Writer, last: Operator, wide: str, span: Span, sums: str, part: int, done: bool
) -> str:
    """Writes the last convolution over a group; the sums go on from `sums`, if there are some.

    What is made of the sums, by factors behind the bias, is made when all are there.
    """
    graph = writer.reach.graph
    shape = graph.shape(last.inputs[1])
    weights = writer.constant(last.inputs[1], with_span(whole(shape), 1, span))
    onto = (sums,) if sums else last.inputs[2:3]
    output = last.output
    if not done:
        output, everything = f"{last.output}.{part}", whole(graph.shape(last.output))
        writer.tensor(output, last.output, everything, _arithmetic(writer.reach, last))
    made = replace(
        last,
        name=f"{last.name}.{part}",
        type=ENTRIES[last.type].goes_on if sums else last.type,
        inputs=(wide, weights, *onto, *(last.inputs[3:] if done else ())),
        outputs=(output,),
        epilogue=last.epilogue if done else (),
    )
    writer.operators.append(made)
    writer.parts[output] = part
    return output
