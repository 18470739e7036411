"""What a run did, in the order in which it did it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MomentKind(StrEnum):
    """BEGUN: a round. ASKED: a proposal got a trial number. REFUSED: it did not. TOLD: a trial."""

    BEGUN = "begun"
    ASKED = "asked"
    REFUSED = "refused"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that a run did; with several workers the clock put it at its place.

    Attributes:
        at: when it was recorded, in seconds since 1970; what was recorded together has the same.
        ordinal: of the proposal.
        trial: number of the trial; None if it is BEGUN or REFUSED.
    """

    kind: MomentKind
    at: float
    ordinal: int
    trial: int | None = None
