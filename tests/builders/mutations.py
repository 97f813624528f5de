"""Damaged ONNX files: networks that were sound until something in their structure was changed.

    python tests/builders/mutations.py FIRST STOP [STEP]     judges seeds in little memory

Bytes flipped at random are mostly no protobuf; what is changed here are dims, attributes, names,
operators, constants and edges, so that the damage gets past the parser. A file must be planned and
written as C, or refused with a ModelError, in ten seconds of computing and two GiB, and nothing be
left on the disk.
"""

from __future__ import annotations

import random
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import process_time
from types import FrameType

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from lowtide.backends import emit
from lowtide.clock import Clock
from lowtide.errors import LowtideError
from lowtide.pipeline.read import Model, read
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options
from networks import random_network
from node_cases import collect

MOST_SECONDS, MOST_BYTES = 10, 2 * 2**30
SIZES = (0, 1, 2, 3, 5, 7, 64, 1000, 4096, 2**15, 2**20, 2**31 - 1, 2**31, 2**40, 2**62)
ODD = (-(2**63), -(2**31), -7, -2, -1, *SIZES, 2**63 - 1)
WORDS = ("", "NOTSET", "SAME_UPPER", "linear", "cubic", "ij,jk->ik", "reverse", "x" * 300, "\u00e9")

Dice = random.Random
Mutation = Callable[[onnx.ModelProto, Dice], None]


@cache
def corpus() -> tuple[bytes, ...]:
    """Sound networks: one node case of each operator and size, and some random networks."""
    seen: dict[str, bytes] = {}
    for run in collect().values():
        model = run.network()[0]
        seen.setdefault(f"{run.family} {len(run.constants)}", model.SerializeToString())
    networks = (random_network(seed).model.SerializeToString() for seed in range(80))
    return (*seen.values(), *networks)


def _dims(model: onnx.ModelProto, dice: Dice) -> None:
    """A dim of an input or output."""
    value = _one(dice, [*model.graph.input, *model.graph.output])
    dims = value.type.tensor_type.shape.dim if value else []
    if not dims:
        return
    dim = dice.choice(dims)
    if dice.random() < 0.2:
        dim.dim_param = "N"
    elif dice.random() < 0.2:
        value.type.tensor_type.shape.dim.add(dim_value=dice.choice(SIZES))
    else:
        dim.dim_value = dice.choice(ODD)


def _types(model: onnx.ModelProto, dice: Dice) -> None:
    """The element type of an input, output or constant."""
    value = _one(dice, [*model.graph.input, *model.graph.output])
    if value and dice.random() < 0.6:
        value.type.tensor_type.elem_type = dice.randint(0, 23)
    elif model.graph.initializer:
        dice.choice(model.graph.initializer).data_type = dice.randint(0, 23)


def _attribute(model: onnx.ModelProto, dice: Dice) -> None:
    """An attribute's value, name or type; or one that was not there."""
    node = _one(dice, [n for n in model.graph.node if n.attribute] or list(model.graph.node))
    if node is None:
        return
    if not node.attribute or dice.random() < 0.1:
        name = dice.choice(("axis", "axes", "group", "kernel_shape", "pads", "perm", "p", "to"))
        node.attribute.append(onnx.helper.make_attribute(name, dice.choice(ODD)))
        return
    held = dice.choice(node.attribute)
    if dice.random() < 0.1:
        node.attribute.remove(held)
    elif held.type == AttributeProto.INTS and held.ints:
        _in_list(held.ints, dice)
    elif held.type == AttributeProto.INT:
        held.i = dice.choice(ODD)
    elif held.type == AttributeProto.FLOAT:
        held.f = dice.choice((0.0, -1.0, 1e30, float("nan"), float("inf"), 0.5))
    elif held.type == AttributeProto.STRING:
        held.s = dice.choice((*WORDS, "\udcff")).encode(errors="surrogateescape")
    else:
        held.type = dice.randint(0, 14)


def _in_list(values: list[int], dice: Dice) -> None:
    """A number of a list changed, added or left out."""
    at = dice.randrange(len(values))
    if dice.random() < 0.2:
        del values[at]
    elif dice.random() < 0.2:
        values.append(dice.choice(ODD))
    else:
        values[at] = dice.choice(ODD)


def _edge(model: onnx.ModelProto, dice: Dice) -> None:
    """An operator reads something else: anything, nothing, or what comes after it."""
    node = _one(dice, [n for n in model.graph.node if n.input])
    if node is None:
        return
    names = [name for n in model.graph.node for name in (*n.input, *n.output)]
    names += [*(t.name for t in model.graph.initializer), "", "nowhere"]
    at, side = dice.choice(names), node.output if dice.random() < 0.3 else node.input
    if dice.random() < 0.15:
        side.append(at)
    elif side:
        side[dice.randrange(len(side))] = at


