"""How sure a figure is, and what the held-out workloads said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its two-sided confidence interval; `low` <= `high`.

    With fewer than two units the bounds are None: nothing is known of the spread.
    """

    value: float
    low: float | None
    high: float | None


class Verdict(StrEnum):
    """What may be said of the best program."""

    WINNER = "WINNER"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Finding:
    """The held-out verdict on one frozen program.

    Attributes:
        trial: number of the frozen program's trial.
        baseline: its objective; None if it is not SCORED there.
        best: the frozen program's objective; None if it is not SCORED there.
        effect: relative improvement over the baseline; 0.1 is 10 % better; None without both.
        level: confidence of `effect` after correction for looks, for instance 0.95.
        units: independent held-out workloads.
        looks: times this held-out set has been looked at, this one included.
        salt: what the held-out workloads were drawn with; from the operating system.
        workloads: hash of the held-out set.
        reason: which rule decided, in words for the user.
        shares: what units have in common ("days"), so that they are not quite independent.
    """

    trial: int
    verdict: Verdict
    reason: str
    baseline: Interval | None
    best: Interval | None
    effect: Interval | None
    level: float
    units: int
    looks: int
    salt: str
    workloads: str
    shares: str = ""
