"""What stack, code and flash are measured with: the board's own compiler, where it is known.

    fit net.onnx                      cc -O2: figures of this machine, and called so
    fit net.onnx --cpu cortex-m4f     arm-none-eabi-gcc -mcpu=cortex-m4 ..: those of the processor
    fit net.onnx --cc 'clang ..'      what was asked for

Where the processor's compiler is not installed nothing is measured: this machine's figures are not
those of the board.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lowtide.check.compile import find_compiler
from lowtide.check.flags import SHIPS
from lowtide.errors import UsageError
from lowtide.planner.options import Options
from lowtide.quoting import for_terminal

HERE = "this machine"
NO_COMPILER = "there is no C compiler"
_OWN = ("-std=c99", "-O2", "-ffp-contract=fast")
_AS_SHIPPED = ("-std=c99", *SHIPS)


@dataclass(frozen=True)
class Meter:
    """A compiler with its flags, and `of` which machine the figures are that it gives.

    Without a command there are none; `absent` says why. It is `asked` for by --cc, or known. `own`
    is the processor's own compiler, which links its C library.
    """

    of: str
    command: tuple[str, ...] = ()
    absent: str = ""
    asked: bool = False
    own: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The command line; the same wherever the compiler lies."""
        name, *more = self.command
        return " ".join((Path(name).name, *more))

    @property
    def short(self) -> str:
        """this machine, cc -O2"""
        levels = [word for word in self.command if word.startswith("-O")]
        return f"{self.of}, {Path(self.command[0]).name} {levels[-1]}"

    @property
    def size(self) -> str | None:
        """The tool that tells an object's sections, of this compiler or of any."""
        return binutil(self.command, "size") or shutil.which("size")


def binutil(compiler: Sequence[str], name: str) -> str | None:
    """One of a compiler's own tools, where it is named after the compiler."""
    own = re.sub(r"gcc(-\d+)?$", name, compiler[0])
    return shutil.which(own) if own != compiler[0] else None


def meter_for(options: Options, target: str) -> Meter | None:
    """What measures what is emitted for a target: nothing where that is no C. Raises UsageError."""
    if target == "c99":
        return find_meter(options)
    if options.cc is not None:
        raise UsageError("--cc measures the C and needs --target c99")
    return None


def find_meter(options: Options) -> Meter:
    """What measures a program of these options. Raises UsageError for a --cc that is no command."""
    cpu = options.cpu or HERE
    own = options.compiler or ()
    if options.cc is not None:
        of = options.cpu or "the target of --cc"
        return Meter(of, _with(_asked(options.cc), _AS_SHIPPED), asked=True, own=own)
    if not own or own[0] == "cc":
        here = find_compiler()
        flags = _OWN if not own else (*own[1:], *_AS_SHIPPED)
        return Meter(HERE, (*here, *flags) if here else (), "" if here else NO_COMPILER)
    if not shutil.which(own[0]):
        return Meter(cpu, absent=f"there is no {own[0]} here for {cpu}; --cc names another")
    return Meter(cpu, _with(own, _AS_SHIPPED))


def _asked(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--cc {for_terminal(text)}: {error}") from None
    if not words or not shutil.which(words[0]):
        raise UsageError(
            f"--cc {for_terminal(text)}: no such command; a C compiler with flags, GCC or Clang"
        )
    # it is started in a folder of its own
    return (os.path.abspath(words[0]) if os.sep in words[0] else words[0], *words[1:])


def _with(command: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    """A command with the flags that it needs; a level that it has is kept."""
    leveled = any(word.startswith("-O") for word in command)
    return (*command, *(flag for flag in flags if not (leveled and flag.startswith("-O"))))
