"""fit --target tflite: plans that TensorFlow Lite Micro takes from the file.

judged by       the unmodified interpreter: bytes of its head, outputs to the bit
and by          check/tflm_placement.py, which shares no code with what makes plans
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

import tflite_graphs_more
import tflite_operators_more
from commands import Command
from lowtide.backends.tflite.outline import Outline, outline
from lowtide.backends.tflite.plan import HeadPlan, plan_head
from lowtide.backends.tflite.reach import forbidden
from lowtide.backends.tflite.rewrite import ONLINE, plan_in, with_plan, without_plan
from lowtide.check.drawn import Drawn, draw_sets
from lowtide.check.tflm import Ran, interpret
from lowtide.check.tflm_placement import Looked, look_at_plan
from lowtide.check.tflm_scratch import measure_scratch
from lowtide.errors import ModelError
from tflite_file import TfliteFile, schema
from tflite_graphs import grown
from tflite_mutations import mutated
from tflite_operators import FLOATS_ONLY, ONE, Random

assert tflite_operators_more, tflite_graphs_more
ROOT = Path(__file__).parents[2]
RESNET8 = ROOT / "examples" / "resnet8_cifar10_int8.tflite"
pytest.importorskip("tflite_micro")


def planned(
    content: bytes, overlap: bool, order: str = "least", scratch: Mapping[int, int] | None = None
) -> tuple[HeadPlan, bytes]:
    file = outline(content)
    plan = plan_head(file, order=order, overlap=overlap, how="greedy", scratch=scratch or {})
    return plan, with_plan(content, plan.offsets, plan.order)


def ran(content: bytes, offsets: list[int] | None = None, count: int = 2) -> Ran:
    """What the interpreter makes of random inputs, with a plan or with none."""
    file = outline(content)
    wanted = {str(k): Drawn(file.tensors[k].shape, file.tensors[k].type) for k in file.inputs}
    sets = [[*one.values()] for one in draw_sets(wanted).values()][:count]
    made = content if offsets is None else with_plan(content, offsets, range(len(file.nodes)))
    return interpret(made, sets)


def bare(content: bytes) -> Ran:
    return ran(content, [ONLINE] * len(outline(content).tensors))


@pytest.mark.parametrize(("overlap", "most"), [("none", 49_152), ("pixel", 33_840)])
def test_one_command_writes_the_file_with_a_plan(
    overlap: str, most: int, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("fit", RESNET8, "--target", "tflite", "-o", out, "--overlap", overlap)
    said = command(*words, "--json", "--name", "cat")
    assert said.code == 0, said
    facts = json.loads(said.out)
    assert facts["head_bytes"] == facts["planned_bytes"] == most < facts["head_bytes_no_plan"]
    assert facts["kernels"] == ("any" if overlap == "none" else "reference")
    assert (facts["outputs"], facts["samples"]) == ("equal", 6)
    assert RESNET8.read_bytes() in (out / "cat.tflite").read_bytes()


def test_without_a_word_a_plan_is_right_for_any_kernels(command: Command, tmp_path: Path) -> None:
    said = command("fit", RESNET8, "--target", "tflite", "-o", tmp_path / "out")
    assert "right for      any kernels; where only its reference kernels run: --overlap" in said.out
    made = tmp_path / "out" / "net.tflite"
    assert not look_at_plan(*_held(made)).overlaps
    verified = command("verify", tmp_path / "out", "--model", RESNET8)
    assert f"of {RESNET8}" in verified.out, verified
    again = command("fit", made, "--target", "tflite", "-o", tmp_path / "two", "--overlap", "pixel")
    assert "49152 with the plan that it had" in again.out


def test_what_saves_nothing_says_so(command: Command, tmp_path: Path) -> None:
    """One operator lies beside its input, whoever plans; what may do better is named."""
    net = tmp_path / "net.tflite"
    net.write_bytes(ONE["CONV_2D"](Random(3, "int8")))
    said = command("fit", net, "--target", "tflite", "-o", tmp_path / "out", "--place", "greedy")
    line = next(line for line in said.out.splitlines() if "saved " in line)
    assert "nothing: TensorFlow Lite Micro's own planner needs no more" in line
    assert "without --place greedy" in line
    assert "--target c99" in line


def test_a_plan_that_was_changed_fails(command: Command, tmp_path: Path) -> None:
    assert not command("fit", RESNET8, "--target", "tflite", "-o", tmp_path / "out").code
    made = tmp_path / "out" / "net.tflite"
    content = made.read_bytes()
    offsets = [at and at // 2 // 16 * 16 if at > 0 else at for at in plan_in(content) or ()]
    made.write_bytes(with_plan(content, offsets, range(len(outline(content).nodes))))
    said = command("verify", tmp_path / "out")
    assert (said.code, "not sound" in said.last, "changed" in said.last) == (5, True, True), said


def _held(path: Path) -> tuple[Outline, tuple[int, ...] | None]:
    return outline(path.read_bytes()), plan_in(path.read_bytes())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cpu", "cortex-m4"), "--cpu means nothing with --target tflite"),
        (("--budget", "9KiB"), "--budget means nothing"),
        (("--overlap", "row"), "none (right for any kernels) or pixel"),
    ],
)
def test_what_means_nothing_is_refused(
    words: tuple[str, ...], says: str, command: Command, tmp_path: Path
) -> None:
    said = command("fit", RESNET8, "--target", "tflite", "-o", tmp_path / "out", *words)
    assert (said.code, says in said.last) == (2, True), said
    assert not (tmp_path / "out").exists()


def test_an_onnx_file_is_refused(command: Command, tmp_path: Path) -> None:
    onnx = RESNET8.with_name("resnet8_cifar10.onnx")
    said = command("fit", onnx, "--target", "tflite", "-o", tmp_path / "out")
    assert said.code == 2
    assert "takes .tflite files" in said.last


def test_files_that_are_none_are_named(command: Command, tmp_path: Path) -> None:
    short = tmp_path / "short.tflite"
    short.write_bytes(RESNET8.read_bytes()[:5000])
    for file in (short, tmp_path / "none.tflite"):
        said = command("fit", file, "--target", "tflite", "-o", tmp_path / "out")
        assert said.code == 4, said
        assert str(file) in said.last
        assert "onnx" not in said.last


def test_without_the_interpreter_the_way_out_is_said(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lowtide.check import tflm

    monkeypatch.setattr(tflm, "installed", lambda _: None)
    said = command("fit", RESNET8, "--target", "tflite", "-o", tmp_path / "out")
    assert (said.code, "pip install '.[tflite]'" in said.last) == (2, True), said


def test_what_is_wrong_is_not_written(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tensors at one place: the checker says so; where it sleeps, the outputs do."""
    from lowtide.check import tflm_judge
    from lowtide.pipeline import fit_tflite

    def spoiled(file: Outline, **given: object) -> HeadPlan:
        made = plan_head(file, order="given", overlap=False, how="greedy", scratch={})
        return replace(made, offsets=tuple(min(at, 0) for at in made.offsets))

    monkeypatch.setattr(fit_tflite, "plan_head", spoiled)
    words = ("fit", RESNET8, "--target", "tflite", "-o", tmp_path / "out")
    said = command(*words)
    assert (said.code, "the plan is not sound" in said.last) == (5, True), said
    monkeypatch.setattr(tflm_judge, "look_at_plan", lambda *_: Looked((), 0, 0))
    said = command(*words)
    assert (said.code, "outputs differ" in said.last) == (5, True), said
    assert not (tmp_path / "out").exists()


