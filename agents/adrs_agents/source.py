"""One Python file as bytes and syntax tree, and the places in it that may change.

Edits replace byte ranges, so whatever an edit does not touch keeps its comments, its formatting
and its line endings to the byte.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from adrs import Brief, Program

MAX_BYTES = 200_000
_MARK = re.compile(rb"EVOLVE-BLOCK-(START|END)")


class Unparsable(Exception):
    """A file is not a Python program; the message says why."""


@dataclass(frozen=True, slots=True)
class Splice:
    """Bytes `start` to `end` are replaced by `new`."""

    start: int
    end: int
    new: bytes


def parse(data: bytes) -> ast.Module:
    """The syntax tree of a file.

    Raises:
        Unparsable: it is too large, not UTF-8, or not Python.
    """
    if len(data) > MAX_BYTES:
        raise Unparsable(f"{len(data)} bytes are more than the {MAX_BYTES} that are edited")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unparsable(str(error) or type(error).__name__) from None


@dataclass(frozen=True)
class Source:
    """A parsed file of a program.

    Attributes:
        regions: byte ranges that may change: the whole file, or what its marker comments enclose.
    """

    path: str
    data: bytes
    tree: ast.Module = field(repr=False, compare=False)

    @staticmethod
    def read(path: str, data: bytes) -> Source:
        """Raises Unparsable, as `parse` does."""
        return Source(path, data, parse(data))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of the tree, outer before inner."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def lines(self) -> tuple[int, ...]:
        """Byte offset of every line's start, and the end of the file."""
        offsets = [0]
        for line in self.data.splitlines(keepends=True):
            offsets.append(offsets[-1] + len(line))
        return tuple(offsets)

    @cached_property
    def regions(self) -> tuple[tuple[int, int], ...]:
        return _regions(self.data)

    @cached_property
    def newline(self) -> str:
        first = self.data[: self.lines[1]] if len(self.lines) > 1 else b""
        return "\r\n" if first.endswith(b"\r\n") else "\n"

    def span(self, node: ast.expr | ast.stmt | ast.arg) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.lines[node.lineno - 1] + node.col_offset
        return start, self.lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode("utf-8")

    def may_change(self, start: int, end: int) -> bool:
        return any(low <= start and end <= high for low, high in self.regions)

    def editable(self, node: ast.expr | ast.stmt) -> bool:
        return self.may_change(*self.span(node))

    def line_span(self, statement: ast.stmt) -> tuple[int, int] | None:
        """The whole lines of a statement; None if it shares a line with another."""
        assert statement.end_lineno is not None
        first = min(
            [statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))]
        )
        low, high = self.lines[first - 1], self.lines[statement.end_lineno]
        end = self.span(statement)[1]
        before = self.data[low : self.lines[first - 1] + statement.col_offset]
        after = self.data[end:high].strip()
        if before.strip() or (after and not after.startswith(b"#")):
            return None
        return low, high

    def indent(self, statement: ast.stmt) -> str:
        """The white space before a statement that starts its line."""
        line = self.data[self.lines[statement.lineno - 1] :]
        return line[: statement.col_offset].decode("utf-8")

    @cached_property
    def step(self) -> str:
        """What one level of indentation looks like here."""
        for node in self.nodes:
            body = getattr(node, "body", None)
            if isinstance(node, ast.stmt) and isinstance(body, list):
                outer, inner = self.indent(node), self.indent(body[0])
                if inner.isspace() and inner.startswith(outer) and len(inner) > len(outer):
                    return inner[len(outer) :]
        return "    "

    def spliced(self, splices: Iterable[Splice]) -> Source:
        """The file with some ranges replaced.

        Raises:
            Unparsable: the result is not Python.
            ValueError: a range is not editable, or two overlap.
        """
        pieces: list[bytes] = []
        done = 0
        for splice in sorted(splices, key=lambda s: (s.start, s.end)):
            if splice.start < done or not self.may_change(splice.start, splice.end):
                raise ValueError(
                    f"{self.path}: bytes {splice.start} to {splice.end} stay as they are"
                )
            pieces += [self.data[done : splice.start], splice.new]
            done = splice.end
        pieces.append(self.data[done:])
        return Source.read(self.path, b"".join(pieces))


def _regions(data: bytes) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    opened: int | None = None
    marked = False
    offset = 0
    for line in data.splitlines(keepends=True):
        mark = _MARK.search(line)
        if mark:
            marked = True
            if mark[1] == b"START" and opened is None:
                opened = offset + len(line)
            elif mark[1] == b"END" and opened is not None:
                found.append((opened, offset))
                opened = None
        offset += len(line)
    # A block that is never closed encloses nothing: better to change too little.
    return tuple(found) if marked else ((0, len(data)),)


def editable_paths(program: Program, brief: Brief) -> tuple[str, ...]:
    """The Python files of a program that the task lets a proposer change."""
    return tuple(path for path in program.files if path.endswith(".py") and brief.may_edit(path))


def editable_sources(program: Program, brief: Brief) -> Sequence[Source]:
    """The editable files that are Python.

    Raises:
        Unparsable: there are editable Python files, and none of them parses.
    """
    sources: list[Source] = []
    why = ""
    for path in editable_paths(program, brief):
        try:
            sources.append(Source.read(path, program.files[path]))
        except Unparsable as error:
            why = why or f"{path}: {error}"
    if why and not sources:
        raise Unparsable(why)
    return sources


def compiles(data: bytes) -> bool:
    """Whether Python takes a file as a module; finds what the syntax tree cannot show."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data.decode("utf-8"), "program", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
