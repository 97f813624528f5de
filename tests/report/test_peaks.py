"""Why memory is fullest where it is, as report.html says it, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from onnx import ModelProto, parser

from lowtide.pipeline.profile import profile
from lowtide.planner.options import Options
from lowtide.report.advice import advice
from lowtide.report.peaks import peak_words
from lowtide.report.sides import after
from test_reports import small

ROOT = Path(__file__).parents[2]
PLAIN = Options(schedule="layerwise", place="greedy")
STREAMED = Options(place="greedy")


def parsed(text: str) -> ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}')


def slow(*case: Any) -> Any:
    """A case that takes about a second or more."""
    return pytest.param(*case, marks=pytest.mark.slow)


CELL = parsed("""g (float[1,4] x, float[1,4] h_in) => (float[1,4] y, float[1,4] h_out)
{ a = Tanh(h_in) h_out = Add(x, a) b = Neg(h_out) y = Neg(b) }""")
ENDLESS = parsed("""g (float[1,2,16] x) => (float[1,2,N] y)
<float[2,2,3] w = {1,1,1,1,1,1,1,1,1,1,1,1}> { a = Conv(x, w) b = Relu(a) y = Conv(b, w) }""")

EIGHT = parsed("""g (float[1,3,32,32] x) => (float[1,3,16,16] y)
<float s = {0.1}, int8 z = {0}> { q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z)
m = MaxPool<kernel_shape = [2,2], strides = [2,2]>(d)
r = QuantizeLinear(m, s, z) y = DequantizeLinear(r, s, z) }""")
DEEP = parsed("""g (float[1,2,16,16] x) => (float[1,2,1,1] y)
{ a = Softmax<axis = 2>(x) b = Softmax<axis = 2>(a) c = Add(a, b) d = Softmax<axis = 2>(c)
y = GlobalAveragePool(d) }""")


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        (small(), PLAIN, ["at ", "which it reads", "which it makes"]),
        (small(), STREAMED, ["at pool", "hold x, which it reads"]),
        slow(small(), replace(STREAMED, image="streamed"), ["at "]),
        (CELL, replace(PLAIN, state=("h_out:h_in",)), ["hold h_in, which", "hold x, which waits"]),
        slow(ENDLESS, replace(STREAMED, image="endless"), ["are earlier rows for Conv_2"]),
        (
            ROOT / "examples" / "resnet8_cifar10_int8.onnx", PLAIN,
            ["at stage1.conv2", "are working memory of stage1.conv2", "waits for stage1.add"],
        ),
    ],
)  # fmt: skip
def test_the_sentences(model: ModelProto | Path, options: Options, says: list[str]) -> None:
    """What is said adds up to the peak, and uses nobody's private words."""
    side = after(profile(model, options=options))
    words = peak_words(side)
    for said in says:
        assert said in words, words
    head, listed = words.removesuffix(".").split(" bytes. ", 1)
    sizes = [int(part.split()[0].replace(",", "")) for part in listed.split("; ")]
    assert f": {sum(sizes):,}" in head
    assert sum(sizes) == side.live.max()
    assert not re.search(r"\.(scratch|copy\d|old|before)\b", words), words


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        (small(), PLAIN, "Leave out --schedule layerwise: "),
        (small(), STREAMED, "Try --image streamed: "),
        slow(small(), replace(STREAMED, keep_input=True), "Try --image streamed without --keep-"),
        (DEEP, replace(STREAMED, keep_input=True), "Leave out --keep-input: "),
        (DEEP, STREAMED, "The arena is as small as "),
        (EIGHT, STREAMED, "Try --io-type 8bit: "),
        (EIGHT, replace(STREAMED, io_type="8bit"), "Try --image streamed: "),
        slow(ENDLESS, Options(image="endless"), "Nothing that fit knows of needs less."),
        (CELL, replace(PLAIN, schedule="stream", state=("h_out:h_in",)), "The arena is as small "),
    ],
)  # fmt: skip
def test_what_is_advised_saves_memory(model: ModelProto, options: Options, says: str) -> None:
    """Planned with what is advised, it needs less."""
    plan = profile(model, options=options)
    told = advice(plan)
    assert told.words.startswith(says)
    if told.change:
        better = profile(model, options=replace(options, **told.change))
        assert better.arena_bytes < plan.arena_bytes