def test_all_else_of_a_file_survives() -> None:
    """Read and compared table by table; an old plan is replaced."""
    known = schema()
    content = RESNET8.read_bytes()
    model = known.ModelT.InitFromObj(known.Model.GetRootAs(content, 0))
    note, signature = known.MetadataT(), known.SignatureDefT()
    note.name, note.buffer, signature.signatureKey = b"note", 1, b"serve"
    model.metadata, model.signatureDefs, model.description = [note], [signature], b"a network"
    content = packed(model)
    for _ in range(2):
        plan, content = planned(content, overlap=True)
        read = known.ModelT.InitFromObj(known.Model.GetRootAs(content, 0))
        names = [one.name for one in read.metadata]
        assert names == [b"note", b"OfflineMemoryAllocation"]
        assert plan_in(content) == plan.offsets
        read.metadata = model.metadata
        read.buffers = read.buffers[: len(model.buffers)]
        assert _plain(read) == _plain(model)


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _plain(held: object) -> object:
    """Tables as dictionaries, all the way down."""
    if isinstance(held, list | tuple):
        return [_plain(one) for one in held]
    if isinstance(held, np.ndarray):
        return held.tolist()
    if hasattr(held, "__dict__"):
        return {name: _plain(value) for name, value in vars(held).items()}
    return held


