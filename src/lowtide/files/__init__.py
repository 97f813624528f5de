"""A folder or a file written all at once or not at all, and nothing of the user's with it.

It knows nothing of what is in the files.
"""

from lowtide.files.folder import check_folder, put, write_folder
from lowtide.files.listing import OWN
from lowtide.files.single import check_file, write_file

__all__ = ["OWN", "check_file", "check_folder", "put", "write_file", "write_folder"]
