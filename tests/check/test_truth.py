"""What a program may be off by: 1e-5 from float64, or twice what onnxruntime is off by itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import lowtide
from lowtide.backends import emit
from lowtide.check.difference import check_near, compare
from lowtide.check.expected import Expected, Kind, allowed, errors, summary
from lowtide.check.judge import judge_program
from lowtide.check.numbers import Reference, Sample, random_inputs
from lowtide.check.reference_file import pack_references, unpack_references
from lowtide.check.truth import expect
from lowtide.errors import CheckError, UnreadableModel
from lowtide.files import write_folder
from programs import plan_model
from test_exact import network, quantised

SHARED = Path(__file__).parents[3] / "shared"


def quiet(level: float, **of: int) -> onnx.ModelProto:
    """x [1, 1000] -> Sigmoid(x + level): scores of 1e-3, which onnxruntime has to 1e-7."""
    nodes = [
        helper.make_node("Add", ["x", "level"], ["a"], name="level"),
        helper.make_node("Sigmoid", ["a"], ["y"], name="score"),
    ]
    return network(nodes, {"level": np.full(1000, level, np.float32)}, [1, 1000], **of)


def sample(kind: Kind, *gaps: float) -> Sample:
    """Two outputs, the largest values 2 and 0.01."""
    outputs = (np.array([1.0, -2.0]), np.array([0.01, 0.0]))
    return Sample("given", {}, Expected(outputs, kind, gaps=gaps))


def off(one: Sample, first: float, second: float) -> bool:
    """Whether outputs that are off by so much, each, pass."""
    results = [one.outputs[0] + first, one.outputs[1] + second]
    return compare({"given": results}, [one]).passes


def test_twice_onnxruntimes_own_error_is_allowed_and_no_more() -> None:
    """Each output by its own largest value and onnxruntime's own error there."""
    one = sample("float64", 2e-6, 4e-7)  # 1e-6 and 4e-5 of the largest values
    assert errors([one.expected], [2.0, 0.01]) == pytest.approx([1e-6, 4e-5])
    assert allowed([one.expected], [2.0, 0.01]) == pytest.approx([1e-5, 8e-5])
    assert off(one, 1.9e-5, 7.9e-7)
    assert not off(one, 2.1e-5, 0)
    assert not off(one, 0, 3 * 4e-7)
    assert off(sample("float32"), 1.9e-5, 0.9e-7)
    assert not off(sample("float32"), 0, 7.9e-7)


def test_what_float64_is_believed_about_is_bounded() -> None:
    """Where onnxruntime is off by a tenth, a program may be off by 2e-3."""
    assert allowed([sample("float64", 0.2, 0.0).expected], [2.0, 0.01]) == [2e-3, 1e-5]


def test_integers_are_right_within_a_quantum() -> None:
    one = sample("quantised", 0.5, 0.0)
    assert off(one, 0.5, 0)
    assert not off(one, 1.0, 0)
    assert not off(one, 0, 1e-3)


def test_infinities_and_nan_are_where_they_are() -> None:
    """In place and sign; 9e38 is infinite in float32."""
    strange = np.array([np.inf, -np.inf, np.nan, 1.0])
    one = Sample("given", {}, Expected((strange,), "float64", gaps=(0.0,)))

    def passes(*values: float) -> bool:
        return compare({"given": [np.array(values, np.float32)]}, [one]).passes

    assert passes(np.inf, -np.inf, np.nan, 1.0)
    assert not passes(-np.inf, -np.inf, np.nan, 1.0)
    assert not passes(np.inf, -np.inf, 1.0, 1.0)
    assert not passes(np.nan, -np.inf, np.nan, 1.0)
    assert not passes(3e38, -np.inf, np.nan, 1.0)
    found = compare({"given": [np.array([np.nan, -np.inf, np.nan, 1.0])]}, [one])
    with pytest.raises(CheckError, match="the exact value by inf"):
        check_near(found, [one], "it")


