from dataclasses import replace
from statistics import fmean

import pytest
from benchmarks.bench_trust import Outcome, Setting, outcomes, summary, upper_bound

from adrs import Direction, Score
from adrs.trust import more_repeats
from adrs.trust._race import MOST

DOWN, UP = Direction.MINIMIZE, Direction.MAXIMIZE
BEST = Score(100.0, error=3.0, repeats=10)


def rival(value: float, **changes: float) -> Score:
    return replace(Score(value, error=10.0), **changes)


@pytest.mark.parametrize("value", [80.0, 95.0, 100.0, 108.0])
def test_what_may_be_better_is_measured_again(value: float) -> None:
    assert more_repeats(rival(value), BEST, DOWN) > 0
    assert more_repeats(rival(200.0 - value), BEST, UP) > 0
    below = replace(BEST, value=-100.0)
    assert more_repeats(rival(value - 200.0), below, DOWN) > 0


def test_what_is_clearly_worse_or_clearly_better_is_not() -> None:
    assert more_repeats(rival(130.0), BEST, DOWN) == 0
    assert more_repeats(rival(70.0), BEST, UP) == 0
    assert more_repeats(rival(40.0), BEST, DOWN) == 0
    assert more_repeats(rival(160.0), BEST, UP) == 0


def test_the_incumbent_is_unsure_too() -> None:
    assert more_repeats(rival(112.0), BEST, DOWN) == 0
    assert more_repeats(rival(112.0), replace(BEST, error=10.0), DOWN) > 0


def test_nothing_is_measured_for_ever() -> None:
    repeats = 1
    while more := more_repeats(rival(100.0, repeats=repeats), BEST, DOWN):
        repeats += more
    assert repeats == MOST
    assert more_repeats(rival(100.0, repeats=MOST + 3), BEST, DOWN) == 0


def test_what_does_not_vary_is_measured_once() -> None:
    assert more_repeats(rival(100.0, error=0.0), replace(BEST, error=0.0), DOWN) == 0


def test_constraints_decide_first() -> None:
    infeasible = replace(BEST, violation=2.0)
    assert more_repeats(rival(100.0, violation=1.0), BEST, DOWN) == 0
    assert more_repeats(rival(100.0), infeasible, DOWN) == 0
    assert more_repeats(rival(100.0, violation=2.0), infeasible, DOWN) > 0


def test_a_gain_below_the_least_effect_is_not_worth_knowing() -> None:
    close = Score(99.9, error=0.2, repeats=4)
    sure = replace(BEST, error=0.1)
    assert more_repeats(close, sure, DOWN) > 0
    assert more_repeats(close, sure, DOWN, min_effect=0.01) == 0
    assert more_repeats(replace(close, value=100.1), sure, UP, min_effect=0.01) == 0
    below = replace(sure, value=-100.0)
    assert more_repeats(Score(-100.1, error=0.4), below, DOWN, min_effect=0.01) == 0


# --- what the rules are worth together, simulated --------------------------------------------


def simulated(setting: Setting, runs: int) -> list[Outcome]:
    return outcomes(setting, 4711, range(runs))


def test_a_race_finds_what_is_better_and_spends_little() -> None:
    racing = simulated(Setting("", effect=0.2), 60)
    once = simulated(Setting("", effect=0.2, always=1), 60)
    assert fmean(run.samples for run in racing) < 4.0
    assert fmean(run.frozen and run.winner for run in racing) >= 0.9
    assert fmean(run.frozen for run in once) < 0.75
    # Taking the best sample would have shown far more than there is.
    assert fmean(run.shown - run.truly for run in racing) < 0.08
    assert fmean(run.taken - run.taken_truly for run in racing) > 0.12


@pytest.mark.slow
def test_racing_finds_as_much_as_measuring_everything_ten_times() -> None:
    racing = summary(Setting(""), simulated(Setting("", effect=0.1), 1000))
    always = summary(Setting(""), simulated(Setting("", effect=0.1, always=10), 1000))
    assert racing["samples"] <= 0.4 * always["samples"]
    assert racing["power"] >= always["power"] - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("worse", [False, True])
def test_noise_is_not_taken_for_a_winner(worse: bool) -> None:
    setting = Setting("", worse=worse, min_effect=0.0, units=8)
    found = summary(setting, simulated(setting, 1000))
    assert found["false_winners_below"] <= 0.05
    assert found["taken_false"] > 0.9


def test_the_bound_of_clopper_and_pearson() -> None:
    # No event in n: 1 - 0.05 ** (1 / n). The other two are tabulated.
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert upper_bound(1, 10) == pytest.approx(0.3942, abs=1e-4)
    assert upper_bound(5, 100) == pytest.approx(0.1023, abs=1e-4)
    assert upper_bound(7, 7) == 1.0
