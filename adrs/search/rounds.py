"""Rounds in flight: proposers that wait, beside each other and beside evaluations."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from adrs.errors import AdrsError, BudgetSpent, Unavailable
from adrs.model.round import Round
from adrs.model.trial import Candidate, Rejection
from adrs.ports.proposer import Context, Proposer

Proposals = Sequence[Candidate | Rejection]


@dataclass(frozen=True, slots=True)
class Turn:
    """A proposer's turn to speak.

    Attributes:
        round: what was recorded when it began; None for a proposer that answers at once.
    """

    proposer: Proposer
    context: Context
    round: Round | None = None

    async def proposals(self) -> Proposals:
        """What the proposer says.

        Raises:
            AdrsError: as the proposer does.
            Unavailable: it raised something else.
        """
        try:
            return await self.proposer.propose(self.context)
        except AdrsError:
            raise
        except Exception as error:
            raise Unavailable(
                f"the proposer {self.proposer.name} {self.proposer.version} failed: {error!r}. The "
                "run is kept; mend the proposer or go on without it, then go on with the run"
            ) from error


class Rounds:
    """Turns of proposers that wait, up to a limit at the same time.

    Args:
        limit: how many of those that ask models, and how many of those that wait for agents.

    Attributes:
        spent: which limit of money or tokens ended a turn, in words; "" if none did. Such turns
            stay open in the record.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns: dict[asyncio.Task[Proposals], Turn] = {}
        self.spent = ""

    def __len__(self) -> int:
        return len(self._turns)

    def full(self, waits_for: str, room: int) -> bool:
        """Whether no other turn may begin that waits for a model, for an agent, or for nothing.

        Each kind has the whole limit: offers that no agent takes must not keep models from work.

        Args:
            room: trials that no model was asked for yet.
        """
        if waits_for == "agent":
            return len(self.offers) >= min(self._limit, room)
        return room < 1 or (waits_for == "model" and self.asking >= self._limit)

    @property
    def expected(self) -> int:
        """Candidates that models were asked for. What agents are offered, nobody may take up."""
        return sum(
            turn.round.wanted
            for turn in self._turns.values()
            if turn.round is not None and turn.proposer.waits_for != "agent"
        )

    @property
    def offers(self) -> list[Round]:
        """Rounds that wait for agents."""
        return [
            turn.round
            for turn in self._turns.values()
            if turn.round is not None and turn.proposer.waits_for == "agent"
        ]

    @property
    def asking(self) -> int:
        """How many ask models."""
        return len(self._turns) - len(self.offers)

    def begin(self, turn: Turn) -> None:
        """Lets a proposer start; `finished` will have what it says."""
        self._turns[asyncio.ensure_future(turn.proposals())] = turn

    def finished(self) -> list[tuple[Turn, Proposals]]:
        """Turns that are over, each once, in the order they began.

        Raises:
            AdrsError: what a turn raised, unless it was BudgetSpent.
        """
        found = []
        for task in [task for task in self._turns if task.done()]:
            turn = self._turns.pop(task)
            try:
                found.append((turn, task.result()))
            except BudgetSpent as error:
                self.spent = str(error)
        return found

    async def wait(self) -> None:
        """Until a turn is over; at once if none is in flight."""
        if self._turns:
            await asyncio.wait(self._turns, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Ends all turns; what they were told so far is in the record."""
        for task in self._turns:
            task.cancel()
        await asyncio.gather(*self._turns, return_exceptions=True)
        self._turns.clear()