@pytest.mark.parametrize("times", [1.5, 3.0])
def test_a_planted_error_is_a_failure(times: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The level of a quiet sigmoid is moved, so that the scores are off by `times` onnxruntime's.

    Its own error is several 1e-5, so that both are above 1e-5: one is right, the other is not.
    """
    model = quiet(-7.0)
    monkeypatch.setattr("lowtide.check.numbers._SCALES", (0.25,))
    own = lowtide.fit(model).checks
    assert own is not None
    runtime = own.against.runtime_error
    assert own.against.kind == "float64"
    assert runtime is not None
    assert runtime > 1e-5 > own.max_rel_diff
    moved = emit(plan_model(quiet(-7.0 + times * runtime)))
    monkeypatch.setattr(
        "lowtide.pipeline.fit.judge_program", lambda files, *rest: judge_program(moved, *rest)
    )
    if times < 2:
        found = lowtide.fit(model).checks
        assert found is not None
        assert found.max_rel_diff == pytest.approx(times * runtime, rel=0.1)
    else:
        with pytest.raises(CheckError, match="differs from the exact value") as caught:
            lowtide.fit(model)
        assert caught.value.exit_code == 5
        assert f"onnxruntime by {runtime:.2e}" in str(caught.value)


def test_integers_of_an_earlier_version_have_a_quantum_to_spare() -> None:
    packed = pack_references([replace(sample("quantised", 0.5, 0.0), inputs={})], "abc")
    (one,), _ = unpack_references(packed, "reference.npz")
    assert one.expected.quanta == (0.5, 0.0)
    assert off(one, 0.5, 0)
    assert not off(one, 0.6, 0)


def test_references_are_kept_with_what_made_them() -> None:
    kinds: tuple[Kind, ...] = ("float64", "quantised")
    samples = [replace(sample(kind, 1e-7, 0.0), inputs={"x": np.ones(3)}) for kind in kinds]
    samples[1] = replace(samples[1], expected=replace(samples[1].expected, quanta=(0.5, 0.0)))
    samples.append(sample("float32"))
    back, sha256 = unpack_references(pack_references(samples, "abc"), "reference.npz")
    assert sha256 == "abc"
    for one, other in zip(samples, back, strict=True):
        assert replace(one.expected, outputs=()) == replace(other.expected, outputs=())
        assert [y.tolist() for y in one.outputs] == [y.tolist() for y in other.outputs]


@pytest.mark.parametrize("gaps", [(np.inf, 0.0), (np.nan, 0.0), (-1.0, 0.0), (0.0,)])
def test_damaged_gaps_allow_nothing(gaps: tuple[float, ...]) -> None:
    with pytest.raises(UnreadableModel, match="not the references"):
        unpack_references(pack_references([sample("float64", *gaps)], "abc"), "reference.npz")


def test_a_folder_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Its reference was onnxruntime; 1e-5 from it is allowed, as it was."""
    fitted = lowtide.fit(quantised(False))
    write_folder(tmp_path / "out", fitted.files)
    path = tmp_path / "out/checks/reference.npz"
    held = dict(np.load(path))
    np.savez(path, **{k: v for k, v in held.items() if "made_by" not in k and "gaps" not in k})
    facts = lowtide.verify(tmp_path / "out").facts()
    assert facts["reference"]["kind"] == "float32"
    assert facts["error_from_exact"] is None
    assert facts["max_rel_diff"] < 1e-5


def test_verify_with_the_model_believes_no_gap_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """References that allow more than onnxruntime's error are computed anew."""
    model = tmp_path / "quiet.onnx"
    onnx.save(quiet(-7.0), model)
    monkeypatch.setattr("lowtide.check.numbers._SCALES", (0.25,))
    fitted = lowtide.fit(model)
    assert fitted.checks is not None
    moved = {**fitted.files, **emit(plan_model(quiet(-7.0 + 1e-3)))}
    write_folder(tmp_path / "out", moved)
    samples, sha256 = unpack_references(moved["checks/reference.npz"], "")
    loose = [replace(one, expected=replace(one.expected, gaps=(1.0,))) for one in samples]
    (tmp_path / "out/checks/reference.npz").write_bytes(pack_references(loose, sha256))
    assert lowtide.verify(tmp_path / "out").facts()["error_from_exact"] > 5e-4
    with pytest.raises(CheckError, match="differs from the exact value"):
        lowtide.verify(tmp_path / "out", model)


def test_both_errors_are_printed_and_in_json(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(quantised(False), path)
    fit = [sys.executable, "-m", "lowtide", "fit", path, "-o", tmp_path / "out"]
    text = subprocess.run(fit, capture_output=True, text=True, check=True).stdout
    assert " from exact; onnxruntime " in text
    for command in (fit, [*fit[:3], "verify", tmp_path / "out"]):
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
        facts = json.loads(done.stdout)
        assert facts["error_from_exact"] == facts["max_rel_diff"] < 1e-5
        assert 0 <= facts["onnxruntime_error"] < 1e-5
        assert facts["reference"] == {
            "kind": "float64", "name": "onnx", "version": onnx.__version__,
            "made_by": f"onnx {onnx.__version__}", "note": "",
        }  # fmt: skip


def test_a_reason_for_no_float64_is_said() -> None:
    checks = lowtide.fit(quantised(True)).checks
    assert checks is not None
    assert checks.facts()["error_from_exact"] is None
    assert "values compared with onnxruntime" in checks.shown
    assert "its activations are quantised; 'y' may be one step off" in checks.shown
    assert checks.against.rule == "one step"
    assert summary([sample("float32").expected], [2.0, 0.01]).rule == "1e-05 of the largest value"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not SHARED.exists():
        pytest.skip("../shared is absent")
    folder = tmp_path_factory.mktemp("cases")
    names = ("quiet_sigmoid", "int4_block", "qdq_weights_only", "log_of_relu")
    build = [sys.executable, SHARED / "cases/build.py", folder, *names]
    subprocess.run(build, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", ["quiet_sigmoid", "int4_block", "qdq_weights_only", "log_of_relu"])
def test_cases_are_right_by_float64(cases: Path, name: str) -> None:
    checks = lowtide.fit(cases / f"{name}.onnx").checks
    assert checks is not None
    assert checks.against.kind == "float64"
    assert checks.max_rel_diff < 1e-5


NETWORKS = ("mnist_cntk", "resnet20_cifar10", "resnet20_cifar10_bn")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[] if path.stem in NETWORKS else pytest.mark.slow)
        for path in sorted((SHARED / "models/onnx").glob("*.onnx"))
    ],
)
def test_trained_networks_do_not_fall_back(path: Path) -> None:
    """On noise, where onnxruntime has a detector's scores of 1e-5 to 1 % only."""
    runtime = Reference(path, path.name).session
    shapes = {i.name: (tuple(d if isinstance(d, int) else 1 for d in i.shape), "float32")
              for i in runtime.get_inputs()}  # fmt: skip
    (made,) = expect(path, path.name, {"noise": random_inputs(shapes)})
    assert (made.expected.kind, made.expected.note) == ("float64", "")


