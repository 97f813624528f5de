"""CMSIS-NN's own functions alone, for the layers of a network, on emulated boards: docs/boards.md.

    python -m bench.cmsis --cmsis ../CMSIS-NN --commit 99f736a.. [--shared ../shared]

Each layer of a network of layers one after the other is one call of CMSIS-NN, with that layer's
weights, factors and inputs: what the layer before made. What comes out at the end is what lowtide's
program computes. Instructions are those of the calls, and of nothing around them. No code of
CMSIS-NN is here: its folders Include and Source are read where they lie (Apache-2.0).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from math import frexp
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import lowtide
from bench.boards import NETWORKS, PAGE, ROOT
from bench.tables import markdown, put
from lowtide.check.trial import pack
from lowtide.check.verify import read_folder
from lowtide.clock import Clock
from lowtide.ir.graph import Array, Graph, Operator
from lowtide.pipeline.read import read
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.board_build import link
from lowtide.timing.board_run import build_counter, run_counted
from lowtide.timing.boards import DATA, board

ONE_AFTER_THE_OTHER = ("kws_ref_model", "person_detect")
FOLDERS = ("Convolution", "FullyConnected", "NNSupport", "Pooling", "Softmax", "Transpose")
HEAD = ("network", "board", "CMSIS-NN's layers", "a multiply-add", "lowtide, everything", "of it")

_HEAD = """\
#include "at.h"
#include "board.h"
#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"
static int8_t here[1 << 17] BOARD_HOST, there[1 << 17] BOARD_HOST, work[1 << 16] BOARD_HOST;
#define CHECK(call) do { if ((call) != ARM_CMSIS_NN_SUCCESS) board_exit(65); } while (0)
"""


class Calls:
    """C that calls CMSIS-NN for one layer after the other; constants are arrays."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.arrays, self.layers = list[str](), list[str]()
        for op in graph.operators:
            if op.type in _LAYERS:
                _LAYERS[op.type](self, op)
            elif op.type not in ("Transpose", "Reshape"):
                raise SystemExit(f"{op.type} is not among these layers")

    def constant(self, values: Array, kind: str) -> str:
        name = f"c{len(self.arrays)}"
        numbers = ",".join(map(str, np.ravel(values).tolist()))
        self.arrays.append(
            f"static {kind} {name}[] __attribute__((aligned(16))) = {{{numbers}}};\n"
        )
        return name

    def layer(self, before: str, call: str) -> None:
        """One call between marks; what it makes is what the next one reads."""
        source, to = ("here", "there") if len(self.layers) % 2 == 0 else ("there", "here")
        body = f"{before}    BOARD_AT({len(self.layers)});\n    CHECK({call});\n"
        self.layers.append(
            f"static void layer{len(self.layers)}(const int8_t *in, int8_t *out)\n"
            f"{{\n{body}    BOARD_AT(OTHERS);\n}}\n"
            f"#define CALL{len(self.layers)} layer{len(self.layers)}({source}, {to})\n"
        )

    def dims(self, name: str, n: int, h: int, w: int, c: int) -> str:
        return f"    const cmsis_nn_dims {name} = {{{n}, {h}, {w}, {c}}};\n"

    def main(self, first: int, last: int) -> str:
        count = len(self.layers)
        calls = "".join(f"    CALL{k};\n" for k in range(count))
        end = "there" if count % 2 else "here"
        return (
            f"{_HEAD}enum {{ OTHERS = {count} }};\n{''.join(self.arrays)}{''.join(self.layers)}"
            'int main(void)\n{\n    const int from = board_open("inputs", "rb");\n'
            f'    const int to = board_open("outputs", "wb");\n'
            f"    if (board_read(from, here, {first}) != {first})\n        return 66;\n"
            f"    board_stack_reset();\n    BOARD_AT(BOARD_BEGIN);\n{calls}"
            '    BOARD_AT(BOARD_END);\n    board_print("stack ");\n'
            '    board_print_number((uint32_t)board_stack_used(), 10);\n    board_print("\\n");\n'
            f"    return board_write(to, {end}, {last}) < 0;\n}}\n"
        )


