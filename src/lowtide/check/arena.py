"""The arena in numpy, as bytes that remember which element of which storage they hold."""

from __future__ import annotations

import numpy as np

from lowtide.errors import CheckError
from lowtide.ir.graph import Array
from lowtide.ir.index import IntArray
from lowtide.layout.lay_out import Place
from lowtide.planner.plan import Plan

_NEVER = 1 << 62
_WIDEST = 8


class Memory:
    """An arena whose bytes are taken together in units of the smallest element.

    `owner` is the element that each unit holds, numbered through all storages from 1; `written` the
    moment of the current row at which it is written.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.unit = min(s.dtype.bytes for s in plan.layout.storages.values())
        units = -(-plan.arena_bytes // self.unit)
        self.bytes = np.zeros(-(-plan.arena_bytes // _WIDEST) * _WIDEST, np.uint8)
        self.owner = np.zeros(units, np.int64)
        self.written = np.full(units, _NEVER, np.int64)
        self.reads = 0
        self.first: dict[str, int] = {}
        at = 1
        for name, storage in plan.layout.storages.items():
            self.first[name] = at
            at += storage.elements

    def _address(self, place: Place, linear: IntArray) -> IntArray:
        """The first byte of each element."""
        storage = self.plan.layout.storages[place.storage]
        row, size = storage.row_elements, storage.dtype.bytes
        first = self.plan.addresses[place.storage][linear // row]
        address = np.asarray(first + linear % row * size, np.int64)
        outside = (address < 0) | (address + size > self.plan.arena_bytes)
        if outside.any():
            where = int(address[outside].flat[0])
            raise CheckError(f"'{place.storage}' leaves the arena at byte {where}")
        if (address % size).any():
            raise CheckError(f"'{place.storage}' does not lie at multiples of {size} bytes")
        return address

    def _units(self, place: Place, address: IntArray) -> list[IntArray]:
        """The first unit of each element, the second, and so on."""
        count = self.plan.layout.storages[place.storage].dtype.bytes // self.unit
        return [address // self.unit + k for k in range(count)]

    def _in_memory(self, place: Place) -> Array:
        """All memory as elements of a storage's type."""
        return self.bytes.view(self.plan.layout.storages[place.storage].dtype.name)

    def carry(self, old: Place, new: Place) -> None:
        """What was stored as `new` is `old` from now on, if it lies there."""
        values = self.load(new, all_of(new), "what is carried")
        for one, other in zip(
            self._units(old, self._address(old, all_of(old))),
            self._units(new, self._address(new, all_of(new))),
            strict=True,
        ):
            if not np.array_equal(one, other):
                raise CheckError(f"'{new.storage}' does not lie where '{old.storage}' is read")
        self.store(old, all_of(old), values)

    def load(self, place: Place, linear: IntArray, what: str, safe: IntArray | int = 0) -> Array:
        """Elements of a storage; `safe` is the first moment of this row that may overwrite them."""
        address, held = self._address(place, linear), self._in_memory(place)
        wrong = np.zeros(address.shape, bool)
        for unit in self._units(place, address):
            wrong |= self.owner[unit] != self.first[place.storage] + linear
            wrong |= self.written[unit] < safe
        self.reads += linear.size
        if wrong.any():
            where = int(address[wrong].flat[0])
            raise CheckError(f"{what}: byte {where} of the arena does not hold '{place.storage}'")
        return np.asarray(held[address // held.itemsize])

    def store(self, place: Place, linear: IntArray, values: Array) -> None:
        """Writes elements, which from now on are there."""
        address, held = self._address(place, linear), self._in_memory(place)
        held[address // held.itemsize] = values
        for unit in self._units(place, address):
            self.owner[unit] = self.first[place.storage] + linear

    def write_at(self, place: Place, linear: IntArray, moment: IntArray | int = _NEVER) -> None:
        """Notes when the current row writes elements; without a moment, that it is done."""
        for unit in self._units(place, self._address(place, linear)):
            self.written[unit] = moment


def all_of(place: Place) -> IntArray:
    """The linear position of every element of a placed tensor."""
    at = np.asarray(place.strided.offset, np.int64)
    for axis, (extent, stride) in enumerate(
        zip(place.strided.shape, place.strided.strides, strict=True)
    ):
        shape = [-1 if a == axis else 1 for a in range(len(place.strided.shape))]
        at = at + (np.arange(extent, dtype=np.int64) * stride).reshape(shape)
    return np.broadcast_to(at, place.strided.shape)
