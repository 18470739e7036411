"""One number for a measurement: what the archive compares and what intervals are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from adrs.model.evaluation import Evaluation, Sample, Score, Status
from adrs.model.metric import Aggregate, Constraint, Direction, Objective

# Beyond this, or nearer to nought than its inverse, sums and ratios of figures may have no end.
LARGEST = 1e150


def unit_means(evaluation: Evaluation, metric: str) -> dict[str, float]:
    """A metric for each independent unit: the mean over repeats, then over the unit's workloads."""
    return _per_unit(evaluation, metric, fmean)


def unit_figures(evaluation: Evaluation, objective: Objective) -> dict[str, float] | None:
    """The objective for each independent unit, in the way its aggregate joins workloads.

    A unit's workloads are joined by their mean, or by their geometric mean under GEOMEAN_RATIO, so
    that the ratio of two programs' figures is the geometric mean of the ratios per workload.

    Returns:
        Unit to figure; None if a geometric mean is asked for and a figure is not above zero, or
        nearer to it than 1 / LARGEST.
    """
    name = objective.metric.name
    if objective.aggregate is Aggregate.MEAN:
        return unit_means(evaluation, name)
    if any(figure < 1.0 / LARGEST for _, figure in _workload_means(evaluation, name).values()):
        return None
    return _per_unit(evaluation, name, lambda figures: math.exp(fmean(map(math.log, figures))))


def score(
    objective: Objective,
    constraints: Iterable[Constraint],
    evaluation: Evaluation,
    baseline: Evaluation | None = None,
) -> Score | None:
    """What the archive compares; None unless `evaluation` is SCORED.

    MEAN is the mean over units. GEOMEAN_RATIO is the geometric mean over units of the ratio to
    `baseline`, so the baseline's own score is 1; it is None too where a figure is not above zero.
    A constraint counts with the worst repeat of every workload.

    Args:
        baseline: the seed on the same workloads; only GEOMEAN_RATIO needs it.

    Raises:
        ValueError: GEOMEAN_RATIO without a SCORED baseline on the same units.
    """
    if evaluation.status is not Status.SCORED:
        return None
    figures = unit_figures(evaluation, objective)
    if figures is None:
        return None
    if objective.aggregate is Aggregate.MEAN:
        value = fmean(figures.values())
    else:
        ratios = unit_ratios(figures, objective, baseline)
        if ratios is None:
            return None
        value = bounded(math.exp(fmean(map(math.log, ratios.values()))))
    return Score(value, violation(constraints, evaluation))


def repeat_scores(
    objective: Objective, evaluation: Evaluation, baseline: Evaluation | None = None
) -> list[float]:
    """The objective of a SCORED evaluation repeat by repeat, in order, joined as `score` does.

    Each repeat is one pass over all workloads; its ratios are to the baseline's mean figures. A
    repeat that has no geometric mean, since a figure is not above zero, is left out.

    Args:
        baseline: the seed on the same workloads; only GEOMEAN_RATIO needs it.

    Raises:
        ValueError: GEOMEAN_RATIO without a SCORED baseline on the same units.
    """
    passes: dict[int, list[Sample]] = {}
    for sample in evaluation.samples:
        passes.setdefault(sample.repeat, []).append(sample)
    scores = (
        score(objective, (), replace(evaluation, samples=tuple(passes[repeat])), baseline)
        for repeat in sorted(passes)
    )
    return [one.value for one in scores if one is not None]


def unit_ratios(
    figures: Mapping[str, float], objective: Objective, baseline: Evaluation | None
) -> dict[str, float] | None:
    """Each unit's figure over the baseline's; None where the baseline's is not above zero.

    Raises:
        ValueError: there is no SCORED baseline on the same units.
    """
    if baseline is None or baseline.status is not Status.SCORED:
        raise ValueError("a ratio to the baseline needs a SCORED evaluation of the baseline")
    under = unit_figures(baseline, objective)
    if under is None:
        return None
    if under.keys() != figures.keys():
        raise ValueError("the baseline was measured on other workloads than the program")
    return {unit: figure / under[unit] for unit, figure in figures.items()}


def violation(constraints: Iterable[Constraint], evaluation: Evaluation) -> float:
    """Sum over workloads and constraints of the worst repeat's violation; 0.0 means feasible."""
    worst = (
        max(constraint.violation(sample.metrics[constraint.metric]) for sample in repeats)
        for constraint in constraints
        for repeats in _by_workload(evaluation).values()
    )
    return sum(worst, 0.0)


def _by_workload(evaluation: Evaluation) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for sample in evaluation.samples:
        found.setdefault(sample.workload, []).append(sample)
    return found


def _workload_means(evaluation: Evaluation, metric: str) -> dict[str, tuple[str, float]]:
    return {
        workload: (repeats[0].unit, fmean(sample.metrics[metric] for sample in repeats))
        for workload, repeats in _by_workload(evaluation).items()
    }


def _per_unit(
    evaluation: Evaluation, metric: str, join: Callable[[Sequence[float]], float]
) -> dict[str, float]:
    units: dict[str, list[float]] = {}
    for unit, figure in _workload_means(evaluation, metric).values():
        units.setdefault(unit, []).append(figure)
    return {unit: join(figures) for unit, figures in units.items()}


def improvement(value: float, baseline: float, direction: Direction) -> float:
    """Relative improvement over the baseline, positive when better; 0.0 over a baseline of zero."""
    gain = baseline - value if direction is Direction.MINIMIZE else value - baseline
    return bounded(gain / abs(baseline)) if baseline else 0.0


def bounded(figure: float) -> float:
    """The figure, or the largest of its sign that can be reckoned with."""
    return max(-LARGEST, min(LARGEST, figure))
