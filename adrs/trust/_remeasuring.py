"""Measures a certified winner and its baseline again, with a judge that is installed here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adrs.errors import ConfigError
from adrs.model.evaluation import Evaluation, Sample, Status, WorkloadRef, set_digest
from adrs.model.metric import Metric
from adrs.model.program import Program
from adrs.model.task import Split, Task
from adrs.ports.evaluator import Bench, Request
from adrs.trust._task_files import plain

# What a slower or smaller machine may say of a program that did well on another.
_OF_THE_MACHINE = (Status.TIMED_OUT, Status.OVER_MEMORY, Status.JUDGE_FAILED)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two programs on the same workloads."""

    baseline: Evaluation
    best: Evaluation


class Remeasuring:
    """A task's seed and one other program on a bench.

    Args:
        repeats: of every workload, where figures vary from one to the next.
    """

    def __init__(self, task: Task, program: Program, bench: Bench, repeats: int) -> None:
        self._task = task
        self._programs = (task.seed, program)
        self._bench = bench
        self._repeats = repeats

    @property
    def deterministic(self) -> bool:
        """Declared so, and nothing that decides is read off a clock."""
        return self._task.evaluator.deterministic and not self._task.timed

    async def workloads(self, salt: str) -> tuple[WorkloadRef, ...]:
        """The held-out workloads that the judge makes of a salt."""
        return await self._bench.workloads(Request(Split.HELD_OUT, salt))

    async def pair(self, salt: str) -> Pair:
        """Both programs; in turns, and alone, where time decides.

        Raises:
            ConfigError: the judge made other workloads for one than for the other.
            SandboxUnavailable: the sandbox broke.
        """
        expected = set_digest(await self.workloads(salt))
        request = Request(Split.HELD_OUT, salt, repeats=1 if self.deterministic else self._repeats)
        if self._task.timed:
            found = await self._bench.side_by_side(self._programs, request)
        else:
            found = await self._both(request)
        if any(one.workloads != expected for one in found):
            raise ConfigError(
                f"the judge of {self._task.name} made other held-out workloads in another "
                "process from the same salt; workloads() must depend on its arguments alone"
            )
        return Pair(*found)

    async def _both(self, request: Request) -> list[Evaluation]:
        measuring = (self._bench.measure(program, request) for program in self._programs)
        found: list[Evaluation] = []
        # Both are waited for, so that nothing uses the bench any more when one has failed.
        for one in await asyncio.gather(*measuring, return_exceptions=True):
            if isinstance(one, BaseException):
                raise one
            found.append(one)
        return found


def workload_fault(certified: Sequence[Sample], workloads: Sequence[WorkloadRef]) -> str:
    """What is wrong with the workloads, units and repeats that samples claim; "" if nothing.

    The hash of a set of workloads says nothing of units, nor of how much was measured.
    """
    units = {sample.workload: sample.unit for sample in certified}
    made = {ref.name: ref.unit for ref in workloads}
    for name in sorted(made.keys() | units.keys()):
        if name not in units:
            return f"the judge makes {plain(name)}, and it was not measured"
        if name not in made:
            return f"{plain(name)} was measured, and the judge makes no such workload"
        if made[name] != units[name]:
            return f"{plain(name)} is of the unit {plain(made[name])}, not {plain(units[name])}"
    repeats = {sample.repeat for sample in certified}
    if len(certified) < len(made) * len(repeats):
        return f"of {len(made)} workloads with {len(repeats)} repeats some are missing"
    return ""


def differences(
    metrics: Sequence[Metric], certified: Sequence[Sample], measured: Sequence[Sample]
) -> Iterator[str]:
    """Every metric that is not as certified, to the last digit, with the first workload of it.

    Only figures that the judge returns and no clock decides can be the same twice. What does not
    score here for a reason that may lie in the machine has no figures to compare.
    """
    exact = [metric.name for metric in metrics if metric.meter is None and not metric.timed]
    here = {sample.workload: sample for sample in measured}
    told: set[str] = set()
    for sample in certified:
        again = here.get(sample.workload)
        if again is None or again.status in _OF_THE_MACHINE:
            continue
        if again.status is not sample.status:
            yield f"{again.status} on {plain(sample.workload)}, certified as {sample.status}"
            return
        for name in exact:
            was, now = sample.metrics.get(name), again.metrics.get(name)
            if was != now and name not in told:
                told.add(name)
                yield f"{name} on {plain(sample.workload)} is {now!r}, certified as {was!r}"
