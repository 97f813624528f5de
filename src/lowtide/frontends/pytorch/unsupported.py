"""All operators of a traced module that torch.onnx cannot write, with the modules they are in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from lowtide.frontends.pytorch.where import line_of, within

_NAMED = 3
"""Modules that are named of each operator."""


def unsupported(program: Any) -> str:
    """bessel_j0 in 'head' and 'body.2' (nets.py:7), svd in the module itself (nets.py:12).

    Empty where that is not known: the exporter stops at the first. What it asks is private to
    torch, whose version is fixed.
    """
    try:
        from torch.onnx._internal.exporter import _dispatching, _fx_passes, _registration

        registry = _registration.ONNXRegistry.from_torchlib()
        held = _fx_passes.decompose_with_registry(program, registry)
        found = defaultdict[str, dict[str, str]](dict)
        for node in held.graph.nodes:
            if node.op == "call_function" and _dispatching.dispatch(node, registry)[0] is None:
                stack = [*node.meta.get("nn_module_stack", {}).values()]
                line = line_of(node.meta.get("stack_trace") or "")
                found[str(node.target)].setdefault(stack[-1][0] if stack else "", line)
    except Exception:
        return ""
    return ", ".join(f"{_short(name)}{_within(places)}" for name, places in found.items())


def _short(target: str) -> str:
    """aten.linalg_svd.default -> linalg_svd"""
    return target.split(".")[1] if target.count(".") > 1 else target


def _within(places: Mapping[str, str]) -> str:
    """Of modules with their lines: those, and each line once."""
    known = [within(place) for place in places]
    lines = [*dict.fromkeys(places.values())]
    more = f" and {len(known) - _NAMED} more modules" if len(known) > _NAMED else ""
    return " and".join(known[:_NAMED]) + more + "".join(lines[:_NAMED])
