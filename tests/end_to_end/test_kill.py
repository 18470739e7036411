"""kill -9 at random moments: what was accepted stays, only what was in flight is repeated."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import adrs

WORKERS = 2
TASK_TOML = """
[task]
name = "witness"
title = "A judge that counts"
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
unit = "1"
[limits]
wall_s = 20
cpu_s = 20
memory_mb = 512
processes = 16
[[stage]]
split = "train"
[generator]
witness = "@witness@"
pace_s = @pace@
"""
JUDGE = """
import os, time
from adrs.judging import Workload

def workloads(split, salt, source=None, witness=None, pace_s=None):
    count = 1 if split == "train" else 8
    return [Workload(f"{split}{salt}{n}", [split, witness, n, pace_s]) for n in range(count)]

async def evaluate(program, workload):
    split, witness, n, pace_s = workload.data
    descriptor = os.open(witness, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, (split + "\\n").encode())
    os.close(descriptor)
    time.sleep(pace_s)
    return {"loss": abs(await program.call("answer", 2.0)) + n / 100}
"""
PROGRAM = """
def answer(x):
    y = 40.0
    if x > 1.0:
        y = y + x * 3.5
    for step in range(4):
        y = y + 0.25
    return y
"""
ENGINE = """
import asyncio, sys
import adrs

class Tell:
    def phase(self, words): pass
    def calibrated(self, calibration): pass
    def told(self, trial):
        print(trial.number, trial.program.id, repr(trial.score.value if trial.score else None),
              flush=True)

async def main(store, name):
    with store.claim(name):
        search = await adrs.assemble(store, name, Tell())
        await search.go()

store = adrs.open_store(sys.argv[1])
asyncio.run(main(store, sys.argv[2]))
"""


def make_run(
    tmp_path: Path, trials: int, workers: int, pace_s: float = 0.02
) -> tuple[Path, str, Path]:
    witness = tmp_path / "witness"
    tmp_path.mkdir(exist_ok=True)
    witness.touch()
    folder = tmp_path / "task"
    (folder / "program").mkdir(parents=True)
    (folder / "task.toml").write_text(
        TASK_TOML.replace("@witness@", str(witness)).replace("@pace@", str(pace_s))
    )
    (folder / "README.md").write_text("## Problem\n\nBring it near zero.\n")
    (folder / "judge.py").write_text(JUDGE)
    (folder / "program" / "main.py").write_text(PROGRAM)
    store = adrs.open_store(tmp_path / "store")
    settings = adrs.RunSettings(
        task=str(folder),
        trials=trials,
        seed=3,
        proposers=("tune", "mutate", "cross"),
        sandbox="process",
        workers=workers,
    )
    name = adrs.new_run(store, adrs.load_task(folder), settings).name
    store.close()
    return tmp_path / "store", name, witness


def engine(store: Path, run: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(store), run],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def play(
    tmp_path: Path,
    trials: int,
    kills: int,
    workers: int = WORKERS,
    pace_s: float = 0.02,
    longest_s: float = 1.5,
) -> dict[str, object]:
    """Kills a run again and again, ends it in peace, and checks what is left."""
    store_at, name, witness = make_run(tmp_path, trials, workers, pace_s)
    moments = random.Random()
    printed: dict[int, tuple[str, str]] = {}
    fatal = 0
    for _ in range(kills):
        process = engine(store_at, name)
        time.sleep(moments.uniform(0.1, longest_s))
        ended = process.poll() is not None
        if not ended:
            os.kill(process.pid, signal.SIGKILL)
            fatal += 1
        output, errors = process.communicate()
        assert not ended or process.returncode == 0, errors
        collect(output, printed)
        if ended:
            break
    process = engine(store_at, name)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    collect(output, printed)

    store = adrs.open_store(store_at)
    told = {t.number: t for t in store.told(name)}
    assert sorted(told) == list(range(trials + 1))
    for number, (program, value) in printed.items():
        assert told[number].program.id == program
        score = told[number].score
        assert repr(score.value if score else None) == value
    assert list(store.check()) == []
    assert store.run(name).status is adrs.RunStatus.FINISHED
    evaluations = witness.read_text().split().count("train")
    recorded = sum(
        len(evaluation.samples)
        for trial in told.values()
        for evaluation in trial.evaluations
        if evaluation.split is adrs.Split.TRAIN
    )
    assert recorded <= evaluations <= recorded + fatal * workers
    order = [(t.number, t.program.id) for t in sorted(told.values(), key=lambda t: t.number)]
    store.close()
    return {
        "kills": fatal,
        "trials": trials,
        "recorded": recorded,
        "evaluations": evaluations,
        "programs": order,
    }


def collect(output: str, printed: dict[int, tuple[str, str]]) -> None:
    for line in output.splitlines():
        fields = line.split(" ")
        if len(fields) == 3:
            number = int(fields[0])
            assert number not in printed, f"trial {number} was told twice"
            printed[number] = (fields[1], fields[2])


def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    report = play(tmp_path, trials=60, kills=3, pace_s=0.1, longest_s=1.5)
    assert report["kills"] == 3


@pytest.mark.slow
def test_twenty_kills_of_two_hundred_trials(tmp_path: Path) -> None:
    report = play(tmp_path, trials=200, kills=20, pace_s=0.1, longest_s=1.5)
    assert report["kills"] == 20
    report.pop("programs")
    print(json.dumps(report))


@pytest.mark.slow
def test_with_one_worker_a_killed_run_finds_the_same_programs(tmp_path: Path) -> None:
    calm = play(tmp_path / "calm", trials=25, kills=0, workers=1)
    killed = play(tmp_path / "killed", 25, kills=2, workers=1, pace_s=0.1, longest_s=1.0)
    assert killed["kills"] == 2
    assert killed["programs"] == calm["programs"]


def test_a_second_engine_is_refused(tmp_path: Path) -> None:
    store_at, name, _ = make_run(tmp_path, trials=400, workers=1)
    first = engine(store_at, name)
    try:
        assert first.stdout is not None
        first.stdout.readline()
        second = engine(store_at, name)
        _, errors = second.communicate(timeout=60)
        assert second.returncode != 0
        assert "RunIsLive" in errors
        assert first.poll() is None
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
