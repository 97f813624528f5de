"""The command line inside the test's own process: what it says, and how it ends."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass

import pytest

from lowtide.cli.start import main

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Said:
    """Exit code, stdout, and stderr's last line and all of it."""

    code: int
    out: str
    last: str
    err: str = ""


class Command:
    """Runs `lowtide` with arguments; for the fixture `command`."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object) -> Said:
        self.monkeypatch.setattr(sys, "argv", ["lowtide", *map(str, arguments)])
        held = {number: signal.getsignal(number) for number in _CAUGHT}
        self.capsys.readouterr()
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        finally:
            for number, handler in held.items():
                signal.signal(number, handler)
        said = self.capsys.readouterr()
        lines = said.err.splitlines()
        assert isinstance(code, int)
        return Said(code, said.out, lines[-1] if lines else "", said.err)
