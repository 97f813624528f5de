"""What a network for endless input takes with each call, and when its results are valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Delay:
    """Of an output: the first `pushes` calls make it of rows from before the first, too.

    Call n, counted from 0, makes rows n * rows - late and the `rows - 1` behind it, as the file
    counts them; with `rows` 0 it has no rows along time, and is made anew by each call.
    """

    output: str
    pushes: int
    late: int
    rows: int


@dataclass(frozen=True)
class Pushes:
    """A call is a push of `rows` new rows of the input.

    `dropped` has the rows of padding along time that operators had in the file; `windows` the
    operators over all of time, which run on so many rows, the last ones.
    """

    rows: int
    delays: tuple[Delay, ...]
    dropped: Mapping[str, int]
    windows: Mapping[str, int]

    def facts(self) -> dict[str, Any]:
        """By the names of `--json`."""
        return {
            "push_rows": self.rows,
            "delay_pushes": self.delay,
            "delays": [asdict(one) for one in self.delays],
            "dropped_padding": dict(self.dropped),
            "windows": dict(self.windows),
        }

    @property
    def delay(self) -> int:
        """Pushes until all outputs are valid."""
        return max((one.pushes for one in self.delays), default=0)
