"""compress(): a network in a given number of bytes, without training.

In two steps: what layers may become (`prepare`), and which of it is chosen (`Search.within`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from lowtide.clock import Part, Progress, quiet
from lowtide.errors import BudgetError, UnsupportedModel, UsageError
from lowtide.ir.codes import Array
from lowtide.ir.graph import Shape
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes, show_both, show_bytes
from lowtide.weights import calibrate, sensitivity
from lowtide.weights.account import Form
from lowtide.weights.candidates import FAMILIES, Candidate, Family, candidates, settings
from lowtide.weights.compressed import Compressed, assembled
from lowtide.weights.knapsack import choose
from lowtide.weights.network import Inputs, Network, read
from lowtide.weights.refit import settle
from lowtide.weights.runner import Runner, count

PROBE_PICTURES = 128
"""Of the calibration, for measuring sensitivities; each layer is run three times on them."""


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
    takes, asked = show_both(least, limit)
    return BudgetError(
        f"{network.name}: the weights take {takes} at least, "
        f"{show_bytes(network.kept_bytes)} of them biases and what stays float32"
        + (f" ({shared} as several layers share it)" if shared else "")
        + f"; {asked} were asked for",
        {"flash_bytes": least},
    )


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
