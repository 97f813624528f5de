"""Damaged .tflite files: networks that were sound until something in their structure was changed,
or bytes of them.

    python tests/builders/tflite_mutations.py FIRST STOP [STEP]     judges seeds in little memory

A file must be planned and written as C, or refused with a ModelError of one line that names it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flatbuffers
import numpy as np

import tflite_graphs_more
import tflite_operators_more
from mutations import limited
from tflite_file import schema
from tflite_graphs import grown
from tflite_operators import FLOATS_ONLY, ONE, Random

assert tflite_graphs_more, tflite_operators_more

Dice = random.Random
ODD = (-(2**31), -7, -2, -1, 0, 1, 2, 3, 5, 64, 1000, 2**15, 2**20, 2**31 - 1)
SCALES = (0.0, -1.0, 1e-35, 1e-9, 0.5, 1.0, 1e9, 3e38, np.inf, np.nan)
NAMES = (b"", b"x", b"\xff\xfe", b"a/b:c d", b"int", b"x" * 3000, "\u00e9\n".encode())


@cache
def corpus() -> tuple[bytes, ...]:
    """A network of each operator in each type, and some of several."""
    kinds = [(kind, t) for kind in ONE for t in ("int8", "uint8", "float32")]
    ones = (ONE[kind](Random(7, t)) for kind, t in kinds if t[0] == "f" or kind not in FLOATS_ONLY)
    return (*ones, *(grown(seed)[0] for seed in range(60)))


def _graph(model: Any) -> Any:
    return model.subgraphs[0]


def _shape(model: Any, dice: Dice) -> None:
    """An extent, or how many there are."""
    tensor = dice.choice(_graph(model).tensors)
    shape = [int(n) for n in tensor.shape]
    what = dice.randrange(4)
    if what == 0 and shape:
        shape[dice.randrange(len(shape))] = dice.choice(ODD)
    elif what == 1:
        shape.insert(dice.randrange(len(shape) + 1), dice.choice((1, 1, 2, -1)))
    elif what == 2 and shape:
        del shape[dice.randrange(len(shape))]
    else:
        dice.shuffle(shape)
    tensor.shape = shape


def _type(model: Any, dice: Dice) -> None:
    dice.choice(_graph(model).tensors).type = dice.randrange(-1, 20) % 128


def _quantisation(model: Any, dice: Dice) -> None:
    """Scales, zero points, how many, along which axis; or none."""
    tensor = dice.choice(_graph(model).tensors)
    what, quant = dice.randrange(6), tensor.quantization
    if what == 0 or quant is None:
        tensor.quantization = None if quant else schema().QuantizationParametersT()
    elif what == 1:
        quant.scale = np.array([dice.choice(SCALES)], np.float32)
    elif what == 2:
        quant.zeroPoint = np.array([dice.choice((*ODD, 2**40))], np.int64)
    elif what == 3:
        quant.scale = np.full(dice.choice((0, 2, 3, 8, 99)), 0.25, np.float32)
    elif what == 4:
        quant.zeroPoint = np.full(dice.choice((0, 2, 3, 8)), 1, np.int64)
    else:
        quant.quantizedDimension = dice.choice(ODD)


def _edge(model: Any, dice: Dice) -> None:
    """What an operator reads or makes: another tensor, none, one more, one less."""
    graph = _graph(model)
    if not graph.operators:
        return
    op = dice.choice(graph.operators)
    held = dice.choice(("inputs", "outputs"))
    ends = [int(k) for k in getattr(op, held)]
    some = dice.choice((-1, -2, len(graph.tensors), 2**31 - 1, *range(len(graph.tensors))))
    what = dice.randrange(4)
    if what < 2 and ends:
        ends[dice.randrange(len(ends))] = some
    elif what == 2:
        ends.insert(dice.randrange(len(ends) + 1), some)
    elif ends:
        del ends[dice.randrange(len(ends))]
    setattr(op, held, ends)


def _port(model: Any, dice: Dice) -> None:
    """An input or output of the network: a constant, one made inside, twice the same, none."""
    graph = _graph(model)
    held = dice.choice(("inputs", "outputs"))
    ends = [int(k) for k in getattr(graph, held)]
    some = dice.choice((-1, len(graph.tensors), *range(len(graph.tensors)), *ends))
    if dice.random() < 0.5 and ends:
        ends[dice.randrange(len(ends))] = some
    elif dice.random() < 0.8:
        ends.append(some)
    else:
        ends = []
    setattr(graph, held, ends)


def _operators(model: Any, dice: Dice) -> None:
    """One left out, one twice, another order."""
    operators = _graph(model).operators
    if not operators:
        return
    what, k = dice.randrange(3), dice.randrange(len(operators))
    if what == 0:
        del operators[k]
    elif what == 1:
        operators.insert(dice.randrange(len(operators) + 1), operators[k])
    else:
        dice.shuffle(operators)


def _kind(model: Any, dice: Dice) -> None:
    """Another operator on the same tensors, with the options that are there or none."""
    code = dice.choice(model.operatorCodes)
    code.builtinCode = dice.choice((*range(150), -1, 300))
    code.deprecatedBuiltinCode = max(min(code.builtinCode, 127), -1)
    if dice.random() < 0.5:
        for op in _graph(model).operators:
            op.builtinOptions, op.builtinOptionsType = None, 0


def _option(model: Any, dice: Dice) -> None:
    """A number among an operator's options."""
    found = [op.builtinOptions for op in _graph(model).operators if op.builtinOptions is not None]
    if not found:
        return
    options = dice.choice(found)
    fields = [name for name, value in vars(options).items() if isinstance(value, int | float)]
    if fields:
        name = dice.choice(fields)
        whole = not isinstance(getattr(options, name), float)
        small = "ctivation" in name or name in ("padding", "mode", "weightsFormat", "outputType")
        value = dice.choice((-1, 0, 1, 2, 3, 5, 100) if small else ODD if whole else SCALES)
        held = isinstance(getattr(options, name), bool)
        setattr(options, name, bool(value) if held else value)