def _conv(calls: Calls, op: Operator) -> None:
    graph, given = calls.graph, op.attributes
    x, w, b, m, n = op.inputs
    _, ci, ih, iw = graph.shape(x)
    _, co, oh, ow = graph.shape(op.outputs[0])
    held = graph.constants[w]
    kh, kw = held.shape[2:]
    depthwise = w.startswith("DEPTHWISE")  # the file says so, of one channel as well
    laid = held[:, 0].transpose(1, 2, 0) if depthwise else held.transpose(0, 2, 3, 1)
    weights = calls.constant(laid, "const int8_t")
    bias = calls.constant(graph.constants[b], "const int32_t")
    factors = [np.broadcast_to(graph.constants[one], (co,)) for one in (m, n)]
    m, n = (calls.constant(one, "int32_t") for one in factors)
    (sh, sw), (dh, dw), (top, left, *_) = (given[k] for k in ("strides", "dilations", "pads"))
    kind = "dw_conv" if depthwise else "conv"
    called = "depthwise_conv" if depthwise else "convolve"
    more = f"{co // ci}, " if depthwise else ""
    before = calls.dims("x", 1, ih, iw, ci) + calls.dims("y", 1, oh, ow, co)
    before += calls.dims("w", 1, kh, kw, co) if depthwise else calls.dims("w", co, kh, kw, ci)
    before += calls.dims("b", 1, 1, 1, co) + (
        f"    const cmsis_nn_{kind}_params p = {{{-given['x_zero']}, {given['y_zero']}, {more}"
        f"{{{sw}, {sh}}}, {{{left}, {top}}}, {{{dw}, {dh}}}, "
        f"{{{given['low']}, {given['high']}}}}};\n"
        f"    const cmsis_nn_per_channel_quant_params q = {{{m}, {n}}};\n"
        "    const cmsis_nn_context c = { work, sizeof work };\n"
        f"    if (arm_{called}_wrapper_s8_get_buffer_size(&p, &x, &w, &y) > (int)sizeof work)\n"
        "        board_exit(67);\n"
    )
    calls.layer(
        before,
        f"arm_{called}_wrapper_s8(&c, &p, &q, &x, in, &w, {weights}, &b, {bias}, &y, out)",
    )


def _pool(calls: Calls, op: Operator) -> None:
    given = op.attributes
    _, c, ih, iw = calls.graph.shape(op.inputs[0])
    _, _, oh, ow = calls.graph.shape(op.outputs[0])
    (kh, kw), (sh, sw) = given["kernel_shape"], given["strides"]
    top, left, *_ = given["pads"]
    before = calls.dims("x", 1, ih, iw, c) + calls.dims("w", 1, kh, kw, 1)
    before += calls.dims("y", 1, oh, ow, c) + (
        f"    const cmsis_nn_pool_params p = {{{{{sw}, {sh}}}, {{{left}, {top}}}, "
        f"{{{given['low']}, {given['high']}}}}};\n"
        "    const cmsis_nn_context c = { work, sizeof work };\n"
    )
    calls.layer(before, "arm_avgpool_s8(&c, &p, &x, in, &w, &y, out)")


def _dense(calls: Calls, op: Operator) -> None:
    graph, given = calls.graph, op.attributes
    _, w, b, m, n = op.inputs
    co, ci = graph.shape(w)
    weights = calls.constant(graph.constants[w], "const int8_t")
    bias = calls.constant(graph.constants[b], "const int32_t")
    m, n = (calls.constant(graph.constants[one], "int32_t") for one in (m, n))
    before = calls.dims("x", 1, 1, 1, ci) + calls.dims("w", ci, 1, 1, co)
    before += (
        calls.dims("b", 1, 1, 1, co)
        + calls.dims("y", 1, 1, 1, co)
        + (
            f"    const cmsis_nn_fc_params p = {{{-given['x_zero']}, 0, {given['y_zero']}, "
            f"{{{given['low']}, {given['high']}}}}};\n"
            f"    const cmsis_nn_per_tensor_quant_params q = {{{m}[0], {n}[0]}};\n"
            "    const cmsis_nn_context c = { work, sizeof work };\n"
            "#ifdef __ARM_FEATURE_MVE /* made once, when the network is loaded */\n"
            f"    arm_vector_sum_s8((int32_t *)(void *)work, {ci}, {co}, {weights}, "
            f"p.input_offset, 0, {bias});\n"
            "#endif\n"
        )
    )
    calls.layer(
        before, f"arm_fully_connected_s8(&c, &p, &q, &x, in, &w, {weights}, &b, {bias}, &y, out)"
    )