@pytest.mark.slow
def test_a_detector_that_sees_nothing_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """YuNet on unit noise: its scores are 1e-5, and onnxruntime is 0.8 % off."""
    path = SHARED / "models/onnx/yunet_n_320.onnx"
    if not path.exists():
        pytest.skip("../shared is absent")
    monkeypatch.setattr("lowtide.check.numbers._SCALES", (1.0,))
    monkeypatch.setattr("lowtide.check.in_child.LARGE", 1 << 40)  # or another process draws
    checks = lowtide.fit(path).checks
    assert checks is not None
    assert checks.against.runtime_error is not None
    assert checks.against.runtime_error > 1e-3
    assert checks.max_rel_diff < 1e-5


def test_net_h_names_the_rule_and_the_error(tmp_path: Path) -> None:
    """Where exact values are no measure; else net.h is the same on every machine."""
    fitted = lowtide.fit(quantised(True))
    facts, header = fitted.facts(), fitted.files["net.h"].decode()
    (line,) = re.findall(r"^   error  (.*(?:\n {10}.*)*)", header, re.MULTILINE)
    said = " ".join(line.split())
    error = f"{facts['max_abs_diff']:.3g} at most, {facts['compared_values']} values"
    assert said.startswith(error)
    assert facts["quanta"] == [0.25]
    assert said.endswith("allowed: one step")
    exact = lowtide.fit(quantised(False))
    assert exact.facts()["quanta"] is None
    assert "   error  " not in exact.files["net.h"].decode()
