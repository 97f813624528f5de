"""Where a program takes or hands out whole numbers, and its file has the reals they stand for.

file         x ─> Q ─> .. ─> DQ ─> y          x, y: float32
program           q ─> .. ─> p                q, p: a byte an element
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lowtide.check.numbers import Sample
from lowtide.ir.graph import Array
from lowtide.layout.ports import Port

Sets = Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class Ends:
    """The ports of a program, in the file's order."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()

    def of_program(self, given: Sets) -> dict[str, dict[str, Array]]:
        """Sets of inputs as the program takes them: reals become the numbers nearest to them."""
        ports = {port.name: port for port in self.inputs}
        return {
            name: {x: numbers(values, ports.get(x)) for x, values in inputs.items()}
            for name, inputs in given.items()
        }

    def of_file(self, given: Sets, real: Collection[str]) -> dict[str, dict[str, Array]]:
        """Sets of inputs as the file takes them, of which those in `real` are float32."""
        ports = {port.name: port for port in self.inputs}
        return {
            name: {
                x: ports[x].reals(values).astype(np.float32)
                if x in real and x in ports and values.dtype.kind in "iu"
                else values
                for x, values in inputs.items()
            }
            for name, inputs in given.items()
        }

    def as_program(self, sample: Sample, inputs: Mapping[str, Array]) -> Sample:
        """A sample of the file with what the program is given and expected to hand out."""
        expected = sample.expected
        if not expected.outputs or not any(map(_stands, self.outputs)):
            return replace(sample, inputs=inputs)
        made = [numbers(y, port) for y, port in zip(expected.outputs, self.outputs, strict=True)]
        gaps = [
            float(np.rint(gap / port.scale)) if _stands(port) and y.dtype.kind == "f" else gap
            for y, port, gap in zip(expected.outputs, self.outputs, expected.gaps, strict=True)
        ]
        held = replace(expected, outputs=tuple(made), gaps=tuple(gaps))
        return replace(sample, inputs=inputs, expected=held)


FILES_OWN = Ends()
"""Of a program that takes and hands out what its file does."""


def _stands(port: Port) -> bool:
    """Whether its elements are whole numbers that stand for reals."""
    return bool(port.scale) and np.dtype(port.dtype).kind in "iu"


def numbers(values: Array, port: Port | None) -> Array:
    """Reals as a port's whole numbers; those that it takes as they are."""
    if port is None or not _stands(port) or values.dtype.kind != "f":
        return values
    ends = np.iinfo(port.dtype)
    near = np.rint(values.astype(np.float32) / np.float32(port.scale)) + port.zero
    return np.asarray(np.clip(near, ends.min, ends.max)).astype(port.dtype)
