"""A network called again and again, and fed with what it has made of its states.

x0, h = 0 ─> run ─> y0, h'      x1, h' ─> run ─> y1, h''      ..
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lowtide.ir.graph import Array

Carry = Mapping[str, int]
"""For each input that is fed the number of the output that it was."""


@dataclass
class Fed:
    """What the last call has left; before the first one that is what is given."""

    carry: Carry
    held: dict[str, Array] = field(default_factory=dict)

    def inputs(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """The inputs of the next call."""
        return {**given, **self.held}

    def made(self, outputs: Sequence[Array]) -> None:
        """Notes the outputs of a call."""
        self.held = {name: outputs[number] for name, number in self.carry.items()}
