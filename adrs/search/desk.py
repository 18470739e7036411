"""What proposers that wait are handed: models, the door for agents, and a place to rehearse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from adrs.errors import Unavailable
from adrs.model.call import Answer, Prompt
from adrs.model.evaluation import Evaluation
from adrs.model.facts import Rehearsed
from adrs.model.program import Program
from adrs.model.round import Rehearsal, Round, Submission
from adrs.ports.proposer import Context
from adrs.ports.store import Store

POLL_S = 0.1
"""How often the store is asked whether an agent has answered."""

Try = Callable[[Program], Awaitable[Evaluation]]


class Answering(Protocol):
    """Whoever answers what the rounds of a run ask models."""

    async def ask(self, ordinal: int, model: str, prompt: Prompt) -> tuple[Answer, float]:
        """The answer to a prompt of a proposal, and what it cost in USD."""
        ...

    @property
    def usd(self) -> float:
        """What the run has spent."""
        ...

    async def close(self) -> None:
        """Ends connections."""
        ...


class RoundModels:
    """The model of one round; see the port `Models`."""

    def __init__(self, calls: Answering, ordinal: int, model: str) -> None:
        self._calls = calls
        self._ordinal = ordinal
        self._usd = 0.0
        self.name = model

    async def ask(self, prompt: Prompt) -> Answer:
        """Asks the model of the round."""
        answer, usd = await self._calls.ask(self._ordinal, self.name, prompt)
        self._usd += usd
        return answer

    @property
    def usd(self) -> float:
        """What the round has cost so far."""
        return self._usd


class RoundDoor:
    """Where agents answer one round; see the port `Door`."""

    def __init__(self, store: Store, run: str, ordinal: int) -> None:
        self._store = store
        self._run = run
        self._ordinal = ordinal

    async def submission(self) -> Submission:
        """Waits until an agent has answered."""
        while True:
            found = self._store.submission(self._run, self._ordinal)
            if found is not None:
                return found
            await asyncio.sleep(POLL_S)


class Desk:
    """Hands each round what it works with, bound to the round so that all of it is recorded.

    Args:
        calls: None if the run has no model.
        rehearse: whether drafts may be tried. Then `place` is set before the first round begins.

    Attributes:
        place: measures a draft on the smoke split.
    """

    def __init__(
        self, store: Store, run: str, calls: Answering | None = None, rehearse: bool = False
    ) -> None:
        self._store = store
        self._run = run
        self._calls = calls
        self._rehearse = rehearse
        self._rehearsed = {
            (one.ordinal, one.step, one.program): one for one in store.rehearsals(run)
        }
        self.place: Try | None = None

    @property
    def usd(self) -> float:
        """What models have cost; 0.0 if the run has none."""
        return 0.0 if self._calls is None else self._calls.usd

    def equip(self, round: Round, context: Context) -> Context:  # noqa: A002 - our noun
        """The context with what the round works with."""

        async def rehearse(step: str, program: Program) -> Rehearsal:
            return await self._try(round.ordinal, step, program)

        calls = self._calls if round.model else None
        return replace(
            context,
            models=None if calls is None else RoundModels(calls, round.ordinal, round.model),
            door=RoundDoor(self._store, self._run, round.ordinal),
            rehearse=rehearse if self._rehearse else None,
        )

    async def close(self) -> None:
        """Ends connections."""
        if self._calls is not None:
            await self._calls.close()

    async def _try(self, ordinal: int, step: str, program: Program) -> Rehearsal:
        """Tries a draft once; what was recorded of it is not tried again."""
        known = self._rehearsed.get((ordinal, step, program.id))
        if known is not None:
            return known
        if self.place is None:
            raise Unavailable("drafts can be tried only while a search has its sandboxes open")
        evaluation = await self.place(program)
        found = Rehearsal(
            ordinal, step, program.id, evaluation.status, evaluation.reason, evaluation.output
        )
        self._store.append(self._run, [Rehearsed(found)])
        self._rehearsed[ordinal, step, program.id] = found
        return found
