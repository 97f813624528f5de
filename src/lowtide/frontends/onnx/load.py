"""Take in an ONNX network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from pathlib import Path

import onnx
import onnx_ir as ir

from lowtide.errors import (
    CUT,
    MODULE,
    NETWORKS,
    NO_SEQUENCES,
    ModelError,
    UnreadableModel,
    UnsupportedModel,
    UsageError,
)
from lowtide.frontends.onnx.functions import inline_functions
from lowtide.frontends.onnx.nodes import settle_graph
from lowtide.frontends.onnx.qlinear import as_real
from lowtide.frontends.onnx.shapes import give_shapes, hint
from lowtide.frontends.onnx.simplify.passes import simplify
from lowtide.frontends.onnx.static import check_static
from lowtide.frontends.onnx.tensors import MOST_ELEMENTS, settle_tensors
from lowtide.ir.graph import Shape
from lowtide.room import MAX_ELEMENTS, Room

OLDEST_OPSET, NEWEST_OPSET = 7, 25

PYTHON = (".ckpt", ".pt", ".pt2", ".pth", ".py", ".safetensors")
"""Files of PyTorch's users. To read what torch saves runs the code that is in it."""

Message = onnx.ModelProto | onnx.GraphProto | onnx.NodeProto


def load(
    source: str | os.PathLike[str] | onnx.ModelProto,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    eight: bool = False,
) -> ir.Model:
    """One ONNX network as a checked, static, simplified model.

        file, or ModelProto (left as it is)      ->      every tensor's shape known, every
        with any batch, opset 7 to 25                    constant an initializer, nodes in order

    If `eight`, the weights of a network with activations of 8 bits stay as they are stored, behind
    a DequantizeLinear. `shapes` gives inputs theirs by name; a dynamic batch that is left becomes
    1. All tensors together may have `max_elements`, which is seen before any is computed. Raises
    UnreadableModel or UnsupportedModel, in one line that names the file, UsageError for shapes
    that do not fit, and nothing else.
    """
    named = None if isinstance(source, onnx.ModelProto) else os.fspath(source)
    try:
        if isinstance(source, onnx.ModelProto):
            proto, folder = onnx.ModelProto(), None
            proto.CopyFrom(source)
        else:
            proto, folder = _read(Path(source)), Path(source).parent
        return _settle(proto, folder, shapes or {}, Room(max_elements), eight)
    except UsageError:
        raise
    except ModelError as error:
        error.within(file=named)
        raise
    except MemoryError as error:
        raise UnreadableModel("out of memory at the stage 'loading'", file=named) from error
    except Exception as error:
        # The last net: the libraries below raise a dozen kinds of exception on damaged files.
        raise UnreadableModel(f"damaged: {_root(error)}", file=named) from error


def simplified(source: str | os.PathLike[str], shapes: Mapping[str, Shape]) -> onnx.ModelProto:
    """What `load` makes of a network, as ONNX."""
    return ir.serde.serialize_model(load(source, shapes))


