"""What a trial costs beyond its evaluation: trials a second, CPU a trial, growth.

    python tests/benchmarks/bench_overhead.py [--trials 1000] [--workers 2] [--numpy] [--growth]

The task takes 5 ms of CPU; the proposer is instant and never repeats itself. CPU time is that of
all processes: the engine's, and of every child that was waited for, the candidates' included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import adrs
from adrs.archives import Islands
from adrs.plugins import load

EVALUATION_MS = 5.0
SPIN = Path(__file__).parent / "spin"


class Instant:
    """Writes the ordinal into a constant: always new, costs nothing."""

    name = "instant"
    version = "1"
    confined = True
    waits_for = ""

    async def propose(self, context: adrs.Context) -> list[adrs.Candidate]:
        parent = context.selection.parent
        text = parent.program.text("program.py")
        lines = [
            f"STEP = {context.ordinal}.5" if line.startswith("STEP") else line
            for line in text.splitlines()
        ]
        program = parent.program.replacing({"program.py": "\n".join(lines).encode()})
        return [adrs.Candidate(program, adrs.Lineage("instant", "1", (parent.number,)))]

    def observe(self, trial: adrs.Trial) -> None:
        pass


class Laps:
    """Notes CPU and wall time at every told trial."""

    def __init__(self) -> None:
        self.laps: list[tuple[float, float]] = []

    def phase(self, words: str) -> None:
        pass

    def calibrated(self, calibration: adrs.Calibration) -> None:
        pass

    def told(self, trial: adrs.Trial) -> None:
        own = resource.getrusage(resource.RUSAGE_SELF)
        self.laps.append((time.perf_counter(), own.ru_utime + own.ru_stime))


def cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


async def search(trials: int, workers: int, numpy: bool, store_at: str) -> dict[str, Any]:
    task = adrs.load_task(SPIN)
    if numpy:
        from dataclasses import replace

        task = replace(task, environment=adrs.Environment(python=("numpy",)))
        text = b"import numpy\n" + task.seed.files["program.py"]
        task = replace(task, seed=task.seed.replacing({"program.py": text}))
    store = adrs.open_store(store_at)
    settings = adrs.RunSettings(task=str(SPIN), trials=trials, proposers=("tune",), workers=workers)
    info = store.create_run(task, settings)
    laps = Laps()
    sandbox = load("adrs.sandboxes", "bubblewrap")()
    evaluator = load("adrs.evaluators", "judge")()
    with store.claim(info.name):
        run = adrs.Run(
            info.name, task, [Instant()], Islands(task.objective.metric.direction), store
        )
        engine = adrs.Search(run, evaluator, adrs.LocalExecutor(workers), sandbox, laps)
        engine._confirm = _nothing  # type: ignore[method-assign]
        before = cpu_s()
        await engine.go()
        total = cpu_s() - before
    store.close()
    times = laps.laps
    wall = times[-1][0] - times[10][0]
    result = {
        "trials": trials,
        "workers": workers,
        "trials_per_s": round((len(times) - 11) / wall, 1),
        "cpu_ms_per_trial_beyond_evaluation": round(1000 * total / trials - EVALUATION_MS, 2),
        "engine_cpu_ms_per_trial": round(
            1000 * (times[-1][1] - times[10][1]) / (len(times) - 11), 2
        ),
    }
    if trials >= 2000:
        early = (times[700][1] - times[300][1]) / 400
        late = (times[-1][1] - times[-401][1]) / 400
        early_wall = (times[700][0] - times[300][0]) / 400
        late_wall = (times[-1][0] - times[-401][0]) / 400
        result["growth_engine_cpu"] = round(late / early, 2)
        result["growth_wall"] = round(late_wall / early_wall, 2)
    return result


async def _nothing(*_: object) -> None:
    """The verdict is not part of what a trial costs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--numpy", action="store_true", help="the candidate imports numpy")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(
            json.dumps(
                asyncio.run(search(arguments.trials, arguments.workers, arguments.numpy, folder))
            )
        )


if __name__ == "__main__":
    main()
