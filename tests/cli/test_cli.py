"""The command line as people use it: results, errors in one line, exit codes, nothing half-written.

Each command is run in a process of its own; the networks are made here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from commands import Command
from lowtide.errors import UsageError
from lowtide.files import OWN, check_file, check_folder, write_folder


def lowtide(*arguments: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """Runs the command; stdout is the result, stderr progress and errors."""
    command = [sys.executable, "-m", "lowtide", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)  # type: ignore[call-overload, no-any-return]


def small_network(operator: str = "Relu", **attributes: object) -> onnx.ModelProto:
    """image [1,3,8,8] -> Conv 3x3 to 4 channels -> `operator` -> global mean -> [1,4,1,1]."""
    rng = np.random.default_rng(0)
    weights = numpy_helper.from_array(rng.normal(size=(4, 3, 3, 3)).astype(np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["a"], ["b"], name="middle", **attributes),
        helper.make_node("GlobalAveragePool", ["b"], ["scores"], name="mean"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 4, 1, 1])
    graph = helper.make_graph(nodes, "small", [image], [scores], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    onnx.save(small_network(), path)
    return path


def test_fit_writes_a_checked_program(network: Path, tmp_path: Path) -> None:
    """fit -> folder; verify repeats the checks from its files; --json has what scripts need."""
    out = tmp_path / "out"
    done = lowtide("fit", network, "-o", out, "--json", "--budget", "4KiB")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert {
        "arena_bytes", "lower_bound_bytes", "schedule_proven", "placement_proven",
        "layerwise_bytes", "ping_pong_bytes", "macs", "mac_overhead", "weight_bytes",
        "checked_reads", "faults", "max_abs_diff", "max_rel_diff", "seconds",
    } <= facts.keys()  # fmt: skip
    assert facts["faults"] == 0
    assert facts["checked_reads"] > 0
    assert facts["macs"] == 4 * 3 * 9 * 64
    names = {"main.c", "net.c", "net_weights.c", "net.h", "plan.json", "memory.svg", "report.html"}
    judged = {f"checks/{n}" for n in ("net.c", "net_check.h", "reference.c", "reference.npz")}
    made = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    assert made == {*names, *judged, "lowtide.json", "lowtide.toml"}
    assert names | judged < OWN
    again = lowtide("verify", out, "--model", network)
    assert again.returncode == 0, again.stderr


def test_the_same_command_twice_gives_the_same_bytes(network: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        assert lowtide("fit", network, "-o", folder).returncode == 0
    for path in sorted(p for p in folders[0].rglob("*") if p.is_file()):
        other = folders[1] / path.relative_to(folders[0])
        assert path.read_bytes() == other.read_bytes(), path.name


def test_a_budget_that_cannot_be_met(network: Path, tmp_path: Path) -> None:
    """Exit code 3, the least that was reached, the operator that holds it there; no folder."""
    done = lowtide("fit", network, "-o", tmp_path / "out", "--budget", "256", "--json")
    assert done.returncode == 3
    assert "Conv" in done.stderr
    assert "256" in done.stderr
    facts = json.loads(done.stdout)
    assert (facts["exit_code"], facts["budget_bytes"]) == (3, 256)
    assert facts["peak_operator"]
    assert facts["arena_bytes"] >= facts["lower_bound_bytes"] > 256
    assert facts["error"] in done.stderr
    assert not (tmp_path / "out").exists()


def test_somebody_elses_folder_is_refused(network: Path, tmp_path: Path) -> None:
    """A folder with other files and none of lowtide's stays as it is."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    assert lowtide("fit", network, "-o", out).returncode == 2
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    """A folder under a file, and one of a file system for reading (or of somebody else)."""
    (tmp_path / "notes").write_text("mine")
    for check in (check_folder, partial(check_file, source=tmp_path / "a.csv")):
        with pytest.raises(UsageError, match="notes is no folder"):
            check(tmp_path / "notes" / "out" / "deep")
        with pytest.raises(UsageError, match="cannot write /proc/out: "):
            check(Path("/proc/out"))


