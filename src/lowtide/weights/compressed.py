"""A network whose weights are stored small, and what became of each layer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx

from lowtide.files import write_file
from lowtide.frontends.onnx.original import with_original
from lowtide.ir.original import Apart, Original
from lowtide.quoting import for_terminal
from lowtide.sizes import show_bytes
from lowtide.weights import sensitivity
from lowtide.weights.account import Form, form, macs
from lowtide.weights.accuracy import apart
from lowtide.weights.network import Inputs, Layer, Network
from lowtide.weights.refit import Settled
from lowtide.weights.runner import Runner
from lowtide.weights.store import store
from lowtide.weights.text import show_compressed


@dataclass(frozen=True)
class Row:
    """What became of one layer; `error` is the relative squared error of its output."""

    name: str
    shape: tuple[int, ...]
    stored: str
    form: Form
    bytes: int
    dense_bytes: int
    macs: int
    dense_macs: int
    error: float


@dataclass(frozen=True, repr=False)
class Compressed:
    """A network stored small.

    `bytes` counts packed codes, their scales, biases and whatever stays float32; `dense_bytes` all
    of that at 32 bits, batch norms folded. `loss` is how far the outputs are from the dense
    network's on the calibration pictures (`sensitivity.loss`), `original` names that network and
    the largest difference; the file's metadata do too.
    """

    model: onnx.ModelProto
    network: Network
    settled: Settled
    rows: tuple[Row, ...]
    loss: float
    pictures: int
    original: Original
    rates: Mapping[str, Any] = field(default_factory=dict)
    """Accuracies before and after, where pictures with classes were given."""
    warnings: tuple[str, ...] = ()
    """What looks wrong in what was given."""

    def save(self, file: str | os.PathLike[str]) -> None:
        """Writes the network as an ONNX file, for `lowtide.fit`; raises UsageError."""
        write_file(Path(file), self.model.SerializeToString())

    def __str__(self) -> str:
        return show_compressed(self, self.rates, self.network.name)

    def __repr__(self) -> str:
        sizes = f"{show_bytes(self.dense_bytes)} -> {show_bytes(self.bytes)}"
        return f"<Compressed {for_terminal(self.network.name)}: {sizes} of weights>"

    def apart(self, more: Sequence[Apart]) -> Compressed:
        """The same with what is known of its differences beside those on the calibration."""
        known = replace(self.original, apart=(*self.original.apart, *more))
        return replace(self, model=with_original(self.model, known), original=known)

    def executed(self, asked: Form) -> Compressed:
        """The same numbers with every layer in one form, where it can run so."""
        made = store(self.network, self.settled.made, self.settled.biases, asked)
        model = with_original(made, self.original)
        rows = tuple(_row(layer, self.settled, asked) for layer in self.network.layers)
        return replace(self, model=model, rows=rows)

    @property
    def bytes(self) -> int:
        return self.network.kept_bytes + sum(row.bytes for row in self.rows)

    @property
    def dense_bytes(self) -> int:
        return self.network.dense_bytes

    @property
    def factor(self) -> float:
        return self.dense_bytes / self.bytes

    @property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)

    @property
    def dense_macs(self) -> int:
        return sum(row.dense_macs for row in self.rows)

    def facts(self) -> dict[str, Any]:
        """Everything `compress --json` prints of the network."""
        return {
            **self.original.facts(),
            "bytes": self.bytes,
            "dense_bytes": self.dense_bytes,
            "factor": round(self.factor, 3),
            "file_bytes": self.model.ByteSize(),
            "macs": self.macs,
            "dense_macs": self.dense_macs,
            "loss": self.loss,
            "calibration_pictures": self.pictures,
            "layers": [vars(row) for row in self.rows],
            **self.rates,
        }


def assembled(
    runner: Runner, settled: Settled, inputs: Inputs, pictures: int, execution: Form | None
) -> Compressed:
    """The result, with its ONNX model."""
    network = runner.network
    model = store(network, settled.made, settled.biases, execution)
    changed = settled.changed(network.layers)
    outputs, dense = runner.outputs(inputs, changed), runner.outputs(inputs)
    on = f"{pictures} pictures" if pictures else "noise for want of pictures"
    original = Original(
        os.path.basename(network.name), network.sha256, (apart(on, outputs, dense),), network.copy
    )
    rows = tuple(_row(layer, settled, execution) for layer in network.layers)
    return Compressed(
        with_original(model, original), network, settled, rows, sensitivity.loss(outputs, dense),
        pictures, original,
    )  # fmt: skip


def _row(layer: Layer, settled: Settled, asked: Form | None) -> Row:
    made = settled.made[layer.name]
    return Row(
        layer.name, layer.filters.shape, made.name(), form(layer, made, asked), made.bytes,
        4 * layer.filters.size, macs(layer, made, asked), layer.macs, settled.errors[layer.name],
    )  # fmt: skip