def wide_and_narrow() -> bytes:
    """a and b are read from x; given order keeps both large ones at a time."""
    file = TfliteFile()
    x = file.tensor((1, 4, 4, 64), "float32")
    made = []
    for count in (512, 512):
        w = file.constant(np.ones((count, 1, 1, 64)) / 64, "float32")
        made.append(file.tensor((1, 4, 4, count), "float32"))
        file.operator("CONV_2D", [x, w, -1], [made[-1]], "Conv2DOptions", strideH=1, strideW=1,
                      dilationHFactor=1, dilationWFactor=1)  # fmt: skip
    ends = []
    for one in made:
        w = file.constant(np.ones((8, 1, 1, 512)) / 64, "float32")
        ends.append(file.tensor((1, 4, 4, 8), "float32"))
        file.operator("CONV_2D", [one, w, -1], [ends[-1]], "Conv2DOptions", strideH=1, strideW=1,
                      dilationHFactor=1, dilationWFactor=1)  # fmt: skip
    y = file.tensor((1, 4, 4, 8), "float32")
    file.operator("ADD", ends, [y], "AddOptions")
    return file.bytes([x], [y])


def test_operators_change_places_where_that_helps() -> None:
    content = wide_and_narrow()
    plan, made = planned(content, overlap=False)
    given, _ = planned(content, overlap=False, order="given")
    assert plan.order == (0, 2, 1, 3, 4)
    assert plan.head_bytes < 0.6 * given.head_bytes
    after = ran(made)
    assert after.equals(bare(content))
    assert after.head_bytes == plan.head_bytes


class Sixteen(Random):
    """int16 activations, int8 weights."""

    def zero(self) -> int:
        return 0

    def drawn(self, shape: tuple[int, ...], ends: Any, axis: int = 0) -> int:
        held = self.rng.integers(-127, 128, shape)
        return self.file.constant(held, "int8", (ends[0], [0] * len(ends[1])), axis)


def _faults_and_runs(kind: str, type_: str, seeds: range) -> Counter[str]:
    """One operator's output over each of its inputs: at every limit and an element beyond."""
    found: Counter[str] = Counter()
    for seed in seeds:
        content = ONE[kind]((Sixteen if type_ == "int16" else Random)(seed, type_))
        file = outline(content)
        (node,) = file.nodes
        expected = bare(content)
        for x in {*node.inputs} & {*file.inputs}:
            held, made = file.tensors[x], file.tensors[node.outputs[0]]
            limits = forbidden(file, node, x)
            for behind in {
                0,
                *(end + d for pair in limits for end in pair for d in _near(held.unit)),
            }:
                if behind % held.unit or not -made.bytes < behind < held.bytes:
                    continue
                offsets = _laid(file, x, node.outputs[0], behind)
                right = ran(content, offsets).equals(expected)
                allowed = not any(low < behind < high for low, high in limits)
                seen = any("over" in one for one in _looked(file, offsets).faults)
                found[f"allowed {allowed}, seen {seen}, right {right}"] += 1
    return found


def _near(unit: int) -> tuple[int, ...]:
    return (-unit, 0, unit)


