"""Values that a shell offers behind an option: fit --chip st<TAB>.

`lowtide --install-completion` brings it into the shell. Words that an option lists itself, and
files, need nothing here.
"""

from __future__ import annotations

from lowtide.kernels.cpus import CPUS
from lowtide.packages import ECOSYSTEMS


def chips(incomplete: str) -> list[tuple[str, str]]:
    """Chips, and their processors for shells that show a word beside a value."""
    from lowtide.kernels.chips import CHIPS

    return [(one.name, one.core) for one in CHIPS if one.name.startswith(incomplete)]


def cpus(incomplete: str) -> list[str]:
    """Processors."""
    return [one.name for one in CPUS if one.name.startswith(incomplete)]


def packages(incomplete: str) -> list[str]:
    """Build systems that --package writes for."""
    return [one.name for one in ECOSYSTEMS if one.name.startswith(incomplete)]


def boards(incomplete: str) -> list[tuple[str, str]]:
    """Emulated boards and their cores."""
    from lowtide.timing.boards import BOARDS

    return [(one.name, one.core) for one in BOARDS if one.name.startswith(incomplete)]
