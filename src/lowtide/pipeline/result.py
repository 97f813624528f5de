"""Result: what every fit hands back, whatever it was asked to make."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.files import write_folder


class Result:
    """What was made: `files` by name, `facts()` for scripts, `save` for a folder.

    Printed, it says what the command says.
    """

    warnings: Sequence[str] = ()
    """What looks wrong in what was given."""

    if TYPE_CHECKING:

        @property
        def files(self) -> Mapping[str, bytes]:
            """What `save` writes, by name."""

        def facts(self) -> dict[str, Any]:
            """Everything that the command prints with --json."""

    def save(self, folder: str | os.PathLike[str]) -> list[str]:
        """Writes the files to `folder`; an earlier result of lowtide's there is replaced.

        Files that are not lowtide's stay. Returns the names of those that were written. Raises
        UsageError where it may not or cannot, and then nothing has changed.
        """
        return write_folder(Path(folder), self.files, self._read, figures=self.listed)

    @property
    def _read(self) -> Sequence[Path]:
        """Files that it was made of, which are not to be replaced."""
        return ()

    @property
    def listed(self) -> Mapping[str, Any] | None:
        """Figures that the folder's list of files has as well."""
        return None
