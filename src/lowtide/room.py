"""How large a network may be: the elements of all its tensors together."""

from __future__ import annotations

from dataclasses import dataclass, field

from lowtide.errors import UnsupportedModel

MAX_ELEMENTS = 2**28
"""What `--max-elements` is unless given: 1 GiB of float32, some thousand times a small memory."""

MADE = 8
"""One in so many may be in constants that are larger than what they are computed from.

They are computed here, by programs that take several times as much on the way.
"""


@dataclass
class Room:
    """The elements counted so far, each tensor's once, and the most that all may have.

    A few bytes of file can ask for a terabyte: what has no room is refused, by its name, before
    anything is computed.
    """

    most: int = MAX_ELEMENTS
    counted: dict[str, int] = field(default_factory=dict)
    total: int = 0
    made: int = 0

    def count(
        self, tensor: str, elements: int, node: str | None = None, operator: str | None = None
    ) -> None:
        """Counts a tensor; raises UnsupportedModel, which names its node, if it has no room.

        A tensor that was counted before, by another shape perhaps, is counted anew.
        """
        self.total += elements - self.counted.get(tensor, 0)
        self.counted[tensor] = elements
        if self.total > self.most:
            others = "" if elements > self.most else f", {self.total} with all tensors before it"
            raise UnsupportedModel(
                f"tensor '{tensor}' has {elements} elements{others}",
                node=node, operator=operator, hint=self._hint(),
            )  # fmt: skip

    def make(self, elements: int, node: str | None, operator: str | None) -> None:
        """Counts what a constant has beyond what it is computed from; raises as `count` does."""
        self.made += max(elements, 0)
        if self.made > self.most // MADE:
            raise UnsupportedModel(
                f"its result, a constant, has {elements} elements more than what it is made from; "
                f"all such results together may have {self.most // MADE}, an eighth",
                node=node, operator=operator, hint=self._hint(),
            )  # fmt: skip

    def _hint(self) -> str:
        return f"--max-elements is {self.most}, a larger number lets it in"
