"""Where the `lowtide` command begins: errors and signals as one line and an exit code.

Nothing heavy is imported before Ctrl-C is caught.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from lowtide.cli.output import prepare, say, show
from lowtide.cli.reasons import reason
from lowtide.errors import REPORT, LowtideError, UnreadableModel


def main() -> None:
    """The entry point of the `lowtide` command."""
    try:
        with exit_codes(as_json="--json" in sys.argv[1:]):
            from lowtide.cli.app import app

            sys.exit(app(standalone_mode=False))
    except _Stopped:  # while it was said how the command ended
        sys.exit(_code())
    finally:
        _ignore_signals()


class _Stopped(BaseException):
    """A signal asked the process to end; temporary folders are removed on the way out."""


_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Windows has no SIGHUP."""
_AGAIN_S = 1.0
_stopped: list[tuple[int, float]] = []
"""The signals that came, and when."""


def _stop(number: int, _: FrameType | None) -> None:
    now = time.monotonic()
    _stopped.append((number, now))
    # A terminal that closes says it several times; what is being removed is not to be left then.
    if len(_stopped) == 1 or now - _stopped[-2][1] > _AGAIN_S:
        raise _Stopped


def _catch_signals() -> None:
    """What ends a process raises, unless whoever started it wants that ignored (nohup)."""
    for number in _ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def _ignore_signals() -> None:
    """How the command ended is decided, and Python, on its way out, would let a signal kill it."""
    for number in _ENDING:
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_IGN)


def _code() -> int:
    return 128 + (_stopped[0][0] if _stopped else signal.SIGINT)


@contextmanager
def exit_codes(as_json: bool = False) -> Iterator[None]:
    """Errors as one line on stderr, one JSON object on stdout if asked for, and an exit code."""
    try:
        _catch_signals()
        prepare()
        yield
    except LowtideError as error:
        _end(error, as_json)
    except (_Stopped, KeyboardInterrupt) as error:
        _interrupted(error, as_json)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(0)  # rich ends with 1 where nobody reads the help
        raise
    except MemoryError:
        _end(UnreadableModel("out of memory"), as_json)
    except Exception as error:
        if _stopped:  # libraries make other errors of what is raised while they are loaded
            _interrupted(error, as_json)
        if os.environ.get("LOWTIDE_DEBUG"):
            raise
        _end(reason(error) or _bug(error), as_json)


def _interrupted(error: BaseException, as_json: bool) -> NoReturn:
    kept = ", ".join(getattr(error, "__notes__", ["nothing was written"]))
    say(f"interrupted, {kept}")
    if as_json:
        _answer({"error": "interrupted", "kept": kept, "exit_code": _code()})
    sys.exit(_code())


def _bug(error: Exception) -> LowtideError:
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return LowtideError(f"a bug: {what}; {REPORT} (LOWTIDE_DEBUG=1 shows where)")


def _end(error: LowtideError, as_json: bool) -> NoReturn:
    for line in error.lines():
        say(line)
    if as_json:
        _answer(error.facts())
    sys.exit(error.exit_code)


def _answer(facts: dict[str, object]) -> None:
    """The error for scripts; where stdout is the trouble, the line on stderr has said it."""
    try:
        show(facts)
    except (LowtideError, SystemExit):
        return
