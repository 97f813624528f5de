"""What kernels of TensorFlow Lite Micro ask for while they run, as its interpreter says."""

from __future__ import annotations

from contextlib import suppress

from lowtide.backends.tflite.alone import alone
from lowtide.backends.tflite.outline import outline
from lowtide.check.in_child import LARGE, in_child
from lowtide.check.tflm import interpret


def scratch_of(content: bytes) -> dict[int, int]:
    """Bytes that kernels ask for while they run, by operator, where they ask for any.

    Each is prepared in a file of its own; one that cannot be so is left out.
    """
    return in_child(LARGE + 1, measure_scratch, content)


def measure_scratch(content: bytes) -> dict[int, int]:
    """The same in this process."""
    file, found = outline(content), {}
    for number, node in enumerate(file.nodes):
        own = [file.tensors[k].bytes for k in (*node.inputs, *node.outputs) if k >= 0]
        largest = max([1, *own])
        with suppress(RuntimeError, ValueError):
            more = interpret(alone(content, file, number), []).head_bytes - -(-largest // 16) * 16
            if more > 0:
                found[number] = more
    return found
