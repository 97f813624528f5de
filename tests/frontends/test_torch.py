"""PyTorch modules, in Python and as nets.py:small on the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import lowtide
from commands import Command

torch = pytest.importorskip("torch", reason="needs the extra torch")
pytest.importorskip("onnxscript", reason="needs the extra torch")

NETS = Path(__file__).with_name("torch_nets.py")


def contents(folder: Path) -> dict[str, bytes]:
    files = (one for one in folder.rglob("*") if one.is_file())
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in files}


def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "lowtide.frontends.pytorch.export", raising=False)
    monkeypatch.delattr("lowtide.frontends.pytorch.export", raising=False)


def test_nothing_imports_torch_but_a_module() -> None:
    code = (
        "import sys, lowtide; lowtide.fit, lowtide.profile; import lowtide.cli.app\n"
        "import lowtide.pipeline.from_torch\n"
        "assert not {'torch', 'onnxscript'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("target", ["none", pytest.param("c99", marks=pytest.mark.slow)])
def test_a_factory_is_fitted_and_repeated_without_torch(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    out = tmp_path / "out"
    words = ["--input", "1x3x9x9", "--target", target, "--overlap", "row"]
    said = command("fit", f"{NETS}:small", *words, "-o", out, "--json")
    assert said.code == 0, said.last
    assert target == "none" or json.loads(said.out)["module_error"] < 1e-6
    first = contents(out)
    assert b'model = "exported.onnx"\noverlap = "row"\n' in first["lowtide.toml"]
    for name in ("layer1.0.conv1", "layer1.0.conv2", "layer1.0/Add", "torch_nets.py:small"):
        assert name.encode() in first["report.html"], name
        assert target == "none" or name.encode() in first["net.c"], name
    model = onnx.load_from_string(first["exported.onnx"])
    assert [value.name for value in model.graph.output] == ["x_out", "maps_0"]
    assert str(NETS.parent).encode() not in b"".join(first.values())
    without_torch(monkeypatch)
    assert command("fit", "-c", out / "lowtide.toml", "-q").code == 0
    assert contents(out) == first


def test_a_module_in_python() -> None:
    from torch_nets import Carried

    torch.manual_seed(0)
    module = Carried().train()
    example = {"x": torch.randn(1, 2, 4), "h": torch.zeros(1, 1, 3)}
    fitted = lowtide.fit(module, example, options=lowtide.Options(state=("output_1:h",)))
    assert module.training
    assert module.cell.training
    assert fitted.module_error is not None
    assert fitted.module_error < 1e-6
    assert "exported.onnx" in fitted.files
    (state,) = fitted.plan.states
    assert (state.output.name, state.input.name) == ("output_1", "h")


@pytest.mark.slow
def test_commands_that_are_printed_run(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(NETS.parent)
    said = command("profile", f"{NETS.name}:small", "--input", "1x3x9x9", "--json")
    told = json.loads(said.out)["at_8_bits"]["command"]
    assert "--shape x=1x3x9x9" in told
    words = told.replace("PICTURES", str(NETS.parent)).split()[1:]
    said = command(*words[:2], "--target", "none", *words[4:6])
    assert said.code == 0, said.last


REFUSED = {
    "raising": (4, r"torch_nets.py:raising: it raises ValueError: no such width \(torch_nets.py"),
    "leaving": (4, "it raises SystemExit: gone"),
    "number": (2, "of type int, which cannot be called"),
    "weights": (2, r"OrderedDict, which is no network: .* module.load_state_dict\("),
    "Of": (2, r"Of needs 'then'; name a function .*: def make\(\): return Of\("),
    "absent": (2, "has no 'absent'"),
    "half": (4, r"'weight' of the module is float16; .* module.float\(\)"),
    "lazy": (2, "'weight' has no shape yet"),
    "counting": (4, "changes the module's buffer 'calls'; .* --state"),
    "with_a_number": (4, "returns 'output_1', of type int; return tensors alone"),
    "branching": (4, r"values of a tensor in '0' \(torch_nets.py:\d+\); .* torch.where"),
    "unwritten": (
        4,
        r"does not have: special_airy_ai in '1' and in '2.0' \(torch_nets.py:79\), bessel_j0 in",
    ),
    "Airy": (4, "airy_ai in the module itself .*bessel_j0 in the module itself"),
    "topped": (4, "TopK .*: no such operator in lowtide"),
    "constant": (4, "constant: the module returns a constant"),
    "faulty": (5, "differs from the module on the example by 1.00e"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exported_is_said(command: Command, name: str) -> None:
    said = command("profile", f"{NETS}:{name}", "--input", "1x1x5x5", "--json")
    assert said.code == REFUSED[name][0], said
    assert "torch.ops" not in said.err  # what torch itself prints
    assert re.search(REFUSED[name][1], json.loads(said.out)["error"]), said.out


def test_what_python_is_given_instead_of_a_module(tmp_path: Path) -> None:
    module, example = torch.nn.ReLU(), torch.zeros(1, 3)
    for model, told in (
        (module.state_dict(), "weights alone"),
        ({"net": module, "epoch": 3}, r"give the module in it, \['net'\]"),
        (torch.nn.ReLU, r"ReLU is a class; .* made of it: ReLU\("),
        (torch.jit.trace(module, example), "TorchScript is not taken"),
        (lambda: module, "give the torch.nn.Module that it returns"),
        (example, "the module comes first"),
        (3, "of type int, which is no network"),
    ):
        for given in ((model,), (model, example)):
            with pytest.raises(lowtide.UsageError, match=told):
                lowtide.fit(*given)
    torch.save(module.state_dict(), tmp_path / "w.pt")
    with pytest.raises(lowtide.ModelError, match=r"in Python the module: lowtide.fit\(module"):
        lowtide.fit(str(tmp_path / "w.pt"), example)
    with pytest.raises(lowtide.UsageError, match=r"no example; give torch.zeros\(1, 3\)"):
        lowtide.fit(module, (1, 3))
    with pytest.raises(lowtide.UsageError, match=r"device meta\); give torch.zeros\(1, 3\)"):
        lowtide.fit(module, example.to("meta"))
    with pytest.raises(lowtide.ModelError, match=r"1x3 of int64.*; is int64 the type it takes\?"):
        lowtide.fit(torch.nn.Linear(3, 2), example.long())
    returned = lowtide.fit(torch.nn.Identity(), example, target="none").memory
    assert [one.name for one in (*returned.inputs, *returned.outputs)] == ["input", "output"]
    with pytest.raises(lowtide.UsageError, match=r"give the file exported\.onnx"):
        lowtide.quantise(module)
    with pytest.raises(lowtide.ModelError, match=r"torch_nets.py:half: 'weight' of the module is"):
        lowtide.fit(f"{NETS}:half", np.zeros((1, 3)))


ASKED = {
    "no shape": ((f"{NETS}:small",), "--input 1x3x224x224"),
    "no file": (("nowhere.py:small", "--input", "1"), "there is no file nowhere.py"),
    "no package": (("no_such.nets:small", "--input", "1"), "no module 'no_such'"),
    "too few": ((f"{NETS}:Carried", "--input", "1x4x4"), "missing a required"),
    "a name that is not": ((f"{NETS}:small", "--input", "y=1x3"), "does not take the example"),
    "no shape at all": ((f"{NETS}:small", "--input", "1x0"), "--input 1x0: a shape such as"),
    "no number": (("no_such.nets:small", "--input", "1x3xax32"), "--input 1x3xax32: a shape such"),
    "of a file": (("net.onnx", "--input", "1x3"), "--input is for the module"),
}


@pytest.mark.parametrize("case", ASKED)
def test_the_command_line_says_what_it_needs(command: Command, case: str) -> None:
    words, told = ASKED[case]
    said = command("profile", *words, "-q")
    assert (said.code, told in said.last) == (2, True), said.last


def test_files_that_hold_code_are_not_opened(command: Command, tmp_path: Path) -> None:
    for name in ("net.pt", "net.pt2", "weights.pth"):
        torch.save({"w": torch.zeros(2)}, tmp_path / name)
        said = command("profile", tmp_path / name)
        assert said.code == 4
        assert "lowtide fit nets.py:small --input" in said.last


def test_without_torch_it_is_said(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    without_torch(monkeypatch)
    said = command("fit", f"{NETS}:small", "--input", "1x3x17x17", "--target", "none")
    assert said.code == 2
    assert "pip install '.[torch]'" in said.last
    with pytest.raises(lowtide.UsageError, match="needs an example"):
        lowtide.fit(torch.nn.ReLU())
    with pytest.raises(lowtide.UsageError, match="an example is for"):
        lowtide.fit("net.onnx", np.zeros(1))
