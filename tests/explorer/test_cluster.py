"""--cluster: workers of Dask make the plans; one that is killed changes nothing of the front."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from lowtide.errors import UsageError
from lowtide.explorer import scheduler
from lowtide.explorer.cluster import _check_alike
from lowtide.explorer.explore import explore, explore_all
from lowtide.explorer.recipes import recipes
from lowtide.planner.options import Options
from test_several import network

pytestmark = pytest.mark.slow
MODEL = Path(__file__).parents[2] / "examples" / "resnet8_cifar10.onnx"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three worker processes; a nanny begins another for one that dies."""
    distributed = pytest.importorskip("distributed", reason="no Dask")
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


def test_a_worker_is_killed_and_the_front_is_the_same(cluster: Any, tmp_path: Path) -> None:
    tried = recipes(Options(image="streamed"), 0.05)
    here = explore(MODEL, tried)
    said: list[str] = []

    def kill(stage: str) -> None:
        """One worker, when the first plan comes in."""
        if stage.startswith("plan") and not said:
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        said.append(stage)

    there = explore(
        MODEL, tried, folder=tmp_path / "out", cluster=cluster.scheduler_address, progress=kill
    )
    assert said[-1].startswith(f"plan {len(tried)} of {len(tried)}")
    assert [replace(one, seconds=0.0) for one in there.points] == [
        replace(one, seconds=0.0) for one in here.points
    ]
    assert [one.options for one in there.front] == [one.options for one in here.front]
    again = explore(MODEL, tried, folder=tmp_path / "out", cluster="tcp://nobody.invalid:1")
    assert again == there


def test_two_networks_are_shared_out_and_a_worker_is_killed(cluster: Any, tmp_path: Path) -> None:
    """Each front is the one that a network has by itself."""
    small = tmp_path / "small.onnx"
    onnx.save(network(), small)
    tried, said = recipes(Options(), 0.0), list[str]()

    def kill(stage: str) -> None:
        if stage.startswith("plan"):
            if not said:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
            said.append(stage)

    there = explore_all(
        [MODEL, small],
        tried,
        folder=tmp_path / "out",
        cluster=cluster.scheduler_address,
        progress=kill,
    )
    for path, found in zip((MODEL, small), there, strict=True):
        here = explore(path, tried)
        assert [replace(one, seconds=0.0) for one in found.front] == [
            replace(one, seconds=0.0) for one in here.front
        ]
        assert (tmp_path / "out" / path.name / "points.jsonl").exists()


def test_who_answers_is_no_scheduler(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody, somebody who never says a word, a worker; and workers of another version."""
    one = recipes(Options(), 0.0)[:1]
    worker = next(iter(cluster.workers.values())).worker_address
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        for address in ("127.0.0.1:1", silent):
            with pytest.raises(UsageError, match="no scheduler answers within 5 s"):
                explore(MODEL, one, cluster=address)
    with pytest.raises(UsageError, match="no scheduler but a worker"):
        explore(MODEL, one, cluster=worker)
    with pytest.raises(UsageError, match=r"different compilers: a has .'cc',., b has .'there"):
        _check_alike({"a": ("cc",), "b": ("there is no cc",)}, "a:1")
    monkeypatch.setattr(scheduler, "__version__", "9.9")
    with pytest.raises(UsageError, match=r"has lowtide 0.* need lowtide 9\.9"):
        explore(MODEL, one, cluster=cluster.scheduler_address)


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install .*\[cluster\]"):
        explore(MODEL, recipes(Options(), 0.0)[:1], cluster="tcp://127.0.0.1:1")
