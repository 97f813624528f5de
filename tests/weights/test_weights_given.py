"""What compress and train-compressed are given: networks, pictures, classes and options that make
sense are taken, all others refused in one line before any work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

import lowtide
from lowtide.cli.app import app
from lowtide.errors import LowtideError, UnsupportedModel
from lowtide.pipeline.fit import fit
from lowtide.weights.batch import session
from lowtide.weights.compress import compress
from lowtide.weights.quantise import nearest

DICE = np.random.default_rng(0)
PIXELS = DICE.integers(0, 256, (40, 3, 8, 8), np.uint8)
CLASSES = np.arange(40) % 4


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    shape: Sequence[int | str],
    opset: int = 17,
) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "net", [value("x", TensorProto.FLOAT, shape)],
        [value("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in weights.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    return onnx.shape_inference.infer_shapes(made)


def classifier(shape: Sequence[int | str] = (1, 3, 8, 8), opset: int = 17) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "first", pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], "pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "v", "d"], ["y"], "last", transB=1),
    ]
    return model(nodes, {
        "w": DICE.standard_normal((8, 3, 3, 3)), "b": DICE.standard_normal(8),
        "v": DICE.standard_normal((4, 8)), "d": np.zeros(4),
    }, shape, opset)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    onnx.save(classifier(), "net.onnx")
    onnx.save(classifier(("N", 3, "h", "w")), "open.onnx")
    np.savez("good.npz", values=PIXELS, labels=CLASSES)
    np.save("pixels.npy", PIXELS)
    np.save("none.npy", PIXELS[:0])
    np.save("nan.npy", np.full((2, 3, 8, 8), np.nan, np.float32))
    np.savez("classes.npz", labels=CLASSES)
    np.savez("beyond.npz", values=PIXELS, labels=CLASSES + 1)
    np.savez("few.npz", values=PIXELS, labels=CLASSES[:3])
    Path("names.txt").write_text("cat\ndog\n")
    Path("numbers.txt").write_text("\n".join(map(str, CLASSES)))
    return tmp_path


def refused(words: str) -> str:
    """What the command says; nothing is written."""
    done = CliRunner().invoke(app, [*words.split(), "-o", "out.onnx"])
    assert isinstance(done.exception, LowtideError), (done.exception, done.output)
    assert done.exception.exit_code in (2, 4)
    assert not Path("out.onnx").exists()
    assert "fitting layer" not in done.output
    return str(done.exception)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--calibrate none.npy", "no pictures in none.npy"),
        ("--calibrate nan.npy", "nan.npy: holds NaN"),
        ("--calibrate classes.npz", "name the pictures 'values'"),
        ("--calibrate beyond.npz", "class 4, where output 'y' has 0 to 3"),
        ("--calibrate few.npz", "few.npz: holds int64 (3,); 40 class numbers are needed"),
        ("--calibrate pixels.npy --labels names.txt", "names.txt: not a list of class numbers"),
        ("--calibrate good.npz --test pixels.npy", "--test: no classes; give --classes"),
        ("--labels numbers.txt", "--classes needs the pictures"),
        ("--calibrate pixels.npy --std 0", "--std must not be 0"),
        ("--calibrate pixels.npy --mean nan", "--mean takes finite numbers"),
        ("--calibrate pixels.npy --mean 1,2", "--mean and --std take 1 or 3 values"),
    ],
)
def test_pictures_and_classes_are_checked_first(folder: Path, words: str, says: str) -> None:
    assert says in refused(f"compress net.onnx --flash 400 {words}")


def test_open_shapes_are_given(folder: Path) -> None:
    words = "compress open.onnx --flash 600 --uncalibrated"
    assert "--shape x=" in refused(words)
    done = CliRunner().invoke(app, [*words.split(), "--shape", "x=1x3x8x8", "-o", "out.onnx"])
    assert done.exit_code == 0, done.exception


def test_a_fixed_batch_is_kept(folder: Path) -> None:
    onnx.save(classifier((4, 3, 8, 8)), "four.onnx")
    words = "compress four.onnx --flash 600 --calibrate good.npz -o out.onnx"
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 0, done.exception
    assert "of 40 pictures" in done.output
    assert session(onnx.load("out.onnx")).get_inputs()[0].shape == [4, 3, 8, 8]


@pytest.mark.parametrize("opset", [7, 12])
def test_old_opsets_are_raised(opset: int) -> None:
    found = compress(classifier(opset=opset), 700)
    assert all("8-bit" in row.stored for row in found.rows)
    onnx.checker.check_model(found.model, full_check=True)


@pytest.mark.parametrize("bits", range(1, 9))
def test_pruned_filters_stay_near_zero(bits: int) -> None:
    """Few bits have no zero: a row of zeros gets a scale that is as good as none."""
    rows = DICE.standard_normal((6, 20))
    rows[::2] = 0
    made = nearest(rows, bits).values
    assert np.abs(made[::2]).max() < 1e-3 * np.abs(rows).max()
    assert np.abs(made[1::2] - rows[1::2]).max() < np.abs(rows).max()


def test_layers_of_zeros_and_layers_that_always_meet_the_same() -> None:
    given = classifier()
    given.graph.initializer[0].CopyFrom(numpy_helper.from_array(
        np.zeros((8, 3, 3, 3), np.float32), "w"))  # fmt: skip
    assert compress(given, 600).loss < 1e-3


def test_weights_that_cannot_be_stored_are_named() -> None:
    given = classifier()
    given.graph.initializer[0].CopyFrom(numpy_helper.from_array(
        np.full((8, 3, 3, 3), np.nan, np.float32), "w"))  # fmt: skip
    with pytest.raises(UnsupportedModel, match="Conv 'first': its weights 'w' hold NaN"):
        compress(given, 600)
    weights = {"w": DICE.standard_normal((8, 8, 3, 3))}
    twice = [
        helper.make_node("Conv", ["x", "w"], ["c"], "one", pads=[1] * 4),
        helper.make_node("Conv", ["c", "w"], ["y"], "two", pads=[1] * 4),
    ]
    with pytest.raises(UnsupportedModel, match="Conv 'one': its weights 'w' are shared"):
        compress(model(twice, weights, (1, 8, 6, 6)), 600)


@pytest.mark.parametrize("shape", [(1, 48), (5, 48), (1, 5, 48)])
@pytest.mark.parametrize("family", ["plain", "generated"])
def test_weights_by_columns_stay_packed_in_c(shape: tuple[int, ...], family: str) -> None:
    """MatMul's, and Gemm's without transB: scales are of rows, so they are stored by rows."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "one"),
        helper.make_node("Relu", ["a"], ["r"], "relu"),
        helper.make_node("MatMul", ["r", "v"], ["y"], "two"),
    ]
    weights = {"w": DICE.standard_normal((48, 40)), "v": DICE.standard_normal((40, 32))}
    given = model(nodes, weights, shape)
    found = compress(given, 2400, families=(family,))  # type: ignore[arg-type]
    x = DICE.standard_normal(shape).astype(np.float32)
    assert session(found.model).run(None, {"x": x})[0].shape == (*shape[:-1], 32)
    fitted = fit(found.model, target="none")
    assert fitted.plan.profile.weight_bytes <= found.bytes + 64


