"""Where a test for padding has to stay a branch: loops that GCC 12 gets wrong as vectors.

    for x in 0..60:                  GCC unrolls what is short, makes vectors over x, and a mask of
        for kx in 0..3:              the test. Where an iteration reads elements side by side under
            if inside:               one test (i = 0, 1), and channels share them (c), a vector of
                for i in 0..2:       channels reads the elements behind instead (GCC's PR 114375).
                    for c in 0..4: acc[c] += a[(x + kx) * 2 + i] * w

Right, and several times faster than a branch, are masks where nothing is shared: a vector of pixels
of one plane, or of channels that each have an input of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from lowtide.ir.index import Index, Var
from lowtide.ir.nest import bound_inside
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import Task

_UNROLLED = 17
"""The longest loop that GCC unrolls wholly before it makes vectors (max-completely-peel-times)."""

_TOGETHER = 300
"""More rounds than that of loops in each other it does not (max-completely-peeled-insns: 200)."""


@dataclass(frozen=True)
class Test:
    """Where a test stands: loops around it and in it, the outermost first.

    `block` is the loop over the channels that are summed side by side, if it stands in the test.
    """

    around: tuple[Var, ...]
    inside: tuple[Var, ...]
    block: Var | None

    def loops(self) -> Iterator[tuple[Var, tuple[Var, ...]]]:
        """Each loop that vectors may be made over, with those in it: they are unrolled."""
        for depth in reversed(range(len(self.around))):
            inner = (*self.around[depth + 1 :], *self.inside)
            lengths = [v.extent for v in inner]
            if max(lengths, default=1) > _UNROLLED or prod(lengths) > _TOGETHER:
                return
            yield self.around[depth], inner


def keeps_branch(test: Test, reads: Iterable[int], task: Task, layout: Layout) -> bool:
    """Whether reads of a task under a test, all their tests made, may be mixed up.

    Constants are not: their places are known to be inside, so a mask is not needed to read them.
    """
    found, tests = list[Index](), list[Index]()
    for k in reads:
        read = task.nest.reads[k]
        name = task.operands[read.operand]
        guards = bound_inside(read, layout.graph.shape(name)).guards
        tests += [*read.zero, *(index for _, index in guards)]
        if name in layout.places:
            found.append(layout.places[name].strided.at(read.index))
    loops = list(test.loops())
    return any(_mixes(v, inner, test.block, at, tests) for v, inner in loops for at in found)


def _mixes(
    over: Var, inner: Sequence[Var], block: Var | None, at: Index, tests: Sequence[Index]
) -> bool:
    """Whether an iteration of `over` reads elements side by side, in another order than its lanes.

    What is read under tests of its own, one for each round of an inner loop, is never taken
    together; nor is what lies anywhere.
    """
    step = _factor(at, over)
    if not step:
        return False
    together = [v for v in inner if not any(_factor(test, v) for test in tests)]
    beside = [v for v in together if (f := _factor(at, v)) is None or 0 < abs(f) < abs(step)]
    own = beside == [block] and _factor(at, beside[0]) == 1 and abs(step) == beside[0].extent
    return bool(beside) and not own


def _factor(index: Index, variable: Var) -> int | None:
    """What a variable is multiplied by in an index; None where that is no product."""
    found = 0
    for atom, factor in index.terms:
        if atom == variable:
            found = factor
        elif variable in atom.variables():
            return None
    return found
