"""What a fit was asked for: options by the command line's names, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from lowtide.data.samples import SampleFiles, read_labels
from lowtide.errors import UsageError, perhaps
from lowtide.files.listing import CERTAIN
from lowtide.kernels.chips import find_chip
from lowtide.packages import ecosystem
from lowtide.pipeline.fit import Samples
from lowtide.pipeline.fit_flash import Request
from lowtide.pipeline.on_chip import Limits
from lowtide.pipeline.pictures import FAMILIES, numbers, paths, pictures
from lowtide.planner.options import Options
from lowtide.quoting import own
from lowtide.room import MAX_ELEMENTS
from lowtide.weights.labelled import Given

TARGETS = ("c99", "onnx", "tflite", "fifo", "none")

_READ = ("shape", "max_elements")
_SHOWN = ("sample", "mean", "std", "bgr")
_TAKES = {
    "onnx": ("budget", "tiles", "max_overhead", *_READ, *_SHOWN),
    "tflite": ("order", "overlap", "place", "name", *_SHOWN, "max_elements"),
    "fifo": ("io_type", *_READ),
}
_WHY = {
    "onnx": "it cuts a network into tiles, which runtimes run layer by layer",
    "tflite": "TensorFlow Lite Micro stays the interpreter",
    "fifo": "it emits no program",
}
APPROXIMATE = ("calibrate", "uncalibrated", "test", "classes", "weights")


@dataclass(frozen=True)
class Asked:
    """What was asked for. `given` has what was given, by name; the rest is what it means."""

    target: str
    given: Mapping[str, Any]
    options: Options
    files: SampleFiles
    data: Given
    labels: tuple[str, ...] | None

    @property
    def flash(self) -> str | int | None:
        """Bytes for weights and code; those of the chip where weights may be stored small."""
        given, chip = self.given, self.given.get("chip")
        small = given.keys() & {"calibrate", "uncalibrated"} and not given.get("int8")
        if "flash" in given or chip is None or not small:
            return given.get("flash")
        return find_chip(chip).flash_bytes

    @property
    def samples(self) -> Samples:
        """What makes sets of inputs for a network."""
        given: Any = self.given.get("sample")
        if isinstance(given, Mapping):
            return lambda _: given
        return given if callable(given) else self.files.read

    @property
    def request(self) -> Request:
        """The same for the ways that make a program."""
        names = ("budget", "chip", *(["flash"] if "int8" in self.given else []))
        held = {name: self.given[name] for name in names if name in self.given}
        families = FAMILIES[self.given.get("weights", "both")]
        return Request(
            **held, options=self.options, target=self.target, samples=self.samples,
            families=families, **self.reading,
        )  # fmt: skip

    @property
    def certain(self) -> set[str]:
        """Names of files that will be written, whatever the network; more may be."""
        name, package = self.options.name, self.options.package
        names = {*CERTAIN[self.target]}
        names |= {"compressed.onnx"} if self.flash is not None else set()
        names |= {"int8.onnx"} if "int8" in self.given else set()
        around = ecosystem(package).files(name) if package else ()
        return {*(own(one, name) for one in names), *around}

    @property
    def reading(self) -> dict[str, Any]:
        """How the file is read."""
        elements = self.given.get("max_elements", MAX_ELEMENTS)
        return {"shapes": self.given.get("shape"), "max_elements": elements}


def ask(target: str = "c99", **given: Any) -> Asked:
    """Raises UsageError for what makes no sense together, or means nothing to the target."""
    if target not in TARGETS:
        there = ", ".join(TARGETS) + perhaps(target, TARGETS)
        raise UsageError(f"unknown target '{target}'; there are {there}")
    for option, other in (("flash", "compress"), ("int8", "quantise")):
        if target == "onnx" and option in given:
            raise UsageError(
                f"--{option} is for --target c99 and none; lowtide {other} writes ONNX"
            )
    refuse_others(target, given)
    Limits.of(given.get("budget"), given.get("chip"), given.get("flash"))  # raises what is no size
    _check_approximate(given)
    if "tiles" in given and target != "onnx":
        raise UsageError("--tiles is for --target onnx")
    sample = given.get("sample")
    arrays = isinstance(sample, Mapping) or callable(sample)
    mean, std, bgr = (given.get(name) for name in ("mean", "std", "bgr"))
    files = SampleFiles(
        () if arrays else paths(sample), numbers(mean), numbers(std), bool(bgr)
    )  # fmt: skip
    data = pictures(
        given.get("calibrate"), given.get("test"), given.get("classes"),
        bool(given.get("uncalibrated")), mean, std, bool(bgr),
    )  # fmt: skip
    options = options_of(given, files.words)
    return Asked(target, given, options, files, data, _labels(given.get("labels")))


def refuse_others(target: str, given: Mapping[str, Any]) -> None:
    """Raises UsageError for what was given and means nothing to a target that takes others."""
    if target not in _TAKES:
        return
    takes, named = _TAKES[target], (f"--{one.replace('_', '-')}" for one in _TAKES[target])
    for name in given:
        if name not in takes:
            raise UsageError(
                f"--{name.replace('_', '-')} means nothing with --target {target}, which takes "
                f"{', '.join(named)}: {_WHY[target]}"
            )


def _check_approximate(given: Mapping[str, Any]) -> None:
    """Raises UsageError for options of --int8 and --flash that do not go together."""
    if given.get("weights", "both") not in FAMILIES:
        raise UsageError(f"--weights {given['weights']}: {', '.join(FAMILIES)}")
    if "int8" in given:
        if "element_bytes" in given:
            raise UsageError(
                "--int8 plans with the sizes there are; give no --element-bytes with it"
            )
        if given.get("weights", "both") != "both":
            raise UsageError("--weights is for --flash")
        return
    chip = "chip" in given and given.keys() & {"calibrate", "uncalibrated"}
    if "flash" not in given and not chip and given.keys() & {*APPROXIMATE}:
        raise UsageError(
            "--calibrate, --uncalibrated, --test and --classes are for --int8 and --flash, "
            "--weights is for --flash"
        )


def options_of(given: Mapping[str, Any], pixels: str = "") -> Options:
    """The plan's options: those that are given, over those of `options` if that is."""
    names = {one.name for one in fields(Options)} & given.keys()
    held = {name: given[name] for name in names}
    if "state" in held:
        held["state"] = (held["state"],) if isinstance(held["state"], str) else (*held["state"],)
    if "tile" in held:
        held["tile"] = (*held["tile"],)
    if "int8" in given and "options" not in given:
        held.setdefault("io_type", "8bit")
    if pixels:
        held["pixels"] = pixels
    return replace(given.get("options") or Options(), **held)


def _labels(given: Any) -> tuple[str, ...] | None:
    """Names of classes: as they are, or of a file with a line each."""
    if given is None:
        return None
    several = isinstance(given, list | tuple)
    return tuple(map(str, given) if several else read_labels(paths(given)[0]))
