"""Two programs on one workload: which of them is better there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from adrs.model.evaluation import Evaluation, Sample, Status, WorkloadRef
from adrs.model.metric import Constraint, Objective
from adrs.model.scoring import improvement
from adrs.model.task import Task
from adrs.trust import mean_interval

# Less than this beside the figures is rounding.
_ROUNDING = 1e-9
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Duel:
    """What baseline and best did on one workload.

    Attributes:
        best: None if the best is not SCORED.
        loss: how much worse the best is, relative, below zero if it is better; None if it is not
            SCORED, and beside a baseline of zero.
        fault: the constraint that the best breaks, or how it failed; "" if neither.
        lost: whether the best is worse, or at fault.
    """

    workload: WorkloadRef
    baseline: float
    best: float | None
    loss: float | None
    fault: str
    lost: bool

    @property
    def severity(self) -> float:
        """How bad it is for the best, from -1 to 1 unless it is at fault; then 2."""
        if self.fault:
            return 2.0
        if self.loss is None:
            return float(self.lost)
        return min(1.0, max(-1.0, self.loss))


def badness(duel: Duel) -> tuple[bool, float]:
    """What losses are ordered by: those with a fault are the worst."""
    return bool(duel.fault), math.inf if duel.loss is None else duel.loss


def duels(
    task: Task, workloads: Sequence[WorkloadRef], baseline: Evaluation, best: Evaluation
) -> list[Duel]:
    """One for each workload that says something of the best.

    Left out is a workload on which the baseline is not SCORED or the judge failed, and what was
    not measured any more after that.
    """
    under, over = _samples(baseline), _samples(best)
    found = []
    for workload in workloads:
        theirs, ours = under.get(workload.name, []), over.get(workload.name, [])
        failed = next((one for one in ours if one.status is not Status.SCORED), None)
        if not theirs or not ours or any(one.status is not Status.SCORED for one in theirs):
            continue
        if failed is not None and failed.status is Status.JUDGE_FAILED:
            continue
        found.append(_duel(task, workload, theirs, ours, failed))
    return found


def beyond_noise(task: Task, baseline: Evaluation, best: Evaluation, level: float) -> bool:
    """Whether a loss on one workload is more than its repeats differ; a single one has no noise.

    The claim is about this workload alone, so its repeats are what the interval counts.
    """
    under, over = (_figures(one, task.objective) for one in (baseline, best))
    direction = task.objective.metric.direction
    gains = [improvement(over[repeat], under[repeat], direction) for repeat in under]
    high = mean_interval(gains, level).high
    return high is None or high < 0.0


def _duel(
    task: Task,
    workload: WorkloadRef,
    theirs: Sequence[Sample],
    ours: Sequence[Sample],
    failed: Sample | None,
) -> Duel:
    metric = task.objective.metric
    baseline = fmean(sample.metrics[metric.name] for sample in theirs)
    if failed is not None:
        reason = f"{failed.status}: {failed.reason}" if failed.reason else str(failed.status)
        return Duel(workload, baseline, None, None, reason[:_LONGEST_REASON], lost=True)
    best = fmean(sample.metrics[metric.name] for sample in ours)
    broken = [one.metric for one in task.brief.constraints if _breaks(one, ours)]
    fault = f"breaks the constraint on {', '.join(broken)}" if broken else ""
    apart = abs(best - baseline) > _ROUNDING * max(abs(best), abs(baseline))
    worse = apart and metric.direction.better(baseline, best)
    loss = -improvement(best, baseline, metric.direction) if baseline else None
    return Duel(workload, baseline, best, loss, fault, worse or bool(fault))


def _breaks(constraint: Constraint, samples: Sequence[Sample]) -> bool:
    return any(constraint.violation(sample.metrics[constraint.metric]) > 0.0 for sample in samples)


def _samples(evaluation: Evaluation) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for sample in evaluation.samples:
        found.setdefault(sample.workload, []).append(sample)
    return found


def _figures(evaluation: Evaluation, objective: Objective) -> dict[int, float]:
    return {sample.repeat: sample.metrics[objective.metric.name] for sample in evaluation.samples}
