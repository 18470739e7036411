"""Measures again and compares; the rule is in docs/decisions/reproducing.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from adrs.model.evaluation import Evaluation
from adrs.reproduction.difference import Difference, Differs
from adrs.reproduction.figures import Figures
from adrs.reproduction.rerun import Rerun
from adrs.reproduction.sameness import (
    Fault,
    other_figure,
    other_figures,
    other_status,
    other_workloads,
)
from adrs.reproduction.surroundings import Surroundings
from adrs.search.measuring import CONFIRMING_REPEATS

_CURE = (
    "see what is recorded with `adrs show`; if the cause is another machine, sandbox or version, "
    "reproduce it with those of the record"
)
_LIMIT = "a limit of time or memory may be hit in one place and not in another"


@dataclass(frozen=True, slots=True)
class Group:
    """Programs that were measured on the same workloads, and are so again.

    Attributes:
        subjects: what each of them is called.
        repeats: how often they were measured.
        measure: measures them all, so many times.
        figures: where figures vary, for each that is compared; None in place of one that is not.
        was: the same figures as they are recorded.
    """

    subjects: Sequence[str]
    recorded: Sequence[Evaluation]
    repeats: int
    measure: Callable[[int], Awaitable[Sequence[Evaluation]]]
    figures: Callable[[Sequence[Evaluation]], Figures]
    was: Figures


class Comparison:
    """Measures groups again and says what is not as recorded.

    Args:
        run: gone through to its end, so that it knows the noise.
        surroundings: are told where it is measured now.
        count: how many figures are compared in all.
    """

    def __init__(self, run: Rerun, surroundings: Surroundings, count: int) -> None:
        self._exact = run.deterministic
        self._task = run.task
        self._surroundings = surroundings
        self._count = count

    async def compare(self, group: Group) -> Sequence[Evaluation]:
        """What is measured now. What is otherwise is measured once more before that is believed.

        Raises:
            Differs: something is not as recorded.
        """
        now = await group.measure(group.repeats)
        for recorded, one in zip(group.recorded, now, strict=True):
            self._surroundings.compare_room(recorded, one.isolation)
        faults = self._faults(group, now)
        if not any(faults):
            return now
        more = group.repeats if self._exact else max(group.repeats, CONFIRMING_REPEATS)
        again = await group.measure(more)
        later = self._faults(group, again)
        for at, subject in enumerate(group.subjects):
            fault = faults[at] if self._exact else later[at]
            if fault is None or faults[at] is None:
                continue
            if self._exact and self._compared(now[at], again[at]) is not None:
                self._surroundings.note(
                    f"figures of {subject} vary from one measurement to the next although its "
                    "judge is declared deterministic, so they are not compared"
                )
                continue
            raise self._differs(subject, fault)
        return again

    def _faults(self, group: Group, now: Sequence[Evaluation]) -> list[Fault | None]:
        found = [
            self._compared(recorded, one) for recorded, one in zip(group.recorded, now, strict=True)
        ]
        if self._exact or any(found):
            return found
        return [
            other_figure(
                f"its {self._task.objective.metric.name} on {one.split}", was, figure, self._count
            )
            for one, was, figure in zip(now, group.was, group.figures(now), strict=True)
        ]

    def _compared(self, recorded: Evaluation, now: Evaluation) -> Fault | None:
        fault = other_workloads(recorded, now) or other_status(recorded, now)
        if fault is None and self._exact:
            fault = other_figures(self._task.brief.metrics, recorded, now)
        return fault

    def _differs(self, subject: str, fault: Fault) -> Differs:
        cause = self._surroundings.cause_of_figure()
        if fault.by_limit:
            cause = f"{_LIMIT}; {cause}"
        return Differs(
            Difference(f"{subject}, {fault.what}", fault.expected, fault.came, cause, _CURE)
        )
