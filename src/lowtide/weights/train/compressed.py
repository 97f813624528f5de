"""Train a network that is stored small, taught by the dense one it was made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from lowtide.clock import Progress, quiet
from lowtide.errors import UnsupportedModel, UsageError
from lowtide.ir.codes import Array
from lowtide.ir.graph import Shape
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes
from lowtide.weights.candidates import FAMILIES, Family
from lowtide.weights.compress import compress
from lowtide.weights.compressed import Compressed, assembled
from lowtide.weights.format import Generated
from lowtide.weights.network import Layer, Network, read
from lowtide.weights.runner import Runner
from lowtide.weights.train.checkpoint import check
from lowtide.weights.train.data import TrainingPictures
from lowtide.weights.train.generate import generate, generators
from lowtide.weights.train.graph import TorchNetwork
from lowtide.weights.train.loop import History, Recipe, run
from lowtide.weights.train.losses import Distil
from lowtide.weights.train.measure import accuracy
from lowtide.weights.train.parallel import made_once

CALIBRATION = 256
"""Pictures on which the network is compressed before it is trained."""

STUDENT = Recipe(1500, rate=0.01, warm=0.05, optimizer="adamw", weight_decay=0.0)
"""What suits a network that begins as a fair copy of its teacher."""


@dataclass(frozen=True)
class Trained:
    """The network before and after training; accuracies on the pictures that were held back."""

    before: Compressed
    after: Compressed
    history: History
    dense_accuracy: float | None
    before_accuracy: float | None
    after_accuracy: float | None


def train_compressed(
    source: str | os.PathLike[str] | onnx.ModelProto,
    flash: str | int,
    pictures: TrainingPictures,
    *,
    recipe: Recipe = STUDENT,
    held_back: float = 0.05,
    orthonormal: float = 0.0,
    families: Sequence[Family] = FAMILIES,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress = quiet,
) -> Trained:
    """Compresses a network to `flash` bytes, then trains what is stored.

    The network must give classes [N, classes] for one input. `held_back` is the share of the
    pictures that only measure. A `checkpoint` of another network or with other arguments is
    refused. Under `torchrun` the first process compresses. Raises what `compress` does, and
    UnsupportedModel for operators that cannot be trained.
    """
    rest, validation = pictures.split(held_back, recipe.seed)
    if not len(rest):
        raise UsageError(
            f"all {len(pictures)} pictures are held back for validation; give a smaller --held-back"
        )
    given = read(source, shapes, max_elements)
    try:
        TorchNetwork(given)
    except UnsupportedModel as error:  # before the work
        raise error.within(file=given.name) from None
    of = _identity(given, flash, families, rest, recipe)
    if checkpoint is not None and checkpoint.exists():
        check(checkpoint, of)
    first = rest.part(torch.arange(min(CALIBRATION, len(rest))))
    seen = first.normal(first.values).contiguous().numpy()
    before = made_once(
        lambda: compress(
            source, flash, lambda net: {net.inputs[0]: seen}, families=families, shapes=shapes,
            max_elements=max_elements, progress=progress,
        )
    )  # fmt: skip
    network, settled = before.network, before.settled
    teacher = TorchNetwork(network).eval().to(device)
    student = student_of(network, settled.made, settled.biases, torch.from_numpy(seen))
    start = accuracy(student, validation, device) if len(validation) else None
    objective = Distil(teacher, orthonormal=orthonormal)
    history = run(
        student, objective, rest, recipe, device=device, checkpoint=checkpoint, of=of,
        progress=progress,
    )  # fmt: skip
    made, biases = folded(student.cpu(), network)
    changed = replace(settled, made=made, biases=biases)
    runner = Runner(network)
    after = assembled(runner, changed, {network.inputs[0]: seen}, len(seen), None)
    dense = accuracy(teacher, validation, device) if len(validation) else None
    end = accuracy(student, validation, device) if len(validation) else None
    return Trained(before, after, history, dense, start, end)


def _identity(
    network: Network,
    flash: str | int,
    families: Sequence[Family],
    rest: TrainingPictures,
    recipe: Recipe,
) -> str:
    """What is trained, and on what: a run that goes on must be of the same."""
    told = (parse_bytes(flash, "--flash"), tuple(families), len(rest), recipe.batch, recipe.seed)
    found = hashlib.sha256(repr(told).encode())
    for layer in network.layers:
        found.update(network.weights(layer).tobytes())
    for held in (rest.labels, rest.values[:CALIBRATION], rest.mean, rest.std):
        found.update(held.contiguous().numpy().tobytes())
    return found.hexdigest()


def student_of(
    network: Network, made: Mapping[str, Generated], biases: Mapping[str, Array], seen: Tensor
) -> TorchNetwork:
    """The network with generated weights, batch norms put back behind its convolutions."""
    student = TorchNetwork(network)
    generate(student, {student.names[name]: stored for name, stored in made.items()})
    with torch.no_grad():
        for layer in network.layers:
            module = student.get_submodule(student.names[layer.name])
            if layer.bias is not None and layer.bias in biases:
                module.bias.copy_(torch.from_numpy(biases[layer.bias]))  # type: ignore[operator, union-attr]
    convolutions = [layer for layer in network.layers if layer.op == "Conv"]
    student.add_norms(spreads(student, convolutions, seen))
    for layer in convolutions:  # the norms have their own
        bias = getattr(student.get_submodule(student.names[layer.name]), "bias", None)
        if isinstance(bias, nn.Parameter):
            bias.requires_grad_(False)
    return student.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@torch.no_grad()
def spreads(
    graph: TorchNetwork, layers: Sequence[Layer], seen: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and standard deviation of each channel that layers give, for pictures."""
    found: dict[str, tuple[Tensor, Tensor]] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_: nn.Module, __: tuple[Tensor, ...], y: Tensor) -> None:
            found[name] = (y.mean((0, 2, 3)), y.std((0, 2, 3)) + 1e-5)

        return hook

    hooks = [
        graph.get_submodule(graph.names[layer.name]).register_forward_hook(keep(layer.name))
        for layer in layers
    ]
    graph.eval()
    graph(seen)
    for hook in hooks:
        hook.remove()
    return found


@torch.no_grad()
def folded(
    student: TorchNetwork, network: Network
) -> tuple[dict[str, Generated], dict[str, Array]]:
    """What is stored of a trained student: layers and biases, its norms folded into both."""
    stored = {name: made.stored() for name, made in generators(student).items()}
    made, biases = {}, {}
    for layer in network.layers:
        module = student.get_submodule(student.names[layer.name])
        norm, bias = student.norm(layer), getattr(module, "bias", None)
        ours = stored[student.names[layer.name]]
        if norm is not None:
            gain, shift = norm.folded()
            ours = ours.scaled(gain.double().numpy())
            bias = shift + (0 if bias is None else bias * gain)
        made[layer.name] = ours
        if layer.bias is not None and bias is not None:
            biases[layer.bias] = bias.detach().numpy()
    return made, biases
