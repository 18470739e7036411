"""Programs that were written to deceive get nothing by it."""

from __future__ import annotations

import math

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.evaluation import Status
from adrs.model.program import Program

_SURE = 2.0  # standard deviations of noise by which a cheat may look better


async def cheats_gain_nothing(examination: Examination, report: Report) -> None:
    """Those of checks/cheats on the first stage's split."""
    cheats = examination.known.cheats
    await examination.seed(examination.first_split)
    for name, program in cheats.items():
        if words := await gain(examination, program):
            report.fault(
                f"checks/cheats/{name} is better than the seed: {words}",
                "close the hole: let the judge keep state and clock itself, recompute every "
                "figure from the answer, and refuse what is not exactly what it asked for",
            )
    if report.results:
        return
    if cheats:
        count = f"{len(cheats)} programs" if len(cheats) > 1 else "1 program"
        report.ok(f"{count} that cheat are no better than the seed")
    else:
        report.advice(
            "nobody has tried to deceive this judge",
            "write what a program could do to look better than it is, and put each into "
            "checks/cheats/NAME/",
        )


async def gain(examination: Examination, program: Program) -> str:
    """By what a program that deserves nothing is better than the seed, in words; "" if it is not.

    Where figures vary, better is what is so by more than min_effect and noise.
    """
    split = examination.first_split
    seed = await examination.score(examination.task.seed, split)
    found = await examination.score(program, split)
    if not examination.better(found, seed, await _margin(examination)):
        return ""
    assert found is not None
    beside = "no score" if seed is None else f"{seed.value:.6g}"
    return f"{found.value:.6g} against {beside} on {split}"


async def is_scored(examination: Examination, program: Program) -> bool:
    """Whether a program ends with figures on the first stage's split."""
    evaluation = await examination.measured(program, examination.first_split)
    return evaluation.status is Status.SCORED


async def _margin(examination: Examination) -> float:
    if examination.spread == 0.0:
        return 0.0
    last = await examination.workloads(examination.task.search_split)
    first = await examination.workloads(examination.first_split)
    noise = examination.spread * math.sqrt(2.0 * max(1.0, len(last) / len(first)))
    return examination.task.objective.min_effect + _SURE * noise
