"""Times that can be compared on a machine that does other things as well.

    ours  ###  ###  ###  ###        each round: a few runs of one, then a few of the other, in turns
    other    ##  ##    ##  ##       first; whatever slows the core down slows both
          1    2    3    4

A round gives one time each, the median of its runs, and one ratio; what is reported are medians and
quartiles over the rounds. A time is that of the processor: what other processes take is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from lowtide.timing.worker import Worker

SLICE = 0.03
"""Seconds that one takes in a round, if one run takes less."""
LEAST_ROUNDS = 5
_WARM = 0.01
"""A run shorter than this is done once more before those that count: the other one's data are in
the cache."""


@dataclass(frozen=True)
class Spread:
    """Median, first and third quartile and the least of some measurements."""

    median: float
    low: float
    high: float
    least: float

    def facts(self, unit: str = "") -> dict[str, float]:
        """Each by name, with a unit: median_s."""
        held = {"median": self.median, "low": self.low, "high": self.high, "least": self.least}
        return {
            {"low": "quartile_1", "high": "quartile_3"}.get(key, key) + unit: value
            for key, value in held.items()
        }


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    return Spread(middle, low, high, min(values))


@dataclass(frozen=True)
class Rounds:
    """Seconds a run of each worker, and seconds of each on the wall, round by round.

    `peak` has the multiply-adds a second that the core could do in the same rounds.
    """

    own: tuple[tuple[float, ...], ...]
    wall: tuple[tuple[float, ...], ...]
    peak: tuple[float, ...]

    def ratio(self, of: int, to: int) -> Spread:
        """How many times longer one worker takes than another."""
        pairs = zip(self.own[of], self.own[to], strict=True)
        return spread([a / b for a, b in pairs])


def measure(workers: Sequence[Worker], sets: int, seconds: float) -> Rounds:
    """Runs all workers in turns for about so many seconds, and at least LEAST_ROUNDS rounds.

    The first worker also tells how fast the core is.
    """
    times = [_times(worker) for worker in workers]
    own: list[list[float]] = [[] for _ in workers]
    wall: list[list[float]] = [[] for _ in workers]
    peak: list[float] = []
    end = time.monotonic() + seconds
    while len(peak) < LEAST_ROUNDS or time.monotonic() < end:
        number = len(peak)
        order = range(len(workers))
        for k in order if number % 2 else reversed(order):
            runs = workers[k].run(number % sets, times[k])
            kept = slice(1 if times[k] > 1 else 0, None)
            own[k].append(median(runs.own[kept]))
            wall[k].append(median(runs.wall[kept]))
        peak.append(_peak(workers[0]))
    return Rounds(tuple(map(tuple, own)), tuple(map(tuple, wall)), tuple(peak))


def _times(worker: Worker) -> int:
    """How often a worker runs in a round."""
    one = min(worker.run(0, 2).own)
    return max(round(SLICE / max(one, 1e-9)), 2 if one < _WARM else 1)


_MILLIONS = 100


def _peak(worker: Worker) -> float:
    """Multiply-adds a second; 0 where the worker, or its compiler, has no vectors of its own."""
    nanoseconds = sum(worker.ask(f"p 0 {_MILLIONS}"))
    return _MILLIONS * 1e15 / nanoseconds if nanoseconds else 0.0


def tasks(worker: Worker, each: float, seconds: float) -> list[float]:
    """Seconds in each operator of a run, from a program that counts them; a run takes `each`.

    Medians over rounds of a few runs, over about so many seconds.
    """
    times = max(round(SLICE / each), 1)
    found: list[list[float]] = []
    end = time.monotonic() + seconds
    worker.ask("t 0 0")
    while len(found) < LEAST_ROUNDS or time.monotonic() < end:
        worker.run(0, times)
        found.append([1e-9 * spent / times for spent in worker.ask("t 0 0")])
    return [median(values) for values in zip(*found, strict=True)]
