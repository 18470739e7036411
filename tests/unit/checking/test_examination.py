"""Checks of tasks whose evaluator is a function here: noise, units and limits that do not hold."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from unit.checking.queue_task import write_task

from adrs import Program, Setting, WorkloadRef, load_task
from adrs.checking import CHECKS, CheckResult, State, examine
from adrs.testing.fakes import FunctionEvaluator

NOISY = ("task.toml", "deterministic = true", "deterministic = false")


def results(
    folder: Path, spread: float, *checks: str, units: int = 20, figure: float = 100.0
) -> list[CheckResult]:
    """What some checks say where every figure is the same and varies by a share."""
    draw = random.Random(1)

    def measure(program: Program, workload: WorkloadRef) -> Mapping[str, float]:
        return {"mean_wait_s": figure * (1.0 + draw.gauss(0.0, spread))}

    async def look() -> list[CheckResult]:
        setting = Setting(load_task(folder), sandbox=None)  # type: ignore[arg-type]
        evaluator = FunctionEvaluator(measure, units=units)
        async with examine(evaluator, setting) as examination:
            return [
                result
                for check in CHECKS
                if check.name in checks
                for result in await check.run(examination)
            ]

    return asyncio.run(look())


def test_an_effect_that_noise_hides_is_advised_against(tmp_path: Path) -> None:
    [result] = results(write_task(tmp_path, NOISY), 0.2, "noise")
    assert result.state is State.ADVICE
    # Over 20 units a pass varies by 0.2 / sqrt(20); twice five passes on 20 units leave an effect
    # known within 2.1 * 0.2 * sqrt(2 / 5 / 20).
    assert 0.01 < result.figures["spread"] < 0.1
    assert 0.03 < result.figures["smallest_effect"] < 0.12
    assert result.figures["repeats_needed"] > 5 * (0.03 / 0.01) ** 2
    assert "min_effect is below what noise lets through" in result.cure


def test_an_effect_above_the_noise_is_fine(tmp_path: Path) -> None:
    [result] = results(write_task(tmp_path, NOISY), 0.001, "noise")
    assert result.state is State.OK
    assert result.figures["smallest_effect"] < 0.01


@pytest.mark.parametrize("figure", [100.0, -100.0])
def test_a_cheat_that_noise_alone_lifts_is_none(tmp_path: Path, figure: float) -> None:
    said = results(write_task(tmp_path, NOISY), 0.05, "noise", "cheats", figure=figure)
    assert said[-1].state is State.OK, said[-1].found


def test_no_number_of_repeats_is_named_that_nobody_could_make(tmp_path: Path) -> None:
    tiny = ("task.toml", "[objective]", "[objective]\nmin_effect = 1e-300")
    [result] = results(write_task(tmp_path, NOISY, tiny), 0.05, "noise")
    assert "no number is enough" in result.cure


def test_an_order_that_noise_alone_decides_is_no_fault(tmp_path: Path) -> None:
    said = results(write_task(tmp_path, NOISY), 0.05, "noise", "direction")
    ranks = [result for result in said if result.check == "direction"]
    assert {result.state for result in ranks} == {State.ADVICE}, ranks
    assert "noise hides it" in ranks[0].found
    exact = results(write_task(tmp_path), 0.0, "direction")
    assert {result.state for result in exact} == {State.FAULT}, "equal is not better"


def test_limits_that_do_not_end_a_program_are_a_fault(tmp_path: Path) -> None:
    said = results(write_task(tmp_path), 0.0, "misbehaviour")
    faults = [result for result in said if result.state is State.FAULT]
    # The fake claims to enforce CPU and memory, and nothing about output.
    assert [result.figures["status"] for result in faults] == ["SCORED"] * 2
    assert "never ends should be TIMED_OUT" in faults[0].found
    assert "more memory should be OVER_MEMORY" in faults[1].found


def test_an_evaluator_that_shows_no_workloads_is_checked_as_far_as_it_goes(tmp_path: Path) -> None:
    units, splits = results(write_task(tmp_path), 0.0, "splits", "units", units=7)
    assert splits.state is State.OK
    assert "does not show its workloads" in splits.found
    assert units.state is State.FAULT
    assert "7 independent" in units.found
