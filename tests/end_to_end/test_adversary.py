"""`adrs run --adversary` from outside, with a judge of its own in a sandbox."""

from __future__ import annotations

import json
import re
from pathlib import Path

from unit.cli.door import adrs

from adrs import open_store

TASK_TOML = """
[task]
name = "near_three"
title = "Come close to three"
[program]
root = "program"
editable = ["*.py"]
entry = "main"
[evaluator]
deterministic = true
[objective]
metric = "loss"
[[metric]]
name = "loss"
direction = "minimize"
unit = "ms"
[limits]
wall_s = 20
cpu_s = 20
memory_mb = 512
processes = 16
[[stage]]
split = "train"
@generator@
"""
# What is near three on the task's own workloads is far from it where the target is moved.
JUDGE = """
from random import Random
from adrs.judging import Workload

def workloads(split, salt, source=None, target=(3.0, 3.1), length=(1, 50)):
    random = Random(f"{split}/{salt}")
    ends = target if split == "held_out" and target[0] == target[1] else (3.0, 3.1)
    return [
        Workload(f"{split}-{n}", [random.uniform(*ends), "x" * random.randint(*length)])
        for n in range(10)
    ]

async def evaluate(program, workload):
    target, _ = workload.data
    return {"loss": abs(await program.call("answer", 2.0) - target) + 1.0}
"""
SEED = "def answer(x):\n    return 40.0 + x * 3.5\n"
RANGES = "[generator]\ntarget = [1.0, 60.0]\nlength = [1, 50]"
PROCESS = ("--sandbox", "process", "--trials", "12")


def make_task(folder: Path, generator: str) -> Path:
    task = folder / "near_three"
    (task / "program").mkdir(parents=True)
    (task / "task.toml").write_text(TASK_TOML.replace("@generator@", generator))
    (task / "judge.py").write_text(JUDGE)
    (task / "README.md").write_text("Come close to three.\n")
    (task / "program/main.py").write_text(SEED)
    return task


def test_a_loss_is_reported_reproduced_and_used(tmp_path: Path) -> None:
    make_task(tmp_path, RANGES)
    done = adrs(tmp_path, "run", "near_three", "--adversary", *PROCESS)
    assert done.code == 0, done.err
    assert "looking for workloads on which trial" in done.out
    assert "loses on average: on 10 fresh workloads at target = " in done.out
    assert re.search(r"smallest,? workload that it loses: held_out-", done.out)
    assert "the judge's workloads('held_out', '" in done.out
    assert "--counterexamples near_three-1" in done.out
    assert "\x1b" not in done.out
    status = adrs(tmp_path, "status", "near_three-1")
    assert "workload that it loses" in status.out

    again = adrs(
        tmp_path, "run", "near_three", "--counterexamples", "near_three-1", "--json", *PROCESS
    )
    assert again.code == 0, again.err
    found = json.loads(again.out)
    assert found["adversary"] is None
    store = open_store(tmp_path / ".adrs")
    attack = store.attack("near_three-1")
    store.close()
    assert attack is not None
    assert attack.smallest is not None
    assert attack.smallest.size <= min(one.size for one in attack.found)
    known = {one.digest for one in (*attack.found, attack.smallest)}
    assert found["validation"]["baseline"]["objective"]["units"] == 10 + len(known)


def test_without_ranges_there_is_nothing_to_search(tmp_path: Path) -> None:
    make_task(tmp_path, "")
    done = adrs(tmp_path, "run", "near_three", "--adversary", *PROCESS)
    assert done.code == 0, done.err
    assert "nothing was tried: the generator declares no ranges" in done.out
    refused = adrs(tmp_path, "run", "near_three", "--counterexamples", "near_three-9")
    assert refused.code == 2
    assert "near_three-9" in refused.err
    resumed = adrs(tmp_path, "run", "--resume", "near_three-1", "--adversary")
    assert resumed.code == 2
    assert "--adversary cannot be given with --resume" in resumed.err
