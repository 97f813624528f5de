"""`lowtide quantise` and `fit --int8`: a float32 network made 8 bits, and what is said of it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from bench.figures import differences
from PIL import Image

from commands import Command
from lowtide.check.compile import find_compiler
from lowtide.clock import quiet
from lowtide.frontends.onnx.original import original_in
from lowtide.frontends.tflite.load import load as load_tflite
from lowtide.weights.network import Network, take_in
from lowtide.weights.runner import Runner
from lowtide.weights.spread import METHODS, Spread, measure
from test_approximations import network

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")
SCALED = ("--mean", "128", "--std", "64")
RELU = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,4] x) => (float[1,4] y) { y = Relu(x) }"""
CALIBRATED = ("--calibrate", "pictures.npz", *SCALED)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Here are net.onnx and pictures.npz, which it classifies as their labels say."""
    monkeypatch.chdir(tmp_path)
    onnx.save(network(), "net.onnx")
    rng = np.random.default_rng(1)
    tones = rng.integers(0, 256, (40, 3, 1, 1)) + rng.normal(0, 40, (40, 3, 16, 16))
    pictures = np.clip(tones, 0, 255).astype(np.uint8)
    scores = outputs("net.onnx", (pictures.astype(np.float32) - 128) / 64)
    np.savez("pictures.npz", values=pictures, labels=scores.argmax(1))
    return tmp_path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


def outputs(file: str, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": one[None]})[0] for one in images])


def images() -> np.ndarray:
    return (np.load("pictures.npz")["values"].astype(np.float32) - 128) / 64


def test_what_is_said_is_what_onnxruntime_makes_of_the_file(command: Command) -> None:
    said = command("quantise", "net.onnx", "-o", "q.onnx", *CALIBRATED, "--json")
    assert said.code == 0, said.last
    facts = json.loads(said.out)
    onnx.checker.check_model("q.onnx", full_check=True)
    dense, made = outputs("net.onnx", images()), outputs("q.onnx", images())
    apart = np.abs(made - dense).max()
    assert facts["original_max_abs_diff"] == pytest.approx(apart, rel=1e-3)
    assert 0 < facts["original_max_rel_diff"] < 0.05
    assert next(iter(facts)) == "original_max_rel_diff"
    right = (made.argmax(1) == dense.argmax(1)).mean()
    assert (facts["accuracy_dense"], facts["accuracy"]) == (1.0, right)
    assert facts["calibration_pictures"] == facts["test_pictures"] == 40
    assert facts["float_operators"] == []
    assert facts["losses"][facts["method"]] == min(facts["losses"].values())
    assert 3.5 < facts["dense_bytes"] / facts["bytes"] < 4


@needs_compiler
def test_one_command_says_first_how_far_it_is_from_the_original(command: Command) -> None:
    """In the terminal, net.h and --json: the same, with both digests. What it suggests holds."""
    words = ["fit", "net.onnx", "--int8", "-o", "out", *CALIBRATED]
    text, facts = command(*words).out, json.loads(command(*words, "--json").out)
    header, error = Path("out/net.h").read_text(), facts["original_max_rel_diff"]
    assert next(iter(facts)) == "original_max_rel_diff"
    said = f"an approximation: up to {error:.1e} of the largest value from net.onnx on 40 pictures"
    assert text.startswith(said)
    assert header.startswith(f"/* net.h: {said}"[:90])
    for label, file in (("original    ", "net.onnx"), ("at 8 bits   ", "out/int8.onnx")):
        assert f"{label}sha256 {hashlib.sha256(Path(file).read_bytes()).hexdigest()}" in header
    assert "on a random input (noise, unlike any picture: much is normal)" in text
    assert "nearest to the original's on the calibration, " in text
    assert "accuracy       100.00 % ->" in text
    assert "*net_input_image(void)" in header
    assert "uint8" in header
    apart = differences(text, facts, Path("out"))
    assert [one for one in apart if "max_rel_diff" not in one] == []  # whole numbers are equal
    assert facts["unequal"] == 0
    tested = json.loads(command("verify", "out", "--test", "pictures.npz", *SCALED, "--json").out)
    assert tested["accuracy"] == facts["accuracy"]
    over = json.loads(command(*words, "--budget", "700", "--json").out)
    assert over["exit_code"] == 3
    one = over["suggestions"][0]
    given = shlex.split(one["command"])[1:]
    assert {*words} <= {*given}
    assert json.loads(command(*given, "--json").out)["ram_bytes"] <= one["ram_bytes"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("quantise net.onnx -o q.onnx", 2, "give --calibrate PICTURES"),
        ("fit net.onnx --int8 -o q.onnx", 2, "give --calibrate PICTURES"),
        ("quantise net.onnx -o q.onnx --uncalibrated --calibrate pictures.npz", 2, "one of them"),
        ("quantise net.onnx -o net.onnx --uncalibrated", 2, "is the file that is read"),
        ("quantise net.onnx -o pictures.npz --calibrate pictures.npz", 2, "the file that is read"),
        ("quantise net.onnx -o . --uncalibrated", 2, "is a folder"),
        ("quantise net.onnx -o q.onnx --calibrate wide.npy", 2, "[N, 3, 16, 16] is needed"),
        ("quantise net.onnx -o q.onnx --calibrate nan.npy", 4, "holds NaN"),
        ("quantise net.onnx -o q.onnx --calibrate huge.npy", 4, "holds NaN or infinity on the"),
        ("quantise bad.onnx -o q.onnx --uncalibrated", 4, "not an ONNX file"),
        ("quantise relu.onnx -o q.onnx --uncalibrated", 4, "no operator of it can run in 8 bits"),
        ("fit net.onnx --int8 --target onnx --uncalibrated -o q.onnx", 2, "lowtide quantise"),
        ("fit net.onnx --int8 --weights plain --uncalibrated -o q.onnx", 2, "is for --flash"),
        ("fit net.onnx --calibrate pictures.npz -o q.onnx", 2, "are for --int8 and --flash"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    command: Command, folder: Path, words: str, code: int, says: str
) -> None:
    """In one line, and nothing is written."""
    np.save("wide.npy", np.zeros((3, 3, 16, 17), np.uint8))
    np.save("nan.npy", np.full((3, 3, 16, 16), np.nan, np.float32))
    np.save("huge.npy", np.full((3, 3, 16, 16), 3e38, np.float32))
    Path("bad.onnx").write_bytes(b"nothing")
    onnx.save(onnx.parser.parse_model(RELU), "relu.onnx")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    said = command(*words.split())
    assert (said.code, says in said.last) == (code, True), said.last
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_8_bits_are_not_made_twice(command: Command) -> None:
    assert command("quantise", "net.onnx", "-o", "q.onnx", *CALIBRATED).code == 0
    said = command("quantise", "q.onnx", "-o", "twice.onnx", "--uncalibrated")
    assert (said.code, Path("twice.onnx").exists()) == (4, False)
    assert "quantised already" in said.last


def test_ranges() -> None:
    """A value far outside is left there where that costs less than coarser steps do."""
    rng = np.random.default_rng(0)
    values = np.append(rng.normal(0, 1, 100_000), 60.0)
    low, high = float(values.min()), float(values.max())
    far = Spread(low, high, np.histogram(values, 2048, (low, high))[0])
    even = Spread(-1.0, 2.0, np.full(2048, 10.0))
    assert far.range("whole range") == (low, high)
    costs = {}
    for method in METHODS:
        first, last = far.range(method)
        step = (last - first) / 255
        held = np.clip(np.rint((values - first) / step), 0, 255) * step + first
        costs[method] = ((held - values) ** 2).sum()
    assert costs["least squares"] < 0.97 * min(costs["whole range"], costs["percentile"])
    assert far.range("percentile")[1] < 20
    for method in METHODS:
        assert even.range(method) == pytest.approx((-1, 2), rel=0.01)
    assert Spread(0.0, 0.0, np.zeros(2048)).range("least squares") == (0.0, 0.0)


def test_spreads_are_those_of_the_pictures() -> None:
    """However many are run at one time."""
    held, plain = take_in("net.onnx")
    assert isinstance(held, Network)
    assert len(plain.graph.value_info) > 3
    x = images()
    found = measure(Runner(held), {"image": 1, "scores": 1 << 22}, {"image": x}, quiet)
    assert found["image"].low == pytest.approx(x.min())
    assert found["image"].high == pytest.approx(x.max())
    assert found["image"].counts.sum() == np.count_nonzero(x)
    assert found["scores"].high == pytest.approx(max(outputs("net.onnx", x).max(), 0), rel=1e-4)


def test_what_it_would_need_at_8_bits_is_said(command: Command) -> None:
    """By profile, and where a budget of a float32 network is missed; of others nothing."""
    words = ["fit", "net.onnx", "--target", "none"]
    planned = json.loads(command(*words, "--element-bytes", "1", "--json").out)["arena_bytes"]
    text, facts = command("profile", "net.onnx").out, command("profile", "net.onnx", "--json").out
    found = json.loads(facts)["at_8_bits"]
    assert found["arena_bytes"] == planned
    assert found["command"] == "lowtide fit net.onnx -o out --int8 --calibrate PICTURES"
    assert f"at 8 bits      about {planned:,} bytes of arena" in text
    over = command(*words, "--budget", str(planned), "--json")
    told = json.loads(over.out)["at_8_bits"]
    given = f"lowtide fit net.onnx --budget {planned} --target none"
    assert told["command"] == f"{given} --int8 --calibrate PICTURES --json"
    assert over.last.endswith(f"about {planned:,} B of RAM: {told['command']}")
    less = command(*words, "--budget", str(planned - 1), "--json")
    assert f"about {planned:,} B of RAM, still too much RAM: lowtide" in less.last
    assert "--budget" not in json.loads(less.out)["at_8_bits"]["command"]
    assert command("quantise", "net.onnx", "-o", "q.onnx", *CALIBRATED).code == 0
    facts = command("profile", "q.onnx", "--json").out
    assert json.loads(facts)["at_8_bits"] is None


EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_shipped_twins_hold_the_same_numbers() -> None:
    """Weights and biases, byte for byte, and the original's digest."""
    model = onnx.load(EXAMPLES / "resnet8_cifar10_int8.onnx")
    held = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    ours = [a for a in held.values() if a.dtype in (np.int8, np.int32) and a.ndim and a.any()]
    twin = load_tflite(EXAMPLES / "resnet8_cifar10_int8.tflite")
    theirs = [
        twin.constants[name]
        for op in twin.operators
        for name in op.inputs[1:3]
        if "CONV" in op.name
    ]
    assert len(theirs) == len(ours) == 20
    counts = [
        Counter((str(a.dtype), *np.sort(a, axis=None).tolist()) for a in s) for s in (ours, theirs)
    ]
    assert counts[0] == counts[1]
    known = original_in((EXAMPLES / "resnet8_cifar10_int8.onnx").read_bytes())
    assert known is not None
    content = (EXAMPLES / "resnet8_cifar10.onnx").read_bytes()
    assert known.sha256 == hashlib.sha256(content).hexdigest()


def test_the_shipped_network_knows_its_pictures() -> None:
    names = (EXAMPLES / "cifar10_labels.txt").read_text().split()
    files = sorted((EXAMPLES / "pictures").glob("*.jpg"))
    mean, std = ([125.307, 122.961, 113.8575], [62.985, 62.0925, 66.708])
    scaled = np.stack([(np.asarray(Image.open(f), np.float32) - mean) / std for f in files])
    x = scaled.transpose(0, 3, 1, 2).astype(np.float32)
    found = outputs(str(EXAMPLES / "resnet8_cifar10_int8.onnx"), x).argmax(1)
    assert [names[k] for k in found] == [file.stem for file in files]
