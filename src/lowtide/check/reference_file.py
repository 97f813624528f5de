"""reference.npz: inputs, what is expected of them, what says so, and the sha256 of the model."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from zipfile import ZipFile

import numpy as np

from lowtide.check.exact.blocks import largest_of
from lowtide.check.expected import KINDS, TOLERANCE, Expected
from lowtide.check.numbers import Sample
from lowtide.errors import FIT_AGAIN, UnreadableModel
from lowtide.ir.graph import Array
from lowtide.room import MAX_ELEMENTS


def pack_references(samples: Sequence[Sample], sha256: str) -> bytes:
    """Arrays SAMPLE/input/NAME, SAMPLE/output/NUMBER and the rest of `Expected`.

    That is SAMPLE/made_by (kind, name, version, note, overflows), SAMPLE/gaps and SAMPLE/quanta.
    The same bytes for the same content.
    """
    arrays: dict[str, Array] = {"sha256": np.array(sha256)}
    for i, sample in enumerate(samples):
        arrays[f"{i}/name"] = np.array(sample.name)
        for k, (name, values) in enumerate(sample.inputs.items()):
            arrays[f"{i}/input/{k}/name"] = np.array(name)
            arrays[f"{i}/input/{k}"] = values
        for k, values in enumerate(sample.outputs):
            arrays[f"{i}/output/{k}"] = values
        own = sample.expected
        arrays[f"{i}/made_by"] = np.array(
            [own.kind, own.maker, own.version, own.note, own.overflows]
        )
        arrays[f"{i}/gaps"] = np.array(own.gaps, np.float64)
        arrays[f"{i}/quanta"] = np.array(own.quanta, np.float64)
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack_references(
    data: bytes, file: str, max_elements: int = MAX_ELEMENTS
) -> tuple[list[Sample], str]:
    """The samples and the sha256 back; raises UnreadableModel if the file is damaged.

    So it does where its arrays, which may be packed, are larger than `max_elements` float32.
    """
    try:
        with ZipFile(BytesIO(data)) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size > 4 * max_elements:
            raise UnreadableModel(
                f"{size} bytes of samples are more than --max-elements {max_elements} allows",
                file=file,
                hint="give a larger one",
            )
        held = dict(np.load(BytesIO(data), allow_pickle=False))
        samples, i = [], 0
        while f"{i}/name" in held:
            inputs = {
                str(held[f"{i}/input/{k}/name"]): held[f"{i}/input/{k}"]
                for k in _numbers(held, f"{i}/input/")
            }
            outputs = tuple(held[f"{i}/output/{k}"] for k in _numbers(held, f"{i}/output/"))
            samples.append(Sample(str(held[f"{i}/name"]), inputs, _expected(held, i, outputs)))
            i += 1
        return samples, str(held["sha256"])
    except UnreadableModel:
        raise
    except Exception as error:  # zipfile, numpy and zlib each raise their own
        raise UnreadableModel(
            "not the references that lowtide wrote", file=file, hint=FIT_AGAIN
        ) from error


def _expected(held: dict[str, Array], i: int, outputs: tuple[Array, ...]) -> Expected:
    """What made the outputs; before it was kept, onnxruntime did."""
    if f"{i}/made_by" not in held:
        return Expected(outputs, note="written by an earlier version")
    kind, maker, version, note, *more = (str(word) for word in held[f"{i}/made_by"])
    gaps, quanta = (_distances(held.get(f"{i}/{what}")) for what in ("gaps", "quanta"))
    known = next(one for one in KINDS if one == kind)
    if len(gaps) != (0 if known == "float32" else len(outputs)):
        raise ValueError("a gap for each output")
    if known == "quantised" and not quanta:  # an earlier version kept them as gaps
        quanta = gaps
        gaps = tuple(g + TOLERANCE * largest_of(y) for g, y in zip(gaps, outputs, strict=True))
    if len(quanta) not in (0, len(outputs)):
        raise ValueError("a quantum for each output")
    return Expected(outputs, known, maker, version, gaps, note, quanta, "".join(more))


def _distances(held: Array | None) -> tuple[float, ...]:
    found = () if held is None else tuple(float(gap) for gap in held)
    if not all(0 <= gap < np.inf for gap in found):
        raise ValueError("gaps are distances")
    return found


def _numbers(held: dict[str, Array], prefix: str) -> list[int]:
    count = 0
    while f"{prefix}{count}" in held:
        count += 1
    return list(range(count))
