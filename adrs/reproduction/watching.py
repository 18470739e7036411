"""Who watches a reproduction."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Told what is done, and how far that is."""

    def phase(self, words: str) -> None:
        """Something else is done now."""
        ...

    def progress(self, done: int, of: int) -> None:
        """So much of it is done."""
        ...
