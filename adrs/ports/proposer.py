"""The port for whoever proposes programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from adrs.model.facts import Noted
from adrs.model.program import Program
from adrs.model.round import Rehearsal, Submission
from adrs.model.task import Brief
from adrs.model.trial import Candidate, Rejection, Selection, Trial
from adrs.ports.model import Models


class Door(Protocol):
    """Where agents outside of this process answer one round."""

    async def submission(self) -> Submission:
        """Waits until an agent has answered."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a proposer is given to work with.

    All but the first five are for proposers that wait.

    Attributes:
        ordinal: number of this proposal in the run.
        seed: derived from the run's seed and the ordinal; the only source of randomness allowed.
        selection: the parent to change and others worth a look.
        best: the best trial so far.
        wanted: how many candidates are welcome.
        operator: what kind of change is asked for: "refine", "explore" or "combine".
        stalled: trials told since the best was found, if that is long ago; else 0.
        history: trials told before the round began, in the order of tells.
        notes: hints and findings noted before the round began, in order.
        models: the model of this round; None if the run has none.
        door: where agents answer this round.
        rehearse: tries a draft on the smoke split, given its step in the round; recorded, and not
            a trial. None unless the run asks for it.
    """

    brief: Brief
    ordinal: int
    seed: int
    selection: Selection
    best: Trial
    wanted: int = 1
    operator: str = ""
    stalled: int = 0
    history: Sequence[Trial] = ()
    notes: Sequence[Noted] = ()
    models: Models | None = None
    door: Door | None = None
    rehearse: Callable[[str, Program], Awaitable[Rehearsal]] | None = None


@runtime_checkable
class Proposer(Protocol):
    """Turns context into candidates.

    Its state must follow from the trials it observed, in the order of tells: a resumed run makes a
    new proposer and shows it the recorded trials again. It may not use clocks, or randomness that
    does not come from `context.seed`.

    Attributes:
        confined: it sees what the context holds and nothing else of this machine: it cannot read
            the task's files, as an agent with a shell could. Certificates say so.
        waits_for: what proposing waits for outside of this process: "model", "agent", or "" for
            nothing. Rounds that wait go on at the same time, beside evaluations; what they answer
            may depend only on the context, which is made again as it was if a round is cut off.
    """

    name: str
    version: str
    confined: bool
    waits_for: str

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        """One or more candidates, or why there is none. An empty answer means exhausted."""
        ...

    def observe(self, trial: Trial) -> str | None:
        """Sees every told trial of the run once, whoever proposed it, the seed included.

        Returns:
            What was learnt from it, for the run's notebook; None for nothing. It is noted under
            the proposer's name together with the tell, and ignored when a resumed run shows the
            trial again.
        """
        ...
