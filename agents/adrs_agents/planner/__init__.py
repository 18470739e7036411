"""The proposer that asks a language model."""

from __future__ import annotations

from collections.abc import Sequence

from adrs import Candidate, Context, Rejection, Trial

from .evidence import models_of
from .notebook import Notebook


class Planner:
    """Plans ideas from what was measured, has each of them written, and mends what is faulty."""

    name = "planner"
    version = "1"
    confined = True
    waits_for = "model"

    def __init__(self) -> None:
        self._notebook = Notebook()

    def observe(self, trial: Trial) -> str | None:
        """Notes what came of a prediction."""
        return self._notebook.note(trial, self.name)

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        """As many candidates as are wanted, if the model is up to it.

        Raises:
            ConfigError: the run has no model.
            ModelUnavailable: the model's server is down.
            BudgetSpent: a call could cost more than what is left.
        """
        models_of(context)
        from .graph import propose  # LangGraph takes a second to import

        return await propose(context)
