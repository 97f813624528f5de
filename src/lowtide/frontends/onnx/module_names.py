"""What PyTorch's exporter notes of each node: the module that computes it, as users know it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from onnx import GraphProto, NodeProto

from lowtide.frontends.onnx.long_names import rename_tensors

SCOPES, REWRITTEN = "pkg.torch.onnx.name_scopes", "pkg.onnxscript.rewriter.rule_name"
_QUOTED = re.compile(r"'([^']*)'")


def name_by_module(nodes: Sequence[NodeProto]) -> list[NodeProto]:
    """Names nodes by their modules, where the file says them; takes the notes out, returns those.

        node_Conv_12: ['', 'layer1', 'layer1.0', 'layer1.0.conv2', 'conv2d_4']  ->  layer1.0.conv2
        node_add_3:   ['', 'layer1', 'layer1.0', 'add_3']                       ->  layer1.0/Add

    A module that does one thing gives its name; of one that does more, or holds others, the
    operator's type follows. What has a name already gets a number.
    """
    paths = [_module(node) for node in nodes]
    holders = {path.rpartition(".")[0] for path in paths if path}
    types = defaultdict[str, set[str]](set)
    for node, path in zip(nodes, paths, strict=True):
        if path is not None and node.op_type != "Constant":
            types[path].add(node.op_type)
    seen = Counter[str]()
    for node, path in zip(nodes, paths, strict=True):
        del node.metadata_props[:]
        if path is None:
            continue
        alone = path and path not in holders and len(types[path]) == 1
        name = path if alone else f"{path}/{node.op_type}".lstrip("/")
        seen[name] += 1
        node.name = name if seen[name] == 1 else f"{name}_{seen[name]}"
    return [node for node, path in zip(nodes, paths, strict=True) if path is not None]


def name_tensors(graph: GraphProto, nodes: Sequence[NodeProto]) -> None:
    """What these nodes make is called as they are, but for inputs and outputs of the network.

    getitem_6 = Conv 'layer1.0.conv2'  ->  layer1.0.conv2 = Conv 'layer1.0.conv2'
    """
    ends = {value.name for value in (*graph.input, *graph.output)}
    taken = {name for node in graph.node for name in (*node.input, *node.output)} | ends
    new = dict[str, str]()
    for node in nodes:
        for k, made in enumerate(node.output):
            name = f"{node.name}:{k}" if k else node.name
            if made and made not in ends and name not in taken:
                taken.add(name)
                new[made] = name
    rename_tensors(graph, new)


def _module(node: NodeProto) -> str | None:
    """The path of the innermost module, "" of the network itself; None where nothing is noted."""
    notes = {note.key: note.value for note in node.metadata_props}
    scopes = notes.get(SCOPES)
    if not isinstance(scopes, str):
        return None
    weight = node.input[1] if len(node.input) > 1 else ""
    if REWRITTEN in notes and weight.endswith(".weight"):  # a Conv: its notes are the batch norm's
        return weight.removesuffix(".weight")
    found = _QUOTED.findall(scopes)
    return found[-2] if len(found) > 1 else None
