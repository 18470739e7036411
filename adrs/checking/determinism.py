"""The same arguments give the same workloads, and the same figures where that is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.evaluation import Evaluation, Sample, WorkloadRef
from adrs.model.task import Split, Task
from adrs.model.text import harmless
from adrs.ports.evaluator import Bench

_HASH_SEED = 1


async def is_deterministic(examination: Examination, report: Report) -> None:
    """Workloads and the seed's figures once more: in fresh processes, under another hash seed.

    Everything is changed at once, process, hash seed, the order of listing and the number of the
    repeat; only where something differs is it found out which of them does it.
    """
    async with examination.another_bench(_HASH_SEED) as bench:
        listings = {
            split: await _listing(examination, bench, split) for split in _backwards(examination)
        }
        differing = [
            split for split, refs in listings.items() if refs != await examination.workloads(split)
        ]
        if differing:
            await _blame_workloads(examination, report, differing)
            return
        differs = await _replayed(examination, bench, first=1)
    examination.repeatable = not differs
    if examination.task.evaluator.deterministic:
        if differs:
            await _blame_figures(examination, report, differs)
        else:
            report.ok(
                "workloads and figures are the same in another process, under another hash seed "
                "and in another repeat"
            )
    elif differs or examination.task.timed:
        report.ok("workloads are the same in another process; figures are not declared to be")
    else:
        report.advice(
            "figures are the same in another process, under another hash seed and in another "
            "repeat, and the task does not declare it",
            "write deterministic = true into [evaluator], if it holds for every program: then "
            "each is measured once",
        )


def _backwards(examination: Examination) -> tuple[Split, ...]:
    """So that a generator which is seeded once, and not for each split, is found out."""
    return tuple(reversed(examination.splits))


async def _listing(examination: Examination, bench: Bench, split: Split) -> tuple[WorkloadRef, ...]:
    return await bench.workloads(examination.request(split))


async def _blame_workloads(
    examination: Examination, report: Report, differing: list[Split]
) -> None:
    async with examination.another_bench() as bench:
        same = [
            await _listing(examination, bench, split) == await examination.workloads(split)
            for split in _backwards(examination)
        ]
    names = ", ".join(split.value for split in reversed(differing))
    if all(same):
        report.fault(
            f"the workloads of {names} are others under another hash seed",
            "sort what comes out of a set before it is used, and do not call hash() on texts",
            cause="hash seed",
        )
    else:
        report.fault(
            f"the workloads of {names} are others in another process, or when the splits are "
            "listed in another order",
            "make workloads() depend on its arguments alone: Random(f'{split}/{salt}/{number}')",
            cause="process",
        )


async def _replayed(examination: Examination, bench: Bench, first: int) -> str:
    """What differs when the seed is measured on the stages as it was at first; "" if nothing.

    Args:
        first: number of the repeat; the program's luck is another in each.
    """
    for stage in examination.task.stages:
        before = await examination.seed(stage.split)
        request = replace(examination.request(stage.split), first=first)
        words = difference(
            examination.task, before, await bench.measure(examination.task.seed, request)
        )
        if words:
            return words
    return ""


async def _blame_figures(examination: Examination, report: Report, found: str) -> None:
    async with examination.another_bench() as bench:
        by_process = await _replayed(examination, bench, first=0)
    if by_process:
        report.fault(
            f"{by_process} in another process, and the task is declared deterministic",
            "seed all randomness of the judge from the workload, keep clocks out of figures, or "
            "take deterministic = true away",
            cause="process",
        )
        return
    async with examination.another_bench() as bench:
        by_repeat = await _replayed(examination, bench, first=1)
    if by_repeat:
        report.fault(
            f"{by_repeat} in another repeat, and the task is declared deterministic",
            "the program's own luck shows: let the judge hand programs a seed, or take "
            "deterministic = true away",
            cause="repeat",
        )
    else:
        report.fault(
            f"{found} under another hash seed, and the task is declared deterministic",
            "sort what comes out of a set before it is used, and do not call hash() on texts",
            cause="hash seed",
        )


def difference(task: Task, before: Evaluation, after: Evaluation) -> str:
    """The first figure of a program that is not what it was, in words; "" if all are."""
    exact = [metric.name for metric in task.brief.metrics if not metric.timed and not metric.meter]
    if after.status is not before.status:
        return f"the seed was {before.status} on {before.split}, then {after.status}"
    first: Mapping[str, Sample] = {sample.workload: sample for sample in before.samples}
    for sample in after.samples:
        for name in exact:
            was, now = first[sample.workload].metrics[name], sample.metrics[name]
            if was != now:
                where = harmless(sample.workload, 80)
                return f"the seed's {name} on {where} was {was!r}, then {now!r}"
    return ""
