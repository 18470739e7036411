"""A search for a faster program: in turns, alone, and metered by the sandbox."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

import adrs
from adrs.plugins import load
from adrs.testing.fakes import Silent

TASK_TOML = """
[task]
name = "sums"
title = "Add up quickly"
[program]
root = "program"
editable = ["program.py"]
entry = "program"
[objective]
metric = "cpu_s"
min_effect = 0.05
[[metric]]
name = "cpu_s"
direction = "minimize"
unit = "s"
meter = "cpu_s"
[limits]
wall_s = 20
cpu_s = 20
memory_mb = 256
[[stage]]
split = "train"
"""
JUDGE = """
from adrs.judging import Invalid, Workload

def workloads(split, salt, source=None):
    return [Workload(f"{split}-{n}", 100_000 + n) for n in range(1 if split == "train" else 10)]

async def evaluate(program, workload):
    if await program.call("add", workload.data) != sum(range(workload.data)):
        raise Invalid("the sum is wrong")
    return {}
"""
SEED = b"""
def add(n):
    total = 0
    for i in range(n):
        total += i
    for i in range(n):
        total += 0 * i
    return total
"""
SAME = SEED.replace(b"0 * i", b"i * 0")
FASTER = b"""
def add(n):
    return sum(range(n))
"""


class Says:
    name = "says"
    version = "1"
    confined = True
    waits_for = ""

    def __init__(self, *sources: bytes) -> None:
        self._sources = list(sources)

    async def propose(self, context: adrs.Context) -> list[adrs.Candidate | adrs.Rejection]:
        if not self._sources:
            return []
        program = adrs.Program({"program.py": self._sources.pop(0)})
        return [adrs.Candidate(program, adrs.Lineage(self.name, self.version, (0,)))]

    def observe(self, trial: adrs.Trial) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sums"
    (folder / "program").mkdir(parents=True)
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("Add up the numbers below n.\n")
    (folder / "judge.py").write_text(JUDGE)
    (folder / "program" / "program.py").write_bytes(SEED)
    return folder


def searched(folder: Path, source: bytes, place: Path) -> tuple[adrs.Store, str, adrs.Task]:
    async def search() -> None:
        sandbox = await adrs.choose_sandbox("auto")
        evaluator = load("adrs.evaluators", "judge")()
        engine = adrs.Search(run, evaluator, adrs.LocalExecutor(2), sandbox, Silent())  # type: ignore[arg-type]
        await engine.go()

    task = adrs.load_task(folder)
    store = adrs.open_store(place)
    settings = adrs.RunSettings(task=str(folder), trials=1, proposers=("says",), workers=2)
    name = store.create_run(task, settings).name
    run = adrs.Run(name, task, [Says(source)], adrs.Islands(adrs.Direction.MINIMIZE), store)
    asyncio.run(search())
    return store, name, task


def test_a_faster_program_wins_and_the_record_has_the_noise_floor(
    folder: Path, tmp_path: Path
) -> None:
    store, name, task = searched(folder, FASTER, tmp_path / "store")
    with closing(store):
        finding = store.finding(name)
        assert finding is not None
        assert finding.verdict is adrs.Verdict.WINNER, finding.reason
        calibration = store.calibration(name)
        assert calibration is not None
        assert not calibration.deterministic
        assert 0 < calibration.cpu_spread < 1
        assert 0 < calibration.wall_spread < 1
        # The incumbent took turns with the trial, and what it took is recorded as well.
        train = [e for e in store.trial(name, 0).evaluations if e.split is adrs.Split.TRAIN]
        assert len(train) == 2
        best = adrs.summarize(store, name, task)["held_out"]["best"]
        assert best["cpu_s"] == pytest.approx(best["objective"]["value"], rel=0.2)


def test_the_same_program_written_otherwise_is_no_winner(folder: Path, tmp_path: Path) -> None:
    store, name, _ = searched(folder, SAME, tmp_path / "store")
    with closing(store):
        finding = store.finding(name)
        assert finding is None or finding.verdict is adrs.Verdict.NOT_CONFIRMED
