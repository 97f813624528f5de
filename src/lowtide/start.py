"""Where the `lowtide` command begins: errors and signals as one line and an exit code.

Nothing heavy is imported before Ctrl-C is caught.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lowtide.errors import LowtideError


def main() -> None:
    """The entry point of the `lowtide` command."""
    with exit_codes():
        from lowtide.cli import app

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
def exit_codes() -> Iterator[None]:
    """Errors as one line on stderr and an exit code that means something."""
    code: int | None = None
    try:
        _catch_signals()
        yield
    except LowtideError as error:
        print(f"lowtide: {' '.join(str(error).split())}", file=sys.stderr)
        code = error.exit_code
    except (_Stopped, KeyboardInterrupt) as error:
        print("lowtide: interrupted, nothing was written", file=sys.stderr)
        code = 128 + getattr(error, "number", signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except MemoryError:
        print("lowtide: out of memory", file=sys.stderr)
        code = 4
    except Exception as error:
        if os.environ.get("LOWTIDE_DEBUG"):
            raise
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        print(
            f"lowtide: a bug, please report it: {what} (LOWTIDE_DEBUG=1 shows where)",
            file=sys.stderr,
        )
        code = 1
    if code is not None:
        sys.exit(code)
