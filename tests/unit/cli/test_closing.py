"""The last lines say what was found, how sure it is, and what to do next."""

from typing import Any

import pytest

from adrs import Aggregate, Direction, Metric, Objective, RunSettings
from adrs.cli._closing import show_closing, show_next
from adrs.cli._screen import Screen

COST = Objective(Metric("cost_usd", Direction.MINIMIZE, "USD"))


def subject(trial: int, value: float) -> dict[str, Any]:
    figure = {"name": "cost_usd", "direction": "minimize", "unit": "USD", "value": value}
    return {"trial": trial, "objective": {**figure, "low": value - 1, "high": value + 1}}


def summary(**changes: Any) -> dict[str, Any]:
    split = {
        "baseline": subject(0, 110.0),
        "best": subject(37, 93.5),
        "references": {"rule_of_thumb": {"objective": subject(0, 99.0)["objective"]}},
    }
    return {
        "run": "spot-2",
        "task": "spot",
        "status": "finished",
        "reason": "",
        "trials": 60,
        "rejections": 7,
        "by_status": {"SCORED": 50, "CRASHED": 11},
        "wall_s": 187.0,
        "isolation": {
            "level": "separate",
            "sandbox": "bubblewrap",
            "enforced": {},
            "missing": {},
        },
        **split,
        "adversary": None,
        "certificate": {"id": "c" * 64, "folder": "a b/winners/spot-2-37"},
        "calibration": None,
        "gains": {"train": 0.15, "validation": 0.16, "held_out": 0.149},
        "stages": [{"split": "smoke", "trials": 60, "rank_correlation": 0.2, "stopped": 3}],
        "validation": split,
        "held_out": {
            **split,
            "effect": {"value": 0.149, "low": 0.131, "high": 0.168},
            "level": 0.95,
            "units": 40,
            "shares": "days",
            "looks": 2,
            "verdict": "WINNER",
            "reason": "14.9 % better than the seed",
        },
        **changes,
    }


def last_lines(
    capsys: pytest.CaptureFixture[str],
    settings: RunSettings | None = None,
    objective: Objective = COST,
    **changes: Any,
) -> str:
    screen, found = Screen(), summary(**changes)
    show_closing(screen, found, objective)
    show_next(screen, found, settings or RunSettings("spot", trials=60), None)
    return capsys.readouterr().out


def test_a_winner(capsys: pytest.CaptureFixture[str]) -> None:
    out = last_lines(capsys)
    assert "spot-2  finished: 60 trials in 3:07 min, 7 rejections, failed: 11 CRASHED" in out
    assert "WINNER: 14.9 % better than the seed" in out
    assert "effect 14.9 % better [13.1 %, 16.8 %] at 95 %" in out
    assert "40 units" in out
    assert "units share days" in out
    assert "look 2 at held-out workloads" in out
    assert "isolation separate, bubblewrap" in out
    header, baseline, reference, best = out.splitlines()[2:6]
    assert header.split() == ["cost_usd", "(USD)", "train", "validation", "held-out"]
    assert baseline.count("110.0 [109.0, 111.0]") == 3
    assert reference.startswith("rule_of_thumb")
    assert best.startswith("trial 37")
    assert best.count("93.50 [92.5, 94.5]") == 3
    assert "adrs show spot-2/37 " in out
    assert "adrs diff spot-2/0 spot-2/37 " in out
    assert "adrs run --resume spot-2 --trials 120 " in out
    assert "is 15.0 % better 16.0 % better 14.9 % better" in " ".join(out.split())
    assert "adrs verify 'a b/winners/spot-2-37' " in out
    assert "smoke: 3 trials ended there; rank correlation with the last stage 0.20 over 60" in out
    assert "so it tells little" in out


def test_a_winner_on_real_workloads_is_verified_on_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = last_lines(capsys, RunSettings("spot", trials=60, workloads="/data/a b.csv"))
    assert "adrs verify 'a b/winners/spot-2-37' --workloads '/data/a b.csv' " in out


def test_noise_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    calibration = {
        "repeats": 5,
        "deterministic": False,
        "spread": 0.031,
        "cpu_spread": 0.01,
        "wall_spread": 0.02,
        "contradiction": "the seed's loss on a\x1b[2J was 1.0, then 1.1",
    }
    out = last_lines(capsys, calibration=calibration)
    assert "declares its judge deterministic, but it is not" in out
    assert "\x1b" not in out
    assert "measured 5 times, the seed differs from itself by 3.1 %" in " ".join(out.split())


def test_an_interrupted_run_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = dict.fromkeys(("validation", "held_out", "certificate"))
    out = last_lines(capsys, status="interrupted", reason="SIGINT", **nothing)
    assert "spot-2  interrupted (SIGINT): 60 trials" in out
    assert "no verdict: held-out workloads were not reached" in out
    assert "validation" not in out
    assert "adrs run --resume spot-2      go on where it stopped" in out


def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    out = last_lines(capsys, best=subject(0, 110.0), validation=None, held_out=None)
    assert "no verdict: nothing better than the seed was found" in out
    assert "adrs show" not in out


def test_time_that_ran_out_is_what_more_is_asked_of(capsys: pytest.CaptureFixture[str]) -> None:
    limited = RunSettings("spot", trials=60, max_minutes=3)
    out = last_lines(capsys, limited, status="budget", reason="3 minutes are over")
    assert "adrs run --resume spot-2 --max-minutes 6 " in out


def test_what_a_judge_wrote_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    out = last_lines(capsys, reason="\x1b[2J[red]gone", status="unavailable")
    assert "\x1b" not in out
    assert "\\x1b[2J[red]gone" in out


def test_no_effect_and_no_figures(capsys: pytest.CaptureFixture[str]) -> None:
    held_out = {
        **summary()["held_out"],
        "best": None,
        "effect": {"value": None, "low": None, "high": None},
        "verdict": "NOT_CONFIRMED",
        "reason": "the best program is CRASHED on held-out workloads",
    }
    out = last_lines(capsys, held_out=held_out)
    assert "NOT CONFIRMED: the best program is CRASHED" in out
    assert out.splitlines()[5].split()[-1] == "-"


def test_ratios_are_not_called_by_a_unit(capsys: pytest.CaptureFixture[str]) -> None:
    ratios = Objective(COST.metric, Aggregate.GEOMEAN_RATIO)
    out = last_lines(capsys, objective=ratios)
    assert out.splitlines()[2].startswith("cost_usd / seed's ")
    assert "USD" not in out
