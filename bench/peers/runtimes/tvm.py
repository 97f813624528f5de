"""TVM: the model through Relax, compiled by LLVM for this processor, untuned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import tvm
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx


def version() -> str:
    """That of the package."""
    return str(tvm.__version__)


def load(model: str, inputs: str) -> Callable[[int], object]:
    """Imports, compiles and loads."""
    module = from_onnx(onnx.load(model), keep_params_in_input=False)
    compiled = tvm.compile(module, target=tvm.target.Target.from_device(tvm.cpu()))
    machine = relax.VirtualMachine(compiled, tvm.cpu())
    held = np.load(inputs, allow_pickle=False)
    sets: dict[int, list[object]] = {}
    for key in held.files:
        sets.setdefault(int(key.split("/", 1)[0]), []).append(tvm.runtime.tensor(held[key]))

    def run(sample: int) -> object:
        return machine["main"](*sets[sample])

    return run
