"""Programs that are known to be better come out better."""

from __future__ import annotations

from adrs.checking.examination import Examination, ending
from adrs.checking.result import Report
from adrs.model.evaluation import Score, Status
from adrs.model.program import Program


async def good_beats_bad(examination: Examination, report: Report) -> None:
    """Those of checks/good above the seed and above those of checks/bad, on the last stage."""
    task, split = examination.task, examination.task.search_split
    await examination.seed(split)
    seed = await examination.score(task.seed, split)
    good = {f"checks/good/{name}": program for name, program in examination.known.good.items()}
    better = dict(good)
    reference = task.objective.reference
    if reference is not None:
        better[f"references/{reference}"] = task.references[reference]
    scores = {
        name: await _scored(examination, report, name, program) for name, program in better.items()
    }
    for name in good:
        words = f"{name} is known to be better than the seed"
        await _rank(examination, report, words, scores[name], seed)
    for bad, program in examination.known.bad.items():
        worse = await examination.score(program, split)
        for name, one in scores.items():
            words = f"{name} is known to be better than checks/bad/{bad}"
            await _rank(examination, report, words, one, worse)
    if report.results:
        return
    if not good and not (better and examination.known.bad):
        report.advice(
            "no program is known to be better or worse than another, so the direction of the "
            "objective is untested",
            "put a better program into checks/good/NAME/ and a worse one into checks/bad/NAME/, "
            "with only the files that differ from the seed",
        )
        return
    counts = f"{len(better)} known to be good, {len(examination.known.bad)} known to be bad"
    report.ok(f"programs come out in the order that is known ({counts})")


async def _rank(
    examination: Examination, report: Report, words: str, better: Score | None, worse: Score | None
) -> None:
    """Reports two programs that do not come out in the order that `words` say is known."""
    if better is None or examination.better(better, worse):
        return
    found = f"{_shown(better)} against {_shown(worse)}"
    noise = await examination.noise(examination.task.search_split)
    if noise and not examination.better(worse, better, noise):
        report.advice(
            f"{words}, and noise hides it: {found}",
            "let known programs differ by more than noise, or lengthen the measurements",
        )
        return
    metric = examination.task.objective.metric
    report.fault(
        f"{words} and is not: {found}",
        f"look at the direction of {metric.name} ({metric.direction}) and at the judge; or it is "
        "not so known",
    )


async def _scored(
    examination: Examination, report: Report, name: str, program: Program
) -> Score | None:
    """The score of a program that should be good; what is wrong with it is reported."""
    split = examination.task.search_split
    found = await examination.score(program, split)
    if found is None:
        evaluation = await examination.measured(program, split)
        why = ending(evaluation)
        if evaluation.status is Status.SCORED:
            why = f"its {examination.task.objective.metric.name} is not above zero everywhere"
        report.fault(f"{name} does not score: {why}", "mend the program")
    elif not found.feasible:
        report.fault(
            f"{name} breaks a constraint on {split}, by {found.violation:g} in all",
            "mend the program, or the constraint",
        )
        return None
    return found


def _shown(score: Score | None) -> str:
    if score is None:
        return "no score"
    return f"{score.value:.6g}" + ("" if score.feasible else " (infeasible)")
