"""Check that the nodes of an ONNX graph are known and fit together, and put them in order."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence

import onnx
import onnx.checker
import onnx.helper
from onnx import AttributeProto, NodeProto

from lowtide.errors import CUT, EXPORT, OPERATORS, UnreadableModel, UnsupportedModel, all_of
from lowtide.frontends.onnx.long_names import cut_names
from lowtide.frontends.onnx.module_names import name_by_module, name_tensors
from lowtide.frontends.onnx.qlinear import is_form


def settle_graph(model: onnx.ModelProto, version: int) -> None:
    """Check names and nodes, name the nameless nodes, and sort the nodes by what they read.

    Raises UnsupportedModel for operators of other domains, control flow and non-tensor types,
    UnreadableModel for names used twice or never defined, cycles, and nodes that break their
    operator's definition in opset `version`.
    """
    graph = model.graph
    if not graph.node:
        raise UnreadableModel("no nodes in the graph")
    if not graph.output:
        raise UnreadableModel("no outputs in the graph")
    if graph.sparse_initializer:
        raise UnsupportedModel("sparse constants", hint="store them dense")
    _check_text(graph)
    _hand_out_constants(graph)
    noted = name_nodes(graph.node)
    context = onnx.checker.C.CheckerContext()
    context.ir_version = onnx.IR_VERSION
    context.opset_imports = {"": version}
    refused: list[UnsupportedModel] = []
    for node in graph.node:
        try:
            _check_node(node, version, context)
        except UnsupportedModel as error:
            refused.append(error)
    if refused:
        raise all_of(refused)
    _check_names(graph)
    name_tensors(graph, noted)
    cut_names(graph)
    _sort(graph)


def _check_text(graph: onnx.GraphProto) -> None:
    """Names and texts are UTF-8; protobuf hands those that are not on as bytes."""
    for node in graph.node:
        texts = (node.name, node.op_type, node.domain, *node.input, *node.output)
        names = [attribute.name for attribute in node.attribute]
        if any(isinstance(text, bytes) for text in (*texts, *names)):
            raise UnreadableModel(f"names that are not text in a node {texts}")
        for attribute in node.attribute:
            for text in (attribute.s, *attribute.strings):
                try:
                    text.decode()
                except UnicodeDecodeError as error:
                    raise UnreadableModel(
                        f"attribute '{attribute.name}' is not text: {text!r}",
                        node=node.name,
                        operator=node.op_type,
                    ) from error
    for value in (*graph.input, *graph.output, *graph.initializer):
        if isinstance(value.name, bytes):
            raise UnreadableModel(f"a name that is not text: {value.name!r}")


def _hand_out_constants(graph: onnx.GraphProto) -> None:
    """A constant that is an output of the network as well is copied there by a node.

    w ──> Conv ──> y, w      ->      w_held ──> Conv ──> y;  w_held ──> Identity ──> w
    """
    outputs = {value.name for value in graph.output}
    given = {value.name for value in graph.input}
    named = {name for node in graph.node for name in (*node.input, *node.output)} | outputs | given
    for tensor in graph.initializer:
        name = tensor.name
        if name not in outputs or name in given:
            continue
        while tensor.name in named:
            tensor.name += "_held"
        named.add(tensor.name)
        for node in graph.node:
            for i, read in enumerate(node.input):
                if read == name:
                    node.input[i] = tensor.name
        graph.node.append(onnx.helper.make_node("Identity", [tensor.name], [name]))


def name_nodes(nodes: Sequence[NodeProto]) -> list[NodeProto]:
    """Give every node a name of its own: errors, and the C program, call it by that.

    Returns those that are named by PyTorch's modules.
    """
    noted = name_by_module(nodes)
    seen: set[str] = set()
    for index, node in enumerate(nodes):
        if node.domain == "ai.onnx":
            node.domain = ""
        name = node.name or f"{node.op_type}_{index}"
        while name in seen:
            name = f"{name}_{index}"
        seen.add(name)
        node.name = name
    return noted


def _check_node(node: NodeProto, version: int, context: onnx.checker.C.CheckerContext) -> None:
    place = {"node": node.name, "operator": node.op_type}
    if node.domain and is_form(node):
        return
    if node.domain:
        raise UnsupportedModel(
            f"not an ONNX operator but one of domain '{node.domain}'",
            hint=f"export with standard operators only, no optimised model, or {CUT}",
            **place,
        )
    kinds = {attribute.type for attribute in node.attribute}
    if kinds & {AttributeProto.GRAPH, AttributeProto.GRAPHS}:
        raise UnsupportedModel(
            "control flow",
            hint="onnxsim takes out what is known before; or export with the branch chosen, "
            "the loop unrolled",
            **place,
        )
    if kinds & {AttributeProto.SPARSE_TENSOR, AttributeProto.SPARSE_TENSORS}:
        raise UnsupportedModel("sparse constant", hint="store it dense", **place)
    if not onnx.defs.has(node.op_type, ""):
        raise UnsupportedModel("no such operator in ONNX", hint=OPERATORS, **place)
    parts = [a.i for a in node.attribute if a.name == "num_outputs"]
    if node.op_type == "Split" and parts and parts[0] != len(node.output):
        # onnx's shape inference would end the process.
        raise UnreadableModel(
            f"num_outputs is {parts[0]}, outputs are {len(node.output)}", hint=EXPORT, **place
        )
    try:
        onnx.checker.check_node(node, context)
    except Exception as error:
        first = str(error).strip().split("\n")[0].removesuffix(".")
        raise UnreadableModel(f"{first} (opset {version})", hint=EXPORT, **place) from error


def _check_names(graph: onnx.GraphProto) -> None:
    """Every value is defined once, and every one that is read is defined."""
    constants = [tensor.name for tensor in graph.initializer]
    inputs = [value.name for value in graph.input]
    made = [name for node in graph.node for name in node.output if name]
    for kind, names in (
        ("constant", constants),
        ("input", inputs),
        ("output", [v.name for v in graph.output]),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1 or not name]
        if twice:
            raise UnreadableModel(f"{kind} '{twice[0]}' appears twice or has no name")
    defined = Counter([*set(constants) | set(inputs), *made])
    for name, count in defined.items():
        if count > 1:
            raise UnreadableModel(f"'{name}' is defined {count} times")
    for node in graph.node:
        for name in node.input:
            if name and name not in defined:
                raise UnreadableModel(
                    f"input '{name}' is defined nowhere",
                    node=node.name,
                    operator=node.op_type,
                    hint=EXPORT,
                )
    for value in graph.output:
        if value.name not in defined:
            raise UnreadableModel(f"output '{value.name}' is defined nowhere")


def _sort(graph: onnx.GraphProto) -> None:
    """Put producers before readers, otherwise in the file's order."""
    producer = {name: i for i, n in enumerate(graph.node) for name in n.output if name}
    waits = [{producer[name] for name in n.input if name in producer} for n in graph.node]
    readers: list[list[int]] = [[] for _ in waits]
    for index, needed in enumerate(waits):
        for other in needed:
            readers[other].append(index)
    ready = [index for index, needed in enumerate(waits) if not needed]
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for reader in readers[index]:
            waits[reader].discard(index)
            if not waits[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(waits):
        stuck = graph.node[next(i for i, needed in enumerate(waits) if needed)]
        raise UnreadableModel(
            "in a cycle or behind one", node=stuck.name, operator=stuck.op_type, hint=EXPORT
        )
    if order != sorted(order):
        nodes = [onnx.NodeProto.FromString(graph.node[i].SerializeToString()) for i in order]
        del graph.node[:]
        graph.node.extend(nodes)
