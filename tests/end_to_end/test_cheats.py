"""Programs that are good only while they are searched for: none of them becomes a WINNER."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

import adrs
from adrs.plugins import load
from adrs.testing.fakes import Silent

TASK_TOML = """
[task]
name = "guess"
title = "Say what number comes next"
[program]
root = "program"
editable = ["program.py"]
entry = "program"
[evaluator]
deterministic = true
[objective]
metric = "error"
[[metric]]
name = "error"
direction = "minimize"
unit = "1"
[limits]
wall_s = 5
cpu_s = 5
memory_mb = 256
[[stage]]
split = "train"
"""
# What is asked follows a rule that the seed half knows; held-out comes late and is drawn afresh.
JUDGE = """
import random, time
from adrs.judging import Workload

def workloads(split, salt, source=None):
    if split == "held_out":
        time.sleep(HELD_OUT_COMES_AFTER_S)
    draw = random.Random(f"{split} {salt}")
    count = 120 if split == "held_out" else 10
    return [Workload(f"{split}-{n}", [draw.random() for _ in range(3)]) for n in range(count)]

async def evaluate(program, workload):
    *known, coming = workload.data
    return {"error": 0.1 + abs(await program.call("guess", known) - coming)}
"""
HELD_OUT_COMES_AFTER_S = 3.0
SEED = b"def guess(known):\n    return 0.9\n"
HONEST = b"def guess(known):\n    return 0.5\n"


class Says:
    """Proposes one program."""

    name = "says"
    version = "1"
    confined = False
    waits_for = ""

    def __init__(self, source: bytes) -> None:
        self._source = source

    async def propose(self, context: adrs.Context) -> Sequence[adrs.Candidate]:
        program = adrs.Program({"program.py": self._source})
        return [adrs.Candidate(program, adrs.Lineage(self.name, self.version, (0,)))]

    def observe(self, trial: adrs.Trial) -> None:
        pass


@pytest.fixture
def task(tmp_path: Path) -> adrs.Task:
    folder = tmp_path / "guess"
    (folder / "program").mkdir(parents=True)
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("Say the third number.\n")
    judge = JUDGE.replace("HELD_OUT_COMES_AFTER_S", str(HELD_OUT_COMES_AFTER_S))
    (folder / "judge.py").write_text(judge)
    (folder / "program" / "program.py").write_bytes(SEED)
    return adrs.load_task(folder)


def train_answers() -> dict[float, float]:
    """What someone who has read the judge knows of train and validation."""
    import random

    answers = {}
    for split in ("train", "validation"):
        draw = random.Random(f"{split} ")
        for _ in range(10):
            first, _, coming = (draw.random() for _ in range(3))
            answers[first] = coming
    return answers


def verdict(task: adrs.Task, source: bytes, tmp_path: Path) -> tuple[adrs.Finding, adrs.Trial]:
    async def search() -> tuple[adrs.Finding, adrs.Trial]:
        with closing(adrs.open_store(tmp_path / "store")) as store:
            settings = adrs.RunSettings(task=str(task.folder), trials=1, proposers=("says",))
            name = store.create_run(task, settings).name
            archive = adrs.Islands(task.objective.metric.direction)
            run = adrs.Run(name, task, [Says(source)], archive, store)
            evaluator = load("adrs.evaluators", "judge")()
            sandbox = await adrs.choose_sandbox("auto")
            engine = adrs.Search(run, evaluator, adrs.LocalExecutor(1), sandbox, Silent())  # type: ignore[arg-type]
            await engine.go()
            finding = store.finding(name)
            assert finding is not None
            return finding, store.trial(name, 1)

    return asyncio.run(search())


def test_an_honest_improvement_is_a_winner(task: adrs.Task, tmp_path: Path) -> None:
    finding, _ = verdict(task, HONEST, tmp_path)
    assert finding.verdict is adrs.Verdict.WINNER, finding.reason


def test_who_memorised_the_train_workloads_is_not_confirmed(
    task: adrs.Task, tmp_path: Path
) -> None:
    source = f"KNOWN = {train_answers()}\ndef guess(known):\n    return KNOWN.get(known[0], 0.9)\n"
    finding, trial = verdict(task, source.encode(), tmp_path)
    assert trial.score is not None
    assert trial.score.value == pytest.approx(0.1)  # perfect as far as the search can see
    assert finding.verdict is adrs.Verdict.NOT_CONFIRMED
    assert finding.effect is not None
    assert finding.effect.value == 0.0


def test_who_reads_the_clock_to_tell_training_from_judging_is_not_confirmed(
    task: adrs.Task, tmp_path: Path
) -> None:
    until = time.time() + HELD_OUT_COMES_AFTER_S
    source = (
        f"import time\nKNOWN = {train_answers()}\ndef guess(known):\n"
        f"    if time.time() < {until}:\n        return KNOWN.get(known[0], 0.5)\n"
        "    return 0.9\n"
    )
    finding, trial = verdict(task, source.encode(), tmp_path)
    assert trial.score is not None
    assert trial.score.value < 0.4
    assert finding.verdict is adrs.Verdict.NOT_CONFIRMED
