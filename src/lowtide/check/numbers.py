"""Samples, onnxruntime on them, and how far a result is from what is expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lowtide.check.exact.blocks import blocks
from lowtide.check.expected import TOLERANCE, WHOLE, Expected, Kind, allowed, share, summary
from lowtide.errors import EXPORT, CheckError, UnreadableModel
from lowtide.frontends.onnx.tidy import tidied
from lowtide.ir.graph import Array, Shape


@dataclass(frozen=True)
class Sample:
    """One set of inputs by name, and what the network is expected to make of it."""

    name: str
    inputs: Mapping[str, Array]
    expected: Expected

    @property
    def outputs(self) -> tuple[Array, ...]:
        """In the network's order."""
        return self.expected.outputs

    def settled(self, made: Sequence[Array]) -> Sample:
        """The same; where nothing says what is expected, that is what a program made first."""
        if self.outputs:
            return self
        gaps = tuple(TOLERANCE * largest_of(y) if y.dtype.kind == "f" else 0.0 for y in made)
        return replace(self, expected=replace(self.expected, outputs=tuple(made), gaps=gaps))


@dataclass(frozen=True)
class Difference:
    """max|y - ref| over all outputs, the largest max|y - ref| / max|ref| of one output.

    `of_allowed` is the largest share that an output takes of what it may differ by. Of `compared`
    values so many are `unequal`, by `steps` steps at most: whole numbers, or quanta.
    """

    max_abs: float
    max_rel: float
    of_allowed: float
    compared: int = 0
    unequal: int = 0
    steps: int = 0

    def counts(self, kind: Kind) -> dict[str, int | None]:
        """What reports say of single values; whether floats are equal says nothing."""
        whole = kind in WHOLE
        return {
            "compared_values": self.compared,
            "unequal": self.unequal if whole else None,
            "steps_off": self.steps if whole else None,
        }

    @property
    def passes(self) -> bool:
        return self.of_allowed <= 1.0

    def __or__(self, other: Difference) -> Difference:
        """The worse of two."""
        return Difference(
            max(self.max_abs, other.max_abs),
            max(self.max_rel, other.max_rel),
            max(self.of_allowed, other.of_allowed),
            max(self.compared, other.compared),
            max(self.unequal, other.unequal),
            max(self.steps, other.steps),
        )


SAME = Difference(0.0, 0.0, 0.0)


class Reference:
    """onnxruntime on the original file, one thread."""

    def __init__(
        self, model: Path | bytes, name: str, *, optimised: bool = True, kept: Path | None = None
    ) -> None:
        """`kept` is where to write what it made of the network."""
        from lowtide.runtime import onnxruntime

        self.name, self.version = name, str(onnxruntime.__version__)
        levels = onnxruntime.GraphOptimizationLevel
        plain, held = levels.ORT_DISABLE_ALL, model if isinstance(model, bytes) else str(model)
        # Its own rewrites now and then make something that it cannot load.
        tried = [(held, levels.ORT_ENABLE_ALL), (held, plain)][0 if optimised else 1 :]
        for source, level in tried:
            try:
                self.session = _session(source, level, kept)
                return
            except Exception as error:  # onnxruntime raises its own types, none of them documented
                refused = error
        try:
            self.session = _session(tidied(model), plain, kept)
        except Exception:
            raise UnreadableModel(
                f"onnxruntime, the reference, cannot load it: {_first_line(refused)}",
                file=name,
                hint=EXPORT,
            ) from refused

    @property
    def types(self) -> dict[str, str]:
        """numpy's names for the types of the inputs."""
        found = ((one.name, one.type[7:-1]) for one in self.session.get_inputs())
        return {name: {"float": "float32", "double": "float64"}.get(t, t) for name, t in found}

    def run(self, inputs: Mapping[str, Array]) -> Expected:
        """The network's outputs; raises UnreadableModel where onnxruntime gives up."""
        try:
            made = tuple(np.asarray(y) for y in self.session.run(None, dict(inputs)))
        except Exception as error:  # as above
            raise UnreadableModel(
                f"onnxruntime, the reference, cannot run it: {_first_line(error)}", file=self.name
            ) from error
        return Expected(made, version=self.version)


def _session(model: str | bytes, level: Any, kept: Path | None) -> Any:
    from lowtide.runtime import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # it keeps what it has had
    options.graph_optimization_level = level
    if kept is not None:
        options.optimized_model_filepath = str(kept)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


_OWN_WORDS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .* failed:)?\s*")


def _first_line(error: Exception) -> str:
    return _OWN_WORDS.sub("", str(error).strip().split("\n")[0])[:200]


def random_inputs(shapes: Mapping[str, tuple[Shape, str]], seed: int = 0) -> dict[str, Array]:
    """Seeded standard normal inputs, by name; `shapes` gives each shape and element type."""
    rng = np.random.default_rng(seed)
    return {
        name: np.asarray(rng.standard_normal(shape, dtype=np.float32)).astype(dtype)
        for name, (shape, dtype) in shapes.items()
    }


Run = Callable[[Mapping[str, Array]], Expected]
"""What a network makes of inputs by name."""

_ALIVE = 0.1
_SCALES = tuple(2.0**k for k in range(9))


def lively_inputs(run: Run, shapes: Mapping[str, tuple[Shape, str]]) -> Sample:
    """Seeded random inputs at the first scale at which every output is alive, with the outputs.

    Networks differ in the range they expect (0..1, 0..255). Where an output stays below 0.1 the
    comparison is void: onnxruntime's sigmoid, say, is good to 1e-7 of 1, not of its value.
    """
    inputs, best, alive = random_inputs(shapes), None, -1.0
    for scale in _SCALES:
        scaled = {name: np.asarray(x * x.dtype.type(scale)) for name, x in inputs.items()}
        sample = Sample("random", scaled, run(scaled))
        least = min((largest_of(y) for y in sample.outputs), default=_ALIVE)
        if best is None or least > alive:
            best, alive = sample, least
        if least >= _ALIVE:
            return sample
    assert best is not None
    return best


