"""The command evaluator holds the contract, with a judge of its own and without."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from adrs_evaluators.command import CommandEvaluator

from adrs import (
    Evaluator,
    Job,
    Program,
    SandboxUnavailable,
    Setting,
    Status,
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
[evaluator]
use = "command"
[evaluator.options]
@options@
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
wall_s = 1.5
cpu_s = 1
memory_mb = 256
processes = 8
output_mb = 1
@generator@
"""
WORKLOADS = """
import json, sys
split, salt = sys.argv[1:]
shift = json.load(sys.stdin)["shift"]
print(json.dumps([{"name": f"{split}-{n}", "data": [split + salt, n + shift]} for n in range(3)]))
"""
MEASURE = """
import json
number = json.load(open("workload"))[1]
try:
    answer = int(open("answer").read(20))
except ValueError:
    print('{"invalid": "a whole number was expected"}')
else:
    print(json.dumps({"distance": abs(answer - 2 * number)}))
"""
READ = "import json, sys\nnumber = json.load(sys.stdin)[1]\n"


def make_setting(folder: Path, seed: str, options: str, generator: str = "") -> Setting:
    (folder / "program").mkdir()
    text = TASK_TOML.replace("@options@", options).replace("@generator@", generator)
    (folder / "task.toml").write_text(text)
    (folder / "README.md").write_text("Double it.\n")
    (folder / "workloads.py").write_text(WORKLOADS)
    (folder / "measure.py").write_text(MEASURE)
    (folder / "program" / "main.py").write_text(READ + seed)
    try:
        sandbox = asyncio.run(choose_sandbox("bubblewrap"))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return Setting(load_task(folder), sandbox)


def position(job: Job, programs: Sequence[Program]) -> int | None:
    """Whose files a job has; where it is in both, it is that which has more."""
    found = [
        (len(program.files), at)
        for at, program in enumerate(programs)
        if {f"work/{path}": data for path, data in program.files.items()}.items()
        <= job.files.items()
    ]
    return max(found)[1] if found else None


class CommandContract(EvaluatorContract):
    def evaluator(self) -> Evaluator:
        return CommandEvaluator()

    def turns(self, jobs: Sequence[Job], programs: Sequence[Program]) -> list[int]:
        runs = [job for job in jobs if b'"collects": false' in job.files["command"]]
        found = (position(job, programs) for job in runs)
        return [at for at in found if at is not None]


class TestWithMeasure(CommandContract):
    parameters = {"shift": 5}  # noqa: RUF012 - declared ClassVar in the contract

    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls, tmp_path_factory: pytest.TempPathFactory) -> Setting:
        python = '"{python}", "{task}'
        options = (
            'build = ["cp", "main.py", "built.py"]\n'
            'run = ["{python}", "built.py"]\n'
            f'measure = [{python}/measure.py"]\n'
            f'workloads = [{python}/workloads.py"]\n'
        )
        folder = tmp_path_factory.mktemp("apart")
        return make_setting(folder, "print(2 * number + 1)\n", options, "[generator]\nshift = 0\n")

    def failing(self, seed: Program) -> Sequence[tuple[Program, Status]]:
        def program(text: str) -> Program:
            return seed.replacing({"main.py": (READ + text).encode()})

        return [
            (program("raise ValueError(number)"), Status.CRASHED),
            (Program({"other.py": b""}), Status.CRASHED),
            (program("print('two')"), Status.INVALID),
            (program("while True: pass"), Status.TIMED_OUT),
            (program("print('x' * (1 << 21))"), Status.OVER_OUTPUT),
        ]


class TestAlone(CommandContract):
    draws = False

    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls, tmp_path_factory: pytest.TempPathFactory) -> Setting:
        folder = tmp_path_factory.mktemp("shared")
        for split in ("smoke", "train", "validation", "held_out"):
            (folder / "workloads" / split).mkdir(parents=True)
            for n in range(3):
                (folder / "workloads" / split / f"{n}.json").write_text(f'["{split}", {n}]')
        seed = "print(json.dumps({'distance': number}))\n"
        return make_setting(folder, seed, 'run = ["{python}", "main.py"]\n')

    def failing(self, seed: Program) -> Sequence[tuple[Program, Status]]:
        def program(text: str) -> Program:
            return seed.replacing({"main.py": (READ + text).encode()})

        return [
            (program("raise ValueError(number)"), Status.CRASHED),
            (program("print('{}')"), Status.INVALID),
            (program("import time; time.sleep(9)"), Status.TIMED_OUT),
        ]
