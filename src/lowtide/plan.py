"""A plan: the network, when each row is computed, and where each row lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from lowtide.costs import Profile
from lowtide.layout import Layout
from lowtide.live import Lives, live_bytes
from lowtide.problem import Placement, Problem
from lowtide.schedule import Schedule
from lowtide.task import Task

Overlap = Literal["none", "row", "group", "pixel"]
OVERLAPS: tuple[Overlap, ...] = ("none", "row", "group", "pixel")


@dataclass(frozen=True)
class Options:
    """What a plan was asked to be; the names are those of the command line."""

    schedule: Literal["layerwise"] = "layerwise"
    order: Literal["given", "least"] = "least"
    overlap: Overlap = "group"
    place: Literal["greedy", "exact"] = "exact"
    align: int = 16
    element_bytes: int | None = None
    io_layout: Literal["nhwc", "nchw"] = "nhwc"
    fuse_pools: bool | None = None
    tile: tuple[int, int] | None = None
    keep_input: bool = False


@dataclass(frozen=True)
class Source:
    """The file a plan was made from."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Plan:
    """Everything that is decided, and the facts measured on it. Sizes are bytes."""

    source: Source
    options: Options
    element_bytes: int
    layout: Layout
    tasks: tuple[Task, ...]
    schedule: Schedule
    lives: Lives
    problem: Problem
    placement: Placement
    profile: Profile
    scratch_bytes: int
    """The largest buffer that an operator keeps on the stack."""

    @property
    def arena_bytes(self) -> int:
        return self.placement.arena_bytes

    @cached_property
    def offset(self) -> Mapping[str, int]:
        """Where each storage begins, bytes from the start of the arena."""
        names = (block.name for block in self.problem.blocks)
        return dict(zip(names, self.placement.offsets, strict=True))

    @property
    def fullest(self) -> Task:
        """The task at which the most bytes live."""
        live = live_bytes(self.lives, self.schedule.ticks)
        most = int(live[1:-1].argmax()) + 1 if len(live) > 2 else 0
        runs = [run for run, tick in self.schedule.timed() if tick <= most]
        return self.tasks[runs[-1].task if runs else 0]

    def facts(self) -> dict[str, int | float | bool]:
        """What was measured, without anything that differs from run to run."""
        return {
            "arena_bytes": self.arena_bytes,
            "lower_bound_bytes": self.profile.lower_bound_bytes,
            "schedule_proven": self.schedule.proven,
            "schedule_bound_bytes": self.schedule.bound,
            "placement_proven": self.placement.proven,
            "placement_bound_bytes": self.placement.bound,
            "layerwise_bytes": self.profile.layerwise_bytes,
            "ping_pong_bytes": self.profile.ping_pong_bytes,
            "no_reuse_bytes": self.profile.no_reuse_bytes,
            "macs": self.profile.macs,
            "mac_overhead": 0.0,
            "weight_bytes": self.profile.weight_bytes,
            "scratch_bytes": self.scratch_bytes,
        }

    def moved(self, storage: str, offset: int) -> Plan:
        """The same plan with one storage elsewhere (to test the judge; nothing is checked)."""
        names = [block.name for block in self.problem.blocks]
        offsets = list(self.placement.offsets)
        offsets[names.index(storage)] = offset
        return replace(self, placement=replace(self.placement, offsets=tuple(offsets)))
