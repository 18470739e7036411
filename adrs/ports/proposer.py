"""The port for whoever proposes programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from adrs.model.task import Brief
from adrs.model.trial import Candidate, Rejection, Selection, Trial


@dataclass(frozen=True, slots=True)
class Context:
    """What a proposer is given to work with.

    Attributes:
        ordinal: number of this proposal in the run.
        seed: derived from the run's seed and the ordinal; the only source of randomness allowed.
        selection: the parent to change and others worth a look.
        best: the best trial so far.
    """

    brief: Brief
    ordinal: int
    seed: int
    selection: Selection
    best: Trial


@runtime_checkable
class Proposer(Protocol):
    """Turns context into candidates.

    Its state must follow from the trials it observed, in the order of tells: a resumed run makes a
    new proposer and shows it the recorded trials again. It may not use clocks, or randomness that
    does not come from `context.seed`.

    Attributes:
        confined: it sees what the context holds and nothing else of this machine: it cannot read
            the task's files, as an agent with a shell could. Certificates say so.
    """

    name: str
    version: str
    confined: bool

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        """One or more candidates, or why there is none. An empty answer means exhausted."""
        ...

    def observe(self, trial: Trial) -> None:
        """Sees every told trial of the run once, whoever proposed it, the seed included."""
        ...
