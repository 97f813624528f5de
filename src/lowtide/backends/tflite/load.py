"""A .tflite file with its outline, or a ModelError of one line that names the file."""

from __future__ import annotations

from pathlib import Path

from lowtide.backends.tflite.outline import Outline, outline
from lowtide.errors import ModelError, UnreadableModel
from lowtide.frontends.tflite.load import WAY_OUT


def load_outline(path: Path) -> tuple[bytes, Outline]:
    """Raises UnreadableModel and UnsupportedModel."""
    if not path.is_file():
        raise UnreadableModel("not a file" if path.exists() else "no such file", file=str(path))
    try:
        content = path.read_bytes()
        return content, outline(content)
    except OSError as error:
        raise UnreadableModel(f"cannot be read: {error.strerror}", file=str(path)) from error
    except ModelError as error:
        if error.hint is None or "onnx" in error.hint:
            error.hint = WAY_OUT if error.node else "convert the network anew"
        error.within(file=str(path))
        raise
