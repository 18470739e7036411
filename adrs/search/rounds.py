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
        limit: how many.

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

    @property
    def full(self) -> bool:
        """Whether no other turn may begin."""
        return len(self._turns) >= self._limit or bool(self.spent)

    @property
    def expected(self) -> int:
        """Candidates that turns in flight were asked for."""
        return sum(turn.round.wanted for turn in self._turns.values() if turn.round is not None)

    @property
    def offers(self) -> list[Round]:
        """Rounds that no model answers: they wait for agents."""
        rounds = (turn.round for turn in self._turns.values())
        return [one for one in rounds if one is not None and not one.model]

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
