"""Programs that were written to deceive get nothing by it."""

from __future__ import annotations

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.evaluation import Status
from adrs.model.isolation import IsolationLevel
from adrs.model.program import Program


async def cheats_gain_nothing(examination: Examination, report: Report) -> None:
    """Those of checks/cheats on the first stage's split."""
    cheats = examination.known.cheats
    seed = await examination.seed(examination.first_split)
    if seed.isolation.level is IsolationLevel.SHARED:
        report.advice(
            "programs make their own figures (isolation: shared), so a search ends REFUSED unless "
            "it is run with --accept-isolation shared",
            "let something of yours make them: the command measure, or a judge.py",
        )
    for name, program in cheats.items():
        if program.id == examination.task.seed.id:
            report.fault(
                f"checks/cheats/{name} is the seed itself, so nothing is tried",
                "name its files as those that they take the place of, and let them differ",
            )
        elif words := await gain(examination, program):
            report.fault(
                f"checks/cheats/{name} is better than the seed: {words}",
                "close the hole: let the judge keep state and clock itself, recompute every "
                "figure from the answer, and refuse what is not exactly what it asked for",
            )
    if cheats and not report.results:
        several = f"{len(cheats)} programs that cheat are"
        subject = several if len(cheats) > 1 else "1 program that cheats is"
        report.ok(f"{subject} no better than the seed")
    elif not cheats:
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
    noise = await examination.noise(split)
    margin = examination.task.objective.min_effect + noise if noise else 0.0
    if not examination.better(found, seed, margin):
        return ""
    assert found is not None
    beside = "no score" if seed is None else f"{seed.value:.6g}"
    return f"{found.value:.6g} against {beside} on {split}"


async def is_scored(examination: Examination, program: Program) -> bool:
    """Whether a program ends with figures on the first stage's split."""
    evaluation = await examination.measured(program, examination.first_split)
    return evaluation.status is Status.SCORED
