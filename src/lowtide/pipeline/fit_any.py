"""fit() of Python: what `lowtide fit` does, by the same names.

asked.ask  ->  fit | fit_flash | fit_eight | fit_onnx | fit_tflite | fit_fifo  ->  a Result
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, overload

from lowtide.clock import Progress, quiet
from lowtide.errors import UsageError
from lowtide.frontends.pytorch.exported import Exported
from lowtide.frontends.tflite.load import refuse_tflite
from lowtide.ir.graph import Array, Shape
from lowtide.pipeline.asked import APPROXIMATE, Asked, ask
from lowtide.pipeline.fit import Samples
from lowtide.pipeline.fit import fit as fit_program
from lowtide.pipeline.fit_eight import fit_eight
from lowtide.pipeline.fit_fifo import FittedFifo, fit_fifo
from lowtide.pipeline.fit_flash import fit_flash
from lowtide.pipeline.fit_onnx import MAX_OVERHEAD, TILES, Portable, fit_portable
from lowtide.pipeline.fit_text import label_warnings
from lowtide.pipeline.fit_tflite import FittedTflite, fit_tflite
from lowtide.pipeline.fitted import Fitted
from lowtide.pipeline.from_torch import Module, beside_module, open_model
from lowtide.pipeline.pictures import File, Files
from lowtide.pipeline.read import Model
from lowtide.pipeline.result import Result
from lowtide.pipeline.signature import given_of, signed
from lowtide.planner.options import Options
from lowtide.room import MAX_ELEMENTS


@overload
def fit(
    model: Model | Module,
    example: object = None,
    *,
    target: Literal["c99", "none"] = "c99",
    budget: str | int | None = None,
    chip: str | None = None,
    flash: str | int | None = None,
    int8: bool = False,
    calibrate: Files | None = None,
    uncalibrated: bool = False,
    test: Files | None = None,
    classes: File | None = None,
    weights: Literal["both", "plain", "generated"] = "both",
    sample: Files | Samples | Mapping[str, Mapping[str, Array]] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    bgr: bool = False,
    labels: File | Sequence[str] | None = None,
    shape: Mapping[str, Shape] | None = None,
    name: str = "net",
    package: str | None = None,
    cpu: str | None = None,
    cc: str | None = None,
    image: Literal["resident", "streamed", "endless"] = "resident",
    result: Literal["resident", "streamed"] = "resident",
    push: int = 1,
    window: int = 0,
    time_axis: int | None = None,
    state: Sequence[str] = (),
    keep_input: bool = False,
    io_layout: Literal["nhwc", "nchw"] = "nhwc",
    io_type: Literal["file", "8bit"] | None = None,
    max_overhead: float = 0.0,
    objective: Literal["memory", "balanced", "latency"] = "memory",
    schedule: Literal["layerwise", "stream"] = "stream",
    order: Literal["given", "least"] = "least",
    overlap: Literal["none", "row", "group", "pixel"] = "group",
    place: Literal["greedy", "exact"] = "exact",
    align: int = 16,
    element_bytes: int | None = None,
    fuse_pools: bool | None = None,
    tile: tuple[int, int] | None = None,
    max_elements: int = MAX_ELEMENTS,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Fitted: ...


@overload
def fit(
    model: Model | Module,
    example: object = None,
    *,
    target: Literal["onnx"],
    budget: str | int | None = None,
    tiles: int = TILES,
    max_overhead: float = MAX_OVERHEAD,
    sample: Files | Samples | Mapping[str, Mapping[str, Array]] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    bgr: bool = False,
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> Portable: ...


@overload
def fit(
    model: File,
    *,
    target: Literal["tflite"],
    order: Literal["given", "least"] = "least",
    overlap: Literal["none", "pixel"] = "none",
    place: Literal["greedy", "exact"] = "exact",
    name: str = "net",
    sample: Files | Samples | Mapping[str, Mapping[str, Array]] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    bgr: bool = False,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> FittedTflite: ...


@overload
def fit(
    model: Model | Module,
    example: object = None,
    *,
    target: Literal["fifo"],
    io_type: Literal["file", "8bit"] = "file",
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> FittedFifo: ...


def fit(
    model: Any, example: object = None, *, progress: Progress | None = None, **given: Any
) -> Any:
    """Fits a network into the memory there is: plans it, writes its program, and checks both.

    >>> fitted = lowtide.fit("net.onnx", budget="256KiB")
    >>> print(fitted)               # what the command says
    >>> fitted.save("out")          # net.c, net.h, report.html, ..

    Options are those of `lowtide fit`, with _ for -. Sizes are bytes, 65536, or words, "64KiB".

    model          a file, ONNX or .tflite, an onnx.ModelProto, or a torch.nn.Module
    example        with a module: its input, a tensor, or a tuple or dict of them
    target         "c99": a C program; "none": the plan alone; "onnx": the network in tiles;
                   "tflite": a plan for TensorFlow Lite Micro; "fifo": depths of FIFOs
    budget         the RAM there is for arena, stack and state
    chip           the chip to fit, see `lowtide.chips()`: its RAM, flash and processor
    flash          bytes for weights and code; what does not fit is stored in few bits, which
                   approximates it and wants `calibrate`, or `uncalibrated`; of a .tflite file
                   and with `int8` it only limits
    int8           make a float32 network one of 8 bits first; that wants the same
    calibrate      pictures that the network knows, some hundred: files, folders, .npy, .npz
    uncalibrated   approximate without, which costs accuracy
    test, classes  pictures to measure accuracy on, and a file with their class numbers
    weights        with `flash`, what layers may become: "plain" n-bit weights, "generated"
                   factors, or "both"
    sample         pictures, .npy or .npz to compare with the reference on; or sets of inputs by
                   name, each by input, in the file's order of axes: {"cat": {"x": array}}
    mean, std      pixels 0..255 become (pixel - mean) / std; a number, or one for each channel
    bgr            pictures have blue first
    labels         names of the classes for what is printed: a list, or a file with a line each
    shape          an input's shape where the file leaves it open: {"x": (1, 3, 224, 224)}
    tiles          with target "onnx": at most so many tiles a segment
    max_elements   networks of more elements are refused before they take memory
    options        a `lowtide.Options` instead of its fields, which are all keywords as well:
                   schedule, order, overlap, place, align, image, result, max_overhead, objective,
                   name, cpu, cc, package, state, .. (`help(lowtide.Options)` explains each)
    progress       is called with each stage in words, as it begins

    Returns a Fitted; with target "onnx" a Portable, with "tflite" a FittedTflite, with "fifo" a
    FittedFifo. Each has `files`, `facts()` and `save(folder)`, and is printed as the command does.
    With `int8` it is a FittedEight, with `flash` a FittedSmall, which know the network before.

    Raises UsageError for options that make no sense, ModelError for a network that cannot be taken
    in, BudgetError where it does not fit (`suggestions` would), CheckError where a check fails.
    """
    for older, name in (("samples", "sample"), ("shapes", "shape")):  # what they were called
        if older in given:
            given.setdefault(name, given.pop(older))
    return run(ask(**given_of(fit, given)), open_model(model, example), progress or quiet)


signed(fit)


def run(asked: Asked, model: Any, progress: Progress = quiet) -> Result:
    """Does what was asked for; `model` may be what a PyTorch module was exported to."""
    exported = model if isinstance(model, Exported) else None
    network = exported.proto if exported else model
    if exported:  # so that the commands that are printed say them
        asked = replace(asked, given={"shape": exported.shapes, **asked.given})
    made = _WAYS.get(asked.target, _program)(asked, network, progress)
    if not isinstance(made, Fitted):
        return made
    warned = [*asked.data.warnings, *label_warnings(made, asked.labels)]
    warned += asked.files.greyed(made.plan.layout.graph)
    made = replace(made, labels=asked.labels or (), warnings=tuple(warned))
    return beside_module(made, exported) if exported else made


def _program(asked: Asked, model: Model, progress: Progress) -> Fitted:
    request, data = asked.request, asked.data
    if "int8" in asked.given:
        eight = fit_eight(model, request, data.inputs, progress)
        made = eight.quantised
        return replace(eight, rates=data.rates(made.network, made.floats, progress))
    if (flash := asked.flash) is not None:
        if asked.given.keys() & {*APPROXIMATE}:
            refuse_tflite(model, f"--flash with --{', --'.join(APPROXIMATE)}")
        small = fit_flash(model, flash, request, data.inputs, progress)
        if small.compressed is None:
            return small
        network, stored = small.compressed.network, small.compressed.model
        return replace(small, rates=data.rates(network, stored, progress))
    if asked.given.keys() & {"calibrate", "uncalibrated", "test", "classes"}:
        raise UsageError(f"the flash of {asked.given['chip']} is not known; give --flash")
    return fit_program(
        model, budget=request.budget, options=request.options, target=request.target,
        samples=request.samples, shapes=request.shapes, max_elements=request.max_elements,
        chip=request.chip, progress=progress,
    )  # fmt: skip


def _tiles(asked: Asked, model: Model, progress: Progress) -> Portable:
    given = {k: asked.given[k] for k in ("budget", "tiles", "max_overhead") if k in asked.given}
    return fit_portable(model, **given, samples=asked.samples, **asked.reading, progress=progress)


def _tflite(asked: Asked, model: File, progress: Progress) -> FittedTflite:
    options, overlap = asked.options, asked.given.get("overlap", "none")
    if overlap not in ("none", "pixel"):
        raise UsageError(
            f"--overlap {overlap}: with --target tflite none (right for any kernels) or pixel "
            "(TensorFlow Lite Micro's reference kernels)"
        )
    return fit_tflite(
        model, order=options.order, overlap=overlap, how=options.place, name=options.name,
        samples=asked.samples if "sample" in asked.given else None,
        max_elements=asked.reading["max_elements"], progress=progress,
    )  # fmt: skip


def _fifo(asked: Asked, model: Model, progress: Progress) -> FittedFifo:
    return fit_fifo(model, io_type=asked.options.io_type, **asked.reading, progress=progress)


_WAYS: Mapping[str, Callable[[Asked, Any, Progress], Result]] = {
    "onnx": _tiles,
    "tflite": _tflite,
    "fifo": _fifo,
}
