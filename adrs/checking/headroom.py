"""Limits leave room: a program that is better may need more."""

from __future__ import annotations

from adrs.checking.examination import Examination, ending
from adrs.checking.result import Report
from adrs.model.evaluation import Status
from adrs.model.program import Program

_ROOM = 0.5  # share of a limit that known programs may use
_OVER = (Status.TIMED_OUT, Status.OVER_MEMORY, Status.OVER_OUTPUT)


async def limits_leave_room(examination: Examination, report: Report) -> None:
    """What the seed and the objective's reference use of CPU, wall time and memory."""
    task = examination.task
    programs: dict[str, Program] = {"the seed": task.seed}
    if task.objective.reference is not None:
        name = task.objective.reference
        programs[f"references/{name}"] = task.references[name]
    shares: dict[str, float] = {}
    for name, program in programs.items():
        await examination.measured(program, task.search_split)
        for evaluation in examination.evaluations(program):
            if evaluation.status in _OVER:
                report.fault(
                    f"{name} is over a limit: {ending(evaluation)}",
                    "raise the limit in [limits], or make workloads smaller",
                )
                return
        shares |= _tight(examination, report, name, program)
    if not report.results:
        listed = ", ".join(f"{share:.0%} of {name}" for name, share in shares.items())
        report.ok(f"known programs use at most {listed}", **shares)


def _tight(
    examination: Examination, report: Report, name: str, program: Program
) -> dict[str, float]:
    """The largest share of each limit that a program used; what is tight is reported."""
    limits = examination.task.brief.limits
    samples = [
        one
        for evaluation in examination.evaluations(program)
        for one in evaluation.samples
        if one.status is Status.SCORED  # what ended otherwise may have waited for a judge
    ]
    used = {
        "cpu_s": (max((one.cpu_s for one in samples), default=0.0), limits.cpu_s),
        "wall_s": (max((one.wall_s for one in samples), default=0.0), limits.wall_s),
        "memory_mb": (max((one.peak_mb for one in samples), default=0.0), limits.memory_mb),
    }
    for limit, (most, allowed) in used.items():
        if most > _ROOM * allowed:
            report.advice(
                f"{name} uses {most:.3g} of {limit} = {allowed:g}",
                f"raise {limit} in [limits] to {2 * most:.3g} or more, or make workloads smaller: "
                "what is better but needs more is lost, and a slower machine fails the seed",
                **{limit: most},
            )
    return {limit: most / allowed for limit, (most, allowed) in used.items()}
