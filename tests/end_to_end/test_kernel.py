"""The task of docs/kernel-evaluator.md, searched."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import adrs
from adrs.plugins import load
from adrs.testing.fakes import Silent

if shutil.which("cc") is None:
    pytest.skip("no C compiler: apt-get install gcc libc6-dev", allow_module_level=True)

PAGE = Path(__file__).parents[2] / "docs/kernel-evaluator.md"
SLIDING = b"""
void moving_average(const float *samples, float *averages) {
    double sum = 0;
    for (int i = 0; i < 32; i++) sum += samples[i];
    for (int i = 32; i < 1024; i++) {
        averages[i - 32] = sum / 32;
        sum += samples[i] - (double)samples[i - 32];
    }
    averages[992] = sum / 32;
}
"""
ROUGH = SLIDING.replace(b"double", b"float").replace(b"i < 32; i++) sum", b"i < 31; i++) sum")


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
        program = adrs.Program({"smooth.c": self._sources.pop(0)})
        return [adrs.Candidate(program, adrs.Lineage(self.name, self.version, (0,)))]

    def observe(self, trial: adrs.Trial) -> None:
        pass


@pytest.fixture
def task(tmp_path: Path) -> adrs.Task:
    for path, block in re.findall(
        r"^`(smooth/\S+)`\n\n```\w+\n(.*?)^```", PAGE.read_text(), re.M | re.S
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block)
    return adrs.load_task(tmp_path / "smooth")


def test_the_example_is_a_task_and_has_room_for_improvement(task: adrs.Task) -> None:
    async def measured() -> list[adrs.Evaluation]:
        sandbox = await adrs.choose_sandbox("auto")
        evaluator: Any = load("adrs.evaluators", "kernel")()
        bench = await evaluator.open(adrs.Setting(task, sandbox, core=0))
        try:
            programs = [task.seed, adrs.Program({"smooth.c": SLIDING})]
            request = adrs.Request(adrs.Split.SMOKE, repeats=4)
            return await bench.side_by_side(programs, request)  # type: ignore[no-any-return]
        finally:
            await bench.close()

    seed, sliding = asyncio.run(measured())
    best = [min(sample.metrics["call"] for sample in one.samples) for one in (seed, sliding)]
    assert best[1] < best[0] / 2
    assert 0 < seed.samples[0].metrics["error"] < 1


@pytest.mark.slow
def test_a_faster_function_wins_and_a_wrong_one_is_refused(task: adrs.Task, tmp_path: Path) -> None:
    async def search() -> None:
        sandbox = await adrs.choose_sandbox("auto")
        evaluator = load("adrs.evaluators", "kernel")()
        executor = adrs.LocalExecutor(2)
        await adrs.Search(run, evaluator, executor, sandbox, Silent()).go()  # type: ignore[arg-type]

    with closing(adrs.open_store(tmp_path / "store")) as store:
        settings = adrs.RunSettings(task=str(task.folder), trials=2, proposers=("says",), workers=2)
        name = store.create_run(task, settings).name
        archive = adrs.Islands(adrs.Direction.MINIMIZE)
        run = adrs.Run(name, task, [Says(ROUGH, SLIDING)], archive, store)
        asyncio.run(search())
        refused = store.trial(name, 1).evaluations[-1]
        assert refused.status is adrs.Status.INVALID
        assert "output 1, element" in refused.reason
        finding = store.finding(name)
        assert finding is not None
        assert finding.verdict is adrs.Verdict.WINNER, finding.reason
        assert store.calibration(name) is not None
