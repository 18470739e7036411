"""What the offline proposers share: they try, check, and answer a candidate or a reason."""

from __future__ import annotations

import hashlib
import re
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
MOST_KINDS = 500
MOST_WORDS_IN_A_LINE = 24
_WORD = re.compile(rb"\w+")


class Memory:
    """Which programs were tried, and which of those that measure the same is shortest.

    Random edits add more than they take away, so programs may not outgrow the first one by much.
    Length is counted in words: what things are called does not matter. The oldest are forgotten.
    """

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._leanest: dict[str, Trial] = {}
        self._most_words: int | None = None

    def add(self, trial: Trial) -> None:
        """Takes note of a told trial."""
        program = trial.program
        measured = _measured(trial)
        if measured:
            known = self._leanest.pop(measured, trial)
            shorter = _words(program) < _words(known.program)
            self._leanest[measured] = trial if shorter else known
            if len(self._leanest) > MOST_KINDS:
                del self._leanest[next(iter(self._leanest))]
        if self._most_words is None:
            self._most_words = 2 * _words(program) + 200
        self._ids.pop(program.id, None)
        self._ids[program.id] = None
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def leanest(self, trial: Trial) -> Trial:
        """The shortest trial whose measurements are the same to the last digit.

        What it does not have had no effect; building on it, an edit meets live code.
        """
        return self._leanest.get(_measured(trial), trial)

    def overgrown(self, program: Program, parent: Program) -> bool:
        """Whether a program became too long, as a whole or in one of its lines."""
        most = max(self._most_words or 2 * _words(parent) + 200, _words(parent))
        return _words(program) > most or any(
            _most_in_a_line(data)
            > max(MOST_WORDS_IN_A_LINE, _most_in_a_line(parent.files.get(path, b"")))
            for path, data in program.files.items()
            if data != parent.files.get(path)
        )

    def __contains__(self, program: Program) -> bool:
        return program.id in self._ids


def _measured(trial: Trial) -> str:
    """Digest of all that was measured of a trial; "" if it is not scored."""
    if trial.score is None:
        return ""
    samples = [
        (sample.workload, sample.repeat, sorted(sample.metrics.items()))
        for sample in (trial.evaluations[-1].samples if trial.evaluations else ())
        if sample.repeat == 0  # a leader is measured more often than its equals
    ]
    said = repr((trial.score.violation, trial.score.value, samples))
    return hashlib.sha256(said.encode()).hexdigest()


def _words(program: Program) -> int:
    return sum(len(_WORD.findall(data)) for data in program.files.values())


def _most_in_a_line(data: bytes) -> int:
    return max((len(_WORD.findall(line)) for line in data.splitlines()), default=0)


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
        try:
            proposal = attempt(rng, sources)
        except RecursionError:  # newer Pythons parse what is too deep to walk
            return nothing("the parent is nested too deeply")
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
