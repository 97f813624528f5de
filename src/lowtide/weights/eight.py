"""quantise(): a network in 8 bits, by onnxruntime's quantiser, as a QDQ file.

    float32, batch norms folded  ->  ranges met on pictures  ->  three ways to cut them, of which
                                     the one nearest to the original is kept

Activations are uint8 and weights int8, a scale for each channel: what onnxruntime computes in
whole numbers alone, group by group, and so what other programs can be held to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx.numpy_helper import to_array

from lowtide.clock import Progress, quiet
from lowtide.files import write_file
from lowtide.frontends.onnx.original import with_original
from lowtide.ir.graph import Array, Shape
from lowtide.ir.original import EIGHT, Apart, Original
from lowtide.quoting import for_terminal
from lowtide.room import MAX_ELEMENTS
from lowtide.weights import sensitivity
from lowtide.weights.accuracy import apart
from lowtide.weights.batch import free_batch
from lowtide.weights.compress import noise
from lowtide.weights.eight_text import show_quantised
from lowtide.weights.network import Inputs, Network, take_in
from lowtide.weights.qdq import BOTH, left, quantised
from lowtide.weights.runner import Runner, count
from lowtide.weights.spread import METHODS, Method, measure


@dataclass(frozen=True, eq=False, repr=False)
class Quantised:
    """A network in 8 bits: the `model` to be written, and the same with `floats` going in and out,
    of any number of pictures if it can.

    `method` is how ranges were cut, of which `losses` has what each cost (`sensitivity.loss`).
    """

    model: onnx.ModelProto
    floats: onnx.ModelProto
    network: Network
    method: Method
    losses: Mapping[str, float]
    pictures: int
    original: Original
    operators: int
    left: tuple[str, ...]
    rates: Mapping[str, Any] = field(default_factory=dict)
    """Accuracies before and after, where pictures with classes were given."""
    warnings: tuple[str, ...] = ()
    """What looks wrong in what was given."""

    def save(self, file: str | os.PathLike[str]) -> None:
        """Writes the network as an ONNX file, for `lowtide.fit`; raises UsageError."""
        write_file(Path(file), self.model.SerializeToString(deterministic=True))

    def __str__(self) -> str:
        return show_quantised(self, self.rates)

    def __repr__(self) -> str:
        eight = f"{self.operators - len(self.left)} of {self.operators} operators at 8 bits"
        return f"<Quantised {for_terminal(self.network.name)}: {eight}>"

    def apart(self, more: Sequence[Apart]) -> Quantised:
        """The same with what is known of its differences beside those on the calibration."""
        known = replace(self.original, apart=(*self.original.apart, *more))
        return replace(self, model=with_original(self.model, known), original=known)

    def facts(self) -> dict[str, Any]:
        """Everything `quantise --json` prints of the network."""
        return {
            **self.original.facts(),
            "bytes": _constant_bytes(self.model),
            "dense_bytes": _constant_bytes(self.network.proto),
            "file_bytes": self.model.ByteSize(),
            "calibration_pictures": self.pictures,
            "method": self.method,
            "losses": dict(self.losses),
            "operators": self.operators,
            "float_operators": list(self.left),
            **self.rates,
        }


def quantise(
    source: str | os.PathLike[str] | onnx.ModelProto,
    calibration: Callable[[Network], Inputs | None] | Inputs | None = None,
    *,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress = quiet,
) -> Quantised:
    """A float32 network in 8 bits.

    `calibration` holds pictures as the network sees them (some hundred), or makes them from the
    network; without any, seeded noise stands in, and the result is worse. Raises
    ModelError and UsageError.
    """
    progress("reading the network")
    network, plain = take_in(source, shapes, max_elements)
    given = calibration(network) if callable(calibration) else calibration
    inputs = noise(network) if given is None else given
    runner = Runner(network)
    spreads = measure(runner, _elements(plain), inputs, progress)
    dense = _outputs(runner, inputs)
    tried = []
    for method in METHODS:
        progress(f"8 bits, ranges by {method}")
        ranges = {name: spread.range(method) for name, spread in spreads.items()}
        tried.append(_made(network, quantised(plain, ranges, network.name), method, inputs, dense))
    best = min(tried, key=lambda one: one.loss)
    on = f"{count(inputs)} pictures" if given is not None else "noise for want of pictures"
    original = Original(
        os.path.basename(network.name), network.sha256, (apart(on, best.outputs, dense),),
        network.copy, EIGHT,
    )  # fmt: skip
    return Quantised(
        with_original(best.model, original), best.floats, network, best.method,
        {one.method: one.loss for one in tried}, 0 if given is None else count(inputs), original,
        sum(node.op_type not in BOTH for node in best.model.graph.node), left(best.model),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Made:
    """The network with ranges by one method, floats going in and out, and what it computes."""

    method: Method
    model: onnx.ModelProto
    floats: onnx.ModelProto
    outputs: Sequence[Array]
    loss: float


def _made(
    network: Network,
    model: onnx.ModelProto,
    method: Method,
    inputs: Inputs,
    dense: Sequence[Array],
) -> _Made:
    floats, batch = free_batch(model, network.inputs)
    outputs = _outputs(Runner(replace(network, proto=floats, batch=batch)), inputs)
    return _Made(method, model, floats, outputs, sensitivity.loss(outputs, dense))


def _outputs(runner: Runner, inputs: Inputs) -> list[Array]:
    return [y[: count(inputs)] for y in runner.outputs(inputs)]


def _elements(proto: onnx.ModelProto) -> dict[str, int]:
    """The float tensors that are computed or handed in, and how many elements each has."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    values = (*proto.graph.input, *proto.graph.value_info, *proto.graph.output)
    return {
        value.name: prod(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in values
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        and value.name not in constants
    }


def _constant_bytes(proto: onnx.ModelProto) -> int:
    return sum(len(to_array(tensor).tobytes()) for tensor in proto.graph.initializer)
