"""Random networks, a seed each: chains and branches of three to twelve operators.

A network without a seed's luck is of no use to find mistakes in bookkeeping: operators are drawn
with weights that favour joins, views and shared tensors, where storages and lifetimes get
entangled. Half the networks compute with whole numbers, so that their results must be exact.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import network_more as more
import network_moves as moves
import network_sums as sums
import network_windows as windows
from lowtide.planner.options import Options
from network_builder import Builder, Network, Value

Draw = Callable[[Builder, Value], object]

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


# What keeps an image an image, so that column bands can be cut.
ON_IMAGES = {
    windows.conv: 9, windows.pool: 3, sums.activation: 2, sums.binary: 3, sums.normalise: 1,
    moves.concat: 1, more.function: 1, more.several: 2, windows.conv_transpose: 1, moves.resize: 1,
}  # fmt: skip


def random_network(seed: int, whole: bool | None = None) -> Network:
    """The network of a seed; `whole` to choose what else the seed does."""
    dice = random.Random(seed)
    drawn = dice.random() < 0.5
    b = Builder(dice, dice.choice(OPSETS), drawn if whole is None else whole)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        b.input(_input_shape(dice))
    _grown(b, dice.randint(3, 12), OPERATORS, latest=4)
    return b.finish(f"random{seed}", _outputs(b))


def random_trunk(seed: int) -> Network:
    """A network of one image that mostly stays one."""
    dice = random.Random(f"trunk {seed}")
    b = Builder(dice, dice.choice(OPSETS), dice.random() < 0.5)
    b.input((1, dice.randint(1, 4), dice.randint(4, 20), dice.randint(6, 24)))
    _grown(b, dice.randint(3, 9), ON_IMAGES, latest=1)
    return b.finish(f"trunk{seed}", _outputs(b))


def _grown(b: Builder, size: int, operators: Mapping[Draw, int], latest: int) -> None:
    """So many operators, drawn with these weights, mostly on one of the `latest` values."""
    tries = 0
    while len(b.nodes) < size and tries < 20 * size:
        tries += 1
        _grow(b, operators, latest)
    if not b.nodes:  # nothing suited the input
        sums.activation(b, b.values[0])


def _input_shape(dice: random.Random) -> tuple[int, ...]:
    batch = dice.choice((1, 1, 1, 1, 1, 2))
    rank = dice.choice((4, 4, 4, 4, 4, 4, 3, 2))
    return (batch, dice.randint(1, 9), *(dice.randint(3, 14) for _ in range(rank - 2)))


def _grow(b: Builder, operators: Mapping[Draw, int], latest: int) -> None:
    """One more operator."""
    x = b.dice.choice(b.values[-latest:] if b.dice.random() < 0.8 else b.values)
    if b.whole and x.most > 1000:
        x = sums.clip(b, x)
    draw = b.dice.choices(list(operators), list(operators.values()))[0]
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
