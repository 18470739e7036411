"""Strict reading of what an author writes: a task's folder, and the files of a program."""

from adrs.config._files import deciding_files, digest_listing, read_program
from adrs.config._task import load_task, read_options

__all__ = ["deciding_files", "digest_listing", "load_task", "read_options", "read_program"]
