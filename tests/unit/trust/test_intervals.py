import math
import time
import tracemalloc

import numpy as np
import pytest

from adrs import (
    Aggregate,
    Direction,
    Interval,
    mean_interval,
)
from adrs.trust import effect_interval

Units = dict[str, float]


def units(figures: object) -> Units:
    return {f"unit-{at}": float(figure) for at, figure in enumerate(figures)}  # type: ignore[call-overload]


def drawn(
    random: np.random.Generator, count: int, *, noise: float, spread: float = 0.5
) -> tuple[Units, Units]:
    """Workloads of different sizes, with multiplicative noise, and a program 10 % better."""
    size = np.exp(random.normal(0, spread, count))
    baseline = size * np.exp(random.normal(0, noise, count))
    return units(baseline), units(0.9 * size * np.exp(random.normal(0, noise, count)))


def misses(
    repeats: int, count: int, aggregate: Aggregate, noise: float = 0.1, spread: float = 0.5
) -> tuple[float, float]:
    """How often the interval lies below and above the true effect."""
    random = np.random.default_rng([count, repeats])
    below = above = 0
    for _ in range(repeats):
        pair = drawn(random, count, noise=noise, spread=spread)
        found = effect_interval(*pair, Direction.MINIMIZE, aggregate)
        assert found.low is not None
        assert found.high is not None
        below += found.high < 0.1
        above += found.low > 0.1
    return below / repeats, above / repeats


def test_the_mean_of_units_after_student() -> None:
    # Student (1908), table of the additional hours of sleep, second drug.
    sleep = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = mean_interval(sleep)
    assert found.value == pytest.approx(2.33)
    assert (found.low, found.high) == (
        pytest.approx(0.8977, abs=1e-4),
        pytest.approx(3.7623, abs=1e-4),
    )
    assert mean_interval([3.0]) == Interval(3.0, None, None)
    assert mean_interval([3.0, 3.0]) == Interval(3.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="mean"):
        mean_interval([])


@pytest.mark.parametrize(
    ("freedom", "level", "quantile"),
    [
        (1, 0.95, 12.7062),
        (2, 0.95, 4.30265),
        (7, 0.95, 2.36462),
        (8, 0.999, 5.04131),
        (30, 0.99, 2.75),
    ],
)
def test_quantiles_are_those_of_the_tables(freedom: int, level: float, quantile: float) -> None:
    values = [-1.0] + [0.0] * (freedom - 1) + [1.0]
    error = math.sqrt(2 / freedom / (freedom + 1))
    assert mean_interval(values, level).high == pytest.approx(quantile * error, rel=1e-5)


@pytest.mark.parametrize("aggregate", Aggregate)
def test_better_is_positive_whatever_the_direction(aggregate: Aggregate) -> None:
    baseline = units([10, 20, 30, 40, 50, 60, 70, 80])
    best = units([9.1, 17.9, 27.2, 35.8, 45.3, 53.7, 63.1, 72.2])
    less = effect_interval(baseline, best, Direction.MINIMIZE, aggregate)
    more = effect_interval(baseline, best, Direction.MAXIMIZE, aggregate)
    assert less.value == pytest.approx(0.1, abs=0.003)
    assert less.low is not None
    assert less.high is not None
    assert 0.08 < less.low < less.value < less.high < 0.12
    assert more == Interval(
        pytest.approx(-less.value), pytest.approx(-less.high), pytest.approx(-less.low)
    )


def test_the_two_aggregates_weigh_units_differently() -> None:
    baseline, best = units([1.0] * 8 + [1000.0]), units([0.5] * 8 + [1000.0])
    mean = effect_interval(baseline, best, Direction.MINIMIZE, Aggregate.MEAN).value
    ratios = effect_interval(baseline, best, Direction.MINIMIZE, Aggregate.GEOMEAN_RATIO).value
    assert mean == pytest.approx(4 / 1008)
    assert ratios == pytest.approx(1 - 0.5 ** (8 / 9))


@pytest.mark.parametrize("aggregate", Aggregate)
def test_the_order_and_the_names_of_units_change_nothing(aggregate: Aggregate) -> None:
    baseline, best = drawn(np.random.default_rng(1), 12, noise=0.2)
    found = effect_interval(baseline, best, Direction.MINIMIZE, aggregate)
    turned = {unit: baseline[unit] for unit in reversed(baseline)}
    assert effect_interval(turned, best, Direction.MINIMIZE, aggregate) == found
    renamed = [{unit[::-1]: figures[unit] for unit in figures} for figures in (baseline, best)]
    assert effect_interval(*renamed, Direction.MINIMIZE, aggregate) == found


