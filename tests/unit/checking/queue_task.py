"""A small task without a fault, as its files: jobs wait in a queue, in an order to be found."""

from __future__ import annotations

from pathlib import Path

TOML = """
[task]
name = "queue"
title = "Order jobs in a queue"

[program]
editable = ["order.py"]
entry = "order"

[evaluator]
deterministic = true

[objective]
metric = "mean_wait_s"
reference = "shortest_first"

[[metric]]
name = "mean_wait_s"
direction = "minimize"
unit = "s"

[limits]
wall_s = 0.5
cpu_s = 1
memory_mb = 128
output_mb = 1

[[stage]]
split = "smoke"

[[stage]]
split = "train"

[generator]
jobs = 12
"""

README = """# Order jobs in a queue

## Problem

Jobs wait for one machine. `order(jobs_s)` in `order.py` gets the duration of each job in seconds,
and returns their numbers, counted from 0, in the order in which they run.

## Evaluation and constraints

`mean_wait_s`, to be made as small as possible, is how long a job waits before it starts, as a mean
over all jobs. Each job must be there once. A call may take 1 s of CPU.

## Context

Queues are everywhere.
"""

JUDGE = """
from random import Random

from adrs.judging import Invalid, ProgramFailed, Workload

COUNTS = {"smoke": 2, "train": 6, "validation": 4, "held_out": 20}


def workloads(split, salt, source=None, *, jobs):
    found = []
    for number in range(COUNTS[split]):
        series = f"{split}/{salt}"
        random = Random(f"{series}/{number}")
        durations = [random.expovariate(1 / 60) for _ in range(jobs)]
        found.append(Workload(f"{split}-{number}", {"jobs_s": durations}))
    return found


async def evaluate(program, workload):
    jobs_s = workload.data["jobs_s"]
    order = await program.call("order", jobs_s)
    if type(order) is not list or any(type(one) is not int for one in order):
        raise Invalid("order must return a list of whole numbers")
    if sorted(order) != list(range(len(jobs_s))):
        raise Invalid("each job must be there once")
    clock_s = waited_s = 0.0
    for job in order:
        waited_s += clock_s
        clock_s += jobs_s[job]
    return {"mean_wait_s": waited_s / len(order)}


def feedback(samples):
    worst = max(samples, key=lambda sample: sample["metrics"]["mean_wait_s"])
    return f"most is waited on {worst['workload']}: {worst['metrics']['mean_wait_s']:.3f} s"
"""

SEED = """
def order(jobs_s):
    return list(range(len(jobs_s)))
"""
SHORTEST_FIRST = """
def order(jobs_s):
    return sorted(range(len(jobs_s)), key=lambda job: jobs_s[job])
"""
LONGEST_FIRST = """
def order(jobs_s):
    return sorted(range(len(jobs_s)), key=lambda job: -jobs_s[job])
"""
SHORTEST_ONLY = """
def order(jobs_s):
    return [jobs_s.index(min(jobs_s))] * len(jobs_s)
"""
CLAIMS = """
def order(jobs_s):
    return {"order": list(range(len(jobs_s))), "mean_wait_s": 0.0}
"""

FILES = {
    "task.toml": TOML,
    "README.md": README,
    "judge.py": JUDGE,
    "program/order.py": SEED,
    "references/shortest_first/order.py": SHORTEST_FIRST,
    "checks/good/shortest_first/order.py": SHORTEST_FIRST,
    "checks/bad/longest_first/order.py": LONGEST_FIRST,
    "checks/cheats/shortest_only/order.py": SHORTEST_ONLY,
    "checks/cheats/claims/order.py": CLAIMS,
}


def write_task(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """The task with some changes: in which file, what is replaced, by what ("" for the end)."""
    files = dict(FILES)
    for path, old, new in changes:
        text = files.get(path, "")
        assert old in text, f"{path} has no {old!r} to change"
        files[path] = text.replace(old, new) if old else text + new
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder
