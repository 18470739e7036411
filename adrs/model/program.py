"""A program: a tree of regular files, named by the hash of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from adrs.errors import ProgramError

MAX_FILES = 1000
MAX_BYTES = 8 * 1024 * 1024
MAX_PATH_BYTES = 240


def check_path(path: str) -> None:
    """Raises ProgramError unless `path` may name a file of a program.

    Raises:
        ProgramError: empty, absolute, or longer than MAX_PATH_BYTES.
        ProgramError: has a control character, a backslash, or is not UTF-8.
        ProgramError: has a component that is empty, '.', '..' or starts with '.git'.
    """
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise ProgramError(f"file name {path!a} is not UTF-8; rename the file") from None
    if not path or len(encoded) > MAX_PATH_BYTES:
        raise ProgramError(
            f"file name {path[:60]!a} has {len(encoded)} bytes; 1 to {MAX_PATH_BYTES} are allowed"
        )
    if any(ord(c) < 32 or ord(c) == 127 or 0x80 <= ord(c) < 0xA0 for c in path) or "\\" in path:
        raise ProgramError(f"file name {path!a} has a control character or a backslash; rename it")
    for part in path.split("/"):
        if part in ("", ".", "..") or part.lower().startswith(".git"):
            raise ProgramError(
                f"file name {path!a} must be relative, without '', '.', '..' "
                "or a component that starts with '.git'"
            )


@dataclass(frozen=True)
class Program:
    """A tree of regular files. Equal content means equal `id`; nothing else is part of it.

    Attributes:
        files: relative path to bytes, sorted by path, read-only.

    Raises:
        ProgramError: a path that `check_path` refuses.
        ProgramError: a file that is also the folder of another.
        ProgramError: no file, more than MAX_FILES, or more than MAX_BYTES in all.
    """

    files: Mapping[str, bytes] = field(hash=False)

    def __post_init__(self) -> None:
        files = dict(sorted(self.files.items()))
        if not 0 < len(files) <= MAX_FILES:
            raise ProgramError(f"a program has 1 to {MAX_FILES} files, this one {len(files)}")
        size = sum(map(len, files.values()))
        if size > MAX_BYTES:
            raise ProgramError(f"a program has at most {MAX_BYTES} bytes, this one {size}")
        for path in files:
            check_path(path)
            parts = path.split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(parts[:depth])
                if folder in files:
                    raise ProgramError(f"{folder!a} is a file and the folder of {path!a}")
        object.__setattr__(self, "files", MappingProxyType(files))

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Path to the SHA-256 of the file's bytes, in hexadecimal."""
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()}

    @cached_property
    def id(self) -> str:
        """SHA-256 over all paths and contents, in hexadecimal."""
        listing = "".join(f"{digest} {path}\n" for path, digest in self.digests.items())
        return hashlib.sha256(listing.encode()).hexdigest()

    def replacing(self, changes: Mapping[str, bytes]) -> Program:
        """This program with some files replaced or added."""
        return Program({**self.files, **changes})

    def text(self, path: str) -> str:
        """One file as text; bytes that are not UTF-8 become the replacement character."""
        return self.files[path].decode("utf-8", "replace")

    def __reduce__(self) -> tuple[type[Program], tuple[dict[str, bytes]]]:
        return Program, (dict(self.files),)
