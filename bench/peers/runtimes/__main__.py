"""A runtime as a Worker: python -m bench.peers.runtimes NAME MODEL INPUTS.npz."""

from __future__ import annotations

import sys
from importlib import import_module

from lowtide.timing.worker_main import serve


def main() -> None:
    """Serves the runtime, or says that it is not installed."""
    name, model, inputs = sys.argv[1:]
    try:
        runtime = import_module(f"bench.peers.runtimes.{name}")
    except ImportError:
        print("@error not installed", flush=True)
        return
    serve(runtime.version(), lambda: runtime.load(model, inputs))


if __name__ == "__main__":
    main()
