"""What is seen of a reproduction: how far it is, and what came of it."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from adrs.cli._screen import Screen
from adrs.cli._text import harmless

if TYPE_CHECKING:
    from adrs.reproduction import Reproduction

_EVERY_S = 10.0
_LONG = 1500  # characters


class Shown:
    """Says on stderr what is done now; on a terminal in one line that is gone afterwards."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._status = self._console.status("reading the record")
        self._words = ""
        self._written = time.monotonic()

    def __enter__(self) -> Shown:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def phase(self, words: str) -> None:
        """Something else is done now."""
        self._words = harmless(words, 300)
        self._say(self._words)

    def progress(self, done: int, of: int) -> None:
        """So much of it is done; said now and then where it stays on the screen."""
        if self._console.is_terminal or time.monotonic() - self._written >= _EVERY_S:
            self._say(f"{self._words}: {done} of {of}")

    def _say(self, words: str) -> None:
        if self._console.is_terminal:
            self._status.update(words)
        else:
            self._console.print(words, soft_wrap=True)
        self._written = time.monotonic()


def show_reproduction(screen: Screen, found: Reproduction) -> None:
    """Writes what came of it."""
    counts = f"{found.proposals} proposals and {found.measured} measured trials are as recorded"
    difference = found.difference
    if difference is None:
        screen.line((found.run, "bold"), "  ", ("comes out the same", "bold green"))
        screen.line(counts)
    else:
        screen.line((found.run, "bold"), "  ", ("comes out otherwise", "bold red"))
        screen.fields([(name, harmless(text, _LONG)) for name, text in asdict(difference).items()])
        screen.line((f"before that, {counts}", "dim"))
    for words in found.notes:
        screen.line(("note: ", "yellow"), harmless(words, _LONG))


def as_plain(found: Reproduction) -> dict[str, object]:
    """The one JSON object."""
    return {
        "run": found.run,
        "same": found.same,
        "proposals": found.proposals,
        "measured": found.measured,
        "difference": None if found.difference is None else asdict(found.difference),
        "notes": list(found.notes),
    }
