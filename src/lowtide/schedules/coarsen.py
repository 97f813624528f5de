"""Steps of several rows, where reading weights costs more than memory: late layers.

    conv, 7 rows of 7 pixels, 9 MB of weights       7 steps of 1 row        63 MB read a run
                                                    2 steps of 4 and 3      18 MB
                                                    1 step of 7              9 MB

Rows of a step live together, and so does all that they read; in a segment whose line buffers are
small beside the arena that is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowtide.rows.task import Task
from lowtide.schedules.demand import Segment
from lowtide.schedules.segments import Segments

CACHE = 1 << 20
"""Bytes of weights that stay near the core from step to step, if a segment has no more."""

FAR, NEAR = 32, 8
"""Multiply-adds a byte of weights at which reading it anew costs a sixteenth of the arithmetic.

A core with two vector units of 8 floats does 16 multiply-adds a cycle; it reads some 8 bytes a
cycle from memory or a shared cache, 32 from a cache of its own.
"""


@dataclass(frozen=True)
class Work:
    """What a task does: multiply-adds of a row, and bytes of weights that every step reads."""

    macs: int
    weight_bytes: int

    def read(self, rows: int, together: int) -> int:
        """Bytes of weights read to make `rows` rows, `together` of them in a step."""
        return -(-rows // together) * self.weight_bytes


@dataclass(frozen=True)
class Coarsening:
    """Makes the steps of segments larger, so that weights are read less often.

    `work` is that of the tasks, `far` multiply-adds a byte of weights where they lie far from the
    core. Rows that the caller hands in or takes stay one a step.
    """

    known: Segments
    work: Sequence[Work]
    far: int = FAR

    def read(self, ways: Sequence[Segment]) -> int:
        """Bytes of weights that these segments read in one run."""
        return sum(
            w.read(task.rows, together)
            for one in ways
            for task, w, together in zip(*self._of(one), one.together, strict=True)
        )

    def coarser(self, first: int, end: int, limit: int | None) -> tuple[Segment, ...]:
        """Tasks first to end - 1 in steps of as many rows as pay, with a peak within `limit` bytes.

        The result is one segment, or several where a cut between them lets them read less.
        """
        found, todo = list[Segment](), [(first, end)]
        while todo:
            first, end = todo.pop()
            whole = self._grown(self.known.get(first, end), limit)
            cut = self._best_cut(whole, limit)
            if cut is None:
                found.append(whole)
            else:
                todo += [(cut, end), (first, cut)]
        return tuple(found)

    def _best_cut(self, whole: Segment, limit: int | None) -> int | None:
        """Where a segment is to be cut so that its parts read the least; None where none helps."""
        first, end = whole.first, whole.end
        if limit is None or self.read([whole]) <= self.read([self._wanted(first, end)]):
            return None
        cuts = (self._cut_at(first, cut, end, limit) for cut in range(first + 1, end))
        best = min((one for one in cuts if one is not None), default=None)
        return None if best is None or best[0] >= self.read([whole]) else best[1]

    def _cut_at(self, first: int, cut: int, end: int, limit: int) -> tuple[int, int] | None:
        """Bytes read with a cut, if it fits: each part in the steps that it wants, or as it is."""
        total = 0
        for a, b in ((first, cut), (cut, end)):
            plain = self.known.get(a, b)
            if plain.peak > limit:
                return None
            wanted = self._wanted(a, b)
            total += self.read([wanted if wanted.peak <= limit else plain])
        return total, cut

    def _of(self, one: Segment) -> tuple[Sequence[Task], Sequence[Work]]:
        return self.known.graph.tasks[one.first : one.end], self.work[one.first : one.end]

    def _steps(self, one: Segment) -> list[int]:
        """The steps of each task that read little."""
        tasks, work = self._of(one)
        a_byte = self.far if sum(w.weight_bytes for w in work) > CACHE else NEAR
        return [steps_that_pay(task.rows, w, a_byte) for task, w in zip(tasks, work, strict=True)]

    def _wanted(self, first: int, end: int) -> Segment:
        plain = self.known.get(first, end)
        together = self._together(plain, self._steps(plain))
        return plain if together == plain.together else self.known.get(first, end, together)

    def _together(self, one: Segment, steps: Sequence[int]) -> tuple[int, ...]:
        return tuple(-(-task.rows // n) for task, n in zip(self._of(one)[0], steps, strict=True))

    def _grown(self, one: Segment, limit: int | None) -> Segment:
        """A segment with all that pays if it fits; else those that read most are halved in turn."""
        whole = self._wanted(one.first, one.end)
        if limit is None or whole.peak <= limit:
            return whole
        work, wanted = self._of(one)[1], self._steps(one)
        best, steps = one, [task.rows for task in self._of(one)[0]]
        growing = {k for k, count in enumerate(steps) if wanted[k] < count}
        while growing and one.peak <= limit:
            k = max(growing, key=lambda k: (steps[k] * work[k].weight_bytes, -k))
            fewer = max(wanted[k], -(-steps[k] // 2))
            together = self._together(one, [*steps[:k], fewer, *steps[k + 1 :]])
            tried = self.known.get(one.first, one.end, together)
            if tried.peak <= limit:
                best, steps[k] = tried, fewer
            if tried.peak > limit or fewer == wanted[k]:
                growing.remove(k)
        return best


def steps_that_pay(rows: int, work: Work, a_byte: int) -> int:
    """The most steps to make `rows` rows in so that each step is worth reading the weights for.

    That is: does at least `a_byte` multiply-adds for each byte of weights that it reads.
    """
    if work.weight_bytes == 0:
        return rows
    return max(1, min(rows, rows * work.macs // (a_byte * work.weight_bytes)))
