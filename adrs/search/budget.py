"""Money and tokens for models: reserved before a call is made, so that no limit is passed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from adrs.errors import BudgetSpent
from adrs.model.call import Price, Prompt, Spending

# A token is at least a byte of the prompt. What chat templates put around messages is not in it.
_TOKENS_AROUND = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call takes, or at most can take."""

    usd: float
    tokens: int


def most(prompt: Prompt, price: Price | None) -> Cost:
    """The most that a call can take: every byte of the prompt a token, and the longest answer."""
    tokens_in = len(prompt.content) + _TOKENS_AROUND
    usd = price.usd(tokens_in, prompt.max_tokens) if price is not None else 0.0
    return Cost(usd, tokens_in + prompt.max_tokens)


class Budget:
    """What may still be spent, calls in flight counted at the most that they can take.

    Args:
        spending: what the run spent before this engine, calls that a kill cut off included.
    """

    def __init__(self, max_usd: float | None, max_tokens: int | None, spending: Spending) -> None:
        self._max_usd = max_usd
        self._max_tokens = max_tokens
        self._usd = spending.usd
        self._tokens = spending.tokens
        self._reserved: list[Cost] = []
        self._changed = asyncio.Condition()

    @property
    def usd(self) -> float:
        """What is spent, without what is set aside."""
        return self._usd

    async def reserve(self, cost: Cost) -> None:
        """Sets aside what a call can take; waits for calls in flight where they decide.

        Raises:
            BudgetSpent: it can take more than what is left.
        """
        async with self._changed:
            while (why := self._exceeded(cost)) is not None:
                if not self._reserved:
                    raise BudgetSpent(why)
                await self._changed.wait()
            self._reserved.append(cost)

    async def settle(self, reserved: Cost, paid: Cost) -> None:
        """Books what a call took in place of what was set aside."""
        async with self._changed:
            self._reserved.remove(reserved)
            self._usd += paid.usd
            self._tokens += paid.tokens
            self._changed.notify_all()

    def _exceeded(self, cost: Cost) -> str | None:
        """Which limit a call could pass, in words; None if neither."""
        usd = self._usd + sum(one.usd for one in self._reserved)
        tokens = self._tokens + sum(one.tokens for one in self._reserved)
        if self._max_usd is not None and usd + cost.usd > self._max_usd:
            return (
                f"${self._usd:.4f} of ${self._max_usd:g} for models are spent, and the next call "
                f"could cost ${cost.usd:.4f}"
            )
        if self._max_tokens is not None and tokens + cost.tokens > self._max_tokens:
            return (
                f"{self._tokens} of {self._max_tokens} tokens are spent, and the next call could "
                f"take {cost.tokens}"
            )
        return None
