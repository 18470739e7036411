"""The contract of evaluators finds what a careless one does wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from adrs_evaluators.judge import JudgeEvaluator
from contracts import test_judge

from adrs import (
    Bench,
    Evaluation,
    Evaluator,
    Isolation,
    IsolationLevel,
    Program,
    Request,
    SandboxUnavailable,
    Setting,
    Split,
    Status,
    choose_sandbox,
)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    task = test_judge.make_task(tmp_path_factory.mktemp("double"))
    return Setting(task, asyncio.run(choose_sandbox("process")))


class Careless:
    """A bench that does one thing wrong."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    async def workloads(self, request: Request) -> Any:
        return await self.bench.workloads(request)

    async def measure(self, program: Program, request: Request) -> Evaluation:
        return await self.bench.measure(program, request)

    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        return await self.bench.side_by_side(programs, request)

    async def close(self) -> None:
        await self.bench.close()


class NoNames(Careless):
    async def workloads(self, request: Request) -> Any:
        return await self.bench.workloads(replace(request, names=()))


class NoFirst(Careless):
    async def measure(self, program: Program, request: Request) -> Evaluation:
        return await self.bench.measure(program, replace(request, first=0))


class NoSalt(Careless):
    async def workloads(self, request: Request) -> Any:
        return await self.bench.workloads(replace(request, salt=""))


class NoParameters(Careless):
    async def workloads(self, request: Request) -> Any:
        return await self.bench.workloads(replace(request, parameters=None))


class NoTurns(Careless):
    async def side_by_side(self, programs: Sequence[Program], request: Request) -> list[Evaluation]:
        return [await self.bench.measure(program, request) for program in programs]


class Boasting(Careless):
    async def measure(self, program: Program, request: Request) -> Evaluation:
        walls = Isolation("walls", IsolationLevel.SEPARATE, {"seccomp": "surely"}, {})
        return replace(await self.bench.measure(program, request), isolation=walls)


class Excusing(Careless):
    """Takes a broken sandbox for a program that crashed."""

    async def measure(self, program: Program, request: Request) -> Evaluation:
        try:
            self.last = await self.bench.measure(program, request)
        except SandboxUnavailable:
            return replace(self.last, status=Status.CRASHED)
        return self.last


class Forgiving(Careless):
    """Gives figures to what failed."""

    async def measure(self, program: Program, request: Request) -> Evaluation:
        evaluation = await self.bench.measure(program, request)
        return replace(evaluation, status=Status.SCORED)


class Contract(test_judge.TestJudge):
    __test__ = False

    def __init__(self, kind: type[Careless]) -> None:
        self.kind = kind

    def evaluator(self) -> Evaluator:
        kind = self.kind

        class Made:
            name = "careless"

            async def open(self, setting: Setting) -> Careless:
                return kind(await JudgeEvaluator().open(setting))

        return Made()


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (NoNames, "names_choose_workloads"),
        (NoNames, "a_name_that_there_is_not_is_an_error"),
        (NoFirst, "every_workload_is_measured_once_per_repeat"),
        (NoSalt, "salt_draws_other_held_out_workloads"),
        (NoParameters, "parameters_make_other_workloads"),
        (NoTurns, "programs_take_turns_in_alternating_order"),
        (Boasting, "it_claims_what_its_rooms_enforce"),
        (Boasting, "it_claims_nothing_in_rooms_that_enforce_nothing"),
        (Excusing, "a_sandbox_that_breaks_is_no_result"),
        (Forgiving, "a_program_that_fails_has_a_status_and_a_reason"),
    ],
)
def test_a_careless_evaluator_does_not_pass(
    setting: Setting, kind: type[Careless], test: str
) -> None:
    check = getattr(Contract(kind), f"test_{test}")
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(setting)
    getattr(Contract(Careless), f"test_{test}")(setting)


class Wandering(Contract):
    __test__ = False

    def evaluator(self) -> Evaluator:
        class Made:
            name = "wandering"

            async def open(self, setting: Setting) -> Bench:
                return await JudgeEvaluator().open(replace(setting, core=None))

        return Made()


def test_an_evaluator_that_forgets_the_core_does_not_pass(setting: Setting) -> None:
    with pytest.raises(AssertionError):
        Wandering(Careless).test_rooms_are_as_the_setting_says(setting)
    Contract(Careless).test_rooms_are_as_the_setting_says(setting)


def test_every_split_is_asked_for() -> None:
    marks = test_judge.TestJudge.test_workloads_have_names_units_and_digests.pytestmark
    assert marks[0].args == ("split", list(Split))
