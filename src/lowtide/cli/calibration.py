"""Pictures that `compress`, `train-compressed` and `fit --flash` are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lowtide.cli.output import say
from lowtide.cli.parse import parse_numbers
from lowtide.errors import UsageError

if TYPE_CHECKING:
    from lowtide.data.pictures import Scaling


FAMILIES: dict[str, tuple[Literal["plain", "generated"], ...]] = {
    "both": ("plain", "generated"),
    "plain": ("plain",),
    "generated": ("generated",),
}


@dataclass(frozen=True)
class Data:
    """Pictures of a `fit --flash`: to calibrate and to test on, and the tests' class numbers."""

    calibrate: Sequence[Path] = ()
    test: Sequence[Path] = ()
    classes: Path | None = None
    mean: str = "0"
    std: str = "1"
    bgr: bool = False
    weights: str = "both"
    uncalibrated: bool = False

    def __post_init__(self) -> None:
        check_given(self.uncalibrated, self.calibrate, self.test, self.classes)

    @property
    def asked(self) -> bool:
        """Whether any of its options was given."""
        given = self.calibrate or self.test or self.classes or self.uncalibrated
        return bool(given) or self.weights != "both"


def check_given(
    uncalibrated: bool,
    calibrate: Sequence[Path] | None,
    test: Sequence[Path] | None,
    classes: Path | None,
) -> None:
    """Raises UsageError for both kinds of calibration at once, and for paths that lead nowhere."""
    if uncalibrated and calibrate:
        raise UsageError("--uncalibrated is for doing without --calibrate; give one of them")
    given = {"--calibrate": calibrate, "--test": test, "--classes": [classes] if classes else ()}
    for option, paths in given.items():
        for path in paths or ():
            if not path.exists():
                raise UsageError(f"{option} {path}: no such file or folder")


def warnings(said: Sequence[str]) -> dict[str, list[str]]:
    """Says on stderr what does not match, and gives it for --json."""
    for one in said:
        say(f"warning: {one}")
    return {"warnings": list(said)}


def scaling(mean: str, std: str, bgr: bool) -> Scaling:
    """How pixels become the network's numbers, from the words of --mean and --std."""
    from lowtide.data.pictures import Scaling

    return Scaling(parse_numbers(mean), parse_numbers(std), bgr)
