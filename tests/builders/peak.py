"""The `lowtide` command, and how much memory its own process took at most.

python tests/builders/peak.py FILE COMMAND ...     writes FILE: bytes, in digits
"""

from __future__ import annotations

import atexit
import subprocess
import sys
from pathlib import Path

MOST_BYTES = 500 * 2**20
"""What lowtide's own process may take; compilers and other children have their own."""


def run_measured(
    *words: str | Path, folder: Path
) -> tuple[subprocess.CompletedProcess[str], int | None]:
    """The command's end, and its peak; None where the system does not tell."""
    peak = folder / "peak"
    command = [sys.executable, Path(__file__), peak, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done, int(peak.read_text()) if peak.exists() else None


def _tell(file: Path) -> None:
    # Not getrusage's: that of a process begins with its parent's.
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            file.write_text(str(1024 * int(line.split()[1])))


if __name__ == "__main__":
    from lowtide.cli.start import main

    atexit.register(_tell, Path(sys.argv.pop(1)).absolute())
    main()
