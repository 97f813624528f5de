"""What takes much memory, in a process of its own: all of it is given back when that ends."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from lowtide.check.child import run_child

T = TypeVar("T")

LARGE = 1 << 21
"""Elements of a network; with less, another process takes longer than its memory is worth."""

_CHILD = "import sys; sys.path[:] = sys.argv[2:]; import lowtide.check.in_child as it; it.answer()"


def in_child(elements: int, function: Callable[..., T], *arguments: Any) -> T:
    """What a function of a module returns or raises, called in another process if much is asked.

    Questions and answers are pickled. They are in a folder that only this user can write to, and
    come from lowtide alone, never from a file that somebody hands in.
    """
    if elements <= LARGE:
        return function(*arguments)
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        _write(Path(folder) / "question", (function, arguments))
        done = run_child([sys.executable, "-c", _CHILD, folder, *sys.path])
        if done.returncode == -9:  # the system's way to end what takes too much
            raise MemoryError
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace").strip()[-500:])
        returned, value = _read(Path(folder) / "answer")
    if returned:
        return value  # type: ignore[no-any-return]
    raise value


def answer() -> None:
    """The other process: reads a function with its arguments, writes what it returns or raises."""
    folder = Path(sys.argv[1])
    function, arguments = _read(folder / "question")
    try:
        found = True, function(*arguments)
    except Exception as error:
        found = False, error
    _write(folder / "answer", found)


def _write(path: Path, value: object) -> None:
    with path.open("wb") as file:
        pickle.dump(value, file, protocol=5)


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file)
