"""Random networks, a seed each: chains and branches of three to twelve operators.

A network without a seed's luck is of no use to find mistakes in bookkeeping: operators are drawn
with weights that favour joins, views and shared tensors, where storages and lifetimes get
entangled. Half the networks compute with whole numbers, so that their results must be exact.
"""

from __future__ import annotations

import random

import network_more as more
import network_moves as moves
import network_sums as sums
import network_windows as windows
from lowtide.plan import Options
from network_builder import Builder, Network, Value

OPSETS = (9, 11, 13, 17, 21)

OPERATORS = {
    windows.conv: 8,
    windows.conv_transpose: 2,
    windows.pool: 4,
    windows.global_pool: 1,
    moves.transpose: 2,
    moves.reshape: 2,
    moves.flatten: 1,
    moves.squeeze: 1,
    moves.shuffle: 2,
    moves.head: 2,
    moves.depth_to_space: 2,
    moves.split: 3,
    moves.slice_: 3,
    moves.gather: 1,
    moves.concat: 6,
    moves.pad: 2,
    moves.resize: 2,
    sums.activation: 5,
    sums.binary: 5,
    sums.normalise: 1,
    sums.softmax: 1,
    sums.dense: 2,
    sums.matmul: 1,
    more.function: 3,
    more.several: 3,
    more.reduce: 3,
    more.normalise: 3,
    more.running_sum: 1,
    more.repeat: 2,
    more.masked: 2,
    more.space_to_depth: 1,
    more.interpolate: 1,
    more.einsum: 1,
    more.extreme_place: 1,
    more.quantise: 1,
    more.recurrent: 2,
}


def random_network(seed: int, whole: bool | None = None) -> Network:
    """The network of a seed; `whole` to choose what else the seed does."""
    dice = random.Random(seed)
    drawn = dice.random() < 0.5
    b = Builder(dice, dice.choice(OPSETS), drawn if whole is None else whole)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        b.input(_input_shape(dice))
    size, tries = dice.randint(3, 12), 0
    while len(b.nodes) < size and tries < 20 * size:
        tries += 1
        _grow(b)
    if not b.nodes:  # nothing suited the input
        sums.activation(b, b.values[0])
    return b.finish(f"random{seed}", _outputs(b))


def _input_shape(dice: random.Random) -> tuple[int, ...]:
    batch = dice.choice((1, 1, 1, 1, 1, 2))
    rank = dice.choice((4, 4, 4, 4, 4, 4, 3, 2))
    return (batch, dice.randint(1, 9), *(dice.randint(3, 14) for _ in range(rank - 2)))


def _grow(b: Builder) -> None:
    """One more operator, mostly on one of the latest values."""
    x = b.dice.choice(b.values[-4:] if b.dice.random() < 0.8 else b.values)
    if b.whole and x.most > 1000:
        x = sums.clip(b, x)
    draw = b.dice.choices(list(OPERATORS), list(OPERATORS.values()))[0]
    if x.rank < 2:
        return
    draw(b, x)


def _outputs(b: Builder) -> list[Value]:
    """What nothing reads, now and then a value that is read as well, one twice, or an input."""
    made = [v for v in b.values if v not in b.inputs]
    found = [v for v in made if v.name not in b.read]
    inner = [v for v in made if v.name in b.read]
    if inner and b.dice.random() < 0.3:
        found.append(b.dice.choice(inner))
    if b.dice.random() < 0.1:
        twice = b.dice.choice(found)
        found.append(b.node("Identity", [twice], twice.shape, twice.most))
    if b.dice.random() < 0.1:
        given = b.dice.choice(b.inputs)
        direct = b.dice.random() < 0.5
        found.append(given if direct else b.node("Identity", [given], given.shape, given.most))
    b.dice.shuffle(found)
    return found


def random_options(seed: int) -> Options:
    """The options that go with a seed's network."""
    dice = random.Random(-seed - 1)
    return Options(
        schedule="layerwise",
        order=dice.choice(("given", "least")),
        overlap=dice.choice(("none", "row", "group", "pixel")),
        place=dice.choice(("greedy", "exact")),
        align=dice.choice((4, 16)),
        io_layout=dice.choice(("nhwc", "nchw")),
    )
