"""Pictures and classes that a command is given: read and checked before any work is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import prod, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.clock import Progress
from lowtide.data.pictures import Pictures, Scaling, read, read_classes
from lowtide.errors import UsageError
from lowtide.ir.codes import Array

if TYPE_CHECKING:
    import onnx

    from lowtide.weights.network import Inputs, Network


@dataclass(frozen=True)
class Given:
    """Paths to calibrate and to test on; `classes` are class numbers of the tests, or else of
    the calibration. `held` and `warnings`, of what does not match, fill when a network is known.
    Without pictures to calibrate on, nothing is to be approximated unless `uncalibrated`.
    """

    scaling: Scaling
    calibrate: Sequence[Path] = ()
    test: Sequence[Path] = ()
    classes: Path | None = None
    uncalibrated: bool = True
    held: dict[str, Pictures] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.classes is not None and not (self.test or self.calibrate):
            raise UsageError("--classes needs the pictures they belong to: --test or --calibrate")

    def inputs(self, network: Network) -> Inputs | None:
        """Reads everything; gives what to calibrate on. Raises UsageError, UnreadableModel."""
        name, shape = input_of(network, bool(self.calibrate or self.test))
        if not (self.calibrate or self.uncalibrated):
            raise UsageError(
                f"{network.name}: weights stored small, or 8 bits, are an approximation; give "
                "--calibrate PICTURES, some hundred that the network knows, or --uncalibrated to "
                "do without"
            )
        for role, paths in (("calibrate", self.calibrate), ("test", self.test)):
            if paths:
                self.held[role] = self._labelled(role, paths, shape, network)
        return {name: self.scaling(self.held["calibrate"].values)} if self.calibrate else None

    def _labelled(
        self, role: str, paths: Sequence[Path], shape: Sequence[int], network: Network
    ) -> Pictures:
        found = read(paths, shape, self.scaling.bgr)
        self.scaling.check(shape)
        if self.classes is not None and role == ("test" if self.test else "calibrate"):
            found = replace(
                found, classes=read_classes(self.classes, len(found.values)), folders=()
            )
        self.warnings.extend(_mismatches(f"--{role}", found, shape, network))
        if found.classes is not None:
            check_classes(found.classes, network)
        elif role == "test":
            raise UsageError(
                "--test: no classes; give --classes, folders of one class each, or .npz 'labels'"
            )
        return found

    def rates(self, network: Network, made: onnx.ModelProto, progress: Progress) -> dict[str, Any]:
        """Accuracies of what was made of a network and of itself, where there are classes."""
        from lowtide.weights.accuracy import accuracy

        pictures = self.held.get("test", self.held.get("calibrate"))
        if pictures is None or pictures.classes is None:
            return {}
        progress(f"accuracy on {len(pictures.classes)} pictures")
        inputs = {network.inputs[0]: self.scaling(pictures.values)}
        dense = accuracy(network.proto, inputs, pictures.classes)
        self.warnings.extend(_guesses(dense, len(pictures.classes), network))
        return {
            "test_pictures": len(pictures.classes),
            "accuracy_dense": dense,
            "accuracy": accuracy(made, inputs, pictures.classes),
        }


def _mismatches(
    role: str, found: Pictures, shape: Sequence[int], network: Network
) -> Iterator[str]:
    """What is said of pictures that fit, but perhaps not the network."""
    if found.resized:
        size = "x".join(map(str, (shape[2], shape[1])))
        yield (
            f"{role}: {found.resized} of {len(found.values)} pictures were resized to {size}; are "
            "they cropped as those the network was trained on?"
        )
    outputs, name = classes_of(network)
    if found.folders and len(found.folders) != outputs:
        first, last = found.folders[0], found.folders[-1]
        yield (
            f"{role}: {len(found.folders)} folders, where output '{name}' has {outputs} classes; "
            f"they were numbered from 0 ('{first}') to {len(found.folders) - 1} ('{last}')"
        )


def _guesses(dense: float, count: int, network: Network) -> Iterator[str]:
    """A network that is right no more often than by chance was given something else."""
    classes, _ = classes_of(network)
    chance = 1 / max(classes, 1)
    if dense <= chance + 2 * sqrt(chance * (1 - chance) / count):
        yield (
            f"the network as it was is right on {100 * dense:.1f} % of {count} pictures, as by "
            f"guessing one of {classes} classes: are --mean, --std and --bgr those it was trained "
            "with, and the class numbers its own?"
        )


def classes_of(network: Network) -> tuple[int, str]:
    """How many numbers the first output has for one picture, and its name."""
    output = network.proto.graph.output[0]
    dims = [d.dim_value for d in output.type.tensor_type.shape.dim]
    return prod(dims[1:]), output.name


def input_of(network: Network, needed: bool) -> tuple[str, tuple[int, ...]]:
    """The name and [C, H, W] of the one input."""
    if len(network.inputs) != 1:
        if needed:
            raise UsageError(f"pictures need a network of one input, not {len(network.inputs)}")
        return "", ()
    name = network.inputs[0]
    value = next(v for v in network.proto.graph.input if v.name == name)
    return name, tuple(d.dim_value for d in value.type.tensor_type.shape.dim[1:])


def check_classes(classes: Array, network: Network) -> None:
    """Raises UsageError where the first output has no number for one of the classes."""
    there, name = classes_of(network)
    if there < 2:
        raise UsageError(f"classes need scores, and output '{name}' is one number")
    least, most = int(classes.min()), int(classes.max())
    if least < 0 or most >= there:
        wrong = least if least < 0 else most
        raise UsageError(f"class {wrong}, where output '{name}' has 0 to {there - 1}")
