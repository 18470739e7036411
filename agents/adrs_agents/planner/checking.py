"""What can be said of an answer before anything is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adrs import Answer, AnswerStatus, Program, RejectionKind

from .blocks import draft
from .evidence import Evidence
from .untrusted import one_line

_GROWTH = 4
_ROOM_BYTES = 8 * 1024
_NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        faults: for the model to mend, each in words; none means that the program may be proposed.
        kind: what the faults make of it; None without any.
        program: what the answer means, also if there are faults; None if it means no program.
        brought_back: how many lines it has that were deleted on the way to its parent.
    """

    faults: tuple[str, ...] = ()
    kind: RejectionKind | None = None
    program: Program | None = None
    brought_back: int = 0


def check(answer: Answer, evidence: Evidence) -> Check:
    """Applies the edits of an answer to the parent, and looks for faults."""
    if answer.status is AnswerStatus.CUT:
        return Check(
            (
                "the answer was cut by its limit of tokens, so nothing of it is used; think less "
                "at length and write a shorter edit, with SEARCH/REPLACE blocks that hold only "
                "what changes",
            ),
            RejectionKind.MODEL_FAILED,
        )
    if answer.status is not AnswerStatus.ANSWERED:
        said = f" ({one_line(answer.reason, 200)})" if answer.reason else ""
        return Check(
            (f"no text came{said}; answer with the edit as text",), RejectionKind.MODEL_FAILED
        )
    made = draft(answer.text, evidence.parent.program, evidence.brief)
    if made.program is None:
        return Check(made.faults, _kind_of(made.faults))
    kind, faults = _faults(made.program, made.changed, evidence)
    before, after = evidence.parent.program.files, made.program.files
    brought_back = sum(
        evidence.brought_back(before.get(path, b""), after.get(path, b"")) for path in made.changed
    )
    return Check(tuple(faults), kind if faults else None, made.program, brought_back)


def _kind_of(faults: Sequence[str]) -> RejectionKind:
    forbidden = any("is not editable" in fault or "EVOLVE-BLOCK" in fault for fault in faults)
    return RejectionKind.NOT_EDITABLE if forbidden else RejectionKind.DOES_NOT_APPLY


def _faults(
    program: Program, changed: Sequence[str], evidence: Evidence
) -> tuple[RejectionKind, list[str]]:
    number = evidence.known.get(program.id)
    if number is not None:
        return RejectionKind.DUPLICATE, [
            f"this is the same program as trial {number}, which was measured already; change "
            "what it does"
        ]
    faults = [fault for path in changed if (fault := _syntax_fault(program, path))]
    if not faults:
        faults = list(_entry_faults(program, evidence))
    if faults:
        return RejectionKind.DOES_NOT_PARSE, faults
    size, most = _size(program), _GROWTH * _size(evidence.seed.program) + _ROOM_BYTES
    if size > most:
        faults = [f"the program has {size} bytes; at most {most} are allowed; write a shorter one"]
    return RejectionKind.DOES_NOT_APPLY, faults


def _syntax_fault(program: Program, path: str) -> str:
    if not path.endswith(".py") or path not in program.files:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a program has no say on the user's terminal
            compile(program.files[path], path, "exec", dont_inherit=True, optimize=0)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        text = f": {error.text.strip()[:120]!r}" if error.text else ""
        return f"{path}{line} is not Python: {error.msg}{text}; mend the syntax"
    except _NOT_PYTHON as error:
        return f"{path} is not Python: {str(error) or type(error).__name__}; mend the syntax"
    return ""


def _entry_faults(program: Program, evidence: Evidence) -> Iterator[str]:
    """Says so if the module or the name that the judge uses is gone; the parent had both."""
    module, _, name = evidence.brief.entry.partition(":")
    stem = module.replace(".", "/")
    before = evidence.parent.program
    for path in (f"{stem}.py", f"{stem}/__init__.py"):
        if not _defines(before, path, name) or program.files.get(path) == before.files[path]:
            continue
        if path not in program.files:
            yield f"{path} is gone, and the judge imports it; keep it"
        elif not _defines(program, path, name):
            yield f"{path} has no {name} at its top level any more, and the judge uses it; keep it"


def _defines(program: Program, path: str, name: str) -> bool:
    if path not in program.files or not name:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(program.files[path]).body
    except _NOT_PYTHON:
        return False
    return any(name in _names(statement) for statement in body)


def _names(statement: ast.stmt) -> set[str]:
    """The names that a statement at the top level gives a meaning to, as far as it is simple."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name for alias in aliases}
        case ast.Assign() | ast.AnnAssign():
            return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        case ast.If() | ast.Try() | ast.With():
            inner = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt)]
            return set().union(*map(_names, inner))
    return set()


def _size(program: Program) -> int:
    return sum(map(len, program.files.values()))
