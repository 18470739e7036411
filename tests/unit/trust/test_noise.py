import math
import random
import timeit
from statistics import fmean

import pytest

from adrs.trust import Noise


def drawn(count: int, repeats: int, spread: float, seed: int = 1) -> list[list[float]]:
    """Programs of very different cost, with multiplicative noise."""
    dice = random.Random(seed)
    costs = (10.0 ** dice.uniform(-3, 3) for _ in range(count))
    return [[cost * dice.lognormvariate(0, spread) for _ in range(repeats)] for cost in costs]


def learnt(seen: list[list[float]]) -> Noise:
    noise = Noise()
    for series in seen:
        noise.observe(series)
    return noise


def test_nothing_is_unsure_where_nothing_ever_varied() -> None:
    noise = learnt([[3.0, 3.0], [0.1 + 0.2, 0.3, 0.3], [-1.0, -1.0], [0.0, 0.0]])
    assert noise.spread == 0.0
    for series in ([7.0], [7.0, 7.0, 7.0], [0.0], [-2.0, -2.0]):
        assert noise.estimate(series) == (fmean(series), 0.0)
    assert Noise().estimate([7.0]) == (7.0, 0.0)


def test_the_spread_is_found_whatever_programs_cost() -> None:
    assert learnt(drawn(400, 2, spread=0.1)).spread == pytest.approx(0.1, rel=0.1)
    assert learnt(drawn(400, 5, spread=0.02)).spread == pytest.approx(0.02, rel=0.1)


def test_a_single_repeat_is_as_unsure_as_others_were() -> None:
    noise = learnt(drawn(400, 3, spread=0.1))
    assert noise.estimate([50.0]) == (50.0, pytest.approx(50.0 * noise.spread))
    assert noise.estimate([0.5]) == (0.5, pytest.approx(0.5 * noise.spread))


def test_two_repeats_that_agree_by_luck_are_not_sure() -> None:
    noise = learnt(drawn(400, 3, spread=0.1))
    assert noise.estimate([50.0, 50.0])[1] > 0.8 * 50.0 * noise.spread / math.sqrt(2)


def test_with_many_repeats_a_program_speaks_for_itself() -> None:
    noise = learnt(drawn(400, 3, spread=0.1))
    mean, error = noise.estimate(drawn(1, 400, spread=0.4, seed=3)[0])
    assert error / mean == pytest.approx(0.4 / math.sqrt(400), rel=0.15)


@pytest.mark.parametrize("repeats", [1, 2, 4])
def test_the_error_is_the_scatter_of_the_mean(repeats: int) -> None:
    noise = learnt(drawn(300, 3, spread=0.1))
    dice = random.Random(repeats)
    series = [[dice.lognormvariate(0, 0.1) for _ in range(repeats)] for _ in range(4000)]
    found = [noise.estimate(one) for one in series]
    truth = math.exp(0.1**2 / 2)
    scatter = math.sqrt(fmean((mean - truth) ** 2 for mean, _ in found))
    claimed = math.sqrt(fmean(error**2 for _, error in found))
    assert claimed == pytest.approx(scatter, rel=0.06)


def test_figures_without_a_logarithm_vary_in_their_own_unit() -> None:
    noise = learnt([[-1.0, 1.0], [-11.0, -9.0], [4.0, 6.0]])
    assert noise.estimate([0.0]) == (0.0, pytest.approx(math.sqrt(2)))
    assert noise.estimate([-300.0]) == (-300.0, pytest.approx(math.sqrt(2)))
    assert noise.spread == pytest.approx(math.sqrt(2) / 5)


def test_the_order_does_not_matter_to_the_last_bit() -> None:
    seen = [*drawn(20, 3, 0.1), *drawn(20, 2, 0.3, seed=2), [-1.0, 1.3], [0.0, 1e-9]]
    dice = random.Random(5)
    orders = [dice.sample(seen, len(seen)) for _ in range(50)]
    found = {
        (one.spread, one.estimate([0.3]), one.estimate([0.3, 0.4]), one.estimate([-1.0]))
        for one in map(learnt, orders)
    }
    assert len(found) == 1


def test_a_single_figure_teaches_nothing_and_extremes_stay_finite() -> None:
    noise = learnt([[5.0], []])
    assert noise.estimate([5.0]) == (5.0, 0.0)
    noise = learnt([[1e150, -1e150], [1e-300, 1e150], [5e-324, 1e-323]])
    for series in ([1e150], [1e-300, 1e150], [-1e150, 1e150], [5e-324, 5e-324]):
        assert all(map(math.isfinite, noise.estimate(series)))


def test_an_estimate_costs_microseconds_however_much_was_seen() -> None:
    seen = drawn(3000, 3, spread=0.1)
    noise = learnt(seen)
    best = min(timeit.repeat(lambda: noise.estimate(seen[0]), number=1000, repeat=5)) / 1000
    assert best < 50e-6


def test_a_spread_that_was_found_elsewhere_counts_like_the_repeats_that_found_it() -> None:
    told, seen = Noise(), Noise()
    series = [10.0, 10.5, 9.5, 10.2]
    seen.observe(series)
    told.learn(seen.spread, len(series))
    assert told.estimate([7.0]) == pytest.approx(seen.estimate([7.0]))
