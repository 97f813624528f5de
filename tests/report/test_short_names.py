"""Names in a table: what is left of them tells them apart."""

from __future__ import annotations

import pytest

from lowtide.report.short_names import short_names, what_differs

TORCH = [
    "/features/features.0/features.0.0/Conv",
    *(
        f"/features/features.{k}/conv/conv.{j}/conv.{j}.0/Conv"
        for k in range(1, 18)
        for j in (0, 1)
    ),
    "/features/features.18/features.18.1/Clip",
]


def test_what_is_common_is_left_out() -> None:
    """The path that torch repeats, the type, and what all begin with."""
    types = ["Conv+Clip"] * (len(TORCH) - 1) + ["Clip"]
    told = what_differs(TORCH, types)
    assert told[:3] == ["0.0", "1/conv.0.0", "1/conv.1.0"]
    assert told[-1] == "18.1"


def test_names_stay_as_they_are_where_there_is_room() -> None:
    names = ["/a/b/Conv", "/a/c/Conv"]
    assert short_names(names, 9, ["Conv", "Conv"]) == names


def test_names_that_would_be_alike_stay_apart() -> None:
    """Of one layer its Conv and its Relu; and one that is its type alone."""
    names = ["/layer/layer.0/Conv", "/layer/layer.0/Relu", "/Conv"]
    assert what_differs(names, ["Conv", "Relu", "Conv"]) == ["layer.0/Conv", "layer.0/Relu", "Conv"]


@pytest.mark.parametrize("width", range(8, 24))
@pytest.mark.parametrize("head", ["", "model/backbone/stage", "x" * 30])
def test_what_is_left_differs(width: int, head: str) -> None:
    """At either end, in no more than the width; a name of one control character too."""
    for tail in ("", "/a/very/long/tail/that/all/have/Conv"):
        names = [f"{head}{k}{tail}" for k in range(200)] + ["\x1b"]
        told = short_names(names, width)
        assert max(map(len, told)) <= width
        assert len(set(told)) == len(names)
