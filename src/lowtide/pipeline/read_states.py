"""What is carried from one call to the next, from the words of --state.

h_out:h_in        what a call makes of h_out is what the next one reads of h_in
"""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.errors import UsageError
from lowtide.ir.dtype import DType
from lowtide.ir.graph import Graph, Tensor
from lowtide.ir.quant import Quant
from lowtide.ir.state import State
from lowtide.quoting import for_terminal


def read_states(texts: Sequence[str], graph: Graph) -> tuple[State, ...]:
    """The states of a network, in order; raises UsageError for what makes no sense."""
    found = tuple(_read(text, graph) for text in texts)
    for way in ("output", "input"):
        names = [getattr(one, way) for one in found]
        for name, text in zip(names, texts, strict=True):
            if names.count(name) > 1:
                raise _wrong(text, f"{way} '{for_terminal(name)}' is used twice")
    if found and {*graph.inputs} <= {one.input for one in found}:
        raise UsageError("--state: all inputs are states; one at least must be left to hand in")
    return found


def words_of(texts: Sequence[str], networks: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The words of each of several networks: wake:h_out:h_in is one of wake's."""
    for text in texts:
        if text.partition(":")[0] not in networks:
            there = ", ".join(networks)
            raise _wrong(text, f"NETWORK:OUTPUT:INPUT; the networks are {there}")
    return {
        name: tuple(text.partition(":")[2] for text in texts if text.partition(":")[0] == name)
        for name in networks
    }


def _read(text: str, graph: Graph) -> State:
    # A name may have a colon of its own.
    cuts = [k for k, character in enumerate(text) if character == ":"]
    pairs = [(text[:k], text[k + 1 :]) for k in cuts]
    named = [(o, i) for o, i in pairs if o in graph.outputs and i in graph.inputs]
    if len(named) != 1:
        known = "; ".join(
            f"{way} {', '.join(for_terminal(name) for name in names)}"
            for way, names in (("its outputs are", graph.outputs), ("its inputs", graph.inputs))
        )
        raise _wrong(text, f"OUTPUT:INPUT of the network is needed; {known}")
    output, input_ = (graph.tensors.get(name) for name in named[0])
    if output is None or input_ is None:
        raise _wrong(text, f"'{for_terminal(named[0][0])}' is a constant")
    for what, a, b in (
        ("the shape", [*output.shape], [*input_.shape]),
        ("the type", output.dtype, input_.dtype),
        ("what numbers stand for", _stands_for(output), _stands_for(input_)),
        ("the order of axes", *(_order(one) for one in (output, input_))),
    ):
        if a != b:
            raise _wrong(text, f"{what} differs, {a} and {b}")
    return State(*named[0], _zero(input_.dtype, input_.quant))


def _zero(dtype: DType, quant: Quant | None) -> int:
    """The number that stands for 0."""
    return 0 if quant is None or len(quant.zeros) != 1 else quant.zeros[0]


def _stands_for(tensor: Tensor) -> str:
    quant = tensor.quant
    if quant is None or len(quant.scales) != 1:
        return "themselves"
    return f"(number - {quant.zeros[0]}) * {quant.scales[0]:.9g}"


def _order(tensor: Tensor) -> str:
    return "channels last" if tensor.channels_last else "channels first"


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"--state {for_terminal(text)}: {why}")
