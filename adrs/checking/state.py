"""A judge forgets: what it measured before changes nothing."""

from __future__ import annotations

from adrs.checking.determinism import difference
from adrs.checking.examination import Examination
from adrs.checking.result import Report


async def keeps_no_state(examination: Examination, report: Report) -> None:
    """The seed and the workloads' data again, after all other programs were measured."""
    for split in examination.splits:
        before = await examination.contents(split)
        after = await examination.contents_now(examination.request(split))
        if before != after:
            report.fault(
                f"the data of {split} workloads is not what it was before programs were measured",
                "evaluate() must not change workload.data; let it work on a copy "
                "(copy.deepcopy(workload.data))",
                split=split.value,
            )
            return
    task = examination.task
    first = await examination.seed(task.search_split)
    if not examination.repeatable:
        why = "are not known to repeat" if examination.repeatable is None else "vary anyhow"
        report.skipped(f"the seed's figures {why}; the workloads' data is as it was")
        return
    again = await examination.bench.measure(task.seed, examination.request(task.search_split))
    words = difference(task, first, again)
    if words:
        report.fault(
            f"{words} after other programs had been measured in the same judge's process",
            "keep nothing between evaluations: no counters, caches or generators at module level "
            "that evaluate() changes",
        )
    else:
        report.ok("the seed's figures and the workloads are as before after other programs")
