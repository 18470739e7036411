"""The seed scores wherever a search measures it."""

from __future__ import annotations

from dataclasses import replace

from adrs.checking.examination import Examination, ending
from adrs.checking.result import Report
from adrs.model.evaluation import Status
from adrs.model.scoring import violation
from adrs.model.task import Split


async def seed_scores(examination: Examination, report: Report) -> None:
    """The seed on every stage, on validation, and on one held-out workload."""
    task = examination.task
    for split in examination.splits:  # as they are before anything was measured
        await examination.contents(split)
    for split in examination.splits[:-1]:
        evaluation = await examination.measured(task.seed, split)
        if evaluation.status is not Status.SCORED:
            report.fault(
                f"the seed is {ending(evaluation)}",
                "mend the seed, or the judge if the status is JUDGE_FAILED: a search starts from "
                "a program that scores",
                split=split.value,
                status=evaluation.status.value,
            )
            return
        if await examination.score(task.seed, split) is None:
            report.fault(
                f"the seed has no {task.objective.metric.name} above zero on {split}, so there is "
                "no geometric mean",
                'let the judge return figures above zero, or use aggregate = "mean"',
                split=split.value,
            )
            return
    first, *_ = await examination.workloads(Split.HELD_OUT)
    one = replace(examination.request(Split.HELD_OUT), names=(first.name,))
    held_out = await examination.bench.measure(task.seed, one)
    if held_out.status is not Status.SCORED:
        report.fault(
            f"the seed is {ending(held_out)}",
            "mend it: without a baseline on held-out workloads there is no verdict",
            split=Split.HELD_OUT.value,
            status=held_out.status.value,
        )
        return
    broken = [
        constraint.metric
        for constraint in task.brief.constraints
        if violation([constraint], await examination.seed(task.search_split)) > 0.0
    ]
    if broken:
        report.advice(
            f"the seed scores, and breaks the constraint on {', '.join(broken)}",
            "start from a feasible seed: any feasible program is better than this one",
        )
        return
    listed = ", ".join(split.value for split in examination.splits[:-1])
    report.ok(f"the seed scores on {listed} and on a held-out workload")
