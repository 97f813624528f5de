"""What kernels look for: the arithmetic of a task and how its operands lie, not its name.

A sum of products over taps and channels is a convolution, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from lowtide.ir.dtype import I32
from lowtide.ir.graph import Shape
from lowtide.ir.index import Index, Var, index_of, number, var
from lowtide.ir.nest import Nest, Read
from lowtide.ir.value import Acc, Call, Load, Number, Value, loads
from lowtide.ir.view import Strided
from lowtide.layout.lay_out import Layout, Place
from lowtide.ops.window import SlidingWindow
from lowtide.rows.task import Task

LOOP_BLOCK = 64
"""Channels that the loops of a definition hold in accumulators at one time."""


@dataclass(frozen=True)
class Convolution:
    """A convolution that was recognised: start + the sum of x * w over taps and input channels.

    `x` names a tensor, `weights` a constant [out, in, ky, kx]; `channels` are those in and out of
    each of `groups`. `pool` has the window of a pool that its results go into, 1 for none. `onto`
    names the tensor of sums that go on, whose elements are the start; "": they begin here. Of whole
    numbers `zeros` are taken first, from x and from the weights.
    """

    x: str
    weights: str
    windows: tuple[SlidingWindow, ...]
    pool: tuple[int, ...]
    channels: tuple[int, int]
    groups: int
    start: Value
    onto: str = ""
    zeros: tuple[int, int] = (0, 0)


def convolution(task: Task, layout: Layout) -> Convolution | None:
    """Recognises a convolution in the first reduction of a task's nest; None if it is none."""
    nest, graph = task.nest, layout.graph
    first = nest.reductions[0] if nest.reductions else None
    pair = _product(first.update) if first else None
    if first is None or pair is None:
        return None
    (one, zero), (other, other_zero) = ((nest.reads[k], zero) for k, zero in pair)
    if task.operands[one.operand] in graph.constants:
        one, zero, other, other_zero = other, other_zero, one, zero
    zeros = (zero, other_zero)
    if any(zeros) and nest.arithmetic != I32:
        return None
    x, weights = (task.operands[read.operand] for read in (one, other))
    if x not in layout.places or weights not in graph.constants or one.zero or other.zero:
        return None
    taps = [v for v in first.loops if v.extent > 1]
    around = [v for r in nest.reductions[1:] for v in r.loops]
    found = windows(one, nest, graph.shape(x), taps, around)
    channels = _groups(one, other, nest, graph.shape(x), graph.shape(weights), taps)
    onto = _goes_on(first.start, task, layout)
    if found is None or channels is None or not (onto or _begins(first.start, task, layout)):
        return None
    made, pool = found
    kernel = [index_of(v) for v in taps[: len(taps) - (channels[0] > 1)]]
    if list(other.index[2:]) != [index_of(w.tap) for w in made]:
        return None
    if kernel != [index_of(w.tap) for w in made if w.kernel > 1]:
        return None  # its sums run in another order
    inside, outside, groups = channels
    pair_of = (inside, outside)
    return Convolution(x, weights, made, pool, pair_of, groups, first.start, onto, zeros)


def _product(update: Value) -> list[tuple[int, int]] | None:
    """The two reads whose product is added to Acc(0), and the whole number taken from each."""
    if not isinstance(update, Call) or update.function != "add" or update.arguments[0] != Acc(0):
        return None
    product = update.arguments[1]
    if not isinstance(product, Call) or product.function != "mul":
        return None
    found = [pair for pair in map(_above, product.arguments) if pair is not None]
    return found if len({read for read, _ in found}) == 2 else None


def _above(value: Value) -> tuple[int, int] | None:
    """The read of what is loaded, and the number that is taken from it."""
    zero = 0
    if isinstance(value, Call) and value.function == "sub":
        value, number = value.arguments
        if not isinstance(number, Number) or not number.value.is_integer():
            return None
        zero = int(number.value)
    return (value.read, zero) if isinstance(value, Load) else None


def _groups(
    x: Read, w: Read, nest: Nest, image: Shape, weights: Shape, loops: list[Var]
) -> tuple[int, int, int] | None:
    """Channels in and out of a group, and how many groups there are."""
    if len(weights) != len(image) or len(nest.axes) != len(image) or weights[1] < 1:
        return None
    groups = image[1] // weights[1]
    if groups * weights[1] != image[1] or weights[0] % groups or weights[0] != nest.shape[1]:
        return None
    inside, outside = weights[1], weights[0] // groups
    i = index_of(loops[-1]) if inside > 1 and loops else Index()
    if w.index[:2] != (nest.axes[1], i) or x.index[0] != nest.axes[0]:
        return None
    if x.index[1] != nest.axes[1] // outside * inside + i:
        return None
    return inside, outside, groups


