"""What leaves the record: a program, a patch, a winner's folder, a research object."""

from adrs.exporting.bundle import bundle_files
from adrs.exporting.certified import certified_files
from adrs.exporting.patch import mailed_patch
from adrs.exporting.place import check_place, write_file, write_folder, zipped

__all__ = [
    "bundle_files",
    "certified_files",
    "check_place",
    "mailed_patch",
    "write_file",
    "write_folder",
    "zipped",
]
