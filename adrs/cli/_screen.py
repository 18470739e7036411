"""Where a command writes: words and tables for people, or one JSON object as the last line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Piece: TypeAlias = "str | tuple[str, str]"
"""Text, or text with the style it has on a terminal."""

_GAP = 2  # blanks between the columns of a table
_LEAST = 20  # characters that are left of its last column


class Screen:
    """People's text goes to stdout, or to stderr when stdout is for JSON.

    Markup is never read, so brackets in untrusted text mean nothing here; control characters are
    taken out where the text comes in, by `harmless`.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    @cached_property
    def console(self) -> Console:
        from rich.console import Console

        class PlainConsole(Console):
            def on_broken_pipe(self) -> None:
                raise  # rich would leave the program from wherever it is

        return PlainConsole(stderr=self.as_json, markup=False, highlight=False, emoji=False)

    @property
    def is_terminal(self) -> bool:
        return self.console.is_terminal

    def line(self, *pieces: Piece) -> None:
        """Writes a sentence: wrapped between words on a terminal, one line in a file."""
        from rich.text import Text

        self.console.print(Text.assemble(*pieces), soft_wrap=not self.is_terminal)

    def verbatim(self, *pieces: Piece | Text) -> None:
        """Writes one line that somebody may want to copy; nothing is broken into it."""
        from rich.text import Text

        self.console.print(Text.assemble(*pieces), soft_wrap=True)

    def fields(self, pairs: Sequence[tuple[str, str] | tuple[str, Sequence[Piece]]]) -> None:
        """Writes names and what they stand for, aligned; pairs without content are left out."""
        width = max((len(name) for name, _ in pairs), default=0)
        for name, content in pairs:
            if content:
                pieces = [content] if isinstance(content, str) else content
                self._field(f"{name:<{width}}  ", pieces)

    def _field(self, name: str, pieces: Sequence[Piece]) -> None:
        from rich.text import Text

        content = Text.assemble(*pieces)
        room = self.console.width - len(name)
        lines = content.wrap(self.console, room) if self.is_terminal and room > 20 else [content]
        for index, line in enumerate(lines):
            self.verbatim((name if index == 0 else " " * len(name), "dim"), line)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[Piece]]) -> None:
        """Writes columns: cut to the width of a terminal, whole and plain in a pipe or a file."""
        if not (self.is_terminal and self._rich_table(headers, rows)):
            self._plain_table(headers, rows)

    def _rich_table(self, headers: Sequence[str], rows: Sequence[Sequence[Piece]]) -> bool:
        """Whether there was room for it."""
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        columns = [[_text(cell) for cell in column] for column in zip(headers, *rows, strict=True)]
        widths = [max(map(cell_len, column)) for column in columns]
        # Only the last column, the longest text, gives way to a narrow terminal.
        room = self.console.width - sum(widths[:-1]) - _GAP * (len(widths) - 1)
        if room < min(widths[-1], _LEAST):
            return False
        widths[-1] = min(widths[-1], room)
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        for (header, *cells), width in zip(columns, widths, strict=True):
            table.add_column(
                header,
                justify="right" if cells and all(map(_is_number, cells)) else "left",
                width=width,
                no_wrap=True,
                overflow="ellipsis",
            )
        for row in rows:
            table.add_row(*(Text.assemble(piece) for piece in row))
        self.console.print(table)
        return True

    def _plain_table(self, headers: Sequence[str], rows: Sequence[Sequence[Piece]]) -> None:
        lines = [list(headers), *([_text(piece) for piece in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
            typer.echo("  ".join(cells).rstrip(), err=self.as_json)

    def json(self, value: Mapping[str, object]) -> None:
        """Writes the one JSON object that scripts read."""
        typer.echo(json.dumps(value, default=_plain))


def _text(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece[0]


def _is_number(cell: str) -> bool:
    return cell in ("", "-") or cell.replace(",", "").replace(".", "", 1).lstrip("-").isdigit()


def _plain(value: object) -> object:
    """What our records have beyond JSON."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"JSON cannot carry {type(value).__name__}")
