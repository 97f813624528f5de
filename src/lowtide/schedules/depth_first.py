"""Operators in the order in which branches end soon.

conv1 ─┬─> conv2 ─> conv3 ─> ..      ->      conv1, head, scores, conv2, conv3, ..
       └─> head ─> scores
"""

from __future__ import annotations

from collections.abc import Sequence


def depth_first(after: Sequence[frozenset[int]]) -> list[int]:
    """Steps, each as soon as can be behind the last that it needs; of several the one that the
    fewest others need. Step k must follow those of after[k], which come before it."""
    needs = [0] * len(after)
    then: list[list[int]] = [[] for _ in after]
    for k in reversed(range(len(after))):
        for one in after[k]:
            needs[one] |= needs[k] | 1 << k
            then[one].append(k)
    waiting = [set(earlier) for earlier in after]
    latest = [-1] * len(after)
    ready = {k for k, earlier in enumerate(waiting) if not earlier}
    found: list[int] = []
    while ready:
        step = min(ready, key=lambda k: (-latest[k], needs[k].bit_count(), k))
        ready.remove(step)
        for k in then[step]:
            waiting[k].remove(step)
            latest[k] = len(found)
            if not waiting[k]:
                ready.add(k)
        found.append(step)
    return found
