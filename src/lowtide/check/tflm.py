"""TensorFlow Lite Micro's own interpreter, unmodified: the bytes of its head, and its outputs.

The head is what its recording allocator says of the arena's part that activations and scratch
share. It is C++ that trusts its file: it runs in a process of its own.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any

from lowtide.check.in_child import LARGE, in_child
from lowtide.check.runtimes import TFLM, in_room, installed, outputs_of
from lowtide.errors import UnsupportedModel, UsageError, extra
from lowtide.ir.graph import Array

Inputs = Sequence[Array]
"""In the file's order."""

_HEAD = re.compile(r"Arena allocation head (\d+) bytes")


@dataclass(frozen=True)
class Ran:
    """What the interpreter said of a file: bytes of its head, outputs for each set of inputs."""

    head_bytes: int
    outputs: tuple[tuple[Array, ...], ...]

    def equals(self, other: Ran) -> bool:
        """To the bit."""
        return len(self.outputs) == len(other.outputs) and all(
            len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
            for a, b in zip(self.outputs, other.outputs, strict=True)
        )


def _same(x: Array, y: Array) -> bool:
    return x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()


def version_of_tflm() -> str:
    """Raises UsageError where it is not installed."""
    found = installed(TFLM)
    if found is None:
        raise UsageError(
            f"{TFLM}, which runs the file before and after, is not installed; {extra('tflite')}"
        )
    return found


def run_tflm(content: bytes, sets: Sequence[Inputs], what: str) -> Ran:
    """Runs a file on sets of inputs, one after the other on one interpreter.

    Raises UnsupportedModel where it cannot run it.
    """
    version_of_tflm()
    try:
        return in_child(LARGE + 1, interpret, content, [list(inputs) for inputs in sets])
    except (RuntimeError, ValueError, ImportError, IndexError) as error:
        words = " ".join(str(error).split())[-300:] or "it ended without a word"
        raise UnsupportedModel(
            f"{TFLM} cannot run {what}: {words}",
            hint="only what its reference kernels run can be judged",
        ) from error


def interpret(content: bytes, sets: Sequence[Inputs]) -> Ran:
    """The same in this process, which a hostile file may end; raises RuntimeError, ImportError."""
    with TemporaryFile() as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            return _run(content, sets, said)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {_last(said)}") from error
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _last(said: Any) -> str:
    """What it complained of, when there was most room."""
    said.seek(0)
    lines = [line.decode(errors="replace").strip() for line in said]
    return " ".join(line for line in lines[-2:] if line)


def _run(content: bytes, sets: Sequence[Inputs], said: Any) -> Ran:
    own = in_room(content, lambda made: made)
    made = tuple(outputs_of(own, inputs) for inputs in sets)
    sys.stderr.flush()
    said.seek(0)
    said.truncate()
    own.print_allocations()
    said.seek(0)
    found = _HEAD.search(said.read().decode(errors="replace"))
    if found is None:
        raise RuntimeError("it does not say how large its head is")
    return Ran(int(found[1]), made)
