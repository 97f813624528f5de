"""Builds the wheel and the sdist twice, from two copies, and keeps them in dist/ if they are equal.

    python -m bench.distribute

Both have the same bytes wherever and whenever they are built: dates in them are SOURCE_DATE_EPOCH,
or the build backend's own if that is not set. Digests are printed, for whoever builds them again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
_BUILD = """
import sys
from hatchling.build import build_sdist, build_wheel
build_wheel(sys.argv[1])
build_sdist(sys.argv[1])
"""


def environment(folder: Path, *packages: str) -> Path:
    """The python of a new environment with some packages, and no others."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    quietly = ["-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    subprocess.run([python, *quietly, *packages], check=True, env=alone())
    return python


def alone() -> dict[str, str]:
    """The process's environment, without what leads Python to other packages."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def tracked() -> list[str]:
    """The project's files, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def build(backend: Path, folder: Path, written_at: float) -> dict[str, bytes]:
    """Wheel and sdist by name, of a copy in a new folder whose files have another date."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
        os.utime(folder / name, (written_at, written_at))
    out = folder / "dist"
    out.mkdir()
    subprocess.run([backend, "-c", _BUILD, out], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   env=alone())  # fmt: skip
    return {file.name: file.read_bytes() for file in sorted(out.iterdir())}


def main() -> None:
    with TemporaryDirectory() as made:
        folder = Path(made)
        backend = environment(folder / "backend", "hatchling")
        first = build(backend, folder / "one", 1e9)
        if build(backend, folder / "elsewhere" / "another", 1.5e9) != first:
            sys.exit("two builds differ: nothing was written")
    (ROOT / "dist").mkdir(exist_ok=True)
    for name, content in first.items():
        (ROOT / "dist" / name).write_bytes(content)
        print(f"{sha256(content).hexdigest()}  dist/{name}")


if __name__ == "__main__":
    main()