def _begins(start: Value, task: Task, layout: Layout) -> bool:
    """Whether sums begin with 0 or with a constant a channel."""
    if not isinstance(start, Load):
        return start == Number(0.0)
    read = task.nest.reads[start.read]
    given = task.operands[read.operand] in layout.graph.constants
    return given and read.index == (task.nest.axes[1],)


def _goes_on(start: Value, task: Task, layout: Layout) -> str:
    """The tensor whose elements sums begin with, each its own; "" if there is none."""
    if not isinstance(start, Load):
        return ""
    read = task.nest.reads[start.read]
    name = task.operands[read.operand]
    return name if name in layout.places and read.index == task.nest.axes and not read.zero else ""


def windows(
    x: Read, nest: Nest, image: Shape, taps: Collection[Var], around: Collection[Var] = ()
) -> tuple[tuple[SlidingWindow, ...], tuple[int, ...]] | None:
    """The windows of the spatial axes as a read goes over them, and the pool around each."""
    if len(nest.axes) != len(image):
        return None
    found = [
        _window(at, out, size, taps, around)
        for at, out, size in zip(x.index[2:], nest.axes[2:], image[2:], strict=True)
    ]
    if not all(found):
        return None
    pairs = [pair for pair in found if pair]
    return tuple(w for w, _ in pairs), tuple(n for _, n in pairs)


def _window(
    at: Index, out: Index, size: int, taps: Collection[Var], around: Collection[Var]
) -> tuple[SlidingWindow, int] | None:
    """One axis: stride, dilation and padding are the coefficients of `at`.

    (4 y + 2 py) + 3 ky - 1     stride 2, a pool of 2, dilation 3, 1 before
    """
    factors = dict(at.terms)
    own = next(iter(out.variables), None)
    own_taps = [v for v in taps if v in factors]
    pool = [v for v in around if v in factors]
    if out != (index_of(own) if own else Index()) or len(own_taps) > 1 or len(pool) > 1:
        return None
    if not factors.keys() <= {own, *own_taps, *pool} or min(factors.values(), default=1) < 1:
        return None
    many = pool[0].extent if pool else 1
    stride = factors[pool[0]] if pool else factors.get(own, 1) if own else 1
    if own and factors.get(own) != stride * many:
        return None
    tap = own_taps[0] if own_taps else Var("", 1)
    dilation, made = factors.get(tap, 1), (own.extent if own else 1) * many
    return SlidingWindow(size, tap.extent, stride, dilation, -at.constant, 0, made, tap), many


def as_image(place: Place) -> Place | None:
    """A place with rows and columns: a signal becomes an image of one column; None for others.

    A volume, of five axes, is images one behind the other.
    """
    held = place.strided
    if len(held.shape) == 3:
        column = Strided((*held.shape, 1), (*held.strides, held.strides[2]), held.offset)
        return replace(place, strided=column)
    return place if len(held.shape) in (4, 5) else None


def inside_rows(place: Place, layout: Layout) -> bool:
    """Whether a pixel's channels lie side by side, and a row within one row of its storage.

    Rows of the storage may lie anywhere. And a kernel is said to read all of a row: of an image
    seen through a transposition, whose rows run across the storage's, some pixels may be dead
    where the kernel steps over them.
    """
    _, channels, outermost, *inside = place.strided.shape
    if channels > 1 and place.strided.strides[1] != 1:
        return False
    rows, within = var("h", outermost), (var(f"w{k}", n) for k, n in enumerate(inside))
    axes = (number(0), var("c", channels), rows, *within)
    row = place.strided.at(axes) // layout.storages[place.storage].row_elements
    return row.variables <= rows.variables


def needs_buffer(task: Task, layout: Layout) -> bool:
    """Whether the loops of a nest need a buffer for a pixel to make an atomic step."""
    nest = task.nest
    late = any(task.operands[nest.reads[k].operand] in layout.places for k in loads(nest.finish))
    return task.channels > 1 and (late or (bool(nest.reductions) and task.channels > LOOP_BLOCK))


def axes_in_memory(task: Task) -> list[Var]:
    """The output's variables, outermost in memory first; axes of extent 1 have none."""
    return [v for a in task.order for v in task.nest.axes[a].variables]


def order_of_constant(task: Task, read: Read) -> tuple[int, ...]:
    """The axes of a constant in the order in which the nest's loops run, the slowest first."""
    axes = axes_in_memory(task)
    loops = [*axes[:-1], *(v for r in task.nest.reductions for v in r.loops), *axes[-1:]]
    depth = {v: d for d, v in enumerate(loops)}

    def deepest(axis: int) -> int:
        return max((depth.get(v, -1) for v in read.index[axis].variables), default=-1)

    return tuple(sorted(range(len(read.index)), key=deepest))
