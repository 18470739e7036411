"""The port for who survives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from adrs.model.trial import Admission, Selection, Trial


@runtime_checkable
class Archive(Protocol):
    """Keeps the trials worth building on. Pure: seeded, no I/O; rebuilt by replaying tells."""

    def add(self, trial: Trial) -> Admission:
        """Offers a told trial; one without a score is never kept."""
        ...

    def admits(self, trial: Trial) -> bool:
        """Whether `add` would keep the trial now; changes nothing."""
        ...

    def select(self, ordinal: int) -> Selection:
        """Parent and inspirations for proposal `ordinal`; the same archive answers the same."""
        ...

    def elites(self, count: int) -> Sequence[Trial]:
        """The best `count` kept trials, best first, feasible before infeasible."""
        ...
