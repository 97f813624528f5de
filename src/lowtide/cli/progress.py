"""The stage that runs, on stderr."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from rich.console import Console
from rich.status import Status
from rich.text import Text

from lowtide.cli.output import say
from lowtide.clock import Part
from lowtide.errors import UnreadableModel
from lowtide.quoting import for_terminal

_FIRST_S, _MOST_S = 10.0, 60.0
"""Where stderr is no terminal, a command that goes on says so after the first, then after twice as
long as before, at last each time after the other."""

_EACH = "LOWTIDE_PROGRESS"
"""With this in the environment, and not empty, each stage is a line there."""


class StageLine:
    """A line that changes on a terminal, elsewhere one after a while; none where it is `quiet`.

    Memory that runs out is an error that names the stage, and the file that it was at work `on`.
    """

    def __init__(self, on: Path | None = None, quiet: bool = False) -> None:
        self.status: Status | None = None
        self.on, self.quiet, self.stage = on, quiet, "starting"
        self.ends: float | None = None
        self.each = bool(os.environ.get(_EACH))
        self.ended, self.err = Event(), sys.stderr  # which is another while torch exports
        self.began = time.monotonic()
        self.first: tuple[Part, float] | None = None

    def __enter__(self) -> StageLine:
        if sys.stderr is not None and not self.quiet:
            console = Console(file=sys.stderr, highlight=False, markup=False)
            if console.is_terminal:
                self.status = console.status("starting")
                self.status.start()
            elif not self.each:
                with suppress(RuntimeError):  # no thread is to be had: nothing is said
                    Thread(target=self._say_now_and_then, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.set()
        if self.status:
            self.status.stop()
        if isinstance(error, MemoryError):
            raise UnreadableModel(
                f"out of memory at the stage '{self.stage}'",
                file=None if self.on is None else str(self.on),
                hint="a smaller --max-elements refuses such a network sooner",
            ) from error

    def __call__(self, stage: str) -> None:
        now = time.monotonic()
        self.stage, self.ends = stage, self._ends(stage, now)
        if self.status:
            self.status.update(Text(for_terminal(stage + self._left(now))))
        elif self.each and not self.quiet:
            say(stage + self._left(now))

    def _ends(self, stage: str, now: float) -> float | None:
        """When the parts that are left are done, if each takes what those before did."""
        if not isinstance(stage, Part):
            return None
        if self.first is None or self.first[0].kind != stage.kind:
            self.first = stage, now
        first, began = self.first
        if stage.at <= first.at:
            return None
        each = (now - began) / (stage.at - first.at)
        return now + each * (stage.of - stage.at + 1)

    def _left(self, now: float) -> str:
        return f", about {_lasts(self.ends - now)} left" if self.ends and self.ends > now else ""

    def _say_now_and_then(self) -> None:
        on = "" if self.on is None else f"{self.on}: "
        wait = _FIRST_S
        while not self.ended.wait(wait):
            now = time.monotonic()
            spent = _lasts(now - self.began)
            say(f"{on}{self.stage}{self._left(now)}; {spent} so far", self.err)
            wait = min(2 * wait, _MOST_S)


def _lasts(seconds: float) -> str:
    """12 s, 3 min, 2.5 h"""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
