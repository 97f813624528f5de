"""fifo.json: edges with their depths, in words; checks/fifo.npz: what each process does when.

The first is for whoever builds the accelerator, both together for the simulation that judges them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np

from lowtide.backends.fifo.depths import FRAMES, Depths
from lowtide.ir.graph import Array
from lowtide.ir.index import IntArray

FORMAT = 1


def facts(found: Depths) -> dict[str, Any]:
    """The keys of fifo.json, but for those of the file; docs/fifo.md says what each means."""
    machine = found.machine
    names = [one.name for one in machine.processes]
    whole = tuple(edge.pixels for edge in machine.edges)
    totals = {
        "no_deadlock": found.no_deadlock,
        "no_stall": found.no_stall,
        "free_running": found.free,
        "whole_frames": whole,
    }
    return {
        "format": FORMAT,
        "frames": FRAMES,
        "cycles": found.cycles,
        "interval": machine.interval,
        "least_of_all": found.least_of_all,
        "total": {
            name: {"pixels": sum(depths), "bits": found.bits(depths)}
            for name, depths in totals.items()
        },
        "edges": [
            {
                "from": names[edge.producer],
                "to": names[edge.consumer],
                "tensor": edge.tensor,
                "pixels": edge.pixels,
                "bits": edge.bits,
                "no_deadlock": found.no_deadlock[k],
                "no_stall": found.no_stall[k],
                "floor": found.floor[k],
                "free_running": found.free[k],
            }
            for k, edge in enumerate(machine.edges)
        ],
        "layers": [
            {"name": one.name, "kind": one.kind, "firings": one.firings}
            for one in machine.processes
        ],
        "inputs": [
            {"name": names[k], "hands_over": _bursts(times)} for k, times in found.release.items()
        ],
    }


def _bursts(times: IntArray) -> list[list[int]]:
    """[cycle, pixels] of each run of pixels that come one a cycle."""
    starts = np.flatnonzero(np.diff(times, prepend=-2) != 1)
    counts = np.diff(np.append(starts, len(times)))
    return [[int(times[at]), int(n)] for at, n in zip(starts, counts, strict=True)]


def emit(found: Depths, source: Mapping[str, str]) -> dict[str, bytes]:
    """Both files; `source` has what fifo.json says of the network's."""
    held = {**source, **facts(found)}
    lines = ",\n".join(f" {json.dumps(key)}: {_value(value)}" for key, value in held.items())
    return {
        "fifo.json": f"{{\n{lines}\n}}\n".encode(),
        "checks/fifo.npz": _packed(found),
    }


def _value(value: Any) -> str:
    """A list of objects has a line for each."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"  {json.dumps(one)}" for one in value) + "\n ]"
    return json.dumps(value)


def _packed(found: Depths) -> bytes:
    """Each list of firings as the steps from one to the next, which pack well."""
    machine = found.machine
    writes = [one.writes for one in machine.processes]
    reads = [edge.reads for edge in machine.edges]
    arrays: dict[str, Array] = {
        "firings": np.array([one.firings for one in machine.processes], np.int64),
        "edges": np.array([(e.producer, e.consumer) for e in machine.edges], np.int64),
        "inputs": np.array(list(found.release), np.int64),
        **_lists("writes", writes),
        **_lists("reads", reads),
        **_lists("release", list(found.release.values())),
    }
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _lists(name: str, lists: Sequence[IntArray]) -> dict[str, Array]:
    steps = [np.diff(one, prepend=0).astype(np.int32) for one in lists]
    return {
        f"{name}_counts": np.array([len(one) for one in lists], np.int64),
        name: np.concatenate(steps),
    }
