"""Measurements behind the README and docs/, each run by `python -m bench.NAME`."""
