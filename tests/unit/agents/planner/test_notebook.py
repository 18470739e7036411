"""Predictions are held against what was measured, trial by trial and as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from adrs_agents.planner import Planner
from unit.agents.planner.fakes import (
    BRIEF,
    FakeModels,
    context,
    evaluation,
    propose,
    script,
    told,
    variant,
)
from unit.agents.planner.test_prompts import blocks

from adrs import Direction, Idea, Metric, Objective, Trial


def idea(expected: float = 0.05, metric: str = "cost") -> Idea:
    return Idea("h", "c", metric, expected)


def child(number: int, value: float | None, expected: float = 0.05, **more) -> Trial:
    more = {"parent": 0, "plan": f"plan {number}", "idea": idea(expected)} | more
    return told(number, variant(f'"{number}"'), value, **more)


def findings(*trials: Trial) -> list[str | None]:
    planner = Planner()
    return [planner.observe(trial) for trial in trials]


def notebook(*history: Trial, **more) -> str:
    models = FakeModels(script())
    propose(context(models, history[0], history, **more))
    return blocks(models.last("plan")).get("notebook of predictions and results", "")


def test_a_finding_has_the_prediction_and_the_figures() -> None:
    history = [told(0, value=107.9), child(12, 101.2), child(13, None), child(14, 99.0, kept=False)]
    assert findings(*history) == [
        None,
        "trial 12 (from 0): predicted cost 5.0 % better; measured 107.9 -> 101.2; kept; "
        "idea: plan 12",
        "trial 13 (from 0): predicted cost 5.0 % better; ended CRASHED: KeyError: 'here'; kept; "
        "idea: plan 13",
        "trial 14 (from 0): predicted cost 5.0 % better; measured 107.9 -> 99; not kept; "
        "idea: plan 14",
    ]


def test_only_own_predictions_are_noted() -> None:
    assert findings(
        told(0), child(1, 9.0, proposer="tune"), child(2, 9.0, idea=None), child(3, 9.0)
    )[:3] == [None, None, None]


def test_findings_follow_from_the_trials_alone() -> None:
    """One that was shown the trials after a resume notes what the first one noted."""
    history = [told(0), child(1, 9.0), child(2, 8.0, parent=1)]
    busy = Planner()
    noted = []
    for trial in history:
        noted.append(busy.observe(trial))
        propose(context(FakeModels(script()), trial))
    assert noted == findings(*history)


def test_a_finding_is_bounded_and_on_one_line() -> None:
    (_, finding) = findings(told(0), child(1, None, plan="x\n\x1b[31m" * 500))
    assert len(finding) <= 400
    assert "\n" not in finding
    assert "\x1b" not in finding


def test_predictions_are_calibrated() -> None:
    said = notebook(
        told(0), child(1, 9.0, 0.2), child(2, 11.0, 0.2), child(3, None), child(4, 8.0, -0.1)
    )
    assert (
        "Predictions: 3 could be checked, 1 had the right sign; on average 10.0 % better was "
        "predicted and 6.7 % better measured." in said
    )
    assert "trial 1: predicted 20.0 % better, cost 10 -> 9 (10.0 % better): confirmed." in said
    assert "trial 2: predicted 20.0 % better, cost 10 -> 11 (10.0 % worse): contradicted." in said
    assert "- refine by fake: 4 tried, 4 kept, the best 20.0 % better than its parent" in said
    assert "- 1 times: CRASHED: KeyError: 'here'" in said


def test_a_larger_objective_is_better_where_the_task_says_so() -> None:
    speed = Metric("cost", Direction.MAXIMIZE, "1/s")
    brief = replace(BRIEF, objective=Objective(speed), metrics=(speed,))
    said = notebook(told(0), child(1, 11.0), brief=brief)
    assert "cost 10 -> 11 (10.0 % better): confirmed." in said


def test_a_prediction_of_another_metric_is_held_against_that_metric() -> None:
    before = told(0, evaluations=[evaluation(costs={"a": 10.0}, late=4.0)])
    after = child(1, 12.0, idea=idea(0.5, "late"))
    after = replace(after, evaluations=(evaluation(costs={"a": 12.0}, late=2.0),))
    assert "predicted 50.0 % better, cost 10 -> 12 (20.0 % worse): confirmed." in notebook(
        before, after
    )


def test_breaking_a_constraint_is_no_gain() -> None:
    said = notebook(told(0), child(1, 5.0, violation=2.0))
    assert "breaks constraints by 2" in said
    assert "could be checked" not in said
    assert "none was better" in said


@pytest.mark.parametrize("count", [3, 40, 400])
def test_it_stays_short_and_counts_the_rest(count: int) -> None:
    history = [told(0)]
    for number in range(1, count + 1):
        value = None if number % 5 == 0 else 10.0 + (number % 7 - 3) / 10
        history.append(child(number, value, plan=f"plan {number} " + "words " * 60))
    said = notebook(*history)
    assert len(said) <= 3100
    if count > 10:
        assert f"{count - 10} others: " in said
    best = [row for row in said.splitlines() if "confirmed" in row and row.startswith("- trial")]
    assert len(best) <= 10


def test_there_is_none_before_anything_was_tried() -> None:
    assert notebook(told(0)) == ""
