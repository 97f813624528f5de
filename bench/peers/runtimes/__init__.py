"""Runtimes to compare with, a file each: `version()`, and `load(model, inputs)`, which returns what
runs one set of the inputs (arrays SET/NAME of an .npz) on one thread. They are imported where they
are installed only, by `python -m bench.peers.runtimes NAME MODEL INPUTS`."""
