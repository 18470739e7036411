"""The edits that an answer of a model holds, read line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from adrs import Brief, Program

from .edits import Block, Deletion, Edit, WholeFile
from .fencing import Fence, fence_in
from .naming import Names

MAX_EDITS = 200
MAX_FAULTS = 8
_SEARCH = re.compile(r"<{5,9}[ \t]*SEARCH", re.I)
_DIVIDER = re.compile(r"={5,9}")
_REPLACE = re.compile(r">{5,9}[ \t]*REPLACE", re.I)
_FOREIGN_MARKER = re.compile(r"[<>]{5,9}([ \t]+\w+)?")
_LONGEST_MARKER = 100
_DIFF = ("--- ", "diff --git ", "@@ ")
_COMMENT = ("#", "//", "/*", "--", ";", "%", "<!--")


def read(answer: str, parent: Program, brief: Brief) -> tuple[Sequence[Edit], list[str]]:
    """The edits of an answer in their order, and what is wrong with its form, in words.

    Whether an edit fits the program is not looked at. What is part of no edit is free text.
    """
    reader = _Reader(Names(parent, brief), brief)
    for line in answer.replace("\r\n", "\n").split("\n"):
        reader.take(line)
        if len(reader.faults) >= MAX_FAULTS:
            return reader.edits, reader.faults
        if len(reader.edits) > MAX_EDITS:
            fault = f"more than {MAX_EDITS} edits; write fewer and larger blocks, or whole files"
            return (), [fault]
    reader.end()
    return reader.edits, reader.faults


@dataclass(slots=True)
class _OpenBlock:
    """A block whose end has not come yet.

    Attributes:
        dividers: indexes of the lines that look like the divider.
    """

    marker: str
    number: int
    path: str
    lines: list[str] = field(default_factory=list)
    dividers: list[int] = field(default_factory=list)

    def divider(self) -> int | None:
        """The line that divides SEARCH from REPLACE; None if there is none, or no telling which.

        Rows of equals signs may be part of a file, so among several the one counts that looks like
        the block's first marker.
        """
        if len(self.dividers) == 1:
            return self.dividers[0]
        wanted = _shape(self.marker)
        alike = [at for at in self.dividers if _shape(self.lines[at]) == wanted]
        return alike[0] if len(alike) == 1 else None


class _Reader:
    """What was read so far, and within what the next line stands: a block, a fence, free text."""

    def __init__(self, names: Names, brief: Brief) -> None:
        self.edits: list[Edit] = []
        self.faults: list[str] = []
        self._names = names
        self._editable = ", ".join(brief.editable)
        self._block: _OpenBlock | None = None
        self._fence: Fence | None = None
        self._blocks = 0
        self._nameless: list[Fence] = []
        self._path = ""  # the last file named
        self._announced = ""  # the file named behind FILE:, until its fence comes
        self._above = ""  # the last line of text, if nothing but blank lines came since
        self._behind_block = False  # a block ended with the line above

    def take(self, line: str) -> None:
        if self._block is not None:
            self._take_in_block(self._block, line)
        elif not line or line.isspace():
            self._behind_block = False
            if self._fence is not None:
                self._fence.lines.append(line)
        elif self._fence is not None:
            self._take_in_fence(self._fence, line)
        else:
            self._take_free(line)

    def end(self) -> None:
        """Says what is still open, and decides what fenced blocks without a clear name are."""
        if self._block is not None:
            self._never_closed(self._block)
        fence = self._fence
        if fence is not None and not fence.has_blocks:
            path = fence.path or self._named_within(fence)
            if path:
                self.faults.append(
                    f"the fenced block of {path} is never closed, so the answer seems to be cut; "
                    "write it again in full, or change less with SEARCH/REPLACE blocks"
                )
            elif fence.filled:
                self._nameless.append(fence)
        # Code that is only shown often starts with its file's name, too.
        edited = {edit.path for edit in self.edits if not _named_by_content(edit)}
        self.edits = [e for e in self.edits if not (_named_by_content(e) and e.path in edited)]
        if not self.edits and not self.faults:
            self._take_nameless()

    def _take_nameless(self) -> None:
        example = self._names.only or "policy.py"
        if not self._nameless:
            self.faults.append(
                "no edit was found. Expected are blocks of this form:\n\n"
                f"{example}\n<<<<<<< SEARCH\nlines as they stand in the file\n=======\n"
                "lines to put in their place\n>>>>>>> REPLACE\n\n"
                f"or a line 'FILE: {example}' and below it one fenced block with the whole file. "
                f"Editable: {self._editable}"
            )
        elif self._fence is self._nameless[-1]:
            self.faults.append(
                "a fenced block is never closed, so the answer seems to be cut; write it again in "
                "full, or change less with SEARCH/REPLACE blocks"
            )
        elif len(self._nameless) > 1 or not self._names.only:
            self.faults.append(
                f"no file name was found for {len(self._nameless)} fenced block(s). Write "
                f"'FILE: {example}' on the line above a block that is a whole file, or use "
                f"SEARCH/REPLACE blocks. Editable: {self._editable}"
            )
        else:
            self._nameless[0].path = self._names.only
            self._take_whole_file(self._nameless[0])

    def _take_in_block(self, block: _OpenBlock, line: str) -> None:
        if _is(_REPLACE, line):
            self._close_block(block)
        elif _is(_SEARCH, line):
            self._never_closed(block)
            self._open_block(line)
        else:
            if _is(_DIVIDER, line):
                block.dividers.append(len(block.lines))
            block.lines.append(line)

    def _take_in_fence(self, fence: Fence, line: str) -> None:
        other = fence_in(line)
        if _is(_SEARCH, line):
            if not fence.has_blocks:
                self._look_before_blocks(fence)
            fence.has_blocks = True
            self._open_block(line)
        elif _is(_REPLACE, line):
            fence.has_blocks = True
            self._out_of_order()
        elif other is not None and fence.is_closed_by(other):
            self._fence = None
            self._above = ""
            self._behind_block = False
            if not fence.has_blocks:
                self._take_whole_file(fence)
        else:
            fence.nested = fence.nested or (other is not None and fence.is_nested_by(other))
            fence.lines.append(line)
            self._above = line
            if fence.has_blocks and (named := self._names.in_line(line)):
                self._path = named.path

    def _take_free(self, line: str) -> None:
        fence = fence_in(line)
        if _is(_SEARCH, line):
            self._open_block(line)
            return
        if _is(_REPLACE, line):
            self._out_of_order()
        elif fence is not None:
            if fence.info or not self._behind_block:  # else it closes a fence that was forgotten
                self._open_fence(fence)
        elif named := self._names.in_line(line):
            if named.deleted:
                self.edits.append(Deletion(named.path))
            else:
                self._path = named.path
                self._announced = named.path if named.announced else ""
        self._behind_block = False
        self._above = "" if fence is not None else line

    def _open_fence(self, fence: Fence) -> None:
        above = self._names.in_line(self._above, near=True)
        fence.path = self._names.in_info(fence.info)
        if not fence.path and above is not None and not above.deleted:
            fence.path = above.path
        fence.path = fence.path or self._announced
        self._path = fence.path or self._path
        self._announced = ""
        self._fence = fence

    def _look_before_blocks(self, fence: Fence) -> None:
        """Finds a name on a fence's first line, and code that would get lost."""
        self._path = self._named_within(fence) or self._path
        lost = [
            line.strip()
            for line in fence.lines
            if line.strip()
            and not line.lstrip().startswith(_COMMENT)
            and not self._names.in_line(line, near=True)
        ]
        if fence.path and lost:
            self.faults.append(
                f"the fenced block of {fence.path} begins with {lost[0][:60]!r}, and then has "
                "SEARCH/REPLACE blocks; a fenced block holds either a whole file or only such "
                "blocks. Was the fence above not closed?"
            )

    def _named_within(self, fence: Fence) -> str:
        first = next((line for line in fence.lines if line.strip()), "")
        named = self._names.in_line(first)
        return named.path if named is not None and not named.deleted else ""

    def _take_whole_file(self, fence: Fence) -> None:
        if fence.nested:
            self.faults.append(
                f"a fence opens within the fenced block of {fence.path or 'a file'}; close a block "
                "before the next one, and fence a file that has fences itself with ````"
            )
            return
        path, naming_line = fence.path, ""
        if not path:
            path = self._named_within(fence)
            naming_line = next(line for line in fence.content if line.strip()) if path else ""
        if not path:
            if fence.filled:
                self._nameless.append(fence)
            return
        self._path = path
        first = fence.lines[0] if fence.lines else ""
        is_diff = fence.info.lower().startswith(("diff", "patch")) or first.startswith(_DIFF)
        if is_diff and not path.endswith((".diff", ".patch")):
            self.faults.append(
                f"the fenced block of {path} is a diff, which is not read; write SEARCH/REPLACE "
                "blocks, or the whole file"
            )
        elif any(_is(_FOREIGN_MARKER, line) for line in fence.lines):
            self.faults.append(
                f"the fenced block of {path} has markers that are not read; expected are "
                "'<<<<<<< SEARCH', '=======' and '>>>>>>> REPLACE'"
            )
        else:
            self.edits.append(WholeFile(path, fence.content, naming_line))

    def _open_block(self, marker: str) -> None:
        self._blocks += 1
        above = self._names.in_line(self._above, near=True)
        if above is not None and not above.deleted:
            self._path = above.path
        self._announced = ""
        self._block = _OpenBlock(marker, self._blocks, self._path or self._names.only)

    def _close_block(self, block: _OpenBlock) -> None:
        self._block = None
        self._above = ""
        self._behind_block = True
        at = block.divider()
        if at is not None and block.path:
            old, new = block.lines[:at], block.lines[at + 1 :]
            self.edits.append(Block(block.path, block.number, tuple(old), tuple(new)))
        elif not block.path:
            self.faults.append(
                f"block {block.number} has no file name; write the path on the line above "
                f"'<<<<<<< SEARCH'. Editable: {self._editable}"
            )
        elif not block.dividers:
            self.faults.append(
                f"block {block.number} ({block.path}) has no line '=======' between SEARCH and "
                "REPLACE"
            )
        else:
            self.faults.append(
                f"block {block.number} ({block.path}) has {len(block.dividers)} lines that could "
                "divide SEARCH from REPLACE; if such a row of '=' is part of the file, write this "
                "block's three markers with another number of characters, 5 to 9"
            )

    def _never_closed(self, block: _OpenBlock) -> None:
        self._above = ""
        self.faults.append(
            f"block {block.number} ({block.path or 'no file name'}) is never closed: no "
            "'>>>>>>> REPLACE' came before the next block or the end of the answer, which seems to "
            "be cut; write the block again in full"
        )

    def _out_of_order(self) -> None:
        self.faults.append(
            f"a '>>>>>>> REPLACE' behind block {self._blocks} closes nothing; a block is "
            "'<<<<<<< SEARCH', old lines, '=======', new lines, '>>>>>>> REPLACE', in this order"
        )


def _named_by_content(edit: Edit) -> bool:
    return isinstance(edit, WholeFile) and bool(edit.naming_line)


def _is(marker: re.Pattern[str], line: str) -> bool:
    text = line.strip()
    return len(text) < _LONGEST_MARKER and marker.fullmatch(text) is not None


def _shape(marker: str) -> tuple[int, int]:
    """How far a marker is indented, and how many characters mark it."""
    text = marker.strip()
    return marker.index(text[0]), text.count(text[0])