def largest_of(y: Array) -> float:
    """The largest finite magnitude."""
    sizes = (np.abs(part[np.isfinite(part)]).max(initial=0.0) for (part,) in blocks(y))
    return float(max(sizes, default=0.0))


def check_comparable(samples: Sequence[Sample]) -> None:
    """Raises CheckError where an output is finite nowhere: agreeing on that would say nothing."""
    made = [sample.outputs for sample in samples]
    for number, outputs in enumerate(zip(*made, strict=True), 1):
        if not any(np.isfinite(y).any() for y in outputs):
            raise CheckError(
                f"output {number} of {len(made[0])} is nowhere finite in the reference, so nothing "
                "finite could be compared; give a --sample on which it is"
            )


def scales(samples: Sequence[Sample]) -> list[float]:
    """The largest reference value of each output, over all samples.

    A detector that sees nothing in a picture gives scores of 1e-4; what they may be off by follows
    from what they are where there is something.
    """
    columns = zip(*(sample.outputs for sample in samples), strict=True)
    return [max(largest_of(y) for y in column) for column in columns]


def compare(results: Mapping[str, Sequence[Array]], samples: Sequence[Sample]) -> Difference:
    """How far the outputs of all samples are from what is expected, and from what is allowed."""
    if any(not sample.outputs for sample in samples):
        return SAME  # what made them is what is to be compared with
    worst, (largest, limits) = SAME, _limits(samples)
    compared = unequal = steps = 0
    for sample in samples:
        made = sample.expected.compared(results[sample.name])
        worst |= difference(made, sample.outputs, largest, limits)
        for k, (y, ref) in enumerate(zip(made, sample.outputs, strict=True)):
            compared += ref.size
            unequal += count_unequal(y, ref)
            steps = max(steps, _steps(distance(y, ref), ref, sample.expected, k))
    return replace(worst, compared=compared, unequal=unequal, steps=steps)


def _limits(samples: Sequence[Sample]) -> tuple[list[float], list[float]]:
    """The largest value of each output, and what share of it the output may be off by."""
    largest = scales(samples)
    if any(sample.expected.whole for sample in samples):  # 0 everywhere may be a step off, too
        largest = [most or 1.0 for most in largest]
    return largest, allowed([sample.expected for sample in samples], largest)


def most_off(samples: Sequence[Sample]) -> list[float]:
    """How far each output may be from what is expected of it."""
    return [most * limit if most else 0.0 for most, limit in zip(*_limits(samples), strict=True)]


def count_unequal(y: Array, ref: Array) -> int:
    """How many values are not the same; all of them where shapes are not."""
    if y.shape != ref.shape:
        return ref.size
    return sum(int(np.sum((a != b) & ~(np.isnan(a) & np.isnan(b)))) for a, b in blocks(y, ref))


def _steps(gap: float, ref: Array, expected: Expected, k: int) -> int:
    """A distance in whole numbers, or in quanta where outputs have those; 0 of other floats."""
    quantum = expected.quanta[k] if expected.quanta else 0.0
    step = 1.0 if ref.dtype.kind in "iu" else quantum
    return round(min(gap / step, 2.0**31)) if step else 0


def check_near(found: Difference, samples: Sequence[Sample], what: str) -> None:
    """Raises CheckError for a difference that is not allowed, of what made the results."""
    if found.passes:
        return
    against = summary([sample.expected for sample in samples], scales(samples))
    own = against.runtime_error
    if against.kind in WHOLE:
        raise CheckError(
            f"{what} differs from {against.by} in {found.unequal} of {found.compared} values, by "
            f"{found.max_abs:g} at most; allowed: {against.rule}"
        )
    beside = "" if own is None else f", onnxruntime by {own:.2e}"
    raise CheckError(
        f"{what} differs from {against.by} by {found.max_rel:.2e} of the largest value{beside}: "
        f"{found.of_allowed:.3g} times what is allowed, {against.rule}"
        + (f"; {against.note}" if against.note else "")
    )


def difference(
    results: Sequence[Array],
    references: Sequence[Array],
    largest: Sequence[float],
    limits: Sequence[float],
) -> Difference:
    """How far results are from their references, absolutely and against the `largest` values.

    `limits` says how far each may be against its largest value. Infinities and NaN are as they are
    in the references, or infinitely far.
    """
    worst = SAME
    for y, ref, scale, limit in zip(results, references, largest, limits, strict=True):
        gap = distance(y, ref)
        worst |= Difference(gap, share(gap, scale), _taken(share(gap, scale), limit))
    return worst


def _taken(error: float, limit: float) -> float:
    """An error as a share of what is allowed, which may be nothing."""
    if error <= limit:
        return error / limit if 0 < limit < np.inf else 0.0
    return error / limit if limit else float(np.inf)


def distance(y: Array, ref: Array) -> float:
    """max|y - ref|; infinite where shapes, infinities or NaN are not the same."""
    if y.shape != ref.shape:
        return float(np.inf)
    return float(max((_distance(*pair) for pair in blocks(y, ref)), default=0.0))


def _distance(y: Array, ref: Array) -> float:
    same = (y == ref) | (np.isnan(y) & np.isnan(ref))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(y - ref))
    return float(np.where(np.isnan(gap), np.inf, gap).max(initial=0.0))
