"""compress(): a network in a given number of bytes, without training.

The three steps share their values, so they stand in one file of 310 lines: what layers may become
(`prepare`), which of it is chosen, and the file that is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from lowtide.clock import Part, Progress, quiet
from lowtide.errors import BudgetError, UnsupportedModel, UsageError
from lowtide.files import write_file
from lowtide.frontends.onnx.original import with_original
from lowtide.ir.codes import Array
from lowtide.ir.graph import Shape
from lowtide.ir.original import Apart, Original
from lowtide.quoting import for_terminal
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes, show_bytes
from lowtide.weights import calibrate, sensitivity
from lowtide.weights.account import Form, form, macs
from lowtide.weights.accuracy import apart
from lowtide.weights.candidates import FAMILIES, Candidate, Family, candidates, settings
from lowtide.weights.knapsack import choose
from lowtide.weights.network import Inputs, Layer, Network, read
from lowtide.weights.refit import Settled, settle
from lowtide.weights.runner import Runner, count
from lowtide.weights.store import store
from lowtide.weights.text import show_compressed

PROBE_PICTURES = 128
"""Of the calibration, for measuring sensitivities; each layer is run three times on them."""


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


def compress(
    source: str | os.PathLike[str] | onnx.ModelProto,
    flash: str | int,
    calibration: Callable[[Network], Inputs | None] | Inputs | None = None,
    *,
    families: Sequence[Family] = FAMILIES,
    execution: Form | None = None,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress = quiet,
) -> Compressed:
    """Stores the weights of a network in `flash` bytes, biases and scales included.

    `calibration` holds pictures as the network sees them (256 are plenty), or makes them from the
    network; without any, seeded noise stands in, and the result is worse. `families` limits what
    layers may become; `shapes` are those of inputs that the file leaves open; `max_elements` is all
    that the network's tensors may have together. Raises ModelError, UsageError, and BudgetError.
    """
    limit = parse_bytes(flash, "--flash")
    search = prepare(
        source, calibration, families=families, least=limit, shapes=shapes,
        max_elements=max_elements, progress=progress,
    )  # fmt: skip
    return search.within(limit, execution, progress)


@dataclass(frozen=True)
class Search:
    """A network with all that its layers may become, and how much it minds: `prepare` makes it.

    `pictures` counts those it was measured on; 0: noise.
    """

    runner: Runner
    inputs: Inputs
    pictures: int
    choices: Mapping[str, tuple[Candidate, ...]]
    minds: Mapping[str, sensitivity.Sensitivity]

    @property
    def least_bytes(self) -> int:
        """What its smallest choices take together."""
        smallest = (min(c.bytes for c in some) for some in self.choices.values())
        return self.runner.network.kept_bytes + sum(smallest)

    def within(
        self, limit: int, execution: Form | None = None, progress: Progress = quiet
    ) -> Compressed:
        """The network in `limit` bytes; raises BudgetError where it cannot be so small."""
        chosen = selected(self.runner.network, self.choices, self.minds, limit)
        wanted = {name: candidate.setting for name, candidate in chosen.items()}
        settled = settle(self.runner, wanted, self.inputs, progress)
        progress("writing ONNX")
        return assembled(self.runner, settled, self.inputs, self.pictures, execution)


def prepare(
    source: str | os.PathLike[str] | onnx.ModelProto,
    calibration: Callable[[Network], Inputs | None] | Inputs | None = None,
    *,
    families: Sequence[Family] = FAMILIES,
    least: int | None = None,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress = quiet,
) -> Search:
    """Takes in a network and measures it, as `compress` does.

    Raises BudgetError, before anything is computed, where no choice takes `least` bytes or fewer.
    """
    progress("reading the network")
    network = read(source, shapes, max_elements)
    given = calibration(network) if callable(calibration) else calibration
    inputs = noise(network) if given is None else given
    if least is not None:
        check_least(network, families, least)
    runner = Runner(network)
    choices = fitted(runner, inputs, families, progress)
    minds = sensitivity.measure(runner, _first(inputs, PROBE_PICTURES), choices, progress)
    return Search(runner, inputs, 0 if given is None else count(inputs), choices, minds)


def fitted(
    runner: Runner, inputs: Inputs, families: Sequence[Family], progress: Progress
) -> dict[str, tuple[Candidate, ...]]:
    """The candidates of every layer."""
    layers = runner.network.layers
    progress(f"what {len(layers)} layers meet on {count(inputs)} pictures")
    moments = calibrate.measure(runner, layers, inputs)
    for layer in layers:
        if not np.isfinite(moments[layer.name].channels).all():
            raise UnsupportedModel(
                "meets NaN, infinity or numbers too large to square on the calibration pictures",
                file=runner.network.name, node=layer.name, operator=layer.op,
                hint="are --mean and --std those of the network?",
            )  # fmt: skip
    found = {}
    for number, layer in enumerate(layers, 1):
        progress(Part("candidates for layer", number, len(layers)))
        weights = runner.network.weights(layer)
        found[layer.name] = candidates(layer, weights, moments[layer.name], families)
    return found


def selected(
    network: Network,
    choices: Mapping[str, tuple[Candidate, ...]],
    minds: Mapping[str, sensitivity.Sensitivity],
    limit: int,
) -> dict[str, Candidate]:
    """The candidates of least loss together; raises BudgetError where the least is too large."""
    names = [layer.name for layer in network.layers]
    costs = [[c.bytes for c in choices[name]] for name in names]
    losses = [[minds[name].loss(c.error) for c in choices[name]] for name in names]
    picks = choose(costs, losses, max(limit - network.kept_bytes, 0))
    if picks is None:
        raise _too_large(network, network.kept_bytes + sum(map(min, costs)), limit)
    return {name: choices[name][pick] for name, pick in zip(names, picks, strict=True)}


def check_least(network: Network, families: Sequence[Family], limit: int) -> None:
    """Refuses what no choice can meet before anything is computed."""
    least = least_bytes(network, families)
    if least > limit:
        raise _too_large(network, least, limit)


def least_bytes(network: Network, families: Sequence[Family]) -> int:
    """What the smallest choices of some families take together, with what stays float32."""
    filters = [layer.filters for layer in network.layers]
    return network.kept_bytes + sum(
        min(s.bytes(f) for family in families for s in settings(f, family)) for f in filters
    )


def _too_large(network: Network, least: int, limit: int) -> BudgetError:
    shared = ", ".join(f"'{name}'" for name in network.shared)
    return BudgetError(
        f"{network.name}: the weights take {show_bytes(least)} at least, "
        f"{show_bytes(network.kept_bytes)} of them biases and what stays float32"
        + (f" ({shared} as several layers share it)" if shared else "")
        + f"; {show_bytes(limit)} were asked for",
        {"flash_bytes": least},
    )


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


def noise(network: Network) -> dict[str, Array]:
    """Seeded normal noise in the place of pictures."""
    rng = np.random.default_rng(0)
    found = {}
    for value in network.proto.graph.input:
        if value.name in network.inputs:
            dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
            if value.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
                raise UsageError(f"input '{value.name}' is not float32; give --calibrate")
            found[value.name] = rng.standard_normal([32, *dims[1:]], dtype=np.float32)
    return found


def _first(inputs: Inputs, most: int) -> dict[str, Array]:
    return {name: x[:most] for name, x in inputs.items()}
