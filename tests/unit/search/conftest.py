"""A tiny problem, measured in process: bring three numbers near zero."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import adrs

TASK_TOML = """
[task]
name = "numbers"
title = "Three numbers near zero"
[program]
root = "program"
editable = ["*.py"]
entry = "numbers"
[evaluator]
deterministic = true
[objective]
metric = "loss"
[[metric]]
name = "loss"
direction = "minimize"
unit = "1"
[[stage]]
split = "train"
"""
PROGRAM = """
def f(a):
    if a < 7.0:
        return a * 3.0 + 5.0
    return 9.0
"""


def loss(program: adrs.Program, workload: adrs.WorkloadRef) -> dict[str, float] | adrs.Status:
    """Sum of the literals' sizes: what a tuner should drive to zero, and mutation may too."""
    numbers = re.findall(r"\d+\.?\d*(?:e-?\d+)?", program.text("numbers.py"))
    if len(numbers) > 40:
        return adrs.Status.CRASHED
    spread = int(workload.digest[:4], 16) / 65536
    return {"loss": (1.0 + sum(map(float, numbers))) * (1 + spread)}


@pytest.fixture
def task(tmp_path: Path) -> adrs.Task:
    folder = tmp_path / "numbers"
    (folder / "program").mkdir(parents=True)
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("## Problem\n\nBring the numbers near zero.\n")
    (folder / "judge.py").write_text("def workloads(split, salt, source=None): return []\n")
    (folder / "program" / "numbers.py").write_text(PROGRAM)
    return adrs.load_task(folder)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[adrs.Store]:
    with closing(adrs.open_store(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def search_loss() -> object:
    return loss
