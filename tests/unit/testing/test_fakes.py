"""The evaluator without a sandbox answers requests as the real one does."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

import adrs
from adrs.testing.fakes import FunctionEvaluator

ONE, OTHER = (adrs.Program({"main.py": source}) for source in (b"x = 1\n", b"x = 2\n"))
TRAIN = adrs.Request(adrs.Split.TRAIN)


def test_it_is_called_once_for_every_repeat_and_in_turns() -> None:
    random, calls = Random(1), []

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> dict[str, float]:
        calls.append((program is ONE, workload.name))
        return {"loss": random.random()}

    evaluator = FunctionEvaluator(measure, units=2)
    request = adrs.Request(adrs.Split.TRAIN, repeats=2, first=5)
    found = asyncio.run(evaluator.side_by_side([ONE, OTHER], request))
    assert [own for own, _ in calls] == [True, False, False, True] * 2
    assert [name for _, name in calls[::2]] == ["train-0", "train-1"] * 2
    assert [sample.repeat for sample in found[0].samples] == [5, 5, 6, 6]
    assert len({sample.metrics["loss"] for one in found for sample in one.samples}) == 8
    assert evaluator.measured == 2


def test_who_fails_has_no_more_turns() -> None:
    def measure(program: adrs.Program, _: adrs.WorkloadRef) -> dict[str, float] | adrs.Status:
        return adrs.Status.CRASHED if program is OTHER else {"loss": 1.0}

    evaluator = FunctionEvaluator(measure, units=2)
    found = asyncio.run(evaluator.side_by_side([OTHER, ONE], TRAIN))
    assert [len(evaluation.samples) for evaluation in found] == [1, 2]
    assert found[0].status is adrs.Status.CRASHED


def test_salt_parameters_and_names_choose_the_workloads() -> None:
    evaluator = FunctionEvaluator(lambda program, workload: {"loss": 1.0}, units=3)

    def digests(**asked: object) -> list[str]:
        request = adrs.Request(adrs.Split.TRAIN, **asked)  # type: ignore[arg-type]
        refs = asyncio.run(evaluator.workloads(request))
        assert all(ref.size > 0 for ref in refs)
        return [ref.digest for ref in refs]

    usual = digests()
    assert digests(names=("train-2", "train-0")) == [usual[0], usual[2]]
    made = [usual, digests(salt="s"), digests(parameters={"load": 1}), digests(parameters={})]
    assert len({digest for one in made for digest in one}) == 12
    with pytest.raises(adrs.ConfigError, match="no workload is named 'train-9'"):
        digests(names=("train-9",))
