"""A network that a module was exported to, and the module itself, to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx

from lowtide.ir.graph import Array, Shape

Run = Callable[[Mapping[str, Array]], list[Array]]
"""Inputs by name -> outputs in the network's order."""


@dataclass(frozen=True)
class Exported:
    """The network, the inputs that it was exported on, and the module, run on any.

    `run` computes as the module does, `run64` the same in float64.
    """

    proto: onnx.ModelProto
    example: Mapping[str, Array]
    run: Run
    run64: Run

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of its inputs, by name."""
        return {name: values.shape for name, values in self.example.items()}

    @property
    def content(self) -> bytes:
        """The network as it is written."""
        return bytes(self.proto.SerializeToString(deterministic=True))
