"""What a network is expected to compute: by float64, unless there is a reason that is said.

                  evaluated in float64; onnxruntime, not optimised, beside it
a .tflite file                         ->  its own runtime (tflite_truth.py)
activations in 8 bits                  ->  onnxruntime's fused integers, equal
an operator that cannot be evaluated   ->  onnxruntime, not optimised
the two part, and not by rounding      ->  onnxruntime, not optimised
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnx.inliner

from lowtide.check.as_used import as_used, floats_apart
from lowtide.check.difference import distance, scales
from lowtide.check.drawn import DRAWN, IN_A_ROW, Drawn, draw_sets
from lowtide.check.ends import FILES_OWN, Ends, Sets
from lowtide.check.exact.blocks import largest_of
from lowtide.check.exact.evaluate import NotEvaluated, evaluate
from lowtide.check.exact.quanta import quanta, spans_of
from lowtide.check.expected import SUSPECT, Expected, share
from lowtide.check.fed import Carry, Fed
from lowtide.check.floats import floats_as_run, said
from lowtide.check.numbers import Reference, Sample, lively_inputs
from lowtide.check.overflow import overflow
from lowtide.check.parting import parting
from lowtide.check.tflite_truth import drawn_for_tflite, expect_tflite, reals_of_tflite
from lowtide.errors import UnreadableModel
from lowtide.frontends.onnx.tensors import MOST_ELEMENTS, settle_tensors
from lowtide.frontends.tflite.load import is_tflite
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array, Shape
from lowtide.room import Room


def make_samples(
    model: onnx.ModelProto | Path, name: str, shapes: Mapping[str, Shape], given: Sets,
    ends: Ends = FILES_OWN,
) -> list[Sample]:  # fmt: skip
    """Seeded random samples and the given ones, each with what the network makes of it.

    `shapes` are those of the inputs. There is one random sample, or several of a network that takes
    whole numbers or makes them of its inputs at once. Raises UnreadableModel where the runtime
    cannot run it.
    """
    count = IN_A_ROW if ends.states else DRAWN
    if isinstance(model, Path) and is_tflite(model):
        return expect(model, name, {**drawn_for_tflite(model, count), **given}, ends)
    model = as_used(model)
    plain = _session(model, name)
    kinds = plain.types
    spans = {x: held for x, held in spans_of(_opened(model)).items() if kinds.get(x) == F32.name}
    if not spans and set(kinds.values()) <= {F32.name} and not ends.states:
        floats = {name: (shape, F32.name) for name, shape in shapes.items()}
        return _expect(model, name, [lively_inputs(plain.run, floats), *_run(plain, given, {})])
    wanted = {x: Drawn(shape, kinds[x], spans.get(x)) for x, shape in shapes.items()}
    return expect(model, name, {**draw_sets(wanted, count), **given}, ends)


def expect(
    model: onnx.ModelProto | Path, name: str, given: Sets, ends: Ends = FILES_OWN
) -> list[Sample]:
    """Sets of inputs by name, each with what the network makes of it; raises UnreadableModel."""
    numbers = ends.of_program(given)
    if isinstance(model, Path) and is_tflite(model):
        sets = ends.of_file(numbers, reals_of_tflite(model))
        made = expect_tflite(model, sets, ends.carry)
    else:
        model = as_used(model)
        plain = _session(model, name)
        real = [x for x, kind in plain.types.items() if kind == F32.name]
        samples = _run(plain, ends.of_file(numbers, real), ends.carry)
        made = _expect(model, name, samples, ends.carry)
    return [ends.as_program(sample, numbers[sample.name]) for sample in made]


def _opened(model: onnx.ModelProto | Path) -> onnx.ModelProto:
    return onnx.load(model, load_external_data=False) if isinstance(model, Path) else model


def _run(
    runtime: Reference, given: Mapping[str, Mapping[str, Array]], carry: Carry
) -> list[Sample]:
    fed, found = Fed(carry), list[Sample]()
    for name, inputs in given.items():
        made = runtime.run(fed.inputs(inputs))
        fed.made(made.outputs)
        found.append(Sample(name, inputs, made))
    return found


def _session(model: onnx.ModelProto | Path, name: str) -> Reference:
    """onnxruntime on the network as it is written, or optimised if it runs in no other way."""
    held = model if isinstance(model, Path) else model.SerializeToString()
    try:
        return Reference(held, name, optimised=False)
    except UnreadableModel:
        return Reference(held, name)


def _expect(
    model: onnx.ModelProto | Path, name: str, samples: Sequence[Sample], carry: Carry | None = None
) -> list[Sample]:
    """Samples with onnxruntime's outputs, not optimised -> with what is expected."""
    try:
        proto = read_whole(model)
        steps = quanta(proto)
        if steps is not None:
            return _fused(model, proto, name, samples, steps, carry or {})
        return _exact(proto, name, samples, carry or {})
    except NotEvaluated as error:
        return _noted(samples, f"not evaluated in float64: {error}")


