"""Layers of hls4ml's io_stream, as their loops are: written from its documentation and headers.

Each layer is a generator, a round of its loop at a time: from which streams it reads a pixel, and
to which it writes one. Nothing here comes from lowtide: what a layer does is read from the ONNX
node, with counters of position and stride as hls4ml's line buffers have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import onnx

Round = tuple[tuple[str, ...], tuple[str, ...]]
Size = tuple[int, int]


def zeropad(source: str, to: str, size: Size, pads: Sequence[int]) -> Iterator[Round]:
    """Rows of zeros, then zeros, pixels and zeros of each row, then rows of zeros."""
    top, left, bottom, right = pads
    (height, width), out = size, ((), (to,))
    for _ in range(top * (width + left + right)):
        yield out
    for _ in range(height):
        for _ in range(left):
            yield out
        for _ in range(width):
            yield (source,), (to,)
        for _ in range(right):
            yield out
    for _ in range(bottom * (width + left + right)):
        yield out


def window(source: str, to: str, size: Size, kernel: Size, stride: Size) -> Iterator[Round]:
    """A convolution or pool with a line buffer: a result with the last pixel of its window."""
    height, width = size
    last_y, last_x = kernel[0] - 1, kernel[1] - 1
    stride_y = 0
    for y in range(height):
        stride_x = 0
        for x in range(width):
            whole = stride_x == last_x and stride_y == last_y and y >= last_y and x >= last_x
            yield (source,), ((to,) if whole else ())
            stride_x = stride_x - stride[1] + 1 if stride_x == last_x else stride_x + 1
        stride_y = stride_y - stride[0] + 1 if stride_y == last_y else stride_y + 1


def merge(sources: Sequence[str], to: Sequence[str], pixels: int) -> Iterator[Round]:
    """add, multiply, a concatenation of channels, and clone: a pixel of each, a pixel to each."""
    for _ in range(pixels):
        yield tuple(sources), tuple(to)


def after(sources: Sequence[str], to: str, pixels: Sequence[int]) -> Iterator[Round]:
    """A concatenation along height: one image, then the other."""
    for source, count in zip(sources, pixels, strict=True):
        for _ in range(count):
            yield (source,), (to,)


def together(source: str, to: str, pixels: int) -> Iterator[Round]:
    """A global pool or a dense layer: all pixels; the result with the last."""
    for k in range(pixels):
        yield (source,), ((to,) if k == pixels - 1 else ())


def give(to: str, pixels: int) -> Iterator[Round]:
    for _ in range(pixels):
        yield (), (to,)


def take(source: str, pixels: int) -> Iterator[Round]:
    for _ in range(pixels):
        yield (source,), ()


@dataclass
class Net:
    """Layers by name, and streams with their ends, of an ONNX graph whose operators all stay."""

    rounds: dict[str, list[Round]] = field(default_factory=dict)
    streams: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, name: str, rounds: Iterator[Round]) -> None:
        self.rounds[name] = list(rounds)
        for reads, writes in self.rounds[name]:
            for one in reads:
                self.streams[one] = (self.streams.get(one, ("", ""))[0], name)
            for one in writes:
                self.streams[one] = (name, self.streams.get(one, ("", ""))[1])


def net_of(model: onnx.ModelProto, frames: int) -> Net:
    """The net of a model of Conv, MaxPool, Add, Concat, GlobalAveragePool, some frames long."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
        for v in (*graph.input, *graph.value_info, *graph.output)
    }
    constants = {one.name for one in graph.initializer}
    size: dict[str, Size] = {k: (s[2], s[3]) for k, s in shapes.items() if len(s) == 4}
    pixels = {k: h * w for k, (h, w) in size.items()}
    users: dict[str, list[str]] = {k: [] for k in shapes}
    for node in graph.node:
        for name in dict.fromkeys(node.input):
            if name not in constants:
                users[name].append(f"{name}>{node.name}")
    for value in graph.output:
        users[value.name].append(f"{value.name}>")
    net = Net()

    def fan_out(name: str) -> str:
        """To what the maker of a tensor writes: its one reader, or a clone."""
        if len(users[name]) == 1:
            return users[name][0]
        net.add(f"{name}.clone", merge([f"{name}>clone"], users[name], frames * pixels[name]))
        return f"{name}>clone"

    for value in graph.input:
        net.add(value.name, give(fan_out(value.name), frames * pixels[value.name]))
    for node in graph.node:
        _layer(net, node, fan_out(node.output[0]), size, frames, constants)
    for value in graph.output:
        net.add(f"{value.name} out", take(f"{value.name}>", frames * pixels[value.name]))
    return net


