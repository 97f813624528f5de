"""All operators of a traced module that torch.onnx cannot write, with the modules they are in."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

_NAMED = 3
"""Modules that are named of each operator."""


def unsupported(program: Any) -> str:
    """bessel_j0 in 'head' and 'body.2', svd in 'body'; empty where that is not known.

    The exporter stops at the first. What it asks is private to torch, whose version is fixed.
    """
    try:
        from torch.onnx._internal.exporter import _dispatching, _fx_passes, _registration

        registry = _registration.ONNXRegistry.from_torchlib()
        held = _fx_passes.decompose_with_registry(program, registry)
        found = defaultdict[str, list[str]](list)
        for node in held.graph.nodes:
            if node.op == "call_function" and _dispatching.dispatch(node, registry)[0] is None:
                stack = [*node.meta.get("nn_module_stack", {}).values()]
                found[str(node.target)].append(stack[-1][0] if stack else "")
    except Exception:
        return ""
    return ", ".join(f"{_short(name)}{_within(places)}" for name, places in found.items())


def _short(target: str) -> str:
    """aten.linalg_svd.default -> linalg_svd"""
    return target.split(".")[1] if target.count(".") > 1 else target


def _within(places: list[str]) -> str:
    known = [*dict.fromkeys(place for place in places if place)]
    shown = " and ".join(f"'{place}'" for place in known[:_NAMED])
    more = f" and {len(known) - _NAMED} more modules" if len(known) > _NAMED else ""
    return f" in {shown}{more}" if shown else ""