def _root(error: BaseException) -> str:
    """The first line of the first of a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, KeyError):
        return f"it speaks of {error}, which it does not hold"
    return (str(error).strip() or type(error).__name__).split("\n")[0]


def _read(path: Path) -> onnx.ModelProto:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        what = "its name is not UTF-8, and onnxruntime, the reference, takes no other"
        raise UnreadableModel(what, hint="rename it") from None
    if not path.exists():
        raise UnreadableModel("no such file")
    if not path.is_file():
        raise UnreadableModel("a folder, not a file" if path.is_dir() else "not a file")
    try:
        if path.stat().st_size >= 2**31:
            raise UnreadableModel("2 GiB or more", hint="keep the weights as external data")
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableModel(f"cannot be read: {error.strerror}") from error
    if not content:
        raise UnreadableModel("an empty file", hint=NETWORKS)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
    except Exception as error:
        hint = MODULE if path.suffix in PYTHON else NETWORKS
        raise UnreadableModel("not an ONNX file, or cut short", hint=hint) from error
    return proto


def _settle(
    proto: onnx.ModelProto,
    folder: Path | None,
    shapes: Mapping[str, Shape],
    room: Room,
    eight: bool,
) -> ir.Model:
    if not proto.HasField("graph"):
        raise UnreadableModel("not a network: the file holds no graph", hint=NETWORKS)
    version = _opset(proto)
    strip(proto)
    settle_tensors(proto, folder, room)
    proto = inline_functions(proto)
    settle_graph(proto, version)
    as_real(proto.graph, version)
    give_shapes(proto.graph, shapes)
    _settle_inputs(proto.graph)
    for value in proto.graph.input:
        room.count(value.name, prod(d.dim_value for d in value.type.tensor_type.shape.dim))
    del proto.opset_import[:]
    proto.opset_import.add(domain="", version=version)
    proto.ir_version = max(4, onnx.helper.find_min_ir_version_for(list(proto.opset_import)))
    model: ir.Model = simplify(ir.serde.deserialize_model(proto), room, eight)
    check_static(model)
    return model


def strip(proto: onnx.ModelProto) -> None:
    """Keep what says what is computed; notes, whatever later versions add, do not matter.

    Those of nodes stay until nodes are named.
    """
    _keep(proto, "ir_version", "opset_import", "graph", "functions")
    _keep(proto.graph, "name", "node", "initializer", "sparse_initializer", "input", "output")
    for nodes in (proto.graph.node, *(f.node for f in proto.functions)):
        for node in nodes:
            _keep(
                node, "name", "op_type", "domain", "overload", "input", "output", "attribute",
                "metadata_props",
            )  # fmt: skip
    if isinstance(proto.graph.name, bytes):
        proto.graph.name = ""


def _keep(message: Message, *fields: str) -> None:
    for field, _ in message.ListFields():
        if field.name not in fields:
            message.ClearField(field.name)


def _opset(proto: onnx.ModelProto) -> int:
    versions = {o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")}
    if len(versions) != 1:
        raise UnreadableModel("no opset version, or several, for ONNX's own operators")
    version = int(versions.pop())
    if not OLDEST_OPSET <= version <= NEWEST_OPSET:
        raise UnsupportedModel(
            f"opset {version}, outside {OLDEST_OPSET} to {NEWEST_OPSET}",
            hint="convert it with onnx.version_converter",
        )
    return version


def _settle_inputs(graph: onnx.GraphProto) -> None:
    """Drop inputs that are constants (IR version 3 lists those too) and fix the batch.

    The shapes that outputs are declared to have are dropped: nodes say what is made.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    for value in inputs:
        _settle_shape(value)
    kept = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in inputs]
    del graph.input[:]
    graph.input.extend(kept)
    known = {value.name: value for value in kept}
    for value in graph.output:
        _check_tensor(value, "output")
        if value.name in known:  # one value, which has one shape
            value.CopyFrom(known[value.name])
        else:  # declared for another batch perhaps; inferred anew
            value.type.tensor_type.ClearField("shape")


def _check_tensor(value: onnx.ValueInfoProto, role: str) -> None:
    kind = value.type.WhichOneof("value")
    if kind not in ("tensor_type", None) or (kind is None and role == "input"):
        shown = (kind or "of no known type").removesuffix("_type").replace("_", " ")
        raise UnsupportedModel(
            f"{role} '{value.name}' is not a tensor but {shown}", hint=f"{NO_SEQUENCES}, or {CUT}"
        )


def _settle_shape(value: onnx.ValueInfoProto) -> None:
    """The shape must be static but for the batch, which becomes 1 if it is not."""
    _check_tensor(value, "input")
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        raise UnsupportedModel(
            f"input '{value.name}' has no shape",
            hint=hint(value.name),
        )
    for index, dim in enumerate(tensor.shape.dim):
        if index == 0 and (dim.dim_value < 0 or not dim.HasField("dim_value")):
            dim.dim_value = 1
        if not dim.HasField("dim_value") or dim.dim_value < 0:
            shown = str(dim.dim_value) if dim.HasField("dim_value") else f"'{dim.dim_param or '?'}'"
            what = f"input '{value.name}' has dim {index} = {shown}"
            raise UnsupportedModel(what, hint=hint(value.name))
        if dim.dim_value == 0:
            raise UnsupportedModel(
                f"input '{value.name}' has dim {index} = 0, so it holds nothing",
                hint="export it with the size that it has",
            )
    if prod(d.dim_value for d in tensor.shape.dim) > MOST_ELEMENTS:
        raise UnsupportedModel(f"input '{value.name}' has more than {MOST_ELEMENTS} elements")