@pytest.mark.parametrize("aggregate", Aggregate)
def test_a_higher_level_is_wider(aggregate: Aggregate) -> None:
    baseline, best = drawn(np.random.default_rng(2), 10, noise=0.2)
    levels = [
        effect_interval(baseline, best, Direction.MINIMIZE, aggregate, level)
        for level in (0.9, 0.95, 0.975, 0.99, 0.998)
    ]
    lows = [found.low for found in levels]
    assert lows == sorted(set(lows), reverse=True)


def test_units_that_all_agree_leave_no_width() -> None:
    baseline = units([3.0, 5.0, 7.0, 11.0])
    same = effect_interval(baseline, baseline, Direction.MINIMIZE, Aggregate.MEAN)
    assert same == Interval(0.0, 0.0, 0.0)
    best = {unit: figure * 0.7 for unit, figure in baseline.items()}
    for aggregate in Aggregate:
        found = effect_interval(baseline, best, Direction.MINIMIZE, aggregate)
        assert found.low == found.high == found.value == pytest.approx(0.3)


def test_units_of_which_all_but_one_agree() -> None:
    baseline, best = units([10.0] * 8), units([9.0] * 7 + [10.0])
    for aggregate in Aggregate:
        found = effect_interval(baseline, best, Direction.MINIMIZE, aggregate)
        assert found.low is not None
        assert found.high is not None
        assert -1.0 < found.low < 0.08 < found.value < 0.1 < found.high < 1.0


def test_figures_that_have_no_logarithm_are_compared_by_differences() -> None:
    baseline = units([0.0, 10.0, 20.0, 30.0, 40.0, 20.0, 10.0, 30.0])
    best = units([0.0, 9.0, 18.0, 28.0, 35.0, 18.0, 9.5, 26.0])
    for aggregate in Aggregate:
        found = effect_interval(baseline, best, Direction.MINIMIZE, aggregate)
        assert found.value == pytest.approx((160 - 143.5) / 160)
        assert found.low is not None
        assert 0.0 < found.low < found.value
    debt = effect_interval(
        units([-10.0, -20.0]), units([-9.0, -18.0]), Direction.MAXIMIZE, Aggregate.MEAN
    )
    assert debt.value == pytest.approx(0.1)
    nothing = effect_interval(
        units([0.0, 0.0]), units([1.0, 2.0]), Direction.MINIMIZE, Aggregate.MEAN
    )
    assert nothing == Interval(0.0, None, None)


def test_one_unit_says_nothing_of_the_spread() -> None:
    found = effect_interval({"a": 2.0}, {"a": 1.0}, Direction.MINIMIZE, Aggregate.MEAN)
    assert found == Interval(pytest.approx(0.5), None, None)


def test_bounds_stay_finite_however_wild_the_figures() -> None:
    baseline, best = units([1e-300, 1e300, 1.0]), units([1e300, 1e-300, 1.0])
    for aggregate in Aggregate:
        found = effect_interval(baseline, best, Direction.MAXIMIZE, aggregate)
        assert all(end is not None and math.isfinite(end) for end in (found.low, found.high))


def test_units_must_be_paired() -> None:
    with pytest.raises(ValueError, match="same units"):
        effect_interval({"a": 1.0}, {"b": 1.0}, Direction.MINIMIZE, Aggregate.MEAN)
    with pytest.raises(ValueError, match="same units"):
        effect_interval({}, {}, Direction.MINIMIZE, Aggregate.MEAN)


def test_a_thousand_units_are_quick_and_small() -> None:
    baseline, best = drawn(np.random.default_rng(3), 1000, noise=0.2)
    effect_interval(baseline, best, Direction.MINIMIZE, Aggregate.MEAN)
    start = time.process_time()
    effect_interval(baseline, best, Direction.MINIMIZE, Aggregate.MEAN)
    assert time.process_time() - start < 1.5  # about 0.15 s on an idle core
    tracemalloc.start()
    effect_interval(baseline, best, Direction.MINIMIZE, Aggregate.MEAN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize("aggregate", Aggregate)
@pytest.mark.parametrize("count", [8, 14, 40])
def test_the_interval_covers_the_truth(count: int, aggregate: Aggregate) -> None:
    assert sum(misses(2400 // count, count, aggregate)) <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize(("spread", "missed"), [(0.5, 0.07), (1.0, 0.08)])
@pytest.mark.parametrize("aggregate", Aggregate)
@pytest.mark.parametrize("count", [8, 14, 40])
def test_the_interval_covers_the_truth_at_length(
    count: int, aggregate: Aggregate, spread: float, missed: float
) -> None:
    """With a spread of 1.0 the largest of eight is some twenty times the smallest."""
    below, above = misses(2000, count, aggregate, noise=0.3, spread=spread)
    assert below + above <= missed
    assert above <= 0.04, "claims more than there is"
