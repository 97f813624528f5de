"""The machine on which times are taken."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def a_core() -> int | None:
    """A core to keep to, the last of those allowed; None where the system does not pin."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return max(os.sched_getaffinity(0))


def machine() -> dict[str, str | int | float | None]:
    """Its processor, how many of it there are, and how busy it is."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_1_minute": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        named = None
    return named.group(1).strip() if named else platform.processor() or platform.machine()
