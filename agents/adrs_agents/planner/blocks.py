"""From the answer of a model to the program that it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adrs import Brief, Program, ProgramError, edit_fault

from .edits import Block, Edit, WholeFile
from .patching import Misfit, Text, line_ending
from .reading import MAX_FAULTS, read

MAX_ANSWER_BYTES = 1024 * 1024
_LONGEST_FAULT = 1500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MARK = b"EVOLVE-BLOCK-"


@dataclass(frozen=True, slots=True)
class Draft:
    """What came of an answer: a program, or why there is none.

    Attributes:
        program: the parent with all edits of the answer; None if there is any fault.
        faults: what was expected, what came and the cure, for the model; each is bounded.
        changed: paths that differ from the parent, sorted.
    """

    program: Program | None
    faults: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def draft(answer: str, parent: Program, brief: Brief) -> Draft:
    """Applies the edits that an answer holds, all of them or none.

    An edit is a SEARCH/REPLACE block, a whole file in a code fence with its name above it, or a
    line `DELETE: path`. They are applied in their order, each to what the ones before it left.
    Lines are found as they stand, or with other white space at their ends; nothing is guessed.
    """
    data = answer.encode("utf-8", "replace")
    if len(data) > MAX_ANSWER_BYTES:
        return _refused(
            [f"the answer has {len(data)} bytes; at most {MAX_ANSWER_BYTES} are read; write less"]
        )
    edits, faults = read(data.decode(), parent, brief)
    work = _Work(parent, brief)
    for edit in edits:
        if len(faults) >= MAX_FAULTS:
            break
        try:
            work.apply(edit)
        except Misfit as misfit:
            faults.append(f"{edit.title}: {misfit}")
    if faults:
        return _refused(faults)
    try:
        program = work.program()
    except Misfit as misfit:
        return _refused([str(misfit)])
    return Draft(program, changed=_changed(program, parent))


class _Work:
    """A program while edits are applied to it."""

    def __init__(self, parent: Program, brief: Brief) -> None:
        self._parent = parent
        self._brief = brief
        self._files = dict(parent.files)
        self._texts: dict[str, Text] = {}  # of files that blocks were applied to

    def apply(self, edit: Edit) -> None:
        """Raises Misfit if the edit may not be made, or does not fit."""
        try:
            Program({edit.path: b""})
        except ProgramError as error:
            raise Misfit(str(error)) from None
        if not self._brief.may_edit(edit.path):
            raise Misfit(f"{edit.path} is not editable; editable: {self._editable}")
        if isinstance(edit, Block):
            self._replace(edit)
        elif isinstance(edit, WholeFile):
            self._write(edit)
        elif edit.path in self._files:
            del self._files[edit.path]
            self._texts.pop(edit.path, None)
        else:
            raise Misfit(f"there is no such file to delete; editable: {self._editable}")

    def program(self) -> Program:
        """The finished program.

        Raises:
            Misfit: it is not a program.
            Misfit: it is the parent.
            Misfit: something changed that the task does not let change.
        """
        files = self._files | {path: text.data for path, text in self._texts.items()}
        try:
            program = Program(files)
        except ProgramError as error:
            raise Misfit(f"the edits together make no program: {error}") from None
        changed = _changed(program, self._parent)
        if not changed:
            raise Misfit("the edits change nothing; write one that makes a difference")
        for path in changed:
            before, after = self._parent.files.get(path, b""), program.files.get(path, b"")
            if after.count(_MARK) > before.count(_MARK):
                raise Misfit(f"{path} gets new EVOLVE-BLOCK marks; they are the task's: leave them")
        if fault := edit_fault(program, self._parent, self._brief):
            raise Misfit(f"{fault}; leave all else as it is")
        return program

    def _replace(self, block: Block) -> None:
        exists = block.path in self._files
        if not any(line.strip() for line in block.old):
            if exists and self._text(block.path).filled:
                raise Misfit(
                    "SEARCH is empty, which makes a new file, but this file exists; copy the lines "
                    "to be replaced into SEARCH"
                )
            self._files[block.path] = "".join(line + "\n" for line in block.new).encode()
            self._texts.pop(block.path, None)
        elif not exists:
            raise Misfit(
                f"there is no such file; leave SEARCH empty to make it. Editable: {self._editable}"
            )
        elif block.old == block.new:
            raise Misfit("SEARCH equals REPLACE, so it changes nothing; change it or leave it out")
        else:
            self._text(block.path).replace(block.old, block.new)

    def _write(self, whole: WholeFile) -> None:
        text = self._texts.pop(whole.path, None)
        data = text.data if text is not None else self._files.get(whole.path, b"")
        before = data.decode("utf-8", "replace")
        lines: Sequence[str] = whole.lines
        if whole.naming_line and before.partition("\n")[0].strip() != whole.naming_line.strip():
            lines = lines[lines.index(whole.naming_line) + 1 :]
        ending = line_ending(before)
        self._files[whole.path] = "".join(line + ending for line in lines).encode()

    def _text(self, path: str) -> Text:
        if path not in self._texts:
            self._texts[path] = Text(self._files[path])
        return self._texts[path]

    @property
    def _editable(self) -> str:
        return ", ".join(self._brief.editable)


def _changed(program: Program, parent: Program) -> tuple[str, ...]:
    paths = program.files.keys() | parent.files.keys()
    return tuple(sorted(p for p in paths if program.files.get(p) != parent.files.get(p)))


def _refused(faults: Sequence[str]) -> Draft:
    return Draft(None, tuple(_bounded(fault) for fault in faults))


def _bounded(fault: str) -> str:
    """A fault without control characters, cut to a length that a prompt can take."""
    text = _CONTROL.sub("", fault)
    return text if len(text) <= _LONGEST_FAULT else text[: _LONGEST_FAULT - 1] + "…"
