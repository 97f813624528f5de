"""Where a program takes or hands out whole numbers, and its file has the reals they stand for.

file         x ─> Q ─> .. ─> DQ ─> y          x, y: float32
program           q ─> .. ─> p                q, p: a byte an element
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lowtide.check.fed import Carry
from lowtide.check.numbers import Sample
from lowtide.ir.graph import Array
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import StateAt

Sets = Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class Ends:
    """The ports of a program, in the file's order."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    states: tuple[StateAt, ...] = ()

    @property
    def carry(self) -> Carry:
        """Which output each input was that is carried from call to call."""
        names = [port.name for port in self.outputs]
        return {one.input: names.index(one.output) for one in self.states}

    def of_program(self, given: Sets) -> dict[str, dict[str, Array]]:
        """Sets of inputs as the program takes them: reals become the numbers nearest to them, and
        states are its own."""
        ports = {port.name: port for port in self.inputs}
        states = {one.input for one in self.states}
        return {
            name: {x: numbers(v, ports.get(x)) for x, v in inputs.items() if x not in states}
            for name, inputs in given.items()
        }

    def of_file(self, given: Sets, real: Collection[str]) -> dict[str, dict[str, Array]]:
        """Sets of inputs as the file takes them, of which those in `real` are float32; states as
        they begin."""
        ports = {port.name: port for port in self.inputs}
        begin = {
            one.input: np.zeros(one.shape, np.float32)
            if one.input in real
            else np.full(one.shape, one.initial, one.dtype)
            for one in self.states
        }
        return {
            name: begin
            | {
                x: ports[x].reals(values).astype(np.float32)
                if x in real and x in ports and values.dtype.kind in "iu"
                else values
                for x, values in inputs.items()
                if x not in begin
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
