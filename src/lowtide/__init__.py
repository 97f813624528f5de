"""lowtide makes a neural network fit in the memory you have, and proves that it computes the same.

import lowtide
fitted = lowtide.fit("net.onnx", budget="256KiB")
print(fitted)
fitted.save("out")
"""

from __future__ import annotations

import os
from importlib import import_module
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from lowtide.version import __version__ as __version__

# Read by onnxruntime when it is loaded (`runtime.py`), here and in every process begun from here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from lowtide.check.verify import Verified
    from lowtide.check.verify_fifo import VerifiedFifos
    from lowtide.check.verify_tflite import VerifiedTflite
    from lowtide.check.verify_together import VerifiedTogether
    from lowtide.clock import Progress
    from lowtide.errors import (
        BudgetError,
        CheckError,
        LowtideError,
        ModelError,
        UnreadableModel,
        UnsupportedModel,
        UsageError,
    )
    from lowtide.explorer.ask import explore
    from lowtide.explorer.explored import Explorations, Explored
    from lowtide.ir.codes import Array
    from lowtide.ir.graph import Shape
    from lowtide.kernels.chips import Chip
    from lowtide.pipeline.all_chips import Chips, chips
    from lowtide.pipeline.approximate import compress, quantise
    from lowtide.pipeline.fit import Samples
    from lowtide.pipeline.fit_any import fit
    from lowtide.pipeline.fit_eight import FittedEight
    from lowtide.pipeline.fit_fifo import FittedFifo
    from lowtide.pipeline.fit_flash import FittedSmall
    from lowtide.pipeline.fit_onnx import Portable
    from lowtide.pipeline.fit_tflite import FittedTflite
    from lowtide.pipeline.fitted import Fitted
    from lowtide.pipeline.from_torch import Module
    from lowtide.pipeline.pictures import File, Files
    from lowtide.pipeline.profile import Profiled, profile
    from lowtide.pipeline.read import Model
    from lowtide.pipeline.together import Together, fit_together
    from lowtide.pipeline.verify_any import verify
    from lowtide.planner.memory_map import MemoryMap
    from lowtide.planner.options import Options
    from lowtide.planner.plan import Plan
    from lowtide.planner.plan_json import read_memory_map
    from lowtide.timing.bench_any import bench
    from lowtide.timing.board_result import BoardCount
    from lowtide.timing.result import Benched
    from lowtide.weights.compressed import Compressed
    from lowtide.weights.eight import Quantised

# Where each public name lives; modules are imported when first used, so that `lowtide --help` and
# a shell's completion do not wait for onnxruntime and OR-tools.
_HOME = {
    "Array": "lowtide.ir.codes",
    "Benched": "lowtide.timing.result",
    "BoardCount": "lowtide.timing.board_result",
    "BudgetError": "lowtide.errors",
    "CheckError": "lowtide.errors",
    "Chip": "lowtide.kernels.chips",
    "Chips": "lowtide.pipeline.all_chips",
    "Compressed": "lowtide.weights.compressed",
    "Explorations": "lowtide.explorer.explored",
    "Explored": "lowtide.explorer.explored",
    "File": "lowtide.pipeline.pictures",
    "Files": "lowtide.pipeline.pictures",
    "Fitted": "lowtide.pipeline.fitted",
    "FittedEight": "lowtide.pipeline.fit_eight",
    "FittedFifo": "lowtide.pipeline.fit_fifo",
    "FittedSmall": "lowtide.pipeline.fit_flash",
    "FittedTflite": "lowtide.pipeline.fit_tflite",
    "LowtideError": "lowtide.errors",
    "MemoryMap": "lowtide.planner.memory_map",
    "Model": "lowtide.pipeline.read",
    "ModelError": "lowtide.errors",
    "Module": "lowtide.pipeline.from_torch",
    "Options": "lowtide.planner.options",
    "Plan": "lowtide.planner.plan",
    "Portable": "lowtide.pipeline.fit_onnx",
    "Profiled": "lowtide.pipeline.profile",
    "Progress": "lowtide.clock",
    "Quantised": "lowtide.weights.eight",
    "Samples": "lowtide.pipeline.fit",
    "Shape": "lowtide.ir.graph",
    "Together": "lowtide.pipeline.together",
    "UnreadableModel": "lowtide.errors",
    "UnsupportedModel": "lowtide.errors",
    "UsageError": "lowtide.errors",
    "Verified": "lowtide.check.verify",
    "VerifiedFifos": "lowtide.check.verify_fifo",
    "VerifiedTflite": "lowtide.check.verify_tflite",
    "VerifiedTogether": "lowtide.check.verify_together",
    "bench": "lowtide.timing.bench_any",
    "chips": "lowtide.pipeline.all_chips",
    "compress": "lowtide.pipeline.approximate",
    "explore": "lowtide.explorer.ask",
    "fit": "lowtide.pipeline.fit_any",
    "fit_together": "lowtide.pipeline.together",
    "profile": "lowtide.pipeline.profile",
    "quantise": "lowtide.pipeline.approximate",
    "read_memory_map": "lowtide.planner.plan_json",
    "verify": "lowtide.pipeline.verify_any",
}

__all__ = [
    "Array",
    "Benched",
    "BoardCount",
    "BudgetError",
    "CheckError",
    "Chip",
    "Chips",
    "Compressed",
    "Explorations",
    "Explored",
    "File",
    "Files",
    "Fitted",
    "FittedEight",
    "FittedFifo",
    "FittedSmall",
    "FittedTflite",
    "LowtideError",
    "MemoryMap",
    "Model",
    "ModelError",
    "Module",
    "Options",
    "Plan",
    "Portable",
    "Profiled",
    "Progress",
    "Quantised",
    "Samples",
    "Shape",
    "Together",
    "UnreadableModel",
    "UnsupportedModel",
    "UsageError",
    "Verified",
    "VerifiedFifos",
    "VerifiedTflite",
    "VerifiedTogether",
    "bench",
    "chips",
    "compress",
    "explore",
    "fit",
    "fit_together",
    "profile",
    "quantise",
    "read_memory_map",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lowtide' has no attribute '{name}'")
    held = getattr(import_module(_HOME[name]), name)
    if isfunction(held):
        from lowtide.pipeline.called import called

        held = globals()[name] = called(held)
    return held


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
