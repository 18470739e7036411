"""Unified diffs, applied to a program exactly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from adrs.errors import ProgramError
from adrs.model.program import Program

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
_GIT = b"diff --git "
_SILENT = (b"diff ", b"index ", b"old mode ", b"new mode ", b"dissimilarity index ")
_MADE, _REMOVED = b"new file mode ", b"deleted file mode "
_MOVED = (b"similarity index ", b"rename ", b"copy ")
_BINARY = (b"Binary files ", b"GIT binary patch")
_NO_LINE_END = b"\\ No newline"
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def apply_patch(program: Program, patch: bytes) -> Program:
    """A program after a unified diff, as `git diff`, `diff -u` and `adrs diff` write them.

    Paths are relative to the program's root, with or without a/ and b/ in front. Every hunk must
    fit where it says, to the byte.

    Raises:
        ProgramError: it is not a patch, or changes nothing.
        ProgramError: it does not fit the program; the message has the line of the patch.
        ProgramError: what comes of it is not a program.
    """
    files = dict(program.files)
    touched: set[str] = set()
    for change in _Reader(patch).changes():
        path = change.path
        if path in touched:
            raise _fault(change.line, f"{path!a} is changed a second time")
        touched.add(path)
        if change.makes and path in files:
            raise _fault(change.line, f"{path!a} is to be made, and is there already")
        if not change.makes and path not in files:
            raise _fault(
                change.line,
                f"there is no file {path!a}; paths are relative to the program's root, which has "
                f"{next(iter(program.files))!a}",
            )
        after = _patched(files.pop(path, b""), change)
        if not change.removes:
            files[path] = after
        elif after:
            raise _fault(change.line, f"{path!a} is to be removed, and the hunks leave some of it")
    if not touched:
        raise ProgramError("a unified diff was expected, and no file is changed in what came")
    return Program(files)


@dataclass(slots=True)
class _Hunk:
    """Lines to find at a place, counted from 0, and what to put there."""

    line: int
    start: int
    old: list[bytes] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Change:
    """What a patch does to one file."""

    line: int
    path: str
    makes: bool = False
    removes: bool = False
    hunks: list[_Hunk] = field(default_factory=list)


def _patched(before: bytes, change: _Change) -> bytes:
    lines = _lines(before)
    done: list[bytes] = []
    at = 0
    for hunk in change.hunks:
        if hunk.start < at:
            raise _fault(hunk.line, "the hunk begins before the end of the one above it")
        end = hunk.start + len(hunk.old)
        for place, expected in enumerate(hunk.old, hunk.start):
            found = lines[place] if place < len(lines) else None
            if found != expected:
                has = "ends before it" if found is None else f"has {_shown(found)}"
                raise _fault(
                    hunk.line,
                    f"the hunk expects {_shown(expected)} at line {place + 1} of {change.path!a}, "
                    f"which {has}",
                )
        if hunk.start > len(lines):
            raise _fault(hunk.line, f"{change.path!a} ends before the hunk's place")
        done += [*lines[at : hunk.start], *hunk.new]
        at = end
    return b"".join([*done, *lines[at:]])


class _Reader:
    """Goes through the lines of a patch once."""

    def __init__(self, patch: bytes) -> None:
        self._lines = [line.removesuffix(b"\n") for line in _lines(patch)]
        self._at = 0

    def changes(self) -> Iterator[_Change]:
        """What it does to each file, in order."""
        begun = False
        while (line := self._line) is not None:
            if line.startswith(_GIT):
                begun = True
                yield from self._git_header()
            elif line.startswith(b"--- "):
                begun = True
                yield self._file()
            elif begun and line.rstrip() == b"--":
                return  # what follows is the signature of a mail
            elif line.startswith(b"@@"):
                raise self._misread("the names of the file (---, +++) before a hunk")
            elif begun and line and not line.startswith(b"diff "):
                raise self._misread("a line of a hunk, or the next file")
            else:
                self._at += 1

    def _git_header(self) -> Iterator[_Change]:
        """What git says of a file before its hunks; a file without bytes has none."""
        names, start = self._next().removeprefix(_GIT), self._at
        kind = b""
        while (line := self._line) is not None:
            if line.startswith((_MADE, _REMOVED)):
                kind = line
            elif line.startswith(_MOVED):
                raise self._misread("no renamed or copied file (write it with --no-renames)")
            elif line.startswith(_BINARY):
                raise self._misread("changes of text (hand in a folder for others)")
            elif line.startswith(_GIT) or not line.startswith(_SILENT):
                break
            self._at += 1
        if kind and (line is None or not line.startswith(b"--- ")):
            half = len(names) // 2
            old, new = self._path(names[:half]), self._path(names[half + 1 :])
            path = _stripped(old, new)[1]
            yield _Change(start, path, kind.startswith(_MADE), kind.startswith(_REMOVED))

    def _file(self) -> _Change:
        """The names of a file and its hunks."""
        old, start = self._path(self._next().removeprefix(b"--- ")), self._at
        if self._line is None or not self._line.startswith(b"+++ "):
            raise self._misread("+++ and the file's name")
        new = self._path(self._next().removeprefix(b"+++ "))
        makes, removes = old == "/dev/null", new == "/dev/null"
        old, new = _stripped(old, new)
        change = _Change(start, old if removes else new, makes, removes)
        if not makes and not removes and old != new:
            raise _fault(start, f"it turns {old!a} into {new!a}; a file keeps its name in a patch")
        while self._line is not None and self._line.startswith(b"@@"):
            change.hunks.append(self._hunk())
        if not change.hunks:
            raise self._misread("a hunk, @@ -LINE,COUNT +LINE,COUNT @@")
        return change

    def _hunk(self) -> _Hunk:
        match = _HUNK.match(self._lines[self._at])
        if match is None:
            raise self._misread("@@ -LINE,COUNT +LINE,COUNT @@")
        start, old, new = (1 if count is None else int(count) for count in match.groups())
        self._at += 1
        # Where no old line is named, the number is that of the line before.
        hunk = _Hunk(self._at, max(0, start - 1) if old else start)
        while len(hunk.old) < old or len(hunk.new) < new:
            line = self._line
            mark = b"" if line is None else line[:1] or b" "  # a blank line may have lost its blank
            if mark not in (b" ", b"-", b"+"):
                counts = f"{old - len(hunk.old)} old and {new - len(hunk.new)} new"
                raise self._misread(f"more lines of the hunk ({counts} ones, as its head says)")
            text = self._next()[1:] + b"\n"
            if self._line is not None and self._line.startswith(_NO_LINE_END):
                text = text.removesuffix(b"\n")
                self._at += 1
            if mark != b"+":
                hunk.old.append(text)
            if mark != b"-":
                hunk.new.append(text)
        if len(hunk.old) > old or len(hunk.new) > new:
            raise _fault(hunk.line, "the hunk has more lines than its head says")
        return hunk

    @property
    def _line(self) -> bytes | None:
        """The next line; None at the end."""
        return self._lines[self._at] if self._at < len(self._lines) else None

    def _next(self) -> bytes:
        self._at += 1
        return self._lines[self._at - 1]

    def _path(self, name: bytes) -> str:
        """A name as a header has it: in quotes, or up to the tab before a date."""
        name = name.partition(b"\t")[0]
        if len(name) > 1 and name.startswith(b'"') and name.endswith(b'"'):
            name = _ESCAPE.sub(_unescaped, name[1:-1])
        try:
            return name.decode("utf-8")
        except UnicodeDecodeError:
            raise _fault(self._at, f"the file name {_shown(name)} is not UTF-8") from None

    def _misread(self, expected: str) -> ProgramError:
        came = "the end" if self._line is None else _shown(self._line)
        return _fault(self._at + 1, f"expected {expected}, and there is {came}")


def _stripped(old: str, new: str) -> tuple[str, str]:
    """Both names of a file without the a/ and b/ that git puts in front."""
    if old.startswith(("a/", "/dev/null")) and new.startswith(("b/", "/dev/null")):
        return old.removeprefix("a/"), new.removeprefix("b/")
    return old, new


def _lines(data: bytes) -> list[bytes]:
    """Lines as patches count them: only a line feed ends one."""
    *whole, rest = data.split(b"\n")
    return [*(line + b"\n" for line in whole), *([rest] if rest else [])]


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPED.get(code, code)


def _shown(line: bytes) -> str:
    return ascii(line[:80].decode("utf-8", "replace"))


def _fault(line: int, what: str) -> ProgramError:
    return ProgramError(f"line {line} of the patch does not fit: {what}")