def read_whole(model: onnx.ModelProto | Path) -> onnx.ModelProto:
    """The network with its constants in it and without functions of its own."""
    if isinstance(model, Path):
        proto = _opened(model)
        settle_tensors(proto, model.parent, Room(MOST_ELEMENTS))
        model = proto
    if not model.functions:
        return model
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # of C++, none of them documented
        raise NotEvaluated("its functions cannot be written out") from error


def _noted(samples: Sequence[Sample], note: str) -> list[Sample]:
    return [replace(one, expected=replace(one.expected, note=note)) for one in samples]


def _fused(
    model: onnx.ModelProto | Path,
    proto: onnx.ModelProto,
    name: str,
    samples: Sequence[Sample],
    steps: Sequence[float],
    carry: Carry,
) -> list[Sample]:
    """Equal, but for what onnxruntime itself computes in floats: that may be a quantum off."""
    apart, weights = floats_apart(proto)
    held = model if isinstance(model, Path) and not weights else apart.SerializeToString()
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        kept = Path(folder) / "fused.onnx"
        fused = Reference(held, name, kept=kept)
        floats = floats_as_run(kept, proto)
    outputs = [value.name for value in proto.graph.output]
    note = "; ".join(["its activations are quantised", *said(outputs, floats)])
    found, fed = [], Fed(carry)
    for one in samples:
        made = fused.run({**fed.inputs(one.inputs), **weights})
        fed.made(made.outputs)
        gaps = (f.gap(y, step) for f, y, step in zip(floats, made.outputs, steps, strict=True))
        made = replace(made, kind="quantised", gaps=tuple(gaps), quanta=tuple(steps), note=note)
        found.append(replace(one, expected=made))
    return found


def _exact(
    model: onnx.ModelProto, name: str, samples: Sequence[Sample], carry: Carry
) -> list[Sample]:
    """In float64, with onnxruntime's distance; as they are where the two part."""
    found, fed = list[Sample](), Fed(carry)
    for sample in samples:
        one = replace(sample, inputs=fed.inputs(sample.inputs))
        found.append(replace(one, expected=_evaluated(model, one)))
        fed.made(found[-1].outputs)
    largest = scales(found)
    for one in found:
        off = [share(gap, most) for gap, most in zip(one.expected.gaps, largest, strict=True)]
        if max(off, default=0.0) > SUSPECT:
            where = parting(model, one.inputs, name)
            if where is not None:
                return _noted(samples, f"float64 and onnxruntime part at {where}")
    return found


HUGE = 1e30
"""Inputs with which sums may leave float32's range in one order and not in another."""


def _evaluated(model: onnx.ModelProto, sample: Sample) -> Expected:
    made, node = evaluate(model, sample.inputs), ""
    gaps = _gaps(sample.outputs, made)
    if np.inf in gaps or max(map(largest_of, sample.inputs.values()), default=0.0) > HUGE:
        node, made = overflow(model, sample.inputs)
    found = Expected(made, "float64", "onnx", onnx.__version__, gaps)
    if not node:
        return found
    note = f"the network itself overflows float32 at sample '{sample.name}': {node}"
    found = replace(found, note=note, overflows=node)
    return replace(found, gaps=_gaps(found.compared(sample.outputs), made))


def _gaps(outputs: Sequence[Array], made: Sequence[Array]) -> tuple[float, ...]:
    return tuple(distance(ref, y) for ref, y in zip(outputs, made, strict=True))
