"""LiteRT as a worker: python -m lowtide.timing.litert_worker MODEL INPUTS.npz.

INPUTS.npz holds arrays SET/NAME in the file's order. One thread, XNNPACK where it takes operators,
as LiteRT comes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from lowtide.timing.worker_main import serve


def load(model: str, inputs: str) -> Callable[[int], object]:
    """What runs the model on one of the sets; the inputs lie there until another set is asked."""
    from ai_edge_litert import interpreter

    own = interpreter.Interpreter(model_path=model, num_threads=1)
    own.allocate_tensors()
    held = np.load(inputs, allow_pickle=False)
    sets: dict[int, list[np.ndarray]] = {}
    for key in held.files:
        sets.setdefault(int(key.split("/", 1)[0]), []).append(held[key])
    places = [detail["index"] for detail in own.get_input_details()]
    there = -1

    def run(sample: int) -> object:
        nonlocal there
        if sample != there:
            for place, values in zip(places, sets[sample], strict=True):
                own.set_tensor(place, values)
            there = sample
        own.invoke()
        return None

    return run


if __name__ == "__main__":
    serve(version("ai-edge-litert"), lambda: load(*sys.argv[1:3]))
