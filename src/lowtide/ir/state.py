"""What a network carries from one call to the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """What a call makes of `output` is what the next one reads of `input`.

    They name an output and an input of the network, alike in shape, type and scale. Before the
    first call all its elements are `initial`. What is not `shown` is no output for the caller.
    """

    output: str
    input: str
    initial: int = 0
    shown: bool = True
