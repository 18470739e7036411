"""What models will roughly take, said before any is asked."""

from dataclasses import replace

import pytest

import adrs
from adrs.search import estimate


def test_the_estimate_grows_with_the_trials_of_those_who_ask_models(task: adrs.Task) -> None:
    settings = adrs.RunSettings(
        str(task.folder), trials=100, proposers=("tune", "planner"), models=(("gpt-5-mini", 1.0),)
    )
    half = estimate(task, settings, 1)
    assert half.trials == 50
    assert half.usd is not None
    whole = estimate(task, replace(settings, proposers=("planner",)), 1)
    assert whole.trials == 100
    assert whole.usd == pytest.approx(2 * half.usd, rel=0.01)
    assert estimate(task, replace(settings, trials=1), 1).trials == 1
    assert estimate(task, settings, 0).tokens_in == 0


def test_without_a_price_no_price_is_said(task: adrs.Task) -> None:
    settings = adrs.RunSettings(str(task.folder), trials=10, proposers=("planner",))
    assert estimate(task, replace(settings, models=(("unheard-of", 1.0),)), 1).usd is None
