"""Errors that are no bugs: the command line's, the system's and the installation's."""

from __future__ import annotations

import errno
import os
import re
from importlib.metadata import packages_distributions
from traceback import walk_tb
from types import TracebackType

from lowtide.errors import LIMITS, LowtideError, UsageError, perhaps, system_says

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
    if package := _in_loading(error.__traceback__):
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        way_out = f"pip install --force-reinstall {package}, then lowtide doctor"
        return UsageError(
            f"the installation is not whole: {package} does not load: {what}; {way_out}"
        )
    return None


def _in_loading(trace: TracebackType | None) -> str:
    """The package, none of ours, that was being loaded when an error came; "" where none was."""
    frames = [frame for frame, _ in walk_tb(trace) if frame.f_code.co_name == "<module>"]
    found = str(frames[-1].f_globals.get("__name__", "")).partition(".")[0] if frames else ""
    if found in ("", "lowtide", "__main__"):
        return ""
    return next(iter(packages_distributions().get(found, ())), found)


_OURS = (
    (r"^Invalid value for '?([^':]*)'?: ", r"\1: "),
    (r"Value error, ", ""),
    (r"Input should be a valid integer.*", "a whole number is needed"),
    (r"Input should be a valid number.*", "a number is needed"),
    (r"Input should be greater than or equal to (\S+)", r"\1 or more is needed"),
    (r"Input should be (?:a valid|an?) (\w+).*", r"a \1 is needed"),
    (r"^Option '(.*)' requires an argument", r"nothing after '\1', where a value is needed"),
    (r"^Missing (?:argument|option|parameter):? '?([^']*)'?", r"no \1 was given"),
    (r"^No such (option|command):? '?([^' .]*)'?\.?", r"there is no \1 \2"),
    (r"Did you mean '?([^']*)'?\?", r"(perhaps \1?)"),
    (r"\(Possible options: (.*)\)", r"(perhaps \1?)"),
    (r"Got unexpected extra argument\(?s?\)? \((.*)\)", r"there is no place for '\1'"),
)
"""What the parser of the command line says, and how we say it."""

_MEANT = {
    "--ram": "--budget", "--sram": "--budget", "--memory": "--budget", "--rom": "--flash",
    "--mcu": "--chip", "--quantize": "--int8", "--quantise": "--int8", "--out": "--output",
    "--int8-calibrate": "--calibrate", "--input": "--shape",
    "int8": "8bit", "uint8": "8bit", "float32": "file", "speed": "latency", "ram": "memory",
}  # fmt: skip
"""What people call our options, and values of them."""


def _understood(error: Exception) -> str:
    said = str(error.format_message()).strip().rstrip(".")  # type: ignore[attr-defined]
    for theirs, ours in _OURS:
        said = re.sub(theirs, ours, said)
    if choice := re.match(r".*: '(.*)' is not one of (.*)", said):
        said += perhaps(_MEANT.get(choice[1], choice[1]), re.findall("'([^']*)'", choice[2]))
    meant = _MEANT.get(str(getattr(error, "option_name", "")))
    said = re.sub(r" \(perhaps .*", "", said) + f" (perhaps {meant}?)" if meant else said
    return said or "no command named"


def _help(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"'{context.command_path} --help'" if context else "'lowtide --help'"


def _of_system(error: OSError) -> str:
    """File: what the system says; the way out."""
    file = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    way_out = _WAYS_OUT.get(error.errno or 0)
    return file + system_says(error) + (f"; {way_out}" if way_out else "")
