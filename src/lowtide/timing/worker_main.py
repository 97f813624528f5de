"""The other side of a Worker, for runtimes that are called from Python: standard library only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

Run = Callable[[int], object]


def serve(version: str, load: Callable[[], Run]) -> None:
    """Says `version`, loads a network when its memory has been looked at, and runs it as asked.

    `load` returns what runs one set of inputs, by number. The protocol is timer.c's.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer

    def answer(text: str) -> None:
        print(f"@{text}", file=answers, flush=True)

    answer(f"version {version}")
    answer("loaded")
    sys.stdin.readline()
    try:
        run = load()
        run(0)
    except Exception as error:
        answer(f"error {' '.join(str(error).split())[:300]}")
        return
    answer("ready")
    for request in sys.stdin:
        what, sample, times = request.split()
        found = []
        for _ in range(int(times) if what == "r" else 0):
            wall, own = time.monotonic_ns(), time.process_time_ns()
            run(int(sample))
            found += [time.process_time_ns() - own, time.monotonic_ns() - wall]
        answer(" ".join(map(str, found)))
