"""What is given for a network and is none: why, and what to give instead."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import onnx


def mistaken(model: Any, modules: bool = True) -> str:
    """Empty where it may be a network: a path, an onnx.ModelProto, or one of `modules`."""
    kind = type(model).__name__
    kinds = {one.__name__ for one in type(model).__mro__}
    if isinstance(model, str | os.PathLike | onnx.ModelProto) or kind == "Exported":
        return ""
    if isinstance(model, type):
        return (
            f"{model.__name__} is a class; give a module that is made of it: {model.__name__}(..)"
        )
    if "ScriptModule" in kinds:
        return f"{kind}: TorchScript is not taken; give the torch.nn.Module that it was made of"
    if hasattr(model, "named_modules"):
        return "" if modules else _EXPORTED
    if isinstance(model, Mapping):
        return _of_weights(model)
    if kind == "ExportedProgram":
        return "an ExportedProgram is not taken; give the torch.nn.Module that it was made of"
    if kind == "Tensor":
        return "a Tensor is no network: the module comes first, then its example"
    if callable(model):
        return f"of type {kind}: give the torch.nn.Module that it returns"
    return f"of type {kind}, which is no network: {_NETWORKS}"


_NETWORKS = "give the path of an .onnx or a .tflite file, an onnx.ModelProto or a torch.nn.Module"

_EXPORTED = (
    "a torch.nn.Module is for lowtide.fit and lowtide.profile; here give the file exported.onnx "
    "that lowtide.fit(module, example).save('out') writes, or what torch.onnx.export makes"
)


def _of_weights(model: Mapping[Any, Any]) -> str:
    kind = f"of type {type(model).__name__}, which is no network"
    for key, value in model.items():
        if hasattr(value, "named_modules"):
            return f"{kind}: give the module in it, [{key!r}]"
    return (
        f"{kind}: weights alone (a state_dict, a checkpoint)? make the module, load them with "
        "module.load_state_dict(..), and give the module"
    )
