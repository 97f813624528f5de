"""Where the `lowtide` command begins: errors and signals as one line and an exit code.

Nothing heavy is imported before Ctrl-C is caught.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from lowtide.errors import LowtideError, UnreadableModel


def main() -> None:
    """The entry point of the `lowtide` command."""
    with exit_codes(as_json="--json" in sys.argv[1:]):
        from lowtide.cli.app import app

        app()


class _Stopped(BaseException):
    """A signal asked the process to end; temporary folders are removed on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


def _stop(number: int, _: FrameType | None) -> None:
    raise _Stopped(number)


def _catch_signals() -> None:
    """SIGINT and SIGTERM raise, unless whoever started the process wants them ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


@contextmanager
def exit_codes(as_json: bool = False) -> Iterator[None]:
    """Errors as one line on stderr, one JSON object on stdout if asked for, and an exit code."""
    try:
        _catch_signals()
        yield
    except LowtideError as error:
        _end(error, as_json)
    except (_Stopped, KeyboardInterrupt) as error:
        kept = getattr(error, "__notes__", ["nothing was written"])
        print(f"lowtide: interrupted, {', '.join(kept)}", file=sys.stderr)
        code = 128 + getattr(error, "number", signal.SIGINT)
        if as_json:
            print(json.dumps({"error": "interrupted", "exit_code": code}), flush=True)
        sys.exit(code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except MemoryError:
        _end(UnreadableModel("out of memory"), as_json)
    except Exception as error:
        if os.environ.get("LOWTIDE_DEBUG"):
            raise
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        bug = f"a bug, please report it: {what} (LOWTIDE_DEBUG=1 shows where)"
        _end(LowtideError(bug), as_json)


def _end(error: LowtideError, as_json: bool) -> NoReturn:
    facts = error.facts()
    print(f"lowtide: {facts['error']}", file=sys.stderr)
    if as_json:
        print(json.dumps(facts), flush=True)
    sys.exit(error.exit_code)
