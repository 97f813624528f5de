"""What lowtide's own process takes, and what it asks another process for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from lowtide.check.in_child import LARGE, in_child
from lowtide.errors import UnreadableModel, UnsupportedModel
from peak import MOST_BYTES, run_measured
from test_exact import network

MOBILENET = Path(__file__).parents[3] / "shared/models/onnx/mobilenet_v2_imagenet.onnx"


def one_conv(filters: int, shape: Sequence[int], then: str) -> onnx.ModelProto:
    weights = np.random.default_rng(0).standard_normal((filters, shape[1], 3, 3), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["h"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node(then, ["h"], ["y"], name="then"),
    ]
    return network(nodes, {"w": weights}, shape)


WIDE = {
    "image": (4, [1, 3, 1024, 1024], "Sigmoid"),
    "batch": (8, [1024, 3, 32, 32], "Relu"),
}


@pytest.mark.parametrize("name", [*WIDE, pytest.param("mobilenet", marks=pytest.mark.slow)])
def test_lowtide_itself_takes_little(name: str, tmp_path: Path) -> None:
    """Float64 of 8 million numbers takes 64 MiB, and an operator has several at a time."""
    path = tmp_path / "net.onnx"
    if name in WIDE:
        onnx.save(one_conv(*WIDE[name]), path)
    elif MOBILENET.exists():
        path = MOBILENET
    else:
        pytest.skip("../shared is absent")
    done, peak = run_measured("fit", path, "-o", tmp_path / "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert " from exact; onnxruntime " in done.stdout
    if peak is None:
        pytest.skip("no /proc here")
    print(f"\n{name:16} {peak / 2**20:.0f} MiB")
    assert peak < MOST_BYTES


def where(raises: bool) -> int:
    """The process that this runs in."""
    if raises:
        raise UnsupportedModel("no", file="f", node="n", operator="Conv", hint="h")
    return os.getpid()


def test_much_is_asked_of_another_process() -> None:
    assert in_child(LARGE, where, False) == os.getpid()
    assert in_child(LARGE + 1, where, False) != os.getpid()


def test_errors_come_back_as_they_are() -> None:
    for elements in (LARGE, LARGE + 1):
        with pytest.raises(UnsupportedModel) as caught:
            in_child(elements, where, True)
        assert str(caught.value) == "f: Conv 'n': no; h"
        with pytest.raises(FileNotFoundError, match="nowhere"):
            in_child(elements, Path.read_text, Path("nowhere"))


def test_what_the_system_ends_is_out_of_memory() -> None:
    with pytest.raises(MemoryError):
        in_child(LARGE + 1, signal.raise_signal, signal.SIGKILL)


def test_an_interrupt_ends_the_other_process(tmp_path: Path) -> None:
    """It has told its number, and is gone soon after."""
    pid = tmp_path / "pid"
    waits = f"import os, time; open({str(pid)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(99)"
    code = (
        "from lowtide.cli.start import exit_codes\nfrom lowtide.check.in_child import *\n"
        f"with exit_codes():\n    in_child(LARGE + 1, exec, {waits!r})"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # behind a shell's &, too
    )  # fmt: skip
    while not pid.exists() or not pid.read_text().endswith("\n"):
        assert asking.poll() is None
        time.sleep(0.05)
    asking.send_signal(signal.SIGINT)
    _, said = asking.communicate(timeout=30)
    assert (asking.returncode, said.strip()) == (130, "lowtide: interrupted, nothing was written")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_damaged_large_network_is_refused_by_name() -> None:
    """What onnxruntime says comes through."""
    from lowtide.check.truth import make_samples

    model = one_conv(4, [1, 3, 8, 8], "NoSuch")
    with pytest.raises(UnreadableModel, match="n: onnxruntime, the reference, cannot load it"):
        in_child(LARGE + 1, make_samples, model, "n", {"x": (1, 3, 8, 8)}, {})
