"""The judge's evaluator holds the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from adrs_evaluators.judge import JudgeEvaluator

from adrs import (
    Evaluator,
    Program,
    SandboxUnavailable,
    Setting,
    Status,
    Task,
    choose_sandbox,
    load_task,
)
from adrs.testing import EvaluatorContract

TASK_TOML = """
[task]
name = "double"
title = "Double a number"
[program]
editable = ["*.py"]
entry = "main"
[objective]
metric = "distance"
[[metric]]
name = "distance"
direction = "minimize"
unit = "1"
[[metric]]
name = "memory"
direction = "minimize"
unit = "MiB"
meter = "peak_mb"
[limits]
wall_s = 1
cpu_s = 1
memory_mb = 256
processes = 8
output_mb = 1
[generator]
shift = 0
"""
JUDGE = """
from adrs.judging import Invalid, Workload

def workloads(split, salt, source=None, *, shift):
    return [Workload(f"{split}-{n}", [f"{split}{salt}", n + shift]) for n in range(3)]

async def evaluate(program, workload):
    answer = await program.call("double", workload.data[1])
    if type(answer) is not int:
        raise Invalid("double must return a whole number")
    return {"distance": abs(answer - 2 * workload.data[1])}

def feedback(samples):
    return "closer"
"""
SEED = b"def double(n):\n    return 2 * n + 1\n"


def make_task(folder: Path) -> Task:
    (folder / "program").mkdir()
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("Double it.\n")
    (folder / "judge.py").write_text(JUDGE)
    (folder / "program" / "main.py").write_bytes(SEED)
    return load_task(folder)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    try:
        sandbox = asyncio.run(choose_sandbox("bubblewrap"))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return Setting(make_task(tmp_path_factory.mktemp("double")), sandbox)


class TestJudge(EvaluatorContract):
    parameters = {"shift": 5}  # noqa: RUF012 - declared ClassVar in the contract

    def evaluator(self) -> Evaluator:
        return JudgeEvaluator()

    def failing(self, seed: Program) -> Sequence[tuple[Program, Status]]:
        def program(text: str) -> Program:
            return seed.replacing({"main.py": text.encode()})

        return [
            (program("def double(n): raise ValueError(n)"), Status.CRASHED),
            (program("def double(n): return 'two'"), Status.INVALID),
            (program("def double(n):\n    while True: pass"), Status.TIMED_OUT),
            (program("def double(n): return len('x' * (1 << 30))"), Status.OVER_MEMORY),
        ]
