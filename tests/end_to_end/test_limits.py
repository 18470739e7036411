"""A limit of three seconds, and programs that do not care: over in time, and nothing left."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

import adrs
from adrs.plugins import load

TASK_TOML = """
[task]
name = "limits"
title = "Programs that do not end"
[program]
root = "program"
editable = ["*.py"]
entry = "main"
[objective]
metric = "loss"
[[metric]]
name = "loss"
direction = "minimize"
unit = "1"
[limits]
wall_s = 3
cpu_s = 3
memory_mb = 512
processes = 8
[[stage]]
split = "train"
"""
JUDGE = """
from adrs.judging import Workload

def workloads(split, salt, source=None):
    return [Workload("one", None)]

async def evaluate(program, workload):
    return {"loss": await program.call("answer")}
"""
HOGS = {
    "sleeps": "import time\ndef answer(): time.sleep(3600)",
    "loops in Python": "def answer():\n    while True: pass",
    "loops in C": "def answer(): return sum(range(10 ** 15))",
    "forks a daemon": """
import os, time
def answer():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True: pass
        os._exit(0)
    time.sleep(3600)
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("hog", HOGS)
def test_a_hog_is_over_in_time_and_the_others_go_on(tmp_path: Path, hog: str) -> None:
    folder = tmp_path / "limits"
    (folder / "program").mkdir(parents=True)
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("## Problem\n\nEnd.\n")
    (folder / "judge.py").write_text(JUDGE)
    (folder / "program" / "main.py").write_text("def answer(): return 1.0\n")
    task = adrs.load_task(folder)

    async def play() -> tuple[adrs.Evaluation, float, int]:
        setting = adrs.Setting(task, load("adrs.sandboxes", "bubblewrap")())  # type: ignore[arg-type]
        evaluator = load("adrs.evaluators", "judge")()
        bench = await adrs.LocalExecutor(2).open(evaluator, setting)  # type: ignore[arg-type]
        request = adrs.Request(adrs.Split.TRAIN)
        await asyncio.gather(*(bench.measure(task.seed, request) for _ in range(2)))
        before = _processes()
        program = adrs.Program({"main.py": HOGS[hog].encode()})
        started = time.monotonic()
        bad = asyncio.ensure_future(bench.measure(program, request))
        others = 0
        while not bad.done():
            good = await bench.measure(task.seed, request)
            assert good.status is adrs.Status.SCORED
            others += 1
        elapsed = time.monotonic() - started
        assert _processes() <= before, "something of the hog is still alive"
        await bench.close()
        return bad.result(), elapsed, others

    evaluation, elapsed, others = asyncio.run(play())
    print(f"{hog}: {evaluation.status} after {elapsed:.2f} s, {others} others measured meanwhile")
    assert evaluation.status is adrs.Status.TIMED_OUT
    assert elapsed < 4.0
    assert others > 50


def _processes() -> set[str]:
    """All that this process started, directly or not, with start times: numbers are used again."""
    parents, born = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[name], born[name] = fields[1], fields[19]
    ours: set[str] = set()
    wave = {str(os.getpid())}
    while wave:
        wave = {name for name, parent in parents.items() if parent in wave}
        ours |= wave
    return {f"{name} {born[name]}" for name in ours}
