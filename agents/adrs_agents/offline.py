"""What the offline proposers share: they try, check, and answer a candidate or a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from adrs import (
    Candidate,
    Context,
    Lineage,
    Program,
    ProgramError,
    Proposer,
    Rejection,
    RejectionKind,
    Trial,
)

from .source import Source, Unparsable, compiles, editable_paths, editable_sources

ATTEMPTS = 20
REMEMBERED = 10_000
LONGEST_LINE = 160


class Memory:
    """Which programs were tried; the oldest are forgotten.

    Random edits add more than they take away, so programs may not outgrow the first one by much.
    """

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._most_bytes: int | None = None

    def add(self, program: Program) -> None:
        if self._most_bytes is None:
            self._most_bytes = 2 * _size(program) + 2000
        self._ids.pop(program.id, None)
        self._ids[program.id] = None
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def overgrown(self, program: Program, parent: Program) -> bool:
        """Whether a program became too long, as a whole or in one of its lines."""
        most = max(self._most_bytes or 2 * _size(parent) + 2000, _size(parent))
        return _size(program) > most or any(
            _longest_line(data) > max(LONGEST_LINE, _longest_line(parent.files.get(path, b"")))
            for path, data in program.files.items()
            if data != parent.files.get(path)
        )

    def __contains__(self, program: Program) -> bool:
        return program.id in self._ids


def _size(program: Program) -> int:
    return sum(map(len, program.files.values()))


def _longest_line(data: bytes) -> int:
    return max(map(len, data.splitlines()), default=0)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Files to replace, and why.

    Attributes:
        inspirations: numbers of other trials that were looked at.
        parent: number of the trial to call the parent, where that is not the one handed in.
    """

    files: Mapping[str, bytes]
    plan: str
    inspirations: tuple[int, ...] = ()
    parent: int | None = None


Attempt = Callable[[Random, Sequence[Source]], Proposal | None]


def answer(
    proposer: Proposer, context: Context, seen: Memory, attempt: Attempt, parent: Trial
) -> Sequence[Candidate | Rejection]:
    """Tries to change `parent` until that is new and whole.

    All randomness is from `context.seed`.
    """
    lineage = Lineage(proposer.name, proposer.version, (parent.number,))

    def nothing(reason: str) -> Sequence[Rejection]:
        return [Rejection(RejectionKind.NOTHING_PROPOSED, reason, lineage)]

    if not editable_paths(parent.program, context.brief):
        return []
    try:
        sources = editable_sources(parent.program, context.brief)
    except Unparsable as error:
        return nothing(f"the parent is not Python: {error}")
    rng = Random(context.seed)
    for _ in range(ATTEMPTS):
        proposal = attempt(rng, sources)
        if proposal is None:
            continue
        try:
            program = parent.program.replacing(proposal.files)
        except ProgramError:
            continue
        if program in seen or program == parent.program:
            continue
        if seen.overgrown(program, parent.program):
            continue
        if all(compiles(data) for data in proposal.files.values()):
            number = parent.number if proposal.parent is None else proposal.parent
            made = Lineage(
                proposer.name,
                proposer.version,
                (number,),
                proposal.inspirations,
                proposal.plan,
            )
            return [Candidate(program, made)]
    return nothing(f"{ATTEMPTS} attempts gave nothing that is new and whole")
