"""What `lowtide doctor` prints.

  numpy              2.4.6
x torch              not installed
                     install the extra torch: pip install '.[torch]' in a clone of lowtide
                     without: no train-compressed, and no PyTorch modules
"""

from __future__ import annotations

import platform

from lowtide.timing.doctor import Examined, Finding
from lowtide.version import __version__


def doctor_text(examined: Examined) -> str:
    """A line a finding, below what is missing how it comes here, and whether fit can work."""
    faults = [one.name for one in examined.findings if one.fault and one.needed]
    verdict = f"fit cannot work here: {', '.join(faults)}" if faults else "fit can work here"
    here = f"lowtide {__version__}, Python {platform.python_version()}, {platform.platform()}"
    return "\n".join([here, *map(_line, examined.findings), verdict])


def _line(one: Finding) -> str:
    if not one.fault:
        return f"  {one.name:23} {one.found}"
    lines = [f"x {one.name:23} {', '.join(word for word in (one.found, one.fault) if word)}"]
    lines += [f"{'':26}{one.install}"] if one.install else []
    lines += [f"{'':26}without: {one.without}"] if one.without else []
    return "\n".join(lines)
