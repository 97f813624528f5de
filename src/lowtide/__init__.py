"""lowtide makes a neural network fit in the memory you have, and proves that it computes the same.

import lowtide
plan = lowtide.fit("net.onnx", budget="256KiB")
print(plan)
plan.emit("c99", "out/")
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lowtide.version import __version__ as __version__

# Read by onnxruntime when it is loaded (`runtime.py`), here and in every process begun from here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from lowtide.check.verify import Verified, verify
    from lowtide.errors import BudgetError, CheckError, LowtideError, ModelError, UsageError
    from lowtide.pipeline.fit import Fitted, fit
    from lowtide.pipeline.profile import profile
    from lowtide.planner.memory_map import MemoryMap
    from lowtide.planner.plan import Options, Plan
    from lowtide.planner.plan_json import read_memory_map
    from lowtide.timing.bench import bench
    from lowtide.timing.result import Benched

# Where each public name lives; modules are imported when first used, so that `lowtide --help` and
# a shell's completion do not wait for onnxruntime and OR-tools.
_HOME = {
    "Benched": "lowtide.timing.result",
    "BudgetError": "lowtide.errors",
    "CheckError": "lowtide.errors",
    "Fitted": "lowtide.pipeline.fit",
    "LowtideError": "lowtide.errors",
    "MemoryMap": "lowtide.planner.memory_map",
    "ModelError": "lowtide.errors",
    "Options": "lowtide.planner.plan",
    "Plan": "lowtide.planner.plan",
    "UsageError": "lowtide.errors",
    "Verified": "lowtide.check.verify",
    "bench": "lowtide.timing.bench",
    "fit": "lowtide.pipeline.fit",
    "profile": "lowtide.pipeline.profile",
    "read_memory_map": "lowtide.planner.plan_json",
    "verify": "lowtide.check.verify",
}

__all__ = [
    "Benched",
    "BudgetError",
    "CheckError",
    "Fitted",
    "LowtideError",
    "MemoryMap",
    "ModelError",
    "Options",
    "Plan",
    "UsageError",
    "Verified",
    "bench",
    "fit",
    "profile",
    "read_memory_map",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lowtide' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
