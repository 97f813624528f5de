"""Training of what is stored, in torch: the extra `train`."""

from lowtide.errors import extra

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(f"training needs torch; {extra('train')}") from error