def _softmax(calls: Calls, op: Operator) -> None:
    graph = calls.graph
    rows, size = graph.shape(op.inputs[0])
    quant = graph.tensors[op.inputs[0]].quant
    assert quant is not None
    part, shift = frexp(min(quant.scales[0] * 2.0**26, 2.0**31 - 1))
    radius = (31 * 2**26) >> shift  # as TFLite says how far below the largest a number counts
    calls.layer("", f"(arm_softmax_s8(in, {rows}, {size}, {round(part * 2**31)}, {shift}, "
                f"{-radius}, out), ARM_CMSIS_NN_SUCCESS)")  # fmt: skip


_LAYERS = {"QConv": _conv, "QAveragePool": _pool, "QDense": _dense, "QSoftmax": _softmax}


def rows(name: str, cmsis: Path, shared: Path, boards: list[str]) -> Iterator[list[str]]:
    """A row a board: theirs for the layers, ours for the whole program."""
    model = shared / f"models/tflite/{name}.tflite"
    graph = read(model, Clock(lambda _: None))[1]
    calls = Calls(graph)
    with TemporaryDirectory(prefix="lowtide-") as folder:
        out = Path(folder) / "out"
        lowtide.fit(model).emit("c99", out)
        held = read_folder(out)
        for at in boards:
            there = Path(folder) / at
            there.mkdir()
            sample = held.samples[0]
            (there / "inputs").write_bytes(pack(held.memory.inputs, sample.inputs))
            sizes = [
                sum(p.bytes for p in ports) for ports in (held.memory.inputs, held.memory.outputs)
            ]
            (there / "calls.c").write_text(calls.main(*sizes))
            (there / "at.h").write_text((DATA / "at.h").read_text())
            theirs = counted(at, cmsis, there, len(calls.layers))
            made = np.frombuffer((there / "outputs").read_bytes(), np.int8)
            wanted = np.concatenate([np.ravel(one) for one in sample.expected.outputs])
            assert np.array_equal(made, wanted), f"{name} on {at}: {made} for {wanted}"
            ours = bench_on_board(out, Asked(at, "gcc", "-O3"))
            yield [
                NETWORKS[name], at, f"{theirs:,}", f"{theirs / ours.macs:.3f}",
                f"{ours.instructions_per_mac or 0:.3f}", f"{ours.instructions / theirs:.2f}",
            ]  # fmt: skip


def counted(at: str, cmsis: Path, there: Path, layers: int) -> int:
    """Instructions of all layers' calls."""
    folders = [cmsis / f"Source/{one}Functions" for one in FOLDERS]
    sources = [
        str(file.resolve())
        for folder in folders
        for file in sorted(folder.glob("*.c"))
        if not any(word in file.name for word in ("f16", "f32", "_flt", "lstm", "s4", "svdf"))
    ]
    flags = [f"-I{(cmsis / 'Include').resolve()}", "-O3", "-ffunction-sections", "-fdata-sections"]
    elf = link(board(at), ["calls.c", *sources], there, flags)
    build_counter(board(at), ["cc"], there)
    return sum(run_counted(board(at), elf, layers, 600).instructions[:layers])


def main() -> None:
    """Counts, and writes the table where all were."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cmsis", type=Path, required=True)
    parser.add_argument("--commit", required=True, help="of the snapshot")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", choices=ONE_AFTER_THE_OTHER)
    parser.add_argument("--board", choices=("m4", "m55"))
    asked = parser.parse_args()
    found = []
    for name in [asked.only] if asked.only else ONE_AFTER_THE_OTHER:
        for row in rows(
            name, asked.cmsis, asked.shared, [asked.board] if asked.board else ["m4", "m55"]
        ):
            print(*row, sep="  ", flush=True)
            found.append(row)
    if not asked.only and not asked.board:
        put(PAGE, "cmsis", f"CMSIS-NN {asked.commit[:7]}, GCC -O3:\n\n{markdown(HEAD, found)}")


if __name__ == "__main__":
    main()