TRAIN = "train-compressed net.onnx --flash 600 --steps 2 --batch 8"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--data pixels.npy", "no classes: give --classes"),
        ("--data beyond.npz", "class 4, where output 'y' has 0 to 3"),
        ("--data good.npz --test none.npy", "no pictures in none.npy"),
        ("--data good.npz --batch 0", "--batch takes 1 or more"),
        ("--data good.npz --minutes 0", "--minutes takes a number above 0"),
        ("--data good.npz --rate nan", "--rate takes a number above 0"),
        ("--data good.npz --shift -1", "--shift takes 0 or more"),
        ("--data good.npz --held-back 0.999", "all 40 pictures are held back"),
        ("--data good.npz --device nonsense", "--device nonsense: torch cannot use it"),
        ("--data good.npz --checkpoint out.onnx", "--checkpoint out.onnx is the output"),
        ("--data good.npz --checkpoint names.txt", "not a checkpoint that can be read"),
    ],
)
def test_training_is_checked_first(folder: Path, words: str, says: str) -> None:
    pytest.importorskip("torch")
    assert says in refused(f"{TRAIN} {words}")


def test_an_interrupted_command_says_what_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on, of the same network and options only."""
    pytest.importorskip("torch")
    from lowtide.weights.train import loop

    advance, steps = loop._Runner.advance, []

    def stopping(self: loop._Runner) -> None:
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        advance(self)

    monkeypatch.setattr(loop._Runner, "advance", stopping)
    words = [*TRAIN.split(), "--data", "good.npz", "--steps", "6", "-o", "out.onnx"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 130
    assert Path("out.onnx.pt").exists()
    done = CliRunner().invoke(app, [*words, "--flash", "700"])
    assert "a checkpoint of another network, other pictures or other options" in str(done.exception)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception
    assert "goes on at step 3 of 6" in done.output
    assert not Path("out.onnx.pt").exists()


def test_a_loss_that_is_not_finite_ends_the_training(folder: Path) -> None:
    pytest.importorskip("torch")
    words = f"{TRAIN} --data good.npz --rate 1e30 --steps 9 -o out.onnx".split()
    done = CliRunner().invoke(app, words)
    assert "give a lower --rate" in str(done.exception)
    assert not list(folder.glob("out*"))


def test_two_processes_of_torchrun_train_one_network(folder: Path) -> None:
    pytest.importorskip("torch")
    words = [*TRAIN.split(), "--data", "good.npz", "-o", "out.onnx"]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "lowtide"]
    source = {**os.environ, "PYTHONPATH": str(Path(lowtide.__file__).resolve().parents[1])}
    done = subprocess.run(
        [sys.executable, *launch, *words], capture_output=True, text=True, env=source
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("written") == 1
    assert done.stderr.count("fitting layer 1 of 2") == 1
    assert Path("out.onnx").exists()


def test_without_torch_the_extra_is_named(folder: Path) -> None:
    Path("sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    words = f"{TRAIN} --data good.npz -o out.onnx".split()
    paths = [str(folder), *sys.path]
    code = f"import sys; sys.path[:0] = {paths!r}; import sitecustomize, lowtide.cli.start"
    code += f"; sys.argv = ['lowtide', *{words!r}]; lowtide.cli.start.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    said = "install the extra train: pip install '.[train]' in a clone of lowtide"
    assert done.stderr.strip() == f"lowtide: training needs torch; {said}"