def _operator(model: onnx.ModelProto, dice: Dice) -> None:
    """Another operator in the same place."""
    others = [n.op_type for m in corpus() for n in _parse(m).graph.node[:1]]
    if model.graph.node:
        dice.choice(model.graph.node).op_type = dice.choice([*others, "If", "Loop", "NoSuch"])


def _nodes(model: onnx.ModelProto, dice: Dice) -> None:
    """A node twice, or not at all."""
    if not model.graph.node:
        return
    node = dice.choice(model.graph.node)
    if dice.random() < 0.5:
        model.graph.node.append(node)
    else:
        model.graph.node.remove(node)


def _constant(model: onnx.ModelProto, dice: Dice) -> None:
    """A number of a constant, its dims, or how much data it has."""
    tensor = _one(dice, list(model.graph.initializer))
    if tensor is None:
        return
    choice = dice.random()
    if choice < 0.5 and tensor.data_type in (TensorProto.INT64, TensorProto.INT32):
        array = numpy_helper.to_array(tensor).copy()
        if array.size:
            limits = np.iinfo(array.dtype)
            flat = array.reshape(-1)
            flat[dice.randrange(flat.size)] = min(max(dice.choice(ODD), limits.min), limits.max)
            tensor.CopyFrom(numpy_helper.from_array(flat.reshape(array.shape), tensor.name))
    elif choice < 0.7:
        del tensor.dims[:]
        tensor.dims.extend(dice.choice(ODD) for _ in range(dice.randint(0, 4)))
    elif choice < 0.85:
        tensor.raw_data = tensor.raw_data[: len(tensor.raw_data) // 2]
    else:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=dice.choice(("../x", "/etc/passwd", "w")))


def _opset(model: onnx.ModelProto, dice: Dice) -> None:
    """Another opset."""
    if model.opset_import:
        dice.choice(model.opset_import).version = dice.choice((-1, 0, 1, 7, 9, 11, 13, 18, 25, 99))


MUTATIONS: tuple[Mutation, ...] = (
    _dims, _dims, _types, _attribute, _attribute, _attribute, _edge, _operator, _nodes, _constant,
    _constant, _opset,
)  # fmt: skip


def _one(dice: Dice, values: list[object]) -> object | None:
    return dice.choice(values) if values else None


def _parse(data: bytes) -> onnx.ModelProto:
    return onnx.ModelProto.FromString(data)


def mutated(seed: int) -> onnx.ModelProto:
    """The damaged network of a seed: one to three changes."""
    dice = random.Random(seed)
    model = _parse(dice.choice(corpus()))
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        with suppress(Exception):  # what is damaged already may not be read again
            dice.choice(MUTATIONS)(model, dice)
    return model


class _TooLong(BaseException):
    pass


def _ring(number: int, frame: FrameType | None) -> None:
    raise _TooLong


def fault(model: Model) -> str | None:
    """What goes wrong with a network that must be planned or refused; None if nothing does."""
    start = process_time()
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        clock = Clock(lambda _: None)
        source, graph = read(model, clock)
        emit(make_plan(source, graph, Options(place="greedy"), clock))
    except LowtideError as error:
        if "\n" in str(error) or not str(error):
            return f"not one line: {error!r}"
        if isinstance(model, Path) and str(model) not in str(error):
            return f"names no file: {error!r}"
    except _TooLong:
        return "".join(["too long: ", *traceback.format_exc().splitlines(keepends=True)[-8:]])
    except BaseException as error:
        return f"{error!r}: " + "".join(traceback.format_exc().splitlines(keepends=True)[-7:])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    seconds = process_time() - start
    return f"{seconds:.0f} s" if seconds > MOST_SECONDS else None


def faults(seeds: range, made: Callable[[int], Model]) -> Iterator[str]:
    """What goes wrong with the networks of these seeds."""
    signal.signal(signal.SIGPROF, _ring)
    for seed in seeds:
        found = fault(made(seed))
        if found:
            yield f"seed {seed}: {found}"


def limited(seeds: range, made: Callable[[int], Model]) -> None:
    """Judges seeds with limited memory; the last line counts them."""
    warnings.filterwarnings("error", category=RuntimeWarning)  # nor is numpy's to be read by users
    made(seeds.start)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    count = 0
    for line in faults(seeds, made):
        count += 1
        print(line, flush=True)
    print(f"{len(seeds)} files, {count} faults")
    sys.exit(count > 0)


if __name__ == "__main__":
    limited(range(*map(int, sys.argv[1:])), mutated)
