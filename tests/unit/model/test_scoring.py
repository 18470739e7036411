from dataclasses import replace

import pytest

from adrs import (
    Aggregate,
    Constraint,
    Direction,
    Evaluation,
    Isolation,
    IsolationLevel,
    Metric,
    Objective,
    Sample,
    Score,
    Split,
    Status,
)
from adrs.model.scoring import score, unit_figures, unit_means

P99 = Objective(Metric("p99", Direction.MINIMIZE, "ms"))
RATIO = replace(P99, aggregate=Aggregate.GEOMEAN_RATIO)
ISOLATION = Isolation("process", IsolationLevel.PROCESS, {}, {})


def evaluation(*figures: tuple[str, str, float], status: Status = Status.SCORED) -> Evaluation:
    """Samples as (workload, unit, p99); the same workload again is another repeat."""
    samples = tuple(
        Sample(workload, unit, at, Status.SCORED, {"p99": figure, "lost": figure - 1})
        for at, (workload, unit, figure) in enumerate(figures)
    )
    return Evaluation(Split.TRAIN, status, samples, "set", ISOLATION)


UNEVEN = evaluation(("a", "A", 1.0), ("a", "A", 3.0), ("b", "A", 8.0), ("c", "B", 10.0))


def test_repeats_then_workloads_then_units() -> None:
    assert unit_means(UNEVEN, "p99") == {"A": 5.0, "B": 10.0}
    assert score(P99, [], UNEVEN) == Score(7.5)


def test_ratios_are_joined_by_the_geometric_mean() -> None:
    assert unit_figures(UNEVEN, RATIO) == {"A": pytest.approx(4.0), "B": pytest.approx(10.0)}
    best = evaluation(("a", "A", 1.0), ("b", "A", 4.0), ("c", "B", 10.0))
    assert score(RATIO, [], best, UNEVEN) == Score(pytest.approx(0.5**0.5))
    assert score(RATIO, [], UNEVEN, UNEVEN) == Score(1.0)


def test_only_what_is_scored_has_a_score() -> None:
    assert score(P99, [], replace(UNEVEN, status=Status.CRASHED)) is None
    assert score(RATIO, [], evaluation(("a", "A", 0.0)), evaluation(("a", "A", 1.0))) is None
    assert score(RATIO, [], evaluation(("a", "A", 1.0)), evaluation(("a", "A", 0.0))) is None


def test_a_ratio_needs_its_baseline() -> None:
    with pytest.raises(ValueError, match="needs a SCORED evaluation of the baseline"):
        score(RATIO, [], UNEVEN)
    with pytest.raises(ValueError, match="needs a SCORED evaluation of the baseline"):
        score(RATIO, [], UNEVEN, replace(UNEVEN, status=Status.INVALID))
    with pytest.raises(ValueError, match="other workloads"):
        score(RATIO, [], UNEVEN, evaluation(("a", "A", 1.0)))


def test_the_worst_repeat_of_every_workload_counts() -> None:
    constraints = [Constraint("lost", at_most=5.0), Constraint("p99", at_least=2.0)]
    found = score(P99, constraints, UNEVEN)
    assert found == Score(7.5, violation=(2.0 + 4.0) + 1.0)
    assert not found.feasible
    assert score(P99, [Constraint("lost", at_most=9.0)], UNEVEN) == Score(7.5, 0.0)
