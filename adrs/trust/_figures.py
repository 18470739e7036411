"""Whether a certificate's figures follow from its own samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adrs.model.evaluation import Status
from adrs.model.text import harmless
from adrs.model.verdict import Interval, Verdict
from adrs.trust._certificate import Certificate, Measurement, Span
from adrs.trust._task_files import plain
from adrs.trust._verdict import judge_held_out

# Sums of floats may differ in the last digits from one processor to the next.
_ROUNDING = 1e-9


def figures_fault(certificate: Certificate) -> list[str]:
    """What does not follow from the samples, in words; empty if everything does.

    Effect, intervals, units, level and verdict are made again by the rules that made them. What a
    certificate says in prose is not compared: read the figures, or make the prose anew.
    """
    faults = list(_unfit(certificate))
    if faults:
        return faults
    this = certificate.finding
    try:
        found = judge_held_out(
            certificate.plain_objective(),
            certificate.plain_constraints(),
            certificate.evaluation(certificate.baseline),
            certificate.evaluation(certificate.winner),
            trial=this.trial,
            salt=certificate.held_out.salt,
            looks=this.looks,
            shares=this.shares,
            accept_isolation=certificate.accepted_isolation,
        )
    except (ValueError, ArithmeticError) as error:
        return [f"samples: no verdict can be made of them: {error}"]
    if found.units != this.units:
        faults.append(f"samples: they are of {found.units} independent units, not {this.units}")
    if not _same(found.level, this.level):
        faults.append(
            f"samples: after {this.looks} looks the level is {found.level:.6g}, not {this.level:g}"
        )
    if found.verdict is not Verdict.WINNER:
        faults.append(f"samples: by themselves they make {found.verdict}: {harmless(found.reason)}")
    metric = plain(certificate.objective.metric)
    for name, ours, theirs, percent in (
        ("effect", found.effect, this.effect, True),
        (f"the baseline's {metric}", found.baseline, this.baseline, False),
        (f"the winner's {metric}", found.best, this.best, False),
    ):
        if not _agree(ours, theirs):
            was, now = _pair(ours, theirs, percent)
            faults.append(f"samples: {name} is {was} by its own samples, not {now}")
    return faults


def _unfit(certificate: Certificate) -> Iterator[str]:
    """Samples of which no figure could be made."""
    objective = certificate.objective
    declared = {metric.name: metric for metric in objective.metrics}
    goal = declared.get(objective.metric)
    named = {objective.metric, *(one.metric for one in objective.constraints)}
    if goal is None or not named <= declared.keys():
        yield "samples: the objective or a constraint names a metric that is not declared"
    elif (goal.direction, goal.unit) != (objective.direction, objective.unit):
        yield "samples: the objective is not the metric that it names"
    measured = {"winner": certificate.winner, "baseline": certificate.baseline}
    others = {f"reference {plain(name)}": one for name, one in certificate.references.items()}
    for name, measurement in {**measured, **others}.items():
        yield from _unfit_samples(name, measurement, declared.keys())
    for name, measurement in measured.items():
        if any(sample.status is not Status.SCORED for sample in measurement.samples):
            yield f"samples: the {name} is not SCORED on every workload"
    workloads = _workloads(certificate.winner)
    if workloads != _workloads(certificate.baseline):
        yield "samples: winner and baseline were not measured on the same workloads and units"
    for name, measurement in others.items():
        if not _workloads(measurement) <= workloads:
            yield f"samples: the {name} was measured on other workloads than the winner"


def _unfit_samples(name: str, measurement: Measurement, declared: object) -> Iterator[str]:
    runs = {(sample.workload, sample.repeat) for sample in measurement.samples}
    if len(runs) < len(measurement.samples):
        yield f"samples: the {name} has two of one workload and repeat"
    if len(_workloads(measurement)) > len({sample.workload for sample in measurement.samples}):
        yield f"samples: the {name} has one workload in two units"
    for sample in measurement.samples:
        if sample.metrics.keys() != (declared if sample.status is Status.SCORED else set()):
            yield f"samples: the {name} has others than the declared metrics"
            return


def _workloads(measurement: Measurement) -> set[tuple[str, str]]:
    return {(sample.workload, sample.unit) for sample in measurement.samples}


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is None and other is None
    return math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=1e-12)


def _agree(ours: Interval | None, theirs: Span | None) -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    return (
        _same(ours.value, theirs.value)
        and _same(ours.low, theirs.low)
        and _same(ours.high, theirs.high)
    )


def _pair(ours: Interval | None, theirs: Span | None, percent: bool) -> tuple[str, str]:
    """Both in words, with as many digits as it takes to tell them apart."""
    for digits in (3, 6, 17):
        pair = _words(ours, percent, digits), _words(theirs, percent, digits)
        if pair[0] != pair[1]:
            break
    return pair


def _words(interval: Interval | Span | None, percent: bool, digits: int) -> str:
    if interval is None:
        return "unknown"
    numbers = [
        "unknown"
        if one is None
        else f"{100 * one:.{digits}g} %"
        if percent
        else f"{one:.{digits}g}"
        for one in (interval.value, interval.low, interval.high)
    ]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"
