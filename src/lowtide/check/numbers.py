"""Samples, and onnxruntime on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lowtide.check.exact.blocks import largest_of
from lowtide.check.expected import TOLERANCE, Expected
from lowtide.errors import EXPORT, UnreadableModel
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