def _looked(file: Outline, offsets: list[int]) -> Looked:
    """The checker, but for the alignment of what is laid an element further."""
    from lowtide.check import tflm_placement

    held, tflm_placement.ALIGN = tflm_placement.ALIGN, 1
    try:
        return look_at_plan(file, tuple(offsets))
    finally:
        tflm_placement.ALIGN = held


def _laid(file: Outline, x: int, y: int, behind: int) -> list[int]:
    """The input in the middle, its output so many bytes behind, the others far off."""
    at = -(-file.tensors[y].bytes // 16) * 16 + 16
    far = at + 2 * (file.tensors[x].bytes + file.tensors[y].bytes) + 64
    offsets = [ONLINE] * len(file.tensors)
    for k in file.planned:
        offsets[k], far = far // 16 * 16, far + file.tensors[k].bytes + 16
    offsets[x], offsets[y] = at, at + behind
    return offsets


RIGHT = "allowed True, seen False, right True"
OVER = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "FULLY_CONNECTED", "ADD",
        "MUL", "SUB", "PAD", "PADV2", "RELU", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU",
        "QUANTIZE", "RESHAPE")  # fmt: skip


SIXTEEN = ("CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "FULLY_CONNECTED", "ADD", "MUL", "PAD",
           "RELU", "QUANTIZE")  # fmt: skip
TYPED = [
    (kind, t) for kind in OVER for t in ("int8", "float32") if (kind, t[0]) != ("QUANTIZE", "f")
]


@pytest.mark.parametrize(("kind", "type_"), [*TYPED, *((kind, "int16") for kind in SIXTEEN)])
def test_an_output_lies_over_its_input_as_far_as_the_kernel_allows(kind: str, type_: str) -> None:
    found = _faults_and_runs(kind, type_, range(8))
    assert {what for what in found if what.startswith("allowed True")} == {RIGHT}, found
    assert found[RIGHT] > 5
    assert not found["allowed False, seen False, right False"], found
    if kind != "RESHAPE":
        assert found["allowed False, seen True, right False"] > 0, found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ONE)
def test_of_every_operator_what_is_allowed_is_right(kind: str) -> None:
    for type_ in ("int8", "float32"):
        if type_ == "int8" and kind in FLOATS_ONLY:
            continue
        for seed in range(40):
            try:
                found = _faults_and_runs(kind, type_, range(seed, seed + 1))
            except (RuntimeError, ValueError):  # several operators, or none that it runs
                continue
            allowed = [what for what in found if what.startswith("allowed True")]
            assert set(allowed) <= {RIGHT}, (kind, type_, seed, found)


def _sweep(seeds: range) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        content, _ = grown(seed)
        try:
            expected = bare(content)
        except RuntimeError:
            found["not run"] += 1
            continue
        for overlap in (False, True):
            plan, made = planned(content, overlap)
            looked = look_at_plan(outline(made), plan_in(made))
            assert not looked.faults, (seed, looked.faults)
            after = ran(made)
            assert after.equals(expected), (seed, overlap)
            if after.head_bytes > plan.head_bytes:
                plan, made = planned(content, overlap, scratch=measure_scratch(content))
                after = ran(made)
                assert after.head_bytes == plan.head_bytes, (seed, overlap)
                found["scratch"] += 1
            found["overlaps"] += looked.overlaps
            found["less"] += after.head_bytes < expected.head_bytes
            assert after.head_bytes <= expected.head_bytes, (seed, overlap)
    return found


def test_random_networks_give_the_same_outputs() -> None:
    found = _sweep(range(60))
    assert found["overlaps"] > 50, found
    assert found["less"] > 20, found
    assert found["scratch"] > 3, found


@pytest.mark.slow
def test_many_of_them() -> None:
    _sweep(range(60, 600))


