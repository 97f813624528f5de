"""The stage that runs, on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.status import Status
from rich.text import Text

from lowtide.cli.output import say
from lowtide.errors import UnreadableModel
from lowtide.quoting import for_terminal


class StageLine:
    """A spinner on a terminal, otherwise a line for each stage; nothing where it is `quiet`.

    Memory that runs out is an error that names the stage, and the file that it was at work `on`.
    """

    def __init__(self, on: Path | None = None, quiet: bool = False) -> None:
        self.status: Status | None = None
        self.on, self.quiet, self.stage = on, quiet, "starting"

    def __enter__(self) -> StageLine:
        if sys.stderr is not None and not self.quiet:
            console = Console(file=sys.stderr, highlight=False, markup=False)
            if console.is_terminal:
                self.status = console.status("starting")
                self.status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.status:
            self.status.stop()
        if isinstance(error, MemoryError):
            raise UnreadableModel(
                f"out of memory at the stage '{self.stage}'",
                file=None if self.on is None else str(self.on),
                hint="a smaller --max-elements refuses such a network sooner",
            ) from error

    def __call__(self, stage: str) -> None:
        self.stage = stage
        if self.status:
            self.status.update(Text(for_terminal(stage)))
        elif not self.quiet:
            say(stage)
