"""The original of a network that is an approximation, in the metadata of its ONNX file."""

from __future__ import annotations

import os
from pathlib import Path

import onnx

from lowtide.ir.original import KEY, LAYERS, Original, held_in


def content_of(model: str | os.PathLike[str] | onnx.ModelProto) -> bytes:
    """The bytes whose digest names a network."""
    if isinstance(model, onnx.ModelProto):
        return bytes(model.SerializeToString(deterministic=True))
    return Path(model).read_bytes()


def original_in(content: bytes) -> Original | None:
    """What a file's bytes say of its original; None of one that is nobody's copy."""
    if KEY.encode() not in content and LAYERS.encode() not in content:
        return None
    model = onnx.ModelProto()
    model.ParseFromString(content)
    return held_in({entry.key: entry.value for entry in model.metadata_props})


def with_original(model: onnx.ModelProto, original: Original) -> onnx.ModelProto:
    """A copy that names its original."""
    named = onnx.ModelProto()
    named.CopyFrom(model)
    kept = {entry.key: entry.value for entry in named.metadata_props}
    onnx.helper.set_model_props(named, {**kept, KEY: original.to_json()})
    return named


EXPORTED = "lowtide.exported"
"""Of the metadata of a network that was exported from a PyTorch module: the module's name."""


def name_in(content: bytes) -> str | None:
    """The name of the module that a file's bytes were exported from; None of other files."""
    if EXPORTED.encode() not in content:
        return None
    model = onnx.ModelProto()
    model.ParseFromString(content)
    return {entry.key: entry.value for entry in model.metadata_props}.get(EXPORTED)


def with_name(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The network, which says from now on of which module it was exported."""
    onnx.helper.set_model_props(model, {EXPORTED: name})
    return model