def _name(model: Any, dice: Dice) -> None:
    """Names that are empty, odd, or the same."""
    tensors = _graph(model).tensors
    name = dice.choice((None, *NAMES))
    for tensor in dice.sample(tensors, min(len(tensors), dice.choice((1, 2, 99)))):
        tensor.name = name


def _data(model: Any, dice: Dice) -> None:
    """The bytes of a constant: cut, more, none, others; an axis or an index is far outside."""
    buffer = dice.choice(model.buffers)
    if buffer.data is None or not len(buffer.data):
        return
    held = np.asarray(buffer.data, np.uint8)
    what = dice.randrange(4)
    if what == 0:
        held = held[: dice.randrange(len(held))]
    elif what == 1:
        held = np.concatenate([held, held])
    elif what == 2 and len(held) % 4 == 0:
        words = held.view(np.int32).copy()
        words[dice.randrange(len(words))] = dice.choice(ODD)
        held = words.view(np.uint8)
    else:
        held = np.frombuffer(dice.randbytes(len(held)), np.uint8)
    buffer.data = held


def _buffer(model: Any, dice: Dice) -> None:
    """A tensor with the data of another, or of none."""
    tensor = dice.choice(_graph(model).tensors)
    tensor.buffer = dice.choice((0, len(model.buffers), 2**31, *range(len(model.buffers))))


MUTATIONS: tuple[Callable[[Any, Dice], None], ...] = (
    _shape, _type, _quantisation, _edge, _port, _operators, _kind, _option, _name, _data, _buffer,
)  # fmt: skip


def spoiled(content: bytes, dice: Dice) -> bytes:
    """A file with bytes, or words of four, of others, or without its end."""
    made = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(made))
        if dice.random() < 0.5:
            made[at] = dice.randrange(256)
        else:
            at -= at % 4
            words = (0, 1, 2, 255, 2**15, 2**31 - 1, -1, -7, -(2**31), dice.getrandbits(9))
            made[at : at + 4] = dice.choice(words).to_bytes(4, "little", signed=True)
    return bytes(made[: dice.randrange(len(made))] if dice.random() < 0.05 else made)


def mutated(seed: int) -> bytes:
    """Damaged file number `seed`: structure in three of four, bytes in the others."""
    dice = random.Random(seed)
    content = dice.choice(corpus())
    if seed % 4 == 0:
        return spoiled(content, dice)
    known = schema()
    model = known.ModelT.InitFromObj(known.Model.GetRootAs(content, 0))
    for _ in range(dice.choice((1, 1, 2, 3))):
        dice.choice(MUTATIONS)(model, dice)
    builder = flatbuffers.Builder(1024)
    try:
        builder.Finish(model.Pack(builder), b"TFL3")
    except (
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        flatbuffers.builder.BuilderSizeError,
    ):
        return spoiled(content, dice)  # no number of that field
    return bytes(builder.Output())


def main() -> None:
    first, stop, step = (*map(int, sys.argv[1:]), 1)[:3]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "net.tflite"

        def written(seed: int) -> Path:
            file.write_bytes(mutated(seed))
            return file

        limited(range(first, stop, step), written)


if __name__ == "__main__":
    main()
