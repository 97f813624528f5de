"""What the builds of ecosystems take beside the C: manifests, lists of sources, a self-test's main.

It knows names of files and of networks, and nothing of plans.
"""

from lowtide.packages.ecosystems import (
    ECOSYSTEMS,
    Ecosystem,
    Part,
    ecosystem,
    find_part,
    is_folder,
)
from lowtide.packages.fill import Contents, fill

__all__ = [
    "ECOSYSTEMS",
    "Contents",
    "Ecosystem",
    "Part",
    "ecosystem",
    "fill",
    "find_part",
    "is_folder",
]
