"""Shapes that the user gives for inputs whose file leaves them open."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

import onnx

from lowtide.errors import UsageError
from lowtide.ir.graph import Shape

_FORM = re.compile(r"(?P<name>.+)=(?P<dims>[0-9]+(x[0-9]+)*)")


def parse_shapes(texts: Sequence[str]) -> dict[str, Shape]:
    """["input=1x3x224x224"] as {"input": (1, 3, 224, 224)}; raises UsageError."""
    shapes: dict[str, Shape] = {}
    for text in texts:
        found = _FORM.fullmatch(text.strip())
        dims = tuple(int(d) for d in found["dims"].split("x")) if found else ()
        if found is None or 0 in dims or max(dims) >= 2**31:
            raise UsageError(f"--shape {text}: NAME=DIMxDIMx.., such as input=1x3x224x224")
        if found["name"] in shapes:
            raise UsageError(f"--shape {text}: '{found['name']}' has a shape already")
        shapes[found["name"]] = dims
    return shapes


def hint(name: str) -> str:
    """The way out for an input whose shape is open."""
    return f"give the shape with --shape {shlex.quote(f'{name}=1x..')}"


def give_shapes(graph: onnx.GraphProto, shapes: Mapping[str, Shape]) -> None:
    """Writes the shapes onto the graph's inputs.

        input [N, 3, H, W], input=1x3x224x224      ->      input [1, 3, 224, 224]

    Raises UsageError for inputs that are not there and shapes that do not fit what the file says.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name not in constants}
    for name, dims in shapes.items():
        if name not in inputs:
            there = ", ".join(f"'{other}'" for other in inputs) or "none"
            raise UsageError(f"--shape {name}: no such input; the network has {there}")
        tensor = inputs[name].type.tensor_type
        said = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
        if tensor.HasField("shape") and not _fits(said, dims):
            shown = "x".join("?" if d is None else str(d) for d in said) or "a scalar"
            asked = "x".join(map(str, dims))
            raise UsageError(f"--shape {name}={asked}: the network says {shown}")
        del tensor.shape.dim[:]
        for extent in dims:
            tensor.shape.dim.add(dim_value=extent)


def _fits(said: Sequence[int | None], dims: Shape) -> bool:
    if len(said) != len(dims):
        return False
    return all(a is None or a < 0 or a == b for a, b in zip(said, dims, strict=True))
