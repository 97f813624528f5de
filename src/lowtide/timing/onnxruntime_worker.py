"""onnxruntime as a worker: python -m lowtide.timing.onnxruntime_worker MODEL INPUTS.npz.

INPUTS.npz holds arrays SET/NAME. One thread, every graph optimisation, inputs bound once, so that
little of Python is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lowtide.runtime import onnxruntime
from lowtide.timing.worker_main import serve


def load(model: str, inputs: str) -> Callable[[int], object]:
    """What runs the model on one of the sets."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    providers = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(model, options, providers)
    except Exception:  # of its own types, none of them documented
        from lowtide.frontends.onnx.tidy import tidied

        session = onnxruntime.InferenceSession(tidied(Path(model)), options, providers)
    held = np.load(inputs, allow_pickle=False)
    bindings: dict[int, onnxruntime.IOBinding] = {}
    for key in held.files:
        number, name = key.split("/", 1)
        binding = bindings.setdefault(int(number), session.io_binding())
        binding.bind_cpu_input(name, held[key])
    if not bindings:
        bindings[0] = session.io_binding()
    for binding in bindings.values():
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")

    def run(sample: int) -> object:
        return session.run_with_iobinding(bindings[sample])

    return run


if __name__ == "__main__":
    serve(onnxruntime.__version__, lambda: load(*sys.argv[1:3]))