def test_the_users_files_survive_another_run(tmp_path: Path) -> None:
    """out/ main.c net.c weights.bin -> main.c stays, net.c is new, what is stale goes."""
    out = tmp_path / "out"
    first = {"plan.json": b'{"lowtide": 1}', "net.c": b"old", "net_weights.bin": b"stale"}
    write_folder(out, first)
    (out / "main.c").write_text("int main(void) { return 0; }")
    (out / "board").mkdir()
    (out / "board" / "link.ld").write_text("MEMORY {}")
    (out / "data").symlink_to("nowhere")
    held = (out / "main.c").stat()
    write_folder(out, {"plan.json": b'{"lowtide": 1}', "net.c": b"new"})
    kept = {"main.c", "board", "data"}
    assert {p.name for p in out.iterdir()} == {"lowtide.json", "plan.json", "net.c", *kept}
    assert (out / "net.c").read_bytes() == b"new"
    assert (out / "main.c").stat().st_mtime_ns == held.st_mtime_ns
    assert (out / "board" / "link.ld").read_text() == "MEMORY {}"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_pictures_are_samples(network: Path, tmp_path: Path) -> None:
    """A picture of any size is scaled to the network's; a damaged one is exit code 4."""
    Image.new("RGB", (20, 11), (200, 30, 4)).save(tmp_path / "red.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    good = lowtide("fit", network, "-o", tmp_path / "out", "--sample", tmp_path / "red.png")
    assert good.returncode == 0, good.stderr
    bad = lowtide("fit", network, "-o", tmp_path / "no", "--sample", tmp_path / "bad.png")
    assert bad.returncode == 4
    assert "bad.png" in bad.stderr
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["fit", "NET", "-o", "OUT", "--budget", "lots"], 2),
        (["fit", "NET", "-o", "OUT", "--align", "-3"], 2),
        (["fit", "NET", "-o", "OUT", "--align", "8192"], 2),
        (["fit", "NET", "-o", "OUT", "--element-bytes", "1"], 2),
        (["fit", "NET", "-o", "OUT", "--overlap", "always"], 2),
        (["fit", "NET", "-o", "OUT", "--mean", "red", "--sample", "NET"], 2),
        (["fit", "NET", "-o", "OUT", "--sample", "NET"], 2),
        (["fit", "NET", "-o", "NET"], 2),
        (["fit", "missing.onnx", "-o", "OUT"], 4),
        (["profile", "missing.onnx"], 4),
        (["verify", "missing"], 4),
        (["frobnicate"], 2),
    ],
)
def test_wrong_usage(network: Path, tmp_path: Path, arguments: list[str], code: int) -> None:
    """An exit code that means something, one line that says what, nothing written."""
    places = {"NET": str(network), "OUT": str(tmp_path / "out")}
    done = lowtide(*(places.get(a, a) for a in arguments))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_operator_without_an_entry(tmp_path: Path) -> None:
    """The line names the file, the node and the operator."""
    path = tmp_path / "odd.onnx"
    onnx.save(small_network("GlobalLpPool"), path)
    done = lowtide("fit", path, "-o", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["exit_code"] == 4
    assert done.returncode == 4
    last = done.stderr.strip().splitlines()[-1]
    assert all(word in last for word in ("odd.onnx", "GlobalLpPool", "middle", "lowtide operators"))
    told = json.loads(lowtide("operators", "--json").stdout)
    assert {"CONV_2D", "SPACE_TO_BATCH_ND"} <= {*told["tflite_operators"]}
    assert {"Conv", "MaxPool"} <= {*told["qdq_operators"]}
    assert "And" not in told["qdq_operators"]
    assert "QLinearConv" in told["qlinear_operators"]
    assert {"LSTM", "GRU"} <= {*told["step_by_step"]}
    assert {"Attention", "GroupNormalization"} <= {*told["written_out"]}
    assert not {"AffineGrid", "Bernoulli", "SequenceMap", "Softmax"} & {*told["written_out"]}
    listed = told["operators"]
    assert "group" in listed["Conv"]["attributes"]
    assert not {"GlobalLpPool", "Copy"} & listed.keys()
    assert "group" in next(x for x in lowtide("operators").stdout.split("\n") if "Conv " in x)


def damaged_files(good: bytes) -> list[bytes]:
    """24 of them: cut off, bits flipped, text, empty."""
    rng = np.random.default_rng(0)
    cut = [good[: len(good) * k // 9] for k in range(1, 9)]
    flipped = []
    for _ in range(12):
        held = bytearray(good)
        for at in rng.integers(0, len(good), 8):
            held[at] ^= 1 << int(rng.integers(8))
        flipped.append(bytes(held))
    return [*cut, *flipped, b"", b"hello, world\n", b"\x00" * 64, b"{}"]


def test_damaged_files(tmp_path: Path, command: Command) -> None:
    """Exit codes 0 (the damage hit a weight), 3 or 4 only, never a traceback."""
    files = damaged_files(small_network().SerializeToString())
    assert len(files) == 24
    codes = []
    for i, content in enumerate(files):
        path = tmp_path / f"{i}.onnx"
        path.write_bytes(content)
        done = command("fit", path, "-o", tmp_path / f"out{i}", "--budget", "64KiB")
        assert done.code in (0, 3, 4), f"{i}: {done.code} {done.last}"
        assert (tmp_path / f"out{i}").exists() == (done.code == 0)
        codes.append(done.code)
    assert codes.count(4) >= 12


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(network: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C or kill, after the solver ran: one line, and no folder, not even a temporary one."""
    out, temporary = tmp_path / "deep" / "out", tmp_path / "tmp"
    temporary.mkdir()
    slow = {**os.environ, "CC": str(tmp_path / "slow-cc"), "TMPDIR": str(temporary)}
    programs = 'case "$*" in *" -c "*) ;; *net.c*|*reference.c*) sleep 60;; esac'
    (tmp_path / "slow-cc").write_text(f'#!/bin/sh\n{programs}\nexec cc "$@"\n')
    (tmp_path / "slow-cc").chmod(0o755)
    command = [sys.executable, "-m", "lowtide", "fit", str(network), "-o", str(out)]
    running = started(command, slow)
    line = stopped_at(running, "checking the program", number)
    assert running.returncode == code, line
    assert "interrupted" in line
    assert not out.parent.exists() or list(out.parent.iterdir()) == []
    assert list(temporary.glob("lowtide-*")) == []


def test_interrupted_while_it_starts(network: Path) -> None:
    """Ctrl-C while modules are imported is no traceback either."""
    command = [sys.executable, "-X", "importtime", "-m", "lowtide", "profile", str(network)]
    running = started(command, os.environ)
    line = stopped_at(running, "| typer", signal.SIGINT)
    assert running.returncode == 130, line


_TO_THE_END = """
import ctypes, sys
from lowtide.cli.start import main
libc = ctypes.CDLL(None)
libc.on_exit(libc.getchar, None)
libc.on_exit(libc.perror, None)
sys.argv = ["lowtide", "--version"]
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="on_exit is glibc's")
def test_interrupted_at_the_very_end() -> None:
    """Ctrl-C when Python is gone, and libraries are not yet: what was done stays done."""
    running = started([sys.executable, "-c", _TO_THE_END], os.environ, stdin=subprocess.PIPE)
    assert running.stderr is not None
    assert next(line for line in running.stderr if "Success" in line)
    running.send_signal(signal.SIGINT)
    running.communicate("\n", timeout=30)
    assert running.returncode == 0


def started(
    command: list[str], environment: Mapping[str, str], stdin: int | None = None
) -> subprocess.Popen[str]:
    """A process that heeds Ctrl-C, even if a shell has started these tests in the background."""
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(
        command, stdin=stdin, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed
    )


def stopped_at(running: subprocess.Popen[str], stage: str, number: int) -> str:
    """Sends a signal half a second after `stage` is named; what came on stderr afterwards."""
    assert running.stderr is not None
    for line in running.stderr:
        if stage in line:
            break
    if stage.startswith("checking"):
        time.sleep(0.5)
    running.send_signal(number)
    rest: str = running.communicate(timeout=30)[1]
    assert "Traceback" not in rest
    return rest


def test_a_spoiled_folder_does_not_verify(network: Path, tmp_path: Path) -> None:
    """plan.json and net.c that disagree, or weights that were changed, are exit code 5."""
    out = tmp_path / "out"
    assert lowtide("fit", network, "-o", out).returncode == 0
    source = (out / "net.c").read_text()
    (out / "net.c").write_text(source.replace("/* S0: image", "/* S0: picture"))
    same = lowtide("verify", out)
    assert same.returncode == 0
    assert "net.c: not as lowtide wrote it" in same.stdout
    (out / "net.c").write_text(source.replace(", 0.0f)", ", 0.1f)"))
    other = lowtide("verify", out)
    assert other.returncode == 5
    assert "changed since lowtide wrote it: net.c" in other.stderr
    (out / "net.c").write_text(source + "\n#error\n")
    broken = lowtide("verify", out)
    assert broken.returncode == 5
    assert broken.stderr.splitlines()[-1].startswith(
        "lowtide: changed since lowtide wrote it: net.c; net.c does not compile"
    )
    (out / "net.c").write_text(source)
    (out / "plan.json").write_text("{}")
    damaged = lowtide("verify", out)
    assert damaged.returncode == 4
    assert "changed since lowtide wrote it: plan.json" in damaged.stderr