def _layer(
    net: Net,
    node: onnx.NodeProto,
    to: str,
    size: Mapping[str, Size],
    frames: int,
    constants: set[str],
) -> None:
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    sources = [f"{n}>{node.name}" for n in dict.fromkeys(node.input) if n not in constants]
    of = size[node.input[0]]
    made = size[node.output[0]]
    rounds: list[Round] = []
    for _ in range(frames):
        if node.op_type in ("Conv", "MaxPool"):
            source, inner = sources[0], of
            kernel = tuple(given["kernel_shape"])
            spread = given.get("dilations", [1, 1])
            kernel = tuple((k - 1) * d + 1 for k, d in zip(kernel, spread, strict=True))
            stride = tuple(given.get("strides", [1, 1]))
            top, left, bottom, right = pads = given.get("pads", [0, 0, 0, 0])
            # what a window never reaches is not padded
            reach = [(m - 1) * s + k for m, s, k in zip(made, stride, kernel, strict=True)]
            pads = [
                top, left,
                max(min(bottom, reach[0] - top - of[0]), 0),
                max(min(right, reach[1] - left - of[1]), 0),
            ]  # fmt: skip
            if any(pads):
                source = f"{node.name}.pad>"
                inner = (of[0] + pads[0] + pads[2], of[1] + pads[1] + pads[3])
            rounds += window(source, to, inner, kernel, stride)
        elif node.op_type == "GlobalAveragePool":
            rounds += together(sources[0], to, of[0] * of[1])
        elif node.op_type == "Concat" and given["axis"] == 2:
            rounds += after(sources, to, [size[n][0] * size[n][1] for n in node.input])
        else:
            rounds += merge(sources, [to], made[0] * made[1])
    if node.op_type in ("Conv", "MaxPool") and any(pads):
        padding = [one for _ in range(frames) for one in zeropad(sources[0], source, of, pads)]
        net.add(f"{node.name}.pad", iter(padding))
    net.add(node.name, iter(rounds))


@dataclass(frozen=True)
class Ran:
    """How a net ran: cycles, whether it locked, waits for room, and the most in each stream."""

    cycles: int
    locked: bool
    waits: int
    most: Mapping[str, int]


def run(
    net: Net, depths: Mapping[str, int], release: Mapping[str, Sequence[int]] | None = None
) -> Ran:
    """Cycle by cycle; a stream without a depth never fills. Inputs keep to `release`, if given."""
    at = dict.fromkeys(net.rounds, 0)
    held, most = dict.fromkeys(net.streams, 0), dict.fromkeys(net.streams, 0)
    cycle = waits = 0
    release = release or {}
    while any(at[name] < len(net.rounds[name]) for name in at):
        before, fires, later = dict(held), [], False
        for name, rounds in net.rounds.items():
            if at[name] == len(rounds):
                continue
            if name in release and release[name][at[name]] > cycle:
                later = True
                continue
            reads, writes = rounds[at[name]]
            if all(before[s] for s in reads):
                if all(before[s] < depths.get(s, 1 << 40) for s in writes):
                    fires.append((name, reads, writes))
                else:
                    waits += 1
        if not fires and not later:
            return Ran(cycle, True, waits, most)
        for name, reads, writes in fires:
            at[name] += 1
            for s in writes:
                held[s] += 1
                most[s] = max(most[s], before[s] + 1)
            for s in reads:
                held[s] -= 1
        cycle += 1
    return Ran(cycle, False, waits, most)
