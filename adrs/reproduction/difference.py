"""What came out otherwise than it is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from adrs.errors import AdrsError


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it is recorded; all of it may hold untrusted text.

    Attributes:
        where: what it is.
        expected: what the record says.
        came: what there is, or what was computed.
        cause: what has probably led to it.
        cure: what to do.
    """

    where: str
    expected: str
    came: str
    cause: str
    cure: str


class Differs(AdrsError):
    """Ends a reproduction; it never leaves this package.

    It is one of our errors so that it passes through proposers, whose own errors are wrapped.
    """

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"{difference.where} is otherwise than recorded")
        self.difference = difference
