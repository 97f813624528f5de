"""Names that no person wrote: cut before they are repeated in every file that is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import onnx

LONGEST = 1000
_END = 450


def cut_names(graph: onnx.GraphProto) -> None:
    """Nodes, constants and tensors between nodes get names of at most LONGEST characters.

    Those of the network's inputs and outputs stay: callers know them. Names are already unique.
    """
    ends = {value.name for value in (*graph.input, *graph.output)}
    tensors = {t.name for t in graph.initializer} | {n for node in graph.node for n in node.output}
    rename_tensors(graph, _shortened(tensors - ends, ends))
    called = _shortened((node.name for node in graph.node), ())
    for node in graph.node:
        node.name = called.get(node.name, node.name)


def rename_tensors(graph: onnx.GraphProto, new: Mapping[str, str]) -> None:
    """Constants and tensors between nodes get their new names, wherever they stand."""
    for tensor in graph.initializer:
        tensor.name = new.get(tensor.name, tensor.name)
    for node in graph.node:
        for names in (node.input, node.output):
            for k, name in enumerate(names):
                if name in new:
                    names[k] = new[name]


def _shortened(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """The long names with what they become; both ends stay, and a number tells them apart."""
    held = sorted(names)
    used = {*held, *taken}
    found: dict[str, str] = {}
    for name in held:
        if len(name) > LONGEST:
            number = len(found)
            while (short := f"{name[:_END]}..{number}..{name[-_END:]}") in used:
                number += 1
            used.add(short)
            found[name] = short
    return found
