"""How small an effect can be told on this task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from adrs.checking.examination import Examination, Unscored
from adrs.checking.result import Report
from adrs.model.evaluation import Evaluation, Status
from adrs.model.scoring import bounded, repeat_scores
from adrs.model.task import Split
from adrs.model.text import percent
from adrs.model.verdict import Interval
from adrs.ports.evaluator import Request
from adrs.search.measuring import CONFIRMING_REPEATS
from adrs.trust import measured_effect

_REPEATS = 3  # of the seed, twice over
_MOST = 1000.0  # times that noise may be above min_effect: what is more, no repeats make up for


async def tells_effects(examination: Examination, report: Report) -> None:
    """The noise of the seed beside itself, or the spread over units beside another program."""
    train = {ref.unit for ref in await examination.workloads(examination.task.search_split)}
    held_out = {ref.unit for ref in await examination.workloads(Split.HELD_OUT)}
    shrink = math.sqrt(len(train) / len(held_out))
    if examination.deterministic:
        await _over_units(examination, report, shrink, len(held_out))
    else:
        await _from_repeat_to_repeat(examination, report, shrink, len(held_out))


async def _from_repeat_to_repeat(
    examination: Examination, report: Report, shrink: float, units: int
) -> None:
    task = examination.task
    found = await _twice(examination)
    spread = examination.spread = _spread(
        [one for each in found for one in repeat_scores(task.objective, each, found[0])]
    )
    half = _half(measured_effect(task.objective, found[0], found[1]))
    if half is None:
        report.skipped("the seed's mean is 0, or there is one unit: no relative effect exists")
        return
    floor = half * shrink * math.sqrt(_REPEATS / CONFIRMING_REPEATS)
    least = task.objective.min_effect
    times = (floor / max(least, floor / _MOST)) ** 2 if floor else 0.0
    needed = math.ceil(CONFIRMING_REPEATS * times)
    figures = {
        "spread": spread,
        "smallest_effect": floor,
        "min_effect": least,
        "held_out_units": units,
        "repeats": CONFIRMING_REPEATS,
        "repeats_needed": max(1, needed),
    }
    words = (
        f"from one measurement to the next the seed differs from itself by "
        f"{percent(spread)}; {units} held-out units, measured {CONFIRMING_REPEATS} times, "
        f"tell effects down to {percent(floor)}, and min_effect is {percent(least)}"
    )
    if floor > least:
        takes = "no number is enough"
        if least > floor / _MOST:
            takes = f"it takes {needed} repeats, or {math.ceil(units * times)} units"
        report.advice(
            words,
            f"min_effect is below what noise lets through: raise it, lengthen the measurements, "
            f"or make more held-out units ({takes})",
            **figures,
        )
    else:
        report.ok(words, **figures)


def _spread(scores: Sequence[float]) -> float:
    """Relative standard deviation of whole measurements; 0.0 where there is no mean."""
    mean = fmean(scores) if len(scores) > 1 else 0.0
    return bounded(stdev(scores) / abs(mean)) if mean else 0.0


async def _twice(examination: Examination) -> list[Evaluation]:
    """The seed as if it were two programs: in turns where time decides."""
    task, bench = examination.task, examination.bench
    request = Request(task.search_split, repeats=_REPEATS)
    if task.timed:
        found = await bench.side_by_side([task.seed, task.seed], request)
    else:
        later = Request(task.search_split, repeats=_REPEATS, first=_REPEATS)
        found = [await bench.measure(task.seed, one) for one in (request, later)]
    for evaluation in found:
        if evaluation.status is not Status.SCORED:
            raise Unscored(f"the seed is {evaluation.status} on {task.search_split} when repeated")
    return found


async def _over_units(examination: Examination, report: Report, shrink: float, units: int) -> None:
    task = examination.task
    seed = await examination.seed(task.search_split)
    found = await _other(examination)
    if found is None:
        report.ok(
            "figures do not vary; how units differ in an effect is not known without another "
            "program that scores",
            held_out_units=units,
        )
        return
    name, other = found
    half = _half(measured_effect(task.objective, seed, other))
    if half is None:
        report.skipped("the seed's mean is 0, or there is one unit: no relative effect exists")
        return
    reach = half * shrink
    report.ok(
        f"figures do not vary; units differ in the effect of {name} so that {units} held-out units "
        f"know it within {percent(reach)}; an effect has to clear min_effect, "
        f"{percent(task.objective.min_effect)}, by as much",
        smallest_effect=reach,
        min_effect=task.objective.min_effect,
        held_out_units=units,
    )


async def _other(examination: Examination) -> tuple[str, Evaluation] | None:
    """A program that is not the seed and scores: best the one that was known to be good."""
    task = examination.task
    programs = {f"checks/good/{name}": one for name, one in examination.known.good.items()}
    references = sorted(task.references, key=lambda name: name != task.objective.reference)
    programs |= {f"references/{name}": task.references[name] for name in references}
    for name, program in programs.items():
        if program.id == task.seed.id:
            continue
        evaluation = await examination.measured(program, task.search_split)
        if evaluation.status is Status.SCORED:
            return name, evaluation
    return None


def _half(interval: Interval) -> float | None:
    if interval.low is None or interval.high is None:
        return None
    return (interval.high - interval.low) / 2
