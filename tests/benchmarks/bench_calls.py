"""Policy calls a second on one core, judge and candidate each in a bubblewrap of their own.

    python tests/benchmarks/bench_calls.py

The simulator and the policy are included. One lane means a frame a call; the others wait together.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import adrs
from adrs.plugins import load

LANES = Path(__file__).parent / "lanes"


async def measure() -> dict[str, int]:
    task = adrs.load_task(LANES)
    sandbox: Any = load("adrs.sandboxes", "bubblewrap")()
    evaluator: Any = load("adrs.evaluators", "judge")()
    core = max(os.sched_getaffinity(0))
    bench = await evaluator.open(adrs.Setting(task, sandbox, core=core))
    try:
        evaluation = await bench.measure(task.seed, adrs.Request(adrs.Split.TRAIN))
    finally:
        await bench.close()
    assert evaluation.status is adrs.Status.SCORED, evaluation.reason
    return {s.workload: round(s.metrics["calls_per_s"]) for s in evaluation.samples}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))
