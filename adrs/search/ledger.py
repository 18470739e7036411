"""Whether a search still gets on."""

from __future__ import annotations

from adrs.model.trial import Trial

# So many tells without a new best are a stall; as many later it has had its chance.
PATIENCE = 30


class Ledger:
    """Counts what was told since the best was found.

    A stall calls for another direction, other parents and the strong model, for as long as it took
    to be one; then the search goes on as before for as long, and so on in turns: what a stall
    calls for is dear, and may not help either.
    """

    def __init__(self) -> None:
        self._since = 0

    def told(self, trial: Trial, best: Trial | None) -> None:
        """Takes note of a tell and of the best after it."""
        leads = best is not None and best.number == trial.number
        self._since = 0 if leads else self._since + 1

    @property
    def stalled(self) -> int:
        """Trials told since the best was found, while something else should be tried; else 0."""
        return self._since if (self._since // PATIENCE) % 2 else 0
