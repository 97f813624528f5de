"""TFLite's two runtimes, of the extra lowtide[tflite]: what a .tflite file computes by definition.

They are C++ that trusts its file: call them in a process of their own (`in_child.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import numpy as np

from lowtide.check.fed import Carry, Fed
from lowtide.frontends.tflite.stored import stored_in
from lowtide.ir.graph import Array

T = TypeVar("T")
Sets = Sequence[Mapping[str, Array]]
Made = list[tuple[Array, ...]]

TFLM, LITERT = "tflite-micro", "ai-edge-litert"
"""By the names of their packages."""

_ROOM = 1 << 22
_MOST_ROOM = 1 << 30


def installed(name: str) -> str | None:
    """The version of a runtime, if it is there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def run(name: str, content: bytes, sets: Sets, carry: Carry | None = None) -> Made:
    """The outputs of a file for sets of inputs, each in the file's order, states carried on.

    Raises ImportError without the runtime, and RuntimeError or ValueError where it cannot run it.
    """
    return _running(lambda: _RUNS[name](content, sets, Fed(carry or {})))


def run_all(
    name: str, content: bytes, inputs: Mapping[str, Array], numbers: Sequence[int]
) -> list[Array | None]:
    """Tensors of a file by their numbers, for a set of inputs; None for what is not kept.

    Raises as `run` does.
    """
    return _running(lambda: _ALL[name](content, inputs, numbers))


def _running(work: Callable[[], T]) -> T:
    """A runtime's own reader stumbles over damage in parts that lowtide does not read: any error of
    it, but for those of the system, says that it cannot run the file."""
    try:
        return work()
    except (ImportError, MemoryError, OSError):
        raise
    except Exception as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


def _by_tflm(content: bytes, sets: Sets, fed: Fed) -> Made:
    _comparable(content)
    return in_room(content, lambda own: [_step_tflm(own, inputs, fed) for inputs in sets])


def _step_tflm(own: Any, inputs: Mapping[str, Array], fed: Fed) -> tuple[Array, ...]:
    made = outputs_of(own, fed.inputs(inputs).values())
    fed.made(made)
    return made


def _comparable(content: bytes) -> None:
    if any(node.kind == "SPACE_TO_BATCH_ND" for node in stored_in(content).nodes):
        raise RuntimeError("its frames around images are whatever lies in memory")


def in_room(content: bytes, use: Callable[[Any], T], **more: Any) -> T:
    """What is made of an interpreter, in as much memory as it takes."""
    from tflite_micro import runtime

    room = _ROOM + 4 * len(content)
    while True:
        try:
            return use(runtime.Interpreter.from_bytes(content, arena_size=room, **more))
        except RuntimeError:
            if room >= _MOST_ROOM:
                raise
            room = min(16 * room, _MOST_ROOM)


def _all_by_tflm(
    content: bytes, inputs: Mapping[str, Array], numbers: Sequence[int]
) -> list[Array | None]:
    from tflite_micro import runtime

    def kept(own: Any) -> list[Array | None]:
        outputs_of(own, inputs.values())
        return [np.array(own.GetTensor(k, 0)["tensor_data"]) for k in numbers]

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    _comparable(content)
    return in_room(content, kept, intrepreter_config=keep)


def outputs_of(own: Any, inputs: Iterable[Array]) -> tuple[Array, ...]:
    """What an interpreter of TensorFlow Lite Micro makes of inputs in the file's order."""
    for k, values in enumerate(inputs):
        own.set_input(np.ascontiguousarray(values), k)
    own.invoke()
    made: list[Array] = []
    while True:
        try:
            made.append(np.array(own.get_output(len(made))))
        except IndexError:
            return tuple(made)


def _by_litert(content: bytes, sets: Sets, fed: Fed) -> Made:
    own = _litert(content)
    made: Made = []
    for inputs in sets:
        _run_litert(own, fed.inputs(inputs))
        made.append(tuple(own.get_tensor(held["index"]) for held in own.get_output_details()))
        fed.made(made[-1])
    return made


def _litert(content: bytes, **more: Any) -> Any:
    from ai_edge_litert import interpreter

    own = interpreter.Interpreter(
        model_content=content,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
        **more,
    )
    own.allocate_tensors()
    return own


def _run_litert(own: Any, inputs: Mapping[str, Array]) -> None:
    for held, values in zip(own.get_input_details(), inputs.values(), strict=True):
        own.set_tensor(held["index"], values)
    own.invoke()


def _all_by_litert(
    content: bytes, inputs: Mapping[str, Array], numbers: Sequence[int]
) -> list[Array | None]:
    own = _litert(content, experimental_preserve_all_tensors=True)
    _run_litert(own, inputs)
    made: list[Array | None] = []
    for k in numbers:
        try:
            made.append(own.get_tensor(k))
        except ValueError:
            made.append(None)
    return made


_ALL: Mapping[str, Callable[..., list[Array | None]]] = {TFLM: _all_by_tflm, LITERT: _all_by_litert}
_RUNS: Mapping[str, Callable[[bytes, Sets, Fed], Made]] = {TFLM: _by_tflm, LITERT: _by_litert}
