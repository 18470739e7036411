"""One turn of a proposer that waits for something outside, and what agents hand in for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from adrs.model.program import Program


@dataclass(frozen=True, slots=True)
class Round:
    """A proposal in the making: what was decided for it when it began.

    With this and the record, a round that a kill cut off begins again as it was.

    Attributes:
        ordinal: of the proposal; the first answer of the round takes it.
        parent: number of the trial to change.
        inspirations: numbers of trials worth a look.
        told: trials told when it began; later ones are not known to it.
        notes: notes of the run when it began.
        wanted: how many candidates are welcome.
        operator: what kind of change is asked for; see `adrs.search.allocation`.
        model: the model to ask; "" where there is none.
        stalled: trials told since the best was found, if that is long ago; else 0.
        reason: why proposer, operator, model and parent are these, in words.
    """

    ordinal: int
    proposer: str
    parent: int
    inspirations: tuple[int, ...] = ()
    island: int = 0
    told: int = 0
    notes: int = 0
    wanted: int = 1
    operator: str = ""
    model: str = ""
    stalled: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """An agent's right to answer an open round, until it is over.

    Attributes:
        id: what the agent names it by.
        agent: who holds it, as the agent calls itself; untrusted text.
        submitted: whether it has been answered.
    """

    id: str
    run: str
    round: Round
    agent: str
    expires_at: datetime
    submitted: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """What an agent handed in under a lease.

    Attributes:
        plan: what it meant to do, in its own words; untrusted text.
        parent: number of the trial that the lease was about.
    """

    agent: str
    program: Program
    plan: str = ""
    parent: int = 0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What became of a draft that was tried on the smoke split before it was proposed.

    Attributes:
        step: place in its round.
        program: id of the draft.
        status: as an evaluation's.
        reason: why it is not SCORED; untrusted text.
        output: the end of what it printed; untrusted text.
    """

    ordinal: int
    step: str
    program: str
    status: str
    reason: str = ""
    output: str = ""
