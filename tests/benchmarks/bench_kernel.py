"""How repeatable the kernel evaluator's figures are: one program, and another that is equal.

    python tests/benchmarks/bench_kernel.py

Wants an otherwise idle machine. `spread` is of one program's figures over the repeats, `ratio` of
two programs that took turns; the last is a faster program's ratio to the first.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from statistics import fmean, median, quantiles, stdev
from typing import Any

import adrs
from adrs.plugins import load

MATMUL = Path(__file__).parent / "matmul"
REPEATS = 20
FASTER = b"""
void multiply(const double *restrict a, const double *restrict b, double *restrict c) {
    for (int i = 0; i < 32; i++) {
        double row[32] = {0};
        for (int k = 0; k < 32; k++)
            for (int j = 0; j < 32; j++) row[j] += a[i * 32 + k] * b[k * 32 + j];
        for (int j = 0; j < 32; j++) c[i * 32 + j] = row[j];
    }
}
"""


async def measure() -> dict[str, Any]:
    task = adrs.load_task(MATMUL)
    equal = task.seed.replacing({"kernel.c": task.seed.files["kernel.c"] + b"/* equal */\n"})
    faster = task.seed.replacing({"kernel.c": FASTER})
    sandbox: Any = load("adrs.sandboxes", "bubblewrap")()
    evaluator: Any = load("adrs.evaluators", "kernel")()
    bench = await evaluator.open(adrs.Setting(task, sandbox, core=max(os.sched_getaffinity(0))))
    request = adrs.Request(adrs.Split.TRAIN, repeats=REPEATS, names=("train-0",))
    try:
        found = await bench.side_by_side([task.seed, equal, faster], request)
    finally:
        await bench.close()
    assert all(one.status is adrs.Status.SCORED for one in found), [one.reason for one in found]
    one, other, quick = ([s.metrics["call"] for s in each.samples] for each in found)
    ratios = [b / a for a, b in zip(one, other, strict=True)]
    return {
        "call_us": round(median(one), 3),
        "spread": round(stdev(one) / fmean(one), 4),
        "ratio_of_equals": round(median(ratios), 4),
        "ratio_spread": round(stdev(ratios), 4),
        "ratio_middle_half": [round(one, 4) for one in quantiles(ratios)[::2]],
        "ratio_of_faster": round(median(b / a for a, b in zip(one, quick, strict=True)), 3),
        "seconds_a_measurement": round(sum(e.wall_s for e in found) / (3 * REPEATS), 3),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))
