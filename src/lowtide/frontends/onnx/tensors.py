"""Check the constants of an ONNX file, and read those kept in files beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import prod
from pathlib import Path

import onnx
from onnx import AttributeProto, TensorProto

from lowtide.errors import UnreadableModel, UnsupportedModel
from lowtide.room import Room

# Nothing of this size ends up in a small memory; a shape beyond it is damage or an attack.
MOST_ELEMENTS = 2**31
MOST_BYTES = 2**32

# Elements to a byte of the types that share one (later versions of onnx know more of them).
_PACKED: dict[int, int] = {
    getattr(TensorProto, name): per_byte
    for name, per_byte in {"INT4": 2, "UINT4": 2, "FLOAT4E2M1": 2, "INT2": 4, "UINT2": 4}.items()
    if hasattr(TensorProto, name)
}


def settle_tensors(model: onnx.ModelProto, folder: Path | None, room: Room) -> None:
    """Check that every constant has the data its dims ask for; bring external data in.

    `folder` is where the model's file lies; None where there is no file. Raises UnreadableModel
    for wrong sizes and external data that is missing, short or outside the folder, and
    UnsupportedModel where `room` has none, before anything is read.
    """
    total = 0
    for name, tensor in _tensors(model):
        size = _expected_bytes(tensor)
        room.count(name, prod(tensor.dims))
        total += size
        if total > MOST_BYTES:
            raise UnsupportedModel(
                f"more than {MOST_BYTES >> 30} GiB of constants",
                hint="lowtide is for small networks",
            )
        if tensor.data_location == TensorProto.EXTERNAL:
            _bring_in(tensor, size, folder)
        _check_size(tensor, size)


def external_files(path: Path) -> list[Path]:
    """The files that a model's file names for its constants; none of what is no model."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except Exception:  # protobuf's own, and what the system says: `load` tells people
        return []
    named = {e.value for _, t in _tensors(model) for e in t.external_data if e.key == "location"}
    return [path.parent / one for one in sorted(named)]


def _tensors(model: onnx.ModelProto) -> Iterator[tuple[str, TensorProto]]:
    """The constants; what a Constant node holds has the name of its output."""
    yield from ((tensor.name, tensor) for tensor in model.graph.initializer)
    for nodes in (model.graph.node, *(f.node for f in model.functions)):
        for node in nodes:
            named = "".join(node.output[:1])
            for attribute in node.attribute:
                if attribute.type == AttributeProto.TENSOR:
                    yield named, attribute.t
                yield from ((named, tensor) for tensor in attribute.tensors)


def _expected_bytes(tensor: TensorProto) -> int:
    known = tensor.data_type in TensorProto.DataType.values()
    if not known or tensor.data_type == TensorProto.UNDEFINED:
        raise UnreadableModel(f"constant '{tensor.name}' has no known type ({tensor.data_type})")
    if tensor.HasField("segment"):
        raise UnsupportedModel(f"constant '{tensor.name}' is stored in segments")
    if min(tensor.dims, default=0) < 0:
        raise UnreadableModel(f"constant '{tensor.name}' has dims {list(tensor.dims)}")
    elements: int = prod(tensor.dims)
    if elements > MOST_ELEMENTS:
        raise UnsupportedModel(f"constant '{tensor.name}' has {elements} elements")
    if tensor.data_type == TensorProto.STRING:
        return elements
    if tensor.data_type in _PACKED:
        return -(-elements // _PACKED[tensor.data_type])
    itemsize: int = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    return elements * itemsize


def _check_size(tensor: TensorProto, size: int) -> None:
    """The data must be there, in one field, and neither short nor long."""
    if tensor.HasField("raw_data"):
        if tensor.data_type == TensorProto.STRING:
            raise UnreadableModel(f"constant '{tensor.name}' holds strings as raw data")
        found, asked, unit = len(tensor.raw_data), size, "bytes"
    else:
        field = onnx.helper.tensor_dtype_to_field(tensor.data_type)
        found, asked, unit = len(getattr(tensor, field)), _field_length(tensor, size), "numbers"
    if found != asked:
        raise UnreadableModel(
            f"constant '{tensor.name}' of dims {list(tensor.dims)} needs {asked} {unit}"
            f" but holds {found}"
        )


def _field_length(tensor: TensorProto, size: int) -> int:
    if tensor.data_type in _PACKED:
        return size
    complex_parts = tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128)
    elements: int = prod(tensor.dims)
    return elements * (2 if complex_parts else 1)


def _bring_in(tensor: TensorProto, size: int, folder: Path | None) -> None:
    """Replace a reference to a file by the bytes it means."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    name = f"external data of constant '{tensor.name}'"
    location = entries.get("location", "")
    if not location:
        raise UnreadableModel(f"{name} names no file", hint="export the weights with the model")
    if folder is None:
        raise UnreadableModel(f"{name} is in a file", hint="load the model by its path")
    path = _inside(folder, location, name)
    offset, length = _number(entries, "offset", name) or 0, _number(entries, "length", name)
    if length is not None and length != size:
        raise UnreadableModel(f"{name} is {length} bytes but its dims ask for {size}")
    tensor.raw_data = _read(path, offset, size, name)
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]


def _inside(folder: Path, location: str, name: str) -> Path:
    """The file `location` if it really lies inside the folder, links followed."""
    posix = location.replace("\\", "/")
    home = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(home, posix))
    outside = os.path.isabs(posix) or ".." in posix.split("/") or posix[1:2] == ":"
    if outside or os.path.commonpath([home, path]) != home:
        raise UnreadableModel(f"{name} is outside the model's folder: '{location}'")
    if not os.path.isfile(path):
        raise UnreadableModel(f"{name} is missing: '{location}'", hint="keep it beside the model")
    return Path(path)


def _number(entries: dict[str, str], key: str, name: str) -> int | None:
    text = entries.get(key, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UnreadableModel(f"{name} has {key} '{text[:40]}'")
    return int(text) if text else None


def _read(path: Path, offset: int, size: int, name: str) -> bytes:
    with path.open("rb") as file:
        there = os.fstat(file.fileno()).st_size
        if offset + size > there:
            raise UnreadableModel(
                f"{name} is short: '{path.name}' has {there} bytes, needed are {offset + size}"
            )
        file.seek(offset)
        return file.read(size)
