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
from adrs.model.scoring import repeat_scores, score, unit_figures, unit_means

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


# --- repeat by repeat --------------------------------------------------------------------------


def repeated(*passes: dict[tuple[str, str], float]) -> Evaluation:
    """Each pass measures every (workload, unit) once."""
    samples = tuple(
        Sample(workload, unit, repeat, Status.SCORED, {"p99": figure})
        for repeat, figures in enumerate(passes)
        for (workload, unit), figure in figures.items()
    )
    return Evaluation(Split.TRAIN, Status.SCORED, samples, "set", ISOLATION)


A, B, C = ("a", "A"), ("b", "A"), ("c", "B")
TWICE = repeated({A: 1.0, B: 8.0, C: 10.0}, {A: 3.0, B: 8.0, C: 20.0})


def test_each_repeat_is_a_pass_over_all_workloads() -> None:
    assert repeat_scores(P99, TWICE) == [(4.5 + 10.0) / 2, (5.5 + 20.0) / 2]
    assert repeat_scores(P99, replace(TWICE, samples=TWICE.samples[::-1])) == [7.25, 12.75]
    whole = score(P99, [], TWICE)
    assert whole is not None
    assert sum(repeat_scores(P99, TWICE)) / 2 == pytest.approx(whole.value)


def test_the_ratios_of_a_repeat_are_to_the_mean_of_the_baseline() -> None:
    base = repeated({A: 1.0, B: 4.0, C: 5.0}, {A: 3.0, B: 4.0, C: 15.0})
    first = ((1.0 * 8.0) ** 0.5 / (2.0 * 4.0) ** 0.5 * 10.0 / 10.0) ** 0.5
    second = ((3.0 * 8.0) ** 0.5 / (2.0 * 4.0) ** 0.5 * 20.0 / 10.0) ** 0.5
    assert repeat_scores(RATIO, TWICE, base) == pytest.approx([first, second])
    with pytest.raises(ValueError, match="needs a SCORED evaluation of the baseline"):
        repeat_scores(RATIO, TWICE)


def test_a_repeat_without_a_geometric_mean_is_left_out() -> None:
    once = repeated({A: 0.0, B: 4.0, C: 5.0}, {A: 2.0, B: 4.0, C: 5.0})
    assert len(repeat_scores(RATIO, once, TWICE)) == 1
    assert repeat_scores(P99, replace(TWICE, status=Status.CRASHED)) == []
