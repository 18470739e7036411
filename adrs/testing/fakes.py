"""Small real implementations of the ports, for tests that need no sandbox."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping

from adrs.errors import AdrsError
from adrs.model.evaluation import Evaluation, Sample, Status, WorkloadRef, set_digest
from adrs.model.isolation import NEEDED_FOR_WINNER, Isolation, IsolationLevel
from adrs.model.program import Program
from adrs.model.task import Split
from adrs.ports.evaluator import Request, Setting

Measure = Callable[[Program, WorkloadRef], Mapping[str, float] | Status | AdrsError]


class FunctionEvaluator:
    """Measures programs with a Python function in this process: no sandbox, no judge.

    Args:
        measure: metrics of a program on a workload; a Status for a measurement that failed; an
            exception of ours to be raised, as a broken sandbox would.
        units: independent workloads in every split.
        isolation: what the evaluations claim was enforced; all that a WINNER needs by default.
    """

    name = "function"

    def __init__(
        self, measure: Measure, units: int = 10, isolation: Isolation | None = None
    ) -> None:
        self._measure = measure
        self._units = units
        enforced = {guarantee.value: "claimed by a fake" for guarantee in NEEDED_FOR_WINNER}
        self._isolation = isolation or Isolation("fake", IsolationLevel.SEPARATE, enforced, {})
        self.measured = 0

    async def open(self, setting: Setting) -> FunctionEvaluator:
        """Needs nothing of the setting."""
        return self

    async def workloads(self, split: Split, salt: str = "") -> tuple[WorkloadRef, ...]:
        """As many as there are units, of other names for another salt."""
        names = [f"{split}{salt}-{n}" for n in range(self._units)]
        return tuple(
            WorkloadRef(name, name, "", hashlib.sha256(name.encode()).hexdigest()) for name in names
        )

    async def measure(self, program: Program, request: Request) -> Evaluation:
        """Calls the function for every workload, until one is not SCORED."""
        self.measured += 1
        await asyncio.sleep(0)
        workloads = await self.workloads(request.split, request.salt)
        samples = []
        for workload in workloads:
            answer = self._measure(program, workload)
            if isinstance(answer, AdrsError):
                raise answer
            if isinstance(answer, Status):
                samples.append(
                    Sample(workload.name, workload.unit, 0, answer, reason="as the function said")
                )
                break
            samples.append(Sample(workload.name, workload.unit, 0, Status.SCORED, answer))
        last = samples[-1]
        return Evaluation(
            split=request.split,
            status=last.status,
            samples=tuple(samples),
            workloads=set_digest(workloads),
            isolation=self._isolation,
            reason=last.reason,
        )

    async def close(self) -> None:
        """There is nothing to end."""


class Silent:
    """An observer that says nothing."""

    def phase(self, words: str) -> None:
        """Ignored."""

    def told(self, trial: object) -> None:
        """Ignored."""
