"""It holds what every evaluator must hold, and reads its options strictly."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from adrs_evaluator_my_name import MyNameEvaluator

from adrs import (
    ConfigError,
    Evaluator,
    SandboxUnavailable,
    Setting,
    Status,
    choose_sandbox,
    installed_plugins,
    load_task,
)
from adrs.testing import EvaluatorContract

TASK = Path(__file__).with_name("task")


@pytest.fixture(scope="module")
def setting():
    try:
        sandbox = asyncio.run(choose_sandbox("auto"))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return Setting(load_task(TASK), sandbox)


class TestContract(EvaluatorContract):
    draws = False  # the held-out examples are always the same

    def evaluator(self) -> Evaluator:
        return MyNameEvaluator()

    def failing(self, seed):
        def program(body):
            return seed.replacing({"fit.py": f"def kelvin(counts):\n    {body}\n".encode()})

        return [
            (program("raise ValueError(counts)"), Status.CRASHED),
            (program("import os; os._exit(0)"), Status.CRASHED),
            (program("return 'warm'"), Status.INVALID),
            (program("return float('nan')"), Status.INVALID),
            (program("while True: pass"), Status.TIMED_OUT),
        ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs 'function'"),
        ({"function": "fit:kelvin", "exmples": "x"}, "did you mean 'examples'"),
        ({"function": "fit:kelvin", "examples": "none.json"}, "cannot be read"),
        ({"function": "fit:kelvin", "examples": "task.toml"}, "must be JSON"),
    ],
)
def test_options_are_read_strictly(setting, options, said):
    task = replace(setting.task, evaluator=replace(setting.task.evaluator, options=options))
    with pytest.raises(ConfigError, match=said):
        asyncio.run(MyNameEvaluator().open(replace(setting, task=task)))


def test_it_is_installed_under_its_name():
    found = installed_plugins("adrs.evaluators", check=True)
    assert [one.error for one in found if one.name == "my-name"] == [""]
