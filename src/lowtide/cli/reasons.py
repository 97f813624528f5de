"""Errors that are no bugs: the command line's, the system's and the installation's."""

from __future__ import annotations

import errno
import os

from lowtide.errors import LIMITS, LowtideError, UsageError, system_says

_WAYS_OUT = {
    errno.ENOSPC: "make room, or set TMPDIR to a folder that has some",
    errno.EDQUOT: "make room, or set TMPDIR to a folder that has some",
}


def reason(error: Exception) -> LowtideError | None:
    """What to say of an error that is none of lowtide's; None for a bug."""
    if hasattr(error, "format_message"):  # typer's, of a command line that it does not understand
        return UsageError(f"{_understood(error)}; {_help(error)} lists what there is")
    if isinstance(error, UnicodeError):
        return UsageError(f"text that cannot be read or written: {error}")
    if isinstance(error, OSError):
        return UsageError(_of_system(error))
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return UsageError(f"no thread can be started; {LIMITS[errno.EAGAIN]}")
    if isinstance(error, ImportError) and not (error.name or "lowtide").startswith("lowtide"):
        return UsageError(f"the installation is not whole: {error}; install lowtide anew")
    return None


def _understood(error: Exception) -> str:
    said = str(error.format_message()).strip().rstrip(".")  # type: ignore[attr-defined]
    return said.replace("Value error, ", "") or "no command named"


def _help(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"'{context.command_path} --help'" if context else "'lowtide --help'"


def _of_system(error: OSError) -> str:
    """File: what the system says; the way out."""
    file = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    way_out = _WAYS_OUT.get(error.errno or 0)
    return file + system_says(error) + (f"; {way_out}" if way_out else "")
