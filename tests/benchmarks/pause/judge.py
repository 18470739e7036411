"""Asks for one number and sleeps for a second."""

import time

from adrs.judging import Workload


def workloads(split, salt, source=None):
    count = 1 if split == "train" else 8
    return [Workload(f"{split}{salt}{n}", n) for n in range(count)]


async def evaluate(program, workload):
    answer = await program.call("total", 1.0 + workload.data)
    time.sleep(1.0 if "train" in workload.name else 0.0)
    return {"loss": 1.0 + abs(answer)}
