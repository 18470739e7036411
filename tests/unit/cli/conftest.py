"""A folder with a small recorded search, made without a sandbox."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from adrs import (
    Candidate,
    Context,
    Greedy,
    Lineage,
    LocalExecutor,
    Program,
    Rejection,
    RejectionKind,
    Run,
    RunSettings,
    Search,
    Status,
    Trial,
    WorkloadRef,
    load_task,
    new_run,
    open_store,
)
from adrs.testing.fakes import FunctionEvaluator, Silent

TASK_TOML = """
[task]
name = "toy"
title = "Make it small"
[program]
root = "program"
editable = ["*.py"]
entry = "main"
[objective]
metric = "cost_usd"
reference = "rule"
[[metric]]
name = "cost_usd"
direction = "minimize"
unit = "USD"
[[constraint]]
metric = "cost_usd"
at_most = 1000
[generator]
spread = [1.0, 2.0]
"""

HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]plan\u202e"
"""What an untrusted plan may hold."""


class Steps:
    """Proposes programs of falling cost; every third crashes, every fifth is refused."""

    name = "steps"
    version = "1"
    confined = True
    waits_for = ""

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        parent = context.selection.parent
        lineage = Lineage(self.name, self.version, (parent.number,), plan=f"step {HOSTILE}")
        if context.ordinal % 5 == 0:
            return [Rejection(RejectionKind.DOES_NOT_APPLY, "no", lineage)]
        text = f"# {HOSTILE}\x0c\ncost = {100 - context.ordinal}\n" + "kept = 1\n" * 9
        return [Candidate(Program({"main.py": text.encode() + b"# \xff"}), lineage)]

    def observe(self, trial: Trial) -> None:
        """Learns nothing."""


def measure(program: Program, workload: WorkloadRef) -> Mapping[str, float] | Status:
    cost = int(program.text("main.py").split("cost = ")[1].split()[0])
    if cost % 3 == 0 and cost < 99:
        return Status.CRASHED
    return {"cost_usd": cost + int(workload.name[-1]) / 10}


def make_task(folder: Path) -> Path:
    task = folder / "toy"
    for part in ("program", "references/rule"):
        (task / part).mkdir(parents=True)
    (task / "task.toml").write_text(TASK_TOML)
    (task / "judge.py").write_text("")
    (task / "README.md").write_text("Make it small.\n")
    (task / "program/main.py").write_text("cost = 200\n" + "kept = 1\n" * 9)
    (task / "references/rule/main.py").write_text("cost = 50\n")
    return task


def record_a_search(folder: Path) -> None:
    """Run toy-1 in the store `.adrs` of a folder."""
    task = load_task(make_task(folder))
    store = open_store(folder / ".adrs")
    settings = RunSettings(str(task.folder), trials=8, proposers=("tune",), archive="greedy")
    name = new_run(store, task, settings).name
    run = Run(name, task, [Steps()], Greedy(task.objective.metric.direction), store)
    with store.claim(name):
        search = Search(run, FunctionEvaluator(measure), LocalExecutor(1), None, Silent())  # type: ignore[arg-type]
        asyncio.run(search.go())
    store.close()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For looking only."""
    folder = tmp_path_factory.mktemp("recorded")
    record_a_search(folder)
    return folder


@pytest.fixture
def mine(recorded: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(recorded, tmp_path / "mine"))
