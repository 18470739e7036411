"""Whether noise explains how far two figures are apart."""

from __future__ import annotations

import random

import pytest

from adrs.trust import Figure, Noise


def known(spread: float, programs: int = 100) -> Noise:
    noise = Noise()
    dice = random.Random(1)
    for _ in range(programs):
        noise.observe([dice.lognormvariate(0, spread) for _ in range(3)])
    return noise


def test_the_same_figures_agree_whatever_is_known() -> None:
    for noise in (Noise(), known(0.1)):
        assert Figure.of(noise, [3.0]).agrees(Figure.of(noise, [3.0]), 1)
        assert Figure.of(noise, [0.1, 0.2, 0.3]).agrees(Figure.of(noise, [0.3, 0.2, 0.1]), 1)


def test_where_nothing_varies_any_difference_counts() -> None:
    assert not Figure.of(Noise(), [3.0]).agrees(Figure.of(Noise(), [3.0000001]), 1000)


def test_more_repeats_see_less_and_more_comparisons_allow_more() -> None:
    noise = known(0.1)
    once, off = Figure.of(noise, [1.0]), Figure.of(noise, [1.4])
    assert once.agrees(off, 1)
    repeats = [0.95, 1.0, 1.05] * 5
    sure = Figure.of(noise, repeats)
    assert not sure.agrees(Figure.of(noise, [1.4 * one for one in repeats]), 1000)
    twice = Figure.of(noise, [2.0])
    assert not once.agrees(twice, 1)
    assert once.agrees(twice, 10**6)


def test_little_that_is_known_allows_more() -> None:
    short = Noise()
    short.observe([0.9, 1.0, 1.1])
    assert Figure.of(short, [1.0]).agrees(Figure.of(short, [2.5]), 1)
    assert not Figure.of(known(0.1), [1.0]).agrees(Figure.of(known(0.1), [2.5]), 1)


@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_noise_alone_is_hardly_ever_called_a_difference(spread: float) -> None:
    """200 programs a run, 100 runs: at most one run in a hundred."""
    noise, dice = known(spread), random.Random(2)

    def measured() -> Figure:
        return Figure.of(noise, [dice.lognormvariate(0, spread) for _ in range(2)])

    assert sum(not measured().agrees(measured(), 200) for _ in range(20_000)) <= 1
