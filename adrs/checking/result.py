"""What a check says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """How a task stands before a check; only FAULT keeps it from being ok."""

    OK = "ok"
    ADVICE = "advice"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that a check says of a task.

    Attributes:
        check: name of the check.
        found: what was found; it may quote judge, program or task, so it is untrusted text.
        cure: what its author can do about it; "" where there is nothing to do.
        figures: what was measured, units in the names.
    """

    check: str
    state: State
    found: str
    cure: str = ""
    figures: Mapping[str, float | str] = field(default_factory=dict)


class Report:
    """Gathers what one check says."""

    def __init__(self, check: str) -> None:
        self._check = check
        self.results: list[CheckResult] = []

    def ok(self, found: str, **figures: float | str) -> None:
        """Nothing is wrong."""
        self._add(State.OK, found, "", figures)

    def advice(self, found: str, cure: str, **figures: float | str) -> None:
        """The task can be searched; it would be better with the cure."""
        self._add(State.ADVICE, found, cure, figures)

    def fault(self, found: str, cure: str, **figures: float | str) -> None:
        """A search of this task would be wasted or would mislead."""
        self._add(State.FAULT, found, cure, figures)

    def skipped(self, found: str) -> None:
        """It cannot be told; `found` says why."""
        self._add(State.SKIPPED, found, "", {})

    def _add(self, state: State, found: str, cure: str, figures: Mapping[str, float | str]) -> None:
        self.results.append(CheckResult(self._check, state, found, cure, figures))
