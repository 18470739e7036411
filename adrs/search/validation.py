"""The workloads that decide which of the few best is frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from adrs.archives import rank
from adrs.errors import ConfigError
from adrs.model.attack import Counterexample
from adrs.model.evaluation import Evaluation, Score, Status
from adrs.model.program import Program
from adrs.model.scoring import score
from adrs.model.task import Split, Task
from adrs.model.trial import Trial
from adrs.ports.evaluator import Bench, Request
from adrs.ports.store import Record
from adrs.search.measuring import Measuring


def known_counterexamples(
    record: Record, runs: Sequence[str], task: Task
) -> tuple[Counterexample, ...]:
    """What the adversaries of earlier runs found, each workload once.

    Raises:
        NotInStore: there is no such run.
        ConfigError: a run is of another task, or of another version of this one.
        ConfigError: a run has no adversary's report.
    """
    found: dict[str, Counterexample] = {}
    for run in runs:
        info = record.run(run)
        if info.task_digest != task.digest:
            other = (
                f"another version of {task.name}"
                if info.task == task.name
                else f"the task {info.task}, not {task.name}"
            )
            raise ConfigError(
                f"--counterexamples {run}: that run is of {other}, whose judge makes other "
                "workloads; name a run of the task as it is now"
            )
        attack = record.attack(run)
        if attack is None:
            raise ConfigError(
                f"--counterexamples {run}: no adversary has reported on that run; one does at the "
                f"end of a run that is started with --adversary and finds a better program"
            )
        smallest = () if attack.smallest is None else (attack.smallest,)
        found |= {one.digest: one for one in (*attack.found, *smallest)}
    return tuple(found.values())


class ValidationSet:
    """The task's validation workloads, and those on which earlier winners lost.

    Args:
        counterexamples: join the split, each a unit of its own.
    """

    def __init__(
        self, measuring: Measuring, bench: Bench, counterexamples: Sequence[Counterexample] = ()
    ) -> None:
        self._measuring = measuring
        self._bench = bench
        self._counterexamples = counterexamples

    async def check(self) -> None:
        """Looks whether the judge still makes the counterexamples.

        Raises:
            ConfigError: it makes others, or refuses to.
        """
        for one in self._counterexamples:
            made = await self._bench.workloads(_request(one))
            if [workload.digest for workload in made] != [one.digest]:
                raise ConfigError(
                    f"the judge makes another workload {one.workload!r:.100} than the "
                    "counterexample that was recorded, from the same salt and parameters; "
                    "workloads() must depend on its arguments alone. Mend it, or leave "
                    "--counterexamples out"
                )

    async def measure(self, programs: Sequence[Program]) -> list[Evaluation]:
        """Measures programs on all of the set, each as one evaluation."""
        repeats = self._measuring.confirming_repeats
        found = await self._measuring.programs(programs, Request(Split.VALIDATION, repeats=repeats))
        for one in self._counterexamples:
            request = replace(_request(one), repeats=repeats)
            more = await self._measuring.programs(programs, request)
            found = [_joined(left, right, one) for left, right in zip(found, more, strict=True)]
        return found


def validation_of(trial: Trial) -> Evaluation | None:
    """The last time that a trial was measured on validation."""
    found = (one for one in reversed(trial.evaluations) if one.split is Split.VALIDATION)
    return next(found, None)


def validation_score(
    task: Task, evaluation: Evaluation | None, baseline: Evaluation
) -> Score | None:
    """What is compared on validation; None where there is nothing to compare."""
    if evaluation is None:
        return None
    return score(task.objective, task.brief.constraints, evaluation, baseline)


def by_validation(
    task: Task,
    trials: Sequence[Trial],
    measured: Mapping[int, Evaluation | None],
    baseline: Evaluation,
) -> list[Trial]:
    """Those of some trials that score on validation, best first, with their scores there.

    Among equals the shortest comes first: what differs does nothing on these workloads.
    """
    figures = {t.number: validation_score(task, measured[t.number], baseline) for t in trials}
    scored = [replace(t, score=figures[t.number]) for t in trials if figures[t.number]]
    direction = task.objective.metric.direction
    return sorted(
        scored, key=lambda t: (*rank(t, direction), sum(map(len, t.program.files.values())))
    )


def _request(one: Counterexample) -> Request:
    return Request(Split.HELD_OUT, one.salt, parameters=one.parameters, names=(one.workload,))


def _joined(whole: Evaluation, part: Evaluation, one: Counterexample) -> Evaluation:
    """The whole with the samples of one counterexample; as it is, if it failed before."""
    if whole.status is not Status.SCORED:
        return whole
    name = f"counterexample-{one.digest[:12]}"
    samples = (replace(sample, workload=name, unit=name) for sample in part.samples)
    return replace(
        whole,
        status=part.status,
        workloads=hashlib.sha256(f"{whole.workloads}\n{part.workloads}".encode()).hexdigest(),
        samples=(*whole.samples, *samples),
        reason=part.reason,
        output=part.output,
        wall_s=whole.wall_s + part.wall_s,
    )
