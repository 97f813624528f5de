"""A module as it is exported: a copy that evaluates, with numbers of float32, and its example."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import add
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from lowtide.errors import FLOAT32, UnreadableModel, UnsupportedModel, UsageError
from lowtide.frontends.pytorch.mistaken import mistaken
from lowtide.frontends.pytorch.where import told
from lowtide.ir.graph import Array

FLOATS = (torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.complex128)


@dataclass(frozen=True)
class Prepared:
    """A copy of a module, what it is called with, and the names of what it returns for that."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[str, ...]

    def runner(self, names: Sequence[str], dtype: torch.dtype) -> Callable[..., list[Array]]:
        """Runs the module on inputs by these names, the order of what it is called with."""
        module = copy.deepcopy(self.module).to(dtype)
        given, spec = pytree.tree_flatten((self.args, dict(self.kwargs)))

        def run(inputs: Mapping[str, Array]) -> list[Array]:
            held = [torch.from_numpy(inputs[name].copy()) for name in names]
            cast = [x.to(dtype) if x.is_floating_point() else x for x in held]
            left = iter(cast)
            filled = [next(left) if isinstance(x, Tensor) else x for x in given]
            args, kwargs = pytree.tree_unflatten(filled, spec)
            with torch.no_grad():
                made = module(*args, **kwargs)
            return [y.numpy() for y in pytree.tree_leaves(made) if isinstance(y, Tensor)]

        return run


def prepare(module: object, example: object) -> Prepared:
    """Raises UsageError and ModelError for what cannot be exported, whatever it computes."""
    held = _checked(module)
    args, kwargs = _called(held, example)
    try:
        held = copy.deepcopy(held).cpu().eval()
    except Exception as error:
        raise UsageError(
            f"the module cannot be copied: {told(error)}; detach its tensors, and make pruning and "
            "parametrisations permanent (torch.nn.utils.prune.remove)"
        ) from error
    before = {name: buffer.clone() for name, buffer in held.named_buffers()}
    tried = copy.deepcopy(held)
    try:
        with torch.no_grad():
            made = tried(*args, **kwargs)
    except Exception as error:
        given = [*args, *kwargs.values()]
        raise UnreadableModel(
            f"the module, called with {_shown(given)}, raises {told(error)}",
            hint=_way_out(error, given),
        ) from error
    for name, buffer in tried.named_buffers():
        if not torch.equal(buffer, before.get(name, buffer)):
            raise UnsupportedModel(
                f"each call changes the module's buffer '{name}'",
                hint="make it an input and an output, and carry it from call to call with --state",
            )
    return Prepared(held, args, kwargs, _output_names(made))


def _checked(module: object) -> nn.Module:
    if (why := mistaken(module)) or not isinstance(module, nn.Module):
        raise UsageError(why or f"of type {type(module).__name__}, which is no torch.nn.Module")
    held: Iterable[tuple[str, Tensor]] = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in held:
        if nn.parameter.is_lazy(tensor):
            raise UsageError(
                f"'{name}' has no shape yet (a lazy module): run the module once first"
            )
        if tensor.is_meta:
            raise UsageError(f"'{name}' has no numbers (device meta): load the weights first")
        if tensor.dtype in FLOATS:
            raise UnsupportedModel(
                f"'{name}' of the module is {_name(tensor.dtype)}",
                hint=f"{FLOAT32}: module.float()",
            )
    return module


def _called(module: nn.Module, example: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of an example: as many as can be by their place."""
    args = example if isinstance(example, tuple | list) else ()
    kwargs = example if isinstance(example, Mapping) else {}
    if not isinstance(example, tuple | list | Mapping):
        args = (example,)
    args = tuple(map(_tensor, args))
    kwargs = {name: _tensor(x) for name, x in kwargs.items()}
    for one in (*args, *kwargs.values()):
        if isinstance(one, int) and not kwargs:
            shape = ", ".join(map(str, args))
            raise UsageError(f"a shape is no example; give torch.zeros({shape})")
        if not isinstance(one, Tensor):
            raise UsageError(
                f"the example is of type {type(one).__name__}; give a tensor, a tuple of tensors, "
                "or a dict of them by the names of forward()"
            )
        if one.is_meta:
            shape = ", ".join(map(str, one.shape))
            raise UsageError(f"the example has no numbers (device meta); give torch.zeros({shape})")
        if one.dtype in FLOATS:
            raise UsageError(f"the example is {_name(one.dtype)}; float32 is needed: .float()")
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(
            f"forward() of {type(module).__name__} does not take the example: {error}"
        ) from error
    return (
        tuple(x.detach().cpu() for x in bound.args),
        {name: x.detach().cpu() for name, x in bound.kwargs.items()},
    )


def _tensor(x: Any) -> Any:
    """Of an array its tensor: only its shape matters, and numpy makes float64 unless asked."""
    if not isinstance(x, np.ndarray):
        return x
    return torch.from_numpy(x.astype(np.float32) if x.dtype == np.float64 else x)


def _output_names(made: object) -> tuple[str, ...]:
    """output; output_0, output_1 of a tuple; the keys of a dict, of a dict in it a_b."""
    names = []
    for path, leaf in pytree.tree_flatten_with_path(made)[0]:
        words = [str(key).strip("[]'.") for key in path]
        name = "_".join(words)
        name = name if name and not name[0].isdigit() else f"output_{name}".rstrip("_")
        if isinstance(leaf, Tensor):
            names.append(name)
        elif leaf is not None:
            raise UnsupportedModel(
                f"the module returns '{name}', of type {type(leaf).__name__}",
                hint="return tensors alone",
            )
    if not names:
        raise UnsupportedModel("the module returns no tensor")
    return tuple(names)


def _way_out(error: Exception, given: Sequence[Tensor]) -> str:
    """What may be wrong with the example, by what torch says of it."""
    if re.search(r"dtype|\btypes?\b", str(error)) is None:
        return "is that the shape it takes?"
    floats = all(x.is_floating_point() for x in given)
    other = ".long() makes whole numbers" if floats else ".float() makes float32"
    return f"is {_name(given[0].dtype)} the type it takes? {other} of it" if given else ""


def _shown(leaves: Iterable[Tensor]) -> str:
    """1x3x8x8, 1x5 of int64"""
    shown = ("x".join(map(str, x.shape)) or "a number" for x in leaves)
    kinds = ("" if x.dtype == torch.float32 else f" of {_name(x.dtype)}" for x in leaves)
    return ", ".join(map(add, shown, kinds))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
