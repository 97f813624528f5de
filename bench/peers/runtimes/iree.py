"""IREE: the model compiled for this processor, run without threads (`local-sync`)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version as installed
from pathlib import Path

import iree.compiler as compiler
import iree.runtime as runtime
import numpy as np


def version() -> str:
    """That of the runtime; the compiler's goes with it."""
    return installed("iree-base-runtime")


def load(model: str, inputs: str) -> Callable[[int], object]:
    """Imports, compiles and loads."""
    with tempfile.TemporaryDirectory() as folder:
        mlir = Path(folder) / "network.mlir"
        tool = Path(sys.executable).parent / "iree-import-onnx"
        subprocess.run([tool, model, "-o", mlir, "--opset-version", "17"], check=True)
        flags = ["--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3"]
        compiled = compiler.tools.compile_file(
            str(mlir), input_type="onnx", target_backends=["llvm-cpu"], extra_args=flags
        )
    config = runtime.Config("local-sync")
    context = runtime.SystemContext(config=config)
    module = runtime.VmModule.copy_buffer(context.instance, compiled)
    context.add_vm_module(module)
    name = next(n for n in module.function_names if not n.startswith("_") and "$" not in n)
    call = context.modules[module.name][name]
    held = np.load(inputs, allow_pickle=False)
    sets: dict[int, list[object]] = {}
    for key in held.files:
        values = runtime.asdevicearray(config.device, held[key])
        sets.setdefault(int(key.split("/", 1)[0]), []).append(values)

    def run(sample: int) -> object:
        return call(*sets[sample]).to_host()

    return run
