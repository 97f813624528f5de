"""From what each pixel of an output needs to what a process does in each firing.

needs 2, 3, 4 of 6 pixels      r r rw rw rw r        r: reads, w: writes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lowtide.ir.index import IntArray


@dataclass(frozen=True, eq=False)
class Program:
    """How often a process fires in a frame, and in which firings it reads and writes."""

    firings: int
    reads: Mapping[str, IntArray]
    writes: IntArray


def program(needs: Mapping[str, IntArray], pixels: Mapping[str, int], made: int) -> Program:
    """Writes each of the `made` pixels in the firing that reads the last pixel it needs.

    Of each input, `pixels` come and all are read, in order; a firing reads one of each input that
    the next pixel still wants. Pixels that nothing needs are read at the end.
    """
    read = {name: np.maximum.accumulate(np.append(-1, need)) for name, need in needs.items()}
    read = {name: np.append(last, pixels[name] - 1) for name, last in read.items()}
    news = {name: np.diff(last) for name, last in read.items()}
    rounds = np.maximum.reduce([*news.values(), np.append(np.ones(made, np.int64), 0)])
    ends = np.cumsum(rounds)
    begins = ends - rounds
    reads = {}
    for name, new in news.items():
        first = np.repeat(begins - read[name][:-1] - 1, new)
        reads[name] = first + np.arange(pixels[name])
    return Program(int(ends[-1]), reads, ends[:made] - 1)
