"""Programs measured in turns, so that a machine that gets slower is so for all of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from adrs import (
    Evaluation,
    Exit,
    Isolation,
    Program,
    Request,
    Sample,
    Status,
    WorkloadRef,
    set_digest,
)
from adrs_evaluators.outcome import Outcome

# Runs a program on a workload, in a repeat of this number.
Turn = Callable[[Program, WorkloadRef, int], Awaitable[tuple[Outcome, Exit]]]


@dataclass(slots=True)
class Course:
    """One program's turns so far.

    Attributes:
        output: the last that it printed.
        wall_s: elapsed seconds that its own turns took.
    """

    program: Program
    samples: list[Sample] = field(default_factory=list)
    output: str = ""
    wall_s: float = 0.0

    @property
    def over(self) -> bool:
        """Whether a turn was not SCORED."""
        return bool(self.samples) and self.samples[-1].status is not Status.SCORED

    async def take(self, turn: Turn, workload: WorkloadRef, repeat: int) -> None:
        """Has one turn."""
        started = time.monotonic()
        outcome, end = await turn(self.program, workload, repeat)
        self.samples.append(
            Sample(
                workload=workload.name,
                unit=workload.unit,
                repeat=repeat,
                status=outcome.status,
                metrics=outcome.metrics,
                reason=outcome.reason,
                cpu_s=end.cpu_s,
                wall_s=end.wall_s,
                peak_mb=end.peak_mb,
            )
        )
        self.output = end.output.decode("utf-8", "replace")
        self.wall_s += time.monotonic() - started

    def evaluation(
        self,
        request: Request,
        workloads: Sequence[WorkloadRef],
        isolation: Isolation,
        feedback: str,
    ) -> Evaluation:
        """What the turns add up to."""
        last = self.samples[-1]
        return Evaluation(
            split=request.split,
            status=last.status,
            samples=tuple(self.samples),
            workloads=set_digest(workloads),
            isolation=isolation,
            reason=last.reason,
            feedback=feedback,
            output=self.output,
            wall_s=self.wall_s,
        )


async def in_turns(
    programs: Sequence[Program], workloads: Sequence[WorkloadRef], request: Request, turn: Turn
) -> list[Course]:
    """Gives every program its turns; the first that is not SCORED is its last.

    Repeat by repeat and workload by workload each has one, in an order that is reversed every time.
    """
    courses = [Course(program) for program in programs]
    order = courses
    for repeat in range(request.first, request.first + request.repeats):
        for workload in workloads:
            for course in order:
                await course.take(turn, workload, repeat)
            order = [course for course in reversed(order) if not course.over]
    return courses
