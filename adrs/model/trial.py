"""Who proposed what, what became of it, and what was refused before it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from adrs.model.evaluation import Evaluation, Score, Status
from adrs.model.program import Program


@dataclass(frozen=True, slots=True)
class Idea:
    """What a proposer expects of its change, so that the outcome can be held against it.

    All of it is untrusted text, but for `expected`.

    Attributes:
        hypothesis: why the change should help.
        change: what is changed.
        metric: the metric that it should move.
        expected: by how much that gets better, as a share of the parent's: 0.05 is 5 %.
        risk: what may go wrong.
    """

    hypothesis: str
    change: str
    metric: str = ""
    expected: float = 0.0
    risk: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a candidate comes from.

    Attributes:
        proposer: name of the proposer; "seed" for trial 0.
        version: its version, so that a replay knows whether it is the same.
        parents: trial numbers whose programs were changed.
        inspirations: trial numbers that were looked at.
        plan: what the proposer meant to do, in a sentence; untrusted text.
        prompts: hashes of the prompts that led to it.
        author: the model or the agent that wrote it; "" if the proposer did itself.
        operator: what kind of change it was asked for; "" if it was not asked.
        usd: what its model calls cost, its share of those that served several.
        idea: what it should bring; None if nobody said.
    """

    proposer: str
    version: str = ""
    parents: tuple[int, ...] = ()
    inspirations: tuple[int, ...] = ()
    plan: str = ""
    prompts: tuple[str, ...] = ()
    author: str = ""
    operator: str = ""
    usd: float = 0.0
    idea: Idea | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program and its lineage; not its result."""

    program: Program
    lineage: Lineage


class RejectionKind(StrEnum):
    """Why a proposal was not sent to evaluation."""

    DUPLICATE = "duplicate"
    DOES_NOT_APPLY = "does_not_apply"
    DOES_NOT_PARSE = "does_not_parse"
    NOT_EDITABLE = "not_editable"
    NOTHING_PROPOSED = "nothing_proposed"
    MODEL_FAILED = "model_failed"
    FAILS_REHEARSAL = "fails_rehearsal"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A proposal that was not sent to evaluation. Stored and counted apart, never a trial.

    Attributes:
        program: id of the program that was refused, "" if there was none.
    """

    kind: RejectionKind
    reason: str
    lineage: Lineage
    program: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """What an archive did with a trial.

    Attributes:
        kept: whether it may now become a parent.
        reason: why, in a few words.
        displaced: trial numbers that are no longer kept.
    """

    kept: bool
    reason: str
    displaced: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One numbered candidate sent to evaluation, with all its evaluations. A failure is one too.

    Attributes:
        number: 0 is the seed.
        island: the island whose parent it was made of, where it is offered.
        evaluations: in the order they were made; empty while in flight.
        score: of the last search stage; None unless it is SCORED there.
        admission: what the archive answered; None while in flight.
    """

    number: int
    candidate: Candidate
    island: int = 0
    evaluations: tuple[Evaluation, ...] = ()
    score: Score | None = None
    admission: Admission | None = None

    @property
    def program(self) -> Program:
        return self.candidate.program

    @property
    def lineage(self) -> Lineage:
        return self.candidate.lineage

    @property
    def status(self) -> Status | None:
        """The last evaluation's status; None while in flight."""
        return self.evaluations[-1].status if self.evaluations else None


@dataclass(frozen=True, slots=True)
class Selection:
    """What an archive offers to make the next candidate of."""

    island: int
    parent: Trial
    inspirations: tuple[Trial, ...] = ()
