"""Programs that do nothing useful get nothing, and limits end those that never would."""

from __future__ import annotations

import re
from dataclasses import replace

from adrs.checking.cheats import gain, is_scored
from adrs.checking.examination import Examination, ending
from adrs.checking.misbehaviour import ENDLESS, GREEDY, IDLE, Misbehaviour, entry_file
from adrs.checking.result import Report
from adrs.model.evaluation import Evaluation, Status
from adrs.model.isolation import Guarantee
from adrs.ports.evaluator import Request

# Limits that the author chose are for useful work; that they hold can be seen with smaller ones.
_MOST_S = 0.5
_MOST_MB = 512
_LEAST_S = 10.0
_GRACE_S = 1.0


async def misbehaving_gains_nothing(examination: Examination, report: Report) -> None:
    """Programs that raise, answer nonsense, or want all of the machine."""
    entry = entry_file(examination.task)
    if not entry:
        report.skipped("the task has no entry module in Python to put such programs into")
        return
    await examination.seed(examination.first_split)
    for idle in IDLE:
        await _idles(examination, report, idle, entry)
    unheld = await _limits_hold(examination, report, entry)
    if not report.results:
        beside = f"; not enforced here: {', '.join(unheld)}" if unheld else ""
        report.ok(
            f"{len(IDLE)} programs without sense are no better than the seed, and limits end "
            f"{len(ENDLESS + GREEDY) - len(unheld)} that never would{beside}"
        )


async def _idles(examination: Examination, report: Report, idle: Misbehaviour, entry: str) -> None:
    program = idle.program(examination.task, entry)
    words = await gain(examination, program)
    if words:
        report.fault(
            f"a program that {idle.name} is better than the seed: {words}",
            "let a failure be a failure: do not catch ProgramFailed, raise Invalid for an answer "
            "that is not exactly what was asked for",
        )
    elif idle.raises and await is_scored(examination, program):
        report.advice(
            f"a program that {idle.name} scores all the same",
            "do not catch ProgramFailed, so that a failure is a status and no figure",
        )


async def _limits_hold(examination: Examination, report: Report, entry: str) -> list[str]:
    """Programs that want all of the machine; answers what the sandbox does not enforce."""
    author = examination.task.brief.limits
    # The same for both, since a busy machine takes longer than a second for a second of CPU.
    seconds = min(author.wall_s, author.cpu_s, _MOST_S)
    short = replace(author, wall_s=seconds, cpu_s=seconds)
    # Time enough to fill it on a busy machine, also where the author's limit is short.
    small = replace(
        author,
        wall_s=max(author.wall_s, _LEAST_S),
        cpu_s=max(author.cpu_s, _LEAST_S),
        memory_mb=min(author.memory_mb, _MOST_MB),
    )
    first, *_ = await examination.workloads(examination.first_split)
    request = Request(examination.first_split, names=(first.name,))
    unheld = []
    for limits, several in ((short, ENDLESS), (small, GREEDY)):
        async with examination.another_bench(limits=limits) as bench:
            for one in several:
                evaluation = await bench.measure(one.program(examination.task, entry), request)
                if one.limit in evaluation.isolation.enforced:
                    _judge_end(report, one, evaluation, limits.wall_s + _GRACE_S)
                else:
                    unheld.append(str(one.limit))
    return unheld


def _judge_end(report: Report, one: Misbehaviour, evaluation: Evaluation, longest_s: float) -> None:
    took_s = max((sample.wall_s for sample in evaluation.samples), default=0.0)
    if evaluation.status is not one.status and not _was_refused(one, evaluation):
        report.fault(
            f"a program that {one.name} should be {one.status} and is {ending(evaluation)}",
            "let what ends a program pass through evaluate(): catch no exception that you do not "
            "know, and give each call the time that it may take",
            status=evaluation.status.value,
        )
    elif took_s > longest_s:
        report.fault(
            f"a program that {one.name} was ended after {took_s:.1f} s, over {longest_s:g} s",
            "see with adrs doctor whether limits are enforced on this machine",
            wall_s=took_s,
        )


def _was_refused(one: Misbehaviour, evaluation: Evaluation) -> bool:
    """Whether it raised before it was over a limit, which limits on address space bring about.

    A judge that catches this has been advised about programs that raise.
    """
    memory = evaluation.isolation.enforced.get(Guarantee.MEMORY, "")
    raised = evaluation.status in (Status.CRASHED, Status.SCORED)
    return (
        one.limit is Guarantee.MEMORY and raised and re.search(r"\bAS\b|_AS\b", memory) is not None
    )
