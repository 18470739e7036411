"""The edits that an answer may hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A SEARCH/REPLACE block: the lines `new` for the lines `old`.

    Attributes:
        number: its place among the answer's blocks, from 1.
    """

    path: str
    number: int
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def title(self) -> str:
        first = next((line.strip() for line in self.old if line.strip()), "")
        return f"block {self.number} ({self.path}{f', at {first[:60]!r}' if first else ''})"


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file's new content.

    Attributes:
        naming_line: the first of the lines, if nothing but that named the file.
    """

    path: str
    lines: tuple[str, ...]
    naming_line: str = ""

    @property
    def title(self) -> str:
        return f"the fenced block of {self.path}"


@dataclass(frozen=True, slots=True)
class Deletion:
    """A file to be removed."""

    path: str

    @property
    def title(self) -> str:
        return f"DELETE: {self.path}"


Edit = Block | WholeFile | Deletion
