"""One candidate for each layer, of least loss together, within a budget of bytes.

A knapsack with one choice from each of several sets (multiple-choice knapsack), solved exactly by
dynamic programming over bytes; sizes are rounded up to a 4096th of the budget.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GRAINS = 4096


def choose(
    costs: Sequence[Sequence[int]], losses: Sequence[Sequence[float]], budget: int
) -> list[int] | None:
    """The index chosen in each set: sum of costs <= budget, sum of losses least; None if none fits.

    `costs` are bytes, not negative. Rounding may leave a layer's part of 1/4096 of the budget
    unused.
    """
    grain = max(1, -(-budget // GRAINS))
    room = budget // grain
    best = np.zeros(room + 1)
    picks = []
    for sizes, values in zip(costs, losses, strict=True):
        new = np.full(room + 1, np.inf)
        pick = np.full(room + 1, -1, np.int32)
        for index, (size, value) in enumerate(zip(sizes, values, strict=True)):
            units = -(-size // grain)
            if units > room:
                continue
            tried = best[: room + 1 - units] + value
            better = tried < new[units:]
            new[units:][better] = tried[better]
            pick[units:][better] = index
        best = new
        picks.append(pick)
    if not np.isfinite(best[room]):
        return None
    chosen, at = [], room
    for sizes, pick in zip(reversed(costs), reversed(picks), strict=True):
        index = int(pick[at])
        chosen.append(index)
        at -= -(-sizes[index] // grain)
    return chosen[::-1]
