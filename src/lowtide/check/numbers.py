"""The reference: what onnxruntime says the network computes, and how far a result is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lowtide.errors import CheckError, UnreadableModel
from lowtide.ir.graph import Array, Shape

TOLERANCE = 1e-5
"""Of the largest reference value of an output; onnxruntime differs from itself by 1.4e-6."""


@dataclass(frozen=True)
class Sample:
    """One set of inputs by name, and onnxruntime's outputs for it, in the network's order."""

    name: str
    inputs: Mapping[str, Array]
    outputs: tuple[Array, ...]


@dataclass(frozen=True)
class Difference:
    """max|y - ref| over all outputs, and the largest max|y - ref| / max|ref| of one output."""

    max_abs: float
    max_rel: float

    @property
    def passes(self) -> bool:
        return self.max_rel <= TOLERANCE

    def __or__(self, other: Difference) -> Difference:
        """The worse of two."""
        return Difference(max(self.max_abs, other.max_abs), max(self.max_rel, other.max_rel))


class Reference:
    """onnxruntime on the original file, one thread."""

    def __init__(self, model: Path | bytes, name: str) -> None:
        from lowtide.runtime import onnxruntime

        self.name = name
        levels = onnxruntime.GraphOptimizationLevel
        held = model if isinstance(model, bytes) else str(model)
        # Its own rewrites now and then make something that it cannot load.
        for level in (levels.ORT_ENABLE_ALL, levels.ORT_DISABLE_ALL):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 4
            options.graph_optimization_level = level
            try:
                self.session = onnxruntime.InferenceSession(
                    held, options, providers=["CPUExecutionProvider"]
                )
                break
            except Exception as error:  # onnxruntime raises its own types, none of them documented
                if level == levels.ORT_DISABLE_ALL:
                    raise UnreadableModel(
                        f"onnxruntime, the reference, cannot load it: {_first_line(error)}",
                        file=name,
                    ) from error

    def run(self, inputs: Mapping[str, Array]) -> tuple[Array, ...]:
        """The network's outputs, in order; raises UnreadableModel where onnxruntime gives up."""
        try:
            return tuple(np.asarray(y) for y in self.session.run(None, dict(inputs)))
        except Exception as error:  # as above
            raise UnreadableModel(
                f"onnxruntime, the reference, cannot run it: {_first_line(error)}", file=self.name
            ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]


def random_inputs(shapes: Mapping[str, tuple[Shape, str]], seed: int = 0) -> dict[str, Array]:
    """Seeded standard normal inputs, by name; `shapes` gives each shape and element type."""
    rng = np.random.default_rng(seed)
    return {
        name: np.asarray(rng.standard_normal(shape, dtype=np.float32)).astype(dtype)
        for name, (shape, dtype) in shapes.items()
    }


_ALIVE = 0.1
_SCALES = tuple(2.0**k for k in range(9))


def lively_inputs(reference: Reference, shapes: Mapping[str, tuple[Shape, str]]) -> Sample:
    """Seeded random inputs at the first scale at which every output is alive, with the outputs.

    Networks differ in the range they expect (0..1, 0..255). Where an output stays below 0.1 the
    comparison is void: onnxruntime's sigmoid, say, is good to 1e-7 of 1, not of its value.
    """
    inputs, best, alive = random_inputs(shapes), None, -1.0
    for scale in _SCALES:
        scaled = {name: np.asarray(x * x.dtype.type(scale)) for name, x in inputs.items()}
        sample = Sample("random", scaled, reference.run(scaled))
        least = min((_largest(y) for y in sample.outputs), default=_ALIVE)
        if best is None or least > alive:
            best, alive = sample, least
        if least >= _ALIVE:
            return sample
    assert best is not None
    return best


def _largest(y: Array) -> float:
    finite = y[np.isfinite(y)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def check_comparable(samples: Sequence[Sample]) -> None:
    """Raises CheckError where an output is finite nowhere: agreeing on that would say nothing."""
    made = [sample.outputs for sample in samples]
    for number, outputs in enumerate(zip(*made, strict=True), 1):
        if not any(np.isfinite(y).any() for y in outputs):
            raise CheckError(
                f"output {number} of {len(made[0])} is nowhere finite in onnxruntime, so nothing "
                "finite could be compared; give a --sample on which it is"
            )


def scales(samples: Sequence[Sample]) -> list[float]:
    """The largest reference value of each output, over all samples.

    A detector that sees nothing in a picture gives scores of 1e-4, which onnxruntime itself has
    only to 1e-7; what they may be off by follows from what they are where there is something.
    """
    columns = zip(*(sample.outputs for sample in samples), strict=True)
    return [max(_largest(y) for y in column) for column in columns]


def difference(
    results: Sequence[Array], references: Sequence[Array], largest: Sequence[float]
) -> Difference:
    """How far results are from their references, absolutely and against the `largest` values.

    A NaN that the reference has not is infinitely far.
    """
    worst = Difference(0.0, 0.0)
    for y, ref, scale in zip(results, references, largest, strict=True):
        worst |= _one(np.asarray(y, np.float64), np.asarray(ref, np.float64), scale)
    return worst


def _one(y: np.ndarray[Any, Any], ref: np.ndarray[Any, Any], scale: float) -> Difference:
    if y.shape != ref.shape:
        return Difference(np.inf, np.inf)
    if not ref.size:
        return Difference(0.0, 0.0)
    same = (y == ref) | (np.isnan(y) & np.isnan(ref))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(y - ref))
    worst = float(np.where(np.isnan(gap), np.inf, gap).max())
    if worst == 0.0:
        return Difference(0.0, 0.0)
    return Difference(worst, worst / scale if scale else np.inf)
