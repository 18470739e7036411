"""The ports for models: the servers that run them, and what a proposer sees of them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from adrs.model.call import Answer, ModelRequest, Prompt


@runtime_checkable
class ModelServer(Protocol):
    """Makes one attempt at a call. Retries, budgets, limits and the record are the engine's.

    An entry point of adrs.models is called with the base URL of the run ("" if none was given) and
    makes one of these.

    Raises, when made: ConfigError if a key or an address is missing or cannot be used.
    """

    async def answer(self, request: ModelRequest) -> Answer:
        """Asks once; whatever the server does becomes a status. No text in it holds a key."""
        ...

    def scrub(self, text: str) -> str:
        """The text without any key of this server."""
        ...

    async def close(self) -> None:
        """Ends connections."""
        ...


class Models(Protocol):
    """What a proposer asks in one round; the model was chosen for it."""

    @property
    def name(self) -> str:
        """The model of this round."""
        ...

    async def ask(self, prompt: Prompt) -> Answer:
        """Asks the model; the answer is recorded before this returns.

        Failures that pass are tried again before; what comes back is ANSWERED, CUT, REFUSED, EMPTY
        or MALFORMED.

        Raises:
            ModelUnavailable: the server is down, or declines every such call.
            BudgetSpent: the call could cost more than what is left.
        """
        ...

    @property
    def usd(self) -> float:
        """What the round has cost so far."""
        ...
