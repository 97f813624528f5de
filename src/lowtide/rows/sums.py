"""Sums that wait: they need more bits than what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.ir.dtype import I32
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import Task


def with_sums(layout: Layout, tasks: Sequence[Task]) -> Layout:
    """The layout with sums that are not finished yet in storages of at least 32 bits an element.

    Those are sums that grow row by row, and sums that another operator goes on from. A sum of int8
    products needs 32 bits; a float32 has them already.
    """
    sums = {layout.places[task.output].storage for task in tasks if task.accumulates}
    begun = {name for task in tasks for name in task.begins_with}
    sums |= {layout.places[name].storage for name in begun & layout.places.keys()}
    narrow = [name for name in sums if layout.storages[name].dtype.bits < I32.bits]
    wide = {name: replace(layout.storages[name], dtype=I32) for name in narrow}
    return replace(layout, storages={**layout.storages, **wide}) if wide else layout
