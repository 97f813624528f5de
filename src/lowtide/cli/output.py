"""What the command writes on stdout and stderr: all of it, or the reason why not."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from lowtide.errors import UsageError, system_says
from lowtide.quoting import PATH_WIDTH, for_terminal

if TYPE_CHECKING:
    from lowtide.pipeline.result import Result

_LONGEST_LINE = 5000


def prepare() -> None:
    """What the encoding of stdout does not have is shown as question marks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@dataclass(frozen=True)
class Out:
    """The folder that a fit writes, if it does.

    `recipe` is its lowtide.toml. `read` are all the files that were named: the folder may hold
    them. Without `report` no page is written.
    """

    folder: Path | None
    recipe: Mapping[str, bytes]
    read: Sequence[Path]
    report: bool = True

    def write(self, made: Result) -> list[str]:
        """Writes its files and the recipe; returns their names."""
        from lowtide.files import write_folder

        if self.folder is None:
            return []
        files = {**self.wanted(made.files), **self.recipe}
        return write_folder(self.folder, files, self.read, figures=made.listed)

    def wanted(self, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """The files, without pages where none are wanted."""
        return {n: f for n, f in files.items() if self.report or not n.endswith("report.html")}

    def said(
        self, result: Mapping[str, Any] | str, written: Sequence[str]
    ) -> Mapping[str, Any] | str:
        """A result that also says which files were written to which folder, if any were."""
        if self.folder is None:
            return result
        if not isinstance(result, str):
            return {**result, "folder": str(self.folder)}
        parts = (name.partition("/") for name in written)
        listed = ", ".join(sorted({top + slash for top, slash, _ in parts}))
        return f"{result}\n  written        {for_terminal(str(self.folder), PATH_WIDTH)}/: {listed}"


def show(result: Mapping[str, Any] | str) -> None:
    """The result: lines for people, or one JSON object. Errors as for `write`."""
    write((_clean(result) if isinstance(result, str) else json.dumps(result)) + "\n")


def write(content: str | bytes) -> None:
    """All of it to stdout, now; raises UsageError where that cannot be.

    Where nobody reads it any more, the command has done what it should, and ends.
    """
    if sys.stdout is None:
        return
    try:
        if isinstance(content, str):
            sys.stdout.write(content)
        else:
            sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
        raise SystemExit(0) from None
    except OSError as error:
        _forget(sys.stdout)
        what = "what was asked is done, but the result cannot be written to stdout"
        raise UsageError(f"{what}: {system_says(error)}") from error


def say(text: str, to: TextIO | None = None) -> None:
    """A line on stderr, or what that was before, if there is one that can be written to."""
    to = to or sys.stderr
    if to is None:
        return
    try:
        print(f"lowtide: {for_terminal(text, _LONGEST_LINE)}", file=to, flush=True)
    except OSError:
        _forget(to)


def _clean(text: str) -> str:
    """Lines as they are, but for characters that a terminal would take for orders."""
    return "\n".join(for_terminal(line, _LONGEST_LINE) for line in text.split("\n"))


def _forget(stream: TextIO) -> None:
    """What it holds goes nowhere, so that Python does not fail on it on the way out."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