def test_the_checker_sees_what_is_moved() -> None:
    """Each tensor of a sound plan, moved over its neighbours: all that changes outputs is seen."""
    content = RESNET8.read_bytes()
    plan, made = planned(content, overlap=True)
    file = outline(made)
    expected, caught = bare(content), 0
    for k in file.planned[::3]:
        offsets = list(plan.offsets)
        offsets[k] = max(0, offsets[k] - 2048)
        faults = look_at_plan(file, tuple(offsets)).faults
        caught += bool(faults)
        assert faults or ran(content, offsets).equals(expected)
    assert caught > 3
    assert look_at_plan(file, plan.offsets[:-1]).faults
    assert look_at_plan(file, (8, *plan.offsets[1:])).faults


def with_state(memory: int = 4) -> bytes:
    """A SVDF, whose state is kept from run to run, and a pair of RELUs."""
    file = TfliteFile()
    rng = np.random.default_rng(0)
    x, made = file.tensor((1, 8), "float32"), file.tensor((1, 4), "float32")
    w = [file.constant(rng.normal(size=(4, n)), "float32") for n in (8, memory)]
    bias = file.constant(rng.normal(size=4), "float32")
    state = file.tensor((1, 4 * memory), "float32")
    file.tensors[state].isVariable = True
    file.operator("SVDF", [x, *w, bias, state], [made], "SVDFOptions", rank=1,
                  fusedActivationFunction=1)  # fmt: skip
    ends = [file.tensor((1, 4), "float32") for _ in range(2)]
    for end in ends:
        file.operator("RELU", [made], [end])
    return file.bytes([x], ends)


def test_state_is_left_to_the_interpreter() -> None:
    content = with_state()
    file = outline(content)
    assert not file.any_order
    plan, made = planned(content, overlap=True)
    assert [plan.offsets[k] for k, t in enumerate(file.tensors) if t.variable] == [ONLINE]
    runs = ran(made, count=4)
    assert runs.equals(ran(content, [ONLINE] * len(file.tensors), count=4))
    assert not look_at_plan(outline(made), plan_in(made)).faults


def branches() -> bytes:
    """x + x or x * x, by an IF of two subgraphs; RELUs around it."""
    file, parts = TfliteFile(), []
    shape = (1, 6, 6, 4)
    truth = file.tensor((1,), "bool")
    x, a, b, y = (file.tensor(shape, "float32") for _ in range(4))
    file.operator("RELU", [x], [a])
    file.operator("IF", [truth, a], [b], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    file.operator("RELU", [b], [y])
    for kind in ("ADD", "MUL"):
        part = TfliteFile()
        inside = [part.tensor(shape, "float32") for _ in range(3)]
        part.operator(kind, [inside[0]] * 2, [inside[1]], f"{kind.capitalize()}Options")
        part.operator("RELU", [inside[1]], [inside[2]])
        for one in part.operators:
            one.opcodeIndex += len(file.codes)
        file.codes += part.codes
        graph = file.known.SubGraphT()
        graph.tensors, graph.operators = part.tensors, part.operators
        graph.inputs, graph.outputs = [inside[0]], [inside[2]]
        parts.append(graph)
    held = file.known.ModelT.InitFromObj(file.known.Model.GetRootAs(file.bytes([truth, x], [y]), 0))
    held.subgraphs += parts
    return packed(held)


def test_tensors_of_other_subgraphs_are_left_to_the_interpreter() -> None:
    content = branches()
    file = outline(content)
    assert (file.more, file.any_order) == (6, False)
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 4)).astype(np.float32)
    sets = [[np.array([truth]), x] for truth in (True, False)]
    expected = interpret(without_plan(content), sets)
    assert not expected.equals(interpret(without_plan(content), sets[::-1]))
    for overlap in (False, True):
        plan, made = planned(content, overlap)
        assert plan.offsets[len(file.tensors) :] == (ONLINE,) * 6
        assert interpret(made, sets).equals(expected)


def test_damage_is_refused_or_planned_soundly() -> None:
    planned_at_all = 0
    for seed in range(140, 260):
        with suppress(ModelError):
            content = mutated(seed)
            if sum(held.bytes for held in outline(content).tensors) < 1 << 24:
                _, made = planned(content, overlap=True)
                assert not look_at_plan(outline(made), plan_in(made)).faults, seed
                planned_at_all += 1
    assert planned_at_all > 30
